package ops

import (
	"github.com/dlc-ml/dlc/ir/loop"
)

// BitwiseNot turns every bit over.
var BitwiseNot = Register(combines(Operator{
	Name:    "bitwise_not",
	Doc:     "Whole numbers with every bit turned over.",
	Formula: "y = ^x",
	Example: "rest = bitwise_not(flags)",
	Args:    unary,
	ONNX:    ONNX{Name: "BitwiseNot", Min: 18, Max: 25},
}, integers, func(x []int64) int64 { return ^x[0] }, func(x []*loop.Expr) *loop.Expr { return loop.E(loop.Xor, x[0], loop.I(-1)) }))
