package ops

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// Einsum is a sum of products in Einstein's notation.
var Einsum = Register(&Operator{
	Name: "einsum",
	Doc: "A sum of products in Einstein's notation: a letter names an axis, axes of one letter run together, and letters that the result lacks are summed over. A letter twice in one operand is its diagonal, " +
		"... stands for any axes, which broadcast. Without -> the result has the letters that occur once, by alphabet. The batch may lead the result or be summed over. " +
		"Two operands are one loop nest, each element one chain of fused multiply-adds; more are taken in pairs, those first that give the smallest product.",
	Formula:  "ij,jk->ik: y[i, k] = Σ_j a[i, j] * b[j, k]",
	Example:  "scores = einsum(query, key, equation=\"nqd,nkd->nqk\")",
	Category: "tensor",
	Args:     []Arg{{Name: "x", Doc: "f32, an axis for each letter", Variadic: true}},
	Attrs:    []AttrDef{{Name: "equation", Doc: "the letters of each operand, between commas, and behind -> those of the result", Kind: ""}},
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		q, err := parseEquation(a.Str("equation"), args)
		if err != nil {
			return nil, err
		}
		if !q.direct() {
			return nil, fmt.Errorf("einsum with %q stands for other operators", a.Str("equation"))
		}
		return []ir.Type{ir.T(ir.F32, q.shape(q.out))}, nil
	},
	Expand: func(b *Builder, args []*ir.Value, a ir.Attrs) ([]*ir.Value, error) {
		types := make([]ir.Type, len(args))
		for i, x := range args {
			types[i] = x.Type
		}
		q, err := parseEquation(a.Str("equation"), types)
		if err != nil {
			return nil, err
		}
		if q.direct() {
			if a.Str("equation") == q.text() {
				return nil, nil
			}
			return []*ir.Value{b.product(args, q)}, nil
		}
		return []*ir.Value{b.contract(slices.Clone(args), q)}, nil
	},
	Eval: evalEinsum,
	Grad: func(b *Builder, op *ir.Op, grads []*ir.Value) []*ir.Value {
		if grads[0] == nil {
			return make([]*ir.Value, 2)
		}
		q := mustEquation(op)
		var list []*ir.Value
		for i, x := range op.Args {
			own := unique(q.in[i])
			g := b.product([]*ir.Value{grads[0], op.Args[1-i]}, q.with([]string{q.out, q.in[1-i]}, own))
			// What the operand holds on a diagonal only goes back there.
			for at := range q.in[i] {
				if first := strings.IndexByte(q.in[i], q.in[i][at]); first < at {
					g = b.Must("diag_embed", x.Name, []*ir.Value{g}, ir.Attr{Name: "axis", Value: first}, ir.Attr{Name: "at", Value: at})
				}
			}
			list = append(list, sumTo(b, g, x.Type))
		}
		return list
	},
	Lower: func(l *Lowering, op *ir.Op) {
		q, y := mustEquation(op), l.Buf(op.Results[0])
		n := &loop.Nest{Form: loop.Contract, Fold: loop.FoldSum}
		axis := map[byte]int{}
		add := func(list *[]loop.Axis, letter byte) {
			axis[letter] = len(axis)
			*list = append(*list, loop.Axis{Name: string(letter), Extent: q.extent[letter]})
		}
		for i := range len(q.out) {
			add(&n.Axes, q.out[i])
		}
		for _, letter := range q.summed() {
			add(&n.Red, letter)
		}
		read := func(i int) *loop.Expr {
			x := l.Buf(op.Args[i])
			ix := make([]loop.Affine, len(x.Shape))
			for d := range ix {
				if letter := q.in[i][d]; x.Shape[d] == q.extent[letter] {
					ix[d] = loop.Ax(axis[letter])
				}
			}
			return loop.Read(x, ix...)
		}
		n.Value = loop.E(loop.Mul, read(0), read(1))
		total := loop.Total(ir.F32)
		if len(n.Red) == 0 {
			n.Form, n.Fold, n.Value, total = loop.Map, loop.FoldNone, nil, n.Value
		}
		n.Stores = []loop.Store{storeAt(y, total, plainIndex(len(y.Shape))...)}
		l.Emit(n)
	},
	ONNX: ONNX{Name: "Einsum", Min: 12, Max: 25, Attrs: map[string]string{"equation": "equation"}},
	Samples: []Sample{
		einsumSample("ij,jk->ik", 0, ir.S(3, 4), ir.S(4, 5)),
		einsumSample("nqd,nkd->nqk", 2, ir.NS(3, 4), ir.NS(5, 4)),
		einsumSample("nhqd , nhkd -> nhqk", 1, ir.NS(2, 3, 4), ir.NS(2, 5, 4)),
		einsumSample("ni,nj", 2, ir.NS(3), ir.NS(2)),
		einsumSample("ni,nj->ij", 3, ir.NS(3), ir.NS(9)),
		einsumSample("ni,ni->n", 3, ir.NS(9), ir.NS(9)),
		einsumSample("ni,ni->", 3, ir.NS(3), ir.NS(3)),
		einsumSample("nthd,nshd->nhts", 3, ir.NS(3, 2, 5), ir.NS(4, 2, 5)),
		einsumSample("nhts,nshd->nthd", 1, ir.NS(2, 3, 4), ir.NS(4, 2, 5)),
		einsumSample("ntgrd,nsgd->ngrts", 2, ir.NS(3, 2, 3, 4), ir.NS(5, 2, 4)),
		einsumSample("ni,io->no", 3, ir.NS(3), ir.S(3, 4)),
		einsumSample("ni,no->nio", 3, ir.NS(3), ir.NS(4)),
		einsumSample("ab,ba->a", 0, ir.S(2, 3), ir.S(3, 2)),
		einsumSample("ij,kl->il", 0, ir.S(2, 3), ir.S(4, 5)),
		einsumSample("ii,ij->ij", 0, ir.S(3, 3), ir.S(3, 2)),
		einsumSample("nii,nji->ni", 2, ir.NS(3, 3), ir.NS(2, 3)),
		einsumSample("...ij,...jk->...ik", 2, ir.NS(2, 3, 4), ir.S(4, 5)),
		einsumSample("...ij,...jk", 2, ir.NS(1, 3, 4), ir.NS(2, 4, 2)),
		einsumSample("n...,n...->...n", 0, ir.S(3, 2), ir.S(3, 2)),
		einsumSample("nij->nji", 2, ir.NS(2, 3)),
		einsumSample("n...->n", 2, ir.NS(2, 3)),
		einsumSample("ii->i", 0, ir.S(4, 4)),
		einsumSample("ii", 0, ir.S(4, 4)),
		einsumSample("niji->jn", 0, ir.S(1, 3, 2, 3)),
		einsumSample("...ii->...i", 1, ir.NS(2, 3, 3)),
		einsumSample("nij,jk,kl->nil", 2, ir.NS(2, 3), ir.S(3, 4), ir.S(4, 2)),
		einsumSample("i,j,k->kji", 0, ir.S(2), ir.S(3), ir.S(4)),
		einsumSample("nab,nbc,ncd,nd->na", 1, ir.NS(2, 3), ir.NS(3, 2), ir.NS(2, 4), ir.NS(4)),
		einsumSample("i,i->i", 0, ir.S(1), ir.S(5)),
		einsumSample(",i->i", 0, nil, ir.S(3)),
		einsumSample("i->", 0, ir.S(17)),
	},
})

