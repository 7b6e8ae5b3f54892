package layout

import "github.com/dlc-ml/dlc/ir/loop"

// partials is how many partial sums a fold keeps: one AVX2 register. Sixteen would leave half of every step empty on the short
// rows that fold best.
const partials = 8

// order gives a nest the order of reduction axes, and the number of partial sums, that its kernel runs fastest with. Axes that depend
// on the batch stay outermost: their sums grow example by example.
func (c *chooser) order(n *loop.Nest) error {
	if n.Form != loop.Contract && n.Form != loop.Window && n.Form != loop.Reduce || n.Lanes > 1 || len(n.Red) == 0 {
		_, err := c.price(n)
		return err
	}
	lead := 0
	for lead < len(n.Red) && !n.Red[lead].Extent.Static() {
		lead++
	}
	best, bestNest := 0.0, *n
	steps := c.steps[n]
	for i, perm := range permutations(len(n.Red)-lead, 6) {
		m := *n
		permute(&m, len(steps), lead, perm)
		for _, lanes := range []int{1, partials} {
			if lanes > 1 && !foldable(&m) {
				continue
			}
			m.Lanes = lanes
			p, err := c.priceAt(&m, steps)
			delete(c.cost, &m)
			if err != nil {
				return err
			}
			if i == 0 && lanes == 1 || p < best*0.97 {
				best, bestNest = p, m
			}
		}
	}
	*n = bestNest
	c.cost[n] = best
	return nil
}

// foldable reports whether partial sums make sense: the last reduction axis has fixed extent and can fill a register.
func foldable(n *loop.Nest) bool {
	last := n.Red[len(n.Red)-1].Extent
	return last.Static() && last.Size >= partials
}

// permutations returns up to max orders of n things, the identity first.
func permutations(n, max int) [][]int {
	var list [][]int
	var grow func(p []int, left []int)
	grow = func(p, left []int) {
		if len(list) == max {
			return
		}
		if len(left) == 0 {
			list = append(list, append([]int(nil), p...))
			return
		}
		for i := range left {
			rest := append(append([]int(nil), left[:i]...), left[i+1:]...)
			grow(append(p, left[i]), rest)
		}
	}
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	grow(nil, all)
	return list
}

// permute reorders the reduction axes of m, which stands in steps scans, behind the first lead: new axis lead+i is old axis lead+perm[i].
// Expressions are rewritten.
func permute(m *loop.Nest, steps, lead int, perm []int) {
	base := steps + len(m.Axes) + lead
	to := map[int]int{}
	red := append([]loop.Axis(nil), m.Red...)
	same := true
	for i, p := range perm {
		red[lead+i] = m.Red[lead+p]
		to[base+p] = base + i
		same = same && i == p
	}
	if same {
		return
	}
	m.Red = red
	m.Value = m.Value.Rewrite(func(e *loop.Expr) *loop.Expr {
		switch e.Code {
		case loop.Load:
			c := *e
			c.From.Index = make([]loop.Affine, len(e.From.Index))
			for i, ix := range e.From.Index {
				c.From.Index[i] = renumber(ix, to)
			}
			return &c
		case loop.Index:
			c := *e
			c.Idx = renumber(e.Idx, to)
			return &c
		}
		return e
	})
}

// renumber moves an affine index to new axis numbers; axes that to does not name keep theirs.
func renumber(a loop.Affine, to map[int]int) loop.Affine {
	r := loop.At(a.Const)
	for _, t := range a.Terms {
		ax := t.Axis
		if n, ok := to[ax]; ok {
			ax = n
		}
		r = r.Plus(ax, t.Coef, 0)
	}
	return r
}
