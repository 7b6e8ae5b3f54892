package passes

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/dlc-ml/dlc/diag"
	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
	"github.com/dlc-ml/dlc/ir/ops"
	"github.com/dlc-ml/dlc/passes/autodiff"
	"github.com/dlc-ml/dlc/passes/fusion"
	"github.com/dlc-ml/dlc/passes/lower"
	"github.com/dlc-ml/dlc/passes/pass"
	"github.com/dlc-ml/dlc/passes/simplify"
)

// before runs the pipeline up to the loop program that fusion gets.
func before(t *testing.T, m *ir.Module) *pass.Unit {
	t.Helper()
	u := &pass.Unit{Module: m}
	for _, p := range []pass.Pass{simplify.Pass, autodiff.Pass, lower.Pass} {
		if err := p.Run(u, &pass.Config{}); err != nil {
			t.Fatalf("%s: %v", p.Name, err)
		}
	}
	return u
}

// result runs the only function of u and returns what a caller sees.
func result(t *testing.T, u *pass.Unit, n int) [][]uint32 {
	t.Helper()
	b := newBench(t, u, u.Loops[0], n, 5)
	if err := loop.Run(u.Loops[0], b.sizes, b.mem); err != nil {
		t.Fatalf("%v\n%s", err, u.Loops[0])
	}
	return b.outcome()
}

// sameBits fuses u, checks it and compares its results with those of the program as it was.
func sameBits(t *testing.T, u *pass.Unit, n int) (nestsBefore, nestsAfter int) {
	t.Helper()
	source := u.Loops[0].String()
	want := result(t, u, n)
	nestsBefore = len(u.Loops[0].Nests)
	if err := fusion.Pass.Run(u, &pass.Config{}); err != nil {
		t.Fatal(err)
	}
	if err := loop.Verify(u.Loops[0]); err != nil {
		t.Fatalf("%v\n%s", err, u.Loops[0])
	}
	got := result(t, u, n)
	for k := range want {
		for i := range want[k] {
			if want[k][i] != got[k][i] {
				t.Fatalf("batch %d: result %d element %d is %v, not %v\nbefore:\n%s\nafter:\n%s", n, k, i,
					math.Float32frombits(got[k][i]), math.Float32frombits(want[k][i]), source, u.Loops[0])
			}
		}
	}
	return nestsBefore, len(u.Loops[0].Nests)
}

// TestFusionLeNet checks fusion on the tutorial's network: no bit changes, and what must be fused is.
func TestFusionLeNet(t *testing.T) {
	for _, c := range []struct {
		fn   string
		most int // nests after fusion
	}{{ir.FuncInfer, 11}, {ir.FuncEval, 15}, {ir.FuncTrain, 34}} {
		for _, n := range []int{1, 3} {
			t.Run(fmt.Sprintf("%s/%d", c.fn, n), func(t *testing.T) {
				before, after := sameBits(t, before(t, lenet(t, c.fn, 16, 3, 4, 6)), n)
				if after > c.most || after >= before {
					t.Errorf("%d nests became %d; at most %d should be left", before, after, c.most)
				}
			})
		}
	}
}

// TestFusionRandom checks fusion on random networks and their training steps.
func TestFusionRandom(t *testing.T) {
	fused := 0
	for seed := range uint64(150) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 99))
			b, a := sameBits(t, before(t, randomNet(t, r)), 1+r.IntN(3))
			fused += b - a
		})
	}
	if fused < 1000 {
		t.Errorf("only %d nests were fused in all networks: the test shows little", fused)
	}
}

