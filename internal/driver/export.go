package driver

import (
	"path/filepath"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/ops"
	"github.com/dlc-ml/dlc/onnx"
	"github.com/dlc-ml/dlc/passes/pass"
	"github.com/dlc-ml/dlc/runtime"
)

// Exported is a model on its way to a file of ONNX.
type Exported struct {
	Data    []byte
	Weights string // the file that the weights came from; "" where they are those that training starts from
	Nodes   int
}

// Export makes an ONNX model of what a source infers. weights is a safetensors file; where it is "", the one beside the source is taken, if there is one.
// What is wrong with the source is a *diag.List; operators without a form in ONNX are *onnx.Untranslated, which lists all of them.
func Export(file string, set map[string]string, weights string) (*Exported, error) {
	m, module, err := Parse(file, set)
	if err != nil {
		return nil, err
	}
	u, err := m.run(module, &pass.Config{StopAfter: "simplify"})
	if err != nil {
		return nil, err
	}
	name, data, err := m.weights(weights)
	if err != nil {
		return nil, err
	}
	values, err := parameterValues(u.Module, name, data)
	if err != nil {
		return nil, err
	}
	x, err := onnx.Export(u.Module, values)
	if err != nil {
		return nil, err
	}
	e := &Exported{Weights: name, Nodes: len(x.Graph.Nodes)}
	e.Data, err = x.Encode()
	return e, err
}

// Write writes the file, at once.
func (e *Exported) Write(path string) error { return replaceFile(path, e.Data) }

// parameterValues are the elements of each parameter, from a safetensors file or, where data is nil, as training starts.
func parameterValues(m *ir.Module, file string, data []byte) (map[string][]float64, error) {
	var params []runtime.Parameter
	size := 0
	for _, p := range m.Params {
		r := runtime.Parameter{Name: p.Name, Elem: p.Type.Elem.String(), Shape: ops.Extents(p.Type.Shape, 1), Offset: size, Init: p.Init.Kind, Scale: p.Init.Scale, Mean: p.Init.Mean, Trainable: p.Trainable}
		r.Strides = make([]int, len(r.Shape))
		n := 1
		for i := len(r.Shape) - 1; i >= 0; i-- {
			r.Strides[i] = n
			n *= r.Shape[i]
		}
		size += n
		params = append(params, r)
	}
	seed := 1
	if m.Train != nil {
		seed = m.Train.Seed
	}
	_, values, err := runtime.PackWeights(m.Name, filepath.Base(file), params, size, seed, data)
	return values, err
}
