package ops

import (
	"fmt"
	"slices"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// poolAttrs are the attributes of pooling.
var poolAttrs = []AttrDef{
	{Name: "size", Doc: "side of the window: one number, or one for each axis", Kind: []int{}},
	{Name: "stride", Doc: "step from one window to the next; the size where it is left out", Default: []int{}},
	{Name: "padding", Doc: "\"valid\": no border; \"same\": a border such that the output is the input divided by the stride, rounded up, of which an odd element comes " +
		"last; \"same_lower\": the same, but it comes first", Default: "valid", Values: []string{"valid", "same", "same_lower"}},
	{Name: "pads", Doc: "the border in full, before each axis and then behind each: of an image [top, left, bottom, right]; takes the place of padding", Default: []int{}},
	{Name: "ceil_mode", Doc: "whether elements that no window reaches get a last one, which looks beyond the border", Default: false},
}

// poolONNX maps the attributes that all poolings share.
func poolONNX(more ...string) map[string]string {
	m := map[string]string{"size": "kernel_shape", "stride": "strides", "pads": "pads", "padding": "auto_pad", "ceil_mode": "ceil_mode"}
	for i := 0; i < len(more); i += 2 {
		m[more[i]] = more[i+1]
	}
	return m
}

// pooledNote says how ONNX's tensors become ours.
const pooledNote = "one to three spatial axes; channels are transposed from the second axis to the last"

// maxTaps bounds the elements of a pooling window, so that their numbers are exact in f32.
const maxTaps = 1 << 24

// poolWindow checks the operand of a pooling and works out its geometry. Every window holds at least one element of the image, unless taps
// lie apart.
func poolWindow(kind string, x ir.Type, a ir.Attrs) (window, error) {
	axes := len(x.Shape) - 2
	if axes < 1 || axes > 3 {
		return window{}, WithNote("reshape brings other tensors into one of these forms",
			"%s needs a sequence f32[N,L,C], an image f32[N,H,W,C] or a volume f32[N,D,H,W,C], but its input is %v", kind, x)
	}
	if err := spatial(kind, x, axes); err != nil {
		return window{}, err
	}
	m := motion{kernel: a.Ints("size"), stride: a.Ints("stride"), dilation: []int{1}, padding: a.Str("padding"), pads: a.Ints("pads"), ceil: a.Bool("ceil_mode")}
	if len(m.stride) == 0 {
		m.stride = m.kernel
	}
	if d, ok := a.Get("dilation").([]int); ok {
		m.dilation = d
	}
	w, err := newWindow(kind, sides(x), m)
	if err != nil {
		return w, err
	}
	taps := 1
	for i, k := range w.kernel {
		if taps > maxTaps/k {
			return w, WithNote("global_avg_pool, reduce_mean and reduce_max take whole images of any size", "%s cannot have a window of %v, more than %d elements", kind, w.kernel, maxTaps)
		}
		taps *= k
		if border := max(w.before[i], w.after[i]); border >= w.reach(i) {
			return w, WithNote("a border is narrower than the window", "%s with a window of %d and a border of %d would look at nothing but border", kind, w.kernel[i], border)
		}
	}
	return w, w.checkScratch(kind, x.Shape[0], x.Shape[axes+1].Size)
}

// mustPool is poolWindow for operands that Infer accepted.
func mustPool(kind string, x ir.Type, a ir.Attrs) window {
	w, err := poolWindow(kind, x, a)
	if err != nil {
		panic("ops: " + kind + ": " + err.Error())
	}
	return w
}

// pooled is the type of the result of a pooling.
func (w window) pooled(x ir.Type) ir.Type {
	return ir.T(ir.F32, spanned(x.Shape[0], w.out, x.Shape[len(x.Shape)-1]))
}

// poolLoops returns the loops over a pooling's result.
func (w window) poolLoops(x ir.Type) []loop.Axis {
	return append(loops(x.Shape[0], w.out), axis("c", x.Shape[len(x.Shape)-1].Size))
}

// poolAttrs are the attributes of a pooling's gradient: its window with the border written out.
func (w window) poolAttrs(a ir.Attrs) []ir.Attr {
	list := []ir.Attr{{Name: "size", Value: w.kernel}, {Name: "stride", Value: w.stride}, {Name: "pads", Value: w.pads()}, {Name: "ceil_mode", Value: a.Bool("ceil_mode")}}
	if a.Get("dilation") != nil {
		list = append(list, ir.Attr{Name: "dilation", Value: w.dilation})
	}
	return list
}

// poolEval walks the windows of a pooling of x: visit gets the index of the result and that of each element of the image in its window.
// Taps in the border are left out; tap numbers count them.
func poolEval(x *Tensor, a ir.Attrs, visit func(out, in []int, tap int)) (shape []int) {
	axes := len(x.Shape) - 2
	size, stride := a.Ints("size"), a.Ints("stride")
	if len(size) == 1 {
		size = slices.Repeat(size, axes)
	}
	if len(stride) == 0 {
		stride = size
	}
	walk := append(ir.Attrs{{Name: "stride", Value: stride}}, a...)
	w := newNaiveWindow(x.Shape[1:axes+1], size, walk)
	shape = slices.Concat(x.Shape[:1], w.outs(), x.Shape[axes+1:])
	place := make([]int, axes)
	eachIndex(shape, func(ix []int) {
		tap := 0
		eachIndex(size, func(taps []int) {
			if w.input(ix[1:], taps, place) {
				visit(ix, slices.Concat(ix[:1], place, ix[axes+1:]), tap)
			}
			tap++
		})
	})
	return shape
}

// pool makes a nest that folds the windows over an image of type x: loops n, the sides, c, then the taps.
func (w window) pool(x ir.Type, f loop.Fold) *loop.Nest {
	return &loop.Nest{Form: loop.Window, Axes: w.poolLoops(x), Red: w.tapLoops(), Fold: f}
}

// seen is the index in a padded image of what a nest made by pool looks at.
func (w window) seen() []loop.Affine { return w.slides(1, w.axes()+2, loop.Ax(w.axes()+1)) }

// inside is the number of elements in the window of an output, whose sides are loops number 1 and up: of the image, or of it and the border that was
// asked for.
func (w window) inside(border bool) *loop.Expr {
	var product *loop.Expr
	for i := range w.in {
		n := loop.F(float64(w.kernel[i]))
		lo, hi := 0, w.in[i]
		if border {
			lo, hi = -w.before[i], w.in[i]+w.after[i]-w.beyond[i]
		}
		if lo > -w.before[i] || hi < w.in[i]+w.after[i] {
			start := loop.Affine{Const: -w.before[i]}.Plus(1+i, w.stride[i], 0)
			end := start.Plus(0, 0, w.kernel[i])
			n = loop.E(loop.Sub,
				loop.E(loop.Min, loop.E(loop.ToF32, loop.IndexOf(end)), loop.F(float64(hi))),
				loop.E(loop.Max, loop.E(loop.ToF32, loop.IndexOf(start)), loop.F(float64(lo))))
		}
		if product == nil {
			product = n
		} else {
			product = loop.E(loop.Mul, product, n)
		}
	}
	return product
}

// tapNumber is the number of a tap, in the order in which a window is folded, as f32; at is the number of the first loop over taps, and
// turned says that they run from the last tap to the first.
func (w window) tapNumber(at int, turned bool) *loop.Expr {
	i, step := loop.Affine{}, w.taps()
	if turned {
		i = loop.At(w.taps() - 1)
	}
	for k, n := range w.kernel {
		step /= n
		if turned {
			i = i.Plus(at+k, -step, 0)
		} else {
			i = i.Plus(at+k, step, 0)
		}
	}
	return loop.E(loop.ToF32, loop.IndexOf(i))
}

// back emits the nests of a pooling's gradient: dx gets at each element the sum over the windows that hold it of what part makes
// of the loads from the given buffers (of the result's shape) and the number of the element's tap in the window. fill is what
// those buffers hold where no window is; done is applied to the sum.
func (w window) back(l *Lowering, x ir.Type, dx *loop.Buffer, from []*loop.Buffer, fill []float64, part func(x []*loop.Expr, tap *loop.Expr) *loop.Expr, done func(*loop.Expr) *loop.Expr) {
	load := make([]*loop.Expr, len(from))
	if w.disjoint() {
		w.spread(l, x, dx, func(index []loop.Affine) *loop.Expr {
			for i, b := range from {
				load[i] = loop.Read(b, index...)
			}
			return done(part(load, w.tapNumber(1+w.axes(), false)))
		})
		return
	}
	none, ones := make([]int, w.axes()), slices.Repeat([]int{1}, w.axes())
	turned := window{in: w.in, out: w.in, kernel: w.kernel, stride: ones, dilation: w.dilation, before: none, after: none}
	for i, b := range from {
		b = scatter(l, b, fmt.Sprintf("spread%d", i), w.spreadBack(), fill[i])
		load[i] = loop.Read(b, turned.seen()...)
	}
	n := turned.pool(x, loop.FoldSum)
	n.Value = part(load, w.tapNumber(2+w.axes(), true))
	n.Stores = []loop.Store{storeAt(dx, done(loop.Total(ir.F32)), plainIndex(2+w.axes())...)}
	l.Emit(n)
}

// spread emits the gradient of windows that share no element: a map over the windows (loops n and the sides), their taps and c that
// stores each element of the image once, behind a fill with zeros where windows leave some out.
func (w window) spread(l *Lowering, x ir.Type, dx *loop.Buffer, value func(index []loop.Affine) *loop.Expr) {
	to, sides := dx, w.axes()
	if w.padded() {
		full := append(ir.Shape{}, x.Shape...)
		for i := range w.in {
			full[1+i] = ir.D(w.in[i] + w.before[i] + w.after[i])
		}
		to = l.Temp("framed", ir.T(ir.F32, full))
	}
	if !w.covers() {
		fillWith(l, to, 0)
	}
	out := w.poolLoops(x)
	n := &loop.Nest{Form: loop.Map, Axes: slices.Concat(out[:1+sides], w.tapLoops(), out[1+sides:])}
	c := loop.Ax(1 + 2*sides)
	n.Stores = []loop.Store{storeAt(to, value(append(plainIndex(1+sides), c)), w.slides(1, 1+sides, c)...)}
	l.Emit(n)
	if to != dx {
		at := make([]placement, 2+sides)
		for i := range w.in {
			at[1+i] = placement{w.in[i], 1, -w.before[i]}
		}
		scatterInto(l, dx, to, at, 0)
	}
}
