package ops

import (
	"fmt"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// window is the geometry of a two-dimensional window that slides over an image, as convolution and pooling share it. Index 0 is
// the vertical axis, 1 the horizontal one. Output o sees the inputs o*stride + tap*dilation - before.
type window struct {
	in, out, kernel, stride, dilation, before, after [2]int
}

// windowAttrs are the attributes that say how a window moves. The order is that of positional arguments.
var windowAttrs = []AttrDef{
	{Name: "stride", Doc: "step from one window to the next: one number, or [vertical, horizontal]", Default: []int{1}},
	{Name: "padding", Doc: "\"valid\": no border; \"same\": a border of zeros such that the output is the input divided by the stride, rounded up", Default: "valid", Values: []string{"valid", "same"}},
	{Name: "pads", Doc: "the border in full, [top, left, bottom, right]; takes the place of padding", Default: []int{}},
}

// pair reads an attribute that is one number for both axes or one for each; every number must be at least 1.
func pair(kind, name string, v []int) ([2]int, error) {
	var p [2]int
	switch len(v) {
	case 1:
		p = [2]int{v[0], v[0]}
	case 2:
		p = [2]int{v[0], v[1]}
	default:
		return p, WithNote("write one number for both axes, or [vertical, horizontal]", "%s takes one or two numbers as its %s, not %d", kind, name, len(v))
	}
	for _, n := range p {
		if n < 1 {
			return p, WithNote("write a whole number from 1 up", "%s needs a %s of at least 1, not %d", kind, name, n)
		}
		if n > ir.MaxElems {
			return p, WithNote(fmt.Sprintf("the limit is %d", ir.MaxElems), "%s cannot have a %s of %d", kind, name, n)
		}
	}
	return p, nil
}

// newWindow works out pads and output extents, or says why the window cannot be. All arithmetic is in int64 on numbers below
// 2^31, so that nothing overflows before it is checked.
func newWindow(kind string, in [2]int, kernel, stride, dilation []int, padding string, pads []int) (window, error) {
	w := window{in: in}
	var err error
	if w.kernel, err = pair(kind, "kernel", kernel); err != nil {
		return w, err
	}
	if w.stride, err = pair(kind, "stride", stride); err != nil {
		return w, err
	}
	if w.dilation, err = pair(kind, "dilation", dilation); err != nil {
		return w, err
	}
	switch len(pads) {
	case 0, 4:
	default:
		return w, WithNote("write [top, left, bottom, right]", "%s takes four numbers as its pads, not %d", kind, len(pads))
	}
	for _, p := range pads {
		if p < 0 || p > ir.MaxElems {
			return w, WithNote("a border has at least 0 elements; crop with pad and negative numbers", "%s cannot have a border of %d", kind, p)
		}
	}
	for i := range in {
		if in[i] < 1 {
			return w, fmt.Errorf("%s needs an image, but its input has a side of %d", kind, in[i])
		}
		size, step := int64(in[i]), int64(w.stride[i])
		reach := (int64(w.kernel[i])-1)*int64(w.dilation[i]) + 1
		var before, after int64
		switch {
		case len(pads) == 4:
			before, after = int64(pads[i]), int64(pads[i+2])
		case padding == "same":
			total := max(((size+step-1)/step-1)*step+reach-size, 0)
			before = total / 2
			after = total - before
		}
		full := size + before + after
		if full > ir.MaxElems {
			return w, fmt.Errorf("%s: the padded input has a side of %d, more than %d", kind, full, ir.MaxElems)
		}
		if reach > full {
			return w, WithNote(fmt.Sprintf("use padding=\"same\", or a kernel that spans at most %d", full),
				"%s has a kernel that spans %d, but its input has only %d", kind, reach, full)
		}
		w.before[i], w.after[i] = int(before), int(after)
		w.out[i] = int((full-reach)/step) + 1
	}
	return w, nil
}

// reach is how many inputs a window spans along axis i.
func (w window) reach(i int) int { return (w.kernel[i]-1)*w.dilation[i] + 1 }

// pads returns the border as the attribute holds it.
func (w window) pads() []int {
	return []int{w.before[0], w.before[1], w.after[0], w.after[1]}
}

// taps is the number of elements that a window sees.
func (w window) taps() int { return w.kernel[0] * w.kernel[1] }

// padded reports whether there is any border.
func (w window) padded() bool {
	return w.before != [2]int{} || w.after != [2]int{}
}

// pointwise reports whether the window is a single element that visits every input once.
func (w window) pointwise() bool {
	return w.taps() == 1 && w.stride == [2]int{1, 1} && !w.padded()
}

// disjoint reports whether no input lies in two windows.
func (w window) disjoint() bool {
	return w.stride[0] >= w.kernel[0] && w.stride[1] >= w.kernel[1] && w.dilation == [2]int{1, 1}
}

// covers reports whether disjoint windows leave no element of the padded input out.
func (w window) covers() bool {
	for i := range w.in {
		if w.stride[i] != w.kernel[i] || w.out[i]*w.stride[i] != w.in[i]+w.before[i]+w.after[i] {
			return false
		}
	}
	return true
}

// checkScratch refuses a window whose padded input, or whose padded and dilated output gradient, has more elements for an
// example than a tensor may have.
func (w window) checkScratch(kind string, lead ir.Dim, channels ...int) error {
	for _, c := range channels {
		h := w.in[0] + max(w.before[0]+w.after[0], w.reach(0))
		v := w.in[1] + max(w.before[1]+w.after[1], w.reach(1))
		if _, ok := (ir.Shape{lead, ir.D(h), ir.D(v), ir.D(c)}).Elems(); !ok {
			return WithNote("make the image, the kernel or the number of channels smaller",
				"%s would need a padded image of %dx%dx%d, more than the %d elements that a tensor may have", kind, h, v, c, ir.MaxElems)
		}
	}
	return nil
}

// image checks that an operand is a batch of images, f32[N,H,W,C] with all but the first extent known.
func image(kind string, t ir.Type) error {
	ok := t.Elem == ir.F32 && len(t.Shape) == 4
	for i := 1; ok && i < 4; i++ {
		ok = t.Shape[i].Static() && t.Shape[i].Size > 0
	}
	if !ok {
		return WithNote("an image is f32[height, width, channels]; reshape brings other tensors into that form",
			"%s needs an image f32[N,H,W,C], but its input is %v", kind, t)
	}
	return nil
}

// side returns height and width of an image.
func side(t ir.Type) [2]int { return [2]int{t.Shape[1].Size, t.Shape[2].Size} }

// nest makes a sum over axes, of which numbers 1 and 2 are the output's sides: the taps of w are its first reduction axes, inner
// the last. It also returns the indices of what the window sees, counted from the first element of the border, and the taps.
// A pointwise window over ungrouped channels has no loops over its taps: what it computes is a matrix product. Groups take a window's form
// always, as their channel adds the loop over the group to the one over its members.
func (w window) nest(axes []loop.Axis, groups int, inner loop.Axis) (n *loop.Nest, see, tap [2]loop.Affine) {
	n = &loop.Nest{Form: loop.Window, Axes: axes, Red: []loop.Axis{inner}, Fold: loop.FoldSum}
	if w.pointwise() && groups == 1 {
		n.Form = loop.Contract
		return n, [2]loop.Affine{loop.Ax(1), loop.Ax(2)}, tap
	}
	n.Red = append([]loop.Axis{axis("u", w.kernel[0]), axis("v", w.kernel[1])}, n.Red...)
	for i := range see {
		see[i], tap[i] = w.slide(i, 1+i, len(axes)+i), loop.Ax(len(axes)+i)
	}
	return n, see, tap
}

// slide is the index along side i of the input that a window sees: loop number at is the output, loop number tap the tap.
func (w window) slide(i, at, tap int) loop.Affine {
	return loop.Affine{}.Plus(at, w.stride[i], 0).Plus(tap, w.dilation[i], 0)
}

// channel is the index of a channel: that of its loop, or where channels are grouped, its place in the group of loop number 3.
func channel(at, groups, perGroup int) loop.Affine {
	if groups == 1 {
		return loop.Ax(at)
	}
	return loop.Ax(at).Plus(3, perGroup, 0)
}

// placement says where an axis goes in a larger or smaller one: element i to stride*i + offset of an axis of extent size, if that
// lies in it. The zero placement leaves the axis as it is.
type placement struct{ size, stride, offset int }

// framed returns the placements of an image in its border.
func (w window) framed() []placement {
	at := make([]placement, 4)
	for i := range w.in {
		at[1+i] = placement{w.in[i] + w.before[i] + w.after[i], 1, w.before[i]}
	}
	return at
}

// spreadBack returns the placements of an output gradient such that the window turned around, with stride 1, computes the gradient of the
// input: outputs lie stride apart, behind a border as wide as the kernel reaches.
func (w window) spreadBack() []placement {
	at := make([]placement, 4)
	for i := range w.in {
		at[1+i] = placement{w.in[i] + w.reach(i) - 1, w.stride[i], w.reach(i) - 1 - w.before[i]}
	}
	return at
}

// scatter returns src with its axes placed, all else being fill: src itself where nothing changes, otherwise a scratch buffer
// that a fill nest and a copy nest make. Padding, cropping and dilation are no more than this.
func scatter(l *Lowering, src *loop.Buffer, suffix string, at []placement, fill float64) *loop.Buffer {
	shape := append(ir.Shape{}, src.Shape...)
	same := true
	for i, p := range at {
		if p.stride != 0 {
			same = same && p.stride == 1 && p.offset == 0 && p.size == src.Shape[i].Size
			shape[i] = ir.D(p.size)
		}
	}
	if same {
		return src
	}
	dst := l.Temp(suffix, ir.T(src.Elem, shape))
	scatterInto(l, dst, src, at, fill)
	return dst
}

// scatterInto is scatter into a buffer that exists.
func scatterInto(l *Lowering, dst, src *loop.Buffer, at []placement, fill float64) {
	copied := &loop.Nest{Form: loop.Copy}
	var load, store []loop.Affine
	full, empty := true, false
	for i, p := range at {
		axis := loop.Axis{Name: axisName(i, src.Shape[i]), Extent: src.Shape[i]}
		from, to := loop.Ax(i), loop.Ax(i)
		if p.stride != 0 {
			first := max(0, (-p.offset+p.stride-1)/p.stride)
			last := min(src.Shape[i].Size-1, floorDiv(p.size-1-p.offset, p.stride))
			axis.Extent = ir.D(last - first + 1)
			empty = empty || last < first
			full = full && last-first+1 == p.size
			from = loop.Ax(i).Plus(i, 0, first)
			to = loop.Affine{}.Plus(i, p.stride, p.stride*first+p.offset)
		}
		copied.Axes = append(copied.Axes, axis)
		load, store = append(load, from), append(store, to)
	}
	if !full || empty {
		fillWith(l, dst, fill)
	}
	if !empty {
		copied.Stores = []loop.Store{storeAt(dst, loop.Read(src, load...), store...)}
		l.Emit(copied)
	}
}

// fillWith emits a nest that sets every element of a buffer.
func fillWith(l *Lowering, dst *loop.Buffer, x float64) { l.mapOver(dst, cell(dst.Elem, x)) }

// floorDiv divides rounding down; b is positive.
func floorDiv(a, b int) int {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// axis makes a loop of known extent.
func axis(name string, n int) loop.Axis { return loop.Axis{Name: name, Extent: ir.D(n)} }

// naiveAxis is the geometry of one side as the evaluation sees it: found by walking, not by the formulas that [newWindow] uses.
type naiveAxis struct{ out, stride, dilation, before int }

// newNaiveAxis walks a window over side i (0 vertical, 1 horizontal) until it leaves the border.
func newNaiveAxis(size, kernel, i int, a ir.Attrs) naiveAxis {
	of := func(name string) int {
		v, ok := a.Get(name).([]int)
		switch {
		case !ok:
			return 1
		case len(v) == 2:
			return v[i]
		}
		return v[0]
	}
	g := naiveAxis{stride: of("stride"), dilation: of("dilation")}
	after := 0
	if p := a.Ints("pads"); len(p) == 4 {
		g.before, after = p[i], p[i+2]
	} else if a.Get("padding") == "same" {
		// The smallest border that lets a window start at every stride-th element; of an odd one the larger half comes last.
		for last := (size - 1) / g.stride * g.stride; last+(kernel-1)*g.dilation >= size+g.before+after; {
			if after > g.before {
				g.before++
			} else {
				after++
			}
		}
	}
	for at := -g.before; at+(kernel-1)*g.dilation < size+after; at += g.stride {
		g.out++
	}
	return g
}

// input is the place that tap u of output o looks at; outside of the image it is in the border.
func (g naiveAxis) input(o, u int) int { return o*g.stride - g.before + u*g.dilation }
