package ops

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// trained is an optimizer's nest over an arena of 37 parameters, which the interpreter runs step by step.
type trained struct {
	f     *loop.Func
	mem   loop.Memory
	sizes map[string]int
}

func newTrained(t *testing.T, kind string, attrs ir.Attrs, w []float32) *trained {
	t.Helper()
	f := &loop.Func{Name: "train", Symbols: []ir.Symbol{{Name: "P"}}}
	full, err := Complete(Lookup(kind).Attrs, attrs)
	if err != nil {
		t.Fatal(err)
	}
	if err := NewLowering(f, map[*ir.Value]*loop.Buffer{}).Run(&ir.Op{Kind: kind, Attrs: full}); err != nil {
		t.Fatal(err)
	}
	for _, s := range Lookup(kind).States(full) {
		if f.Buffer("$state."+s) == nil {
			t.Fatalf("%s declares the state %s, but its nest does not use it", kind, s)
		}
	}
	if len(f.Nests) != 1 || f.Nests[0].Form != loop.Map || f.Nests[0].Name != kind {
		t.Fatalf("%s lowers to\n%s\nnot to one map of its name", kind, f)
	}
	r := &trained{f: f, sizes: map[string]int{"P": len(w)}}
	if r.mem, err = loop.NewMemory(f, r.sizes); err != nil {
		t.Fatal(err)
	}
	r.set("$weight", w...)
	return r
}

func (r *trained) set(name string, x ...float32) {
	r.mem.SetFloats(r.f.Buffer(name), r.sizes, x)
}

func (r *trained) get(name string) []float32 { return r.mem.Floats(r.f.Buffer(name), r.sizes) }

func (r *trained) step(t *testing.T, lr float64, g []float32) {
	t.Helper()
	r.set("$lr", float32(lr))
	r.set("$grad", g...)
	if err := loop.Run(r.f, r.sizes, r.mem); err != nil {
		t.Fatalf("%v\n%s", err, r.f)
	}
}

// compare runs ten steps with random gradients beside a rule in float64: rule changes one parameter and its state in step t from 1.
func (r *trained) compare(t *testing.T, power []float64, rule func(t int, w, lr, g float64, state []float64) float64) {
	t.Helper()
	rng := rand.New(rand.NewPCG(1, 2))
	var w []float64
	for _, x := range r.get("$weight") {
		w = append(w, float64(x))
	}
	state := make([][]float64, len(w))
	for i := range state {
		state[i] = make([]float64, 2)
	}
	g := make([]float32, len(w))
	for s := 1; s <= 10; s++ {
		lr := 0.1 / float64(s)
		for i := range g {
			g[i] = float32(rng.NormFloat64())
			w[i] = rule(s, w[i], lr, float64(g[i]), state[i])
		}
		for i, b := range power {
			r.set([]string{"$beta1_power", "$beta2_power"}[i], float32(math.Pow(b, float64(s))))
		}
		r.step(t, lr, g)
		for i, x := range r.get("$weight") {
			if !near(float64(x), w[i], 1e-4, 1e-5) {
				t.Fatalf("step %d, parameter %d: %g, want %g\n%s", s, i, x, w[i], r.f)
			}
		}
	}
}

func startWeights() []float32 {
	w := make([]float32, 37)
	for i := range w {
		w[i] = float32(i-18) / 7
	}
	return w
}

func TestSGD(t *testing.T) {
	for _, c := range []struct {
		momentum float64
		nesterov bool
	}{{0, false}, {0.9, false}, {0.5, true}} {
		r := newTrained(t, "sgd", ir.Attrs{{Name: "momentum", Value: c.momentum}, {Name: "nesterov", Value: c.nesterov}}, startWeights())
		r.compare(t, nil, func(_ int, w, lr, g float64, v []float64) float64 {
			v[0] = c.momentum*v[0] + g
			if c.nesterov {
				return w - lr*(g+c.momentum*v[0])
			}
			return w - lr*v[0]
		})
	}
}

func TestAdam(t *testing.T) {
	for _, c := range []struct{ beta1, beta2, eps float64 }{{0.9, 0.999, 1e-8}, {0.5, 0.9, 1e-2}, {0, 0.99, 1e-6}} {
		r := newTrained(t, "adam", ir.Attrs{{Name: "beta1", Value: c.beta1}, {Name: "beta2", Value: c.beta2}, {Name: "eps", Value: c.eps}}, startWeights())
		r.compare(t, []float64{c.beta1, c.beta2}, func(step int, w, lr, g float64, s []float64) float64 {
			s[0] = c.beta1*s[0] + (1-c.beta1)*g
			s[1] = c.beta2*s[1] + (1-c.beta2)*g*g
			mean := s[0] / (1 - math.Pow(c.beta1, float64(step)))
			square := s[1] / (1 - math.Pow(c.beta2, float64(step)))
			return w - lr*mean/(math.Sqrt(square)+c.eps)
		})
	}
}

// TestOptimizerRecorded compares three steps with numbers worked out by hand: w = 1, gradients 0.5, -0.25, 1, rate 0.1.
func TestOptimizerRecorded(t *testing.T) {
	for _, c := range []struct {
		kind  string
		attrs ir.Attrs
		want  []float64
	}{
		// v = 0.5, 0.2, 1.18
		{"sgd", ir.Attrs{{Name: "momentum", Value: 0.9}}, []float64{0.95, 0.93, 0.812}},
		// g + 0.9v = 0.95, -0.07, 2.062
		{"sgd", ir.Attrs{{Name: "momentum", Value: 0.9}, {Name: "nesterov", Value: true}}, []float64{0.905, 0.912, 0.7058}},
		// The first step of adam is the rate against the gradient's sign.
		{"adam", nil, []float64{0.9}},
	} {
		r := newTrained(t, c.kind, c.attrs, []float32{1})
		if c.kind == "adam" {
			r.set("$beta1_power", 0.9)
			r.set("$beta2_power", 0.999)
		}
		for i, w := range c.want {
			r.step(t, 0.1, []float32{[]float32{0.5, -0.25, 1}[i]})
			if got := r.get("$weight")[0]; !near(float64(got), w, 0, 1e-5) {
				t.Errorf("%s%v, step %d: %g, want %g", c.kind, c.attrs, i+1, got, w)
			}
		}
	}
}
