package vec

// Narrow returns f with Need set: of each verb's result, how many of the first lanes something reads. The last register of a row is often
// full in part only, and a machine with wide registers computes half of one in less time. f is not allocated yet.
func Narrow(f *Func) *Func {
	need := neededLanes(f)
	g := *f
	g.Ops = append([]Op(nil), f.Ops...)
	for i := range g.Ops {
		if o := &g.Ops[i]; o.Code.Writes() && need[o.D] < f.Target.Lanes {
			o.Need = max(need[o.D], 1)
		}
	}
	return &g
}

// neededLanes returns, for each register, how many of its first lanes are read anywhere.
func neededLanes(f *Func) []int {
	need := make([]int, f.regs+1)
	grown := true
	want := func(r Reg, n int) {
		if n = min(n, f.Target.Lanes); need[r] < n {
			need[r], grown = n, true
		}
	}
	// What a verb reads follows from what is read of its result; loops hand on from turn to turn.
	for grown {
		grown = false
		for i := len(f.Ops) - 1; i >= 0; i-- {
			o := &f.Ops[i]
			all := need[o.D]
			switch o.Code {
			case Store, StoreZip:
				all = f.Target.Lanes
			case StorePart:
				all = o.N
			case StoreStride:
				all = o.K
			case StoreAt:
				want(o.A, o.N)
				want(o.B, 1)
				continue
			case LoadAt, SplatAt:
				want(o.A, 1)
				continue
			case Fold:
				all = 2 * o.N
			case Low:
				want(o.A, min(o.N, all))
				want(o.B, all)
				continue
			}
			for _, r := range o.Reads(nil) {
				want(r, all)
			}
		}
	}
	return need
}
