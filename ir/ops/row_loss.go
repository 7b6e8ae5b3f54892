package ops

import (
	"fmt"
	"math"

	"github.com/dlc-ml/dlc/ir"
)

// rowReduction is the reduction of losses that compare whole vectors.
var rowReduction = AttrDef{Name: "reduction", Default: "mean", Values: []string{"mean", "sum", "none"},
	Doc: "mean or sum over all rows of the batch; none gives a number for each row"}

// reduced is one number of a tensor of one number a row, or the rows as they are.
func (b *Builder) reduced(rows *ir.Value, a ir.Attrs) ([]*ir.Value, error) {
	kind := "reduce_" + a.Str("reduction")
	if kind == "reduce_none" {
		return []*ir.Value{rows}, nil
	}
	return []*ir.Value{b.apply(kind, rows)}, nil
}

// evalReduced is reduced for the evaluation.
func evalReduced(rows *Tensor, a ir.Attrs) []*Tensor {
	if a.Str("reduction") == "none" {
		return []*Tensor{rows}
	}
	y := NewTensor(ir.F32)
	for _, v := range rows.Data {
		y.Data[0] += v
	}
	if a.Str("reduction") == "mean" {
		y.Data[0] /= float64(len(rows.Data))
	}
	return []*Tensor{y}
}

// sumLast sums the last axis.
func (b *Builder) sumLast(x *ir.Value, keep bool) *ir.Value {
	return b.Must("reduce_sum", "sum", []*ir.Value{x}, ir.Attr{Name: "axes", Value: []int{-1}}, ir.Attr{Name: "keep_dims", Value: keep})
}

// inExample folds all axes but the first with a reduction; what has no others stays.
func (b *Builder) inExample(kind string, x *ir.Value) *ir.Value {
	var axes []int
	for i := 1; i < len(x.Type.Shape); i++ {
		axes = append(axes, i)
	}
	if axes == nil {
		return x
	}
	return b.Must(kind, "rows", []*ir.Value{x}, ir.Attr{Name: "axes", Value: axes})
}

// wantVectors refuses operands that are not f32 tensors of one shape with vectors in the last axis.
func wantVectors(name string, args []*ir.Value, names []Arg) error {
	for i, v := range args {
		if err := wantElem(name, names[i].Name, v.Type, ir.F32); err != nil {
			return err
		}
		if !v.Type.Equal(args[0].Type) {
			return WithNote("bring them to one shape with reshape or dense", "%s wants operands of one shape, not %s and %s", name, args[0].Type, v.Type)
		}
	}
	if s := args[0].Type.Shape; len(s) == 0 || !s[len(s)-1].Static() {
		return fmt.Errorf("%s compares vectors along the last axis, but its operands are %s", name, args[0].Type)
	}
	return nil
}

// eachVector calls f with the vectors of all operands in each row and returns what it gives.
func eachVector(args []*Tensor, f func(row int, x [][]float64) float64) *Tensor {
	s := args[0].Shape
	n := s[len(s)-1]
	rows := NewTensor(ir.F32, s[:len(s)-1]...)
	for r := range rows.Data {
		x := make([][]float64, len(args))
		for i, t := range args {
			x[i] = t.Data[r*n : (r+1)*n]
		}
		rows.Data[r] = f(r, x)
	}
	return rows
}

// distance is the p-norm of the difference of vectors along the last axis. bias is added to each difference, so that the root has a slope
// where vectors are equal.
func (b *Builder) distance(x, y *ir.Value, p, bias float64) *ir.Value {
	d := b.apply("sub", x, y)
	if bias != 0 {
		d = b.offset(d, bias)
	}
	switch p {
	case 1:
		return b.sumLast(b.apply("abs", d), false)
	case 2:
		return b.apply("sqrt", b.sumLast(b.apply("square", d), false))
	}
	sum := b.sumLast(b.apply("pow", b.apply("abs", d), b.scalar(p)), false)
	return b.apply("pow", sum, b.scalar(1/p))
}

// evalDistance is distance for the evaluation.
func evalDistance(x, y []float64, p, bias float64) float64 {
	sum := 0.0
	for i := range x {
		sum += math.Pow(math.Abs(x[i]-y[i]+bias), p)
	}
	return math.Pow(sum, 1/p)
}

// byReduction gives a sample each reduction in turn.
func byReduction(list []Sample) []Sample {
	for i := range list {
		r := []string{"mean", "none", "sum"}[i%3]
		list[i].Attrs = append(ir.Attrs{{Name: "reduction", Value: r}}, list[i].Attrs...)
	}
	return list
}
