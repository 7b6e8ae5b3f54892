package x86

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/x86"

	"github.com/dlc-ml/dlc/avo/vec"
)

// indexed writes a verb whose memory is counted from a run-time index: w.at then adds it.
func indexed(emit emitter) emitter {
	return func(w *writer, o *vec.Op) {
		r, _ := o.Index()
		w.add(x86.VMOVD(w.half(r), w.index.As32()))
		emit(w, o)
	}
}

// loadPart reads N lanes and not a byte behind them.
func loadPart(w *writer, o *vec.Op) {
	x, y := w.half(o.D), w.full(o.D)
	switch o.N {
	case 1:
		w.add(x86.VMOVSS(w.at(o, 0), x))
	case 2:
		w.add(x86.VMOVSD(w.at(o, 0), x))
	case 3:
		w.add(x86.VMOVSD(w.at(o, 0), x))
		w.add(x86.VINSERTPS(operand.U8(0x20), w.at(o, 8), x, x))
	case 4:
		w.add(x86.VMOVUPS(w.at(o, 0), x))
	case 8:
		w.add(x86.VMOVUPS(w.at(o, 0), y))
	default:
		w.add(x86.VMOVUPS(w.data.mask(o.N, 8), y))
		w.add(x86.VMASKMOVPS(w.at(o, 0), y, y))
	}
}

// storePart writes N lanes in at most three stores: masked stores are slow on many machines.
func storePart(w *writer, o *vec.Op) {
	r, at, n := o.A, 0, o.N
	if n == 8 {
		w.add(x86.VMOVUPS(w.full(r), w.at(o, 0)))
		return
	}
	if n >= 4 {
		w.add(x86.VMOVUPS(w.half(r), w.at(o, 0)))
		if n == 4 {
			return
		}
		w.add(x86.VEXTRACTF128(operand.U8(1), w.full(r), w.half(o.Tmp[0])))
		r, at, n = o.Tmp[0], 16, n-4
	}
	x := w.half(r)
	if n == 1 {
		w.add(x86.VMOVSS(x, w.at(o, at)))
		return
	}
	w.add(x86.VMOVSD(x, w.at(o, at)))
	if n == 3 {
		w.add(x86.VEXTRACTPS(operand.U8(2), x, w.at(o, at+8)))
	}
}

// loadStride reads elements N apart: eight of LoadStride, K of LoadStridePart.
func loadStride(w *writer, o *vec.Op) {
	k := 8
	if o.Code == vec.LoadStridePart {
		k = o.K
	}
	x, y := w.half(o.D), w.full(o.D)
	switch {
	case o.N == 2 && k == 8:
		// Elements 0 … 7 and 7 … 14: the even ones of the first and the odd ones of the second, then their pairs in order.
		w.add(x86.VMOVUPS(w.at(o, 0), y))
		w.add(x86.VSHUFPS(operand.U8(0xd8), w.at(o, 28), y, y))
		w.add(x86.VPERMPD(operand.U8(0xd8), y, y))
	case o.N == 2 && k == 4:
		w.add(x86.VMOVUPS(w.at(o, 0), x))
		w.add(x86.VSHUFPS(operand.U8(0xd8), w.at(o, 12), x, x))
	case o.N == -1 && k == 8:
		w.add(x86.VPERMILPS(operand.U8(0x1b), w.at(o, -28), y))
		w.add(x86.VPERMPD(operand.U8(0x4e), y, y))
	case o.N == 0:
		loadEqual(w, o, k)
	default:
		gather(w, o, o.D, 0, min(k, 4))
		if k > 4 {
			gather(w, o, o.Tmp[0], 4, k-4)
			w.add(x86.VINSERTF128(operand.U8(1), w.half(o.Tmp[0]), y, y))
		}
	}
}

// loadEqual reads one element into k lanes.
func loadEqual(w *writer, o *vec.Op, k int) {
	y := w.full(o.D)
	w.add(x86.VBROADCASTSS(w.at(o, 0), y))
	if k < 8 {
		w.add(x86.VANDPS(w.data.mask(k, 8), y, y))
	}
}

// gather reads k <= 4 elements from the first-th on into the lower half of a register; its upper half becomes zero.
func gather(w *writer, o *vec.Op, to vec.Reg, first, k int) {
	x := w.half(to)
	w.add(x86.VMOVSS(w.at(o, 4*first*o.N), x))
	for i := 1; i < k; i++ {
		w.add(x86.VINSERTPS(operand.U8(uint8(i<<4)), w.at(o, 4*(first+i)*o.N), x, x))
	}
}

// storeStride writes K lanes N apart, one by one.
func storeStride(w *writer, o *vec.Op) {
	r := o.A
	for i := range o.K {
		if i == 4 {
			w.add(x86.VEXTRACTF128(operand.U8(1), w.full(r), w.half(o.Tmp[0])))
			r = o.Tmp[0]
		}
		m := w.at(o, 4*i*o.N)
		if i%4 == 0 {
			w.add(x86.VMOVSS(w.half(r), m))
		} else {
			w.add(x86.VEXTRACTPS(operand.U8(uint8(i%4)), w.half(r), m))
		}
	}
}

// storeZip writes the lanes of A and B in turn: four stores of two pairs each.
func storeZip(w *writer, o *vec.Op) {
	a, b, lo, hi := w.full(o.A), w.full(o.B), o.Tmp[0], o.Tmp[1]
	w.add(x86.VUNPCKLPS(b, a, w.full(lo)))
	w.add(x86.VUNPCKHPS(b, a, w.full(hi)))
	w.add(x86.VMOVUPS(w.half(lo), w.at(o, 0)))
	w.add(x86.VMOVUPS(w.half(hi), w.at(o, 16)))
	w.add(x86.VEXTRACTF128(operand.U8(1), w.full(lo), w.at(o, 32)))
	w.add(x86.VEXTRACTF128(operand.U8(1), w.full(hi), w.at(o, 48)))
}
