package fusion

import (
	"slices"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// The body of a scan is a program of its own for one step. While it is fused, its nests have the step as their first axis, of an extent that no
// other axis has: an index that is the step names one place, as a constant does, and no nest runs over it.

// stepExtent is that extent.
var stepExtent = ir.Dim{Size: 1, Sym: "\x00step"}

// isStep reports whether an axis of n is the step of the scan around it.
func isStep(n *loop.Nest, axis int) bool { return n.AxisAt(axis).Extent == stepExtent }

// atStep reports whether an index names the place of the step, or one at a fixed distance from it.
func atStep(n *loop.Nest, a loop.Affine) bool {
	return len(a.Terms) == 1 && isStep(n, a.Terms[0].Axis)
}

// bodies fuses the nests inside each scan, and reports whether anything changed.
func (u *fuser) bodies() bool {
	any := false
	for i, n := range u.f.Nests {
		if n.Form == loop.Scan && !slices.ContainsFunc(n.Body, func(b *loop.Nest) bool { return b.Form == loop.Scan }) && u.body(i) {
			any = true
		}
	}
	return any
}

// body fuses the nests of the scan at i. What other nests touch stays as it is stored.
func (u *fuser) body(i int) bool {
	scan := u.f.Nests[i]
	in := newFuser(&loop.Func{Name: u.f.Name}, u.cfg)
	in.aliased, in.outside = u.aliased, map[*loop.Buffer]bool{}
	for k, n := range u.f.Nests {
		if k == i {
			continue
		}
		t := u.touch(n)
		for _, b := range slices.Concat(t.Reads, t.Writes) {
			in.outside[b.Root()] = true
		}
	}
	for _, b := range scan.Body {
		c := *b
		c.Axes = append([]loop.Axis{{Name: scan.Axes[0].Name, Extent: stepExtent}}, b.Axes...)
		in.f.Nests = append(in.f.Nests, &c)
	}
	any := false
	for again := true; again; {
		again = in.each(in.repeated)
		again = in.each(in.epilogue) || again
		again = in.each(in.copied) || again
		again = in.each(in.prologue) || again
		again = in.each(in.siblings) || again
		any = any || again
	}
	in.explain()
	if !any {
		return false
	}
	for _, n := range in.f.Nests {
		n.Axes = n.Axes[1:]
	}
	scan.Body = in.f.Nests
	u.changed(scan)
	return true
}

// sameStep reports whether an access by c to what p stores is of this step's part: where the store's index is the step, the load's is the same.
func sameStep(p *loop.Nest, store []loop.Affine, c *loop.Nest, load []loop.Affine) bool {
	for d, ix := range store {
		if atStep(p, ix) && !(atStep(c, load[d]) && load[d].Const == ix.Const && load[d].Terms[0].Coef == ix.Terms[0].Coef) {
			return false
		}
	}
	return true
}
