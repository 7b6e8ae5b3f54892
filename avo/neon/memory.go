package neon

import (
	"fmt"

	"github.com/dlc-ml/dlc/avo/vec"
)

// at is memory off bytes behind o's start. The assembler makes displacements that an instruction does not hold.
func at(o *vec.Op, base string, off int) string { return fmt.Sprintf("%d(%s)", o.Disp+off, base) }

// single reads one element into lane 0 of a register, whose other lanes become zero.
func (w *writer) single(o *vec.Op, base string, off int) {
	w.line("FMOVS %s, F%d", at(o, base, off), v(o.D))
}

// loadPart reads N lanes and not a byte behind them.
func loadPart(w *writer, o *vec.Op) {
	base := w.base(o)
	switch o.N {
	case 1:
		w.single(o, base, 0)
	case 2, 3:
		w.line("FMOVD %s, F%d", at(o, base, 0), v(o.D))
		if o.N == 3 {
			w.line("VLD1 (%s), V%d.S[2]", w.address(o, base, 8), v(o.D))
		}
	default:
		w.line("FMOVQ %s, F%d", at(o, base, 0), v(o.D))
	}
}

// storePart writes N lanes in at most two stores.
func storePart(w *writer, o *vec.Op) {
	base := w.base(o)
	switch o.N {
	case 1:
		w.line("FMOVS F%d, %s", v(o.A), at(o, base, 0))
	case 2, 3:
		w.line("FMOVD F%d, %s", v(o.A), at(o, base, 0))
		if o.N == 3 {
			w.line("VST1 V%d.S[2], (%s)", v(o.A), w.address(o, base, 8))
		}
	default:
		w.line("FMOVQ F%d, %s", v(o.A), at(o, base, 0))
	}
}

// prefetch announces a line, at an offset that the instruction can hold or an address of its own.
func prefetch(w *writer, o *vec.Op) {
	base := w.base(o)
	if o.Disp < 0 || o.Disp > 32760 || o.Disp%8 != 0 {
		w.line("PRFM (%s), PLDL1KEEP", w.address(o, base, 0))
		return
	}
	w.line("PRFM %s, PLDL1KEEP", at(o, base, 0))
}

// splat reads one element into every lane.
func splat(w *writer, o *vec.Op) {
	base := w.base(o)
	if o.Disp == 0 {
		w.line("VLD1R (%s), [V%d.S4]", base, v(o.D))
		return
	}
	w.single(o, base, 0)
	w.line("VDUP V%d.S[0], V%d.S4", v(o.D), v(o.D))
}

// loadStride reads elements N apart: four of LoadStride, K of LoadStridePart.
func loadStride(w *writer, o *vec.Op) {
	base, k, d := w.base(o), 4, v(o.D)
	if o.Code == vec.LoadStridePart {
		k = o.K
	}
	switch {
	case o.N == 2 && k == 4:
		// Elements 0 … 3 and 3 … 6: the even ones of the first and the odd ones of the second, which lie even once pairs are turned.
		t := v(o.Tmp[0])
		w.line("FMOVQ %s, F%d", at(o, base, 0), d)
		w.line("FMOVQ %s, F%d", at(o, base, 12), t)
		w.line("VREV64 V%d.S4, V%d.S4", t, t)
		w.line("VUZP1 V%d.S4, V%d.S4, V%d.S4", t, d, d)
	case o.N == -1 && k == 4:
		w.line("FMOVQ %s, F%d", at(o, base, -12), d)
		w.line("VREV64 V%d.S4, V%d.S4", d, d)
		w.line("VEXT $8, V%d.B16, V%d.B16, V%d.B16", d, d, d)
	case o.N == 0 && k == 4:
		splat(w, o)
	default:
		w.single(o, base, 0)
		for i := 1; i < k; i++ {
			w.line("VLD1 (%s), V%d.S[%d]", w.address(o, base, 4*i*o.N), d, i)
		}
	}
}

// storeStride writes K lanes N apart, one by one.
func storeStride(w *writer, o *vec.Op) {
	base := w.base(o)
	w.line("FMOVS F%d, %s", v(o.A), at(o, base, 0))
	for i := 1; i < o.K; i++ {
		w.line("VST1 V%d.S[%d], (%s)", v(o.A), i, w.address(o, base, 4*i*o.N))
	}
}

// storeZip writes the lanes of A and B in turn.
func storeZip(w *writer, o *vec.Op) {
	base, lo, hi := w.base(o), v(o.Tmp[0]), v(o.Tmp[1])
	w.line("VZIP1 V%d.S4, V%d.S4, V%d.S4", v(o.B), v(o.A), lo)
	w.line("VZIP2 V%d.S4, V%d.S4, V%d.S4", v(o.B), v(o.A), hi)
	w.line("FMOVQ F%d, %s", lo, at(o, base, 0))
	w.line("FMOVQ F%d, %s", hi, at(o, base, 16))
}
