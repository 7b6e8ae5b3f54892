package ops

import (
	"fmt"

	"github.com/dlc-ml/dlc/diag"
	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// Lowering turns one tensor function into one loop function.
type Lowering struct {
	Func *loop.Func
	// Groups are the parts of the trainable part of the parameter arena that optimizers treat otherwise than others. Where nil,
	// there is one that holds the operands of the optimizer, one after the other.
	Groups []ir.Group
	bufs   map[*ir.Value]*loop.Buffer
	op     *ir.Op
	arena  ir.Dim // the extent of arenas; zero for the symbol P
}

// NewLowering returns a lowering into f in which the given values already have buffers.
func NewLowering(f *loop.Func, bufs map[*ir.Value]*loop.Buffer) *Lowering {
	return &Lowering{Func: f, bufs: bufs}
}

// Run lowers one operator.
func (l *Lowering) Run(op *ir.Op) error {
	o := Lookup(op.Kind)
	if o == nil || o.Lower == nil {
		return fmt.Errorf("%s: operator %s has no lowering", op.Pos, op.Kind)
	}
	l.op = op
	o.Lower(l, op)
	return nil
}

// Buf returns the buffer of a value, making a Temp for the results of the operator being lowered.
func (l *Lowering) Buf(v *ir.Value) *loop.Buffer {
	if b := l.bufs[v]; b != nil {
		return b
	}
	b := l.Func.NewBuffer(v.Name, v.Type, loop.Temp, v.Pos)
	l.bufs[v] = b
	return b
}

// Temp makes a scratch buffer named after the operator's first result.
func (l *Lowering) Temp(suffix string, t ir.Type) *loop.Buffer {
	return l.Func.NewBuffer(l.op.Results[0].Name+"."+suffix, t, loop.Temp, l.op.Pos)
}

// Scalar returns the run-time scalar of that name: "batch" (N as f32), "lr", "seed", "step" (i32) …
func (l *Lowering) Scalar(name string, e ir.DType) *loop.Buffer {
	if b := l.Func.Buffer("$" + name); b != nil {
		return b
	}
	return l.Func.NewBuffer("$"+name, ir.T(e, nil), loop.Scalar, diag.Pos{})
}

// Arena returns the whole of the parameter arena (space Weight), of the gradients (Grad) or of one optimizer state (State, by
// name) as a flat f32[P] buffer, where the symbol P is the length of the arena's trainable part. Where an optimizer needs the length
// itself, it stands in place of P.
func (l *Lowering) Arena(space loop.Space, name string) *loop.Buffer {
	full := "$" + space.String()
	if space == loop.State {
		full += "." + name
	}
	if b := l.Func.Buffer(full); b != nil {
		return b
	}
	return l.Func.NewBuffer(full, ir.T(ir.F32, ir.Shape{l.arenaDim()}), space, diag.Pos{})
}

// arenaDim is the extent of the arenas of this function.
func (l *Lowering) arenaDim() ir.Dim {
	if l.arena == (ir.Dim{}) {
		l.arena = ir.Dim{Size: 1, Sym: "P"}
	}
	return l.arena
}

// Emit appends a nest, named and placed after the operator.
func (l *Lowering) Emit(n *loop.Nest) {
	if n.Name == "" {
		n.Name = l.op.Kind
		if len(l.op.Results) > 0 {
			n.Name = l.op.Results[0].Name
		}
	}
	if !n.Pos.Valid() {
		n.Pos = l.op.Pos
	}
	if n.Lanes == 0 {
		n.Lanes = 1
	}
	n.Ops = append(n.Ops, l.op.Kind)
	l.Func.Nests = append(l.Func.Nests, n)
}
