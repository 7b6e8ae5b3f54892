package x86

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/x86"

	"github.com/dlc-ml/dlc/avo/vec"
)

// maskedLoad reads N lanes and not a byte behind them: elements that a mask leaves out are not touched.
func maskedLoad(w *writer, o *vec.Op) {
	n := min(o.N, w.width)
	d := lanes(o.D, n)
	switch {
	case n == 1:
		w.add(x86.VMOVSS(w.at(o, 0), d))
	case n == 2:
		w.add(x86.VMOVSD(w.at(o, 0), d))
	case n == 4, n == 8, n == w.width:
		w.add(x86.VMOVUPS(w.at(o, 0), d))
	default:
		w.add(x86.VMOVUPS_Z(w.at(o, 0), w.first(n), d))
	}
}

// maskedStore writes N lanes.
func maskedStore(w *writer, o *vec.Op) {
	a := lanes(o.A, o.N)
	switch o.N {
	case 1:
		w.add(x86.VMOVSS(a, w.at(o, 0)))
	case 2:
		w.add(x86.VMOVSD(a, w.at(o, 0)))
	case 4, 8, w.f.Target.Lanes:
		w.add(x86.VMOVUPS(a, w.at(o, 0)))
	default:
		w.add(x86.VMOVUPS(a, w.first(o.N), w.at(o, 0)))
	}
}

// strided reads elements N apart: as many as the register has of LoadStride, K of LoadStridePart. Elements are put in one by one where no
// permutation does: the gather instructions take longer on every machine that was measured or has the mitigations against reading
// through them.
func strided(w *writer, o *vec.Op) {
	k := w.width
	if o.Code == vec.LoadStridePart {
		k = o.K
	}
	whole := k == w.width
	d := w.full(o.D)
	switch {
	case o.N == 0 && whole:
		w.add(x86.VBROADCASTSS(w.at(o, 0), d))
	case o.N == 0:
		d = lanes(o.D, max(k, 5)) // there is no xmm form
		w.add(x86.VBROADCASTSS_Z(w.at(o, 0), w.first(k), d))
	case o.N == 2 && whole && o.Tmp[0] != 0:
		// Elements 0 … k-1 and k-1 … 2k-2, of which every other is taken.
		index := make([]uint32, k)
		for i := range index {
			index[i] = uint32(2 * i)
			if 2*i >= k {
				index[i] = uint32(2*i - (k - 1) + k)
			}
		}
		t := w.full(o.Tmp[0])
		w.add(x86.VMOVUPS(w.data.words(w.data.vector, index...), t))
		w.add(x86.VMOVUPS(w.at(o, 0), d))
		w.add(x86.VPERMT2PS(w.at(o, 4*(k-1)), t, d))
	case o.N == -1 && whole && k > 4:
		index := make([]uint32, k)
		for i := range index {
			index[i] = uint32(k - 1 - i)
		}
		w.add(x86.VMOVUPS(w.data.words(w.data.vector, index...), d))
		w.add(x86.VPERMPS(w.at(o, -4*(k-1)), d, d))
	default:
		gather(w, o, o.D, 0, min(k, 4))
		for first := 4; first < k; first += 4 {
			gather(w, o, o.Tmp[0], first, min(k-first, 4))
			w.add(x86.VINSERTF32X4(operand.U8(uint8(first/4)), w.half(o.Tmp[0]), lanes(o.D, k), lanes(o.D, k)))
		}
	}
}

// scatter writes K lanes N apart, one by one.
func scatter(w *writer, o *vec.Op) {
	r := o.A
	for i := range o.K {
		if i%4 == 0 && i > 0 {
			r = o.Tmp[0]
			w.add(x86.VEXTRACTF32X4(operand.U8(uint8(i/4)), lanes(o.A, o.K), w.half(r)))
		}
		m := w.at(o, 4*i*o.N)
		if i%4 == 0 {
			w.add(x86.VMOVSS(w.half(r), m))
		} else {
			w.add(x86.VEXTRACTPS(operand.U8(uint8(i%4)), w.half(r), m))
		}
	}
}

// zip writes the lanes of A and B in turn: the lower halves, then the upper ones.
func zip(w *writer, o *vec.Op) {
	n := w.f.Target.Lanes
	for half := range 2 {
		index := make([]uint32, n)
		for i := range index {
			index[i] = uint32(i/2 + half*n/2 + i%2*n)
		}
		t := w.full(o.Tmp[half])
		w.add(x86.VMOVUPS(w.data.words(w.data.vector, index...), t))
		w.add(x86.VPERMI2PS(w.full(o.B), w.full(o.A), t))
		w.add(x86.VMOVUPS(t, w.at(o, 4*half*n)))
	}
}
