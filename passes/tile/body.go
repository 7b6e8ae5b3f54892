package tile

import (
	"fmt"
	"slices"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// tile returns the cluster in tiles of block places of a role, in groups that meet about as many others; nil where there would be a single one.
func (c *cluster) tile(role, block, groups int) *tiling {
	t := &tiling{c: c, block: block, own: map[*loop.Buffer]*loop.Buffer{}, whole: map[*member]*loop.Access{}, names: map[string]bool{}}
	apart := make([]bool, len(c.roles))
	for r := range c.roles {
		apart[r] = !slices.ContainsFunc(c.members, func(m *member) bool { return m.axis[r] >= len(m.nest.Axes) })
	}
	var roles []int // those that are taken place by place: first those whose places may be worked on side by side
	for _, side := range []bool{true, false} {
		for r := range c.roles {
			if r != role && apart[r] == side {
				roles = append(roles, r)
			}
		}
	}
	if len(roles) == 0 && block == c.roles[role] {
		return nil
	}
	t.strands, t.pieces = 1, 1
	for _, r := range roles {
		t.pieces *= c.roles[r]
	}
	if slices.Contains(apart, false) {
		t.pieces = 0
	}
	tiles, left := c.roles[role]/block, c.roles[role]%block
	if groups = min(groups, tiles); groups > 1 {
		t.sight = c.sees(role)
	}
	if t.sight == nil {
		groups = 1
	}
	for g := range groups {
		t.strands = max(t.strands, t.strandsOf(tiles*(g+1)/groups-tiles*g/groups))
	}
	for b := range c.private() {
		t.own[b] = t.shrunk(b, role, apart)
	}
	t.sums()
	for g := range groups {
		from, to := tiles*g/groups, tiles*(g+1)/groups
		t.scans = append(t.scans, t.steps(roles, role, from*block, block, to-from))
	}
	if left > 0 {
		t.scans = append(t.scans, t.steps(roles, role, c.roles[role]-left, left, 1))
	}
	return t
}

// met is how many places of the free dimension those before place end of the tiled role meet: whole cache lines of them.
func (t *tiling) met(end int) int {
	all := t.c.seed.Shape[t.c.free].Size
	if t.sight == nil {
		return all
	}
	return min(all, (end+t.sight.shift+lineElems-1)/lineElems*lineElems)
}

// sums makes what is summed over tiles start from zero, and what is computed of such sums come behind the last.
func (t *tiling) sums() {
	for _, m := range t.c.members {
		if !m.sum && !m.late {
			continue
		}
		n := m.nest
		to := n.Stores[0].To
		if m.late || len(n.Stores) > 1 || n.Stores[0].Expr.Code != loop.Acc {
			to = t.sumsOf(m)
			total := loop.Read(to.Buf, to.Index...)
			last := n.Rewrite(func(e *loop.Expr) *loop.Expr {
				if e.Code == loop.Acc {
					return total
				}
				return e
			})
			last.Form, last.Red, last.Fold, last.Lanes, last.Value = loop.Map, nil, loop.FoldNone, 1, nil
			t.end = append(t.end, last)
		}
		if !m.sum {
			continue
		}
		t.begin = append(t.begin, &loop.Nest{Form: loop.Map, Name: n.Name + "Zero", Axes: n.Axes, Lanes: 1, Pos: n.Pos, Ops: n.Ops,
			Stores: []loop.Store{{To: to, Expr: loop.F(0)}}})
	}
}

// sumsOf makes the buffer of the sums of a member that stores what it computes of them.
func (t *tiling) sumsOf(m *member) loop.Access {
	n := m.nest
	batch := slices.IndexFunc(n.Axes, func(a loop.Axis) bool { return !a.Extent.Static() })
	shape, index := ir.Shape{n.Axes[batch].Extent}, []loop.Affine{loop.Ax(batch)}
	for a, x := range n.Axes {
		if a != batch {
			shape, index = append(shape, x.Extent), append(index, loop.Ax(a))
		}
	}
	base := n.Stores[0].To.Buf.Name + ".sums"
	name := base
	for i := 2; t.names[name] || t.c.f.Buffer(name) != nil; i++ {
		name = fmt.Sprintf("%s_%d", base, i)
	}
	t.names[name] = true
	b := &loop.Buffer{Name: name, Elem: ir.F32, Shape: shape, Strides: loop.RowMajor(shape), Space: loop.Temp, Pos: n.Pos}
	t.whole[m] = &loop.Access{Buf: b, Index: index}
	return *t.whole[m]
}

// steps is the scan over count tiles of block places from place base on, at every place of the other roles.
func (t *tiling) steps(roles []int, role, base, block, count int) *loop.Nest {
	first := t.c.members[0]
	scan := &loop.Nest{Form: loop.Scan, Lanes: 1, Pos: first.nest.Pos}
	for _, m := range t.c.members {
		if activations(m.nest) {
			scan.Name = m.nest.Name // at the end that of the last product
		}
	}
	for _, r := range roles {
		scan.Axes = append(scan.Axes, first.nest.AxisAt(first.axis[r]))
	}
	var moves []move // along the tiled role, by the steps
	strands := t.strandsOf(count)
	name := first.nest.AxisAt(first.axis[role]).Name
	if strands > 1 {
		moves = append(moves, move{len(scan.Axes), block * count / strands, block})
		scan.Axes = append(scan.Axes, loop.Axis{Name: name + "p", Extent: ir.D(strands)})
	}
	if count > strands || len(scan.Axes) == 0 {
		moves = append(moves, move{len(scan.Axes), block, 0})
		scan.Axes = append(scan.Axes, loop.Axis{Name: name + "s", Extent: ir.D(count / strands)})
	}
	for _, w := range t.c.work() {
		for _, op := range w.nest.Ops {
			if !slices.Contains(scan.Ops, op) {
				scan.Ops = append(scan.Ops, op)
			}
		}
		s := &stepper{t: t, m: w.m, roles: roles, role: role, base: base, block: block, moves: moves, steps: len(scan.Axes), free: -1}
		if t.sight != nil {
			if axis, ok := t.sight.of(w); ok {
				s.free, s.met = axis, t.met(base+block*count)
			}
		}
		scan.Body = append(scan.Body, s.nest(w.nest))
	}
	return scan
}

// move is how far a step along an axis of a scan moves a tile, and how far its place in what the cluster alone knows.
type move struct{ axis, by, own int }

// strandsOf returns how many pieces the tiles of a scan are, beside the places of the other roles, so that a few threads have something to do: each takes up a tile of its
// own. There is one where tiles add up.
func (t *tiling) strandsOf(count int) int {
	if t.pieces == 0 {
		return 1
	}
	best := 1
	for n := 1; n <= count/2 && best*t.pieces < enoughPieces; n++ {
		if count%n == 0 {
			best = n
		}
	}
	return best
}

// enoughPieces is how many pieces a single example should be for threads to share.
const enoughPieces = 6

// stepper rewrites the nest of a member for one step.
type stepper struct {
	t                 *tiling
	m                 *member
	roles             []int
	role, base, block int
	moves             []move
	steps             int
	free, met         int           // the axis that is the free dimension, and how much of it is met; or -1
	image             []loop.Affine // of each axis of the nest
}

func (s *stepper) nest(n *loop.Nest) *loop.Nest {
	c := *n
	c.Axes, c.Red = nil, nil
	for i := range len(n.Axes) + len(n.Red) {
		a := n.AxisAt(i)
		role := slices.Index(s.m.axis, i)
		step := -1
		if role >= 0 {
			step = slices.Index(s.roles, role)
		}
		at := loop.Ax(s.steps + len(c.Axes) + len(c.Red))
		switch {
		case step >= 0:
			at = loop.Ax(step)
			if i < len(n.Axes) {
				s.image = append(s.image, at)
				continue
			}
			a.Extent = ir.D(1)
		case role == s.role && role >= 0:
			a.Extent = ir.D(s.block)
			for _, m := range s.moves {
				at = at.Plus(m.axis, m.by, 0)
			}
			at.Const += s.base
		case i == s.free:
			a.Extent = ir.D(s.met)
		}
		s.image = append(s.image, at)
		if i < len(n.Axes) {
			c.Axes = append(c.Axes, a)
		} else {
			c.Red = append(c.Red, a)
		}
	}
	if c.Lanes > 1 && c.Red[len(c.Red)-1].Extent.Size < c.Lanes {
		c.Lanes = 1
	}
	r := c.Rewrite(func(e *loop.Expr) *loop.Expr {
		switch e.Code {
		case loop.Load:
			x := *e
			x.From = s.access(e.From)
			return &x
		case loop.Index:
			return loop.IndexOf(s.affine(e.Idx))
		}
		return e
	})
	if s.m.sum || s.m.late {
		to := n.Stores[0].To
		if w := s.t.whole[s.m]; w != nil {
			to = *w
		}
		to = s.access(to)
		r.Stores = []loop.Store{{To: to, Expr: loop.Total(ir.F32)}}
		if s.m.sum {
			r.Stores[0].Expr = loop.E(loop.Add, loop.Read(to.Buf, to.Index...), r.Stores[0].Expr)
		}
		return r
	}
	for i := range r.Stores {
		r.Stores[i].To = s.access(r.Stores[i].To)
	}
	return r
}

// affine rewrites an index.
func (s *stepper) affine(a loop.Affine) loop.Affine {
	r := loop.At(a.Const)
	for _, t := range a.Terms {
		image := s.image[t.Axis]
		r.Const += t.Coef * image.Const
		for _, x := range image.Terms {
			r = r.Plus(x.Axis, t.Coef*x.Coef, 0)
		}
	}
	return r
}

// access rewrites an access: in a buffer that holds a tile of each piece, the first begins at 0.
func (s *stepper) access(a loop.Access) loop.Access {
	r := loop.Access{Buf: a.Buf, Dyn: a.Dyn}
	for _, ix := range a.Index {
		r.Index = append(r.Index, s.affine(ix))
	}
	own := s.t.own[a.Buf]
	if own == nil {
		return r
	}
	r.Buf = own
	for role, d := range s.t.c.written[a.Buf] {
		switch {
		case role == s.role:
			r.Index[d] = r.Index[d].Plus(0, 0, -s.base)
			for _, m := range s.moves {
				r.Index[d] = r.Index[d].Plus(m.axis, m.own-m.by, 0)
			}
		case own.Shape[d].Size == 1:
			r.Index[d] = loop.At(0)
		}
	}
	return r
}
