package tile

import (
	"slices"

	"github.com/dlc-ml/dlc/ir/loop"
)

// work is what is done in a tile: a member's nest, or what is left of it where nests that only the cluster sees are taken together.
type work struct {
	m    *member
	nest *loop.Nest
}

// work returns the nests of a cluster for its tiles, over the axes of the whole.
func (c *cluster) work() []*work {
	if c.tasks != nil {
		return c.tasks
	}
	var list []*work
	for _, m := range c.members {
		list = append(list, &work{m, m.nest})
	}
	own := c.private()
	list = c.divideLate(list, own)
	list = c.inline(list, own)
	c.inPlace(list, own)
	c.tasks = list
	return list
}

// divideLate turns Σ (x/y)·v into (Σ x·v)/y where y is the same for the whole sum: the weights of a row need not be divided by their sum one by one.
func (c *cluster) divideLate(list []*work, own map[*loop.Buffer]bool) []*work {
	for i := 0; i < len(list); i++ {
		n := list[i].nest
		if n.Form != loop.Map || len(n.Stores) != 1 || !own[n.Stores[0].To.Buf] || n.Stores[0].Expr.Code != loop.Div || n.Stores[0].Expr.Args[0].Code != loop.Load {
			continue
		}
		k, loads := soleReader(list, n.Stores[0].To.Buf, i)
		if k < 0 || len(loads) != 1 || list[k].m.sum || list[k].m.late || list[k].nest.Form != loop.Contract || !slices.Contains(list[k].nest.Value.Args, loads[0]) {
			continue
		}
		into, p := loads[0], list[k].nest
		image := imageOf(n, into.From.Index)
		if image == nil {
			continue
		}
		x, y := through(n.Stores[0].Expr.Args[0], image), through(n.Stores[0].Expr.Args[1], image)
		if dependsFrom(y, len(p.Axes)) {
			continue
		}
		var late *loop.Expr
		list[k].nest = p.Rewrite(func(e *loop.Expr) *loop.Expr {
			switch {
			case e == into:
				return x
			case e.Code == loop.Acc:
				if late == nil {
					late = loop.E(loop.Div, e, y)
				}
				return late
			}
			return e
		})
		list = slices.Delete(list, i, i+1)
		i--
	}
	return list
}

// inline puts maps that one other map alone reads into that.
func (c *cluster) inline(list []*work, own map[*loop.Buffer]bool) []*work {
	for i := 0; i < len(list); i++ {
		n := list[i].nest
		if n.Form != loop.Map || len(n.Stores) != 1 || !own[n.Stores[0].To.Buf] {
			continue
		}
		k, loads := soleReader(list, n.Stores[0].To.Buf, i)
		if k < 0 || list[k].nest.Form != loop.Map {
			continue
		}
		image := imageOf(n, loads[0].From.Index)
		if image == nil || slices.ContainsFunc(loads, func(e *loop.Expr) bool { return !sameIndex(e.From.Index, loads[0].From.Index) }) {
			continue
		}
		x := through(n.Stores[0].Expr, image)
		list[k].nest = list[k].nest.Rewrite(func(e *loop.Expr) *loop.Expr {
			if slices.Contains(loads, e) {
				return x
			}
			return e
		})
		list = slices.Delete(list, i, i+1)
		i--
	}
	return list
}

// inPlace lets a map store where it reads what nobody needs afterwards, so that tiles take less of the cache.
func (c *cluster) inPlace(list []*work, own map[*loop.Buffer]bool) {
	for i, w := range list {
		if w.nest.Form != loop.Map || len(w.nest.Stores) != 1 || !own[w.nest.Stores[0].To.Buf] {
			continue
		}
		to := w.nest.Stores[0].To
		var old *loop.Buffer
		for _, a := range w.nest.Loads() {
			b := a.Buf
			if own[b] && b != to.Buf && sameIndex(a.Index, to.Index) && b.Elem == to.Buf.Elem && b.Shape.Equal(to.Buf.Shape) && slices.Equal(orderOf(b), orderOf(to.Buf)) &&
				slices.Equal(c.written[b], c.written[to.Buf]) && !reads(list[i+1:], b) && !elsewhere(w.nest, b, to.Index) {
				old = b
				break
			}
		}
		if old == nil {
			continue
		}
		for _, x := range list[i:] {
			x.nest = instead(x.nest, to.Buf, old)
		}
	}
}

