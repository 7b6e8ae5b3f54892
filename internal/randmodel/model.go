// Package randmodel makes random models and runs them through the whole compiler: what generated code gives is compared with the evaluation,
// which is the specification. Every operator that the language has takes part, with the attributes of its samples.
package randmodel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/ops"
	"github.com/dlc-ml/dlc/passes/autodiff"
)

// Model is a random model: one function, operands for it, and what it must give. It depends on its seed alone (and on the operators there are).
type Model struct {
	Seed    uint64
	Module  *ir.Module
	Batch   int
	Given   map[*ir.Value]*ops.Tensor // every input and parameter
	Want    []*ops.Tensor             // the results, in float64
	Loose   []float64                 // how much each result moves when the operands move by about their last bit in f32
	Kinds   []string                  // the operators, in order of their choice
	Trained bool                      // the results include gradients
}

// Limits of a model, so that one takes milliseconds.
const (
	minOps, maxOps = 5, 30
	maxElems       = 4000 // of one tensor
	maxMagnitude   = 1e3
)

// maker makes one model.
type maker struct {
	m     *Model
	r     *rand.Rand
	b     *ops.Builder
	pool  []*ir.Value
	value map[*ir.Value]*ops.Tensor
	moved map[*ir.Value]*ops.Tensor // the same with operands moved a little
	list  []*ops.Operator
	// serial numbers inputs and parameters, those of attempts that came to nothing included.
	serial int
}

// New makes the model of a seed.
func New(seed uint64) (*Model, error) {
	r := rand.New(rand.NewPCG(seed, 17))
	m := &Model{Seed: seed, Batch: 1 + r.IntN(3), Given: map[*ir.Value]*ops.Tensor{}}
	f := ir.NewFunc("sample", ir.Symbol{Name: "N"})
	m.Module = &ir.Module{Name: "m", Funcs: []*ir.Func{f}}
	k := &maker{m: m, r: r, b: &ops.Builder{Module: m.Module, Func: f}, value: map[*ir.Value]*ops.Tensor{}, moved: map[*ir.Value]*ops.Tensor{}}
	for _, o := range ops.All() {
		if !o.Internal && !o.Effect && o.Category != "metric" && !o.TrainOnly && len(o.Samples) > 0 {
			k.list = append(k.list, o)
		}
	}
	for range 1 + r.IntN(3) {
		shape := ir.Shape{ir.Batch}
		for range r.IntN(4) {
			shape = append(shape, ir.D([]int{1, 2, 3, 4, 5, 7, 8, 9, 16, 17}[r.IntN(10)]))
		}
		if n, ok := shape.Elems(); ok && n.Size <= maxElems/4 {
			k.fresh(ir.T(ir.F32, shape), nil, nil)
		}
	}
	want := minOps + r.IntN(maxOps-minOps+1)
	for tries := 0; len(m.Kinds) < want && tries < 40*want; tries++ {
		k.operator()
	}
	k.results()
	return m, k.finish()
}

// Read makes a model of the text of a module with one function, as a find is kept, with operands of its own.
func Read(text string) (*Model, error) {
	mod, err := ir.Parse("in.ir", []byte(text))
	if err != nil {
		return nil, err
	}
	if err := ops.Verify(mod); err != nil {
		return nil, err
	}
	f := mod.Funcs[0]
	m := &Model{Module: mod, Batch: 3, Given: map[*ir.Value]*ops.Tensor{}}
	k := &maker{m: m, r: rand.New(rand.NewPCG(1, 17)), b: &ops.Builder{Module: mod, Func: f}}
	for _, v := range append(append([]*ir.Value{}, f.Inputs...), f.Params()...) {
		m.Given[v] = k.random(v.Type, nil, nil)
	}
	return m, k.evaluateAll()
}