// TestSimplifyRandom checks that simplify changes no bit of a random network's results, and that it does something.
func TestSimplifyRandom(t *testing.T) {
	rewrites := 0
	for seed := range uint64(150) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			run := func(list ...pass.Pass) [][]uint32 {
				u := &pass.Unit{Module: randomNet(t, rand.New(rand.NewPCG(seed, 7)))}
				cfg := &pass.Config{}
				for _, p := range list {
					if err := p.Run(u, cfg); err != nil {
						t.Fatal(err)
					}
				}
				rewrites += cfg.Rewrites
				return result(t, u, 2)
			}
			want, got := run(lower.Pass), run(simplify.Pass, lower.Pass)
			for k := range want {
				for i := range want[k] {
					if want[k][i] != got[k][i] {
						t.Fatalf("result %d element %d is %v, not %v", k, i, math.Float32frombits(got[k][i]), math.Float32frombits(want[k][i]))
					}
				}
			}
		})
	}
	if rewrites < 200 {
		t.Errorf("only %d rewrites in all networks: the test shows little", rewrites)
	}
}

// randomNet makes a network of random operators over images, which branch and meet again, with a loss over all that is left over.
func randomNet(t *testing.T, r *rand.Rand) *ir.Module {
	t.Helper()
	g := &netMaker{t: t, r: r, m: &ir.Module{Name: "net"}}
	g.f = ir.NewFunc(ir.FuncTrain, ir.Symbol{Name: "N"})
	g.m.Funcs = []*ir.Func{g.f}
	image := g.f.Input("image", ir.T(ir.F32, ir.NS(3+r.IntN(4), 3+r.IntN(4), 1+r.IntN(3))), diag.Pos{})
	g.values = []*ir.Value{g.must("mul", image, g.param(image.Type.Shape[3].Size))}
	for range 4 + r.IntN(6) {
		g.step()
	}
	// The loss is the mean of squares of the last value and of one more.
	loss := g.scalar(g.values[len(g.values)-1])
	loss = g.must("add", loss, g.scalar(g.any()))
	g.f.Return("loss", loss)
	g.f.Return("extra", g.any())
	g.m.Train = randomTraining(r)
	return g.m
}

// randomTraining chooses an optimizer and some of what goes with it.
func randomTraining(r *rand.Rand) *ir.Training {
	var names []string
	for _, o := range ops.All() {
		if o.Category == "optimizer" {
			names = append(names, o.Name)
		}
	}
	t := &ir.Training{Data: []ir.Call{{Name: "x"}}, Optimizer: ir.Call{Name: names[r.IntN(len(names))]}, Batch: 2, Epochs: 1}
	pattern := ir.Attr{Name: "pattern", Value: "w[1-3]"}
	if r.IntN(4) == 0 {
		t.Optimizer.Attrs = ir.Attrs{{Name: "clip_norm", Value: 0.1}, {Name: "weight_decay", Value: 0.01}}
	}
	if r.IntN(4) == 0 {
		t.Rules = append(t.Rules, ir.Call{Name: "rate", Attrs: ir.Attrs{pattern, {Name: "factor", Value: 0.5}}})
	}
	if r.IntN(4) == 0 {
		t.Rules = append(t.Rules, ir.Call{Name: "max_norm", Attrs: ir.Attrs{pattern, {Name: "limit", Value: 0.5}}})
	}
	if r.IntN(4) == 0 {
		t.Average = []ir.Call{{Name: "ema", Attrs: ir.Attrs{{Name: "decay", Value: 0.9}}}}
	}
	if r.IntN(4) == 0 {
		t.Accumulate = 2
	}
	return t
}

type netMaker struct {
	t      *testing.T
	r      *rand.Rand
	m      *ir.Module
	f      *ir.Func
	values []*ir.Value
	params int
}

func (g *netMaker) any() *ir.Value { return g.values[g.r.IntN(len(g.values))] }

func (g *netMaker) op(kind string, args []*ir.Value, attrs ...ir.Attr) (*ir.Value, error) {
	b := &ops.Builder{Module: g.m, Func: g.f, Pos: diag.Pos{File: "net.dl", Line: len(g.f.Ops) + 1, Col: 1}}
	return b.Op(kind, kind, args, attrs...)
}

func (g *netMaker) must(kind string, args ...*ir.Value) *ir.Value {
	g.t.Helper()
	v, err := g.op(kind, args)
	if err != nil {
		g.t.Fatal(err)
	}
	return v
}

