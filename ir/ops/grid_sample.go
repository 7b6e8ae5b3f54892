package ops

import (
	"fmt"
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// gridAttrs are the attributes of grid_sample and of its gradient.
var gridAttrs = []AttrDef{
	{Name: "mode", Doc: "how to read between pixels: linear from the four around, cubic from sixteen (convolution with a = -0.75), or the nearest, of two the one with the even number",
		Default: "linear", Values: []string{"linear", "nearest", "cubic"}},
	{Name: "padding_mode", Doc: "what lies outside: zeros, the border pixel, or the image in a mirror", Default: "zeros", Values: []string{"zeros", "border", "reflection"}},
	{Name: "align_corners", Doc: "whether -1 and 1 are the centres of the outermost pixels, or their outer edges", Default: false},
}

// GridSample reads an image at places that a grid names.
var GridSample = Register(&Operator{
	Name: "grid_sample",
	Doc: "Reads an image [N,H,W,C] at the places of a grid [N,h,w,2] of pairs (x, y), where (-1, -1) is the upper left and (1, 1) the lower right, giving [N,h,w,C]. The terms of a place " +
		"are summed row after row (Jaderberg et al., Spatial Transformer Networks, 2015). Gradients go to the image and to the grid.",
	Formula:  "y[n,i,j,c] = Σ over rows r and columns s near grid[n,i,j] of weight * x[n,r,s,c]",
	Example:  `turned = grid_sample(image, grid, mode="linear")`,
	Category: "tensor",
	Args:     []Arg{{Name: "x", Doc: "the image, f32[N,H,W,C]"}, {Name: "grid", Doc: "f32[N,h,w,2]: x, then y"}},
	Attrs:    gridAttrs,
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		s, err := gridShape("grid_sample", args[0], args[1])
		if err != nil {
			return nil, err
		}
		return []ir.Type{ir.T(ir.F32, s)}, nil
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		x, grid := args[0], args[1]
		y := NewTensor(ir.F32, grid.Shape[0], grid.Shape[1], grid.Shape[2], x.Shape[3])
		n := 0
		eachIndex(y.Shape, func(ix []int) {
			at := func(c int) float64 { return grid.Data[grid.at([]int{ix[0], ix[1], ix[2], c})] }
			for _, r := range evalTaps(at(1), x.Shape[1], a) {
				for _, c := range evalTaps(at(0), x.Shape[2], a) {
					if r.at >= 0 && c.at >= 0 {
						y.Data[n] += r.weight * c.weight * x.Data[((ix[0]*x.Shape[1]+r.at)*x.Shape[2]+c.at)*x.Shape[3]+ix[3]]
					}
				}
			}
			n++
		})
		return []*Tensor{y}
	},
	Grad: func(b *Builder, op *ir.Op, grads []*ir.Value) []*ir.Value {
		if grads[0] == nil {
			return []*ir.Value{nil, nil}
		}
		d, err := b.Ops("grid_sample_grad", op.Args[0].Name, []*ir.Value{grads[0], op.Args[0], op.Args[1]}, op.Attrs...)
		if err != nil {
			panic("ops: grid_sample_grad: " + err.Error())
		}
		return d
	},
	Lower: func(l *Lowering, op *ir.Op) {
		s, _ := l.gridSampling(op.Args[0], op.Args[1], op.Attrs, false)
		l.sample(s, l.Buf(op.Results[0]), loop.FoldSum, 1)
	},
	ONNX: ONNX{Name: "GridSample", Min: 16, Max: 25, Attrs: map[string]string{"mode": "mode", "padding_mode": "padding_mode", "align_corners": "align_corners"},
		Note: "two spatial axes; NCHW is transposed to NHWC; bilinear and bicubic of opset 16 are linear and cubic"},
	Samples: gridSamples(),
})