// fresh makes an input, or for a fixed shape sometimes a parameter, with random elements, or with the sample's.
func (k *maker) fresh(t ir.Type, data []float64, within *[2]float64) *ir.Value {
	x := k.random(t, data, within)
	k.serial++
	static := true
	for _, d := range t.Shape {
		static = static && d.Static()
	}
	var v *ir.Value
	if static && t.Elem == ir.F32 && data == nil && k.r.IntN(3) > 0 {
		p := &ir.Param{Name: fmt.Sprintf("w%d", k.serial), Type: t, Init: ir.Init{Kind: "zeros"}, Trainable: true}
		k.m.Module.Params = append(k.m.Module.Params, p)
		v = k.b.Func.ParamValue(p)
	} else {
		v = k.b.Func.Input(fmt.Sprintf("x%d", k.serial), t, k.b.Pos)
	}
	k.m.Given[v], k.value[v], k.moved[v] = x, x, k.nudge(x)
	k.pool = append(k.pool, v)
	return v
}

// random makes elements of a type, or those of a sample.
func (k *maker) random(t ir.Type, data []float64, within *[2]float64) *ops.Tensor {
	x := ops.NewTensor(t.Elem, ops.Extents(t.Shape, k.m.Batch)...)
	lo, hi := -2.0, 2.0
	if within != nil {
		lo, hi = within[0], within[1]
	}
	for i := range x.Data {
		switch {
		case len(data) > 0:
			x.Data[i] = data[i%len(data)]
		case t.Elem == ir.Bool:
			x.Data[i] = float64(k.r.IntN(2))
		case t.Elem.Float():
			x.Data[i] = lo + (hi-lo)*k.r.Float64()
		default:
			x.Data[i] = float64(k.r.IntN(7) - 3)
		}
		if t.Elem == ir.F32 {
			x.Data[i] = float64(float32(x.Data[i]))
		}
	}
	return x
}

// nudge moves the elements of a float tensor by about the last bit of an f32.
func (k *maker) nudge(x *ops.Tensor) *ops.Tensor {
	if !x.Elem.Float() {
		return x
	}
	y := &ops.Tensor{Elem: x.Elem, Shape: x.Shape, Data: make([]float64, len(x.Data))}
	for i, v := range x.Data {
		y.Data[i] = v * (1 + 2e-7*(2*k.r.Float64()-1))
	}
	return y
}

// operator tries to apply one random operator to what there is.
func (k *maker) operator() {
	o := k.list[k.r.IntN(len(k.list))]
	s := o.Samples[k.r.IntN(len(o.Samples))]
	f := k.b.Func
	inputs, params, nops, pool := len(f.Inputs), len(k.m.Module.Params), len(f.Ops), len(k.pool)
	args := make([]*ir.Value, len(s.Args))
	for i, t := range s.Args {
		within, ranged := s.Range[i]
		switch {
		case s.Data[i] != nil:
			args[i] = k.fresh(t, s.Data[i], nil)
		case ranged:
			args[i] = k.fresh(t, nil, &within)
		default:
			// Labels and indices of the sample fit its own extents only.
			args[i] = k.pick(t, len(s.Data) == 0 && (i == 0 || k.r.IntN(3) > 0))
		}
	}
	results, err := k.b.Ops(o.Name, o.Name, args, s.Attrs...)
	if err == nil && len(results) > 0 && k.evaluate(f.Ops[nops:]) {
		k.m.Kinds = append(k.m.Kinds, o.Name)
		k.pool = append(k.pool, results...)
		return
	}
	// Nothing of the attempt stays.
	for _, v := range k.pool[pool:] {
		delete(k.m.Given, v)
	}
	f.Ops, f.Inputs, k.m.Module.Params, k.pool = f.Ops[:nops], f.Inputs[:inputs], k.m.Module.Params[:params], k.pool[:pool]
}

// pick takes a tensor of that element type from the pool, one of the sample's shape where wild is false and there is one, else a fresh one.
func (k *maker) pick(t ir.Type, wild bool) *ir.Value {
	var list []*ir.Value
	for _, v := range k.pool {
		if slices.ContainsFunc(k.value[v].Data, func(x float64) bool { return math.Abs(x) > maxMagnitude }) {
			continue // of a sample with operands at the ends of f32's range: other operators would leave it
		}
		if v.Type.Elem == t.Elem && (wild && len(v.Type.Shape) == len(t.Shape) || v.Type.Equal(t)) {
			list = append(list, v)
		}
	}
	if len(list) == 0 || k.r.IntN(8) == 0 {
		return k.fresh(t, nil, nil)
	}
	// Late values more often: models are deep.
	return list[len(list)-1-k.r.IntN(min(len(list), 1+k.r.IntN(len(list))))]
}

