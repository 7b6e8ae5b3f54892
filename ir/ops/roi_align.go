package ops

import (
	"fmt"
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// roiAttrs are the attributes of roi_align and of its gradient.
var roiAttrs = []AttrDef{
	{Name: "size", Doc: "rows and columns of the result: one number, or [rows, columns]", Kind: []int{}},
	{Name: "sampling_ratio", Doc: "places that are read in each direction for one element of the result", Default: 2},
	{Name: "spatial_scale", Doc: "by which the numbers of a box are multiplied to give pixels of x", Default: 1.0},
	{Name: "half_pixel", Doc: "whether pixel i reaches from i to i+1 in the numbers of a box; else from i-0.5 to i+0.5, and a box has at least a pixel's side", Default: true},
	{Name: "mode", Doc: "avg takes the mean of all places; max the greatest of the weighted pixels", Default: "avg", Values: []string{"avg", "max"}},
}

// RoIAlign cuts boxes out of an image, each brought to the same size.
var RoIAlign = Register(&Operator{
	Name: "roi_align",
	Doc: "Cuts boxes f32[N,R,4] out of images [N,H,W,C], each brought to the same size, giving [N,R,rows,columns,C]. A box is x1, y1, x2, y2. Each element is the mean of a few places " +
		"that are read between pixels, row after row; places more than a pixel outside read 0 (He et al., Mask R-CNN, 2017). Gradients go to the image and to the boxes; with " +
		"mode=max to the pixels that are the greatest, in equal shares.",
	Formula:  "y[n,r,p,q,c] = mean over places of Σ weight * x[n,row,col,c]",
	Example:  "parts = roi_align(features, boxes, size=7)",
	Category: "tensor",
	Args:     []Arg{{Name: "x", Doc: "the images, f32[N,H,W,C]"}, {Name: "boxes", Doc: "f32[N,R,4]"}},
	Attrs:    roiAttrs,
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		s, err := roiShape("roi_align", args[0], args[1], a)
		if err != nil {
			return nil, err
		}
		return []ir.Type{ir.T(ir.F32, s)}, nil
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		x, boxes := args[0], args[1]
		rows, cols := roiSize(a)
		y := NewTensor(ir.F32, x.Shape[0], boxes.Shape[1], rows, cols, x.Shape[3])
		if a.Str("mode") == "max" {
			for i := range y.Data {
				y.Data[i] = math.Inf(-1)
			}
		}
		eachRoI(y.Shape, x.Shape, boxes, a, func(n, at, _ int, weight float64, _ [4]float64) {
			v := 0.0
			if at >= 0 {
				v = weight * x.Data[at]
			}
			if a.Str("mode") == "max" {
				y.Data[n] = max(y.Data[n], v)
			} else {
				y.Data[n] += v / float64(a.Int("sampling_ratio")*a.Int("sampling_ratio"))
			}
		})
		return []*Tensor{y}
	},
	Grad: func(b *Builder, op *ir.Op, grads []*ir.Value) []*ir.Value {
		if grads[0] == nil {
			return []*ir.Value{nil, nil}
		}
		d, err := b.Ops("roi_align_grad", op.Args[0].Name, []*ir.Value{grads[0], op.Args[0], op.Args[1], op.Results[0]}, op.Attrs...)
		if err != nil {
			panic("ops: roi_align_grad: " + err.Error())
		}
		return d
	},
	Lower: func(l *Lowering, op *ir.Op) {
		s, _ := l.roiSampling(op.Args[0], op.Args[1], op.Results[0].Type.Shape, op.Attrs, false)
		fold := loop.FoldSum
		if op.Attrs.Str("mode") == "max" {
			fold = loop.FoldMax
		}
		l.sample(s, l.Buf(op.Results[0]), fold, roiScale(op.Attrs))
	},
	ONNX: ONNX{Name: "RoiAlign", Min: 10, Max: 25, Attrs: map[string]string{"sampling_ratio": "sampling_ratio", "spatial_scale": "spatial_scale", "mode": "mode"},
		Note: "boxes are grouped by image, which takes the place of batch_indices; sampling_ratio must be at least 1; half_pixel is coordinate_transformation_mode"},
	Samples: roiSamples(),
})

