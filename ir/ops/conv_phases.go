package ops

import (
	"slices"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// A convolution with a stride gives to elements of its input that lie a stride apart by the same taps, and to neighbours by others. So the gradient of
// its input falls into phases of the stride: each is a convolution of stride 1 over the output gradient, with a part of the taps, and its elements lie
// stride apart. Nothing is multiplied that is not part of the result.

// phase is a run of neighbouring phases of one side that are alike. Number j of them makes the elements at + j + stride*q of the side, q below places:
// tap number t of them, which is tap + j*tapMove + t*tapStep of the kernel, sees element q + see + j*seeMove - t*apart of the output gradient.
type phase struct {
	stride, apart       int
	at, places, wide    int
	taps, tap, tapStep  int
	tapMove             int
	see, seeMove        int
	gradient, spreadOut int // the side of the output gradient, and how far its elements are spread out
}

// mostPhases bounds the nests of one gradient. Beyond it, which takes a dilation that does not fit the stride, the side with the most phases is one
// phase over an output gradient with zeros between its elements.
const mostPhases = 32

// phases returns, for each side, how the gradient of the input falls apart.
func (w window) phases() [][]phase {
	list := make([][]phase, w.axes())
	for i := range list {
		list[i] = w.sidePhases(i, w.stride[i])
	}
	for {
		total, most := 1, 0
		for i, p := range list {
			total *= len(p)
			if len(p) > len(list[most]) {
				most = i
			}
		}
		if total <= mostPhases {
			return list
		}
		list[most] = w.sidePhases(most, 1)
	}
}

// sidePhases returns the phases of side i by a stride, which is that of the window, or 1 where the output gradient is spread out by that.
func (w window) sidePhases(i, stride int) []phase {
	spread := w.stride[i] / stride
	common := gcd(w.dilation[i], stride)
	var list []phase
	for r := range min(stride, w.in[i]) {
		p := phase{stride: stride, apart: w.dilation[i] / common, at: r, places: (w.in[i] - r + stride - 1) / stride, wide: 1,
			tapStep: stride / common, gradient: (w.out[i]-1)*spread + 1, spreadOut: spread}
		for p.tap < p.tapStep && (r+w.before[i]-p.tap*w.dilation[i])%stride != 0 {
			p.tap++
		}
		if p.tap < min(p.tapStep, w.kernel[i]) {
			p.taps = (w.kernel[i] - p.tap + p.tapStep - 1) / p.tapStep
			p.see = (r + w.before[i] - p.tap*w.dilation[i]) / stride
		} else {
			p.tap = 0
		}
		if n := len(list); n > 0 && list[n-1].joins(p) {
			continue
		}
		list = append(list, p)
	}
	return list
}

// joins adds phase q, which follows, to p where it is like those and goes on as they do.
func (p *phase) joins(q phase) bool {
	tapMove, seeMove := q.tap-p.tap, q.see-p.see
	if p.wide > 1 {
		tapMove, seeMove = p.tapMove, p.seeMove
	}
	if q.taps != p.taps || q.places != p.places || q.tap != p.tap+p.wide*tapMove || q.see != p.see+p.wide*seeMove {
		return false
	}
	p.wide, p.tapMove, p.seeMove = p.wide+1, tapMove, seeMove
	return true
}

// span returns the first and the last element of the output gradient that the phase sees, counted beyond its ends.
func (p phase) span() (lo, hi int) {
	end := p.see + (p.wide-1)*p.seeMove
	return min(p.see, end) - (p.taps-1)*p.apart, max(p.see, end) + p.places - 1
}

// frame returns where an output gradient lies in what its phases see, along one side.
func frame(list []phase) placement {
	lo, hi := 0, list[0].gradient-1
	for _, p := range list {
		if p.taps > 0 {
			l, h := p.span()
			lo, hi = min(lo, l), max(hi, h)
		}
	}
	return placement{hi - lo + 1, list[0].spreadOut, -lo}
}

// phaseNest builds the nest of one phase of every side.
type phaseNest struct {
	*loop.Nest
	see, tap, place []loop.Affine
	taps            int // of a window
}

// newPhaseNest makes the parallel loops over the batch and the sides; bound is the index of element 0 of the output gradient in what is seen.
func newPhaseNest(lead ir.Dim, sides []phase, bound []int) *phaseNest {
	n := &phaseNest{Nest: &loop.Nest{Axes: []loop.Axis{{Name: "n", Extent: lead}}}, place: []loop.Affine{loop.Ax(0)}, taps: 1}
	for i, p := range sides {
		name := sideNames[len(sides)][i : i+1]
		q := len(n.Axes)
		n.Axes = append(n.Axes, axis(name, p.places))
		last := p.taps - 1
		see, tap := loop.Ax(q).Plus(0, 0, bound[i]+p.see-last*p.apart), loop.At(p.tap+last*p.tapStep)
		place := loop.Affine{}.Plus(q, p.stride, p.at)
		if p.wide > 1 {
			n.Axes = append(n.Axes, axis(name+"p", p.wide))
			see, tap, place = see.Plus(q+1, p.seeMove, 0), tap.Plus(q+1, p.tapMove, 0), place.Plus(q+1, 1, 0)
		}
		n.see, n.tap, n.place = append(n.see, see), append(n.tap, tap), append(n.place, place)
		n.taps *= p.taps
	}
	return n
}

// slide adds the loops over the taps, behind all parallel ones.
func (n *phaseNest) slide(sides []phase) {
	n.Form, n.Fold = loop.Contract, loop.FoldSum
	for i, p := range sides {
		if p.taps == 1 {
			continue
		}
		n.Form = loop.Window
		t := len(n.Axes) + len(n.Red)
		n.Red = append(n.Red, axis(tapNames[i:i+1], p.taps))
		n.see[i], n.tap[i] = n.see[i].Plus(t, p.apart, 0), n.tap[i].Plus(t, -p.tapStep, 0)
	}
}

// lowerPhases emits the gradient dx of the input, given that of the output and the kernel.
func (w window) lowerPhases(l *Lowering, dy, k, dx *loop.Buffer, groups int) {
	list := w.phases()
	at := make([]placement, w.axes()+2)
	bound := make([]int, w.axes())
	for i := range list {
		at[1+i] = frame(list[i])
		bound[i] = at[1+i].offset
	}
	var from *loop.Buffer
	eachPhase(list, func(sides []phase) {
		n := newPhaseNest(dx.Shape[0], sides, bound)
		if n.taps == 0 {
			n.zero(l, dx)
			return
		}
		if from == nil {
			from = scatter(l, dy, "spread", at, 0)
		}
		n.sum(l, from, k, dx, sides, groups)
	})
}

// eachPhase calls visit for every combination of a phase of each side.
func eachPhase(list [][]phase, visit func(sides []phase)) {
	var walk func(sides []phase)
	walk = func(sides []phase) {
		if len(sides) == len(list) {
			visit(slices.Clone(sides))
			return
		}
		for _, p := range list[len(sides)] {
			walk(append(sides, p))
		}
	}
	walk(nil)
}

// zero emits a phase that no tap reaches.
func (n *phaseNest) zero(l *Lowering, dx *loop.Buffer) {
	n.Form = loop.Map
	c := len(n.Axes)
	n.Axes = append(n.Axes, loop.Axis{Name: "c", Extent: dx.Shape[len(dx.Shape)-1]})
	n.Stores = []loop.Store{storeAt(dx, loop.F(0), append(n.place, loop.Ax(c))...)}
	l.Emit(n.Nest)
}

// sum emits a phase that some taps reach.
func (n *phaseNest) sum(l *Lowering, from, k, dx *loop.Buffer, sides []phase, groups int) {
	rank := len(k.Shape)
	perGroup, filters := k.Shape[rank-2].Size, k.Shape[rank-1].Size/groups
	group := len(n.Axes)
	if groups > 1 {
		n.Axes = append(n.Axes, axis("g", groups))
	}
	ch := len(n.Axes)
	n.Axes = append(n.Axes, axis("c", perGroup))
	n.slide(sides)
	if groups > 1 {
		n.Form = loop.Window // the filter's index adds the loop over the group to the one over its members
	}
	filter := channel(len(n.Axes)+len(n.Red), group, groups, filters)
	n.Red = append(n.Red, axis("f", filters))
	n.Value = loop.E(loop.Mul, loop.Read(from, slices.Concat([]loop.Affine{loop.Ax(0)}, n.see, []loop.Affine{filter})...),
		loop.Read(k, slices.Concat(n.tap, []loop.Affine{loop.Ax(ch), filter})...))
	n.Stores = []loop.Store{storeAt(dx, loop.Total(ir.F32), append(n.place, channel(ch, group, groups, perGroup))...)}
	l.Emit(n.Nest)
}

// gcd is the greatest common divisor of two positive numbers.
func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
