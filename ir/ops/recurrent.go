package ops

import (
	"fmt"
	"slices"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// A recurrent layer is two operators. The product of the input and its matrix, for all steps at once, is a dense; what cannot run for all
// steps at once is rnn_steps, lstm_steps or gru_steps, a scan in each direction. Their gradient walks the scans from the end and gives the
// gradients of the sums before the gates, from which those of the matrices follow for all steps at once.
//
// What one direction after the other computes stands side by side in the last axis: [N,T,D·H] with D directions.

// recurrence is the geometry of such an operator.
type recurrence struct {
	batch, time  ir.Dim
	dirs, hidden int
	gates        int // blocks of hidden units: 1, 3 or 4
}

// width is the last axis of a tensor with so many blocks of hidden units in each direction.
func (r recurrence) width(blocks int) ir.Dim { return ir.D(r.dirs * blocks * r.hidden) }

// state is the type of a state, [N,D·H].
func (r recurrence) state() ir.Type { return ir.T(ir.F32, ir.Shape{r.batch, r.width(1)}) }

// tape is the type of what is kept of each step, [N,T,D·blocks·H].
func (r recurrence) tape(blocks int) ir.Type {
	return ir.T(ir.F32, ir.Shape{r.batch, r.time, r.width(blocks)})
}

// directions says in which order each direction walks the steps: whether from the last to the first.
func directions(a ir.Attrs) []bool {
	switch a.Str("direction") {
	case "reverse":
		return []bool{true}
	case "bidirectional":
		return []bool{false, true}
	}
	return []bool{false}
}

var directionAttr = AttrDef{Name: "direction", Doc: "in which order the steps are taken; bidirectional gives the results of both side by side",
	Default: "forward", Values: []string{"forward", "reverse", "bidirectional"}}

// givenAttr says which operands there are, where some in the middle are left out.
var givenAttr = AttrDef{Name: "given", Doc: "the numbers of the operands that are given; empty where none is left out but at the end", Default: []int{}}

// recordAttr makes an operator keep what its gradient needs.
var recordAttr = AttrDef{Name: "record", Doc: "whether to give what the gradient needs as further results; set by the gradient", Default: false}

// place puts operands, or what belongs to them, at the numbers that attribute given names, of n.
func place[T any](list []T, a ir.Attrs, n int) []T {
	full := make([]T, n)
	given := a.Ints("given")
	for i, x := range list {
		if len(given) > 0 {
			i = given[i]
		}
		full[i] = x
	}
	return full
}

// compact leaves out operands that are nil. The attribute says which are left.
func compact(args []*ir.Value) ([]*ir.Value, ir.Attr) {
	var list []*ir.Value
	given := []int{}
	for i, v := range args {
		if v != nil {
			list, given = append(list, v), append(given, i)
		}
	}
	if given[len(given)-1] == len(given)-1 {
		given = []int{}
	}
	return list, ir.Attr{Name: "given", Value: given}
}

// wantGiven checks attribute given against the operands.
func wantGiven(kind string, args int, defs []Arg, a ir.Attrs) error {
	given := a.Ints("given")
	if len(given) == 0 {
		return nil
	}
	if len(given) != args || !slices.IsSorted(given) || given[0] < 0 || given[args-1] >= len(defs) || len(slices.Compact(slices.Clone(given))) != args {
		return fmt.Errorf("%s has %d operands, but given=%v", kind, args, given)
	}
	for i, d := range defs {
		if !d.Optional && !slices.Contains(given, i) {
			return fmt.Errorf("%s lacks its operand %s", kind, d.Name)
		}
	}
	return nil
}

// newRecurrence reads the geometry from sums [N,T,D·G·H] and the recurrent matrix [D,H,G·H].
func newRecurrence(kind string, sums, w ir.Type, gates int, a ir.Attrs) (recurrence, error) {
	var r recurrence
	for _, t := range []ir.Type{sums, w} {
		if err := wantElem(kind, "its operands", t, ir.F32); err != nil {
			return r, err
		}
	}
	if len(sums.Shape) != 3 || !sums.Shape[1].Static() || !sums.Shape[2].Static() {
		return r, WithNote("reshape gives each example the form f32[T,features]", "%s needs sequences f32[N,T,features], not %v", kind, sums)
	}
	if len(w.Shape) != 3 || !w.Shape[0].Static() || !w.Shape[1].Static() || w.Shape[2] != ir.D(gates*w.Shape[1].Size) {
		return r, fmt.Errorf("%s needs a recurrent matrix f32[D,H,%d·H], not %v", kind, gates, w)
	}
	r = recurrence{batch: sums.Shape[0], time: sums.Shape[1], dirs: w.Shape[0].Size, hidden: w.Shape[1].Size, gates: gates}
	if r.dirs != len(directions(a)) {
		return r, fmt.Errorf("%s with direction %s has %d directions, but its recurrent matrix %v has %d", kind, a.Str("direction"), len(directions(a)), w, r.dirs)
	}
	if sums.Shape[2] != r.width(gates) {
		return r, fmt.Errorf("%s of %d hidden units needs sums of %v features, not %v", kind, r.hidden, r.width(gates), sums)
	}
	return r, nil
}

// wantTypes checks optional operands: those of which the type is there must be what is wanted.
func wantTypes(kind string, defs []Arg, got []ir.Type, want []ir.Type) error {
	for i, t := range got {
		if t.Elem != ir.Invalid && !t.Equal(want[i]) {
			return WithNote(defs[i].Doc, "%s needs %v for %s, not %v", kind, want[i], defs[i].Name, t)
		}
	}
	return nil
}

// lengthsType is one number of steps for each example.
func (r recurrence) lengthsType() ir.Type { return ir.T(ir.I32, ir.Shape{r.batch}) }

// recorded makes op keep what its gradient needs, and returns all its results.
func (b *Builder) recorded(op *ir.Op) []*ir.Value {
	if op.Attrs.Bool("record") {
		return op.Results
	}
	attrs := slices.Clone(op.Attrs)
	for i := range attrs {
		if attrs[i].Name == "record" {
			attrs[i].Value = true
		}
	}
	types := make([]ir.Type, len(op.Args))
	for i, v := range op.Args {
		types[i] = v.Type
	}
	all, err := Lookup(op.Kind).Infer(types, attrs)
	if err != nil {
		panic("ops: recording " + op.Kind + ": " + err.Error()) // it was accepted without
	}
	op.Attrs = attrs
	b.Func.Extend(op, op.Results[0].Name+".tape", all[len(op.Results):]...)
	return op.Results
}

// The axes of a nest in the body of a scan over time.
var (
	stepAx  = loop.Ax(0)
	batchAx = loop.Ax(1)
	unitAx  = loop.Ax(2)
	innerAx = loop.Ax(3)
)

// cells writes the nests of one direction.
type cells struct {
	recurrence
	l       *Lowering
	dir     int
	lengths *loop.Buffer // nil where all steps count
}

// unit is the index of a hidden unit in a block of the last axis.
func (c cells) unit(blocks, block int, axis loop.Affine) loop.Affine {
	return axis.Plus(0, 0, (c.dir*blocks+block)*c.hidden)
}

// state is an access to a unit of a state [N,D·H].
func (c cells) state(b *loop.Buffer, axis loop.Affine) loop.Access {
	return loop.Access{Buf: b, Index: []loop.Affine{batchAx, c.unit(1, 0, axis)}}
}

// now is an access to a unit of one block of a tensor [N,T,D·blocks·H] in this step.
func (c cells) now(b *loop.Buffer, blocks, block int) loop.Access {
	return loop.Access{Buf: b, Index: []loop.Affine{batchAx, stepAx, c.unit(blocks, block, unitAx)}}
}

// load reads an access.
func load(a loop.Access) *loop.Expr { return loop.Read(a.Buf, a.Index...) }

// where is a store of x, in a step behind an example's end of other.
func (c cells) where(to loop.Access, x, other *loop.Expr) loop.Store {
	if c.lengths != nil {
		live := loop.E(loop.Less, loop.IndexOf(stepAx), loop.Read(c.lengths, batchAx))
		x = loop.E(loop.Select, live, x, other)
	}
	return loop.Store{To: to, Expr: x}
}

// units is a map over the units of a block.
func (c cells) units(name string, stores ...loop.Store) *loop.Nest {
	return &loop.Nest{Form: loop.Map, Name: name, Axes: []loop.Axis{{Name: "n", Extent: c.batch}, axis("unit", c.hidden)}, Stores: stores}
}

// product is a contract over inner, for so many columns.
func (c cells) product(name string, columns, inner int, a, b *loop.Expr, stores ...loop.Store) *loop.Nest {
	return &loop.Nest{Form: loop.Contract, Name: name, Axes: []loop.Axis{{Name: "n", Extent: c.batch}, axis("unit", columns)}, Red: []loop.Axis{axis("inner", inner)},
		Fold: loop.FoldSum, Value: loop.E(loop.Mul, a, b), Stores: stores}
}

// scan emits the nests as the body of a scan over all steps.
func (c cells) scan(reverse bool, body ...*loop.Nest) {
	name := c.l.op.Results[0].Name
	if reverse {
		name += ".reverse"
	}
	for _, n := range body {
		n.Name, n.Lanes, n.Pos, n.Ops = name+"."+n.Name, 1, c.l.op.Pos, []string{c.l.op.Kind}
	}
	c.l.Emit(&loop.Nest{Form: loop.Scan, Name: name, Axes: []loop.Axis{{Name: "t", Extent: c.time}}, Body: body, Reverse: reverse})
}

// start emits the first value of each state: the operand's, or zero.
func (l *Lowering) start(states []*loop.Buffer, from []*ir.Value) {
	s := states[0].Shape
	n := &loop.Nest{Form: loop.Map, Name: states[0].Name + ".start", Axes: axesOf(s)}
	for i, b := range states {
		x := loop.F(0)
		if from[i] != nil {
			x = loop.Read(l.Buf(from[i]), plainIndex(len(s))...)
		}
		n.Stores = append(n.Stores, storeAt(b, x, plainIndex(len(s))...))
	}
	l.Emit(n)
}

// turned emits the transpose of each direction's recurrent matrix [D,H,G·H], so that the backward product reads whole rows.
func (l *Lowering) turned(w *ir.Value) *loop.Buffer {
	s := w.Type.Shape
	b := l.Temp("turned", ir.T(ir.F32, ir.Shape{s[0], s[2], s[1]}))
	axes := axesOf(b.Shape)
	l.Emit(&loop.Nest{Form: loop.Copy, Name: b.Name, Axes: axes,
		Stores: []loop.Store{storeAt(b, loop.Read(l.Buf(w), loop.Ax(0), loop.Ax(2), loop.Ax(1)), plainIndex(3)...)}})
	return b
}

// optional is the buffer of a value that may be missing.
func (l *Lowering) optional(v *ir.Value) *loop.Buffer {
	if v == nil {
		return nil
	}
	return l.Buf(v)
}

// sigmoidSlope is s·(1-s), the derivative of the sigmoid whose value is s.
func sigmoidSlope(s *loop.Expr) *loop.Expr {
	return loop.E(loop.Mul, s, loop.E(loop.Sub, loop.F(1), s))
}

// tanhSlope is 1-y², the derivative of the hyperbolic tangent whose value is y.
func tanhSlope(y *loop.Expr) *loop.Expr { return loop.E(loop.Sub, loop.F(1), loop.E(loop.Mul, y, y)) }
