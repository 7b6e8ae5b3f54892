package x86

import (
	"github.com/mmcloughlin/avo/operand"

	"github.com/dlc-ml/dlc/avo/vec"
)

// folded says what became of one verb: its load is gone into another's instruction, or it reads one operand from memory.
type folded struct {
	gone bool
	from int // the load that operand B (of a select or an FmaTo into A: what fits) comes from, plus 1
}

// foldLoads makes full loads and constants that one instruction reads once part of that instruction, and splats of memory where the instruction
// set can. Between the two nothing is stored and no pointer moves. Operands are swapped where only the other one may lie in memory. sole
// says which verb reads each one's result, where it is one.
func foldLoads(w *writer, sole []int) []folded {
	list := make([]folded, len(w.ops))
	barrier := 0 // the verb behind the last that stores or moves a pointer
	barriers := make([]int, len(w.ops))
	for i := range w.ops {
		barriers[i] = barrier
		switch o := &w.ops[i]; {
		case o.Code.Stores(), o.Code == vec.AddPtr, o.Code == vec.LoopBegin, o.Code == vec.LoopEnd:
			barrier = i + 1
		}
	}
	for i := range w.ops {
		o, j := &w.ops[i], sole[i]
		if j < 0 || list[j].from != 0 {
			continue
		}
		switch {
		case o.Code == vec.Const && o.Imm != 0xffffffff:
		case (o.Code == vec.Load || o.Code == vec.Splat && w.set.opmasks) && barriers[j] <= i:
		default:
			continue
		}
		if place(&w.ops[j], o.D) {
			list[i].gone, list[j].from = true, i+1
		}
	}
	return list
}

// place brings register r to the operand of o that may lie in memory: B, or A where o has one operand or its A is read
// second. It reports whether there is such a place.
func place(o *vec.Op, r vec.Reg) bool {
	switch o.Code {
	case vec.Add, vec.Mul, vec.And, vec.Or, vec.Xor, vec.Eq, vec.NotEq, vec.EqI, vec.AddI, vec.MulI, vec.Fma, vec.Fnma:
		if o.A == r {
			o.A, o.B = o.B, o.A
		}
		return o.B == r
	case vec.Sub, vec.Div, vec.Scale, vec.Min, vec.Max, vec.Less, vec.LessEq, vec.SubI, vec.Select:
		return o.B == r && o.A != r && o.C != r
	case vec.AndNot, vec.LessI, vec.Low, vec.Sqrt, vec.Floor, vec.Ceil, vec.Round, vec.ToF32, vec.ToI32:
		return o.A == r
	case vec.FmaTo, vec.FnmaTo:
		switch {
		case r == o.C:
			return o.D == o.A || o.D == o.B
		case r == o.A:
			o.A, o.B = o.B, o.A
		}
		return o.D != r && (o.D == o.A || o.D == o.C)
	}
	return false
}

// use prepares the operands of verb i: a folded one is memory.
func (w *writer) use(i int, o *vec.Op) {
	w.verb, w.memory, w.folded, w.splat = i, nil, 0, false
	w.width = w.f.Target.Lanes
	if o.Need > 0 && o.Need <= 8 {
		w.width = min(w.width, 8)
	}
	from := w.fold[i].from
	if from == 0 {
		return
	}
	l := &w.ops[from-1]
	w.folded = l.D
	w.splat = w.set.opmasks && l.Code != vec.Load
	switch {
	case l.Code == vec.Const && w.splat:
		w.memory = w.data.one(l.Imm)
		return
	case l.Code == vec.Const:
		w.memory = w.data.splat(l.Imm, w.f.Target.Lanes)
		return
	}
	w.memory = w.at(l, 0)
}

// src is a register that o reads, or the memory that stands for it: the folded value is read once, so no other operand is its register.
func (w *writer) src(o *vec.Op, which operandName) operand.Op {
	r := [...]vec.Reg{o.A, o.B, o.C}[which]
	if w.memory != nil && r == w.folded {
		return w.memory
	}
	return w.full(r)
}

// operandName is A, B or C.
type operandName int

const (
	opA operandName = iota
	opB
	opC
)
