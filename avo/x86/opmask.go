package x86

import (
	"cmp"
	"maps"
	"slices"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
	"github.com/mmcloughlin/avo/x86"

	"github.com/dlc-ml/dlc/avo/vec"
)

// opmasks is what the mask registers of AVX-512 hold in one function: masks of the first n lanes, made once where there is room, and what a
// comparison hands to the one verb that reads it.
type opmasks struct {
	fixed map[int]reg.OpmaskPhysical // by n
	free  []reg.OpmaskPhysical       // for comparisons
	to    map[int]int                // the verb that alone reads a comparison, by the comparison's place
	held  map[int]heldMask           // the mask that a verb reads, by the verb's place
	made  int                        // the n whose mask lies in spare, or 0
}

// heldMask is a comparison's result in a mask register, and the vector register that it would have.
type heldMask struct {
	k  reg.OpmaskPhysical
	of vec.Reg
}

// spare is the mask register for what lives no longer than a verb.
var spare = reg.K7

// mostFixed is how many masks of lanes are made once.
const mostFixed = 4

// plan gives registers to the masks of lanes that the code meets most often, and leaves the others to comparisons.
func (m *opmasks) plan(w *writer, sole []int) {
	weight := map[int]float64{}
	trips := []float64{1}
	m.to, m.held, m.fixed = map[int]int{}, map[int]heldMask{}, map[int]reg.OpmaskPhysical{}
	for i := range w.ops {
		o := &w.ops[i]
		switch o.Code {
		case vec.LoopBegin:
			n := 16.0
			if o.Count.Param < 0 {
				n = float64(o.Count.N)
			}
			trips = append(trips, n*trips[len(trips)-1])
		case vec.LoopEnd:
			trips = trips[:len(trips)-1]
		}
		for _, n := range lanesMasked(o, w.f.Target.Lanes) {
			weight[n] += trips[len(trips)-1]
		}
		if j := sole[i]; o.Code.IsMask() && j >= 0 && w.takesMask(j, o.D) {
			m.to[i] = j
		}
	}
	all := []reg.OpmaskPhysical{reg.K1, reg.K2, reg.K3, reg.K4, reg.K5, reg.K6}
	often := slices.Sorted(maps.Keys(weight))
	slices.SortStableFunc(often, func(a, b int) int { return cmp.Compare(weight[b], weight[a]) })
	for _, n := range often[:min(len(often), mostFixed)] {
		m.fixed[n], all = all[0], all[1:]
	}
	m.free = all
}

// takesMask reports whether verb j can read register r as a mask register: a select's condition, or a mask on the bits of a number.
func (w *writer) takesMask(j int, r vec.Reg) bool {
	switch o := &w.ops[j]; o.Code {
	case vec.Select:
		return o.A == r
	case vec.And, vec.Or:
		return w.fold[j].from == 0
	}
	return false
}

// lanesMasked lists the n of the masks of the first n lanes with which a verb is written.
func lanesMasked(o *vec.Op, lanes int) []int {
	switch o.Code {
	case vec.LoadPart, vec.LoadAt, vec.StorePart, vec.StoreAt:
		if o.N&(o.N-1) == 0 || o.N == lanes {
			return nil // as wide as a register, or an element or two
		}
		return []int{o.N}
	case vec.Low:
		return []int{o.N}
	case vec.LoadStridePart:
		if total := max(o.N, -o.N)*(o.K-1) + 1; o.N != 0 && total < lanes {
			return []int{o.K, total}
		}
		return []int{o.K}
	}
	return nil
}

// prologue makes the masks that have a register.
func (m *opmasks) prologue(w *writer) {
	for _, n := range slices.Sorted(maps.Keys(m.fixed)) {
		w.makeMask(m.fixed[n], n)
	}
}

// makeMask sets the first n lanes of 16.
func (w *writer) makeMask(k reg.OpmaskPhysical, n int) {
	w.add(x86.KXNORW(k, k, k))
	w.add(x86.KSHIFTRW(operand.U8(uint8(16-n)), k, k))
}

// first returns a mask of the first n lanes.
func (w *writer) first(n int) operand.Op {
	if k, ok := w.mask.fixed[n]; ok {
		return k
	}
	if w.mask.made != n {
		w.makeMask(spare, n)
		w.mask.made = n
	}
	return spare
}

// compareTo returns the mask register that the comparison at hand, whose result is to be of, sets, and whether the verb that reads it takes it from
// there.
func (w *writer) compareTo(of vec.Reg) (k reg.OpmaskPhysical, direct bool) {
	m := &w.mask
	if j, ok := m.to[w.verb]; ok && len(m.free) > 0 && m.held[j].k == nil {
		k = m.free[len(m.free)-1]
		m.free = m.free[:len(m.free)-1]
		m.held[j] = heldMask{k, of}
		return k, true
	}
	m.made = 0
	return spare, false
}

// takeMask returns the mask register that the verb at hand reads, if it reads one, which is free then.
func (w *writer) takeMask() (heldMask, bool) {
	h, ok := w.mask.held[w.verb]
	if ok {
		w.mask.free = append(w.mask.free, h.k)
	}
	return h, ok
}
