package x86

import (
	"github.com/mmcloughlin/avo/ir"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/x86"

	"github.com/dlc-ml/dlc/avo/vec"
)

// construct is one of avo's constructors that take their operands in a list.
type construct func(...operand.Op) (*ir.Instruction, error)

// forms is an instruction with its operand from memory as wide as the register, and, where the instruction set has that, with one element of
// memory in every lane.
type forms []construct

// form returns the form that the verb at hand takes.
func (w *writer) form(f forms) construct {
	if w.splat {
		return f[1]
	}
	return f[0]
}

// avx2 says how each verb is written. Go lists an instruction's operands from last to first: source 2 (which may lie in memory),
// source 1, destination.
var avx2 = map[vec.Code]emitter{
	vec.Spill:  func(w *writer, o *vec.Op) { w.add(x86.VMOVUPS(w.full(o.A), w.spilled(o.N))) },
	vec.Reload: func(w *writer, o *vec.Op) { w.add(x86.VMOVUPS(w.spilled(o.N), w.full(o.D))) },
	vec.Zero:   func(w *writer, o *vec.Op) { d := w.full(o.D); w.add(x86.VXORPS(d, d, d)) },
	vec.Const: func(w *writer, o *vec.Op) {
		d := w.full(o.D)
		switch o.Imm {
		case 0:
			w.add(x86.VXORPS(d, d, d))
		case 0xffffffff:
			w.add(x86.VPCMPEQD(d, d, d))
		default:
			w.add(x86.VBROADCASTSS(w.data.one(o.Imm), d))
		}
	},
	vec.Iota:     func(w *writer, o *vec.Op) { w.add(x86.VMOVUPS(w.data.ramp(8), w.full(o.D))) },
	vec.Prefetch: func(w *writer, o *vec.Op) { w.add(x86.PREFETCHT0(w.at(o, 0))) },
	vec.Load:     func(w *writer, o *vec.Op) { w.add(x86.VMOVUPS(w.at(o, 0), w.full(o.D))) },
	vec.Splat:    func(w *writer, o *vec.Op) { w.add(x86.VBROADCASTSS(w.at(o, 0), w.full(o.D))) },
	vec.Store:    func(w *writer, o *vec.Op) { w.add(x86.VMOVUPS(w.full(o.A), w.at(o, 0))) },
	vec.Move: func(w *writer, o *vec.Op) {
		if o.A != o.D {
			w.add(x86.VMOVAPS(w.full(o.A), w.full(o.D)))
		}
	},
	vec.LoadPart: loadPart, vec.LoadStride: loadStride, vec.LoadStridePart: loadStride,
	vec.StorePart: storePart, vec.StoreStride: storeStride, vec.StoreZip: storeZip,
	vec.LoadAt:  indexed(loadPart),
	vec.SplatAt: indexed(func(w *writer, o *vec.Op) { w.add(x86.VBROADCASTSS(w.at(o, 0), w.full(o.D))) }),
	vec.StoreAt: indexed(storePart),

	vec.Add: two(x86.VADDPS), vec.Sub: two(x86.VSUBPS), vec.Mul: two(x86.VMULPS), vec.Div: two(x86.VDIVPS),
	vec.Min: two(x86.VMINPS), vec.Max: two(x86.VMAXPS), vec.Sqrt: one(x86.VSQRTPS),
	vec.Fma: two(x86.VFMADD231PS), vec.Fnma: two(x86.VFNMADD231PS),
	vec.FmaTo:  three(forms{x86.VFMADD132PS}, forms{x86.VFMADD213PS}, forms{x86.VFMADD231PS}),
	vec.FnmaTo: three(forms{x86.VFNMADD132PS}, forms{x86.VFNMADD213PS}, forms{x86.VFNMADD231PS}),
	// 8: no inexact exception; the low bits choose the direction.
	vec.Round: rounding(8, roundps), vec.Floor: rounding(9, roundps), vec.Ceil: rounding(10, roundps),

	vec.And: two(x86.VANDPS), vec.Or: two(x86.VORPS), vec.Xor: two(x86.VXORPS),
	vec.AndNot: swapped(x86.VANDNPS), // source 2 and not source 1
	// The predicates that raise no exception: LT_OQ, LE_OQ, EQ_OQ, NEQ_UQ.
	vec.Less: compare(0x11), vec.LessEq: compare(0x12), vec.Eq: compare(0), vec.NotEq: compare(4),
	vec.LessI: swapped(x86.VPCMPGTD), vec.EqI: two(x86.VPCMPEQD),
	vec.Select: func(w *writer, o *vec.Op) {
		w.add(x86.VBLENDVPS(w.full(o.A), w.src(o, opB), w.full(o.C), w.full(o.D)))
	},
	vec.Low: func(w *writer, o *vec.Op) {
		w.add(x86.VBLENDPS(operand.U8(1<<o.N-1), w.src(o, opA), w.full(o.B), w.full(o.D)))
	},

	vec.AddI: two(x86.VPADDD), vec.SubI: two(x86.VPSUBD), vec.MulI: two(x86.VPMULLD),
	vec.Shl: shift(x86.VPSLLD), vec.Shr: shift(x86.VPSRLD), vec.Sar: shift(x86.VPSRAD),
	vec.ToF32: one(x86.VCVTDQ2PS), vec.ToI32: one(x86.VCVTPS2DQ),
	vec.Fold: func(w *writer, o *vec.Op) {
		switch a, d := w.full(o.A), w.full(o.D); o.N {
		case 1:
			w.add(x86.VMOVSHDUP(a, d))
		case 2:
			w.add(x86.VPERMILPS(operand.U8(0x0e), a, d))
		default:
			w.add(x86.VEXTRACTF128(operand.U8(1), a, w.half(o.D)))
		}
	},
}

