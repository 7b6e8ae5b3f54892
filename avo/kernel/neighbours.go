package kernel

import (
	"cmp"
	"slices"

	"github.com/dlc-ml/dlc/ir/loop"
)

// neighbours says that steps along a parallel axis and along the innermost reduction axis read the same elements, each for its own sum, as places of a picture
// do under a window that slides over its channels one by one. Such a run of the reduction is emitted element by element rather than step by step: what was loaded
// goes to every sum that needs it, and each sum still gets its terms in order, since they come in the order of their addresses.
type neighbours struct {
	red, par int
	apart    int        // steps of red from one step of par to the next
	load     *loop.Expr // what they share
}

const (
	mostTaps = 7  // steps of the reduction that a window has at most
	mostRun  = 96 // terms of one run at most, which are code
)

// neighboursAlong finds them for lanes along an axis; nil where there are none. The other operands must not depend on the place: they are kept in registers.
func (fm *form) neighboursAlong(lane int) *neighbours {
	red := len(fm.axes) - 1
	for red >= fm.par && fm.axes[red].extent == 1 && !fm.axes[red].dyn {
		red--
	}
	if red < fm.par || fm.axes[red].dyn || fm.axes[red].extent < 2 || fm.axes[red].extent > mostTaps || lane < 0 || lane >= fm.par {
		return nil
	}
	var found *neighbours
	for _, x := range fm.weigh().value.loads {
		r := fm.loads[x]
		g := &fm.groups[r.group]
		if r.dyn != nil || g.coef[lane] != 1 {
			continue
		}
		for a := range fm.par {
			apart := fm.stride(g, a, red)
			if apart == 0 || a == lane || a == fm.cut || fm.axes[a].dyn {
				continue
			}
			if found != nil {
				return nil
			}
			found = &neighbours{red: red, par: a, apart: apart, load: x}
		}
	}
	if found == nil {
		return nil
	}
	for _, x := range fm.weigh().value.loads {
		if x != found.load && (fm.loads[x].varying[found.par] || fm.loads[x].dyn != nil) {
			return nil
		}
	}
	return found
}

// runs reports whether a tile of so many points reads by runs.
func (nb *neighbours) runs(fm *form, points int) bool {
	return nb != nil && points*fm.axes[nb.red].extent <= mostRun
}

// of reports whether r is what neighbours share.
func (nb *neighbours) of(fm *form, r ref) bool {
	shared := fm.loads[nb.load]
	return r.group == shared.group && r.at == shared.at
}

// distinct is the part of the shared loads that a run of size steps along par makes.
func (nb *neighbours) distinct(fm *form, size float64) float64 {
	n := float64(fm.axes[nb.red].extent)
	return ((size-1)*float64(nb.apart) + n) / (size * n)
}

// run emits the steps along the innermost reduction axis for all points of a tile, in the order of what they read.
func (e *emitter) run(pts []point) {
	nb := e.s.shared
	type term struct{ at, step, point int }
	var terms []term
	for i := range pts {
		for n := range e.fm.axes[nb.red].extent {
			e.off[nb.red] += n
			terms = append(terms, term{e.at(&pts[i], &cache{}).disp(e.fm.loads[nb.load]), n, i})
			e.off[nb.red] -= n
		}
	}
	slices.SortStableFunc(terms, func(a, b term) int { return cmp.Compare(a.at, b.at) })
	c := &cache{}
	for _, t := range terms {
		e.off[nb.red] += t.step
		e.accumulate(&pts[t.point], c)
		e.off[nb.red] -= t.step
	}
}
