package ir

import (
	"strings"
	"testing"

	"github.com/dlc-ml/dlc/diag"
)

func small() *Module {
	m := &Module{Name: "m", Params: []*Param{{Name: "w", Type: T(F32, S(2)), Init: Init{Kind: "ones"}}}}
	f := NewFunc("infer", Symbol{Name: "N"})
	x := f.Input("x", T(F32, NS(2)), diag.Pos{})
	a := f.Append("add", "a", []*Value{x, f.ParamValue(m.Params[0])}, nil, []Type{x.Type}, diag.Pos{File: "m.dl", Line: 3, Col: 4})
	b := f.Append("relu", "b", a.Results, Attrs{{"k", 1}}, []Type{x.Type}, diag.Pos{})
	f.Return("y", b.Results[0])
	m.Funcs = append(m.Funcs, f)
	m.Train = &Training{Data: []Call{{Name: "mnist"}}, Optimizer: Call{Name: "sgd"}, Batch: 4, Epochs: 1}
	return m
}

func TestVerify(t *testing.T) {
	if err := Verify(small()); err != nil {
		t.Fatal(err)
	}
	if err := Verify(nil); err == nil {
		t.Error("a nil module passes")
	}
	for _, c := range []struct {
		spoil func(m *Module, f *Func)
		want  string
	}{
		{func(m *Module, f *Func) { f.Ops[0], f.Ops[1] = f.Ops[1], f.Ops[0] }, "%a is used before it is defined"},
		{func(m *Module, f *Func) { f.Ops = f.Ops[:1] }, "result y: %b is used before"},
		{func(m *Module, f *Func) { f.Ops[1].Results[0].Name = "a" }, "%a is defined twice"},
		{func(m *Module, f *Func) { f.Ops[1].Results[0].Def = f.Ops[0] }, "does not point back"},
		{func(m *Module, f *Func) { f.Ops[1].Results[0].Index = 1 }, "does not point back"},
		{func(m *Module, f *Func) { f.Symbols = nil }, "uses symbol N, which is not declared"},
		{func(m *Module, f *Func) { f.Symbols = append(f.Symbols, Symbol{Name: "N"}) }, "symbol N is declared twice"},
		{func(m *Module, f *Func) { m.Params = nil }, "m.dl:3:4: add: parameter @w does not belong to the module"},
		{func(m *Module, f *Func) { f.Ops[0].Args[1] = &Value{Name: "w", Type: T(F32, S(3)), Param: m.Params[0]} }, "disagrees"},
		{func(m *Module, f *Func) {
			f.Ops[1].Args = append(f.Ops[1].Args, &Value{Name: "w", Type: T(F32, S(2)), Param: m.Params[0]})
		}, "second value"},
		{func(m *Module, f *Func) { f.Inputs[0].Type = T(F32, NS(1<<20, 1<<20)) }, "more than"},
		{func(m *Module, f *Func) { f.Inputs[0].Type = T(F32, Shape{Batch, Batch}) }, "two symbolic"},
		{func(m *Module, f *Func) { f.Inputs[0].Type = T(F32, NS(-2)) }, "negative extent"},
		{func(m *Module, f *Func) { f.Inputs[0].Type.Elem = 77 }, "does not exist"},
		{func(m *Module, f *Func) { f.Results[0].Value = nil }, "a value is missing"},
		{func(m *Module, f *Func) { f.Return("y", f.Inputs[0]) }, "two results are called y"},
		{func(m *Module, f *Func) { f.Ops[1].Attrs[0].Value = int64(1) }, "attribute k has Go type int64"},
		{func(m *Module, f *Func) { m.Funcs = append(m.Funcs, NewFunc("infer")) }, "two functions are called infer"},
		{func(m *Module, f *Func) { m.Params = append(m.Params, m.Params[0]) }, "two parameters are called @w"},
		{func(m *Module, f *Func) { m.Params[0].Init.Kind = "random" }, "starts as \"random\""},
		{func(m *Module, f *Func) { m.Train.Batch = 0 }, "a batch of 0"},
	} {
		m := small()
		c.spoil(m, m.Funcs[0])
		if err := Verify(m); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want %q", err, c.want)
		}
	}
}
