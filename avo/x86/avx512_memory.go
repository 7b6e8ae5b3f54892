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

// strided reads elements N apart: as many as the register has of LoadStride, K of LoadStridePart.
func strided(w *writer, o *vec.Op) {
	k := w.width
	if o.Code == vec.LoadStridePart {
		k = min(o.K, w.width)
	}
	stride := max(o.N, -o.N)
	switch {
	case o.N == 0 && k == w.width:
		w.add(x86.VBROADCASTSS(w.at(o, 0), w.full(o.D)))
	case o.N == 0:
		w.add(x86.VBROADCASTSS_Z(w.at(o, 0), w.first(k), lanes(o.D, max(k, 5)))) // there is no xmm form
	case o.N == 2 && k == 4:
		x := w.half(o.D)
		w.add(x86.VMOVUPS(w.at(o, 0), x))
		w.add(x86.VSHUFPS(operand.U8(0xd8), w.at(o, 12), x, x))
	case o.Tmp[0] != 0 && k > 2 && stride <= 8:
		w.permuted(o, stride, k)
	default:
		// One by one: the gather instructions take longer on every machine that was measured or has the mitigations against reading through
		// them.
		gather(w, o, o.D, 0, min(k, 4))
		for first := 4; first < k; first += 4 {
			gather(w, o, o.Tmp[0], first, min(k-first, 4))
			w.add(x86.VINSERTF32X4(operand.U8(uint8(first/4)), w.half(o.Tmp[0]), lanes(o.D, k), lanes(o.D, k)))
		}
	}
}

// permuted reads the registers that k elements lie in, stride apart, and picks the elements of one after the other. The last register ends with the last
// element; where all lie in one, a mask leaves out what is behind.
func (w *writer) permuted(o *vec.Op, stride, k int) {
	n := 8
	if k > 8 {
		n = 16
	}
	total, start := stride*(k-1)+1, 0
	if o.N < 0 {
		start = -stride * (k - 1)
	}
	place := func(i int) int { // of element i behind the start
		if o.N < 0 {
			return stride * (k - 1 - i)
		}
		return stride * i
	}
	d, index := lanes(o.D, n), lanes(o.Tmp[0], n)
	choice := make([]uint32, n)
	if total <= n {
		for i := range k {
			choice[i] = uint32(place(i))
		}
		if total < n {
			w.add(x86.VMOVUPS_Z(w.at(o, 4*start), w.first(total), d))
		} else {
			w.add(x86.VMOVUPS(w.at(o, 4*start), d))
		}
		w.add(x86.VMOVUPS(w.data.words(w.data.vector, choice...), index))
		if k < n {
			w.add(x86.VPERMPS_Z(d, index, w.first(k), d))
		} else {
			w.add(x86.VPERMPS(d, index, d))
		}
		return
	}
	w.add(x86.VMOVUPS(w.at(o, 4*start), d))
	from := make([]int, k) // where each element is: a lane of d
	for i := range from {
		from[i] = place(i)
	}
	for at := n; at < total; at += n {
		first := min(at, total-n)
		for i := range from {
			if p := place(i); p >= at && p < at+n {
				choice[i], from[i] = uint32(n+p-first), i
			} else if p < at {
				choice[i], from[i] = uint32(from[i]), i
			} else {
				choice[i] = uint32(i)
			}
		}
		w.add(x86.VMOVUPS(w.data.words(w.data.vector, choice...), index))
		if k < n && at+n >= total {
			w.add(x86.VPERMT2PS_Z(w.at(o, 4*(start+first)), index, w.first(k), d))
		} else {
			w.add(x86.VPERMT2PS(w.at(o, 4*(start+first)), index, d))
		}
	}
}

// scatter writes K lanes N apart: a register of memory after the other, of which a mask leaves out what lies between; or, where that is much, one
// by one.
func scatter(w *writer, o *vec.Op) {
	if stride := max(o.N, -o.N); o.K > 3 && stride > 0 && stride <= 4 {
		w.spread(o, stride)
		return
	}
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

// spread writes lanes stride apart, of all registers of memory that they fall into.
func (w *writer) spread(o *vec.Op, stride int) {
	n := w.f.Target.Lanes
	start := 0
	if o.N < 0 {
		start = -stride * (o.K - 1)
	}
	t := lanes(o.Tmp[0], n)
	for at := 0; at < stride*(o.K-1)+1; at += n {
		choice, mask := make([]uint32, n), uint32(0)
		for i := range o.K {
			p := stride*i - at
			if o.N < 0 {
				p = stride*(o.K-1-i) - at
			}
			if p >= 0 && p < n {
				choice[p] = uint32(i)
				mask |= 1 << p
			}
		}
		w.mask.made = 0
		w.add(x86.KMOVW(w.data.one(mask), spare))
		w.add(x86.VMOVUPS(w.data.words(w.data.vector, choice...), t))
		w.add(x86.VPERMPS(lanes(o.A, n), t, t))
		w.add(x86.VMOVUPS(t, spare, w.at(o, 4*(start+at))))
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
