package simplify

import (
	"fmt"
	"math"
	"slices"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/ops"
)

// mostKnown bounds the elements of tensors that are computed here: enough for any arithmetic on shapes and indices.
const mostKnown = 1 << 12

// valueOf returns a small tensor that is the same in every call: the result of an operator without operands. Floating-point elements are
// those of the program only where the operator is exact.
func valueOf(v *ir.Value) *ops.Tensor {
	if v.Def == nil || len(v.Def.Args) > 0 || !foldable(v.Def) {
		return nil
	}
	if n, ok := v.Type.Shape.Elems(); !ok || !n.Static() || n.Size > mostKnown {
		return nil
	}
	t := ops.Lookup(v.Def.Kind).Eval(nil, v.Def.Attrs)[v.Index]
	if v.Type.Elem == ir.F32 {
		for i, x := range t.Data {
			t.Data[i] = float64(float32(x))
		}
	}
	return t
}

// foldable reports whether the evaluation of op gives what the program would: whole numbers and truth values always, f32 where the operator is
// exact. Random numbers and effects belong to the program.
func foldable(op *ir.Op) bool {
	o := ops.Lookup(op.Kind)
	if o == nil || o.Effect || o.TrainOnly || len(op.Results) == 0 || slices.ContainsFunc(o.Attrs, func(d ops.AttrDef) bool { return d.Name == "id" }) {
		return false
	}
	for _, r := range op.Results {
		switch n, ok := r.Type.Shape.Elems(); {
		case !ok || !n.Static() || n.Size > mostKnown:
			return false
		case r.Type.Elem.Float() && (r.Type.Elem != ir.F32 || !o.Exact):
			return false
		}
	}
	return true
}

// known computes operator i where all its operands are known and small, and puts literals in its place.
func (s *simplifier) known(i int) {
	op := s.f.Ops[i]
	if len(op.Args) == 0 || !foldable(op) {
		return
	}
	args := make([]*ops.Tensor, len(op.Args))
	for k, a := range op.Args {
		if args[k] = valueOf(a); args[k] == nil {
			return
		}
	}
	results := ops.Lookup(op.Kind).Eval(args, op.Attrs)
	for _, t := range results {
		if slices.ContainsFunc(t.Data, func(x float64) bool { return math.IsNaN(x) || math.IsInf(x, 0) }) {
			return // as of constants, these stay operators
		}
	}
	if !s.allowed(op, fmt.Sprintf("%s is known", op.Results[0].Name)) {
		return
	}
	var made []*ir.Op
	for k, r := range op.Results {
		c := s.f.NewOp("literal", r.Name, nil, literal(results[k]), []ir.Type{r.Type}, op.Pos)
		c.Results[0].Pos = r.Pos
		s.f.ReplaceUses(r, c.Results[0])
		made = append(made, c)
	}
	s.f.Ops = slices.Replace(s.f.Ops, i, i+1, made...)
	for k, r := range op.Results { // the old name is free now
		made[k].Results[0].Name = r.Name
	}
}

// literal are the attributes of the literal that is t. One value everywhere is written once.
func literal(t *ops.Tensor) ir.Attrs {
	data := make([]float64, len(t.Data))
	for i, x := range t.Data {
		if data[i] = x; t.Elem == ir.F32 {
			data[i] = float64(float32(x))
		}
	}
	if !slices.ContainsFunc(data, func(x float64) bool { return math.Float64bits(x) != math.Float64bits(data[0]) }) {
		data = data[:1]
	}
	return ir.Attrs{{Name: "data", Value: data}, {Name: "shape", Value: slices.Clone(t.Shape)}, {Name: "elem", Value: t.Elem.String()}}
}
