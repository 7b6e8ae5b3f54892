package fusion

import (
	"maps"
	"slices"
	"strconv"

	"github.com/dlc-ml/dlc/ir/loop"
)

// mergePieces makes the stores of nest j stores of map i, which writes t in pieces: several stores of one point that together take every element
// of t once, as the outputs of a square do. What j computes of an element stands behind each of them.
func (u *fuser) mergePieces(i, j int, t *loop.Buffer) bool {
	p, c := u.f.Nests[i], u.f.Nests[j]
	if p.Form != loop.Map || !plainStores(p) || !ontoByPieces(p, t) {
		return u.refuse(c, "%s does not write %s element by element", p.Name, t.Name)
	}
	if loop.Meets(u.touch(p).Reads, t) {
		return u.refuse(c, "%s updates %s in place", p.Name, t.Name)
	}
	drop := u.drops(t)
	n := *p
	n.Stores = nil
	for _, s := range p.Stores {
		axes, ok := pointsOf(c, t, s.To.Index)
		if !ok {
			return u.refuse(c, "it reads %s at other points than its own", t.Name)
		}
		if s.Expr.Type != t.Elem {
			return u.refuse(c, "%s is stored as another type than it is computed in", t.Name)
		}
		if !drop {
			n.Stores = append(n.Stores, s)
		}
		n.Stores = append(n.Stores, storesOn(c, axes, func(a loop.Access) *loop.Expr {
			if a.Buf == t {
				return s.Expr
			}
			return nil
		})...)
	}
	at, ok := u.joins(i, j)
	if !ok {
		return false
	}
	n.Ops = slices.Concat(p.Ops, c.Ops)
	u.f.Nests[at] = &n
	u.remove(i + j - at)
	return true
}

// ontoByPieces reports whether all stores of p go to t and take every element of it exactly once.
func ontoByPieces(p *loop.Nest, t *loop.Buffer) bool {
	from, to, ok := pieces(p, t)
	for d := range from {
		ok = ok && from[d] == 0 && to[d] == t.Shape[d].Size
	}
	return ok && !slices.ContainsFunc(p.Stores, func(s loop.Store) bool { return s.To.Buf != t })
}

// pieces returns the box of t that the stores of p take, each element of it exactly once: each dimension is walked by an axis of its own, in
// steps as long as there are places beside each other along it, and the stores take all combinations of these places. The step of a symbolic
// dimension is 1; its end is its size for each unit of the symbol.
func pieces(p *loop.Nest, t *loop.Buffer) (from, to []int, ok bool) {
	var first []loop.Affine
	places := make([]map[int]bool, len(t.Shape)) // the constants of each dimension
	stores := 0
	for _, s := range p.Stores {
		if s.To.Buf != t {
			continue
		}
		if first == nil {
			first = s.To.Index
		}
		for d, ix := range s.To.Index {
			if !slices.Equal(tidy(p, ix).Terms, tidy(p, first[d]).Terms) {
				return nil, nil, false
			}
			if places[d] == nil {
				places[d] = map[int]bool{}
			}
			places[d][ix.Const] = true
		}
		stores++
	}
	used := make([]bool, len(p.Axes))
	combinations := 1
	for d, ix := range first {
		lo := slices.Min(slices.Collect(maps.Keys(places[d])))
		size, step := len(places[d]), len(places[d])
		if terms := tidy(p, ix).Terms; len(terms) > 0 {
			e := p.AxisAt(terms[0].Axis).Extent
			if len(terms) > 1 || terms[0].Axis >= len(p.Axes) || used[terms[0].Axis] || terms[0].Coef != step || e.Sym != t.Shape[d].Sym {
				return nil, nil, false
			}
			used[terms[0].Axis] = true
			size *= e.Size
		}
		if t.Shape[d].Sym != "" && (lo != 0 || step != 1 || size != t.Shape[d].Size) {
			return nil, nil, false
		}
		for c := lo; c < lo+step; c++ {
			if !places[d][c] {
				return nil, nil, false
			}
		}
		from, to = append(from, lo), append(to, lo+size)
		combinations *= step
	}
	for a := range used {
		if !used[a] && p.Axes[a].Extent != one {
			return nil, nil, false
		}
	}
	seen := map[string]bool{}
	for _, s := range p.Stores {
		if s.To.Buf == t {
			key := ""
			for _, ix := range s.To.Index {
				key += strconv.Itoa(ix.Const) + ","
			}
			seen[key] = true
		}
	}
	return from, to, stores == combinations && len(seen) == stores
}
