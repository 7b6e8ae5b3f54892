package tile

import (
	"slices"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// cluster is nests of a function that run over the same axes, its roles, and hand each other elements at the same place of these: the heads and queries of
// attention. So they may run for some of these places after the other.
type cluster struct {
	f       *loop.Func
	seed    *loop.Buffer // what the first of them makes
	roles   []int        // the extent of each role
	free    int          // the dimension of the seed that is no role
	members []*member
	written map[*loop.Buffer][]int // what members write: the dimension that is each role; nil where it cannot be read in the cluster
	after   []*loop.Nest           // nests between the members that run behind all of them; others run before
	before  []*loop.Nest
	last    int // the number of the last member in the function

	own   map[*loop.Buffer]bool // what private found; nil before
	tasks []*work               // what work made; nil before
}

// member is one nest of a cluster.
type member struct {
	nest *loop.Nest
	axis []int // of each role
	sum  bool  // a role is summed over, so that what it stores is complete only behind the last tile
	late bool  // its stores read such sums, so that they come behind the last tile
}

// longest returns the cluster that begins with nest i and has most products; nil where there is none of two.
func longest(f *loop.Func, i int) *cluster {
	n := f.Nests[i]
	if !activations(n) || len(n.Stores) == 0 {
		return nil
	}
	var best *cluster
	seed := n.Stores[0].To.Buf
	for free := len(seed.Shape) - 1; free > 0; free-- {
		if c := grow(f, i, seed, free); c != nil && (best == nil || c.products() > best.products()) {
			best = c
		}
	}
	if best == nil || best.products() < 2 {
		return nil
	}
	return best
}

// activations reports whether n is a product of two things that both grow with the batch. One with parameters reads a whole matrix, for as many rows as there are.
func activations(n *loop.Nest) bool {
	if n.Form != loop.Contract || len(n.Value.Args) != 2 {
		return false
	}
	return !slices.ContainsFunc(n.Value.Args, func(e *loop.Expr) bool { return e.Code != loop.Load || !e.From.Buf.Scaled() })
}

// products counts the products of a cluster.
func (c *cluster) products() int {
	count := 0
	for _, m := range c.members {
		if activations(m.nest) {
			count++
		}
	}
	return count
}

// grow returns the cluster from nest start on whose roles are all dimensions of seed but the batch and dimension free; nil where there is none.
func grow(f *loop.Func, start int, seed *loop.Buffer, free int) *cluster {
	c := &cluster{f: f, seed: seed, free: free, written: map[*loop.Buffer][]int{}}
	var dims []int
	for d, ext := range seed.Shape {
		if d > 0 && d != free && ext.Static() && ext.Size > 1 {
			dims = append(dims, d)
			c.roles = append(c.roles, ext.Size)
		}
	}
	if len(dims) == 0 || !seed.Scaled() || !c.begin(f.Nests[start], dims) {
		return nil
	}
	c.last = start
	later := loop.TouchOf(f.Nests[start]) // by members and by nests that run behind them
	behind := loop.TouchOf()              // by the latter alone
	var between []*loop.Nest
	isAfter := map[*loop.Nest]bool{}
	for i, n := range f.Nests[start+1:] {
		switch {
		case !behind.Disturbs(loop.TouchOf(n)) && c.join(n):
			c.last = start + 1 + i
			later.Add(n)
			for _, b := range between {
				if isAfter[b] {
					c.after = append(c.after, b)
				} else {
					c.before = append(c.before, b)
				}
			}
			between = nil
			continue
		case later.Disturbs(loop.TouchOf(n)):
			isAfter[n] = true
			later.Add(n)
			behind.Add(n)
		}
		between = append(between, n)
	}
	return c
}

// begin makes n, which stores the seed, the first member.
func (c *cluster) begin(n *loop.Nest, dims []int) bool {
	m := &member{nest: n, axis: make([]int, len(dims))}
	for r, d := range dims {
		a, ok := plain(n.Stores[0].To.Index[d])
		if !ok || n.AxisAt(a).Extent != c.seed.Shape[d] {
			return false
		}
		m.axis[r] = a
	}
	return c.admit(m)
}

// join makes n a member if it reads what members wrote, at its own place alone.
func (c *cluster) join(n *loop.Nest) bool {
	if n.Form != loop.Map && n.Form != loop.Reduce && n.Form != loop.Contract && n.Form != loop.Copy {
		return false
	}
	m := &member{nest: n}
	inside, outside := false, false // whether it meets large matrices of the cluster, and others
	for _, a := range n.Accesses() {
		_, ok := c.written[a.Buf]
		inside = inside || ok && c.large(a.Buf)
		outside = outside || !ok && c.large(a.Buf)
	}
	if !inside && (outside || n.Form == loop.Reduce || n.Form == loop.Contract) {
		return false // it has its large matrices from elsewhere, and of the cluster something small, or begins with something else
	}
	for _, a := range n.Loads() {
		dims, ok := c.written[a.Buf]
		if !ok {
			if c.writesRoot(a.Buf) {
				return false
			}
			continue
		}
		if dims == nil {
			if m.late = n.Value != nil && !loads(n.Value, a.Buf); !m.late {
				return false
			}
			continue
		}
		axis := make([]int, len(dims))
		for r, d := range dims {
			if axis[r], ok = plain(a.Index[d]); !ok || n.AxisAt(axis[r]).Extent != ir.D(c.roles[r]) {
				return false
			}
		}
		if m.axis != nil && !slices.Equal(m.axis, axis) {
			return false
		}
		m.axis = axis
	}
	return m.axis != nil && c.admit(m)
}

// writesRoot reports whether a member writes the storage of b.
func (c *cluster) writesRoot(b *loop.Buffer) bool {
	for w := range c.written {
		if w.Overlaps(b) {
			return true
		}
	}
	return false
}

// admit makes m a member where its stores allow it.
func (c *cluster) admit(m *member) bool {
	n := m.nest
	batch := slices.IndexFunc(n.Axes, func(a loop.Axis) bool { return !a.Extent.Static() })
	if batch < 0 || n.Axes[batch].Extent.Size != 1 {
		return false
	}
	for i := range len(n.Axes) + len(n.Red) {
		if i != batch && !n.AxisAt(i).Extent.Static() {
			return false
		}
	}
	for _, a := range m.axis {
		m.sum = m.sum || a >= len(n.Axes)
	}
	if m.sum && (n.Fold != loop.FoldSum || n.Value.Type != ir.F32) {
		return false
	}
	for _, s := range n.Stores {
		b := s.To.Buf
		if slices.ContainsFunc(n.Loads(), func(a loop.Access) bool { return a.Buf.Overlaps(b) }) {
			return false
		}
		if s.Add || len(s.To.Dyn) > 0 || b.Space != loop.Temp && b.Space != loop.Output || !b.Scaled() || b.Panel > 0 || b.Offset > 0 || c.writesRoot(b) ||
			s.To.Index[0].Const != 0 || !slices.Equal(s.To.Index[0].Terms, loop.Ax(batch).Terms) {
			return false
		}
		if slices.ContainsFunc(c.members, func(o *member) bool { // it would overwrite what an earlier tile has still to read
			return slices.ContainsFunc(o.nest.Accesses(), func(a loop.Access) bool { return a.Buf.Overlaps(b) })
		}) {
			return false
		}
	}
	if m.sum || m.late { // what its stores read must be there behind the last tile
		for b, dims := range c.written {
			if dims != nil && slices.ContainsFunc(n.Stores, func(s loop.Store) bool { return loads(s.Expr, b) }) {
				return false
			}
		}
	}
	for _, s := range n.Stores {
		if c.written[s.To.Buf] = m.dims(s.To); m.late {
			c.written[s.To.Buf] = nil
		}
	}
	c.members = append(c.members, m)
	return true
}

// dims are the dimensions of what m stores that are its roles; nil where one is none, or is summed over.
func (m *member) dims(to loop.Access) []int {
	dims := make([]int, len(m.axis))
	for r, want := range m.axis {
		dims[r] = slices.IndexFunc(to.Index, func(ix loop.Affine) bool {
			a, ok := plain(ix)
			return ok && a == want
		})
		if dims[r] < 0 || m.nest.AxisAt(want).Extent != to.Buf.Shape[dims[r]] {
			return nil
		}
	}
	return dims
}

// loads reports whether an expression loads from b.
func loads(e *loop.Expr, b *loop.Buffer) bool {
	found := false
	e.Walk(func(x *loop.Expr) { found = found || x.Code == loop.Load && x.From.Buf == b })
	return found
}

// plain returns the axis that an index is; ok is false where it is anything else.
func plain(ix loop.Affine) (axis int, ok bool) {
	if ix.Const != 0 || len(ix.Terms) != 1 || ix.Terms[0].Coef != 1 {
		return 0, false
	}
	return ix.Terms[0].Axis, true
}