// RoIAlignGrad is the gradient of roi_align.
var RoIAlignGrad = Register(&Operator{
	Name: "roi_align_grad",
	Doc: "The gradients of roi_align for its images and its boxes. That of the images is zeros to which the share of each place is added, place after place; that of a box is a sum over all " +
		"its places and channels.",
	Formula:  "dx[n,row,col,c] = Σ weight * dy[n,r,p,q,c]; dboxes[n,r] = Σ slope of weight * x[n,row,col,c] * dy[n,r,p,q,c]",
	Example:  "dx, dboxes = roi_align_grad(dy, x, boxes, y)",
	Category: "gradient",
	Internal: true,
	Args:     []Arg{{Name: "dy", Doc: "the gradient of y"}, {Name: "x", Doc: "f32[N,H,W,C]"}, {Name: "boxes", Doc: "f32[N,R,4]"}, {Name: "y", Doc: "the result of roi_align"}},
	Attrs:    roiAttrs,
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		s, err := roiShape("roi_align_grad", args[1], args[2], a)
		if err != nil {
			return nil, err
		}
		for _, t := range []ir.Type{args[0], args[3]} {
			if !t.Equal(ir.T(ir.F32, s)) {
				return nil, fmt.Errorf("roi_align_grad wants f32%s, not %s", s, t)
			}
		}
		return args[1:3], nil
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		dy, x, boxes, y := args[0], args[1], args[2], args[3]
		dx, dboxes := NewTensor(ir.F32, x.Shape...), NewTensor(ir.F32, boxes.Shape...)
		greatest := func(n, at int, weight float64) bool {
			// y may be an f32, the product is none.
			return at >= 0 && math.Abs(weight*x.Data[at]-y.Data[n]) <= 1e-6*math.Abs(y.Data[n])
		}
		share := NewTensor(ir.F32, dy.Shape...)
		eachRoI(dy.Shape, x.Shape, boxes, a, func(n, at, _ int, weight float64, _ [4]float64) {
			if greatest(n, at, weight) {
				share.Data[n]++
			}
		})
		eachRoI(dy.Shape, x.Shape, boxes, a, func(n, at, box int, weight float64, slopes [4]float64) {
			g := dy.Data[n] * roiScale(a)
			if a.Str("mode") == "max" {
				g /= share.Data[n]
			}
			if at < 0 || a.Str("mode") == "max" && !greatest(n, at, weight) {
				return
			}
			dx.Data[at] += weight * g
			for i, s := range slopes {
				dboxes.Data[4*box+i] += s * g * x.Data[at]
			}
		})
		return []*Tensor{dx, dboxes}
	},
	NoGrad: "second derivatives are not taken",
	Lower: func(l *Lowering, op *ir.Op) {
		s, slopes := l.roiSampling(op.Args[1], op.Args[2], op.Args[0].Type.Shape, op.Attrs, true)
		dy, y, dboxes := l.Buf(op.Args[0]), l.Buf(op.Args[3]), l.Buf(op.Results[1])
		var share func(point []loop.Affine, row, col loop.Affine) *loop.Expr
		if op.Attrs.Str("mode") == "max" {
			share = s.equals(y)
			dy = l.perTie(s, dy, share)
		}
		l.unsample(s, l.Buf(op.Results[0]), dy, roiScale(op.Attrs), share)
		for i, b := range slopes {
			rows, cols := s.rows.weight, b
			if i%2 == 1 {
				rows, cols = b, s.cols.weight
			}
			place := func(point []loop.Affine) []loop.Affine { return append(point[:2:2], loop.At(i)) }
			l.slope(s, dboxes, dy, roiScale(op.Attrs), rows, cols, 2, place, share)
		}
	},
	Samples: roiGradSamples(),
})

