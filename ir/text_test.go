package ir

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/dlc-ml/dlc/diag"
)

// sameModule compares everything that Print must keep. An empty list is as good as none.
var sameModule = cmp.Options{
	cmpopts.IgnoreUnexported(Func{}), cmpopts.EquateEmpty(), cmp.Comparer(func(a, b float64) bool {
		return math.Float64bits(a) == math.Float64bits(b) || a != a && b != b
	}),
}

const example = `module digits

param @conv.weight: f32[5,5,1,10] = uniform(0.2) trainable // digits.dl:9:13
param @"odd name": f32[] = zeros

func infer[N, T<=128](
  %image: f32[N,28,28,1], // digits.dl:2:11
  %1: i32[3"e5",0]
) -> (logits: f32[N,24,24,10], w: f32[5,5,1,10]) {
  %c = conv2d %image, @conv.weight {stride=[1,1], rate=2.0, exact=2, on=true, mode="va\"lid", f=[1.0,-0.0,inf], e=floats[], n=[]} : f32[N,24,24,10] // digits.dl:9:13
  %a, %b = "return" %c : f32[N,24,24,10], f32[] // digits.dl:10:1; digits.dl:10:1, "a;b, c:":7:8
  sgd @conv.weight, %b {rate=1e-05}
  barrier
  return %a, @conv.weight
}

train {
  data mnist {split="train", validation=0.2} // digits.dl:20:5
  data scale {factor=0.00392156862745098}
  optimizer sgd {lr=0.1}
  schedule step {every=3}
  batch 64
  epochs 20
  seed -1
}
`

func TestExample(t *testing.T) {
	m, err := Parse("example.ir", []byte(example))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(example, Print(m)); d != "" {
		t.Errorf("parse and print changed the text:\n%s", d)
	}
	f := m.Func("infer")
	if got, want := f.Ops[0].Attrs.Float("rate"), 2.0; got != want {
		t.Errorf("rate is %v", got)
	}
	if got := f.Ops[0].Attrs.Int("exact"); got != 2 {
		t.Errorf("exact is %v", got)
	}
	if got, want := f.Ops[1].Results[1].Pos, (diag.Pos{File: "a;b, c:", Line: 7, Col: 8}); got != want {
		t.Errorf("position of %%b is %v, want %v", got, want)
	}
	if f.Results[1].Value != f.ParamValue(m.Params[0]) {
		t.Error("the parameter has two values")
	}
	if got := f.NewOp("x", "c", nil, nil, []Type{T(F32, nil)}, diag.Pos{}).Results[0].Name; got != "c_2" {
		t.Errorf("a new value c is called %s", got)
	}
}

// genModule makes any module that the text form must keep, sensible or not.
func genModule(t *rapid.T) *Module {
	name := rapid.OneOf(rapid.StringMatching(`[a-z_][a-z0-9_.]{0,6}`), rapid.String())
	pos := rapid.Custom(func(t *rapid.T) diag.Pos {
		if rapid.Bool().Draw(t, "nopos") {
			return diag.Pos{}
		}
		return diag.Pos{File: name.Draw(t, "file"), Line: rapid.IntRange(1, 999).Draw(t, "line"), Col: rapid.IntRange(0, 99).Draw(t, "col")}
	})
	typ := rapid.Custom(func(t *rapid.T) Type {
		s := make(Shape, rapid.IntRange(0, 3).Draw(t, "rank"))
		for i := range s {
			s[i].Size = rapid.IntRange(0, MaxElems).Draw(t, "size")
			s[i].Sym = rapid.SampledFrom([]string{"", "N", "e5", "x1", "a b", "T"}).Draw(t, "sym")
		}
		return T(DType(rapid.IntRange(1, 4).Draw(t, "elem")), s)
	})
	scalar := rapid.OneOf(rapid.Map(rapid.Int(), toAny[int]), rapid.Map(rapid.Float64(), toAny[float64]), rapid.Map(rapid.Bool(), toAny[bool]),
		rapid.Map(rapid.String(), toAny[string]), rapid.Map(rapid.SliceOf(rapid.Int()), toAny[[]int]),
		rapid.Map(rapid.SliceOf(rapid.Float64()), toAny[[]float64]),
		rapid.SampledFrom([]any{math.Inf(1), math.Inf(-1), math.NaN(), math.Copysign(0, -1), []float64{}, []float64{math.NaN()}, 5e-324}))
	attrs := func() Attrs {
		var list Attrs
		for _, n := range rapid.SliceOfNDistinct(name, 0, 3, rapid.ID).Draw(t, "attrs") {
			list = append(list, Attr{n, scalar.Draw(t, "value")})
		}
		return list
	}
	m := &Module{Name: name.Draw(t, "module")}
	for _, n := range rapid.SliceOfNDistinct(name, 0, 3, rapid.ID).Draw(t, "params") {
		m.Params = append(m.Params, &Param{n, typ.Draw(t, "type"), Init{name.Draw(t, "init"), rapid.Float64().Draw(t, "scale"), rapid.Float64().Draw(t, "mean")}, rapid.Bool().Draw(t, "trainable"), pos.Draw(t, "pos")})
	}
	for _, n := range rapid.SliceOfNDistinct(name, 0, 2, rapid.ID).Draw(t, "funcs") {
		f := NewFunc(n)
		for _, s := range rapid.SliceOfNDistinct(name, 0, 2, rapid.ID).Draw(t, "symbols") {
			f.Symbols = append(f.Symbols, Symbol{s, rapid.IntRange(0, 1<<40).Draw(t, "max")})
		}
		var values []*Value
		for range rapid.IntRange(0, 3).Draw(t, "inputs") {
			values = append(values, f.Input(name.Draw(t, "input"), typ.Draw(t, "type"), pos.Draw(t, "pos")))
		}
		for _, p := range m.Params {
			values = append(values, f.ParamValue(p))
		}
		for range rapid.IntRange(0, 4).Draw(t, "ops") {
			var args []*Value
			if len(values) > 0 {
				args = rapid.SliceOfN(rapid.SampledFrom(values), 0, 3).Draw(t, "args")
			}
			op := f.Append(rapid.OneOf(name, rapid.Just("return")).Draw(t, "kind"), name.Draw(t, "name"), args, attrs(),
				rapid.SliceOfN(typ, 0, 2).Draw(t, "types"), pos.Draw(t, "pos"))
			for _, r := range op.Results {
				if rapid.IntRange(0, 5).Draw(t, "own") == 0 {
					r.Pos = pos.Draw(t, "pos")
				}
			}
			values = append(values, op.Results...)
		}
		if len(values) > 0 {
			for _, n := range rapid.SliceOfN(name, 0, 2).Draw(t, "results") {
				f.Return(n, rapid.SampledFrom(values).Draw(t, "result"))
			}
		}
		m.Funcs = append(m.Funcs, f)
	}
	call := func() Call { return Call{name.Draw(t, "call"), attrs(), pos.Draw(t, "pos")} }
	if rapid.Bool().Draw(t, "train") {
		m.Train = &Training{Data: []Call{call(), call()}, Optimizer: call(), Schedule: []Call{call()}, Batch: rapid.Int().Draw(t, "batch"),
			Rules: []Call{call()}, Average: []Call{call()}, Callbacks: []Call{call(), call()}, Accumulate: rapid.Int().Draw(t, "accumulate"),
			Epochs: rapid.Int().Draw(t, "epochs"), Seed: rapid.Int().Draw(t, "seed")}
	}
	return m
}

