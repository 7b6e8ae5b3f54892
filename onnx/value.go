package onnx

import (
	"fmt"
	"go/token"
	"slices"
	"strings"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/ops"
)

// value is one value of an ONNX graph. Values that are computed hold their elements in the order of ONNX (v), with channels last (last), or
// both: images travel with channels last, and are turned only where an operator needs the other order.
type value struct {
	t       DataType
	v, last *ir.Value
	// behind and perm, where v and last are nil, are a value with the batch in front whose axes in the order of perm are the ones of this: the batch
	// cannot move, so only operators that look for it there take such a value.
	behind *ir.Value
	perm   []int
	c      *constant
	seq    []*value // the elements of a sequence
	isSeq  bool
	some   *extent          // where set, how much of it there is: see rows_bounded.go
	none   bool             // an optional without a value
	broken bool             // made by a node that cannot be imported
	known  func() *constant // where set, computes the elements: see keep.go
}

// shape is the shape in the order of ONNX.
func (x *value) shape() ir.Shape {
	switch {
	case x.c != nil:
		return ir.S(x.c.shape...)
	case x.v != nil:
		return x.v.Type.Shape
	case x.behind != nil:
		s := make(ir.Shape, len(x.perm))
		for i, p := range x.perm {
			s[i] = x.behind.Type.Shape[p]
		}
		return s
	}
	s := x.last.Type.Shape
	n := len(s)
	first := ir.Shape{s[0], s[n-1]}
	return append(first, s[1:n-1]...)
}

// turned reports whether x is there with its channels last only.
func (x *value) turned() bool { return x.c == nil && x.v == nil && x.last != nil }

// elem is the element type in the program.
func (x *value) elem() ir.DType { return elemOfType[x.t] }

// toLast is the order of axes that puts the second one last, and toFirst its inverse.
func toLast(rank int) []int {
	perm := []int{0}
	for i := 2; i < rank; i++ {
		perm = append(perm, i)
	}
	return append(perm, 1)
}

func toFirst(rank int) []int {
	perm := []int{0, rank - 1}
	for i := 1; i < rank-1; i++ {
		perm = append(perm, i)
	}
	return perm
}

// sink is a function being built, with the constants that it has already.
type sink struct {
	b     *ops.Builder
	known map[*constant]*ir.Value
	// given, where set, says that the function is only there to be evaluated: constants are its inputs.
	given map[*ir.Value]*ops.Tensor
}

// plain is the value in the order of ONNX.
func (im *importer) plain(x *value) *ir.Value {
	switch {
	case x.c != nil:
		return im.materialize(x.c)
	case x.behind != nil:
		refuse("the batch would not be the first axis: %v", x.shape())
	case x.v == nil:
		x.v = im.must("transpose", x.last.Name, []*ir.Value{x.last}, ir.Attr{Name: "perm", Value: toFirst(len(x.last.Type.Shape))})
	}
	return x.v
}

// channelsLast is the value with its second axis last.
func (im *importer) channelsLast(x *value) *ir.Value {
	rank := len(x.shape())
	switch {
	case rank <= 2:
		return im.plain(x)
	case x.c != nil:
		return im.materialize(im.permuted(x.c, toLast(rank)))
	case x.behind != nil:
		refuse("the batch would not be the first axis: %v", x.shape())
	case x.last == nil:
		x.last = im.must("transpose", x.v.Name, []*ir.Value{x.v}, ir.Attr{Name: "perm", Value: toLast(rank)})
	}
	return x.last
}

// must appends an operator with one result, and refuses the node where it is refused.
func (im *importer) must(kind, name string, args []*ir.Value, attrs ...ir.Attr) *ir.Value {
	return im.results(kind, name, args, attrs...)[0]
}

func (im *importer) results(kind, name string, args []*ir.Value, attrs ...ir.Attr) []*ir.Value {
	list, err := im.sink.b.Ops(kind, name, slices.Clone(args), attrs...)
	if err != nil {
		panic(refusal{err})
	}
	if im.sink.given == nil {
		im.result.steps = append(im.result.steps, step{kind, args, attrs, list})
	}
	return list
}

