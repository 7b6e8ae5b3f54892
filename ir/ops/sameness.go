package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
)

// What passes/simplify may do to an operator stands in its literal; here is what several of them say.

// keepsShape is Same of operators that give their operand another shape, or the one it has.
func keepsShape(op *ir.Op) (*ir.Value, string) {
	if op.Args[0].Type.Equal(op.Results[0].Type) {
		return op.Args[0], op.Kind + " keeps the shape of " + op.Args[0].Name
	}
	return nil, ""
}

// undoes is Same of an operator that is its own inverse.
func undoes(op *ir.Op) (*ir.Value, string) {
	if d := op.Args[0].Def; d != nil && d.Kind == op.Kind {
		return d.Args[0], op.Kind + " undoes the one before it"
	}
	return nil, ""
}

// neutral is Same of an operator that a constant on its right does not change; says is what to call that, behind the operand's name.
func neutral(x float64, says string) func(op *ir.Op) (*ir.Value, string) {
	return func(op *ir.Op) (*ir.Value, string) {
		if isFilledWith(op.Args[1], x) {
			return op.Args[0], op.Args[0].Name + says
		}
		return nil, ""
	}
}

// always is Spreads of operators that repeat, reorder or leave out elements.
func always(ir.Attrs) bool { return true }

// isFilledWith reports whether v is a constant tensor filled with x; zeros are told apart by sign.
func isFilledWith(v *ir.Value, x float64) bool {
	c, ok := Filled(v)
	return ok && c == float32(x) && math.Signbit(float64(c)) == math.Signbit(x)
}

// Filled returns the value that a constant tensor holds everywhere; false where v is none.
func Filled(v *ir.Value) (float32, bool) {
	if v.Def == nil || v.Def.Kind != Constant.Name {
		return 0, false
	}
	return float32(v.Def.Attrs.Float("value")), true
}
