package onnx

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/dlc-ml/dlc/ir"
)

// refusal is why a node cannot be imported. It is thrown by what rows call, and caught where a node is imported.
type refusal struct{ err error }

func refuse(format string, args ...any) { panic(refusal{fmt.Errorf(format, args...)}) }

// demand is a value that must be known when the model is imported, but is computed.
type demand struct {
	what  string
	value string // its name in the graph
}

func (d *demand) Error() string {
	return fmt.Sprintf("%s must be known when the model is compiled, but %s is computed or given at run time", d.what, d.value)
}

func itoa(n int) string { return strconv.Itoa(n) }

// call is one node being imported, and what a row asks about it.
type call struct {
	im    *importer
	node  *Node
	scope *scope
	opset int64
	in    []*value // nil where one is left out
	attrs map[string]*Attribute
	used  map[string]bool
}

// has reports whether operand i is given.
func (n *call) has(i int) bool { return i < len(n.in) && n.in[i] != nil }

// wants reports whether result i is asked for.
func (n *call) wants(i int) bool { return i < len(n.node.Outputs) && n.node.Outputs[i] != "" }

// x is operand i.
func (n *call) x(i int) *value {
	if !n.has(i) {
		refuse("operand %d is missing", i)
	}
	if x := n.in[i]; x.isSeq || x.none {
		refuse("operand %d is a sequence or an optional without a value", i)
	}
	return n.in[i]
}

// v is operand i in the program.
func (n *call) v(i int) *ir.Value { return n.im.plain(n.x(i)) }

// known is operand i, which must be a constant.
func (n *call) known(i int, what string) *constant {
	x := n.x(i)
	if x.c == nil {
		panic(refusal{&demand{what, n.node.Inputs[i]}})
	}
	return x.c
}

// ints is operand i, which must be known, as whole numbers.
func (n *call) ints(i int, what string) []int { return n.known(i, what).ints() }

// one is operand i, which must be known, as one number.
func (n *call) one(i int, what string) float64 {
	c := n.known(i, what)
	if c.elems() != 1 {
		refuse("%s must be one number, not %v", what, c.shape)
	}
	return c.all()[0]
}

// rank is the number of axes of operand i.
func (n *call) rank(i int) int { return len(n.x(i).shape()) }

// dims are the extents of operand i, with 1 for the batch: operators see one example.
func (n *call) dims(i int) []int {
	var list []int
	for _, d := range n.x(i).shape() {
		if !d.Static() && d != ir.Batch {
			refuse("the extents %v of operand %d depend on the batch", n.x(i).shape(), i)
		}
		list = append(list, d.Size)
	}
	return list
}

// attr returns an attribute, or nil.
func (n *call) attr(name string) *Attribute {
	n.used[name] = true
	return n.attrs[name]
}

func (n *call) int(name string, missing int) int {
	if a := n.attr(name); a != nil {
		return saturated(a.I)
	}
	return missing
}

func saturated(x int64) int { return int(max(math.MinInt32, min(math.MaxInt32, x))) }

func (n *call) bool(name string, missing bool) bool {
	if a := n.attr(name); a != nil {
		return a.I != 0
	}
	return missing
}

func (n *call) float(name string, missing float64) float64 {
	if a := n.attr(name); a != nil {
		return float64(a.F)
	}
	return missing
}

func (n *call) str(name, missing string) string {
	if a := n.attr(name); a != nil {
		return a.S
	}
	return missing
}

// list is an attribute of whole numbers, nil where it is left out.
func (n *call) list(name string) []int {
	a := n.attr(name)
	if a == nil {
		return nil
	}
	list := make([]int, len(a.Ints))
	for i, x := range a.Ints {
		list[i] = saturated(x)
	}
	return list
}

// axis brings an axis of a tensor of the given rank to 0 … rank-1.
func axis(a, rank int) int {
	if a < -rank || a >= rank {
		refuse("there is no axis %d in a tensor of %d axes", a, rank)
	}
	if a < 0 {
		a += rank
	}
	return a
}

// axesFrom are the axes that an attribute gives, or an operand in newer opsets, in 0 … rank-1; ok is false where neither is given.
func (n *call) axesFrom(i int, rank int) (list []int, ok bool) {
	switch {
	case n.has(i):
		list, ok = n.ints(i, "axes"), true
	case n.attr("axes") != nil:
		list, ok = n.list("axes"), true
	}
	for k, a := range list {
		list[k] = axis(a, rank)
	}
	return list, ok
}

// op appends an operator with one result.
func (n *call) op(kind string, args []*ir.Value, attrs ...ir.Attr) *ir.Value {
	return n.im.must(kind, n.name(), args, attrs...)
}

// apply is op without attributes.
func (n *call) apply(kind string, args ...*ir.Value) *ir.Value { return n.op(kind, args) }

// name is what the results of the node are called.
func (n *call) name() string {
	for _, o := range n.node.Outputs {
		if o != "" {
			return short(o)
		}
	}
	return "v"
}