// literalMax is how many elements of a float constant stand in the program; larger ones are weights.
const literalMax = 16

// materialize makes a value of a constant: a parameter or a literal.
func (im *importer) materialize(c *constant) *ir.Value {
	if v := im.sink.known[c]; v != nil {
		return v
	}
	v := im.newConstant(c)
	im.sink.known[c] = v
	return v
}

func (im *importer) newConstant(c *constant) *ir.Value {
	if c.elems() == 0 {
		refuse("a tensor without elements, %v%v, is not supported", c.t, c.shape)
	}
	if im.sink.given != nil {
		v := im.sink.b.Func.Input("c", c.typ(), im.sink.b.Pos)
		im.sink.given[v] = c.tensor()
		return v
	}
	elem := elemOfType[c.t]
	hold := elem
	if elem.Float() {
		hold = ir.F32
	}
	var v *ir.Value
	if elem.Float() && len(c.shape) > 0 && (c.weight || c.kept || c.elems() > literalMax && !c.fill) {
		v = im.parameter(c)
	} else {
		data := c.data
		if c.packed != nil {
			if err := im.take(c.elems()); err != nil {
				panic(refusal{err})
			}
			data = c.all()
		}
		v = im.must("literal", clean(c.name, "c"), nil, ir.Attr{Name: "data", Value: data}, ir.Attr{Name: "shape", Value: c.shape}, ir.Attr{Name: "elem", Value: hold.String()})
	}
	if hold != elem {
		v = im.must("cast", v.Name, []*ir.Value{v}, ir.Attr{Name: "to", Value: elem.String()})
	}
	return v
}

// parameter makes a parameter that starts as c.
func (im *importer) parameter(c *constant) *ir.Value {
	m := im.sink.b.Module
	name := im.unique(clean(c.name, "constant"))
	p := &ir.Param{Name: name, Type: ir.T(ir.F32, ir.S(c.shape...)), Init: ir.Init{Kind: "zeros"}, Trainable: c.weight && !c.kept}
	m.Params = append(m.Params, p)
	if err := im.unfold(c.elems()); err != nil {
		panic(refusal{err})
	}
	im.weights[name] = Weight{c}
	return im.sink.b.Func.ParamValue(p)
}

// unique is a name for an input, output or parameter that none has yet.
func (im *importer) unique(base string) string {
	name := base
	for i := 2; im.names[folded(name)]; i++ {
		name = base + "_" + itoa(i)
	}
	im.names[folded(name)] = true
	return name
}

// folded is a name as Go's names of inputs and outputs are told apart.
func folded(name string) string { return strings.ToLower(strings.ReplaceAll(name, "_", "")) }

// clean makes an identifier of a name of the file, or takes another where nothing is left.
func clean(name, missing string) string {
	var b strings.Builder
	for _, r := range name {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		switch digit := r >= '0' && r <= '9'; {
		case digit && b.Len() == 0:
			b.WriteString("n" + string(r))
		case letter || digit:
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "_"):
			b.WriteByte('_')
		}
	}
	s := strings.TrimSuffix(b.String(), "_")
	if s == "" {
		s = missing
	}
	return identifier(s)
}

// identifier is a name that is no word of Go or of the language.
func identifier(s string) string {
	if token.IsKeyword(s) || slices.Contains(words, s) {
		return s + "_"
	}
	return s
}

// words are those of the language that cannot be names.
var words = []string{"model", "input", "target", "param", "buffer", "const", "block", "output", "train", "compress", "true", "false"}

// permuted is c with its axes in another order, the same one for the same question.
func (im *importer) permuted(c *constant, perm []int) *constant {
	key := permutation{c, fmt.Sprint(perm)}
	if r := im.turned[key]; r != nil {
		return r
	}
	r := c.permuted(perm)
	im.turned[key] = r
	return r
}

// permutation is a constant in another order of its axes.
type permutation struct {
	c    *constant
	perm string
}
