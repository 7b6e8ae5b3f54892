package loop

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/internal/lex"
)

// exprWriter writes expressions: infix, with Go's precedences and no more parentheses than these need.
type exprWriter struct {
	axis   func(i int) string
	buffer func(name string) string
	lets   map[*Expr]string // nodes that have a name of their own
	acc    ir.DType         // the type that acc has unless it is written
	plain  bool             // for reading only: leave types out
}

// precedence of the infix operations, as in Go.
func precedence(c Code) int {
	switch c {
	case Mul, Div, Shl, Shr, And:
		return 5
	case Add, Sub, Or, Xor:
		return 4
	}
	return 3
}

// unaryPrecedence binds tighter than every infix operation.
const unaryPrecedence = 6

// expr writes e as a whole.
func (w *exprWriter) expr(e *Expr) string { return w.operand(e, 0) }

// operand writes e, in parentheses where it binds less tightly than least.
func (w *exprWriter) operand(e *Expr, least int) string {
	if e == nil {
		return "nil"
	}
	if name := w.lets[e]; name != "" {
		return name
	}
	text, prec := w.node(e)
	if !w.plain && e.Type != w.derived(e) {
		if prec < unaryPrecedence {
			text = "(" + text + ")"
		}
		return text + ":" + e.Type.String()
	}
	if prec < least {
		return "(" + text + ")"
	}
	return text
}

// derived is the type that the parser gives to e unless it is written.
func (w *exprWriter) derived(e *Expr) ir.DType {
	switch e.Code {
	case Const:
		return e.Type // written with the constant
	case Load:
		if e.From.Buf != nil {
			return e.From.Buf.Elem
		}
		return ir.Invalid
	case Acc:
		return w.acc
	case Index:
		return ir.I32
	}
	return derivedType(e.Code, e.Args)
}

// derivedType is the type that [E] gives.
func derivedType(c Code, args []*Expr) ir.DType {
	typeOf := func(i int) ir.DType {
		if i < len(args) && args[i] != nil {
			return args[i].Type
		}
		return ir.Invalid
	}
	switch c {
	case Less, LessEq, Eq, NotEq:
		return ir.Bool
	case ToF32, FromBits:
		return ir.F32
	case ToI32, ToBits:
		return ir.I32
	case Select:
		return typeOf(1)
	}
	return typeOf(0)
}

// node writes e without regard to what stands around it and returns how tightly the text binds.
func (w *exprWriter) node(e *Expr) (string, int) {
	switch e.Code {
	case Const:
		return constText(e.Type, e.Bits), unaryPrecedence
	case Load:
		return w.access(e.From), unaryPrecedence
	case Acc:
		return "acc", unaryPrecedence
	case Index:
		return "index(" + w.affine(e.Idx) + ")", unaryPrecedence
	}
	info := CodeInfo{Name: "code" + itoa(int(e.Code))}
	if int(e.Code) < len(Codes) {
		info = Codes[e.Code]
	}
	if info.Infix != "" && len(e.Args) == 2 {
		p := precedence(e.Code)
		return w.operand(e.Args[0], p) + " " + info.Infix + " " + w.operand(e.Args[1], p+1), p
	}
	args := make([]string, len(e.Args))
	for i, a := range e.Args {
		args[i] = w.expr(a)
	}
	return info.Name + "(" + strings.Join(args, ", ") + ")", unaryPrecedence
}

// access writes one element of a buffer: name[h+kh, 0, @(index expression)].
func (w *exprWriter) access(a Access) string {
	var b strings.Builder
	if a.Buf == nil {
		b.WriteString("nil")
	} else {
		b.WriteString(w.buffer(a.Buf.Name))
	}
	b.WriteByte('[')
	for i, ix := range a.Index {
		if i > 0 {
			b.WriteString(", ")
		}
		if i >= len(a.Dyn) || a.Dyn[i] == nil {
			b.WriteString(w.affine(ix))
			continue
		}
		if ix.Const != 0 || len(ix.Terms) > 0 {
			b.WriteString(w.affine(ix) + "+")
		}
		b.WriteString("@(" + w.expr(a.Dyn[i]) + ")")
	}
	b.WriteByte(']')
	return b.String()
}

// affine writes 2*h+kh-1.
func (w *exprWriter) affine(a Affine) string {
	var b strings.Builder
	for _, t := range a.Terms {
		c := t.Coef
		if c < 0 {
			b.WriteByte('-')
		} else if b.Len() > 0 {
			b.WriteByte('+')
		}
		if c != 1 && c != -1 {
			b.WriteString(strings.TrimPrefix(strconv.Itoa(c), "-") + "*")
		}
		b.WriteString(w.axis(t.Axis))
	}
	if b.Len() == 0 {
		return strconv.Itoa(a.Const)
	}
	if a.Const != 0 {
		fmt.Fprintf(&b, "%+d", a.Const)
	}
	return b.String()
}

// constText writes a constant so that it reads back with its type and every bit: f32 with a point or an exponent, i32 without.
func constText(t ir.DType, bits uint32) string {
	switch {
	case t == ir.F32:
		if x := math.Float32frombits(bits); x == x {
			return lex.FloatText(float64(x), 32)
		}
	case t == ir.I32:
		return strconv.Itoa(int(int32(bits)))
	case t == ir.Bool && bits == 0:
		return "false"
	case t == ir.Bool && bits == 1:
		return "true"
	}
	return fmt.Sprintf("bits(%s, 0x%08x)", t, bits)
}

// sharedNodes returns the nodes of a nest that are operands in more than one place and worth a name of their own: text would
// otherwise grow exponentially with sharing.
func sharedNodes(n *Nest) map[*Expr]bool {
	uses := map[*Expr]int{}
	var visit func(e *Expr)
	visit = func(e *Expr) {
		if e == nil {
			return
		}
		if uses[e]++; uses[e] > 1 {
			return
		}
		for _, a := range e.Args {
			visit(a)
		}
		for _, d := range e.From.Dyn {
			visit(d)
		}
	}
	visit(n.Value)
	for _, s := range n.Stores {
		for _, d := range s.To.Dyn {
			visit(d)
		}
		visit(s.Expr)
	}
	shared := map[*Expr]bool{}
	for e, k := range uses {
		leaf := e.Code == Const || e.Code == Acc || e.Code == Index || e.Code == Load && e.From.Dyn == nil
		if k > 1 && !leaf {
			shared[e] = true
		}
	}
	return shared
}
