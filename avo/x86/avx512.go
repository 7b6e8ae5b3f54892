package x86

import (
	"github.com/mmcloughlin/avo/ir"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/x86"

	"github.com/dlc-ml/dlc/avo/vec"
)

// avx512 says how each verb is written with AVX-512 F, BW, DQ and VL, at 16 lanes or at 8.
var avx512 = map[vec.Code]emitter{
	vec.Spill:  avx2[vec.Spill],
	vec.Reload: avx2[vec.Reload],
	vec.Zero:   func(w *writer, o *vec.Op) { d := w.full(o.D); w.add(x86.VPXORD(d, d, d)) },
	vec.Const: func(w *writer, o *vec.Op) {
		d := w.full(o.D)
		switch o.Imm {
		case 0:
			w.add(x86.VPXORD(d, d, d))
		case 0xffffffff:
			w.add(x86.VPTERNLOGD(operand.U8(0xff), d, d, d))
		default:
			w.add(x86.VBROADCASTSS(w.data.one(o.Imm), d))
		}
	},
	vec.Iota:     func(w *writer, o *vec.Op) { w.add(x86.VMOVUPS(w.data.ramp(w.width), w.full(o.D))) },
	vec.Prefetch: avx2[vec.Prefetch],
	vec.Load:     avx2[vec.Load],
	vec.Splat:    avx2[vec.Splat],
	vec.Store:    avx2[vec.Store],
	vec.Move:     avx2[vec.Move],
	vec.LoadPart: maskedLoad, vec.LoadStride: strided, vec.LoadStridePart: strided,
	vec.StorePart: maskedStore, vec.StoreStride: scatter, vec.StoreZip: zip,
	vec.LoadAt:  indexed(maskedLoad),
	vec.SplatAt: avx2[vec.SplatAt],
	vec.StoreAt: indexed(maskedStore),

	vec.Add: two(x86.VADDPS, x86.VADDPS_BCST), vec.Sub: two(x86.VSUBPS, x86.VSUBPS_BCST),
	vec.Mul: two(x86.VMULPS, x86.VMULPS_BCST), vec.Div: two(x86.VDIVPS, x86.VDIVPS_BCST),
	vec.Scale: two(x86.VSCALEFPS, x86.VSCALEFPS_BCST),
	vec.Min:   two(x86.VMINPS, x86.VMINPS_BCST), vec.Max: two(x86.VMAXPS, x86.VMAXPS_BCST), vec.Sqrt: one(x86.VSQRTPS, x86.VSQRTPS_BCST),
	vec.Fma: two(x86.VFMADD231PS, x86.VFMADD231PS_BCST), vec.Fnma: two(x86.VFNMADD231PS, x86.VFNMADD231PS_BCST),
	vec.FmaTo: three(forms{x86.VFMADD132PS, x86.VFMADD132PS_BCST}, forms{x86.VFMADD213PS, x86.VFMADD213PS_BCST},
		forms{x86.VFMADD231PS, x86.VFMADD231PS_BCST}),
	vec.FnmaTo: three(forms{x86.VFNMADD132PS, x86.VFNMADD132PS_BCST}, forms{x86.VFNMADD213PS, x86.VFNMADD213PS_BCST},
		forms{x86.VFNMADD231PS, x86.VFNMADD231PS_BCST}),
	// 8: no inexact exception; the low bits choose the direction, the high ones ask for no binary places.
	vec.Round: rounding(8, x86.VRNDSCALEPS, x86.VRNDSCALEPS_BCST), vec.Floor: rounding(9, x86.VRNDSCALEPS, x86.VRNDSCALEPS_BCST),
	vec.Ceil: rounding(10, x86.VRNDSCALEPS, x86.VRNDSCALEPS_BCST),

	vec.And: masked(keep, x86.VPANDD, x86.VPANDD_BCST), vec.Or: masked(fill, x86.VPORD, x86.VPORD_BCST), vec.Xor: two(x86.VPXORD, x86.VPXORD_BCST),
	vec.AndNot: swapped(x86.VPANDND, x86.VPANDND_BCST), // source 2 and not source 1
	// The predicates that raise no exception: LT_OQ, LE_OQ, EQ_OQ, NEQ_UQ.
	vec.Less: maskOf(0x11), vec.LessEq: maskOf(0x12), vec.Eq: maskOf(0), vec.NotEq: maskOf(4),
	vec.LessI: intMask(x86.VPCMPGTD, x86.VPCMPGTD_BCST, opB, opA), vec.EqI: intMask(x86.VPCMPEQD, x86.VPCMPEQD_BCST, opA, opB),
	vec.Select: choose,
	vec.Low: func(w *writer, o *vec.Op) {
		w.add(w.form(forms{x86.VBLENDMPS, x86.VBLENDMPS_BCST})(w.src(o, opA), w.full(o.B), w.first(o.N), w.full(o.D)))
	},

	vec.AddI: two(x86.VPADDD, x86.VPADDD_BCST), vec.SubI: two(x86.VPSUBD, x86.VPSUBD_BCST), vec.MulI: two(x86.VPMULLD, x86.VPMULLD_BCST),
	vec.Shl: shift(x86.VPSLLD), vec.Shr: shift(x86.VPSRLD), vec.Sar: shift(x86.VPSRAD),
	vec.ToF32: one(x86.VCVTDQ2PS, x86.VCVTDQ2PS_BCST), vec.ToI32: one(x86.VCVTPS2DQ, x86.VCVTPS2DQ_BCST),
	vec.Fold: func(w *writer, o *vec.Op) {
		switch a, d := lanes(o.A, 2*o.N), lanes(o.D, max(o.N, 4)); o.N {
		case 1:
			w.add(x86.VMOVSHDUP(a, d))
		case 2:
			w.add(x86.VPERMILPS(operand.U8(0x0e), a, d))
		case 4:
			w.add(x86.VEXTRACTF32X4(operand.U8(1), a, d))
		default:
			w.add(x86.VEXTRACTF64X4(operand.U8(1), a, d))
		}
	},
}