func toAny[T any](x T) any { return x }

func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := genModule(t)
		text := Print(m)
		back, err := Parse("x.ir", []byte(text))
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		if d := cmp.Diff(m, back, sameModule); d != "" {
			t.Fatalf("the module changed:\n%s\n%s", d, text)
		}
		if again := Print(back); again != text {
			t.Fatalf("the text changed:\n%s", cmp.Diff(text, again))
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(example))
	f.Add([]byte("module x func f() -> (a: f32[]) { %a = c {x=[1,2.5],y=-0.0} : f32[] return %a }"))
	f.Add([]byte("module x train { data d {a=nan} optimizer \"\" }"))
	f.Fuzz(func(t *testing.T, src []byte) {
		m, err := Parse("f.ir", src)
		if err != nil {
			return
		}
		Verify(m) // must not panic
		text := Print(m)
		back, err := Parse("f.ir", []byte(text))
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		if again := Print(back); again != text {
			t.Fatalf("got\n%s\nwant\n%s", again, text)
		}
	})
}

func TestParseErrors(t *testing.T) {
	head := "module m\nparam @w: f32[2] = ones\nfunc f(%x: f32[2]) -> (y: f32[2]) {\n"
	for _, c := range []struct{ src, want string }{
		{"modul m", `a.ir:1:1: expected "module"`},
		{"module m\nparam @w: f33[2] = ones", "a.ir:2:11: expected an element type"},
		{"module m\nparam @w: f32[99999999999] = ones", "a.ir:2:15: an extent must lie between"},
		{"module m\nparam @w: f32[] = ones\nparam @w: f32[] = ones", "a.ir:3:7: parameter @w is defined twice"},
		{"module m\nparam @w: f32[] = \"on", "a.ir:2:19: quotes are not closed"},
		{"module m\nfunc f[N,N]() -> () {}", "a.ir:2:10: symbol N is declared twice"},
		{head + "  %y = relu %z : f32[2]\n return %y }", "a.ir:4:13: %z is not defined before"},
		{head + "  %y = relu %y : f32[2]\n return %y }", "a.ir:4:13: %y is not defined before"},
		{head + "  %x = relu %x : f32[2]\n return %x }", "a.ir:4:3: %x is defined twice"},
		{head + "  %y = relu @v : f32[2]\n return %y }", "a.ir:4:13: no parameter @v"},
		{head + "  %y = relu %x : f32[3]\n return %y }", "a.ir:5:9: result y is declared f32[2] but has type f32[3]"},
		{head + "  %y = relu %x {a=1, a=2} : f32[2]\n return %y }", "a.ir:4:22: attribute a is given twice"},
		{head + "  %y = relu %x {a=99999999999999999999} : f32[2]\n return %y }", "a.ir:4:19: 99999999999999999999 does not fit"},
		{head + "  return %x", `a.ir:4:12: expected "}", found the end`},
		{"module m\n\x00", `a.ir:2:1: character '\x00' has no place`},
		{"module m train { batch 1 batch 2 }", "a.ir:1:26: batch is given twice"},
	} {
		_, err := Parse("a.ir", []byte(c.src))
		if err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%q\n got %v\nwant %s", c.src, err, c.want)
		}
	}
}
