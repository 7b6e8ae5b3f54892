package ops

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// Contraction is a sum of products of two tensors over any of their axes.
var Contraction = Register(&Operator{
	Name: "contraction",
	Doc: "Sum of products of two tensors. The equation names each axis by a letter, as in einsum: those of a, a comma, those of b, an arrow, those of the result. " +
		"Letters that the result lacks are summed over, in the order in which a has them but the batch first; they must be in both. Operands stay as they lie in " +
		"memory: nothing is transposed.",
	Formula:  "y[out] = Σ a[..] * b[..]",
	Example:  `scores = contraction(query, key, equation="nthd,nshd->nhts")`,
	Category: "tensor",
	Internal: true,
	Args:     []Arg{{Name: "a", Doc: "f32, any shape"}, {Name: "b", Doc: "f32, any shape"}},
	Attrs:    []AttrDef{{Name: "equation", Doc: "the letters of the axes", Kind: ""}},
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		c, err := newContraction(args[0], args[1], a.Str("equation"))
		if err != nil {
			return nil, err
		}
		return []ir.Type{ir.T(ir.F32, c.shape(c.out))}, nil
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		in, out, _ := strings.Cut(a.Str("equation"), "->")
		left, right, _ := strings.Cut(in, ",")
		size := map[byte]int{}
		for i, letters := range []string{left, right} {
			for k := range letters {
				size[letters[k]] = args[i].Shape[k]
			}
		}
		all := out
		for _, letter := range left {
			if !strings.ContainsRune(all, letter) {
				all += string(letter)
			}
		}
		place := func(letters string, ix []int) []int {
			list := make([]int, len(letters))
			for k := range letters {
				list[k] = ix[strings.IndexByte(all, letters[k])]
			}
			return list
		}
		extents := func(letters string) (list []int) {
			for k := range letters {
				list = append(list, size[letters[k]])
			}
			return list
		}
		y := NewTensor(ir.F32, extents(out)...)
		eachIndex(extents(all), func(ix []int) {
			y.Data[y.at(place(out, ix))] += args[0].Data[args[0].at(place(left, ix))] * args[1].Data[args[1].at(place(right, ix))]
		})
		return []*Tensor{y}
	},
	Grad: func(b *Builder, op *ir.Op, grads []*ir.Value) []*ir.Value {
		if grads[0] == nil {
			return make([]*ir.Value, 2)
		}
		c, err := newContraction(op.Args[0].Type, op.Args[1].Type, op.Attrs.Str("equation"))
		if err != nil {
			panic("ops: contraction: " + err.Error())
		}
		part := func(of, other *ir.Value, letters, others string) *ir.Value {
			return b.Must("contraction", of.Name+".grad", []*ir.Value{grads[0], other}, ir.Attr{Name: "equation", Value: c.out + "," + others + "->" + letters})
		}
		return []*ir.Value{part(op.Args[0], op.Args[1], c.left, c.right), part(op.Args[1], op.Args[0], c.right, c.left)}
	},
	Lower: lowerContraction,
	ONNX:  ONNX{Note: "the products of Einsum and of attention"},
	Samples: []Sample{
		{Args: f32Types(ir.NS(3, 2, 5), ir.NS(4, 2, 5)), Attrs: equation("nthd,nshd->nhts")},
		{Args: f32Types(ir.NS(2, 3, 4), ir.NS(4, 2, 5)), Attrs: equation("nhts,nshd->nthd"), Batch: 1},
		{Args: f32Types(ir.NS(3, 2, 3, 4), ir.NS(5, 2, 4)), Attrs: equation("ntgrd,nsgd->ngrts"), Batch: 2},
		{Args: f32Types(ir.NS(3), ir.S(3, 4)), Attrs: equation("ni,io->no")},
		{Args: f32Types(ir.NS(3), ir.NS(4)), Attrs: equation("ni,no->io")},
		{Args: f32Types(ir.NS(3), ir.NS(4)), Attrs: equation("ni,no->nio")},
		{Args: f32Types(ir.S(3), ir.S(3)), Attrs: equation("i,i->")},
		{Args: f32Types(ir.S(2, 3), ir.S(3, 2)), Attrs: equation("ab,ba->a")},
	},
})

