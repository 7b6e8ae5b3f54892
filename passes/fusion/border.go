package fusion

import (
	"slices"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// border makes of nest i, a fill of a whole temporary whose inside the next nest that touches it writes, fills of what lies around that: a picture is much larger
// than its border.
func (u *fuser) border(i int) bool {
	fill := u.f.Nests[i]
	if len(fill.Stores) != 1 {
		return false
	}
	d := fill.Stores[0].To.Buf
	if _, ok := fillOf(fill, d); !ok || d.Space != loop.Temp || d.Alias != nil || u.aliased[d] {
		return false
	}
	n := u.next(i, d)
	if n == nil || n.Form == loop.Scan || loop.Meets(u.touch(n).Reads, d) || !plainStores(n) {
		return false
	}
	from, to, ok := pieces(n, d)
	if !ok {
		return false
	}
	nests := around(fill, d, from, to)
	if !u.cfg.Rewrite("fill the border of " + d.Name) {
		return false
	}
	u.note(fill.Pos, "only the border of %s is filled", d.Name)
	u.f.Nests = slices.Replace(u.f.Nests, i, i+1, nests...)
	return true
}

// next returns the first nest behind i that touches b, nil where there is none.
func (u *fuser) next(i int, b *loop.Buffer) *loop.Nest {
	for _, n := range u.f.Nests[i+1:] {
		if t := u.touch(n); loop.Meets(t.Reads, b) || loop.Meets(t.Writes, b) {
			return n
		}
	}
	return nil
}

// around returns fills of all of d but the box: for each dimension in which the box is smaller, what lies before and behind it there and inside the box in all
// dimensions before. Where the two are as large as each other they are two stores of one nest.
func around(fill *loop.Nest, d *loop.Buffer, from, to []int) []*loop.Nest {
	var list []*loop.Nest
	for k, dim := range d.Shape {
		before, behind := from[k], dim.Size-to[k]
		switch {
		case before == behind && before > 0:
			list = append(list, slab(fill, d, from, to, k, before, 0, to[k]))
		default:
			if before > 0 {
				list = append(list, slab(fill, d, from, to, k, before, 0))
			}
			if behind > 0 {
				list = append(list, slab(fill, d, from, to, k, behind, to[k]))
			}
		}
	}
	return list
}

// slab fills, at each of some places along dimension k, so many elements of it: inside the box in the dimensions before, all of those behind.
func slab(fill *loop.Nest, d *loop.Buffer, from, to []int, k, size int, places ...int) *loop.Nest {
	n := *fill
	n.Axes, n.Stores = nil, nil
	index := make([]loop.Affine, len(d.Shape))
	for i, dim := range d.Shape {
		axis := loop.Axis{Name: string(rune('i' + i)), Extent: dim}
		index[i] = loop.Ax(i)
		switch {
		case i < k && dim.Static():
			axis.Extent = ir.D(to[i] - from[i])
			index[i].Const = from[i]
		case i == k:
			axis.Extent = ir.D(size)
		}
		n.Axes = append(n.Axes, axis)
	}
	for _, at := range places {
		st := fill.Stores[0]
		st.To.Index = slices.Clone(index)
		st.To.Index[k].Const = at
		n.Stores = append(n.Stores, st)
	}
	return &n
}
