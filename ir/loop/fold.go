package loop

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
)

// folder runs the reduction of one nest.
type folder struct {
	fold    Fold
	typ     ir.DType
	first   int   // number of the first reduction axis
	extents []int // of the reduction axes
	value   code
	out     int // the word of the value
	part    []uint32

	// Of a chain of fused multiply-adds of f32: the words of both factors, and the factors themselves where they are plain loads.
	fused  bool
	a, b   int
	ra, rb *ref
	steps  []step
}

// folder compiles the reduction of n, whose reduction axes begin at number first.
func (m *machine) folder(n *Nest, first int, c *compiler) *folder {
	f := &folder{fold: n.Fold, typ: n.Value.Type, first: first, part: make([]uint32, n.Lanes)}
	for _, a := range n.Red {
		f.extents = append(f.extents, extent(a.Extent, m.sizes))
	}
	if f.fused = fused(n) && f.typ == ir.F32; !f.fused {
		f.out = c.expr(&f.value, n.Value)
		return f
	}
	x, y := n.Value.Args[0], n.Value.Args[1]
	f.a, f.b = c.expr(&f.value, x), c.expr(&f.value, y)
	if x.Code == Load && y.Code == Load && x.From.Dyn == nil && y.From.Dyn == nil {
		f.ra, f.rb = c.access(&f.value, x.From), c.access(&f.value, y.From)
		f.walk()
	}
	return f
}

// step is one loop of a walk over both factors: its extent, and how far each moves.
type step struct{ n, a, b int }

// walk finds the loops over the two loads. Where one chain takes all products, loops that continue each other are one.
func (f *folder) walk() {
	for k, n := range f.extents {
		s := step{n, Affine{Terms: f.ra.lin.terms}.Coef(f.first + k), Affine{Terms: f.rb.lin.terms}.Coef(f.first + k)}
		if last := len(f.steps) - 1; last >= 0 && len(f.part) == 1 {
			t := &f.steps[last]
			if t.n == 1 || s.n != 0 && t.a == s.a*s.n && t.b == s.b*s.n {
				*t = step{t.n * s.n, s.a, s.b}
				continue
			}
			if s.n == 1 {
				continue
			}
		}
		f.steps = append(f.steps, s)
	}
	if len(f.steps) == 0 { // over no axis there is one product
		f.steps = []step{{n: 1}}
	}
}

// start is the value that a fold begins with.
func (f *folder) start() uint32 {
	if f.typ == ir.F32 {
		return math.Float32bits([...]float32{FoldSum: 0, FoldMax: float32(math.Inf(-1)), FoldMin: float32(math.Inf(1)), FoldProd: 1}[f.fold])
	}
	return [...]uint32{FoldSum: 0, FoldMax: 1 << 31, FoldMin: 1<<31 - 1, FoldProd: 1}[f.fold]
}

// combine joins two values in that order.
func (f *folder) combine(a, b uint32) uint32 {
	c := [...]Code{FoldSum: Add, FoldMax: Max, FoldMin: Min, FoldProd: Mul}[f.fold]
	if f.typ == ir.F32 {
		return evalFloat(c, a, b, 0)
	}
	return evalInt(c, f.typ, a, b)
}

// run folds over all reduction axes at one point.
func (f *folder) run(idx []int, words []uint32) uint32 {
	for i := range f.part {
		f.part[i] = f.start()
	}
	if f.ra != nil {
		for k := range f.extents {
			idx[f.first+k] = 0
		}
		f.dot(0, f.ra.lin.value(idx), f.rb.lin.value(idx))
	} else {
		f.axis(0, idx, words)
	}
	for half := len(f.part) / 2; half > 0; half /= 2 {
		for i := range half {
			f.part[i] = f.combine(f.part[i], f.part[i+half])
		}
	}
	return f.part[0]
}

// axis runs reduction axis number k and those behind it.
func (f *folder) axis(k int, idx []int, words []uint32) {
	if k < len(f.extents)-1 {
		for i := range f.extents[k] {
			idx[f.first+k] = i
			f.axis(k+1, idx, words)
		}
		return
	}
	n := 1 // a fold over no axis has one element
	if len(f.extents) > 0 {
		n = f.extents[k]
	}
	mask := len(f.part) - 1
	for i := range n {
		if len(f.extents) > 0 {
			idx[f.first+k] = i
		}
		f.value.run(idx, words)
		p := &f.part[i&mask]
		if f.fused {
			*p = evalFloat(FMA, words[f.a], words[f.b], *p)
		} else {
			*p = f.combine(*p, words[f.out])
		}
	}
}

// dot runs loop k and those inside it of a sum of products of two plain loads, which lie at ia and ib where these loops start.
func (f *folder) dot(k, ia, ib int) {
	s := f.steps[k]
	if k == len(f.steps)-1 {
		f.chain(s.n, ia, ib, s.a, s.b)
		return
	}
	for range s.n {
		f.dot(k+1, ia, ib)
		ia, ib = ia+s.a, ib+s.b
	}
}

// chain adds n products to the partial sums.
func (f *folder) chain(n, ia, ib, sa, sb int) {
	x, y := f.ra.words, f.rb.words
	if len(f.part) == 1 {
		acc := math.Float32frombits(f.part[0])
		for range n {
			acc = fma32(math.Float32frombits(x[ia]), math.Float32frombits(y[ib]), acc)
			ia, ib = ia+sa, ib+sb
		}
		f.part[0] = fbits(acc)
		return
	}
	mask := len(f.part) - 1
	for i := range n {
		p := &f.part[i&mask]
		*p = fbits(fma32(math.Float32frombits(x[ia]), math.Float32frombits(y[ib]), math.Float32frombits(*p)))
		ia, ib = ia+sa, ib+sb
	}
}
