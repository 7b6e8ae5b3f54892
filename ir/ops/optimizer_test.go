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
	f     *loop.Func
	mem   loop.Memory
	sizes map[string]int
	steps []StepScalar
	t     int
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
		r.set("$"+s.Name, float32(s.At(r.t)))
	}
	if r.f.Buffer("$share") == nil {
		r.set("$grad", append(g, make([]float32, len(r.get("$grad"))-len(g))...)...)
	}
	r.set("$lr", float32(lr))
	if err := loop.Run(r.f, r.sizes, r.mem); err != nil {
		t.Fatalf("%v\n%s", err, r.f)
	}
}

// rule is a step of an optimizer in float64: it changes one parameter and its state in step t from 1, by the attributes.
type rule func(t float64, w, lr, g float64, s []float64) float64

// compare runs ten steps with random gradients beside a rule.
func (r *trained) compare(t *testing.T, n int, do rule) {
	t.Helper()
	rng := rand.New(rand.NewPCG(1, 2))
	var w []float64
	for _, x := range r.get("$weight")[:n] {
		w = append(w, float64(x))
	}
	state := make([][]float64, len(w))
	for i := range state {
		state[i] = make([]float64, 3)
	}
	g := make([]float32, len(w))
	for s := 1; s <= 10; s++ {
		lr := 0.1 / float64(s)
		for i := range g {
			g[i] = float32(rng.NormFloat64())
			w[i] = do(float64(s), w[i], lr, float64(g[i]), state[i])
		}
		r.step(t, lr, g)
		for i, x := range r.get("$weight")[:n] {
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

func adamRule(b1, b2, eps, decay float64, amsgrad bool) rule {
	return func(t, w, lr, g float64, s []float64) float64 {
		w -= lr * decay * w
		s[0] = b1*s[0] + (1-b1)*g
		s[1] = b2*s[1] + (1-b2)*g*g
		v := s[1]
		if amsgrad {
			s[2] = math.Max(s[2], v)
			v = s[2]
		}
		return w - lr*s[0]/(1-math.Pow(b1, t))/(math.Sqrt(v/(1-math.Pow(b2, t)))+eps)
	}
}

// optimizerRules are the textbook's rules, in float64, for the optimizers and their attributes.
var optimizerRules = []struct {
	kind  string
	attrs ir.Attrs
	do    rule
}{
	{"gd", nil, func(t, w, lr, g float64, s []float64) float64 { return w - lr*g }},
	{"gd", ir.Attrs{{Name: "weight_decay", Value: 0.1}, {Name: "clip_value", Value: 0.5}}, func(t, w, lr, g float64, s []float64) float64 {
		return w - lr*(math.Max(-0.5, math.Min(0.5, g))+0.1*w)
	}},
	{"sgd", nil, func(t, w, lr, g float64, s []float64) float64 { return w - lr*g }},
	{"sgd", ir.Attrs{{Name: "momentum", Value: 0.9}, {Name: "dampening", Value: 0.25}}, func(t, w, lr, g float64, s []float64) float64 {
		if t == 1 {
			s[0] = g
		} else {
			s[0] = 0.9*s[0] + 0.75*g
		}
		return w - lr*s[0]
	}},
	{"sgd", ir.Attrs{{Name: "momentum", Value: 0.5}, {Name: "nesterov", Value: true}}, func(t, w, lr, g float64, s []float64) float64 {
		s[0] = 0.5*s[0] + g
		return w - lr*(g+0.5*s[0])
	}},
	{"adam", nil, adamRule(0.9, 0.999, 1e-8, 0, false)},
	{"adam", ir.Attrs{{Name: "beta1", Value: 0.0}, {Name: "beta2", Value: 0.99}, {Name: "eps", Value: 0.01}}, adamRule(0, 0.99, 0.01, 0, false)},
	{"adam", ir.Attrs{{Name: "weight_decay", Value: 0.1}}, func(t, w, lr, g float64, s []float64) float64 {
		return adamRule(0.9, 0.999, 1e-8, 0, false)(t, w, lr, g+0.1*w, s)
	}},
	{"adamw", nil, adamRule(0.9, 0.999, 1e-8, 0.01, false)},
	{"adamw", ir.Attrs{{Name: "weight_decay", Value: 0.3}}, adamRule(0.9, 0.999, 1e-8, 0.3, false)},
	{"amsgrad", ir.Attrs{{Name: "beta2", Value: 0.5}}, adamRule(0.9, 0.5, 1e-8, 0, true)},
	{"nadam", ir.Attrs{{Name: "momentum_decay", Value: 0.1}}, func(t, w, lr, g float64, s []float64) float64 {
		mu := func(t float64) float64 { return 0.9 * (1 - 0.5*math.Pow(0.96, t*0.1)) }
		if t == 1 {
			s[2] = 1
		}
		s[2] *= mu(t)
		s[0] = 0.9*s[0] + 0.1*g
		s[1] = 0.999*s[1] + 0.001*g*g
		d := math.Sqrt(s[1]/(1-math.Pow(0.999, t))) + 1e-8
		return w - lr*(1-mu(t))/(1-s[2])*g/d - lr*mu(t+1)/(1-s[2]*mu(t+1))*s[0]/d
	}},
	{"radam", ir.Attrs{{Name: "beta2", Value: 0.9}}, func(t, w, lr, g float64, s []float64) float64 {
		s[0] = 0.9*s[0] + 0.1*g
		s[1] = 0.9*s[1] + 0.1*g*g
		far, b := 2/(1-0.9)-1, math.Pow(0.9, t)
		near := far - 2*t*b/(1-b)
		m := s[0] / (1 - math.Pow(0.9, t))
		if near <= 5 {
			return w - lr*m
		}
		return w - lr*m*math.Sqrt((near-4)*(near-2)*far/((far-4)*(far-2)*near))*math.Sqrt(1-b)/(math.Sqrt(s[1])+1e-8)
	}},
	{"rmsprop", nil, func(t, w, lr, g float64, s []float64) float64 {
		s[0] = 0.99*s[0] + 0.01*g*g
		return w - lr*g/(math.Sqrt(s[0])+1e-8)
	}},
	{"rmsprop", ir.Attrs{{Name: "alpha", Value: 0.8}, {Name: "momentum", Value: 0.9}, {Name: "centered", Value: true}}, func(t, w, lr, g float64, s []float64) float64 {
		s[0] = 0.8*s[0] + 0.2*g*g
		s[1] = 0.8*s[1] + 0.2*g
		s[2] = 0.9*s[2] + g/(math.Sqrt(s[0]-s[1]*s[1])+1e-8)
		return w - lr*s[2]
	}},
	{"adagrad", ir.Attrs{{Name: "rate_decay", Value: 0.1}, {Name: "initial", Value: 0.5}}, func(t, w, lr, g float64, s []float64) float64 {
		if t == 1 {
			s[0] = 0.5
		}
		s[0] += g * g
		return w - lr/(1+(t-1)*0.1)*g/(math.Sqrt(s[0])+1e-10)
	}},
	{"adadelta", nil, func(t, w, lr, g float64, s []float64) float64 {
		s[0] = 0.9*s[0] + 0.1*g*g
		d := math.Sqrt(s[1]+1e-6) / math.Sqrt(s[0]+1e-6) * g
		s[1] = 0.9*s[1] + 0.1*d*d
		return w - lr*d
	}},
	{"lion", ir.Attrs{{Name: "weight_decay", Value: 0.1}}, func(t, w, lr, g float64, s []float64) float64 {
		w -= lr * 0.1 * w
		c := 0.9*s[0] + 0.1*g
		s[0] = 0.99*s[0] + 0.01*g
		return w - lr*math.Copysign(1, c)
	}},
}

func TestOptimizers(t *testing.T) {
	tested := map[string]bool{"lamb": true} // by TestLAMB
	for _, c := range optimizerRules {
		tested[c.kind] = true
		t.Run(fmt.Sprint(c.kind, c.attrs), func(t *testing.T) {
			r := newTrained(t, c.kind, c.attrs, startWeights())
			if len(r.f.Nests) != 1 || r.f.Nests[0].Form != loop.Map || r.f.Nests[0].Name != c.kind {
				t.Fatalf("it lowers to\n%s\nnot to one map of its name", r.f)
			}
			r.compare(t, 37, c.do)
		})
	}
	for _, o := range All() {
		if o.Category == "optimizer" && (!tested[o.Name] || !(o.Rate > 0)) {
			t.Errorf("%s has no rule to be compared with, or no default rate", o.Name)
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
	i := -1
	r.compare(t, 1024, func(t, w, lr, g float64, s []float64) float64 {
		i = (i + 1) % 1024
		switch {
		case i < 256:
			return adamRule(0.9, 0.999, 1e-8, 0.01, false)(t, w, lr, g, s)
		case i < 768:
			return adamRule(0.9, 0.999, 1e-8, 0.5, false)(t, w, lr*0.1, g, s)
		}
		return adamRule(0.9, 0.999, 1e-8, 0, false)(t, w, lr, g, s)
	})
}

// length is the root of the sum of squares.
func length(x []float32) float64 {
	s := 0.0
	for _, v := range x {
		s += float64(v) * float64(v)
	}
	return math.Sqrt(s)
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

// TestAccumulated adds up the gradients of two batches of 3 and 1 examples, and wants the step of their mean.
func TestAccumulated(t *testing.T) {
	f := &loop.Func{Name: "sum", Symbols: []ir.Symbol{{Name: "P"}}}
	op := &ir.Op{Kind: "accumulate", Args: []*ir.Value{{Type: ir.T(ir.F32, ir.S(2))}}}
	if err := NewLowering(f, map[*ir.Value]*loop.Buffer{}).Run(op); err != nil {
		t.Fatal(err)
	}
	sizes := map[string]int{"P": 2}
	mem, err := loop.NewMemory(f, sizes)
	if err != nil {
		t.Fatal(err)
	}
	nan := float32(math.NaN())
	mem.SetFloats(f.Buffer("$state.gradients"), sizes, []float32{nan, 7}) // of an update before, which must not count
	for i, c := range []struct{ n, a, b float32 }{{3, 1, -2}, {1, 5, 10}} {
		mem.SetFloats(f.Buffer("$more"), sizes, []float32{float32(i)})
		mem.SetFloats(f.Buffer("$batch"), sizes, []float32{c.n})
		mem.SetFloats(f.Buffer("$grad"), sizes, []float32{c.a, c.b})
		if err := loop.Run(f, sizes, mem); err != nil {
			t.Fatal(err)
		}
	}
	sum := mem.Floats(f.Buffer("$state.gradients"), sizes)
	if sum[0] != 8 || sum[1] != 4 {
		t.Fatalf("the sum is %v, not 8 and 4", sum)
	}
	step := &loop.Func{Name: "update", Symbols: f.Symbols}
	full, _ := Complete(Lookup("gd").Attrs, nil)
	if err := NewLowering(step, map[*ir.Value]*loop.Buffer{}).Run(&ir.Op{Kind: "gd", Attrs: full}); err != nil {
		t.Fatal(err)
	}
	mem, _ = loop.NewMemory(step, sizes)
	mem.SetFloats(step.Buffer("$state.gradients"), sizes, sum)
	mem.SetFloats(step.Buffer("$share"), sizes, []float32{0.25})
	mem.SetFloats(step.Buffer("$lr"), sizes, []float32{1})
	if err := loop.Run(step, sizes, mem); err != nil {
		t.Fatal(err)
	}
	if w := mem.Floats(step.Buffer("$weight"), sizes); w[0] != -2 || w[1] != -1 {
		t.Errorf("the weights are %v, not -2 and -1", w)
	}
}

// TestMaxNorm bounds the columns of a matrix.
func TestMaxNorm(t *testing.T) {
	f := &loop.Func{Name: "bound"}
	v := &ir.Value{Name: "w", Type: ir.T(ir.F32, ir.S(2, 2))}
	w := f.NewBuffer("w", v.Type, loop.Weight, v.Pos)
	full, _ := Complete(Lookup("max_norm").Attrs, []ir.Attr{{Name: "limit", Value: 2.0}})
	if err := NewLowering(f, map[*ir.Value]*loop.Buffer{v: w}).Run(&ir.Op{Kind: "max_norm", Attrs: full, Args: []*ir.Value{v}}); err != nil {
		t.Fatal(err)
	}
	mem, err := loop.NewMemory(f, nil)
	if err != nil {
		t.Fatal(err)
	}
	mem.SetFloats(w, nil, []float32{3, 1, -4, 1})
	if err := loop.Run(f, nil, mem); err != nil {
		t.Fatal(err)
	}
	got := mem.Floats(w, nil)
	for i, want := range []float64{1.2, 1, -1.6, 1} {
		if !near(float64(got[i]), want, 1e-6, 0) {
			t.Errorf("element %d is %g, want %g", i, got[i], want)
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
