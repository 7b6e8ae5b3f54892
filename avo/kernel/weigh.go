package kernel

import "github.com/dlc-ml/dlc/ir/loop"

// weight is what an expression costs: of its nodes, those that no expression evaluated before it at the same point shares.
type weight struct {
	loads      []*loop.Expr
	work       map[constant]int // how many nodes cost so much
	arithmetic int              // nodes that compute on floats
	verbs      int              // about how many verbs it is made of
	depth      int              // about how many values are live at once while it is computed
}

// weights are those of a nest's expressions.
type weights struct {
	value  weight
	stores []weight
	verbs  int // of all, computed indices included
	depth  int // of the stores, one after the other
}

// weigh returns the weights of the form's nest, which are worked out once: schedules are many, and expressions may be large.
func (fm *form) weigh() *weights {
	if fm.weights != nil {
		return fm.weights
	}
	w := &weights{value: weighed(fm.nest.Value, map[*loop.Expr]bool{})}
	w.verbs = w.value.verbs
	stored := map[*loop.Expr]bool{}
	for _, s := range fm.nest.Stores {
		x := weighed(s.Expr, stored)
		w.stores = append(w.stores, x)
		w.verbs += x.verbs
		w.depth += 1 + x.depth
		for _, d := range s.To.Dyn {
			w.verbs += weighed(d, stored).verbs
		}
	}
	fm.weights = w
	return w
}

// weighed weighs what is under e and not seen yet.
func weighed(e *loop.Expr, seen map[*loop.Expr]bool) weight {
	w := weight{work: map[constant]int{}}
	depth := map[*loop.Expr]int{}
	e.WalkUnseen(seen, func(e *loop.Expr) {
		d := 0
		for _, a := range e.Args {
			d = max(d, depth[a])
		}
		for _, a := range e.From.Dyn {
			d = max(d, depth[a])
		}
		depth[e] = d + 1
		if c, ok := nodeCost(e); ok {
			w.work[c]++
		}
		w.verbs += nodeVerbs(e)
		switch e.Code {
		case loop.Load:
			w.loads = append(w.loads, e)
		case loop.Const, loop.Acc, loop.Index:
		case loop.FMA:
			w.arithmetic += 2
		default:
			w.arithmetic++
		}
	})
	w.depth = depth[e]
	return w
}

// nodeVerbs is about how many verbs a node becomes.
func nodeVerbs(e *loop.Expr) int {
	switch e.Code {
	case loop.Const:
		return 0
	case loop.Exp, loop.Log, loop.Expm1, loop.Log1p:
		return 20
	case loop.Tanh, loop.Sigmoid, loop.Erf, loop.Atan:
		return 30
	case loop.Sin, loop.Cos:
		return 40
	case loop.Pow:
		return 80
	case loop.Min, loop.Max, loop.Hash:
		return 4
	}
	return 1
}

// cycles is the throughput of the expression without its loads.
func (w *weight) cycles(k *Costs) float64 {
	c := 0.0
	for _, kind := range []constant{exponential, sigmoid, powers, division, simple} { // in one order, since sums of floats have one
		c += float64(w.work[kind]) * k[kind]
	}
	return c
}

// nodeCost names what a node costs that computes.
func nodeCost(e *loop.Expr) (constant, bool) {
	switch e.Code {
	case loop.Const, loop.Load, loop.Acc, loop.ToBits, loop.FromBits:
		return 0, false
	case loop.Exp, loop.Log, loop.Expm1, loop.Log1p:
		return exponential, true
	case loop.Tanh, loop.Sigmoid, loop.Erf, loop.Sin, loop.Cos, loop.Atan:
		return sigmoid, true
	case loop.Pow:
		if e.Args[1].Code == loop.Const {
			return division, true // mostly a square or a root
		}
		return powers, true
	case loop.Div, loop.Sqrt:
		return division, true
	}
	return simple, true
}