// masked writes a verb on bits one of whose operands may be a comparison's opmask.
func masked(with func(w *writer, k, a, d operand.Op), f ...construct) emitter {
	plain := two(f...)
	return func(w *writer, o *vec.Op) {
		h, ok := w.takeMask()
		if !ok {
			plain(w, o)
			return
		}
		a := o.A
		if a == h.of {
			a = o.B
		}
		with(w, h.k, w.full(a), w.full(o.D))
	}
}

// keep writes a where the mask is set, and zeros elsewhere.
func keep(w *writer, k, a, d operand.Op) { w.add(x86.VMOVAPS_Z(a, k, d)) }

// fill writes ones where the mask is set, and a elsewhere.
func fill(w *writer, k, a, d operand.Op) {
	if a != d {
		w.add(x86.VMOVAPS(a, d))
	}
	w.add(x86.VPTERNLOGD(operand.U8(0xff), d, d, k, d))
}

// compare writes a comparison, whose instruction sets an opmask: the select that alone reads it takes it from there, others get lanes of all
// ones and zeros.
func (w *writer) compare(o *vec.Op, emit func(k operand.Op) (*ir.Instruction, error)) {
	k, direct := w.compareTo(o.D)
	w.add(emit(k))
	if !direct {
		w.add(x86.VPMOVM2D(k, w.full(o.D)))
	}
}

func maskOf(predicate uint8) emitter {
	return func(w *writer, o *vec.Op) {
		w.compare(o, func(k operand.Op) (*ir.Instruction, error) {
			return w.form(forms{x86.VCMPPS, x86.VCMPPS_BCST})(operand.U8(predicate), w.src(o, opB), w.full(o.A), k)
		})
	}
}

// intMask compares source 1 with source 2.
func intMask(plain, splat construct, source1, source2 operandName) emitter {
	return func(w *writer, o *vec.Op) {
		w.compare(o, func(k operand.Op) (*ir.Instruction, error) {
			return w.form(forms{plain, splat})(w.src(o, source2), w.src(o, source1), k)
		})
	}
}

// The bits of an operand in the truth table of VPTERNLOGD: destination, source 1, source 2.
const ternD, tern1, tern2 = 0xf0, 0xcc, 0xaa

// ternary is the truth table of mask ? yes : no.
func ternary(mask, yes, no uint8) operand.Op { return operand.U8(mask&yes | ^mask&no) }

// choose writes a select: a blend where the comparison left an opmask, else three-way logic on bits.
func choose(w *writer, o *vec.Op) {
	d := w.full(o.D)
	if h, ok := w.takeMask(); ok {
		w.add(w.form(forms{x86.VBLENDMPS, x86.VBLENDMPS_BCST})(w.src(o, opB), w.full(o.C), h.k, d))
		return
	}
	logic := w.form(forms{x86.VPTERNLOGD, x86.VPTERNLOGD_BCST})
	switch {
	case o.D == o.C:
		w.add(logic(ternary(tern1, tern2, ternD), w.src(o, opB), w.full(o.A), d))
	case o.D == o.B && w.memory == nil:
		w.add(logic(ternary(tern1, ternD, tern2), w.full(o.C), w.full(o.A), d))
	default:
		if o.D != o.A {
			w.add(x86.VMOVAPS(w.full(o.A), d))
		}
		w.add(logic(ternary(ternD, tern2, tern1), w.src(o, opB), w.full(o.C), d))
	}
}