// GridSampleGrad is the gradient of grid_sample.
var GridSampleGrad = Register(&Operator{
	Name: "grid_sample_grad",
	Doc: "The gradients of grid_sample for its image and its grid. That of the image is zeros to which the share of each place is added, place after place; that of the grid is " +
		"a sum over rows, columns and channels.",
	Formula:  "dx[n,r,s,c] = Σ weight * dy[n,i,j,c]; dgrid[n,i,j] = Σ slope of weight * x[n,r,s,c] * dy[n,i,j,c]",
	Example:  "dx, dgrid = grid_sample_grad(dy, x, grid)",
	Category: "gradient",
	Internal: true,
	Args:     []Arg{{Name: "dy", Doc: "f32[N,h,w,C]"}, {Name: "x", Doc: "f32[N,H,W,C]"}, {Name: "grid", Doc: "f32[N,h,w,2]"}},
	Attrs:    gridAttrs,
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		s, err := gridShape("grid_sample_grad", args[1], args[2])
		if err != nil {
			return nil, err
		}
		if !args[0].Equal(ir.T(ir.F32, s)) {
			return nil, fmt.Errorf("grid_sample_grad wants dy of f32%s, not %s", s, args[0])
		}
		return args[1:], nil
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		dy, x, grid := args[0], args[1], args[2]
		dx, dgrid := NewTensor(ir.F32, x.Shape...), NewTensor(ir.F32, grid.Shape...)
		n := 0
		eachIndex(dy.Shape, func(ix []int) {
			g := ((ix[0]*grid.Shape[1]+ix[1])*grid.Shape[2] + ix[2]) * 2
			for _, r := range evalTaps(grid.Data[g+1], x.Shape[1], a) {
				for _, c := range evalTaps(grid.Data[g], x.Shape[2], a) {
					if r.at < 0 || c.at < 0 {
						continue
					}
					at := ((ix[0]*x.Shape[1]+r.at)*x.Shape[2]+c.at)*x.Shape[3] + ix[3]
					dx.Data[at] += r.weight * c.weight * dy.Data[n]
					dgrid.Data[g] += r.weight * c.slope * dy.Data[n] * x.Data[at]
					dgrid.Data[g+1] += r.slope * c.weight * dy.Data[n] * x.Data[at]
				}
			}
			n++
		})
		return []*Tensor{dx, dgrid}
	},
	NoGrad: "second derivatives are not taken",
	Lower: func(l *Lowering, op *ir.Op) {
		s, slopes := l.gridSampling(op.Args[1], op.Args[2], op.Attrs, true)
		dy, dgrid := l.Buf(op.Args[0]), l.Buf(op.Results[1])
		l.unsample(s, l.Buf(op.Results[0]), dy, 1, nil)
		at := func(c int) func(point []loop.Affine) []loop.Affine {
			return func(point []loop.Affine) []loop.Affine { return append(point[:3:3], loop.At(c)) }
		}
		l.slope(s, dgrid, dy, 1, s.rows.weight, slopes[1], 3, at(0), nil)
		l.slope(s, dgrid, dy, 1, slopes[0], s.cols.weight, 3, at(1), nil)
	},
	Samples: gridGradSamples(),
})

// gridShape checks an image and a grid and returns the shape of what is read.
func gridShape(op string, x, grid ir.Type) (ir.Shape, error) {
	if err := spatial(op, x, 2); err != nil {
		return nil, err
	}
	g := grid.Shape
	if grid.Elem != ir.F32 || len(g) != 4 || g[3] != ir.D(2) || !g[1].Static() || !g[2].Static() || g[1].Size < 1 || g[2].Size < 1 {
		return nil, fmt.Errorf("%s wants a grid f32[N,h,w,2] of pairs, not %s", op, grid)
	}
	if g[0] != x.Shape[0] {
		return nil, fmt.Errorf("%s wants a grid for each image: %s and %s differ in their first axis", op, x, grid)
	}
	s := ir.Shape{g[0], g[1], g[2], x.Shape[3]}
	if _, ok := s.Elems(); !ok {
		return nil, fmt.Errorf("%s would give %s, more than %d elements", op, s, ir.MaxElems)
	}
	return s, nil
}

// tapsOf is how many rows a mode reads.
var tapsOf = map[string]int{"nearest": 1, "linear": 2, "cubic": 4}

// gridSampling emits the taps of every place of a grid, and returns the buffers of their slopes, of rows and of columns, where wanted.
func (l *Lowering) gridSampling(x, grid *ir.Value, a ir.Attrs, slopes bool) (sampling, []*loop.Buffer) {
	img, g := l.Buf(x), l.Buf(grid)
	points := ir.Shape{g.Shape[0], g.Shape[1], g.Shape[2], img.Shape[3]}
	count := tapsOf[a.Str("mode")]
	s := sampling{img, points, l.newTaps("rows", points, count, 0, 1, 2), l.newTaps("cols", points, count, 0, 1, 2)}
	var list []*loop.Buffer
	for i, t := range []taps{s.rows, s.cols} {
		at := loop.Read(g, append(plainIndex(3), loop.At(1-i))...)
		size := img.Shape[1+i].Size
		v := gridTap(at, loop.E(loop.ToF32, loop.IndexOf(loop.Ax(3))), size, a)
		if !slopes {
			v.slopes = nil
		}
		list = append(list, l.fill(t, size, v)...)
	}
	return s, list
}

