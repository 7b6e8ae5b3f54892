package codegen

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/ops"
)

// sampleFlops bounds the work of recording outputs: above it a package's test compares its kernels with each other only.
const sampleFlops = 50_000_000

// sample is one example through the specification: what the generated test expects. Its input comes from sampleValue, which the
// generated test repeats.
type sample struct {
	Outputs []sampleOutput
}

// sampleOutput is what one output must be, within the tolerance of float32.
type sampleOutput struct {
	Port   port
	Values []float64
}

// sampleValue is element i of a sample input: a fixed spread over -1 … 1.
func sampleValue(i int) float64 { return float64((i*7919+13)%2001)/1000 - 1 }

// sample evaluates the model in float64 on one example, with the weights that the package embeds. It is nil where that takes too long.
func (g *generator) record() (*sample, error) {
	infer := g.unit.Module.Func(ir.FuncInfer)
	if g.programs[0].flops > sampleFlops {
		return nil, nil
	}
	in := map[*ir.Value]*ops.Tensor{}
	for i, v := range infer.Inputs {
		p := g.Inputs[i]
		t := ops.NewTensor(v.Type.Elem, ops.Extents(v.Type.Shape, 1)...)
		for k := range t.Data {
			if t.Data[k] = float64(float32(sampleValue(k))); p.Below() > 0 {
				t.Data[k] = float64((k*7919 + 13) % p.Below())
			}
		}
		if v.Type.Elem != ir.F32 {
			ops.Narrow(t)
		}
		if p.Bound > 0 {
			t.Data[0] = float64(p.Bound)
		}
		in[v] = t
	}
	for _, v := range infer.Params() {
		in[v] = g.values[v.Param.Name]
	}
	results, err := ops.EvalFunc(infer, in, 1)
	if err != nil {
		return nil, err
	}
	s := &sample{}
	for i, r := range results {
		o := sampleOutput{Port: g.Outputs[i]}
		for _, x := range r.Data[:min(len(r.Data), 32)] {
			if math.IsNaN(x) || math.IsInf(x, 0) {
				return nil, nil
			}
			o.Values = append(o.Values, x)
		}
		s.Outputs = append(s.Outputs, o)
	}
	return s, nil
}
