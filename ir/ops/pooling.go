package ops

import (
	"fmt"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// poolAttrs are the attributes of pooling.
var poolAttrs = []AttrDef{
	{Name: "size", Doc: "side of the window: one number, or [vertical, horizontal]", Kind: []int{}},
	{Name: "stride", Doc: "step from one window to the next; the size where it is left out", Default: []int{}},
	{Name: "padding", Doc: "\"valid\": no border; \"same\": a border such that the output is the input divided by the stride, rounded up", Default: "valid", Values: []string{"valid", "same"}},
	{Name: "pads", Doc: "the border in full, [top, left, bottom, right]; takes the place of padding", Default: []int{}},
}

// maxTaps bounds the elements of a pooling window, so that their numbers are exact in f32.
const maxTaps = 1 << 24

// poolWindow checks the operand of a pooling and works out its geometry. Every window holds at least one element of the image.
func poolWindow(kind string, x ir.Type, a ir.Attrs) (window, error) {
	if err := image(kind, x); err != nil {
		return window{}, err
	}
	stride := a.Ints("stride")
	if len(stride) == 0 {
		stride = a.Ints("size")
	}
	w, err := newWindow(kind, side(x), a.Ints("size"), stride, []int{1}, a.Str("padding"), a.Ints("pads"))
	if err != nil {
		return w, err
	}
	if w.kernel[0] > maxTaps/w.kernel[1] {
		return w, WithNote("global_avg_pool, reduce_mean and reduce_max take whole images of any size", "%s cannot have a window of %dx%d, more than %d elements", kind, w.kernel[0], w.kernel[1], maxTaps)
	}
	for i := range w.kernel {
		if max(w.before[i], w.after[i]) >= w.kernel[i] {
			return w, WithNote("a border is narrower than the window", "%s with a window of %d and a border of %d would look at nothing but border", kind, w.kernel[i], max(w.before[i], w.after[i]))
		}
	}
	return w, w.checkScratch(kind, x.Shape[0], x.Shape[3].Size)
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
	return ir.T(ir.F32, ir.Shape{x.Shape[0], ir.D(w.out[0]), ir.D(w.out[1]), x.Shape[3]})
}

// axes returns the loops over a pooling's result.
func (w window) axes(x ir.Type) []loop.Axis {
	return []loop.Axis{{Name: "n", Extent: x.Shape[0]}, axis("y", w.out[0]), axis("x", w.out[1]), axis("c", x.Shape[3].Size)}
}

// poolAttrs are the attributes of a pooling's gradient: its window with the border written out.
func (w window) poolAttrs() []ir.Attr {
	return []ir.Attr{{Name: "size", Value: w.kernel[:]}, {Name: "stride", Value: w.stride[:]}, {Name: "pads", Value: w.pads()}}
}

// poolEval walks the windows of a pooling of x: visit gets the index of the result and that of each element of the image in its window.
// Taps in the border are left out; tap numbers count them.
func poolEval(x *Tensor, a ir.Attrs, visit func(out, in []int, tap int)) (shape []int) {
	size, stride := a.Ints("size"), a.Ints("stride")
	if len(stride) == 0 {
		stride = size
	}
	a = ir.Attrs{{Name: "stride", Value: stride}, {Name: "padding", Value: a.Get("padding")}, {Name: "pads", Value: a.Ints("pads")}}
	kh, kw := size[0], size[len(size)-1]
	gy, gx := newNaiveAxis(x.Shape[1], kh, 0, a), newNaiveAxis(x.Shape[2], kw, 1, a)
	shape = []int{x.Shape[0], gy.out, gx.out, x.Shape[3]}
	eachIndex(shape, func(ix []int) {
		for u := range kh {
			for v := range kw {
				i, j := gy.input(ix[1], u), gx.input(ix[2], v)
				if i >= 0 && i < x.Shape[1] && j >= 0 && j < x.Shape[2] {
					visit(ix, []int{ix[0], i, j, ix[3]}, u*kw+v)
				}
			}
		}
	})
	return shape
}

// pool makes a nest that folds the windows over an image of type x: loops n, y, x, c, then u, v.
func (w window) pool(x ir.Type, f loop.Fold) *loop.Nest {
	return &loop.Nest{Form: loop.Window, Axes: w.axes(x), Red: []loop.Axis{axis("u", w.kernel[0]), axis("v", w.kernel[1])}, Fold: f}
}

// inside is the number of elements of the image in the window of output (y, x), loops number 1 and 2.
func (w window) inside() *loop.Expr {
	var n [2]*loop.Expr
	for i := range n {
		if w.before[i] == 0 && w.after[i] == 0 {
			n[i] = loop.F(float64(w.kernel[i]))
			continue
		}
		start := loop.Affine{Const: -w.before[i]}.Plus(1+i, w.stride[i], 0)
		end := start.Plus(0, 0, w.kernel[i])
		n[i] = loop.E(loop.Sub,
			loop.E(loop.Min, loop.E(loop.ToF32, loop.IndexOf(end)), loop.F(float64(w.in[i]))),
			loop.E(loop.Max, loop.E(loop.ToF32, loop.IndexOf(start)), loop.F(0)))
	}
	return loop.E(loop.Mul, n[0], n[1])
}

// tapNumber is the number of a tap, in the order in which a window is folded, as f32; at is the number of the loop over u, with v
// behind it, and turned says that they run from the last tap to the first.
func (w window) tapNumber(at int, turned bool) *loop.Expr {
	i := loop.Affine{}.Plus(at, w.kernel[1], 0).Plus(at+1, 1, 0)
	if turned {
		i = loop.At(w.taps()-1).Plus(at, -w.kernel[1], 0).Plus(at+1, -1, 0)
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
			return done(part(load, w.tapNumber(3, false)))
		})
		return
	}
	for i, b := range from {
		b = scatter(l, b, fmt.Sprintf("spread%d", i), w.spreadBack(), fill[i])
		load[i] = loop.Read(b, loop.Ax(0), loop.Ax(1).Plus(4, 1, 0), loop.Ax(2).Plus(5, 1, 0), loop.Ax(3))
	}
	turned := window{out: w.in, kernel: w.kernel}
	n := turned.pool(x, loop.FoldSum)
	n.Value = part(load, w.tapNumber(4, true))
	n.Stores = []loop.Store{storeAt(dx, done(loop.Total(ir.F32)), plainIndex(4)...)}
	l.Emit(n)
}

// spread emits the gradient of windows that share no element: a map over the windows (loops n, y, x), their taps (u, v) and c that
// stores each element of the image once, behind a fill with zeros where windows leave some out.
func (w window) spread(l *Lowering, x ir.Type, dx *loop.Buffer, value func(index []loop.Affine) *loop.Expr) {
	to := dx
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
	out := w.axes(x)
	n := &loop.Nest{Form: loop.Map, Axes: append(append(append([]loop.Axis{}, out[:3]...), axis("u", w.kernel[0]), axis("v", w.kernel[1])), out[3])}
	e := value([]loop.Affine{loop.Ax(0), loop.Ax(1), loop.Ax(2), loop.Ax(5)})
	n.Stores = []loop.Store{storeAt(to, e, loop.Ax(0), w.slide(0, 1, 3), w.slide(1, 2, 4), loop.Ax(5))}
	l.Emit(n)
	if to != dx {
		at := make([]placement, 4)
		for i := range w.in {
			at[1+i] = placement{w.in[i], 1, -w.before[i]}
		}
		scatterInto(l, dx, to, at, 0)
	}
}