// one writes a verb of one operand.
func one(f ...construct) emitter {
	return func(w *writer, o *vec.Op) { w.add(w.form(f)(w.src(o, opA), w.full(o.D))) }
}

// two writes a verb whose B is the instruction's source 2.
func two(f ...construct) emitter {
	return func(w *writer, o *vec.Op) { w.add(w.form(f)(w.src(o, opB), w.full(o.A), w.full(o.D))) }
}

// swapped writes a verb whose A is the instruction's source 2.
func swapped(f ...construct) emitter {
	return func(w *writer, o *vec.Op) { w.add(w.form(f)(w.src(o, opA), w.full(o.B), w.full(o.D))) }
}

func shift(c construct) emitter {
	return func(w *writer, o *vec.Op) { w.add(c(operand.U8(uint8(o.N)), w.full(o.A), w.full(o.D))) }
}

func rounding(mode uint8, f ...construct) emitter {
	return func(w *writer, o *vec.Op) { w.add(w.form(f)(operand.U8(mode), w.src(o, opA), w.full(o.D))) }
}

// roundps is VROUNDPS as a constructor of a list.
func roundps(ops ...operand.Op) (*ir.Instruction, error) { return x86.VROUNDPS(ops[0], ops[1], ops[2]) }

func compare(predicate uint8) emitter {
	return func(w *writer, o *vec.Op) {
		w.add(x86.VCMPPS(operand.U8(predicate), w.src(o, opB), w.full(o.A), w.full(o.D)))
	}
}

// three writes D = C ± A*B in the form that overwrites the operand whose register D has. 132 is destination*source2 + source1, 213 is
// source1*destination + source2, 231 is source1*source2 + destination.
func three(f132, f213, f231 forms) emitter {
	return func(w *writer, o *vec.Op) {
		d := w.full(o.D)
		inC := w.memory != nil && w.folded == o.C
		switch {
		case o.D == o.C && !inC:
			w.add(w.form(f231)(w.src(o, opB), w.full(o.A), d))
		case o.D == o.A && w.memory != nil && !inC:
			w.add(w.form(f132)(w.src(o, opB), w.full(o.C), d))
		case o.D == o.A:
			w.add(w.form(f213)(w.src(o, opC), w.full(o.B), d))
		case o.D == o.B:
			w.add(w.form(f213)(w.src(o, opC), w.full(o.A), d))
		default:
			w.add(x86.VMOVAPS(w.full(o.C), d))
			w.add(f231[0](w.full(o.B), w.full(o.A), d))
		}
	}
}