// evaluate computes new operators, with the operands as they are and moved, and reports whether their results are of moderate size and do not
// jump.
func (k *maker) evaluate(list []*ir.Op) bool {
	for _, op := range list {
		o := ops.Lookup(op.Kind)
		x, y := make([]*ops.Tensor, len(op.Args)), make([]*ops.Tensor, len(op.Args))
		for i, a := range op.Args {
			x[i], y[i] = k.value[a], k.moved[a]
		}
		for _, r := range op.Results {
			if n, ok := r.Type.Shape.Elems(); !ok || n.Size > maxElems {
				return false
			}
		}
		want, near := o.Eval(x, op.Attrs), o.Eval(y, op.Attrs)
		for i, r := range op.Results {
			for e, v := range want[i].Data {
				d := math.Abs(v - near[i].Data[e])
				if !(math.Abs(v) <= maxMagnitude) || !(d <= 1e-5*(1+math.Abs(v))) {
					return false
				}
			}
			k.value[r], k.moved[r] = want[i], near[i]
		}
	}
	return true
}

// results returns what nothing reads, and some of the rest.
func (k *maker) results() {
	f := k.b.Func
	uses := f.Uses()
	for _, op := range f.Ops {
		for _, r := range op.Results {
			if uses[r] == 0 || k.r.IntN(6) == 0 {
				f.Return(fmt.Sprintf("y%d", len(f.Results)), r)
			}
		}
	}
}

// finish appends, to most models, the gradients of a sum over the results, and evaluates the function.
func (k *maker) finish() error {
	if k.r.IntN(4) > 0 {
		k.gradients()
	}
	return k.evaluateAll()
}

// evaluateAll computes what the function gives, and how much that moves.
func (k *maker) evaluateAll() error {
	f := k.b.Func
	given := map[*ir.Value]*ops.Tensor{}
	for v, x := range k.m.Given {
		given[v] = k.nudge(x)
	}
	var err error
	if k.m.Want, err = ops.EvalFunc(f, k.m.Given, k.m.Batch); err != nil {
		return err
	}
	moved, err := ops.EvalFunc(f, given, k.m.Batch)
	if err != nil {
		return err
	}
	for i, x := range k.m.Want {
		loose := 0.0
		for e, v := range x.Data {
			if d := math.Abs(v - moved[i].Data[e]); d > loose || d != d {
				loose = d
			}
		}
		k.m.Loose = append(k.m.Loose, loose)
	}
	return nil
}

// gradients appends the gradients of the parameters. Where an operator has none, the model stays as it is.
func (k *maker) gradients() {
	f := k.b.Func
	nops, results := len(f.Ops), f.Results
	var loss *ir.Value
	for _, r := range results {
		v := r.Value
		if v.Type.Elem != ir.F32 {
			continue
		}
		if len(v.Type.Shape) > 0 {
			v = k.b.Must("reduce_mean", "mean", []*ir.Value{v}, ir.Attr{Name: "axes", Value: axes(len(v.Type.Shape))})
		}
		if loss == nil {
			loss = v
		} else {
			loss = k.b.Must("add", "loss", []*ir.Value{loss, v})
		}
	}
	if loss == nil {
		return
	}
	f.Results = []ir.Result{{Name: "loss", Value: loss}}
	grads, err := autodiff.Gradients(k.m.Module, f)
	if err != nil {
		f.Ops, f.Results = f.Ops[:nops], results
		return
	}
	f.Results = append(results, f.Results...)
	for i, g := range grads {
		f.Return(fmt.Sprintf("g%d", i), g)
	}
	k.m.Trained = true
}

func axes(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return list
}
