package ops

import (
	"errors"
	"strings"
	"testing"

	"github.com/dlc-ml/dlc/ir"
)

// TestErrors gives operators what they cannot take. Each message must say what is wrong, and where a note is wanted it must
// show the way out.
func TestErrors(t *testing.T) {
	f32 := func(s ir.Shape) ir.Type { return ir.T(ir.F32, s) }
	i32 := func(s ir.Shape) ir.Type { return ir.T(ir.I32, s) }
	attr := func(name string, v any) ir.Attr { return ir.Attr{Name: name, Value: v} }
	for _, c := range []struct {
		kind      string
		args      []ir.Type
		attrs     ir.Attrs
		err, note string
	}{
		{"add", f32Types(ir.NS(3), ir.NS(4)), nil, "add cannot combine [N,3] and [N,4]: one axis is 3 and 4", "aligned at their last axes"},
		{"add", f32Types(ir.NS(), ir.S(4)), nil, "one axis is N and 4", "aligned"},
		{"add", f32Types(ir.NS(), ir.S(4, 1)), nil, "the batch N would not be the first axis", "as many axes"},
		{"add", f32Types(ir.S(65536, 1), ir.S(1, 65536)), nil, "more than 2147483647 elements", ""},
		{"add", []ir.Type{f32(nil), i32(nil)}, nil, "one element type, not f32[] and i32[]", ""},
		{"add", f32Types(nil), nil, "add takes 2 operands, not 1", ""},
		{"sqrt", []ir.Type{i32(nil)}, nil, "sqrt wants f32, f16 or bf16 for x, not i32[]", ""},
		{"where", f32Types(nil, nil, nil), nil, "where wants bool for condition, not f32[]", "less(a, b)"},
		{"where", []ir.Type{ir.T(ir.Bool, nil), f32(nil), i32(nil)}, nil, "one element type, not f32[] and i32[]", "cast"},
		{"bitwise_and", f32Types(nil, nil), nil, "bitwise_and wants whole numbers for a, not f32[]", ""},
		{"logical_or", f32Types(nil, nil), nil, "logical_or wants bool for a, not f32[]", ""},
		{"clip", f32Types(nil), ir.Attrs{attr("min", 2), attr("max", 1)}, "not above the upper one, not min=2 and max=1", ""},
		{"cast", f32Types(nil), ir.Attrs{attr("to", "f64")}, "to is one of", ""},
		{"cast", f32Types(nil), nil, "to is missing", ""},
		{"celu", f32Types(nil), ir.Attrs{attr("alpha", 0)}, "celu needs alpha above 0, not 0", ""},
		{"glu", f32Types(ir.NS(3)), nil, "axis 1 of f32[N,3] has 3", "twice as many channels"},
		{"glu", f32Types(ir.NS(4)), ir.Attrs{attr("axis", 0)}, "axis 0 of f32[N,4] has N", ""},
		{"hardmax", f32Types(ir.NS(2)), ir.Attrs{attr("axis", 0)}, "cannot run along the batch", "axis counts the batch as 0"},
		{"max", f32Types(nil), nil, "max takes 2 operands, not 1", ""},
		{"max", f32Types(ir.NS(3), ir.NS(3), ir.NS(4)), nil, "one axis is 3 and 4", "aligned"},
		{"neg", []ir.Type{ir.T(ir.Bool, nil)}, nil, "neg wants numbers for x, not bool[]", ""},
		{"flatten", f32Types(ir.NS(0, 3)), nil, "an extent of 0 leaves no elements", ""},
		{"constant", nil, ir.Attrs{attr("value", 1), attr("shape", []int{3, 0})}, "constant cannot have the extent 0 in shape=[3 0]", "from 1 up"},
		{"constant", nil, ir.Attrs{attr("value", 1), attr("shape", []int{1 << 40})}, "the limit is 2147483647 elements", ""},
		{"constant", nil, ir.Attrs{attr("value", 1), attr("shape", []int{1 << 20, 1 << 20})}, "more than 2147483647 elements", ""},
		{"constant", nil, nil, "constant: value is missing", ""},
		{"flatten", f32Types(nil), nil, "flatten needs at least the batch axis, but its input is f32[]", "no flattening"},
		{"reshape", f32Types(ir.NS(12)), ir.Attrs{attr("shape", []int{5, -1})}, "reshape cannot make shape=[5 -1] of [N,12]: 12 elements do not become 5", "multiply to 12"},
		{"reshape", f32Types(ir.NS(12)), ir.Attrs{attr("shape", []int{-1, -1})}, "reshape cannot have the extent -1", "one of them"},
		{"reshape", f32Types(ir.NS(12)), ir.Attrs{attr("shape", []int{3, 0})}, "reshape cannot have the extent 0", ""},
		{"reshape", f32Types(ir.NS(12)), ir.Attrs{attr("shape", []int{6})}, "12 elements do not become 6", "write one of them as -1"},
		{"reshape", f32Types(ir.NS(12)), ir.Attrs{attr("shape", []int{12}), attr("keep", 0)}, "reshape must keep the batch of [N,12]", "leave keep out"},
		{"reshape", f32Types(ir.S(12)), ir.Attrs{attr("shape", []int{12}), attr("keep", 2)}, "cannot keep 2 axes of [12], which has 1", ""},
		{"reshape", f32Types(ir.NS(12)), ir.Attrs{attr("shape", []int{1 << 30, 1 << 30})}, "more than 2147483647 elements", ""},
		{"transpose", f32Types(ir.NS(2, 3)), ir.Attrs{attr("perm", []int{1, 0, 2})}, "moves the batch of f32[N,2,3] away from the front", "begin perm with 0"},
		{"transpose", f32Types(ir.NS(2, 3)), ir.Attrs{attr("perm", []int{0, 1})}, "wants 3 axes in perm, not 2", "axis 0 is the batch N"},
		{"transpose", f32Types(ir.NS(2, 3)), ir.Attrs{attr("perm", []int{0, 1, -2})}, "names axis 1 twice", ""},
		{"transpose", f32Types(ir.NS(2, 3)), ir.Attrs{attr("perm", []int{0, 1, 3})}, "transpose has no axis 3: its operand [N,2,3] has 3 axes", "from 0 to 2"},
		{"reduce_sum", f32Types(ir.NS(2)), ir.Attrs{attr("axes", []int{-3})}, "reduce_sum has no axis -3", "from -2 to -1"},
		{"reduce_mean", f32Types(nil), ir.Attrs{attr("axes", 0)}, "its operand is a scalar", ""},
		{"reduce_max", f32Types(ir.NS(2)), ir.Attrs{attr("axes", []int{1, -1})}, "names axis 1 twice", ""},
		{"reduce_mean", []ir.Type{i32(ir.NS(2))}, nil, "reduce_mean wants f32, f16 or bf16 for x, not i32[N,2]", ""},
		{"softmax", f32Types(ir.NS(2)), ir.Attrs{attr("axis", 0)}, "softmax cannot run along the batch of f32[N,2]", "axis counts the batch as 0"},
		{"softmax", f32Types(nil), nil, "softmax has no axis -1 to work on: its operand is a scalar", ""},
		{"log_softmax", f32Types(ir.NS(2)), ir.Attrs{attr("axis", 2)}, "log_softmax has no axis 2", ""},
		{"cross_entropy", []ir.Type{f32(ir.NS(10)), f32(ir.NS())}, nil, "cross_entropy wants i32 for label, not f32[N]", "class[C]"},
		{"cross_entropy", []ir.Type{f32(ir.NS(10)), i32(ir.NS(10))}, nil, "wants i32[N] for label, not i32[N,10]", "the 10 classes"},
		{"cross_entropy", []ir.Type{f32(ir.NS()), i32(nil)}, nil, "a score for each class in the last axis, but its logits are f32[N]", "dense(C)"},
		{"accuracy", []ir.Type{f32(ir.S(1<<24 + 1)), i32(nil)}, nil, "accuracy has 16777217 classes; the limit is 16777216", ""},
		{"mse", f32Types(ir.NS(1), ir.NS()), nil, "mse wants operands of one shape, not f32[N,1] and f32[N]", "reshape"},
		{"mse", []ir.Type{f32(ir.NS()), i32(ir.NS())}, nil, "mse wants f32 for target, not i32[N]", "cross_entropy"},
		{"expand", f32Types(ir.S(2), ir.NS(3)), ir.Attrs{attr("axes", []int{0})}, "expand cannot make [N,3] of f32[2]", ""},
		{"global_avg_pool", f32Types(ir.NS(5)), nil, "wants an image f32[N,H,W,C], but its input is f32[N,5]", "reduce_mean"},
		{"no_such", nil, nil, "no operator is called no_such", ""},
		{"relu", f32Types(nil), ir.Attrs{attr("slope", 1)}, "no attribute is called slope", ""},
	} {
		f := ir.NewFunc("f", ir.Symbol{Name: "N"})
		b := &Builder{Module: &ir.Module{}, Func: f}
		var args []*ir.Value
		for _, typ := range c.args {
			args = append(args, f.Input("x", typ, b.Pos))
		}
		_, err := b.Op(c.kind, "y", args, c.attrs...)
		if err == nil {
			t.Errorf("%s%v %v: no error; want one with %q", c.kind, c.args, c.attrs, c.err)
			continue
		}
		if !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s%v %v: error\n\t%s\nwant one with\n\t%s", c.kind, c.args, c.attrs, err, c.err)
		}
		var note *Note
		if errors.As(err, &note); c.note != "" && (note == nil || !strings.Contains(note.Note, c.note)) {
			t.Errorf("%s%v %v: %s: note %v; want one with %q", c.kind, c.args, c.attrs, err, note, c.note)
		}
		if note != nil && note.Note == "" {
			t.Errorf("%s: an empty note", err)
		}
		if len(f.Ops) != 0 {
			t.Errorf("%s: the operator was added nonetheless", err)
		}
	}
}

