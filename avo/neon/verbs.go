package neon

import (
	"math/bits"

	"github.com/dlc-ml/dlc/avo/vec"
)

// emitter writes one verb.
type emitter func(w *writer, o *vec.Op)

// verbs says how each verb is written. Go lists an instruction's operands from last to first: m, n, d; a word takes d, n, m.
var verbs = map[vec.Code]emitter{
	vec.Spill:  func(w *writer, o *vec.Op) { w.line("FMOVQ F%d, %s", v(o.A), spilled(o.N)) },
	vec.Reload: func(w *writer, o *vec.Op) { w.line("FMOVQ %s, F%d", spilled(o.N), v(o.D)) },
	vec.Zero:   func(w *writer, o *vec.Op) { w.line("VMOVI $0, V%d.B16", v(o.D)) },
	vec.Const:  func(w *writer, o *vec.Op) { w.constant(v(o.D), o.Imm) },
	vec.Iota:   func(w *writer, o *vec.Op) { w.line("VMOVQ $0x0000000100000000, $0x0000000300000002, V%d", v(o.D)) },
	vec.Move:   move,
	vec.Load:   loadPart, vec.LoadPart: loadPart, vec.LoadStride: loadStride, vec.LoadStridePart: loadStride, vec.Splat: splat,
	vec.Store: storePart, vec.StorePart: storePart, vec.StoreStride: storeStride, vec.StoreZip: storeZip,
	vec.Prefetch: prefetch,
	vec.LoadAt:   loadPart, vec.SplatAt: splat, vec.StoreAt: storePart,

	vec.Add: two(fadd), vec.Sub: two(fsub), vec.Mul: two(fmul), vec.Div: two(fdiv), vec.Sqrt: one(fsqrt),
	vec.Min: choose(false), vec.Max: choose(true),
	vec.Fma: named("VFMLA", "S4"), vec.Fnma: named("VFMLS", "S4"),
	vec.Round: one(frintn), vec.Floor: one(frintm), vec.Ceil: one(frintp),

	vec.And: named("VAND", "B16"), vec.Or: named("VORR", "B16"), vec.Xor: named("VEOR", "B16"), vec.AndNot: two(bic),
	vec.Less: swapped(fcmgt), vec.LessEq: swapped(fcmge), vec.Eq: two(fcmeq),
	vec.NotEq: func(w *writer, o *vec.Op) {
		w.word(fcmeq, v(o.D), v(o.A), v(o.B))
		w.word(mvn, v(o.D), v(o.D))
	},
	vec.LessI: swapped(cmgt), vec.EqI: named("VCMEQ", "S4"),
	vec.Select: selectLanes, vec.Low: low,

	vec.AddI: named("VADD", "S4"), vec.SubI: named("VSUB", "S4"), vec.MulI: two(mul),
	vec.Shl:   func(w *writer, o *vec.Op) { w.line("VSHL $%d, V%d.S4, V%d.S4", o.N, v(o.A), v(o.D)) },
	vec.Shr:   right(func(w *writer, o *vec.Op) { w.line("VUSHR $%d, V%d.S4, V%d.S4", o.N, v(o.A), v(o.D)) }),
	vec.Sar:   right(func(w *writer, o *vec.Op) { w.word(sshr, v(o.D), v(o.A), o.N) }),
	vec.ToF32: one(scvtf), vec.ToI32: toI32,
	vec.Fold: func(w *writer, o *vec.Op) {
		if o.N == 1 {
			w.line("VDUP V%d.S[1], V%d.S4", v(o.A), v(o.D))
		} else {
			w.line("VDUP V%d.D[1], V%d.D2", v(o.A), v(o.D))
		}
	},
}

func move(w *writer, o *vec.Op) {
	if o.A != o.D {
		w.line("VMOV V%d.B16, V%d.B16", v(o.A), v(o.D))
	}
}

// one writes a verb of one operand.
func one(i word) emitter {
	return func(w *writer, o *vec.Op) { w.word(i, v(o.D), v(o.A)) }
}

// two writes a verb of two.
func two(i word) emitter {
	return func(w *writer, o *vec.Op) { w.word(i, v(o.D), v(o.A), v(o.B)) }
}

