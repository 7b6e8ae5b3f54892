// Package memory is the pass that gives every buffer its place in the arena. Storage is shared by buffers that are never live at
// once; inputs, outputs and run-time scalars are live from end to end, since callers hold views of them.
package memory

import (
	"sort"

	"github.com/dlc-ml/dlc/ir/loop"
)

// Align is the alignment of every buffer in elements: one cache line.
const Align = 16

// span is the life of one storage: from the nest that first writes it to the one that last touches it.
type span struct {
	buf      *loop.Buffer
	from, to int
	size     int
	scaled   bool
	at       int
}

// Plan places the buffers of f and returns the plan. The result depends on f alone.
func Plan(f *loop.Func) *loop.Plan {
	p := &loop.Plan{At: map[*loop.Buffer]int{}}
	spans := lives(f)
	sort.SliceStable(spans, func(i, j int) bool { return spans[i].size > spans[j].size })
	var placed []*span
	for _, b := range f.Buffers {
		if b.Space == loop.Prepared {
			p.At[b] = p.Prepared
			p.Prepared += (b.Size() + Align - 1) / Align * Align
		}
	}
	for _, s := range spans {
		s.at = firstFit(placed, s)
		placed = append(placed, s)
		p.At[s.buf] = s.at
		if end := s.at + s.size; s.scaled {
			p.PerExample = max(p.PerExample, end)
		} else {
			p.Fixed = max(p.Fixed, end)
		}
	}
	return p
}

// lives returns the life of every storage in the arena, in the order of the buffers.
func lives(f *loop.Func) []*span {
	by := map[*loop.Buffer]*span{}
	var list []*span
	for _, b := range f.Buffers {
		switch b.Space {
		case loop.Weight, loop.Grad, loop.State, loop.Table, loop.Prepared:
			continue
		}
		r := b.Root()
		if r.Space == loop.Table || r.Space == loop.Prepared {
			continue
		}
		s := by[r]
		if s == nil {
			s = &span{buf: r, from: len(f.Nests), to: -1, scaled: r.Scaled()}
			by[r] = s
			list = append(list, s)
		}
		s.size = max(s.size, (b.Size()+Align-1)/Align*Align)
		switch b.Space {
		case loop.Input, loop.Scalar:
			s.from, s.to = -1, len(f.Nests)
		case loop.Output:
			s.to = len(f.Nests)
		}
	}
	touch := func(b *loop.Buffer, i int) {
		if s := by[b.Root()]; s != nil {
			s.from, s.to = min(s.from, i), max(s.to, i)
		}
	}
	for i, n := range f.Nests {
		// What runs at the same time shares nothing.
		first, last := i, i
		if f.Together(i) {
			first = i - 1
		}
		if f.Together(i + 1) {
			last = i + 1
		}
		for _, c := range f.Chains {
			if c.From <= i && i < c.To { // its nests take turns
				first, last = c.From, c.To-1
			}
		}
		n.Walk(func(n *loop.Nest) {
			for _, a := range n.Accesses() {
				touch(a.Buf, first)
				touch(a.Buf, last)
			}
		})
	}
	return list
}

// firstFit returns the lowest offset at which s overlaps nothing that lives when it does.
func firstFit(placed []*span, s *span) int {
	var busy []*span
	for _, p := range placed {
		if p.scaled == s.scaled && p.from <= s.to && s.from <= p.to {
			busy = append(busy, p)
		}
	}
	sort.Slice(busy, func(i, j int) bool { return busy[i].at < busy[j].at })
	at := 0
	for _, b := range busy {
		if at+s.size <= b.at {
			break
		}
		at = max(at, b.at+b.size)
	}
	return at
}
