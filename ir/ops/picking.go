package ops

import (
	"fmt"
	"slices"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// everyElem are all element types: what is moved but not computed with.
var everyElem = []ir.DType{ir.F32, ir.I32, ir.I64, ir.U8, ir.I8, ir.Bool, ir.F16, ir.BF16}

// indexNote is said of every operator that takes indices.
const indexNote = "Negative indices count from the end; one that is out of range even so is moved to the nearest that is not."

// indexArg is the operand of indices.
var indexArg = Arg{Name: "indices", Doc: "i32 or i64"}

// picking says which element of one tensor, the source, belongs to each point of another: a gather reads it, a scatter writes it.
type picking struct {
	points ir.Shape // one axis each
	// from is the axis of the points, or -1, that each dimension of the source follows; a dimension of -1 has an index that was computed,
	// pick[d] of the indices' elements at this point.
	from []int
	pick []indexPlace
}

// indexPlace is where an index stands in the tensor of indices: an axis of the points for each dimension, or, where that is -1, place last.
type indexPlace struct {
	axes []int
	last int
}

// wantIndices checks the operand of indices.
func wantIndices(op string, t ir.Type) error { return wantElem(op, "indices", t, ir.I32, ir.I64) }

// fixedAxis checks that indices can run along axis d of a tensor.
func fixedAxis(op string, t ir.Type, d int) error {
	if !t.Shape[d].Static() {
		return WithNote("name an axis behind the batch; with batch_dims=1 each example picks by its own indices",
			"%s cannot pick along axis %d of %s, whose extent %s is known only at run time", op, d, t, t.Shape[d])
	}
	return nil
}

// checkPoints checks the shape that a gather gives.
func checkPoints(op string, p picking) error {
	for i, d := range p.points {
		if i > 0 && !d.Static() {
			return WithNote("where both operands have a batch, batch_dims=1 joins the two",
				"%s would give %s: the batch may only be the first axis", op, p.points)
		}
	}
	if _, ok := p.points.Elems(); !ok {
		return fmt.Errorf("%s would give %s: more than %d elements, or two batches", op, p.points, ir.MaxElems)
	}
	return nil
}

// leadingAxes checks that two operands agree in their first n axes.
func leadingAxes(op string, n, most int, x, idx ir.Type) error {
	if n < 0 || n > most {
		return fmt.Errorf("%s cannot have batch_dims=%d for %s and indices %s: from 0 to %d is possible", op, n, x, idx, max(most, 0))
	}
	if !idx.Shape[:n].Equal(x.Shape[:n]) {
		return fmt.Errorf("%s with batch_dims=%d wants the same first axes in %s and in its indices %s", op, n, x, idx)
	}
	return nil
}

// pickSlices is the picking of gather: indices take the place of one axis.
func pickSlices(op string, x, idx ir.Type, a ir.Attrs) (picking, error) {
	axis, err := plainAxis(op, a.Int("axis"), x.Shape)
	if err != nil {
		return picking{}, err
	}
	b := a.Int("batch_dims")
	if err := leadingAxes(op, b, min(axis, len(idx.Shape)), x, idx); err != nil {
		return picking{}, err
	}
	if err := fixedAxis(op, x, axis); err != nil {
		return picking{}, err
	}
	p := picking{points: slices.Concat(x.Shape[:axis], idx.Shape[b:], x.Shape[axis+1:]), pick: make([]indexPlace, len(x.Shape))}
	for d := range x.Shape {
		switch {
		case d < axis:
			p.from = append(p.from, d)
		case d == axis:
			p.from = append(p.from, -1)
		default:
			p.from = append(p.from, d-1+len(idx.Shape)-b)
		}
	}
	for i := range idx.Shape {
		if i >= b {
			i += axis - b
		}
		p.pick[axis].axes = append(p.pick[axis].axes, i)
	}
	return p, checkPoints(op, p)
}

// pickElements is the picking of gather_elements: the indices have a number for each element.
func pickElements(op string, x, idx ir.Type, a ir.Attrs) (picking, error) {
	axis, err := plainAxis(op, a.Int("axis"), x.Shape)
	if err != nil {
		return picking{}, err
	}
	if len(idx.Shape) != len(x.Shape) {
		return picking{}, fmt.Errorf("%s wants indices of as many axes as %s, not %s", op, x, idx)
	}
	if err := fixedAxis(op, x, axis); err != nil {
		return picking{}, err
	}
	p := picking{points: idx.Shape, pick: make([]indexPlace, len(x.Shape))}
	for d, e := range idx.Shape {
		if s := x.Shape[d]; d != axis && (e.Sym != s.Sym || e.Size > s.Size || !e.Static() && e != s) {
			return picking{}, WithNote("only the axis along which it picks may be longer than the operand's",
				"%s along axis %d has indices %s, which do not fit %s in axis %d", op, axis, idx, x, d)
		}
		p.from = append(p.from, d)
		p.pick[axis].axes = append(p.pick[axis].axes, d)
	}
	p.from[axis] = -1
	return p, checkPoints(op, p)
}

// pickND is the picking of gather_nd: the last axis of the indices holds the first numbers of an index.
func pickND(op string, x, idx ir.Type, a ir.Attrs) (picking, error) {
	q := len(idx.Shape) - 1
	if q < 0 || !idx.Shape[q].Static() {
		return picking{}, fmt.Errorf("%s wants indices whose last axis holds the numbers of one index, not %s", op, idx)
	}
	b, k := a.Int("batch_dims"), idx.Shape[q].Size
	if err := leadingAxes(op, b, min(q, len(x.Shape)), x, idx); err != nil {
		return picking{}, err
	}
	if b+k > len(x.Shape) {
		return picking{}, fmt.Errorf("%s: an index of %d numbers behind %d axes is too long for %s", op, k, b, x)
	}
	p := picking{points: slices.Concat(idx.Shape[:q], x.Shape[b+k:]), pick: make([]indexPlace, len(x.Shape))}
	for d := range x.Shape {
		switch {
		case d < b:
			p.from = append(p.from, d)
		case d >= b+k:
			p.from = append(p.from, q+d-b-k)
		default:
			if err := fixedAxis(op, x, d); err != nil {
				return picking{}, err
			}
			p.from = append(p.from, -1)
			at := indexPlace{last: d - b}
			for i := range q {
				at.axes = append(at.axes, i)
			}
			at.axes = append(at.axes, -1)
			p.pick[d] = at
		}
	}
	return p, checkPoints(op, p)
}

// access is the element of the source for the point of a nest over the points.
func (p picking) access(source, indices *loop.Buffer) loop.Access {
	a := loop.Access{Buf: source, Index: make([]loop.Affine, len(p.from)), Dyn: make([]*loop.Expr, len(p.from))}
	for d, axis := range p.from {
		if axis >= 0 {
			a.Index[d] = loop.Ax(axis)
			continue
		}
		at := make([]loop.Affine, len(p.pick[d].axes))
		for i, axis := range p.pick[d].axes {
			if at[i] = loop.At(p.pick[d].last); axis >= 0 {
				at[i] = loop.Ax(axis)
			}
		}
		a.Dyn[d] = fromEnd(loop.Read(indices, at...), source.Shape[d].Size)
	}
	return a
}

// fromEnd is an index into n elements where a negative one counts from the end.
func fromEnd(i *loop.Expr, n int) *loop.Expr {
	return loop.E(loop.Select, loop.E(loop.Less, i, loop.I(0)), loop.E(loop.Add, i, loop.I(n)), i)
}

// readAt is a load.
func readAt(a loop.Access) *loop.Expr {
	return &loop.Expr{Code: loop.Load, Type: a.Buf.Elem, From: a}
}

// each is a nest over the points.
func (p picking) each(name string, stores ...loop.Store) *loop.Nest {
	return &loop.Nest{Form: loop.Gather, Name: name, Axes: axesOf(p.points), Fold: loop.FoldNone, Stores: stores}
}

// gather emits y[point] = x[its element].
func (l *Lowering) gather(y, x, indices *loop.Buffer, p picking) {
	l.Emit(p.each(y.Name, storeAt(y, readAt(p.access(x, indices)), plainIndex(len(p.points))...)))
}

// evalPlace is the evaluation's view of an index into n elements.
func evalPlace(v float64, n int) int {
	if v < 0 {
		v += float64(n)
	}
	return int(max(0, min(v, float64(n-1))))
}

// mustPick is one of the picking functions for operands that Infer accepted.
func mustPick(f func(string, ir.Type, ir.Type, ir.Attrs) (picking, error), x, idx *ir.Value, a ir.Attrs) picking {
	p, err := f("", x.Type, idx.Type, a)
	if err != nil {
		panic("ops: indices that Infer accepted: " + err.Error())
	}
	return p
}

// zeros appends zeros of the shape of x.
func (b *Builder) zeros(x *ir.Value) *ir.Value {
	return b.cast(b.Must("expand", "zeros", []*ir.Value{b.scalar(0), x}), x.Type.Elem)
}