// equals says whether the product of a tap is what y holds, and not of a pixel outside.
func (s sampling) equals(y *loop.Buffer) func(point []loop.Affine, row, col loop.Affine) *loop.Expr {
	return func(point []loop.Affine, row, col loop.Affine) *loop.Expr {
		_, outside := s.pixel(s.image, point, row, col)
		v := loop.E(loop.Mul, s.weight(point, row, col, s.rows.weight, s.cols.weight), s.value(point, row, col))
		return loop.E(loop.And, loop.E(loop.Eq, v, loop.Read(y, point...)), loop.E(loop.Not, outside))
	}
}

// perTie is dy divided by how many taps of a point share it.
func (l *Lowering) perTie(s sampling, dy *loop.Buffer, share func(point []loop.Affine, row, col loop.Affine) *loop.Expr) *loop.Buffer {
	r := len(s.points)
	point := plainIndex(r)
	part := l.Temp("share", ir.T(ir.F32, s.points))
	l.Emit(&loop.Nest{Form: loop.Gather, Name: part.Name, Axes: axesOf(s.points), Red: s.red(), Fold: loop.FoldSum,
		Value:  loop.E(loop.Select, share(point, loop.Ax(r), loop.Ax(r+1)), loop.F(1), loop.F(0)),
		Stores: []loop.Store{storeAt(part, loop.E(loop.Div, loop.Read(dy, point...), loop.E(loop.Max, loop.Total(ir.F32), loop.F(1))), point...)}})
	return part
}

// roiSize is the rows and columns of a result.
func roiSize(a ir.Attrs) (rows, cols int) {
	s := a.Ints("size")
	return s[0], s[len(s)-1]
}

// roiScale is by what sums are multiplied.
func roiScale(a ir.Attrs) float64 {
	if a.Str("mode") == "max" {
		return 1
	}
	r := a.Int("sampling_ratio")
	return 1 / float64(r*r)
}

// roiShape checks images and boxes and returns the shape of what is cut out.
func roiShape(op string, x, boxes ir.Type, a ir.Attrs) (ir.Shape, error) {
	if err := spatial(op, x, 2); err != nil {
		return nil, err
	}
	b := boxes.Shape
	if boxes.Elem != ir.F32 || len(b) != 3 || b[2] != ir.D(4) || !b[1].Static() || b[1].Size < 1 || b[0] != x.Shape[0] {
		return nil, WithNote("a box is x1, y1, x2, y2; each image has the same number of boxes", "%s wants boxes f32[%s,R,4], not %s", op, x.Shape[0], boxes)
	}
	if n := len(a.Ints("size")); n < 1 || n > 2 {
		return nil, WithNote("write one number, or [rows, columns]", "%s takes one or two numbers for size, not %d", op, n)
	}
	rows, cols := roiSize(a)
	if n := a.Int("sampling_ratio"); n < 1 || n > 1<<10 || rows < 1 || cols < 1 {
		return nil, WithNote("each is a whole number from 1 up; a sampling ratio that depends on the box has no fixed program", "%s cannot have size=%v with sampling_ratio=%d", op, a.Ints("size"), n)
	}
	s := ir.Shape{b[0], b[1], ir.D(rows), ir.D(cols), x.Shape[3]}
	if _, ok := s.Elems(); !ok {
		return nil, fmt.Errorf("%s would give %s, more than %d elements", op, s, ir.MaxElems)
	}
	return s, nil
}

// roiSampling emits the taps of every place in every box. The slopes that it returns, where wanted, are of x1, y1, x2 and y2.
func (l *Lowering) roiSampling(x, boxes *ir.Value, points ir.Shape, a ir.Attrs, slopes bool) (sampling, []*loop.Buffer) {
	img, b := l.Buf(x), l.Buf(boxes)
	count := 2 * a.Int("sampling_ratio")
	s := sampling{img, points, l.newTaps("rows", points, count, 0, 1, 2), l.newTaps("cols", points, count, 0, 1, 3)}
	list := make([]*loop.Buffer, 4)
	for i, t := range []taps{s.rows, s.cols} {
		corner := func(k int) *loop.Expr { return loop.Read(b, append(plainIndex(2), loop.At(k))...) }
		number := func(axis int) *loop.Expr { return loop.E(loop.ToF32, loop.IndexOf(loop.Ax(axis))) }
		size := img.Shape[1+i].Size
		v := roiTap(corner(1-i), corner(3-i), number(2), number(3), points[2+i].Size, size, a)
		if !slopes {
			v.slopes = nil
		}
		for k, d := range l.fill(t, size, v) {
			list[1-i+2*k] = d
		}
	}
	if !slopes {
		return s, nil
	}
	return s, list
}