func equation(s string) ir.Attrs { return ir.Attrs{{Name: "equation", Value: s}} }

// contraction is an equation taken apart.
type contraction struct {
	left, right, out string
	dim              map[rune]ir.Dim
}

func newContraction(a, b ir.Type, equation string) (contraction, error) {
	c := contraction{dim: map[rune]ir.Dim{}}
	in, out, arrow := strings.Cut(equation, "->")
	left, right, comma := strings.Cut(in, ",")
	c.left, c.right, c.out = left, right, out
	if !arrow || !comma {
		return c, fmt.Errorf("contraction wants an equation of the form ab,bc->ac, not %q", equation)
	}
	for i, letters := range []string{left, right} {
		t := []ir.Type{a, b}[i]
		if err := wantElem("contraction", []string{"a", "b"}[i], t, ir.F32); err != nil {
			return c, err
		}
		if len(letters) != len(t.Shape) {
			return c, fmt.Errorf("contraction %q has %d letters for %s", equation, len(letters), t)
		}
		for k, l := range letters {
			if d, seen := c.dim[l]; seen && d != t.Shape[k] || l < 'a' || l > 'z' || strings.LastIndex(letters, string(l)) != k {
				return c, fmt.Errorf("contraction %q does not fit %s and %s at %q", equation, a, b, l)
			}
			c.dim[l] = t.Shape[k]
		}
	}
	for i, l := range out {
		if d, ok := c.dim[l]; !ok || strings.LastIndex(out, string(l)) != i || i > 0 && !d.Static() {
			return c, fmt.Errorf("contraction %q has a result that is not made of its operands, or a batch that does not lead it", equation)
		}
	}
	for _, l := range left + right {
		if !strings.ContainsRune(out, l) && (!strings.ContainsRune(left, l) || !strings.ContainsRune(right, l)) {
			return c, fmt.Errorf("contraction %q sums over %q, which only one operand has", equation, l)
		}
	}
	if _, ok := c.shape(out).Elems(); !ok {
		return c, fmt.Errorf("contraction %q would give %s, more than the %d elements that a tensor may have", equation, c.shape(out), ir.MaxElems)
	}
	return c, nil
}

func (c contraction) shape(letters string) ir.Shape {
	s := ir.Shape{}
	for _, l := range letters {
		s = append(s, c.dim[l])
	}
	return s
}

// summed are the letters that the result lacks, the batch first.
func (c contraction) summed() string {
	var list []rune
	for _, l := range c.left {
		if !strings.ContainsRune(c.out, l) {
			list = append(list, l)
		}
	}
	slices.SortStableFunc(list, func(a, b rune) int {
		switch x, y := c.dim[a].Static(), c.dim[b].Static(); {
		case x == y:
			return 0
		case y:
			return -1
		}
		return 1
	})
	return string(list)
}

func lowerContraction(l *Lowering, op *ir.Op) {
	c, err := newContraction(op.Args[0].Type, op.Args[1].Type, op.Attrs.Str("equation"))
	if err != nil {
		panic("ops: contraction: " + err.Error())
	}
	red := c.summed()
	all := c.out + red
	axes := func(letters string) (list []loop.Axis) {
		for _, l := range letters {
			list = append(list, loop.Axis{Name: string(l), Extent: c.dim[l]})
		}
		return list
	}
	read := func(v *ir.Value, letters string) *loop.Expr {
		ix := []loop.Affine{}
		for _, l := range letters {
			ix = append(ix, loop.Ax(strings.IndexRune(all, l)))
		}
		return loop.Read(l.Buf(v), ix...)
	}
	n := &loop.Nest{Form: loop.Contract, Axes: axes(c.out), Red: axes(red), Fold: loop.FoldSum,
		Value: loop.E(loop.Mul, read(op.Args[0], c.left), read(op.Args[1], c.right))}
	total := loop.Total(ir.F32)
	if red == "" {
		n.Form, n.Fold, n.Value, total = loop.Map, loop.FoldNone, nil, n.Value
	}
	n.Stores = []loop.Store{storeAt(l.Buf(op.Results[0]), total, plainIndex(len(c.out))...)}
	l.Emit(n)
}