// soleReader returns the number of the only work that reads b, and its loads; -1 where there are several or work i is not before it.
func soleReader(list []*work, b *loop.Buffer, i int) (int, []*loop.Expr) {
	at := -1
	var loads []*loop.Expr
	for k, w := range list {
		found := false
		w.nest.Exprs(func(e *loop.Expr) {
			if e.Code == loop.Load && e.From.Buf == b {
				found = true
				loads = append(loads, e)
			}
		})
		if found && (at >= 0 || k <= i) {
			return -1, nil
		}
		if found {
			at = k
		}
	}
	return at, loads
}

// reads reports whether some work touches b.
func reads(list []*work, b *loop.Buffer) bool {
	return slices.ContainsFunc(list, func(w *work) bool {
		return slices.ContainsFunc(w.nest.Accesses(), func(a loop.Access) bool { return a.Buf == b })
	})
}

// elsewhere reports whether a nest reads b at another index.
func elsewhere(n *loop.Nest, b *loop.Buffer, index []loop.Affine) bool {
	return slices.ContainsFunc(n.Loads(), func(a loop.Access) bool { return a.Buf == b && !sameIndex(a.Index, index) })
}

// instead is n with one buffer in the place of another.
func instead(n *loop.Nest, old, by *loop.Buffer) *loop.Nest {
	r := n.Rewrite(func(e *loop.Expr) *loop.Expr {
		if e.Code != loop.Load || e.From.Buf != old {
			return e
		}
		x := *e
		x.From.Buf = by
		return &x
	})
	for i := range r.Stores {
		if r.Stores[i].To.Buf == old {
			r.Stores[i].To.Buf = by
		}
	}
	return r
}

// sameIndex reports whether two indices are the same.
func sameIndex(a, b []loop.Affine) bool {
	return slices.EqualFunc(a, b, func(x, y loop.Affine) bool { return x.Const == y.Const && slices.Equal(x.Terms, y.Terms) })
}

// imageOf returns what each axis of map n is in a nest that reads what it stores at index; nil where some axis does not show there.
func imageOf(n *loop.Nest, index []loop.Affine) []loop.Affine {
	image := make([]loop.Affine, len(n.Axes))
	seen := make([]bool, len(n.Axes))
	for d, ix := range n.Stores[0].To.Index {
		if len(ix.Terms) == 0 && ix.Const == 0 {
			continue
		}
		a, ok := plain(ix)
		if !ok || seen[a] {
			return nil
		}
		image[a], seen[a] = index[d], true
	}
	if slices.Contains(seen, false) {
		return nil
	}
	return image
}

// through is an expression with every axis replaced by its image.
func through(e *loop.Expr, image []loop.Affine) *loop.Expr {
	affine := func(a loop.Affine) loop.Affine {
		r := loop.At(a.Const)
		for _, t := range a.Terms {
			r.Const += t.Coef * image[t.Axis].Const
			for _, x := range image[t.Axis].Terms {
				r = r.Plus(x.Axis, t.Coef*x.Coef, 0)
			}
		}
		return r
	}
	return e.Rewrite(func(e *loop.Expr) *loop.Expr {
		x := *e
		switch e.Code {
		case loop.Load:
			x.From.Index = nil
			for _, ix := range e.From.Index {
				x.From.Index = append(x.From.Index, affine(ix))
			}
		case loop.Index:
			x.Idx = affine(e.Idx)
		default:
			return e
		}
		return &x
	})
}

// dependsFrom reports whether an expression depends on an axis from number first on.
func dependsFrom(e *loop.Expr, first int) bool {
	found := false
	check := func(ix loop.Affine) {
		found = found || slices.ContainsFunc(ix.Terms, func(t loop.Term) bool { return t.Axis >= first })
	}
	e.Walk(func(x *loop.Expr) {
		check(x.Idx)
		for _, ix := range x.From.Index {
			check(ix)
		}
	})
	return found
}