// gridTap is tap number k, a whole number as f32, of the place that coordinate g names along an axis of size pixels.
func gridTap(g, k *loop.Expr, size int, a ir.Attrs) tapped {
	e, f := loop.E, loop.F
	n := float64(size)
	// The place, where pixel i is at i, and how fast it moves.
	half, speed := 0.5*n, 0.5*n
	shift := half - 0.5
	if a.Bool("align_corners") {
		speed, shift = 0.5*(n-1), 0.5*(n-1)
	}
	place := e(loop.Add, e(loop.Mul, g, f(speed)), f(shift))
	turn := f(speed)
	cubic := a.Str("mode") == "cubic"
	if !cubic {
		var factor *loop.Expr
		if place, factor = boundPlace(place, size, a); factor != nil {
			turn = e(loop.Mul, turn, factor)
		}
	}
	switch a.Str("mode") {
	case "nearest":
		at := e(loop.Round, place)
		return tapped{at, onImage(at, size), f(1), []*loop.Expr{f(0)}}
	case "linear":
		low := e(loop.Floor, place)
		t := e(loop.Sub, place, low)
		first := e(loop.Eq, k, f(0))
		at := e(loop.Add, low, k)
		return tapped{at, onImage(at, size), e(loop.Select, first, e(loop.Sub, f(1), t), t),
			[]*loop.Expr{e(loop.Select, first, e(loop.Neg, turn), turn)}}
	}
	low := e(loop.Floor, place)
	at := e(loop.Add, low, e(loop.Sub, k, f(1)))
	d := e(loop.Sub, place, at) // of the place from the tap, which padding moves afterwards
	weight, slope := cubicWeight(d)
	at, _ = boundPlace(at, size, a)
	return tapped{at, onImage(at, size), weight, []*loop.Expr{e(loop.Mul, turn, slope)}}
}

// boundPlace moves a place into the image as the padding mode says, and returns the factor by which it then moves; nil for 1.
func boundPlace(p *loop.Expr, size int, a ir.Attrs) (place, factor *loop.Expr) {
	e, f := loop.E, loop.F
	last := f(float64(size - 1))
	clip := func(p *loop.Expr) *loop.Expr { return e(loop.Min, e(loop.Max, p, f(0)), last) }
	inside := func(p *loop.Expr) *loop.Expr {
		return e(loop.And, e(loop.Less, f(0), p), e(loop.Less, p, last))
	}
	switch a.Str("padding_mode") {
	case "zeros":
		return p, nil
	case "border":
		return clip(p), e(loop.Select, inside(p), f(1), f(0))
	}
	// The image and its mirror image take turns, span pixels each from low on.
	low, span := -0.5, float64(size)
	if a.Bool("align_corners") {
		low, span = 0, float64(size-1)
	}
	if span == 0 {
		return f(0), f(0)
	}
	off := e(loop.Sub, p, f(low))
	far := e(loop.Abs, off)
	flips := e(loop.Floor, e(loop.Div, far, f(span)))
	rest := e(loop.Sub, far, e(loop.Mul, flips, f(span)))
	straight := e(loop.Eq, flips, e(loop.Mul, f(2), e(loop.Floor, e(loop.Mul, flips, f(0.5)))))
	q := e(loop.Add, e(loop.Select, straight, rest, e(loop.Sub, f(span), rest)), f(low))
	sign := e(loop.Select, e(loop.Xor, e(loop.Less, off, f(0)), straight), f(1), f(-1))
	return clip(q), e(loop.Select, inside(q), sign, f(0))
}

// cubicWeight is the weight of a tap at distance d by cubic convolution with a = -0.75 (Keys, 1981), and its slope.
func cubicWeight(d *loop.Expr) (weight, slope *loop.Expr) {
	const a = -0.75
	e, f := loop.E, loop.F
	x := e(loop.Abs, d)
	poly := func(c ...float64) *loop.Expr {
		p := f(c[0])
		for _, k := range c[1:] {
			p = e(loop.Add, e(loop.Mul, p, x), f(k))
		}
		return p
	}
	near := e(loop.LessEq, x, f(1))
	weight = e(loop.Select, near, poly(a+2, -a-3, 0, 1), poly(a, -5*a, 8*a, -4*a))
	rise := e(loop.Select, near, poly(3*(a+2), -2*(a+3), 0), poly(3*a, -10*a, 8*a))
	return weight, e(loop.Select, e(loop.Less, d, f(0)), e(loop.Neg, rise), rise)
}

// evalTap is one row that a place reads: -1 outside.
type evalTap struct {
	at            int
	weight, slope float64
}

