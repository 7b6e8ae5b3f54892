package ops

// Less says where a is smaller.
var Less = Register(compares(Operator{
	Name:    "less",
	Doc:     "True where a is smaller than b; false where one is NaN. Shapes broadcast as in NumPy.",
	Formula: "y = a < b",
	Example: "low = less(x, limit)",
	ONNX:    ONNX{Name: "Less", Min: 7, Max: 25},
}, numbers, func(a, b float64) bool { return a < b }, less))
