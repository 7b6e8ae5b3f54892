package portable

import (
	"fmt"
	"strings"

	"github.com/dlc-ml/dlc/avo/vec"
)

// infix gives the operators of verbs that Go has, for operands of their wanted kind.
var infix = map[vec.Code]string{
	vec.Add: "+", vec.Sub: "-", vec.Div: "/", vec.AddI: "+", vec.SubI: "-", vec.MulI: "*",
	vec.Less: "<", vec.LessEq: "<=", vec.Eq: "==", vec.NotEq: "!=", vec.EqI: "==",
}

// rounder gives the functions of package math that round.
var rounder = map[vec.Code]string{vec.Sqrt: "Sqrt", vec.Floor: "Floor", vec.Ceil: "Ceil", vec.Round: "RoundToEven"}

// op writes one verb.
func (w *writer) op(o *vec.Op) {
	switch o.Code {
	case vec.LoopBegin:
		w.loops++
		if o.Count.Param >= 0 {
			w.line("for range %s {", w.f.Counts[o.Count.Param])
		} else {
			w.line("for range %d {", o.Count.N)
		}
	case vec.LoopEnd:
		w.loops--
		w.line("}")
	case vec.AddPtr:
		w.move(o)
	case vec.Prefetch: // Go has no word for it
	case vec.Zero, vec.Const, vec.Iota:
		if _, ok := w.t.constants[o.D]; !ok {
			k := w.t.kinds[o.D]
			w.set(o, w.literal(o.Imm, k), k)
		}
	case vec.Load, vec.LoadPart, vec.LoadStride, vec.LoadStridePart, vec.Splat, vec.LoadAt, vec.SplatAt:
		w.set(o, w.element(o, 0), f32)
	case vec.Store, vec.StorePart, vec.StoreStride, vec.StoreAt:
		w.line("%s = %s", w.element(o, 0), w.as(o.A, f32))
	case vec.StoreZip:
		w.line("%s = %s", w.element(o, 0), w.as(o.A, f32))
		w.line("%s = %s", w.element(o, 1), w.as(o.B, f32))
	case vec.Move:
		w.set(o, w.as(o.A, w.t.kinds[o.D]), w.t.kinds[o.D])
	case vec.Low:
		from := o.A
		if o.N == 0 {
			from = o.B
		}
		w.set(o, w.as(from, w.t.kinds[o.D]), w.t.kinds[o.D])
	case vec.Min, vec.Max:
		w.minMax(o)
	case vec.Fma, vec.Fnma, vec.FmaTo, vec.FnmaTo:
		w.fma(o)
	case vec.And, vec.Or, vec.Xor, vec.AndNot:
		w.bits(o)
	case vec.Select:
		w.choose(o)
	default:
		w.set(o, w.expression(o), result(o.Code))
	}
}

// expression returns the value of a verb that is one Go expression.
func (w *writer) expression(o *vec.Op) string {
	k := wanted(o.Code)
	if s, ok := infix[o.Code]; ok {
		return w.as(o.A, k) + " " + s + " " + w.as(o.B, k)
	}
	if s, ok := rounder[o.Code]; ok {
		w.p.math = true
		return fmt.Sprintf("float32(math.%s(float64(%s)))", s, w.as(o.A, f32))
	}
	switch o.Code {
	case vec.Mul:
		// The conversion keeps compilers from joining the product with a sum.
		return fmt.Sprintf("float32(%s * %s)", w.as(o.A, f32), w.as(o.B, f32))
	case vec.LessI:
		return fmt.Sprintf("%s < %s", w.signed(o.A), w.signed(o.B))
	case vec.Shl:
		return fmt.Sprintf("%s << %d", w.as(o.A, u32), o.N)
	case vec.Shr:
		return fmt.Sprintf("%s >> %d", w.as(o.A, u32), o.N)
	case vec.Sar:
		return fmt.Sprintf("uint32(%s >> %d)", w.signed(o.A), o.N)
	case vec.ToF32:
		return fmt.Sprintf("float32(%s)", w.signed(o.A))
	case vec.ToI32:
		return fmt.Sprintf("toInt32(%s)", w.as(o.A, f32))
	}
	panic("portable: no Go for " + o.Code.String())
}

// signed returns r as an int32.
func (w *writer) signed(r vec.Reg) string {
	if bits, ok := w.t.constants[r]; ok {
		return fmt.Sprintf("int32(%d)", int32(bits))
	}
	return "int32(" + w.as(r, u32) + ")"
}

func (w *writer) move(o *vec.Op) {
	off := w.off[o.Ptr]
	if off == "" {
		return
	}
	n := o.Disp / 4
	sign := "+="
	if n < 0 {
		sign, n = "-=", -n
	}
	if o.K == 1 {
		w.line("%s %s %s * %d", off, sign, w.f.Counts[o.Count.Param], n)
		return
	}
	w.line("%s %s %d", off, sign, n)
}

