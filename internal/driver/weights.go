package driver

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/ops"
	"github.com/dlc-ml/dlc/onnx"
	"github.com/dlc-ml/dlc/runtime"
)

// weightsLimit bounds the bytes of a file of weights.
const weightsLimit = 8 << 30

// weights reads the file of weights that the user names, or that belongs to the model, as a safetensors file, whatever its format; without one the name is "".
func (m *Model) weights(name string) (string, []byte, error) {
	beside := name == ""
	if beside && m.Weights != nil {
		return m.File, m.Weights, nil
	}
	if beside {
		name = m.Beside(".safetensors")
	}
	list, done, err := runtime.OpenWeights(name)
	switch {
	case beside && errors.Is(err, fs.ErrNotExist):
		return "", nil, nil
	case err != nil:
		return name, nil, err
	}
	defer done()
	data, err := Safetensors(list)
	if err != nil {
		err = fmt.Errorf("%s: %w", name, err)
	}
	return name, data, err
}

// Safetensors is a file of tensors.
func Safetensors(list []runtime.Tensor) ([]byte, error) {
	size := int64(0)
	for _, t := range list {
		if size += t.Bytes(); size > weightsLimit {
			return nil, fmt.Errorf("the weights take more than %d MB", weightsLimit>>20)
		}
	}
	var b bytes.Buffer
	b.Grow(int(size) + 1<<12 + len(list)<<8) // about what the header takes
	err := runtime.WriteSafetensors(&b, list)
	return b.Bytes(), err
}

// Tensors are the parameters, in their order, with their elements, which are made when they are read.
func Tensors(params []*ir.Param, weights map[string]onnx.Weight) []runtime.Tensor {
	var list []runtime.Tensor
	for _, p := range params {
		w := weights[p.Name]
		list = append(list, runtime.Tensor{Name: p.Name, DType: "F32", Shape: ops.Extents(p.Type.Shape, 1), Open: func() (io.Reader, error) { return w.Reader(), nil }})
	}
	return list
}
