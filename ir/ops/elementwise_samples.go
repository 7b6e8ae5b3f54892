package ops

import (
	"maps"
	"math"
	"slices"

	"github.com/dlc-ml/dlc/ir"
)

// unary makes the single operand of an elementwise operator.
var unary = []Arg{{Name: "x", Doc: "any shape"}}

// binary makes the two operands of an elementwise operator.
var binary = []Arg{{Name: "a", Doc: "any shape"}, {Name: "b", Doc: "any shape that broadcasts with a"}}

// f32Types is a list of f32 operand types, for samples.
func f32Types(shapes ...ir.Shape) []ir.Type {
	list := make([]ir.Type, len(shapes))
	for i, s := range shapes {
		list[i] = ir.T(ir.F32, s)
	}
	return list
}

// telling holds values of each element type at which functions tend to be wrong.
var telling = map[ir.DType][]float64{
	ir.F32:  {math.NaN(), math.Inf(1), math.Inf(-1), 0, math.Copysign(0, -1), 1, -1, 0.5, -2.5, 7},
	ir.I32:  {0, 1, -1, 2, -7, 255, 65536, math.MaxInt32, math.MinInt32},
	ir.I64:  {0, 3, -3, 46341, -2147483647},
	ir.I8:   {0, 1, -1, 5, -100, 127, -128},
	ir.U8:   {0, 1, 2, 100, 200, 255},
	ir.Bool: {0, 1},
}

// far lies where activations and their gradients are flat, or straight, and a careless formula overflows.
var far = []float64{-1e30, -1e4, -700, -100, -50, -20, 20, 50, 100, 700, 1e4, 1e30}

// typedSamples are samples of each element type that the operator takes: every combination of telling values, of which operand i runs along
// axis i, and random ones of the short floating-point types.
func (e elementwise) typedSamples() []Sample {
	n := len(e.Args)
	if e.Samples != nil {
		n = len(e.Samples[0].Args)
	}
	var attrs ir.Attrs
	if len(e.Samples) > 0 {
		attrs = e.Samples[0].Attrs
	}
	takes := e.takes
	if takes == nil {
		takes = floats
	}
	var list []Sample
	if e.Category == "activation" && n == 1 {
		list = append(list, Sample{Args: f32Types(ir.S(len(far))), Attrs: attrs, NoGrad: true, Data: map[int][]float64{0: far}})
	}
	for _, d := range takes {
		elem := func(i int) ir.DType {
			if e.condition && i == 0 {
				return ir.Bool
			}
			return d
		}
		if d.Float() && d != ir.F32 {
			list = append(list, e.shortSample(n, elem, attrs))
			continue
		}
		s := Sample{Attrs: attrs, NoGrad: true, Data: map[int][]float64{}}
		for i := range n {
			values := telling[elem(i)]
			if n > 3 {
				values = values[:min(3, len(values))]
			}
			shape := slices.Repeat([]int{1}, n)
			shape[i] = len(values)
			s.Args = append(s.Args, ir.T(elem(i), ir.S(shape...)))
			s.Data[i] = values
		}
		list = append(list, s)
	}
	return list
}

// shortSample is a sample of f16 or bf16, with the intervals of the literal's first sample.
func (e elementwise) shortSample(n int, elem func(i int) ir.DType, attrs ir.Attrs) Sample {
	s := Sample{Attrs: attrs, NoGrad: true, Batch: 2, Data: map[int][]float64{}}
	if len(e.Samples) > 0 {
		s.Range, s.Kinks = maps.Clone(e.Samples[0].Range), e.Samples[0].Kinks
	}
	for i := range n {
		s.Args = append(s.Args, ir.T(elem(i), ir.NS(5)))
		if elem(i) == ir.Bool {
			s.Data[i] = []float64{0, 1, 1, 0, 1, 0, 0, 0, 1, 1}
		}
	}
	return s
}
