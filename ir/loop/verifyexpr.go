package loop

import (
	"fmt"

	"github.com/dlc-ml/dlc/ir"
)

// expr checks e and what is under it. Shared nodes are checked once.
func (c *nestChecker) expr(e *Expr) error {
	if e == nil {
		return fmt.Errorf("an operand is missing")
	}
	if c.checked[e] {
		return nil
	}
	c.checked[e] = true
	if int(e.Code) >= len(Codes) {
		return fmt.Errorf("operation %d does not exist", e.Code)
	}
	if len(e.Args) != Codes[e.Code].Arity {
		return fmt.Errorf("%s has %d operands, not %d", Codes[e.Code].Name, len(e.Args), Codes[e.Code].Arity)
	}
	for _, a := range e.Args {
		if err := c.expr(a); err != nil {
			return err
		}
	}
	switch e.Code {
	case Const:
		if e.Type != ir.F32 && e.Type != ir.I32 && (e.Type != ir.Bool || e.Bits > 1) {
			return fmt.Errorf("a constant %s of %#x", e.Type, e.Bits)
		}
		return nil
	case Load:
		if err := c.access(e.From); err != nil {
			return err
		}
		if e.Type != e.From.Buf.Elem {
			return fmt.Errorf("a load of %s as %s, but it holds %s", e.From.Buf.Name, e.Type, e.From.Buf.Elem)
		}
		return nil
	case Acc:
		if !c.store || c.n.Value == nil {
			return fmt.Errorf("acc stands for a fold, and in stores only")
		}
		if e.Type != c.n.Value.Type {
			return fmt.Errorf("acc is %s, but the fold is %s", e.Type, c.n.Value.Type)
		}
		return nil
	case Index:
		if e.Type != ir.I32 {
			return fmt.Errorf("an index of type %s", e.Type)
		}
		mixed := c.mixed // only loads make a window
		err := c.affine(e.Idx)
		c.mixed = mixed
		return err
	}
	return checkTypes(e)
}

// checkTypes checks the type of a node against those of its operands.
func checkTypes(e *Expr) error {
	name := Codes[e.Code].Name
	bad := func() error {
		list := ""
		for i, a := range e.Args {
			if i > 0 {
				list += ", "
			}
			list += a.Type.String()
		}
		return fmt.Errorf("%s of %s cannot give %s", name, list, e.Type)
	}
	first := e.Args[0].Type
	same := true
	for _, a := range e.Args {
		same = same && a.Type == first
	}
	ok := false
	switch e.Code {
	case Add, Sub, Mul, Div, Min, Max, Neg, Abs:
		ok = same && (first == ir.F32 || first == ir.I32) && e.Type == first
	case Sqrt, FMA, Floor, Ceil, Round, Exp, Log, Tanh, Sigmoid, Erf, Expm1, Log1p, Sin, Cos, Atan, Pow:
		ok = same && first == ir.F32 && e.Type == ir.F32
	case Less, LessEq, Eq, NotEq:
		ok = same && (first == ir.F32 || first == ir.I32) && e.Type == ir.Bool
	case Not:
		ok = first == ir.Bool && e.Type == ir.Bool
	case And, Or, Xor:
		ok = same && (first == ir.Bool || first == ir.I32) && e.Type == first
	case Shl, Shr:
		ok = same && first == ir.I32 && e.Type == ir.I32
		if s := e.Args[1]; ok && (s.Code != Const || s.Bits > 31) {
			return fmt.Errorf("%s shifts by a constant from 0 to 31", name)
		}
	case Select:
		t := e.Args[1].Type
		ok = first == ir.Bool && t == e.Args[2].Type && e.Type == t && (t == ir.F32 || t == ir.I32 || t == ir.Bool)
	case ToF32:
		ok = (first == ir.I32 || first == ir.U8) && e.Type == ir.F32
	case ToI32:
		ok = (first == ir.F32 || first == ir.U8) && e.Type == ir.I32
	case ToBits:
		ok = first == ir.F32 && e.Type == ir.I32
	case FromBits:
		ok = first == ir.I32 && e.Type == ir.F32
	case Hash:
		ok = first == ir.I32 && e.Type == ir.I32
	}
	if !ok {
		return bad()
	}
	return nil
}

// bounds checks that an index stays in a dimension for every value of the axes and of their symbols, which are at least 1.
func (v *verifier) bounds(a Affine, d ir.Dim, axes []Axis) error {
	for _, ax := range axes {
		if ax.Extent.Size == 0 {
			return nil // nothing runs
		}
	}
	const far = 1 << 40
	lo, hi := a.Const, a.Const
	step, size := 0, 0 // coefficient and extent of the one symbolic axis that shares the dimension's symbol
	for _, t := range a.Terms {
		e := axes[t.Axis].Extent
		last := e.Size - 1
		if !e.Static() {
			if e.Sym == d.Sym {
				if step != 0 || t.Coef < 0 {
					return fmt.Errorf("axis %s runs over %s, which the index must use once and forwards", axes[t.Axis].Name, e)
				}
				step, size = t.Coef, e.Size
				continue
			}
			most := v.symbols[e.Sym].Max
			if most == 0 || most > ir.MaxElems/e.Size {
				return fmt.Errorf("axis %s runs over %s, which has no bound", axes[t.Axis].Name, e)
			}
			last = most*e.Size - 1
		}
		reach := t.Coef * last // below 2^62
		if reach > far || reach < -far {
			return fmt.Errorf("axis %s reaches %d", axes[t.Axis].Name, reach)
		}
		lo, hi = lo+min(reach, 0), hi+max(reach, 0)
	}
	if lo < 0 {
		return fmt.Errorf("it reaches %d", lo)
	}
	// With the symbol S the greatest index is step*(size*S-1) + hi, and it must stay below d.Size*S for every S >= 1.
	if step > 0 && step > d.Size/size {
		return fmt.Errorf("it takes steps of %d along %s", step, d)
	}
	if top := step*(size-1) + hi; top >= d.Size {
		return fmt.Errorf("it reaches %d", top)
	}
	return nil
}
