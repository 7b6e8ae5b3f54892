package vec

import (
	"cmp"
	"slices"
)

// Claim is a pointer, or the counter of the loops at one depth, that wants a general register.
type Claim struct {
	Ptr   Ptr // or -1
	Depth int // of loops; -1 for a pointer
	// Weight is about how often the code meets it.
	Weight float64
}

// Claims lists what wants a general register in ops, which are f's or what FoldPointers made of them: those first that the code meets most often.
// Pointers through which nothing is read or written are left out.
func Claims(f *Func, ops []Op) []Claim {
	var loops []Claim
	ptrs := make([]Claim, len(f.Ptrs))
	for i := range ptrs {
		ptrs[i] = Claim{Ptr: Ptr(i), Depth: -1}
	}
	depth, trips := 0, []float64{1}
	for i := range ops {
		o := &ops[i]
		switch {
		case o.Code == LoopBegin:
			n := float64(guess)
			if o.Count.Param < 0 {
				n = float64(o.Count.N)
			}
			trips = append(trips, n*trips[len(trips)-1])
			if depth == len(loops) {
				loops = append(loops, Claim{Ptr: -1, Depth: depth})
			}
			loops[depth].Weight += trips[len(trips)-1]
			depth++
		case o.Code == LoopEnd:
			depth--
			trips = trips[:len(trips)-1]
		case o.Code == AddPtr || o.Code.Addresses():
			ptrs[o.Ptr].Weight += trips[len(trips)-1]
		}
	}
	list := loops
	for _, p := range ptrs {
		if p.Weight > 0 {
			list = append(list, p)
		}
	}
	slices.SortStableFunc(list, func(a, b Claim) int { return cmp.Compare(b.Weight, a.Weight) })
	return list
}
