package neon

import "github.com/dlc-ml/dlc/avo/vec"

// part is what a verb does of its own where two verbs share the work.
type part uint8

const (
	all     part = iota
	lane0        // a Splat of which only lane 0 is needed
	byLane       // B is such a register: NEON multiplies by one lane, and to spread it costs an instruction of the pipes that multiply
	inverse      // a NotEq that leaves the mask of those that are equal
	unless       // B is such a mask
)

// parts says how the verbs are written that do a part.
var parts = map[part]map[vec.Code]emitter{
	all: verbs,
	lane0: {
		vec.Splat:   func(w *writer, o *vec.Op) { w.single(o, w.base(o), 0) },
		vec.SplatAt: func(w *writer, o *vec.Op) { w.single(o, w.base(o), 0) },
	},
	byLane:  {vec.Mul: two(fmulS0), vec.Fma: two(fmlaS0), vec.Fnma: two(fmlsS0)},
	inverse: {vec.NotEq: two(fcmeq)},
	unless:  {vec.Or: two(orn), vec.And: two(bic)},
}

// join finds the verbs that share work, and brings what they share to the operand B of the one that reads it.
func join(ops []vec.Op, regs int) []part {
	list := make([]part, len(ops))
	for i, readers := range vec.Readers(ops, regs) {
		for _, pair := range [][2]part{{lane0, byLane}, {inverse, unless}} {
			if parts[pair[0]][ops[i].Code] == nil || !fit(ops, list, ops[i].D, readers, pair[1]) {
				continue
			}
			list[i] = pair[0]
			for _, j := range readers {
				o := &ops[j]
				if list[j] = pair[1]; o.A == ops[i].D {
					o.A, o.B = o.B, o.A
				}
			}
		}
	}
	return list
}

// fit reports whether r is read by verbs alone that can do the part, each of which reads it once, and no other joined register.
func fit(ops []vec.Op, list []part, r vec.Reg, readers []int, p part) bool {
	for _, j := range readers {
		o := &ops[j]
		if parts[p][o.Code] == nil || list[j] != all || (o.A == r) == (o.B == r) || o.Code.Accumulates() && o.D == r {
			return false
		}
	}
	return len(readers) > 0
}
