package ops

import (
	"strconv"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// axisName names the loop over axis i of a tensor: n for the batch, else a letter by place.
func axisName(i int, d ir.Dim) string {
	const letters = "ijklmopqr"
	switch {
	case !d.Static():
		return "n"
	case i < len(letters):
		return letters[i : i+1]
	}
	return "d" + strconv.Itoa(i)
}

// axesOf returns one loop for each axis of a shape, outermost first.
func axesOf(s ir.Shape) []loop.Axis {
	list := make([]loop.Axis, len(s))
	for i, d := range s {
		list[i] = loop.Axis{Name: axisName(i, d), Extent: d}
	}
	return list
}

// plainIndex is the index (0, 1, … rank-1): each dimension by the loop of the same number.
func plainIndex(rank int) []loop.Affine {
	ix := make([]loop.Affine, rank)
	for i := range ix {
		ix[i] = loop.Ax(i)
	}
	return ix
}

// stretchIndex indexes a tensor of shape from at the point of a nest over shape to: aligned at the last axes, 0 where it is stretched.
func stretchIndex(from, to ir.Shape) []loop.Affine {
	ix := make([]loop.Affine, len(from))
	for i, d := range from {
		axis := len(to) - len(from) + i
		if d == to[axis] {
			ix[i] = loop.Ax(axis)
		}
	}
	return ix
}

// storeAt is a store of x into b.
func storeAt(b *loop.Buffer, x *loop.Expr, index ...loop.Affine) loop.Store {
	return loop.Store{To: loop.Access{Buf: b, Index: index}, Expr: x}
}

// mapOver emits an elementwise nest over the whole of out.
func (l *Lowering) mapOver(out *loop.Buffer, x *loop.Expr) {
	l.Emit(&loop.Nest{
		Form: loop.Map, Name: out.Name, Axes: axesOf(out.Shape), Fold: loop.FoldNone,
		Stores: []loop.Store{storeAt(out, x, plainIndex(len(out.Shape))...)},
	})
}

// over divides x by the number of elements in the given dimensions, of which one may be the batch.
func (l *Lowering) over(x *loop.Expr, dims ir.Shape) *loop.Expr {
	if size := l.count(dims); size != nil {
		return loop.E(loop.Div, x, size)
	}
	return x
}

// count is the number of elements in the given dimensions, of which one may be the batch, as f32; nil where it is 1.
func (l *Lowering) count(dims ir.Shape) *loop.Expr {
	n, batch := 1, false
	for _, d := range dims {
		n *= d.Size
		batch = batch || !d.Static()
	}
	switch {
	case !batch && n == 1:
		return nil
	case !batch:
		return loop.F(float64(n))
	}
	size := loop.Read(l.Scalar("batch", ir.F32))
	if n > 1 {
		size = loop.E(loop.Mul, size, loop.F(float64(n)))
	}
	return size
}