// evalTaps lists the taps of the place that coordinate g names, with the slopes of their weights for g.
func evalTaps(g float64, size int, a ir.Attrs) []evalTap {
	n := float64(size)
	p, speed := ((g+1)*n-1)/2, n/2
	lo, hi := -0.5, n-0.5
	if a.Bool("align_corners") {
		p, speed, lo, hi = (g+1)/2*(n-1), (n-1)/2, 0, n-1
	}
	pad := func(p float64) (float64, float64) {
		v := 1.0
		switch a.Str("padding_mode") {
		case "zeros":
			return p, 1
		case "reflection":
			if hi == lo {
				return 0, 0
			}
			q := math.Mod(p-lo, 2*(hi-lo))
			if q < 0 {
				q += 2 * (hi - lo)
			}
			if q > hi-lo {
				q, v = 2*(hi-lo)-q, -1
			}
			p = lo + q
		}
		if p <= 0 || p >= n-1 {
			v = 0
		}
		return max(0, min(n-1, p)), v
	}
	at := func(p float64) int {
		if p < 0 || p > n-1 {
			return -1
		}
		return int(p)
	}
	switch a.Str("mode") {
	case "nearest":
		p, _ = pad(p)
		return []evalTap{{at(math.RoundToEven(p)), 1, 0}}
	case "linear":
		p, v := pad(p)
		low := math.Floor(p)
		return []evalTap{{at(low), 1 - (p - low), -speed * v}, {at(low + 1), p - low, speed * v}}
	}
	var list []evalTap
	low := math.Floor(p)
	for k := low - 1; k <= low+2; k++ {
		const h = 1e-6
		q, _ := pad(k)
		list = append(list, evalTap{at(q), keys(p - k), speed * (keys(p-k+h) - keys(p-k-h)) / (2 * h)})
	}
	return list
}

// keys is the kernel of cubic convolution with a = -0.75.
func keys(d float64) float64 {
	x := math.Abs(d)
	switch {
	case x <= 1:
		return 1.25*x*x*x - 2.25*x*x + 1
	case x < 2:
		return -0.75*x*x*x + 3.75*x*x - 6*x + 3
	}
	return 0
}

// gridSamples are grids that reach outside of their image, in every mode.
func gridSamples() []Sample {
	mode := func(mode, padding string, corners bool) ir.Attrs {
		return ir.Attrs{{Name: "mode", Value: mode}, {Name: "padding_mode", Value: padding}, {Name: "align_corners", Value: corners}}
	}
	wide := map[int][2]float64{1: {-1.7, 1.7}}
	return []Sample{
		{Args: f32Types(ir.NS(4, 5, 3), ir.NS(3, 2, 2)), Range: wide},
		{Args: f32Types(ir.NS(4, 5, 9), ir.NS(2, 2, 2)), Attrs: mode("linear", "border", true), Range: wide, Batch: 2},
		{Args: f32Types(ir.NS(3, 2, 1), ir.NS(3, 3, 2)), Attrs: mode("linear", "reflection", false), Range: map[int][2]float64{1: {-4, 4}}, Batch: 2},
		{Args: f32Types(ir.NS(3, 4, 2), ir.NS(3, 3, 2)), Attrs: mode("linear", "reflection", true), Range: map[int][2]float64{1: {-4, 4}}, Batch: 1},
		{Args: f32Types(ir.NS(4, 5, 2), ir.NS(3, 2, 2)), Attrs: mode("nearest", "zeros", false), Range: wide},
		{Args: f32Types(ir.NS(4, 5, 2), ir.NS(3, 2, 2)), Attrs: mode("nearest", "border", true), Range: wide, Batch: 1},
		{Args: f32Types(ir.NS(5, 6, 2), ir.NS(2, 3, 2)), Attrs: mode("cubic", "zeros", false), Range: wide, Batch: 2},
		{Args: f32Types(ir.NS(5, 4, 1), ir.NS(2, 3, 2)), Attrs: mode("cubic", "border", true), Range: wide, Batch: 1},
		{Args: f32Types(ir.NS(3, 3, 8), ir.NS(2, 1, 2)), Attrs: mode("cubic", "reflection", false), Range: wide, Batch: 1},
		{Args: f32Types(ir.NS(1, 1, 2), ir.NS(2, 1, 2)), Attrs: mode("linear", "reflection", true), Range: wide},
		{Args: f32Types(ir.S(2, 3, 3, 1), ir.S(2, 1, 4, 2)), Range: wide},
	}
}

// gridGradSamples are some of gridSamples with a gradient before them.
func gridGradSamples() []Sample {
	var list []Sample
	for i, s := range gridSamples() {
		if i%3 == 0 {
			g := s.Args[1].Shape
			dy := ir.T(ir.F32, ir.Shape{g[0], g[1], g[2], s.Args[0].Shape[3]})
			list = append(list, Sample{Args: append([]ir.Type{dy}, s.Args...), Attrs: s.Attrs, Range: map[int][2]float64{2: s.Range[1]}, Batch: s.Batch})
		}
	}
	return list
}