func (g *netMaker) scalar(x *ir.Value) *ir.Value {
	axes := make([]int, len(x.Type.Shape))
	for i := range axes {
		axes[i] = i
	}
	v, err := g.op("reduce_mean", []*ir.Value{g.must("square", x)}, ir.Attr{Name: "axes", Value: axes})
	if err != nil {
		g.t.Fatal(err)
	}
	return v
}

func (g *netMaker) param(dims ...int) *ir.Value {
	g.params++
	b := &ops.Builder{Module: g.m, Func: g.f}
	v, err := b.Param(fmt.Sprintf("w%d", g.params), ir.T(ir.F32, ir.S(dims...)), ir.Init{Kind: "zeros"})
	if err != nil {
		g.t.Fatal(err)
	}
	return v
}

// step appends one random operator where it fits.
func (g *netMaker) step() {
	x := g.any()
	if g.r.IntN(2) == 0 {
		x = g.values[len(g.values)-1]
	}
	s := x.Type.Shape
	last := s[len(s)-1]
	ints := func(name string, v ...int) ir.Attr { return ir.Attr{Name: name, Value: v} }
	var v *ir.Value
	var err error
	switch k := g.r.IntN(18); {
	case k == 14:
		v, err = g.op("neg", []*ir.Value{g.must("neg", x)})
	case k == 15:
		kind := []string{"mul", "div", "sub", "add"}[g.r.IntN(4)]
		c, _ := g.op("constant", nil, ir.Attr{Name: "value", Value: float64(g.r.IntN(2))})
		if one, _ := g.op("constant", nil, ir.Attr{Name: "value", Value: 1.0}); kind == "div" {
			c = one
		}
		v, err = g.op(kind, []*ir.Value{x, g.must("mul", c, c)})
	case k == 16 && len(s) == 4:
		perm := ints("perm", [][]int{{0, 2, 1, 3}, {0, 3, 1, 2}, {0, 1, 3, 2}}[g.r.IntN(3)]...)
		if v, err = g.op("transpose", []*ir.Value{x}, perm); err == nil {
			v, err = g.op("transpose", []*ir.Value{v}, perm)
		}
	case k == 17:
		if v, err = g.op("reshape", []*ir.Value{x}, ints("shape", -1, 1)); err == nil {
			v, err = g.op("reshape", []*ir.Value{v}, ints("shape", 1, -1))
		}
	case k < 4 && len(s) == 4:
		side, filters := 1+g.r.IntN(3), 1+g.r.IntN(4)
		args := []*ir.Value{x, g.param(side, side, last.Size, filters), g.param(filters)}
		pad := ir.Attr{Name: "padding", Value: []string{"valid", "same"}[g.r.IntN(2)]}
		v, err = g.op("conv2d", args, pad, ints("stride", 1+g.r.IntN(2)))
	case k < 7 && len(s) == 4:
		size := 1 + g.r.IntN(3)
		v, err = g.op([]string{"max_pool", "avg_pool"}[g.r.IntN(2)], []*ir.Value{x}, ints("size", size), ints("stride", 1+g.r.IntN(size)))
	case k == 7 && len(s) > 2:
		v, err = g.op("flatten", []*ir.Value{x})
	case k == 8 && len(s) == 2:
		n := 1 + g.r.IntN(6)
		v, err = g.op("dense", []*ir.Value{x, g.param(last.Size, n), g.param(n)})
	case k == 9:
		v, err = g.op([]string{"softmax", "log_softmax"}[g.r.IntN(2)], []*ir.Value{x})
	case k == 10:
		v, err = g.op("mul", []*ir.Value{x, g.param(last.Size)})
	case k == 11:
		for _, y := range g.values {
			if y != x && y.Type.Equal(x.Type) {
				v, err = g.op([]string{"add", "mul", "sub", "max"}[g.r.IntN(4)], []*ir.Value{x, y})
				break
			}
		}
	default:
		v, err = g.op([]string{"relu", "tanh", "sigmoid", "square", "neg", "abs"}[g.r.IntN(6)], []*ir.Value{x})
	}
	// What does not fit the shape is left out.
	if err == nil && v != nil {
		g.values = append(g.values, v)
	}
}
