package ops

import (
	"fmt"
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// RMSNorm is root-mean-square normalization.
var RMSNorm = Register(&Operator{
	Name: "rms_norm",
	Doc: "Root-mean-square normalization (Zhang and Sennrich, Root Mean Square Layer Normalization, 2019): divides the last axes of x, from axis on, by the root of " +
		"their mean square, and multiplies with scale, which has the extents of those axes. No mean is subtracted.",
	Formula:  "y = x / sqrt(Σ x² / n + eps) * scale",
	Example:  "y = x |> rms_norm |> dense(64)",
	Category: "layer",
	Args:     []Arg{{Name: "x", Doc: "f32[N,..,C]"}, {Name: "scale", Doc: "f32, the normalized axes", Optional: true}},
	Attrs:    layerNormAttrs,
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		if _, err := rmsGeometry("rms_norm", args[0], args[1:], a); err != nil {
			return nil, err
		}
		return args[:1], nil
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		x, y, row := args[0], NewTensor(ir.F32, args[0].Shape...), rmsRow(args[0], a)
		for i, v := range x.Data {
			y.Data[i] = v / rmsOf(x.Data[i/row*row:][:row], a)
			if len(args) > 1 {
				y.Data[i] *= args[1].Data[i%row]
			}
		}
		return []*Tensor{y}
	},
	Grad: func(b *Builder, op *ir.Op, grads []*ir.Value) []*ir.Value {
		if grads[0] == nil {
			return make([]*ir.Value, len(op.Args))
		}
		args := append([]*ir.Value{op.Args[0], grads[0]}, op.Args[1:]...)
		list, err := b.Ops("rms_norm_grad", op.Args[0].Name+".grad", args, op.Attrs...)
		if err != nil {
			panic("ops: rms_norm: " + err.Error())
		}
		return list
	},
	Lower: func(l *Lowering, op *ir.Op) {
		g, _ := rmsGeometry("rms_norm", op.Args[0].Type, nil, op.Attrs)
		x := l.Buf(op.Args[0])
		inverse := g.inverseRoot(l, x, op.Attrs.Float("eps"))
		g.mapAll(l, l.Buf(op.Results[0]), func(at []loop.Affine) *loop.Expr {
			y := loop.E(loop.Mul, loop.Read(x, at...), g.reader(inverse)(at))
			if len(op.Args) > 1 {
				y = loop.E(loop.Mul, y, g.gain(l.Buf(op.Args[1]))(at))
			}
			return y
		})
	},
	Layer: &Layer{
		Doc:   "makes the parameter scale, one, with the extents of the normalized axes",
		Attrs: layerNormAttrs,
		Build: func(b *Builder, x []*ir.Value, a ir.Attrs) ([]*ir.Value, error) {
			axes, err := trailing("rms_norm", x[0].Type, a.Int("axis"))
			if err != nil {
				return nil, err
			}
			return b.normLayer("rms_norm", x[0], x[0].Type.Shape[axes[0]:], a)
		},
	},
	ONNX:    ONNX{Name: "RMSNormalization", Min: 23, Max: 23, Attrs: map[string]string{"axis": "axis", "eps": "epsilon"}},
	Samples: layerNormSamples(1),
})

// rmsGeometry checks the operands of rms_norm and its gradient.
func rmsGeometry(kind string, x ir.Type, scale []ir.Type, a ir.Attrs) (norm, error) {
	axes, err := trailing(kind, x, a.Int("axis"))
	if err != nil {
		return norm{}, err
	}
	g, err := newNorm(kind, x, ir.Attrs{{Name: "axes", Value: axes}, {Name: "groups", Value: 1}, {Name: "eps", Value: a.Float("eps")}})
	if err != nil {
		return norm{}, err
	}
	if len(scale) > 0 && !scale[0].Equal(ir.T(ir.F32, x.Shape[axes[0]:])) {
		return norm{}, fmt.Errorf("%s of %s takes a scale %s, not %s", kind, x, ir.T(ir.F32, x.Shape[axes[0]:]), scale[0])
	}
	return g, nil
}

// inverseRoot emits 1/sqrt(mean square + eps) of each row.
func (g norm) inverseRoot(l *Lowering, x *loop.Buffer, eps float64) *loop.Buffer {
	b := l.Temp("inverse", g.stat())
	g.sum(l, b, func(at []loop.Affine) *loop.Expr {
		v := loop.Read(x, at...)
		return loop.E(loop.Mul, v, v)
	}, func(total *loop.Expr) *loop.Expr {
		return loop.E(loop.Div, loop.F(1), loop.E(loop.Sqrt, loop.E(loop.Add, l.over(total, g.dims()), loop.F(eps))))
	})
	return b
}

// rmsRow is the number of elements that are normalized together.
func rmsRow(x *Tensor, a ir.Attrs) int {
	row := 1
	for _, d := range x.Shape[mustAxis(a.Int("axis"), len(x.Shape)):] {
		row *= d
	}
	return row
}

func rmsOf(row []float64, a ir.Attrs) float64 {
	sum := 0.0
	for _, v := range row {
		sum += v * v
	}
	return math.Sqrt(sum/float64(len(row)) + a.Float("eps"))
}