// TestVerify breaks a sound module in one place after another.
func TestVerify(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(op *ir.Op)
		err   string
	}{
		{"nothing", func(op *ir.Op) {}, ""},
		{"kind", func(op *ir.Op) { op.Kind = "no_such" }, "no operator is called no_such"},
		{"arity", func(op *ir.Op) { op.Args = nil }, "takes 1 operands, not 0"},
		{"missing attribute", func(op *ir.Op) { op.Attrs = op.Attrs[:1] }, "it has 1 attributes, not 2"},
		{"attribute order", func(op *ir.Op) { op.Attrs = ir.Attrs{op.Attrs[1], op.Attrs[0]} }, "attribute 0 is keep_dims, not axes"},
		{"attribute type", func(op *ir.Op) { op.Attrs = ir.Attrs{{Name: "axes", Value: 1}, op.Attrs[1]} }, "attribute axes is int, not []int"},
		{"attribute value", func(op *ir.Op) { op.Attrs = ir.Attrs{{Name: "axes", Value: []int{5}}, op.Attrs[1]} }, "no axis 5"},
		{"result type", func(op *ir.Op) { op.Results[0].Type = ir.T(ir.F32, ir.NS(2)) }, "its results are [f32[N,2]], but should be [f32[N]]"},
		{"result count", func(op *ir.Op) { op.Results = nil }, "its results are [], but should be [f32[N]]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := ir.NewFunc("infer", ir.Symbol{Name: "N"})
			m := &ir.Module{Name: "m", Funcs: []*ir.Func{f}}
			b := &Builder{Module: m, Func: f}
			x := f.Input("x", ir.T(ir.F32, ir.NS(3)), b.Pos)
			b.Must("reduce_sum", "y", []*ir.Value{x}, ir.Attr{Name: "axes", Value: []int{1}})
			c.spoil(f.Ops[0])
			err := Verify(m)
			switch {
			case c.err == "" && err != nil:
				t.Error(err)
			case c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)):
				t.Errorf("error %v; want one with %q", err, c.err)
			}
		})
	}
}

// TestEvalFuncErrors gives the evaluation too little.
func TestEvalFuncErrors(t *testing.T) {
	f := ir.NewFunc("infer", ir.Symbol{Name: "N"})
	b := &Builder{Module: &ir.Module{}, Func: f}
	x := f.Input("x", ir.T(ir.F32, ir.NS(3)), b.Pos)
	f.Return("y", b.apply("relu", x))
	if _, err := EvalFunc(f, nil, 2); err == nil || !strings.Contains(err.Error(), "no value is given for x") {
		t.Errorf("missing input: %v", err)
	}
	if _, err := EvalFunc(f, map[*ir.Value]*Tensor{x: NewTensor(ir.F32, 3, 3)}, 2); err == nil || !strings.Contains(err.Error(), "is not a f32[N,3] for a batch of 2") {
		t.Errorf("wrong batch: %v", err)
	}
	y, err := EvalFunc(f, map[*ir.Value]*Tensor{x: {Elem: ir.F32, Shape: []int{1, 3}, Data: []float64{-1, 0, 2}}}, 1)
	if err != nil || len(y) != 1 || y[0].Data[0] != 0 || y[0].Data[2] != 2 {
		t.Errorf("relu of -1, 0, 2 is %v, %v", y, err)
	}
}
