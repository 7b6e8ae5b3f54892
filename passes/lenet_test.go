package passes

import (
	"testing"

	"github.com/dlc-ml/dlc/diag"
	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/ops"
)

// modelBuilder builds test models the way the language does.
type modelBuilder struct {
	t    *testing.T
	m    *ir.Module
	line int
}

// layer applies a layer or operator by name; params are made in the first function that is built and found again in the others.
func (mb *modelBuilder) layer(f *ir.Func, scope, kind string, x *ir.Value, attrs ...ir.Attr) *ir.Value {
	mb.t.Helper()
	mb.line++
	pos := diag.Pos{File: "lenet.dl", Line: mb.line, Col: 3}
	o := ops.Lookup(kind)
	if o == nil {
		mb.t.Fatalf("no operator %s", kind)
	}
	b := &ops.Builder{Module: mb.m, Func: f, Pos: pos, Scope: scope}
	if o.Layer == nil {
		v, err := b.Op(kind, scope, []*ir.Value{x}, attrs...)
		if err != nil {
			mb.t.Fatal(err)
		}
		return v
	}
	full, err := ops.Complete(o.Layer.Attrs, attrs)
	if err != nil {
		mb.t.Fatal(err)
	}
	results, err := o.Layer.Build(b, []*ir.Value{x}, full)
	if err != nil {
		mb.t.Fatal(err)
	}
	return results[0]
}

func (mb *modelBuilder) op(f *ir.Func, name, kind string, args []*ir.Value, attrs ...ir.Attr) *ir.Value {
	mb.t.Helper()
	b := &ops.Builder{Module: mb.m, Func: f, Pos: diag.Pos{File: "lenet.dl", Line: 20, Col: 1}}
	v, err := b.Op(kind, name, args, attrs...)
	if err != nil {
		mb.t.Fatal(err)
	}
	return v
}

// lenet is the network of examples/digits, smaller by the given number of filters, with function train only or infer only.
func lenet(t *testing.T, fn string, side, c1, c2, hidden int) *ir.Module {
	t.Helper()
	mb := &modelBuilder{t: t, m: &ir.Module{Name: "lenet"}}
	f := ir.NewFunc(fn, ir.Symbol{Name: "N"})
	mb.m.Funcs = append(mb.m.Funcs, f)
	x := f.Input("image", ir.T(ir.F32, ir.NS(side, side, 1)), diag.Pos{File: "lenet.dl", Line: 1, Col: 1})
	var label *ir.Value
	if fn != ir.FuncInfer {
		label = f.Input("label", ir.T(ir.I32, ir.NS()), diag.Pos{File: "lenet.dl", Line: 1, Col: 9})
	}
	for i, c := range []int{c1, c2} {
		scope := []string{"c1", "c2"}[i]
		x = mb.layer(f, scope, "conv2d", x, ir.Attr{Name: "filters", Value: c}, ir.Attr{Name: "kernel", Value: 5})
		x = mb.layer(f, scope+"r", "relu", x)
		x = mb.layer(f, scope+"p", "max_pool", x, ir.Attr{Name: "size", Value: 2})
	}
	x = mb.layer(f, "flat", "flatten", x)
	x = mb.layer(f, "hidden", "dense", x, ir.Attr{Name: "units", Value: hidden})
	x = mb.layer(f, "hiddenr", "relu", x)
	x = mb.layer(f, "logits", "dense", x, ir.Attr{Name: "units", Value: 10})
	if fn == ir.FuncInfer {
		f.Return("logits", x)
		f.Return("probs", mb.op(f, "probs", "softmax", []*ir.Value{x}))
		return mb.m
	}
	f.Return("loss", mb.op(f, "loss", "cross_entropy", []*ir.Value{x, label}))
	f.Return("accuracy", mb.op(f, "accuracy", "accuracy", []*ir.Value{x, label}))
	mb.m.Train = &ir.Training{
		Data:      []ir.Call{{Name: "mnist"}},
		Optimizer: ir.Call{Name: "sgd", Attrs: ir.Attrs{{Name: "lr", Value: 0.1}, {Name: "momentum", Value: 0.9}}, Pos: diag.Pos{File: "lenet.dl", Line: 30, Col: 5}},
		Batch:     64, Epochs: 1,
	}
	return mb.m
}