// roiTap is tap k of row p of a box from lo to hi that is cut into parts rows, along an axis of size pixels. Each place has two taps.
func roiTap(lo, hi, p, k *loop.Expr, parts, size int, a ir.Attrs) tapped {
	e, f := loop.E, loop.F
	scale, ratio := a.Float("spatial_scale"), float64(a.Int("sampling_ratio"))
	place := e(loop.Floor, e(loop.Mul, k, f(0.5)))
	upper := e(loop.Eq, e(loop.Sub, k, e(loop.Mul, place, f(2))), f(1))
	// How far into the box the place lies, from 0 to 1.
	share := e(loop.Div, e(loop.Add, p, e(loop.Div, e(loop.Add, place, f(0.5)), f(ratio))), f(float64(parts)))
	start, side := e(loop.Mul, lo, f(scale)), e(loop.Mul, e(loop.Sub, hi, lo), f(scale))
	rise, fall := e(loop.Mul, share, f(scale)), e(loop.Mul, e(loop.Sub, f(1), share), f(scale))
	if a.Bool("half_pixel") {
		start = e(loop.Sub, start, f(0.5))
	} else {
		small := e(loop.Less, side, f(1))
		side = e(loop.Max, side, f(1))
		rise, fall = e(loop.Select, small, f(0), rise), e(loop.Select, small, f(scale), fall)
	}
	at := e(loop.Add, start, e(loop.Mul, share, side))
	known := e(loop.And, e(loop.LessEq, f(-1), at), e(loop.LessEq, at, f(float64(size))))
	last := f(float64(size - 1))
	moves := e(loop.And, e(loop.Less, f(0), at), e(loop.Less, at, last))
	at = e(loop.Min, e(loop.Max, at, f(0)), last)
	low := e(loop.Floor, at)
	t := e(loop.Sub, at, low)
	speed := e(loop.Select, moves, e(loop.Select, upper, f(1), f(-1)), f(0))
	return tapped{
		place:  e(loop.Select, upper, e(loop.Add, low, f(1)), low),
		inside: known,
		weight: e(loop.Select, upper, t, e(loop.Sub, f(1), t)),
		slopes: []*loop.Expr{e(loop.Mul, speed, fall), e(loop.Mul, speed, rise)},
	}
}

// eachRoI calls visit for each pixel that each element n of a result reads: its place in x, or -1; its box; its weight; and the slopes of that for
// the four numbers of the box.
func eachRoI(shape, x []int, boxes *Tensor, a ir.Attrs, visit func(n, at, box int, weight float64, slopes [4]float64)) {
	ratio, n := a.Int("sampling_ratio"), 0
	eachIndex(shape, func(ix []int) {
		box := ix[0]*shape[1] + ix[1]
		b := boxes.Data[4*box : 4*box+4]
		for i := range ratio {
			for _, r := range evalRoI(b[1], b[3], ix[2], shape[2], i, x[1], a) {
				for j := range ratio {
					for _, c := range evalRoI(b[0], b[2], ix[3], shape[3], j, x[2], a) {
						at := -1
						if r.at >= 0 && c.at >= 0 {
							at = ((ix[0]*x[1]+r.at)*x[2]+c.at)*x[3] + ix[4]
						}
						visit(n, at, box, r.weight*c.weight, [4]float64{r.weight * c.lo, r.lo * c.weight, r.weight * c.hi, r.hi * c.weight})
					}
				}
			}
		}
		n++
	})
}