// minMax writes A op B ? A : B.
func (w *writer) minMax(o *vec.Op) {
	op := "<"
	if o.Code == vec.Max {
		op = ">"
	}
	a, b := w.as(o.A, f32), w.as(o.B, f32)
	w.either(o, fmt.Sprintf("%s %s %s", a, op, b), o.A, o.B)
}

// either writes D = cond ? yes : no.
func (w *writer) either(o *vec.Op, cond string, yes, no vec.Reg) {
	k := w.t.kinds[o.D]
	switch o.D {
	case yes:
		w.line("if !(%s) {\n%s = %s\n}", cond, w.vars[o.D], w.as(no, k))
		return
	case no:
	default:
		if strings.Contains(cond, w.vars[o.D]) && w.reads(o, o.D) {
			// D is part of the condition only.
			w.line("if %s {\n%s = %s\n} else {\n%s = %s\n}", cond, w.vars[o.D], w.as(yes, k), w.vars[o.D], w.as(no, k))
			return
		}
		w.set(o, w.as(no, k), k)
	}
	w.line("if %s {\n%s = %s\n}", cond, w.vars[o.D], w.as(yes, k))
}

func (w *writer) reads(o *vec.Op, r vec.Reg) bool { return o.A == r || o.B == r || o.C == r }

// fma writes a fused multiply-add: in a loop the lines of fma32, which is too long for the compiler to inline.
func (w *writer) fma(o *vec.Op) {
	c, sign := o.C, ""
	if o.Code == vec.Fma || o.Code == vec.Fnma {
		c = o.D
	}
	if o.Code == vec.Fnma || o.Code == vec.FnmaTo {
		sign = "-"
	}
	if w.p.fast && o.Loose {
		w.set(o, fmt.Sprintf("%s + float32(%s%s * %s)", w.as(c, f32), sign, w.as(o.A, f32), w.as(o.B, f32)), f32)
		return
	}
	if w.loops == 0 || w.t.kinds[o.D] != f32 {
		w.set(o, fmt.Sprintf("fma32(%s%s, %s, %s)", sign, w.as(o.A, f32), w.as(o.B, f32), w.as(c, f32)), f32)
		return
	}
	w.declare(o)
	d := w.vars[o.D]
	w.line("{")
	p := fmt.Sprintf("float64(%s)*float64(%s)", w.as(o.A, f32), w.as(o.B, f32))
	if sign != "" {
		p = "-(" + p + ")"
	}
	w.line("p, c := %s, float64(%s)", p, w.as(c, f32))
	w.line("s := p + c")
	w.line("%s = float32(s)", d)
	w.line("if twiceRounded(s) {\n%s = roundSum(p, c, s)\n}", d)
	w.line("}")
}

// bits writes a logical verb: on bools where both operands are, as a branch where one is, else on bits.
func (w *writer) bits(o *vec.Op) {
	k := w.t.kinds[o.D]
	ma, mb := w.isBool(o.A), w.isBool(o.B)
	if k == mask {
		a, b := w.as(o.A, mask), w.as(o.B, mask)
		op := map[vec.Code]string{vec.And: "%s && %s", vec.Or: "%s || %s", vec.Xor: "%s != %s", vec.AndNot: "%s && !%s"}[o.Code]
		w.set(o, fmt.Sprintf(op, a, b), mask)
		return
	}
	if ma != mb && o.Code != vec.Xor && !(ma && o.Code == vec.AndNot) {
		m, x := o.A, o.B
		if mb {
			m, x = o.B, o.A
		}
		if m != o.D {
			w.masked(o, w.as(m, mask), x)
			return
		}
	}
	op := map[vec.Code]string{vec.And: "&", vec.Or: "|", vec.Xor: "^", vec.AndNot: "&^"}[o.Code]
	w.set(o, w.as(o.A, u32)+" "+op+" "+w.as(o.B, u32), u32)
}

func (w *writer) isBool(r vec.Reg) bool {
	_, ok := w.t.constants[r]
	return !ok && w.t.kinds[r] == mask
}

// masked writes a logical verb of a value and a bool.
func (w *writer) masked(o *vec.Op, m string, x vec.Reg) {
	k := w.t.kinds[o.D]
	if o.D != x {
		w.set(o, w.as(x, k), k)
	}
	other := uint32(0)
	switch o.Code {
	case vec.And:
		m = "!(" + m + ")"
	case vec.Or:
		other = 0xffffffff
	}
	w.line("if %s {\n%s = %s\n}", m, w.vars[o.D], w.literal(other, k))
}

// choose writes a Select.
func (w *writer) choose(o *vec.Op) {
	if w.t.kinds[o.D] == mask {
		a, b, c := w.as(o.A, mask), w.as(o.B, mask), w.as(o.C, mask)
		w.set(o, fmt.Sprintf("%s && %s || !%s && %s", a, b, a, c), mask)
		return
	}
	w.either(o, w.as(o.A, mask), o.B, o.C)
}
