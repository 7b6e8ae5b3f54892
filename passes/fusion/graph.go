package fusion

import (
	"slices"

	"github.com/dlc-ml/dlc/ir/loop"
)

// touch returns what nest n touches.
func (u *fuser) touch(n *loop.Nest) *loop.Touch { return u.touches.Of(n) }

// changed forgets what is known of a nest that was rewritten.
func (u *fuser) changed(n *loop.Nest) { delete(u.touches, n) }

// writer returns the only nest that writes b and its position; nil where there is none or more than one, where it has two stores to b,
// or where b shares its storage with another buffer.
func (u *fuser) writer(b *loop.Buffer) (*loop.Nest, int) {
	if w, at := u.maker(b); w != nil && storeTo(w, b) >= 0 {
		return w, at
	}
	return nil, -1
}

// maker is writer for nests that may have several stores to b.
func (u *fuser) maker(b *loop.Buffer) (*loop.Nest, int) {
	if b.Alias != nil || u.aliased[b] {
		return nil, -1
	}
	var w *loop.Nest
	at := -1
	for i, n := range u.f.Nests {
		if !loop.Meets(u.touch(n).Writes, b) {
			continue
		}
		if w != nil {
			return nil, -1
		}
		w, at = n, i
	}
	if w == nil || w.Form == loop.Scan || !slices.ContainsFunc(w.Stores, func(s loop.Store) bool { return s.To.Buf == b }) {
		return nil, -1
	}
	return w, at
}

// storeTo returns the number of the only store of n to b, or -1.
func storeTo(n *loop.Nest, b *loop.Buffer) int {
	at := -1
	for i, s := range n.Stores {
		if s.To.Buf == b {
			if at >= 0 {
				return -1
			}
			at = i
		}
	}
	return at
}

// readers returns the nests that read b, in order.
func (u *fuser) readers(b *loop.Buffer) []int {
	var list []int
	for i, n := range u.f.Nests {
		if loop.Meets(u.touch(n).Reads, b) {
			list = append(list, i)
		}
	}
	return list
}

// remove takes nest i out.
func (u *fuser) remove(i int) { u.f.Nests = append(u.f.Nests[:i:i], u.f.Nests[i+1:]...) }

// move takes nest i out and puts it where nest to stood, to < i.
func (u *fuser) move(i, to int) {
	n := u.f.Nests[i]
	copy(u.f.Nests[to+1:i+1], u.f.Nests[to:i])
	u.f.Nests[to] = n
}

// rises returns nil where nest j can run right behind nest i, as far as nests between them and its own stores are concerned, or the
// buffer that stands in the way. What j reads of i's stores is the caller's care.
func (u *fuser) rises(j, i int) *loop.Buffer {
	c := u.touch(u.f.Nests[j])
	for k := i; k < j; k++ {
		t := u.touch(u.f.Nests[k])
		if k > i {
			if b := loop.Clash(c.Reads, t.Writes); b != nil {
				return b
			}
		}
		if b := loop.Clash(c.Writes, t.Reads); b != nil {
			return b
		}
		if b := loop.Clash(c.Writes, t.Writes); b != nil {
			return b
		}
	}
	return nil
}

// sinks returns nil where nest i can run right before nest j, or the buffer that stands in the way.
func (u *fuser) sinks(i, j int) *loop.Buffer {
	p := u.touch(u.f.Nests[i])
	for k := i + 1; k < j; k++ {
		t := u.touch(u.f.Nests[k])
		for _, pair := range [][2][]*loop.Buffer{{p.Writes, t.Reads}, {p.Writes, t.Writes}, {p.Reads, t.Writes}} {
			if b := loop.Clash(pair[0], pair[1]); b != nil {
				return b
			}
		}
	}
	return nil
}
