package simplify

import (
	"fmt"
	"math"
	"strings"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/ops"
)

// constants computes operators whose operands are known.
func (s *simplifier) constants() {
	for i := 0; i < len(s.f.Ops); i++ {
		op := s.f.Ops[i]
		if o := ops.Lookup(op.Kind); o != nil && (o.Moves || o.Spreads != nil && o.Spreads(op.Attrs)) {
			s.constantMove(i)
		} else {
			s.constantFill(i)
		}
		if s.f.Ops[i] == op && op.Kind != "constant" {
			s.known(i)
		}
	}
}

// constantFill computes an elementwise operator on tensors that hold one value everywhere, whatever their size: so does its result.
func (s *simplifier) constantFill(i int) {
	op := s.f.Ops[i]
	o := ops.Lookup(op.Kind)
	if o == nil || !o.Exact || o.Category != "elementwise" || len(op.Results) != 1 || len(op.Args) == 0 {
		return
	}
	args := make([]*ops.Tensor, len(op.Args))
	for k, a := range op.Args {
		c, ok := ops.Filled(a)
		if !ok {
			return
		}
		args[k] = &ops.Tensor{Elem: ir.F32, Shape: []int{}, Data: []float64{float64(c)}}
	}
	s.constant(i, float32(o.Eval(args, op.Attrs)[0].Data[0]))
}

// constantMove replaces a constant whose number only fills another shape.
func (s *simplifier) constantMove(i int) {
	op := s.f.Ops[i]
	if c, ok := ops.Filled(op.Args[0]); ok {
		s.constant(i, c)
	}
}

// constant puts a constant in the place of operator i. NaN and infinity stay operators: they have no form in text.
func (s *simplifier) constant(i int, x float32) {
	op := s.f.Ops[i]
	y := op.Results[0]
	dims := []int{}
	for _, d := range y.Type.Shape {
		if !d.Static() {
			return
		}
		dims = append(dims, d.Size)
	}
	if y.Type.Elem != ir.F32 || math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
		return
	}
	if !s.allowed(op, fmt.Sprintf("%s is the constant %v", y.Name, x)) {
		return
	}
	attrs, err := ops.Complete(ops.Lookup("constant").Attrs, []ir.Attr{{Name: "value", Value: float64(x)}, {Name: "shape", Value: dims}})
	if err != nil {
		return
	}
	op.Kind, op.Args, op.Attrs = "constant", nil, attrs
}

// merge replaces operators that equal an earlier one: the same kind, operands and attributes. Random operators carry an id among
// their attributes, so that two of them are never equal by chance.
func (s *simplifier) merge() {
	seen := map[string]*ir.Op{}
	ids := map[*ir.Value]int{}
	id := func(v *ir.Value) int {
		if _, ok := ids[v]; !ok {
			ids[v] = len(ids)
		}
		return ids[v]
	}
	for _, op := range s.f.Ops {
		o := ops.Lookup(op.Kind)
		if o == nil || o.Effect {
			continue
		}
		var key strings.Builder
		fmt.Fprintf(&key, "%s", op.Kind)
		for _, a := range op.Args {
			fmt.Fprintf(&key, " %%%d", id(a))
		}
		for _, a := range op.Attrs {
			fmt.Fprintf(&key, " %s=%#v", a.Name, a.Value)
		}
		first := seen[key.String()]
		if first == nil {
			seen[key.String()] = op
			continue
		}
		s.mergeInto(first, op)
	}
}

func (s *simplifier) mergeInto(first, op *ir.Op) {
	uses := s.f.Uses()
	used := false
	for _, r := range op.Results {
		used = used || uses[r] > 0
	}
	if !used || !s.allowed(op, op.Results[0].Name+" is "+first.Results[0].Name) {
		return
	}
	for i, r := range op.Results {
		s.f.ReplaceUses(r, first.Results[i])
	}
}
