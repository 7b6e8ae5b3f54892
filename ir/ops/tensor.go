package ops

import "github.com/dlc-ml/dlc/ir"

// Tensor is a value of the float64 evaluation: dense and row-major, with N replaced by its number. Integers and truth values
// (0 and 1) are held as float64 too.
type Tensor struct {
	Elem  ir.DType
	Shape []int
	Data  []float64
}

// NewTensor returns a tensor of zeros.
func NewTensor(e ir.DType, shape ...int) *Tensor {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return &Tensor{Elem: e, Shape: append([]int{}, shape...), Data: make([]float64, n)}
}
