package tile

import (
	"slices"

	"github.com/dlc-ml/dlc/ir/loop"
)

// again is a function in which nests far behind a cluster read what they need of its matrices from copies that are computed anew, right before the first of them.
// Of the cluster's results these need what is small, such as the maximum and the sum of each row.
type again struct {
	name    string // of the first matrix
	nests   []*loop.Nest
	buffers []*loop.Buffer
}

// large reports whether a buffer is as large as the seed.
func (c *cluster) large(b *loop.Buffer) bool { return b.Size() >= c.seed.Size() }

// kept are the large buffers of a cluster that nests outside of it read.
func (c *cluster) kept() map[*loop.Buffer]bool {
	own := c.private()
	kept := map[*loop.Buffer]bool{}
	for b, dims := range c.written {
		if dims != nil && b.Space == loop.Temp && c.large(b) && !own[b] {
			kept[b] = true
		}
	}
	return kept
}

// outgrows reports whether what is kept for nests outside of the cluster takes more memory than everything else that the cluster reads and writes, which grows with the
// length alone. To compute it again takes about as long as to fetch it from memory.
func (c *cluster) outgrows() bool {
	kept, rest := 0, 0
	for b := range c.kept() {
		kept += b.Size()
	}
	seen := map[*loop.Buffer]bool{}
	for _, m := range c.members {
		for _, a := range m.nest.Accesses() {
			if b := a.Buf.Root(); !seen[b] && b.Scaled() && !c.large(b) {
				seen[b] = true
				rest += b.Size()
			}
		}
	}
	return kept > rest
}

// member reports whether n is a member.
func (c *cluster) member(n *loop.Nest) bool {
	return slices.ContainsFunc(c.members, func(m *member) bool { return m.nest == n })
}

// needed are the members that compute what is kept from what is small; nil where one of them cannot run again.
func (c *cluster) needed() []*member {
	need := c.kept()
	var list []*member
	for _, m := range slices.Backward(c.members) {
		if !slices.ContainsFunc(m.nest.Stores, func(s loop.Store) bool { return need[s.To.Buf] }) {
			continue
		}
		if m.sum || m.late {
			return nil
		}
		for _, a := range m.nest.Loads() {
			if c.written[a.Buf] != nil && c.large(a.Buf) {
				need[a.Buf] = true
			}
		}
		list = append(list, m)
	}
	slices.Reverse(list)
	return list
}

// recomputed returns the function with what is kept computed again; nil where nothing is kept, or what reads it would not run in tiles either.
func (c *cluster) recomputed() *again {
	kept, members := c.kept(), c.needed()
	if len(kept) == 0 || len(members) == 0 || !activations(members[0].nest) {
		return nil
	}
	reader := func(n *loop.Nest) bool {
		return !c.member(n) && slices.ContainsFunc(n.Accesses(), func(a loop.Access) bool { return kept[a.Buf] })
	}
	at := slices.IndexFunc(c.f.Nests, reader)
	if at < 0 || slices.ContainsFunc(c.f.Nests, func(n *loop.Nest) bool { return n.Form == loop.Scan && readsIn(n, kept) }) {
		return nil
	}
	r := &again{nests: slices.Clone(c.f.Nests[:at]), buffers: slices.Clone(c.f.Buffers)}
	copies := map[*loop.Buffer]*loop.Buffer{}
	f := *c.f
	var first *loop.Nest
	for _, m := range members {
		n := m.nest.Rewrite(func(e *loop.Expr) *loop.Expr { return e })
		n.Stores = nil
		for _, s := range m.nest.Stores {
			if c.large(s.To.Buf) {
				b := *s.To.Buf
				b.Name = f.Unique(b.Name + ".again")
				copies[s.To.Buf] = &b
				f.Buffers = append(f.Buffers[:len(f.Buffers):len(f.Buffers)], &b)
				n.Stores = append(n.Stores, s)
			}
		}
		n = swapped(n, copies)
		n.Name += "Again"
		r.nests = append(r.nests, n)
		if first == nil {
			first = n
		}
	}
	for b := range kept {
		if r.name == "" || b.Name < r.name {
			r.name = b.Name
		}
	}
	for _, n := range c.f.Nests[at:] {
		if reader(n) {
			n = swapped(n, copies)
		}
		r.nests = append(r.nests, n)
	}
	r.buffers = f.Buffers
	// What reads the copies must be a cluster too, which leaves none of them whole.
	g := f
	g.Nests = r.nests
	tail := longest(&g, slices.Index(g.Nests, first))
	if tail == nil || c.overwritten(at) {
		return nil
	}
	own := tail.private()
	for _, b := range copies {
		if !own[b] && touchedBy(r.nests, b) {
			return nil
		}
	}
	return r
}

// overwritten reports whether a nest between the cluster and nest number at writes what the cluster reads, so that it cannot be computed again there.
func (c *cluster) overwritten(at int) bool {
	needed := loop.TouchOf()
	for _, m := range c.needed() {
		needed.Add(m.nest)
	}
	start := slices.Index(c.f.Nests, c.members[0].nest)
	for _, n := range c.f.Nests[start:at] {
		if c.member(n) {
			continue
		}
		if loop.Clash(loop.TouchOf(n).Writes, needed.Reads) != nil {
			return true
		}
	}
	return false
}

// readsIn reports whether the body of a scan touches some of the buffers.
func readsIn(scan *loop.Nest, of map[*loop.Buffer]bool) bool {
	hit := false
	scan.Walk(func(n *loop.Nest) {
		hit = hit || slices.ContainsFunc(n.Accesses(), func(a loop.Access) bool { return of[a.Buf] })
	})
	return hit
}

// touchedBy reports whether a nest touches b.
func touchedBy(nests []*loop.Nest, b *loop.Buffer) bool {
	return slices.ContainsFunc(nests, func(n *loop.Nest) bool { return readsIn(n, map[*loop.Buffer]bool{b: true}) })
}

// swapped is n with copies in the place of buffers.
func swapped(n *loop.Nest, copies map[*loop.Buffer]*loop.Buffer) *loop.Nest {
	r := n.Rewrite(func(e *loop.Expr) *loop.Expr {
		if e.Code != loop.Load || copies[e.From.Buf] == nil {
			return e
		}
		x := *e
		x.From.Buf = copies[e.From.Buf]
		return &x
	})
	for i := range r.Stores {
		if b := copies[r.Stores[i].To.Buf]; b != nil {
			r.Stores[i].To.Buf = b
		}
	}
	return r
}
