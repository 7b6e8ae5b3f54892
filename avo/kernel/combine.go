package kernel

import (
	"math"

	"github.com/dlc-ml/dlc/avo/vec"
	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// fusedSum reports whether each step of the nest's chain is one fused multiply-add.
func fusedSum(n *loop.Nest) bool {
	return n.Fold == loop.FoldSum && n.Value.Code == loop.Mul && n.Value.Type == ir.F32
}

// identity is what the fold of a nest starts from.
func identity(n *loop.Nest) uint32 {
	if n.Value.Type == ir.I32 {
		least, most := int32(math.MinInt32), int32(math.MaxInt32)
		return map[loop.Fold]uint32{loop.FoldMax: uint32(least), loop.FoldMin: uint32(most), loop.FoldProd: 1}[n.Fold]
	}
	start := map[loop.Fold]float64{loop.FoldMax: math.Inf(-1), loop.FoldMin: math.Inf(1), loop.FoldProd: 1}[n.Fold]
	return math.Float32bits(float32(start))
}

// pair joins two values by the nest's fold.
func (e *emitter) pair(a, b vec.Reg) vec.Reg {
	n := e.fm.nest
	if n.Value.Type == ir.I32 {
		switch n.Fold {
		case loop.FoldProd:
			return e.f.Binary(vec.MulI, a, b)
		case loop.FoldMax:
			return vec.MaximumI(e.f, a, b)
		case loop.FoldMin:
			return vec.MinimumI(e.f, a, b)
		}
		return e.f.Binary(vec.AddI, a, b)
	}
	switch n.Fold {
	case loop.FoldProd:
		return e.f.Binary(vec.Mul, a, b)
	case loop.FoldMax:
		return vec.Maximum(e.f, a, b)
	case loop.FoldMin:
		return vec.Minimum(e.f, a, b)
	}
	return e.f.Binary(vec.Add, a, b)
}

// combine folds x into acc. Where only some lanes hold an element, the others keep what they have.
func (e *emitter) combine(acc, x vec.Reg, lanes int) {
	n := e.fm.nest
	part := lanes > 0 && lanes < e.f.Target.Lanes
	if n.Fold == loop.FoldSum && n.Value.Type == ir.F32 && !part {
		e.f.Accumulate(vec.Add, acc, x)
		return
	}
	r := e.pair(acc, x)
	if part {
		r = e.f.Low(r, acc, lanes)
	}
	e.f.Set(acc, r)
}

// foldLanes joins the partial results in halves: lane i takes lane i+L/2, then i+L/4, and so on.
func (e *emitter) foldLanes(acc []vec.Reg) vec.Reg {
	for len(acc) > 1 {
		h := len(acc) / 2
		next := make([]vec.Reg, h)
		for i := range next {
			next[i] = e.pair(acc[i], acc[i+h])
		}
		acc = next
	}
	r := acc[0]
	for w := e.f.Target.Lanes / 2; w >= 1; w /= 2 {
		r = e.pair(r, e.f.Fold(r, w))
	}
	return r
}