func einsumSample(equation string, batch int, shapes ...ir.Shape) Sample {
	return Sample{Args: f32Types(shapes...), Attrs: ir.Attrs{{Name: "equation", Value: equation}}, Batch: batch}
}

// product appends the einsum of two operands of an equation that needs no other operators.
func (b *Builder) product(args []*ir.Value, q notation) *ir.Value {
	return b.Must("einsum", "einsum", args, ir.Attr{Name: "equation", Value: q.text()})
}

// contract computes an equation by operators that need no expansion, consuming args.
func (b *Builder) contract(args []*ir.Value, q notation) *ir.Value {
	// Letters that one operand alone has, and the result lacks, are summed over at once.
	for i := range args {
		args[i], q.in[i] = b.settle(args[i], q.in[i], func(letter byte) bool {
			return !strings.Contains(q.out, string(letter)) && q.holders(letter) == 1
		}, len(args) == 1)
	}
	for len(args) > 2 {
		i, j := q.cheapest()
		rest := q.without(i, j)
		pair := q.with([]string{q.in[i], q.in[j]}, q.needed(i, j))
		v := b.product([]*ir.Value{args[i], args[j]}, pair)
		args = append(slices.Delete(slices.Delete(args, j, j+1), i, i+1), v)
		q = q.with(append(rest, pair.out), q.out)
	}
	if len(args) == 2 {
		return b.product(args, q)
	}
	perm := make([]int, len(q.out))
	for i := range perm {
		perm[i] = strings.IndexByte(q.in[0], q.out[i])
	}
	if slices.IsSorted(perm) {
		return args[0]
	}
	return b.Must("transpose", "einsum", args, ir.Attr{Name: "perm", Value: perm})
}

// settle sums x over the letters that gone names, and takes the diagonal of letters that it has twice, where one of those is among the gone
// or always is set.
func (b *Builder) settle(x *ir.Value, letters string, gone func(byte) bool, always bool) (*ir.Value, string) {
	if !always && !slices.ContainsFunc([]byte(letters), gone) {
		return x, letters
	}
	for at := 0; at < len(letters); at++ {
		if first := strings.IndexByte(letters, letters[at]); first < at {
			x = b.Must("diagonal", "diagonal", []*ir.Value{x}, ir.Attr{Name: "axis", Value: first}, ir.Attr{Name: "other", Value: at})
			letters = letters[:at] + letters[at+1:]
			at--
		}
	}
	var axes []int
	kept := ""
	for i := range len(letters) {
		if gone(letters[i]) {
			axes = append(axes, i)
		} else {
			kept += letters[i : i+1]
		}
	}
	if axes == nil {
		return x, letters
	}
	return b.Must("reduce_sum", "einsum", []*ir.Value{x}, ir.Attr{Name: "axes", Value: axes}), kept
}
