package ops

import "github.com/dlc-ml/dlc/ir"

var scatterElements = scattering{
	Operator: Operator{
		Name: "scatter_elements",
		Doc: "x with an update written for each of the indices, which have as many axes as x: the index stands for one axis, and the other axes are those of the place where the index " +
			"stands. Updates to one place are made one after the other, in the order of the indices. " + indexNote,
		Formula: "y = x; then y[i, indices[i,j,k], k] = updates[i,j,k], for axis=1",
		Example: "y = scatter_elements(x, places, news, axis=1)",
		Attrs:   elementAttrs,
		ONNX: ONNX{Name: "ScatterElements", Min: 11, Max: 25, Attrs: map[string]string{"axis": "axis", "reduction": "reduction"},
			Note: "also Scatter of opsets 9 and 10"},
		Samples: []Sample{
			{Args: []ir.Type{ir.T(ir.F32, ir.NS(4)), ir.T(ir.I32, ir.NS(6)), ir.T(ir.F32, ir.NS(6))}, Attrs: ir.Attrs{{Name: "axis", Value: 1}}, Batch: 2,
				Data: map[int][]float64{1: {0, 3, 3, -1, -4, 1, 2, 2, 2, 0, 9, -9}}},
			{Args: []ir.Type{ir.T(ir.F32, ir.S(3, 9)), ir.T(ir.I64, ir.S(2, 9)), ir.T(ir.F32, ir.S(2, 9))}, Attrs: ir.Attrs{{Name: "reduction", Value: "add"}},
				Data: map[int][]float64{1: {0, 2, 1, -3, 0, 0, 0, 0, 1, 0, 2, 0, 0, 0, 2147483647, 1, -2147483648, 1}}},
			{Args: []ir.Type{ir.T(ir.F32, ir.NS(3, 4)), ir.T(ir.I32, ir.NS(5, 2)), ir.T(ir.F32, ir.NS(5, 2))}, Batch: 1, Kinks: 0.1,
				Attrs: ir.Attrs{{Name: "axis", Value: -2}, {Name: "reduction", Value: "mul"}}, Data: map[int][]float64{1: {0, 1, 2, 2, 0, 0, -1, -2, 2, 1}}},
			{Args: []ir.Type{ir.T(ir.F32, ir.NS(5)), ir.T(ir.I32, ir.NS(7)), ir.T(ir.F32, ir.NS(7))}, Batch: 2, Kinks: 0.02,
				Attrs: ir.Attrs{{Name: "axis", Value: 1}, {Name: "reduction", Value: "max"}}, Data: map[int][]float64{1: {0, 1, 2, 2, 0, 0, -1, 4, 3, 2, 1, 0, 0, 0}}},
			{Args: []ir.Type{ir.T(ir.F32, ir.NS(5)), ir.T(ir.I32, ir.NS(2)), ir.T(ir.F32, ir.NS(2))}, Kinks: 0.02,
				Attrs: ir.Attrs{{Name: "axis", Value: 1}, {Name: "reduction", Value: "min"}}, Data: map[int][]float64{1: {0, 1, 2, 2, 0, 0}}},
			{Args: []ir.Type{ir.T(ir.I32, ir.S(3)), ir.T(ir.I32, ir.S(4)), ir.T(ir.I32, ir.S(4))}, Attrs: ir.Attrs{{Name: "reduction", Value: "add"}},
				Data: map[int][]float64{0: {2147483647, -6, 7}, 1: {1, 0, 0, 2}, 2: {5, 1, 1, -2147483648}}},
			{Args: []ir.Type{ir.T(ir.I32, ir.S(3)), ir.T(ir.I32, ir.S(4)), ir.T(ir.I32, ir.S(4))}, Attrs: ir.Attrs{{Name: "reduction", Value: "min"}},
				Data: map[int][]float64{0: {1, -6, 7}, 1: {1, 0, 0, 2}, 2: {5, 0, 4, -2147483648}}},
		},
	},
	pick:   pickElements,
	gather: "gather_elements",
	each:   eachElement,
}

// ScatterElements writes single elements along one axis.
var ScatterElements = Register(scatterElements.operator())

// ScatterElementsGrad is the gradient of scatter_elements for its updates.
var ScatterElementsGrad = Register(scatterElements.updateGrad())
