package ops

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// window is the geometry of a window that slides over the axes between the batch and the channels, one to three, as convolution and
// pooling share it. Each list has one number for each of these axes, outermost first. Output o sees the inputs o*stride +
// tap*dilation - before. beyond is what of after no border was asked for, but the last window looks at (ceil_mode).
type window struct {
	in, out, kernel, stride, dilation, before, after, beyond []int
}

// windowAttrs are the attributes that say how a window moves. The order is that of positional arguments.
var windowAttrs = []AttrDef{
	{Name: "stride", Doc: "step from one window to the next: one number, or one for each axis", Default: []int{1}},
	{Name: "padding", Doc: "\"valid\": no border; \"same\": a border of zeros such that the output is the input divided by the stride, rounded up, of which an odd element " +
		"comes last; \"same_lower\": the same, but it comes first", Default: "valid", Values: []string{"valid", "same", "same_lower"}},
	{Name: "pads", Doc: "the border in full, before each axis and then behind each: of an image [top, left, bottom, right]; takes the place of padding", Default: []int{}},
}

// perAxis reads an attribute that is one number for all of so many axes or one for each; every number must be at least 1.
func perAxis(kind, name string, v []int, axes int) ([]int, error) {
	switch {
	case len(v) == 1:
		v = slices.Repeat(v, axes)
	case len(v) != axes:
		return nil, WithNote([]string{"", "write one number", "write one number for both axes, or [vertical, horizontal]", "write one number for all axes, or [depth, vertical, horizontal]"}[axes],
			"%s takes %s as its %s, not %d", kind, []string{"", "one number", "one or two numbers", "one or three numbers"}[axes], name, len(v))
	}
	for _, n := range v {
		if n < 1 {
			return nil, WithNote("write a whole number from 1 up", "%s needs a %s of at least 1, not %d", kind, name, n)
		}
		if n > ir.MaxElems {
			return nil, WithNote(fmt.Sprintf("the limit is %d", ir.MaxElems), "%s cannot have a %s of %d", kind, name, n)
		}
	}
	return v, nil
}

// motion is how a window moves, as attributes say it.
type motion struct {
	kernel, stride, dilation []int
	padding                  string
	pads                     []int
	ceil                     bool // whether a last window may reach beyond the border
}

// newWindow works out pads and output extents, or says why the window cannot be.
func newWindow(kind string, in []int, m motion) (window, error) {
	w := window{in: in}
	var err error
	if w.kernel, err = perAxis(kind, "kernel", m.kernel, len(in)); err != nil {
		return w, err
	}
	if w.stride, err = perAxis(kind, "stride", m.stride, len(in)); err != nil {
		return w, err
	}
	if w.dilation, err = perAxis(kind, "dilation", m.dilation, len(in)); err != nil {
		return w, err
	}
	if n := len(m.pads); n != 0 && n != 2*len(in) {
		form := []string{"", "[before, after]", "[top, left, bottom, right]", "[front, top, left, back, bottom, right]"}[len(in)]
		return w, WithNote("write "+form, "%s takes %s numbers as its pads, not %d", kind, []string{"", "two", "four", "six"}[len(in)], n)
	}
	for _, p := range m.pads {
		if p < 0 || p > ir.MaxElems {
			return w, WithNote("a border has at least 0 elements; crop with pad and negative numbers", "%s cannot have a border of %d", kind, p)
		}
	}
	for i := range in {
		if err := w.place(kind, i, m); err != nil {
			return w, err
		}
	}
	return w, nil
}

