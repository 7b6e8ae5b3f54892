package ops

import (
	"fmt"
	"math"

	"github.com/dlc-ml/dlc/ir"
)

// Embedding is the layer that has a learned vector for each word of a vocabulary.
var Embedding = Register(&Operator{
	Name: "embedding",
	Doc: "A learned vector for each number of a vocabulary: whole numbers [N, …] become f32[N, …, dim], row x of the matrix weight [vocabulary, dim]. It is gather along axis 0. " +
		"Its gradient adds the gradient of each vector to the row that it came from, in the order of x. " + indexNote,
	Formula:  "y[n.., j] = weight[x[n..], j]",
	Example:  "tokens = text |> embedding(1000, 64)",
	Category: "layer",
	Args:     []Arg{{Name: "x", Doc: "whole numbers below vocabulary: i32 or i64, any shape"}, {Name: "weight", Doc: "f32[vocabulary,dim]"}},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		x, w := args[0], args[1]
		dim := w.Shape[1]
		y := NewTensor(ir.F32, append(append([]int{}, x.Shape...), dim)...)
		for i, v := range x.Data {
			row := evalPlace(v, w.Shape[0])
			copy(y.Data[i*dim:(i+1)*dim], w.Data[row*dim:])
		}
		return []*Tensor{y}
	},
	Expand: func(b *Builder, args []*ir.Value, a ir.Attrs) ([]*ir.Value, error) {
		x, w := args[0], args[1]
		if err := wholeNumbers(x.Type); err != nil {
			return nil, err
		}
		if w.Type.Elem != ir.F32 || len(w.Type.Shape) != 2 || !w.Type.Shape[0].Static() || !w.Type.Shape[1].Static() {
			return nil, fmt.Errorf("embedding needs a matrix f32[vocabulary,dim], not %v", w.Type)
		}
		return b.Ops("gather", "embedding", []*ir.Value{w, x})
	},
	Layer: &Layer{
		Doc: "makes the parameter weight [vocabulary,dim], uniform in ±sqrt(3) at the start, which gives each number the variance 1",
		Attrs: []AttrDef{{Name: "vocabulary", Doc: "how many different numbers there are", Kind: 0},
			{Name: "dim", Doc: "the length of a vector", Kind: 0}},
		Build: buildEmbedding,
	},
	ONNX: ONNX{Name: "Gather", Min: 1, Max: 25, Note: "axis=0 of a matrix of weights"},
	Samples: []Sample{
		{Args: []ir.Type{ir.T(ir.I32, ir.NS(4)), ir.T(ir.F32, ir.S(5, 3))}, Batch: 2, Data: map[int][]float64{0: {0, 4, 2, 2, -1, -5, 1, 99}}},
		{Args: []ir.Type{ir.T(ir.I64, ir.NS()), ir.T(ir.F32, ir.S(2, 17))}, Data: map[int][]float64{0: {1, 1, 0}}},
		{Args: []ir.Type{ir.T(ir.I32, ir.NS(2, 1)), ir.T(ir.F32, ir.S(1, 1))}, Batch: 1, Data: map[int][]float64{0: {0, 0}}},
		{Args: []ir.Type{ir.T(ir.I32, ir.NS(3)), ir.T(ir.F32, ir.S(4, 300))}, Data: map[int][]float64{0: {0, 1, 1, 3, 1, 1, 0, 2, 1}}},
	},
})

// wholeNumbers checks the operand of an embedding.
func wholeNumbers(t ir.Type) error {
	if err := wantElem("embedding", "x", t, ir.I32, ir.I64); err != nil {
		return WithNote("declare the input as i32: input tokens: i32[32]", "%s", err)
	}
	return nil
}

func buildEmbedding(b *Builder, x []*ir.Value, a ir.Attrs) ([]*ir.Value, error) {
	if len(x) != 1 {
		return nil, fmt.Errorf("embedding takes one operand, not %d", len(x))
	}
	if err := wholeNumbers(x[0].Type); err != nil {
		return nil, err
	}
	n, dim := a.Int("vocabulary"), a.Int("dim")
	if n < 1 || dim < 1 || n > ir.MaxElems/dim {
		return nil, WithNote("the arguments are the size of the vocabulary and the length of a vector: embedding(1000, 64)",
			"embedding cannot have %d vectors of %d numbers", n, dim)
	}
	s := append(append(ir.Shape{}, x[0].Type.Shape...), ir.D(dim))
	if _, ok := s.Elems(); !ok {
		return nil, fmt.Errorf("embedding would give %v, more than the %d elements that a tensor may have", s, ir.MaxElems)
	}
	w, err := b.Param("weight", ir.T(ir.F32, ir.S(n, dim)), ir.Init{Kind: "uniform", Scale: math.Sqrt(3)})
	if err != nil {
		return nil, err
	}
	return b.Ops("embedding", "embedding", []*ir.Value{x[0], w})
}
