package ops

import (
	"github.com/dlc-ml/dlc/ir"
)

// Gemm is the general matrix product of BLAS.
var Gemm = Register(&Operator{
	Name:     "gemm",
	Doc:      "The general matrix product of BLAS: alpha times a·b plus beta times c, which broadcasts to the product and may be left out.",
	Formula:  "y = alpha * a·b + beta * c",
	Example:  "y = gemm(a, b, c, transpose_b=true)",
	Category: "tensor",
	Args:     []Arg{{Name: "a", Doc: "f32[M,K]"}, {Name: "b", Doc: "f32[K,N]"}, {Name: "c", Doc: "f32, broadcasts to [M,N]", Optional: true}},
	Attrs: []AttrDef{
		{Name: "transpose_a", Doc: "a is [K,M]", Default: false},
		{Name: "transpose_b", Doc: "b is [N,K]", Default: false},
		{Name: "alpha", Doc: "what the product is multiplied with", Default: 1.0},
		{Name: "beta", Doc: "what c is multiplied with", Default: 1.0},
	},
	Expand: func(b *Builder, args []*ir.Value, a ir.Attrs) ([]*ir.Value, error) {
		y, err := b.Op("matmul", "gemm", args[:2], a[:2]...)
		if err != nil {
			return nil, err
		}
		times := func(x *ir.Value, by float64) (*ir.Value, error) {
			if by == 1 {
				return x, nil
			}
			return b.Op("mul", "gemm", []*ir.Value{x, b.scalar(by)})
		}
		if y, err = times(y, a.Float("alpha")); err != nil || len(args) < 3 {
			return []*ir.Value{y}, err
		}
		c, err := times(args[2], a.Float("beta"))
		if err != nil {
			return nil, err
		}
		sum, err := b.Op("add", "gemm", []*ir.Value{y, c})
		if err == nil && !sum.Type.Equal(y.Type) {
			return nil, WithNote("c has the shape of the product, or broadcasts to it", "gemm cannot add %s to a product %s", args[2].Type, y.Type)
		}
		return []*ir.Value{sum}, err
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		y := evalMatMul(args[:2], a)[0]
		n := 0
		eachIndex(y.Shape, func(ix []int) {
			if y.Data[n] *= a.Float("alpha"); len(args) > 2 {
				y.Data[n] += a.Float("beta") * args[2].Data[args[2].at(ix)]
			}
			n++
		})
		return []*Tensor{y}
	},
	ONNX: ONNX{Name: "Gemm", Min: 7, Max: 25, Attrs: map[string]string{"transpose_a": "transA", "transpose_b": "transB", "alpha": "alpha", "beta": "beta"}},
	Samples: []Sample{
		{Args: f32Types(ir.NS(4), ir.S(4, 5), ir.S(5))},
		{Args: f32Types(ir.NS(4), ir.S(5, 4)), Attrs: ir.Attrs{{Name: "transpose_b", Value: true}, {Name: "alpha", Value: 0.5}}, Batch: 2},
		{Args: f32Types(ir.S(4, 3), ir.S(5, 4), ir.S(3, 1)), Attrs: ir.Attrs{{Name: "transpose_a", Value: true}, {Name: "transpose_b", Value: true}, {Name: "alpha", Value: -1}, {Name: "beta", Value: 0.25}}},
		{Args: f32Types(ir.S(2, 3), ir.S(3, 2), nil), Attrs: ir.Attrs{{Name: "beta", Value: 2}}},
	},
})