// place works out border and output of axis i. All arithmetic is in int64 on numbers below 2^31, so that nothing overflows before it is
// checked.
func (w *window) place(kind string, i int, m motion) error {
	if w.in[i] < 1 {
		return fmt.Errorf("%s needs an image, but its input has a side of %d", kind, w.in[i])
	}
	size, step := int64(w.in[i]), int64(w.stride[i])
	reach := (int64(w.kernel[i])-1)*int64(w.dilation[i]) + 1
	var before, after, beyond int64
	switch {
	case len(m.pads) > 0:
		before, after = int64(m.pads[i]), int64(m.pads[i+len(w.in)])
	case m.padding == "same" || m.padding == "same_lower":
		total := max(((size+step-1)/step-1)*step+reach-size, 0)
		before = total / 2
		if m.padding == "same_lower" {
			before = total - before
		}
		after = total - before
	}
	full := size + before + after
	if full > ir.MaxElems {
		return fmt.Errorf("%s: the padded input has a side of %d, more than %d", kind, full, ir.MaxElems)
	}
	if reach > full {
		return WithNote(fmt.Sprintf("use padding=\"same\", or a kernel that spans at most %d", full),
			"%s has a kernel that spans %d, but its input has only %d", kind, reach, full)
	}
	out := (full-reach)/step + 1
	if m.ceil && (full-reach)%step != 0 && out*step-before < size {
		beyond = out*step + reach - full
		out++
	}
	w.before, w.after = append(w.before, int(before)), append(w.after, int(after+beyond))
	w.out, w.beyond = append(w.out, int(out)), append(w.beyond, int(beyond))
	return nil
}

// axes is the number of axes that the window slides over.
func (w window) axes() int { return len(w.in) }

// reach is how many inputs a window spans along axis i.
func (w window) reach(i int) int { return (w.kernel[i]-1)*w.dilation[i] + 1 }

// pads returns the border as the attribute holds it.
func (w window) pads() []int {
	list := slices.Clone(w.before)
	for i, a := range w.after {
		list = append(list, a-w.beyond[i])
	}
	return list
}

// taps is the number of elements that a window sees.
func (w window) taps() int {
	n := 1
	for _, k := range w.kernel {
		n *= k
	}
	return n
}

// padded reports whether there is any border.
func (w window) padded() bool { return slices.Max(w.before) > 0 || slices.Max(w.after) > 0 }

// pointwise reports whether the window is a single element that visits every input once.
func (w window) pointwise() bool { return w.taps() == 1 && slices.Max(w.stride) == 1 && !w.padded() }

// disjoint reports whether no input lies in two windows.
func (w window) disjoint() bool {
	for i := range w.in {
		if w.stride[i] < w.kernel[i] || w.dilation[i] != 1 {
			return false
		}
	}
	return true
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
		s, text := ir.Shape{lead}, []string{}
		for i := range w.in {
			s = append(s, ir.D(w.in[i]+max(w.before[i]+w.after[i], w.reach(i))))
			text = append(text, s[1+i].String())
		}
		if _, ok := append(s, ir.D(c)).Elems(); !ok {
			return WithNote("make the image, the kernel or the number of channels smaller",
				"%s would need a padded image of %sx%d, more than the %d elements that a tensor may have", kind, strings.Join(text, "x"), c, ir.MaxElems)
		}
	}
	return nil
}

// forms are what tensors with so many axes between batch and channels are called, and how they look.
var forms = []struct{ name, form, note string }{
	1: {"a sequence", "f32[N,L,C]", "a sequence is f32[length, channels]"},
	2: {"an image", "f32[N,H,W,C]", "an image is f32[height, width, channels]"},
	3: {"a volume", "f32[N,D,H,W,C]", "a volume is f32[depth, height, width, channels]"},
}

// spatial checks that an operand is a batch with so many axes between the batch and the channels, and all but the first extent known.
func spatial(kind string, t ir.Type, axes int) error {
	ok := t.Elem == ir.F32 && len(t.Shape) == axes+2
	for i := 1; ok && i < len(t.Shape); i++ {
		ok = t.Shape[i].Static() && t.Shape[i].Size > 0
	}
	if !ok {
		return WithNote(forms[axes].note+"; reshape brings other tensors into that form", "%s needs %s %s, but its input is %v", kind, forms[axes].name, forms[axes].form, t)
	}
	return nil
}

// sides returns the extents between the batch and the channels.
func sides(t ir.Type) []int {
	var list []int
	for _, d := range t.Shape[1 : len(t.Shape)-1] {
		list = append(list, d.Size)
	}
	return list
}

