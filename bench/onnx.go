package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/dlc-ml/dlc/onnx"
)

// networks are ONNX models beside ONNX Runtime: folders with recorded inputs, or files that say all extents; those that are shared, where none is given.
func networks(p *peers, models []string) ([]subject, error) {
	if len(models) == 0 {
		files, err := filepath.Glob(filepath.Join(testdata(), "models", "onnx", "*", "model.onnx"))
		if err != nil || len(files) == 0 {
			return nil, fmt.Errorf("%s has no models/onnx; name the folders", testdata())
		}
		for _, f := range files {
			models = append(models, filepath.Dir(f))
		}
		light, err := filepath.Glob(filepath.Join(testdata(), "models", "onnx-light", "*.onnx"))
		if err != nil {
			return nil, err
		}
		models = append(models, light...)
	}
	var list []subject
	for _, model := range models {
		s := subject{name: strings.TrimSuffix(filepath.Base(model), ".onnx"), dlc: []string{model},
			peers: func(_ string, threads int) ([]*exec.Cmd, error) { return p.onnxRuntime(threads, model) }}
		if filepath.Ext(model) != ".onnx" {
			shapes, err := recordedShapes(model)
			if err != nil {
				return nil, err
			}
			if _, after, ok := strings.Cut(s.name, "__"); ok {
				s.name = after
			}
			s.dlc = append([]string{filepath.Join(model, "model.onnx")}, shapes...)
		}
		list = append(list, s)
	}
	return list, nil
}

// recordedShapes are the options that tell dlc the shapes of the recorded inputs of a folder.
func recordedShapes(folder string) ([]string, error) {
	m, err := onnx.Read(filepath.Join(folder, "model.onnx"))
	if err != nil {
		return nil, err
	}
	known := map[string]bool{}
	for _, t := range m.Graph.Initializers {
		known[t.Name] = true
	}
	var list []string
	n := 0
	for _, in := range m.Graph.Inputs {
		t, err := onnx.ReadTensor(filepath.Join(folder, "test_data_set_0", "input_"+strconv.Itoa(n)+".pb"))
		if errors.Is(err, fs.ErrNotExist) && known[in.Name] {
			continue // a weight that is an input, too
		}
		if err != nil {
			return nil, err
		}
		n++
		var dims []string
		for _, d := range t.Dims {
			dims = append(dims, strconv.FormatInt(d, 10))
		}
		list = append(list, "--set", in.Name+"="+strings.Join(dims, "x"))
	}
	return list, nil
}
