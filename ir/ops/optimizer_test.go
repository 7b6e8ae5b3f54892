package ops

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// trained is an optimizer's nests over an arena, which the interpreter runs step by step.
type trained struct {
	f        *loop.Func
	mem      loop.Memory
	sizes    map[string]int
	steps    []StepScalar
	momentum float64
	t        int
}

// newTrained lowers an optimizer over 37 parameters or, with groups, over as many as these hold.
func newTrained(t *testing.T, kind string, attrs ir.Attrs, w []float32, groups ...ir.Group) *trained {
	t.Helper()
	o := Lookup(kind)
	f := &loop.Func{Name: "train", Symbols: []ir.Symbol{{Name: "P"}}}
	full, err := Complete(o.Attrs, attrs)
	if err != nil {
		t.Fatal(err)
	}
	grad := &ir.Value{Type: ir.T(ir.F32, ir.S(len(w)))}
	if _, err := o.Infer([]ir.Type{grad.Type}, full); err != nil {
		t.Fatal(err)
	}
	l := NewLowering(f, map[*ir.Value]*loop.Buffer{})
	l.Groups = groups
	if err := l.Run(&ir.Op{Kind: kind, Attrs: full, Args: []*ir.Value{grad}}); err != nil {
		t.Fatal(err)
	}
	for _, s := range o.States(full) {
		if f.Buffer("$state."+s) == nil {
			t.Fatalf("%s declares the state %s, but its nest does not use it", kind, s)
		}
	}
	r := &trained{f: f, sizes: map[string]int{"P": len(w)}}
	if o.Scalars != nil {
		r.steps = o.Scalars(full)
	}
	if o.Momentum != "" {
		r.momentum = full.Float(o.Momentum)
	}
	if r.mem, err = loop.NewMemory(f, r.sizes); err != nil {
		t.Fatal(err)
	}
	if n := len(r.get("$weight")); n > len(w) { // a length that is known is that of the whole arena
		w = append(w, make([]float32, n-len(w))...)
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
	r.t++
	for _, s := range r.steps {
		r.set("$"+s.Name, float32(s.At(r.t, r.momentum)))
	}
	if r.f.Buffer("$momentum") != nil {
		r.set("$momentum", float32(r.momentum))
	}
	if r.f.Buffer("$share") == nil {
		r.set("$grad", append(g, make([]float32, len(r.get("$grad"))-len(g))...)...)
	}
	r.set("$lr", float32(lr))
	if err := loop.Run(r.f, r.sizes, r.mem); err != nil {
		t.Fatalf("%v\n%s", err, r.f)
	}
}

// compare runs ten steps with random gradients beside the optimizer's rule. treat, where not nil, gives rate and decay of each element.
func (r *trained) compare(t *testing.T, o *Operator, attrs ir.Attrs, n int, treat func(i int) ir.Treatment) {
	t.Helper()
	rng := rand.New(rand.NewPCG(1, 2))
	full, _ := Complete(o.Attrs, attrs)
	var w []float64
	for _, x := range r.get("$weight")[:n] {
		w = append(w, float64(x))
	}
	kept := make([][3]float64, n)
	g, next := make([]float32, n), make([]float64, n)
	for s := 1; s <= 10; s++ {
		lr := 0.1 / float64(s)
		for i := range g {
			g[i] = float32(rng.NormFloat64())
		}
		factor := 1.0
		if c := full.Float("clip_norm"); c > 0 {
			factor = math.Min(1, c/(length(g)+1e-6))
		}
		for i := range g {
			a, rate := full, lr
			if treat != nil {
				tr := treat(i)
				rate *= tr.Factor()
				if tr.HasDecay {
					a = append(ir.Attrs{{Name: "weight_decay", Value: tr.Decay}}, full...)
				}
			}
			next[i] = o.Rule(a, float64(s), rate, w[i], factor*float64(g[i]), kept[i][:])
		}
		if o.ByNorm {
			ratio := 1.0
			if a, b := length(w), length(next); a > 0 && b > 0 {
				ratio = a / b
			}
			for i, u := range next {
				next[i] = w[i] - lr*ratio*u
			}
		}
		w = append(w[:0], next...)
		r.step(t, lr, g)
		for i, x := range r.get("$weight")[:n] {
			if !near(float64(x), w[i], 1e-4, 1e-5) {
				t.Fatalf("step %d, parameter %d: %g, want %g\n%s", s, i, x, w[i], r.f)
			}
		}
	}
}

// length is the root of the sum of squares.
func length[T float32 | float64](x []T) float64 {
	s := 0.0
	for _, v := range x {
		s += float64(v) * float64(v)
	}
	return math.Sqrt(s)
}

func startWeights() []float32 {
	w := make([]float32, 37)
	for i := range w {
		w[i] = float32(i-18) / 7
	}
	return w
}

// TestOptimizers compares the nests of every optimizer with its rule, for the attributes of every sample.
func TestOptimizers(t *testing.T) {
	for _, o := range All() {
		if o.Category != "optimizer" {
			continue
		}
		if o.Rule == nil || !(o.Rate > 0) {
			t.Errorf("%s has no rule, or no default rate", o.Name)
			continue
		}
		for _, s := range o.Samples {
			t.Run(fmt.Sprint(o.Name, s.Attrs), func(t *testing.T) {
				r := newTrained(t, o.Name, s.Attrs, startWeights())
				clipped := s.Attrs.Get("clip_norm") != nil
				if !o.ByNorm && !clipped && (len(r.f.Nests) != 1 || r.f.Nests[0].Form != loop.Map || r.f.Nests[0].Name != o.Name) {
					t.Fatalf("it lowers to\n%s\nnot to one map of its name", r.f)
				}
				r.compare(t, o, s.Attrs, 37, nil)
			})
		}
	}
}

// TestOptimizerGroups has three groups: as ever, at a tenth of the rate with decay, and with no decay, which adamw has of itself.
func TestOptimizerGroups(t *testing.T) {
	groups := []ir.Group{
		{Size: 256, Params: []ir.Span{{Offset: 0, Size: 256}}},
		{Offset: 256, Size: 512, Treatment: ir.Treatment{Rate: 0.1, Decay: 0.5, HasDecay: true}, Params: []ir.Span{{Offset: 256, Size: 512}}},
		{Offset: 768, Size: 256, Treatment: ir.Treatment{HasDecay: true}, Params: []ir.Span{{Offset: 768, Size: 256}}},
	}
	w := make([]float32, 1024)
	for i := range w {
		w[i] = float32(i%37-18) / 7
	}
	r := newTrained(t, "adamw", nil, w, groups...)
	if len(r.f.Nests) != 3 {
		t.Fatalf("%d nests for three groups:\n%s", len(r.f.Nests), r.f)
	}
	r.compare(t, Lookup("adamw"), nil, 1024, func(i int) ir.Treatment {
		for _, g := range groups {
			if i >= g.Offset && i < g.Offset+g.Size {
				return g.Treatment
			}
		}
		return ir.Treatment{}
	})
}

// TestClipNorm clips a long gradient, whose squares are summed in parts, and one below the limit.
func TestClipNorm(t *testing.T) {
	for _, n := range []int{37, 70000} {
		rng := rand.New(rand.NewPCG(3, 4))
		g := make([]float32, n)
		for i := range g {
			g[i] = float32(rng.NormFloat64())
		}
		for _, limit := range []float64{1, 1e6} {
			r := newTrained(t, "gd", ir.Attrs{{Name: "clip_norm", Value: limit}}, make([]float32, n))
			r.step(t, 1, g)
			factor := math.Min(1, limit/(length(g)+1e-6))
			for i, w := range r.get("$weight")[:n] {
				if !near(float64(w), -factor*float64(g[i]), 1e-5, 0) {
					t.Fatalf("%d elements, limit %g: parameter %d is %g, want %g", n, limit, i, w, -factor*float64(g[i]))
				}
			}
		}
	}
}

// TestLAMB compares a step of two parameters, one of which is 0, with the paper's rule.
func TestLAMB(t *testing.T) {
	groups := []ir.Group{{Size: 256, Params: []ir.Span{{Offset: 0, Size: 48}, {Offset: 48, Size: 16}}}}
	w := make([]float32, 256)
	copy(w, startWeights())
	r := newTrained(t, "lamb", ir.Attrs{{Name: "weight_decay", Value: 0.1}}, w, groups...)
	g := make([]float32, 256)
	for i := range 60 {
		g[i] = float32(i%7) - 2.5
	}
	r.step(t, 0.1, g)
	u := make([]float32, 256)
	for i := range u {
		// After one step both moments are the gradient's, corrected.
		u[i] = float32(float64(g[i])/(math.Abs(float64(g[i]))+1e-6) + 0.1*float64(w[i]))
	}
	ratio := length(w[:48]) / length(u[:48])
	for i, got := range r.get("$weight") {
		want := float64(w[i]) - 0.1*ratio*float64(u[i])
		if i >= 48 {
			want = float64(w[i]) - 0.1*float64(u[i])
		}
		if !near(float64(got), want, 1e-4, 1e-5) {
			t.Fatalf("parameter %d is %g, want %g", i, got, want)
		}
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
		for i, w := range c.want {
			r.step(t, 0.1, []float32{[]float32{0.5, -0.25, 1}[i]})
			if got := r.get("$weight")[0]; !near(float64(got), w, 0, 1e-5) {
				t.Errorf("%s%v, step %d: %g, want %g", c.kind, c.attrs, i+1, got, w)
			}
		}
	}
}
