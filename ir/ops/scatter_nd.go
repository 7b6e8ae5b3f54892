package ops

import "github.com/dlc-ml/dlc/ir"

var scatterND = scattering{
	Operator: Operator{
		Name: "scatter_nd",
		Doc: "x with updates written at indices of several numbers: the last axis of indices holds k numbers, which index the first k axes of x behind batch_dims; an update is what they " +
			"leave of x. Updates to one place are made one after the other, in the order of the indices. " + indexNote,
		Formula: "y = x; then y[indices[t..,0], …, indices[t..,k-1], j..] = updates[t.., j..]",
		Example: "y = scatter_nd(x, places, news, batch_dims=1)",
		Attrs:   ndAttrs,
		ONNX:    ONNX{Name: "ScatterND", Min: 11, Max: 25, Attrs: map[string]string{"reduction": "reduction"}, Note: "batch_dims=0"},
		Samples: []Sample{
			{Args: []ir.Type{ir.T(ir.F32, ir.NS(3, 4)), ir.T(ir.I32, ir.NS(3, 2)), ir.T(ir.F32, ir.NS(3))}, Attrs: ir.Attrs{{Name: "batch_dims", Value: 1}}, Batch: 2,
				Data: map[int][]float64{1: {0, 0, 2, 3, 0, 0, 1, 1, -1, -1, 2147483647, -2147483648}}},
			{Args: []ir.Type{ir.T(ir.F32, ir.S(3, 140)), ir.T(ir.I64, ir.NS(2, 1)), ir.T(ir.F32, ir.NS(2, 140))}, Attrs: ir.Attrs{{Name: "reduction", Value: "add"}}, Batch: 2,
				Data: map[int][]float64{1: {2, 2, 0, 9}}},
			{Args: []ir.Type{ir.T(ir.F32, ir.S(3, 4)), ir.T(ir.I32, ir.S(3, 2)), ir.T(ir.F32, ir.S(3))}, Attrs: ir.Attrs{{Name: "reduction", Value: "mul"}}, Kinks: 0.1,
				Data: map[int][]float64{1: {0, 0, 2, 3, 0, 0}}},
			{Args: []ir.Type{ir.T(ir.F32, ir.S(4, 2)), ir.T(ir.I32, ir.S(3, 1)), ir.T(ir.F32, ir.S(3, 2))}, Attrs: ir.Attrs{{Name: "reduction", Value: "max"}}, Kinks: 0.02,
				Data: map[int][]float64{1: {0, -1, 0}}},
			{Args: []ir.Type{ir.T(ir.F32, ir.S(4, 2)), ir.T(ir.I32, ir.NS(3, 1)), ir.T(ir.F32, ir.NS(3, 2))}, Attrs: ir.Attrs{{Name: "reduction", Value: "min"}}, Kinks: 0.02,
				Data: map[int][]float64{1: {0, -1, 0, 1, 1, 1, 2, 0, 1}}},
			{Args: []ir.Type{ir.T(ir.I32, ir.S(4)), ir.T(ir.I32, ir.S(1)), ir.T(ir.I32, nil)}, Data: map[int][]float64{0: {1, 2, 3, 4}, 1: {2}, 2: {-7}}},
		},
	},
	pick:   pickND,
	gather: "gather_nd",
	each:   eachND,
}

// ScatterND writes elements or slices at indices of several numbers.
var ScatterND = Register(scatterND.operator())

// ScatterNDGrad is the gradient of scatter_nd for its updates.
var ScatterNDGrad = Register(scatterND.updateGrad())