// roiPixel is a row that a place reads: -1 outside. lo and hi are the slopes of its weight for both ends of the box.
type roiPixel struct {
	at             int
	weight, lo, hi float64
}

// evalRoI lists the two rows that place i of part p reads.
func evalRoI(lo, hi float64, p, parts, i, size int, a ir.Attrs) []roiPixel {
	scale := a.Float("spatial_scale")
	along := (float64(p) + (float64(i)+0.5)/float64(a.Int("sampling_ratio"))) / float64(parts)
	start, end := lo*scale, hi*scale
	dlo, dhi := scale*(1-along), scale*along
	if a.Bool("half_pixel") {
		start, end = start-0.5, end-0.5
	} else if end-start < 1 {
		end, dlo, dhi = start+1, scale, 0
	}
	y := start + along*(end-start)
	if y < -1 || y > float64(size) {
		return []roiPixel{{at: -1}, {at: -1}}
	}
	if y <= 0 {
		y, dlo, dhi = 0, 0, 0
	}
	low := int(y)
	if low >= size-1 {
		return []roiPixel{{size - 1, 1, 0, 0}, {size - 1, 0, 0, 0}}
	}
	t := y - float64(low)
	return []roiPixel{{low, 1 - t, -dlo, -dhi}, {low + 1, t, dlo, dhi}}
}

// roiSamples are boxes inside, across the border and far outside.
func roiSamples() []Sample {
	attrs := func(mode string, half bool, ratio int, scale float64, size ...int) ir.Attrs {
		return ir.Attrs{{Name: "size", Value: size}, {Name: "mode", Value: mode}, {Name: "half_pixel", Value: half},
			{Name: "sampling_ratio", Value: ratio}, {Name: "spatial_scale", Value: scale}}
	}
	boxes := []float64{0.58, 0.73, 4.17, 3.11, -2.31, 1.13, 1.71, 9.23, 11, 12, 13.5, 14, 2.13, 2.21, 2.47, 2.34}
	return []Sample{
		{Args: f32Types(ir.NS(4, 5, 3), ir.NS(2, 4)), Attrs: ir.Attrs{{Name: "size", Value: []int{2}}}, Batch: 2, Data: map[int][]float64{1: boxes}},
		{Args: f32Types(ir.NS(4, 5, 1), ir.NS(4, 4)), Attrs: attrs("avg", false, 1, 0.5, 3, 2), Batch: 1, Data: map[int][]float64{1: boxes}},
		{Args: f32Types(ir.NS(6, 3, 9), ir.NS(1, 4)), Attrs: attrs("avg", true, 3, 1, 1, 2), Batch: 4, Data: map[int][]float64{1: boxes}},
		{Args: f32Types(ir.NS(4, 5, 2), ir.NS(2, 4)), Attrs: attrs("max", true, 2, 1, 2), Batch: 2,
			Data: map[int][]float64{1: {0.58, 0.73, 4.17, 3.11, 1.31, 1.13, 2.71, 3.23, 0.91, 2.17, 4.5, 3.4, 2.13, 2.21, 2.47, 2.34}}},
		{Args: f32Types(ir.NS(1, 1, 2), ir.NS(1, 4)), Attrs: attrs("max", false, 1, 1, 2), Batch: 4, Data: map[int][]float64{1: boxes}},
	}
}

// roiGradSamples are the same with a gradient and a result before and behind.
func roiGradSamples() []Sample {
	var list []Sample
	for _, s := range roiSamples()[:3] {
		attrs, err := Complete(roiAttrs, s.Attrs)
		if err != nil {
			panic("ops: roi_align: " + err.Error())
		}
		shape, err := roiShape("", s.Args[0], s.Args[1], attrs)
		if err != nil {
			panic("ops: roi_align: " + err.Error())
		}
		y := ir.T(ir.F32, shape)
		list = append(list, Sample{Args: []ir.Type{y, s.Args[0], s.Args[1], y}, Attrs: s.Attrs, Data: map[int][]float64{2: s.Data[1]}, Batch: s.Batch})
	}
	return list
}
