package driver

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/dlc-ml/dlc/dsl"
	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
	"github.com/dlc-ml/dlc/ir/ops"
	"github.com/dlc-ml/dlc/passes"
	"github.com/dlc-ml/dlc/passes/pass"
)

// curves are losses that PyTorch gave; bench/peers/curves.py records them and says of what.
type curves struct {
	Inputs  []float32
	Labels  []int32
	Weights map[string][]float32
	Cases   []struct {
		Optimizer, Settings string
		Losses              []float64
	}
}

const curveModel = `model curve {
    input  x: f32[8]
    target y: class[4]
    hidden = x |> dense(16) |> tanh
    output out = hidden |> dense(4)
    train {
        loss = cross_entropy(out, y)
        optimizer = %s
        %s
        batch = 8
    }
}
`

// TestCurves trains a small network for 200 steps with every optimizer, in the loop interpreter, and wants the losses that PyTorch has
// with the same weights and batches.
func TestCurves(t *testing.T) {
	data, err := os.ReadFile("testdata/curves.json")
	if err != nil {
		t.Fatal(err)
	}
	var c curves
	if err := json.Unmarshal(data, &c); err != nil {
		t.Fatal(err)
	}
	for _, k := range c.Cases {
		t.Run(strings.TrimSpace(k.Optimizer+" "+k.Settings), func(t *testing.T) {
			t.Parallel()
			m, err := dsl.Compile("curve.dl", fmt.Appendf(nil, curveModel, k.Optimizer, k.Settings), dsl.Options{})
			if err != nil {
				t.Fatal(err)
			}
			u, err := passes.Run(m, &pass.Config{})
			if err != nil {
				t.Fatal(err)
			}
			trainer := newInterpreted(t, u)
			for name, w := range c.Weights {
				trainer.load(t, name, w)
			}
			for i, want := range k.Losses {
				at := i * 8 % 32
				got := trainer.step(t, c.Inputs[at*8:][:64], c.Labels[at:][:8])
				if !(math.Abs(got-want) <= 1e-3*want) {
					t.Fatalf("step %d: the loss is %.7g, PyTorch's %.7g", i, got, want)
				}
			}
		})
	}
}

// interpreted is a training in the loop interpreter: what the run-time does, without its speed.
type interpreted struct {
	u         *pass.Unit
	arenas    map[loop.Space][]uint32
	states    map[string][]uint32
	mems      map[*loop.Func]loop.Memory
	scalars   []ops.StepScalar
	updates   int
	pending   int
	collected int
}

func newInterpreted(t *testing.T, u *pass.Unit) *interpreted {
	t.Helper()
	r := &interpreted{u: u, states: map[string][]uint32{}, mems: map[*loop.Func]loop.Memory{},
		arenas: map[loop.Space][]uint32{loop.Weight: make([]uint32, u.ArenaLen), loop.Grad: make([]uint32, u.ArenaLen)}}
	for _, f := range u.Loops {
		mem, err := loop.NewMemory(f, r.sizes())
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range f.Buffers {
			switch arena := r.arenas[b.Space]; b.Space {
			case loop.Weight, loop.Grad:
				mem[b] = arena
				if p, ok := u.Place(u.Module.Param(strings.TrimSuffix(b.Name, ".grad"))); ok {
					mem[b] = arena[p.Offset:]
				}
			case loop.State:
				if r.states[b.Root().Name] == nil {
					r.states[b.Root().Name] = make([]uint32, u.ArenaLen)
				}
				mem[b] = r.states[b.Root().Name]
			}
		}
		r.mems[f] = mem
	}
	for _, f := range u.Module.Funcs {
		for _, op := range f.Ops {
			if o := ops.Lookup(op.Kind); o.Scalars != nil {
				r.scalars = append(r.scalars, o.Scalars(op.Attrs)...)
			}
		}
	}
	return r
}

func (r *interpreted) sizes() map[string]int { return map[string]int{"N": 8, "P": r.u.Trainable} }

// load sets a parameter.
func (r *interpreted) load(t *testing.T, name string, w []float32) {
	t.Helper()
	pl, ok := r.u.Place(r.u.Module.Param(name))
	if !ok || pl.Size != len(w) {
		t.Fatalf("there is no parameter %s of %d elements", name, len(w))
	}
	for i, x := range w {
		r.arenas[loop.Weight][pl.At(i)] = math.Float32bits(x)
	}
}

// step trains on one batch and returns its loss.
func (r *interpreted) step(t *testing.T, x []float32, y []int32) float64 {
	t.Helper()
	f, update := r.u.Loop(ir.FuncTrain), r.u.Loop(ir.FuncUpdate)
	mem := r.mems[f]
	mem.SetFloats(f.Buffer("x"), r.sizes(), x)
	labels := make([]uint32, len(y))
	for i, l := range y {
		labels[i] = uint32(l)
	}
	mem.SetWords(f.Buffer("y"), r.sizes(), labels)
	r.run(t, f)
	loss := float64(mem.Floats(f.Buffer("loss"), r.sizes())[0])
	r.pending++
	r.collected += len(y)
	if update != nil && r.pending < r.u.Module.Train.Accumulate {
		return loss
	}
	if update != nil {
		r.run(t, update)
	}
	r.updates++
	r.pending, r.collected = 0, 0
	return loss
}

// run sets the scalars of a function and runs it.
func (r *interpreted) run(t *testing.T, f *loop.Func) {
	t.Helper()
	mem, values := r.mems[f], map[string]float64{"$batch": 8, "$lr": r.u.Module.Train.Optimizer.Attrs.Float("lr"),
		"$more": float64(r.pending), "$share": 1 / float64(max(r.collected, 1))}
	for _, s := range r.scalars {
		values["$"+s.Name] = s.At(r.updates+1, 0)
	}
	for _, b := range f.Buffers {
		if b.Space == loop.Scalar {
			v, ok := values[b.Name]
			if !ok {
				t.Fatalf("nothing says what %s is", b.Name)
			}
			mem.SetFloats(b, r.sizes(), []float32{float32(v)})
		}
	}
	if err := loop.Run(f, r.sizes(), mem); err != nil {
		t.Fatalf("%v\n%s", err, f)
	}
}
