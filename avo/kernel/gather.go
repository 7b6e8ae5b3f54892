package kernel

import (
	"fmt"
	"math"
	"slices"

	"github.com/dlc-ml/dlc/avo/vec"
	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// A gather differs from the other forms in two ways. An access has dimensions whose index is known only at run time: its address is
// a linear part, which pointers and displacements follow, plus an index that is computed at the point. And stores may hit one place
// twice, so that only some axes may leave the order of the nest: those along which no two points can meet.

// dynamic is one dimension of an access whose index is computed: it counts stride elements for lin + expr, kept within 0 … last.
type dynamic struct {
	lin          linear
	expr         *loop.Expr
	last, stride int
}

// dynamics returns the computed dimensions of an access; their linear parts are over the nest's axes.
func (fm *form) dynamics(a loop.Access, sizes map[string]int) ([]dynamic, error) {
	var list []dynamic
	for d, e := range a.Dyn {
		if e == nil {
			continue
		}
		ext := a.Buf.Shape[d]
		if v, ok := sizes[ext.Sym]; ok {
			ext = ir.D(ext.Size * v)
		}
		if !ext.Static() {
			return nil, fmt.Errorf("%s: an index is computed along %s of %s, whose extent is known only at run time", fm.nest.Name, ext, a.Buf.Name)
		}
		list = append(list, dynamic{fm.linear(a.Index[d]), e, ext.Size - 1, a.Buf.Strides[d]})
	}
	return list, nil
}

// ordered reports whether the order of the points shows in what a nest leaves behind: it adds to what is there, stores at indices that it
// computes, or loads at such indices from what it stores to.
func ordered(n *loop.Nest) bool {
	for _, s := range n.Stores {
		if s.Add || computed(s.To) {
			return true
		}
	}
	for _, a := range n.Loads() {
		if computed(a) && len(touching(n, a.Buf.Root())) > 0 {
			return true
		}
	}
	return false
}

func computed(a loop.Access) bool {
	for _, e := range a.Dyn {
		if e != nil {
			return true
		}
	}
	return false
}

// touching returns the stores of n to the storage of root and, where there are any, the loads from it.
func touching(n *loop.Nest, root *loop.Buffer) []loop.Access {
	var list []loop.Access
	for _, s := range n.Stores {
		if s.To.Buf.Root() == root {
			list = append(list, s.To)
		}
	}
	if list == nil {
		return nil
	}
	for _, a := range n.Loads() {
		if a.Buf.Root() == root {
			list = append(list, a)
		}
	}
	return list
}

// freeAxes says, for each parallel axis, whether points that differ in it never touch the same element of anything that n stores to.
// Such an axis may be cut, tiled and moved; the others keep the order in which the nest lists them.
// Axes are numbered from the steps of the scan around the nest on, which stand still while the nest runs.
func freeAxes(n *loop.Nest, steps int) []bool {
	free := make([]bool, len(n.Axes))
	for a := range free {
		free[a] = true
		for _, s := range n.Stores {
			free[a] = free[a] && keptApart(n, touching(n, s.To.Buf.Root()), a, steps)
		}
	}
	return free
}

// keptApart reports whether accesses to one storage differ in some dimension wherever axis a differs.
func keptApart(n *loop.Nest, list []loop.Access, a, steps int) bool {
	for d := range list[0].Index {
		same := true
		for _, x := range list {
			same = same && x.Buf == list[0].Buf && (len(x.Dyn) == 0 || x.Dyn[d] == nil) && equal(x.Index[d], list[0].Index[d])
		}
		if same && injective(n, list[0].Index[d], a, steps) {
			return true
		}
	}
	return false
}

func equal(a, b loop.Affine) bool {
	if a.Const != b.Const || len(a.Terms) != len(b.Terms) {
		return false
	}
	for i := range a.Terms {
		if a.Terms[i] != b.Terms[i] {
			return false
		}
	}
	return true
}

// injective reports whether different values of axis a give different values of an index, whatever the other axes are.
func injective(n *loop.Nest, ix loop.Affine, a, steps int) bool {
	step, span := 0, 0
	for _, t := range ix.Terms {
		if t.Axis < steps {
			continue
		}
		if t.Axis-steps == a {
			step = max(t.Coef, -t.Coef)
			continue
		}
		e := n.AxisAt(t.Axis - steps).Extent
		if !e.Static() {
			return false
		}
		span += max(t.Coef, -t.Coef) * (e.Size - 1)
	}
	return step > span
}

// findVarying notes, for every expression of the nest and for every access, along which axes its value (or address) may change.
func (fm *form) findVarying() {
	fm.varying = map[*loop.Expr][]bool{}
	visit := func(e *loop.Expr) {
		v := make([]bool, len(fm.axes))
		mark(v, fm.index[e].coef)
		for _, a := range e.Args {
			join(v, fm.varying[a])
		}
		if r, ok := fm.loads[e]; ok {
			fm.addressVaries(v, r)
			r.varying = v
			fm.loads[e] = r
		}
		if e.Code == loop.Acc {
			for a := range fm.par {
				v[a] = true
			}
		}
		fm.varying[e] = v
	}
	fm.nest.Exprs(visit)
	for i, r := range fm.stores {
		v := make([]bool, len(fm.axes))
		fm.addressVaries(v, r)
		fm.stores[i].varying = v
	}
}

func (fm *form) addressVaries(v []bool, r ref) {
	mark(v, fm.groups[r.group].coef)
	for _, d := range r.dyn {
		mark(v, d.lin.coef)
		join(v, fm.varying[d.expr])
	}
}

func mark(v []bool, coef []int) {
	for a, c := range coef {
		v[a] = v[a] || c != 0
	}
}

func join(v, w []bool) {
	for a := range w {
		v[a] = v[a] || w[a]
	}
}

// linears returns every index that a kernel computes as a number.
func (fm *form) linears() []linear {
	var list []linear
	for _, l := range fm.index {
		list = append(list, l)
	}
	for _, r := range fm.refs() {
		for _, d := range r.dyn {
			list = append(list, d.lin)
		}
	}
	return list
}

// refs returns every access.
func (fm *form) refs() []ref {
	var list []ref
	for _, r := range fm.loads {
		list = append(list, r)
	}
	return append(list, fm.stores...)
}

// laneAt reports whether an access can be made for several values of axis a at once: its computed indices are the same for all, and
// its elements lie side by side, or are one element that is loaded.
func (fm *form) laneAt(r ref, a int, store bool) bool {
	for _, d := range r.dyn {
		if d.lin.coef[a] != 0 || fm.varying[d.expr][a] {
			return false
		}
	}
	c := fm.groups[r.group].coef[a]
	return len(r.dyn) == 0 || c == 1 || c == 0 && !store
}

// mayMove reports whether the order of the nest says nothing about parallel axis a.
func (fm *form) mayMove(a int) bool { return fm.free == nil || a >= fm.par || fm.free[a] }

// gridInOrder picks the axis that callers cut where the order shows and no axis beside the lanes may move: a part of the lanes' own where they
// are many, else the outermost of those that keep their order.
func (b *Builder) gridInOrder() {
	fm := b.fm
	if b.grid >= 0 {
		return
	}
	if lane := fm.bestLane(vec.AVX2); lane >= 0 {
		if n := fm.axes[lane].extent; laneBlock(n) > 0 {
			fm.split(lane, laneBlock(n))
			b.grid, b.Grid = lane, Grid{Extent: n / laneBlock(n)}
			return
		}
	}
	for a := range fm.par {
		if !fm.free[a] && !fm.backwards(a) {
			b.grid, b.Grid = a, Grid{Extent: fm.axes[a].extent, PerBatch: fm.axes[a].dyn, Ordered: true}
			return
		}
	}
}

// laneBlock returns how many lanes' worth of an axis of n to give to one piece: a divisor of n, whole registers if possible; or 0.
func laneBlock(n int) int {
	for _, step := range []int{8, 1} {
		for block := 256; block >= 32; block -= step {
			if n%block == 0 && n > block {
				return block
			}
		}
	}
	return 0
}

// laneFits reports whether lanes may lie along axis a as far as computed indices and the order of stores are concerned.
func (fm *form) laneFits(a int) bool {
	if !fm.mayMove(a) {
		return false
	}
	for _, r := range fm.loads {
		if !fm.laneAt(r, a, false) {
			return false
		}
	}
	for _, r := range fm.stores {
		if !fm.laneAt(r, a, true) {
			return false
		}
	}
	return true
}

// offset returns a register whose lane 0 is the number of elements by which the computed dimensions of an access move it.
func (v *value) offset(dyn []dynamic) vec.Reg {
	f := v.e.f
	var sum vec.Reg
	for _, d := range dyn {
		x := v.clamped(d)
		if d.stride != 1 {
			x = f.Binary(vec.MulI, x, f.Const(uint32(int32(d.stride))))
		}
		if sum != 0 {
			x = f.Binary(vec.AddI, sum, x)
		}
		sum = x
	}
	return sum
}

// clamped returns lin + expr kept within 0 … last. The computed part is bounded first, so that the sum cannot wrap around.
func (v *value) clamped(d dynamic) vec.Reg {
	f := v.e.f
	x := v.eval(d.expr)
	constant := func(n int) vec.Reg {
		return f.Const(uint32(int32(max(math.MinInt32, min(n, math.MaxInt32)))))
	}
	moves := false
	for _, c := range slices.Concat(d.lin.steps, d.lin.coef) {
		moves = moves || c != 0
	}
	if !moves {
		x = within(f, x, constant(-d.lin.at), constant(d.last-d.lin.at))
		if d.lin.at != 0 {
			x = f.Binary(vec.AddI, x, f.Const(uint32(int32(d.lin.at))))
		}
		return x
	}
	l := v.index(d.lin)
	lo, hi := f.Binary(vec.SubI, f.Zero(), l), f.Binary(vec.SubI, constant(d.last), l)
	return f.Binary(vec.AddI, within(f, x, lo, hi), l)
}

// within returns the nearest number to x from lo to hi.
func within(f *vec.Func, x, lo, hi vec.Reg) vec.Reg {
	return vec.MinimumI(f, vec.MaximumI(f, x, lo), hi)
}