// spanned is the shape of a tensor with such sides.
func spanned(lead ir.Dim, sides []int, channels ir.Dim) ir.Shape {
	s := ir.Shape{lead}
	for _, n := range sides {
		s = append(s, ir.D(n))
	}
	return append(s, channels)
}

// The names of the loops over sides and over the taps of a window, by the number of axes.
var (
	sideNames = []string{1: "x", 2: "yx", 3: "zyx"}
	tapNames  = "uvw"
)

// loops returns the loops over a tensor's batch and sides.
func loops(lead ir.Dim, sides []int) []loop.Axis {
	list := []loop.Axis{{Name: "n", Extent: lead}}
	for i, n := range sides {
		list = append(list, axis(sideNames[len(sides)][i:i+1], n))
	}
	return list
}

// tapLoops returns the loops over a window's taps.
func (w window) tapLoops() []loop.Axis {
	var list []loop.Axis
	for i, n := range w.kernel {
		list = append(list, axis(tapNames[i:i+1], n))
	}
	return list
}

// nest makes a sum over axes, of which numbers 1 and up are the output's sides: the taps of w are its first reduction axes, inner
// the last. It also returns the indices of what the window sees, counted from the first element of the border, and the taps.
// A pointwise window over ungrouped channels has no loops over its taps: what it computes is a matrix product. Groups take a window's form
// always, as their channel adds the loop over the group to the one over its members.
func (w window) nest(axes []loop.Axis, groups int, inner loop.Axis) (n *loop.Nest, see, tap []loop.Affine) {
	n = &loop.Nest{Form: loop.Window, Axes: axes, Red: []loop.Axis{inner}, Fold: loop.FoldSum}
	if w.pointwise() && groups == 1 {
		n.Form = loop.Contract
		for i := range w.kernel {
			see = append(see, loop.Ax(1+i))
		}
		return n, see, make([]loop.Affine, len(w.kernel))
	}
	n.Red = append(w.tapLoops(), n.Red...)
	for i := range w.kernel {
		see, tap = append(see, w.slide(i, 1+i, len(axes)+i)), append(tap, loop.Ax(len(axes)+i))
	}
	return n, see, tap
}

// slide is the index along side i of the input that a window sees: loop number at is the output, loop number tap the tap.
func (w window) slide(i, at, tap int) loop.Affine {
	return loop.Affine{}.Plus(at, w.stride[i], 0).Plus(tap, w.dilation[i], 0)
}

// slides is the index of what a window sees in a padded tensor: loops at and up are the output's sides, tap and up the taps.
func (w window) slides(at, tap int, channel loop.Affine) []loop.Affine {
	ix := []loop.Affine{loop.Ax(0)}
	for i := range w.in {
		ix = append(ix, w.slide(i, at+i, tap+i))
	}
	return append(ix, channel)
}

// channel is the index of a channel: that of its loop, or where channels are grouped, its place in the group of loop number group.
func channel(at, group, groups, perGroup int) loop.Affine {
	if groups == 1 {
		return loop.Ax(at)
	}
	return loop.Ax(at).Plus(group, perGroup, 0)
}

// placement says where an axis goes in a larger or smaller one: element i to stride*i + offset of an axis of extent size, if that
// lies in it. The zero placement leaves the axis as it is.
type placement struct{ size, stride, offset int }

// framed returns the placements of an image in its border.
func (w window) framed() []placement {
	at := make([]placement, w.axes()+2)
	for i := range w.in {
		at[1+i] = placement{w.in[i] + w.before[i] + w.after[i], 1, w.before[i]}
	}
	return at
}

// turnedAround is, of a window that moves by single steps, that of the gradient by the input, which sees the gradient of the output.
func (w window) turnedAround() window {
	back := window{in: w.out, out: w.in, kernel: w.kernel, stride: w.stride, dilation: w.dilation}
	for i := range w.in {
		back.before = append(back.before, w.reach(i)-1-w.before[i])
	}
	return back
}

// spreadBack returns the placements of an output gradient such that the window turned around, with stride 1, computes the gradient of the
// input: outputs lie stride apart, behind a border as wide as the kernel reaches.
func (w window) spreadBack() []placement {
	at := make([]placement, w.axes()+2)
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
