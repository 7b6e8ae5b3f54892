package ops

import (
	"slices"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// Sampling reads an image [N,H,W,C] between its pixels: each point of the result is a sum over a few rows and a few columns, with a weight
// for each. Rows and columns are independent, so what is computed beforehand is two small tables: for each point the numbers of the rows and their
// weights, and the same for columns. The gradient for the image writes where sampling reads; that for the coordinates reads with the slopes of
// the weights in their place.

// taps are the rows (or columns) that points read: buffers [lead.., k].
type taps struct {
	count  int
	index  *loop.Buffer // the row; -1 outside of the image
	weight *loop.Buffer
	lead   []int // the axes of the result that the leading ones of the buffers follow
}

// sampling is one image and the taps of all points.
type sampling struct {
	image      *loop.Buffer
	points     ir.Shape // of the result, channels last
	rows, cols taps
}

// newTaps makes the buffers of count taps for points that differ along some axes of the result.
func (l *Lowering) newTaps(name string, points ir.Shape, count int, lead ...int) taps {
	var s ir.Shape
	for _, a := range lead {
		s = append(s, points[a])
	}
	s = append(s, ir.D(count))
	return taps{count, l.Temp(name, ir.T(ir.I32, s)), l.Temp(name+".weight", ir.T(ir.F32, s)), lead}
}

// tapped are the numbers that a tap is made of, as expressions over the axes of its buffer.
type tapped struct {
	place  *loop.Expr // the row, a whole number as f32
	inside *loop.Expr
	weight *loop.Expr
	slopes []*loop.Expr // of the weight, for each coordinate that moves it
}

// fill emits the nest that computes taps, and returns a buffer for each of their slopes.
func (l *Lowering) fill(t taps, size int, x tapped) []*loop.Buffer {
	at := plainIndex(len(t.index.Shape))
	row := loop.E(loop.Min, loop.E(loop.ToI32, x.place), loop.I(size-1))
	stores := []loop.Store{
		storeAt(t.index, loop.E(loop.Select, x.inside, row, loop.I(-1)), at...),
		storeAt(t.weight, x.weight, at...),
	}
	var slopes []*loop.Buffer
	for _, s := range x.slopes {
		b := l.Temp("slope", ir.T(ir.F32, t.index.Shape))
		slopes = append(slopes, b)
		stores = append(stores, storeAt(b, s, at...))
	}
	l.Emit(&loop.Nest{Form: loop.Map, Name: t.index.Name, Axes: axesOf(t.index.Shape), Fold: loop.FoldNone, Stores: stores})
	return slopes
}

// onImage is 0 ≤ place < size.
func onImage(place *loop.Expr, size int) *loop.Expr {
	return loop.E(loop.And, loop.E(loop.LessEq, loop.F(0), place), loop.E(loop.LessEq, place, loop.F(float64(size-1))))
}

// read is an element of one of the buffers of t for a point: axes gives the index of each axis of the result.
func (t taps) read(b *loop.Buffer, point []loop.Affine, k loop.Affine) *loop.Expr {
	var ix []loop.Affine
	for _, a := range t.lead {
		ix = append(ix, point[a])
	}
	return loop.Read(b, append(ix, k)...)
}

// pixel is the element of an image-like buffer at a row and a column of a point, and whether it is outside.
func (s sampling) pixel(b *loop.Buffer, point []loop.Affine, row, col loop.Affine) (loop.Access, *loop.Expr) {
	y, x := s.rows.read(s.rows.index, point, row), s.cols.read(s.cols.index, point, col)
	a := loop.Access{Buf: b, Index: []loop.Affine{point[0], {}, {}, point[len(point)-1]}, Dyn: []*loop.Expr{nil, y, x, nil}}
	return a, loop.E(loop.Less, loop.E(loop.Or, y, x), loop.I(0))
}

// value is what a pixel gives: 0 outside.
func (s sampling) value(point []loop.Affine, row, col loop.Affine) *loop.Expr {
	a, outside := s.pixel(s.image, point, row, col)
	return loop.E(loop.Select, outside, loop.F(0), readAt(a))
}

// weight is the product of the weights of a row and a column, or of buffers in their places.
func (s sampling) weight(point []loop.Affine, row, col loop.Affine, rows, cols *loop.Buffer) *loop.Expr {
	return loop.E(loop.Mul, s.rows.read(rows, point, row), s.cols.read(cols, point, col))
}

// fold emits the sum (or another fold) of weight times pixel into y, with the total scaled.
func (l *Lowering) sample(s sampling, y *loop.Buffer, fold loop.Fold, scale float64) {
	r := len(s.points)
	point, row, col := plainIndex(r), loop.Ax(r), loop.Ax(r+1)
	total := loop.Total(ir.F32)
	if scale != 1 {
		total = loop.E(loop.Mul, total, loop.F(scale))
	}
	l.Emit(&loop.Nest{Form: loop.Gather, Name: y.Name, Axes: axesOf(s.points), Red: s.red(), Fold: fold,
		Value:  loop.E(loop.Mul, s.weight(point, row, col, s.rows.weight, s.cols.weight), s.value(point, row, col)),
		Stores: []loop.Store{storeAt(y, total, point...)}})
}

func (s sampling) red() []loop.Axis {
	return []loop.Axis{axis("row", s.rows.count), axis("col", s.cols.count)}
}

// unsample emits the gradient of the image: zeros, to which weight times dy is added at each pixel that was read, point after point and there row
// after row. share, where not nil, says whether a pixel counts.
func (l *Lowering) unsample(s sampling, dx, dy *loop.Buffer, scale float64, share func(point []loop.Affine, row, col loop.Affine) *loop.Expr) {
	l.mapOver(dx, loop.F(0))
	last := len(s.points) - 1
	axes := axesOf(s.points)
	axes = slices.Concat(axes[:last], s.red(), axes[last:])
	point, row, col := plainIndex(last), loop.Ax(last), loop.Ax(last+1)
	point = append(point, loop.Ax(last+2))
	to, outside := s.pixel(dx, point, row, col)
	v := loop.E(loop.Mul, s.weight(point, row, col, s.rows.weight, s.cols.weight), loop.Read(dy, point...))
	if scale != 1 {
		v = loop.E(loop.Mul, v, loop.F(scale))
	}
	if share != nil {
		v = loop.E(loop.Select, share(point, row, col), v, loop.F(0))
	}
	l.Emit(&loop.Nest{Form: loop.Gather, Name: dx.Name, Axes: axes, Fold: loop.FoldNone,
		Stores: []loop.Store{{To: to, Expr: loop.E(loop.Select, outside, loop.F(0), v), Add: true}}})
}

// slope emits the gradient of one coordinate: the sum of dy times pixel times the weights given, over all that the coordinate moves. keep says
// which axes of the result the gradient has; place completes their index.
func (l *Lowering) slope(s sampling, d, dy *loop.Buffer, scale float64, rows, cols *loop.Buffer, keep int,
	place func(point []loop.Affine) []loop.Affine, share func(point []loop.Affine, row, col loop.Affine) *loop.Expr) {
	all := axesOf(s.points)
	red := append(slices.Clone(all[keep:]), s.red()...)
	point, r := plainIndex(len(all)), len(all)
	row, col := loop.Ax(r), loop.Ax(r+1)
	v := s.value(point, row, col)
	if share != nil {
		v = loop.E(loop.Select, share(point, row, col), v, loop.F(0))
	}
	v = loop.E(loop.Mul, loop.E(loop.Mul, s.weight(point, row, col, rows, cols), loop.Read(dy, point...)), v)
	total := loop.Total(ir.F32)
	if scale != 1 {
		total = loop.E(loop.Mul, total, loop.F(scale))
	}
	l.Emit(&loop.Nest{Form: loop.Gather, Name: d.Name, Axes: all[:keep], Red: red, Fold: loop.FoldSum, Value: v,
		Stores: []loop.Store{storeAt(d, total, place(point[:keep])...)}})
}