// short is the name in a program of what a node makes.
func short(output string) string {
	return clean(strings.TrimSuffix(output, "_output_0"), "v") // as PyTorch's exporter calls first results
}

func at1(name string, value any) ir.Attr { return ir.Attr{Name: name, Value: value} }

// cast is v with another element type.
func (n *call) cast(v *ir.Value, to ir.DType) *ir.Value {
	if v.Type.Elem == to {
		return v
	}
	return n.op("cast", []*ir.Value{v}, at1("to", to.String()))
}

// scalar is a number of an element type.
func (n *call) scalar(elem ir.DType, x float64) *ir.Value {
	return n.im.materialize(&constant{t: typeOfElem[elem], data: []float64{x}})
}

// reshape gives v fixed extents. A batch stays in front, where dims has 1 for it.
func (n *call) reshape(v *ir.Value, dims ...int) *ir.Value {
	if !hasBatch(v) {
		return n.op("reshape", []*ir.Value{v}, at1("shape", dims), at1("keep", 0))
	}
	if len(dims) == 0 || dims[0] != 1 {
		refuse("reshaping %v to %v would mix the examples of a batch", v.Type.Shape, dims)
	}
	return n.op("reshape", []*ir.Value{v}, at1("shape", dims[1:]), at1("keep", 1))
}

// hasBatch reports whether the first axis of v is the batch.
func hasBatch(v *ir.Value) bool { return len(v.Type.Shape) > 0 && !v.Type.Shape[0].Static() }

// rows is v with a row for each example: one that has no batch, but an extent of 1 in its place, is repeated. Where the batch is
// is seen by any input.
func (im *importer) rows(v *ir.Value) *ir.Value {
	if hasBatch(v) {
		return v
	}
	f := im.sink.b.Func
	if len(v.Type.Shape) == 0 || v.Type.Shape[0] != ir.D(1) || len(f.Inputs) == 0 {
		refuse("%v has no row for each example", v.Type)
	}
	x := f.Inputs[0]
	rank := len(x.Type.Shape)
	for i := 1; i < rank; i++ {
		x = im.must("slice", "row", []*ir.Value{x}, at1("starts", []int{0}), at1("ends", []int{1}), at1("axes", []int{i}))
	}
	ones := slices.Repeat([]int{1}, len(v.Type.Shape)-1)
	x = im.must("reshape", "row", []*ir.Value{x}, at1("shape", ones), at1("keep", 1))
	zero := im.materialize(&constant{t: typeOfElem[x.Type.Elem], data: []float64{0}})
	return im.must("where", v.Name, []*ir.Value{im.must("equal", "row", []*ir.Value{x, zero}), v, v})
}

// transpose puts the axes of v in another order.
func (n *call) transpose(v *ir.Value, perm ...int) *ir.Value {
	if hasBatch(v) && perm[0] > 0 {
		return n.exchanged(v, perm)
	}
	return n.op("transpose", []*ir.Value{v}, at1("perm", perm))
}

// exchanged puts the axes of v in another order in which one of extent 1 comes first. For each example the first axis has extent 1 too, so that the
// batch can stay in front.
func (n *call) exchanged(v *ir.Value, perm []int) *ir.Value {
	s := v.Type.Shape
	if s[perm[0]] != ir.D(1) {
		refuse("the batch of %v would not be the first axis", s)
	}
	var inner, order, to []int
	for _, d := range s[1:] {
		inner = append(inner, d.Size)
	}
	order = append(order, 0)
	for _, p := range perm {
		order = append(order, p+1)
	}
	for _, p := range perm[1:] {
		to = append(to, append([]int{1}, inner...)[p])
	}
	v = n.op("reshape", []*ir.Value{v}, at1("shape", append([]int{1}, inner...)), at1("keep", 1))
	v = n.op("transpose", []*ir.Value{v}, at1("perm", order))
	return n.op("reshape", []*ir.Value{v}, at1("shape", to), at1("keep", 1))
}

// results wraps values of the program, of the natural types of their elements or, where an operand has another type with the same
// elements, of that.
func (n *call) results(list ...*ir.Value) []*value {
	values := make([]*value, len(list))
	for i, v := range list {
		if v != nil {
			values[i] = &value{t: n.typeFor(v.Type.Elem), v: v}
		}
	}
	return values
}

// typeFor is the ONNX type of a result.
func (n *call) typeFor(e ir.DType) DataType {
	for _, x := range n.in {
		if x != nil && !x.isSeq && !x.none && x.elem() == e {
			return x.t
		}
	}
	return typeOfElem[e]
}

// lasts wraps values whose channels are last.
func (n *call) lasts(list ...*ir.Value) []*value {
	values := n.results(list...)
	for _, x := range values {
		if x != nil && len(x.v.Type.Shape) > 2 {
			x.last, x.v = x.v, nil
		}
	}
	return values
}

// typed wraps one value of the given type.
func typed(t DataType, v *ir.Value) []*value { return []*value{{t: t, v: v}} }
