package fusion

import (
	"slices"

	"github.com/dlc-ml/dlc/ir/loop"
)

// siblings merges map j with an earlier map over the same points that reads one of the same tensors at the same place, where neither
// needs what the other makes: the tensor is then loaded once.
func (u *fuser) siblings(j int) bool {
	c := u.f.Nests[j]
	if c.Form != loop.Map || !plainStores(c) {
		return false
	}
	for i := j - 1; i >= 0; i-- {
		p := u.f.Nests[i]
		if p.Form == loop.Map && plainStores(p) && sameSpace(p, c) && sharesLoad(p, c) && u.mergeSiblings(i, j) {
			return true
		}
	}
	return false
}

func (u *fuser) mergeSiblings(i, j int) bool {
	p, c := u.f.Nests[i], u.f.Nests[j]
	pt, ct := u.touch(p), u.touch(c)
	if loop.Clash(pt.Writes, ct.Reads) != nil || loop.Clash(ct.Writes, pt.Reads) != nil || loop.Clash(pt.Writes, ct.Writes) != nil {
		return false
	}
	if len(union(pt, ct)) > most {
		return u.refuse(c, "with %s it would touch more than %d tensors", p.Name, most)
	}
	at := i
	if u.rises(j, i) != nil {
		if u.sinks(i, j) != nil {
			return false
		}
		at = j
	}
	if !u.cfg.Rewrite("merge " + c.Name + " with " + p.Name) {
		return false
	}
	u.note(c.Pos, "%s is computed beside %s", c.Name, p.Name)
	axes := make([]loop.Affine, len(c.Axes))
	for a := range axes {
		axes[a] = loop.Ax(a)
	}
	u.mergeAt(i, j, at, axes, nil, nil, false)
	return true
}

// sameSpace reports whether two maps run over the same axes in the same order.
func sameSpace(p, c *loop.Nest) bool {
	return slices.EqualFunc(p.Axes, c.Axes, func(a, b loop.Axis) bool { return a.Extent == b.Extent })
}

// sharesLoad reports whether two maps over the same axes load the same element of a tensor that is no mere scalar or row: one that
// all their axes move in.
func sharesLoad(p, c *loop.Nest) bool {
	for _, a := range p.Loads() {
		if dynamic(a) || !moves(p, a) {
			continue
		}
		for _, b := range c.Loads() {
			if a.Buf == b.Buf && !dynamic(b) && sameIndex(p, a.Index, b.Index) {
				return true
			}
		}
	}
	return false
}

func moves(n *loop.Nest, a loop.Access) bool {
	for ax := range n.Axes {
		if n.Axes[ax].Extent == one || isStep(n, ax) {
			continue
		}
		if !slices.ContainsFunc(a.Index, func(ix loop.Affine) bool { return ix.Coef(ax) != 0 }) {
			return false
		}
	}
	return true
}