// swapped writes a verb whose instruction compares the other way round.
func swapped(i word) emitter {
	return func(w *writer, o *vec.Op) { w.word(i, v(o.D), v(o.B), v(o.A)) }
}

// named writes a verb of two operands by Go's name.
func named(name, lanes string) emitter {
	return func(w *writer, o *vec.Op) {
		w.line("%s V%d.%s, V%d.%s, V%d.%s", name, v(o.B), lanes, v(o.A), lanes, v(o.D), lanes)
	}
}

// right writes a shift to the right, which has no form for 0.
func right(emit emitter) emitter {
	return func(w *writer, o *vec.Op) {
		if o.N == 0 {
			move(w, o)
			return
		}
		emit(w, o)
	}
}

// constant sets every lane, without memory where an immediate has the form.
func (w *writer) constant(d int, x uint32) {
	if b := x & 0xff; x == b*0x01010101 {
		w.line("VMOVI $%d, V%d.B16", b, d)
		return
	}
	for _, c := range []struct {
		x     uint32
		words [4]word
	}{{x, movi}, {^x, mvni}} {
		if k := bits.TrailingZeros32(c.x) / 8; c.x>>(8*k) < 256 {
			w.word(c.words[k], d, int(c.x>>(8*k)))
			return
		}
	}
	w.line("VMOVQ $0x%08x%08x, $0x%08x%08x, V%d", x, x, x, x, d)
}

// choose writes Min and Max as a comparison and a choice: NEON's own minimum and maximum treat NaNs and zeros in another way.
func choose(greater bool) emitter {
	return func(w *writer, o *vec.Op) {
		m := o.Tmp[0]
		if greater {
			w.word(fcmgt, v(m), v(o.A), v(o.B))
		} else {
			w.word(fcmgt, v(m), v(o.B), v(o.A))
		}
		w.blend(v(o.D), v(m), v(o.A), v(o.B))
	}
}

// selectLanes writes Select.
func selectLanes(w *writer, o *vec.Op) { w.blend(v(o.D), v(o.A), v(o.B), v(o.C)) }

// blend writes d = mask ? yes : no, with the one of three instructions that overwrites what d holds.
func (w *writer) blend(d, mask, yes, no int) {
	switch d {
	case no:
		w.line("VBIT V%d.B16, V%d.B16, V%d.B16", mask, yes, d)
	case yes:
		w.line("VBIF V%d.B16, V%d.B16, V%d.B16", mask, no, d)
	default:
		if d != mask {
			w.line("VMOV V%d.B16, V%d.B16", mask, d)
		}
		w.line("VBSL V%d.B16, V%d.B16, V%d.B16", no, yes, d)
	}
}

// low writes the first N lanes of A and the others of B: lanes are inserted into what D already holds, or into a copy.
func low(w *writer, o *vec.Op) {
	a, b, d := v(o.A), v(o.B), v(o.D)
	if o.N == 0 || o.N == 4 {
		from := a
		if o.N == 0 {
			from = b
		}
		w.line("VMOV V%d.B16, V%d.B16", from, d)
		return
	}
	fromB := d != a // into B's lanes
	if d != a && d != b {
		from := b
		if fromB = o.N < 3; !fromB {
			from = a
		}
		w.line("VMOV V%d.B16, V%d.B16", from, d)
	}
	insert := func(kind string, i, from int) { w.line("VMOV V%d.%s[%d], V%d.%s[%d]", from, kind, i, d, kind, i) }
	switch {
	case fromB && o.N == 1:
		insert("S", 0, a)
	case fromB:
		insert("D", 0, a)
		if o.N == 3 {
			insert("S", 2, a)
		}
	case o.N == 3:
		insert("S", 3, b)
	default:
		if o.N == 1 {
			insert("S", 1, b)
		}
		insert("D", 1, b)
	}
}

// toI32 rounds to integers. Out of range NEON saturates and makes zeros of NaNs, where the machine has the least number.
func toI32(w *writer, o *vec.Op) {
	d, a, fits, least := v(o.D), v(o.A), v(o.Tmp[0]), v(o.Tmp[1])
	w.constant(fits, 0x4f000000) // 2^31
	w.word(fcmgt, fits, fits, a)
	w.word(fcvtns, d, a)
	w.constant(least, 1<<31)
	w.line("VBIF V%d.B16, V%d.B16, V%d.B16", fits, least, d)
}
