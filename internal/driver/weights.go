package driver

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/ops"
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
	b.Grow(int(size) + 1<<12)
	err := runtime.WriteSafetensors(&b, list)
	return b.Bytes(), err
}

// Tensors are the parameters, in their order, with their elements.
func Tensors(params []*ir.Param, weights map[string][]float32) []runtime.Tensor {
	var list []runtime.Tensor
	for _, p := range params {
		w := weights[p.Name]
		list = append(list, runtime.Tensor{Name: p.Name, DType: "F32", Shape: ops.Extents(p.Type.Shape, 1), Open: func() (io.Reader, error) { return &floats{left: w}, nil }})
	}
	return list
}

// floats reads numbers as little-endian float32.
type floats struct {
	left  []float32
	ready []byte
	buf   [1 << 12]byte
}

func (f *floats) Read(p []byte) (int, error) {
	if len(f.ready) == 0 {
		if len(f.left) == 0 {
			return 0, io.EOF
		}
		n := min(len(f.left), len(f.buf)/4)
		f.ready = f.buf[:0]
		for _, x := range f.left[:n] {
			f.ready = binary.LittleEndian.AppendUint32(f.ready, math.Float32bits(x))
		}
		f.left = f.left[n:]
	}
	n := copy(p, f.ready)
	f.ready = f.ready[n:]
	return n, nil
}
