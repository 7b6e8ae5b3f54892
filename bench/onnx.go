package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/dlc-ml/dlc/onnx"
)

// networks are ONNX models beside ONNX Runtime: folders with recorded inputs, or files that say all extents; those that are shared, where none is given.
// The program that measures the peer is built in dir.
func networks(dir string, models []string) ([]subject, error) {
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
	library, err := runtimeLibrary()
	if err != nil {
		return nil, err
	}
	ort := filepath.Join(dir, "ort")
	if msg, err := exec.Command("go", "build", "-C", filepath.Join("bench", "peers", "ort"), "-o", ort, ".").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("building the program that runs ONNX Runtime: %w\n%s", err, msg)
	}
	var list []subject
	for _, model := range models {
		s := subject{name: strings.TrimSuffix(filepath.Base(model), ".onnx"), dlc: []string{model},
			peer: func(_ string, threads int) *exec.Cmd { return exec.Command(ort, library, strconv.Itoa(threads), model) }}
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

// runtimeLibrary finds ONNX Runtime, which setup of the peers installs.
func runtimeLibrary() (string, error) {
	home := os.Getenv("PEERS")
	if home == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return "", err
		}
		home = filepath.Join(cache, "dlc-peers")
	}
	files, err := filepath.Glob(filepath.Join(home, "node_modules", "onnxruntime-node", "bin", "*", "linux", "x64", "libonnxruntime.so*"))
	if err != nil || len(files) == 0 {
		return "", fmt.Errorf("%s holds no ONNX Runtime; run %s", home, filepath.Join(testdata(), "peers", "setup"))
	}
	return files[0], nil
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
