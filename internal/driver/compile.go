// Package driver joins the stages of the compiler to what the commands of dlc do: it compiles a source file, keeps generated packages
// up to date, builds and runs the program that trains a model, and finds the data sets that come as Go modules.
package driver

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/dlc-ml/dlc/codegen"
	"github.com/dlc-ml/dlc/diag"
	"github.com/dlc-ml/dlc/dsl"
	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/passes"
	"github.com/dlc-ml/dlc/passes/pass"
)

// SourceLimit bounds the bytes of a source file.
const SourceLimit = 4 << 20

// Model is one source file and what it compiled to.
type Model struct {
	File   string // as the user named it
	Source []byte
	Set    map[string]string // constants that replace those of the source; of an ONNX model the shapes of inputs
	// Weights is a safetensors file of the parameters that came with an ONNX model.
	Weights []byte
	Unit    *pass.Unit
}

// Parse reads and checks a source file, with the given constants in place of its own. What is wrong with the source is a *diag.List.
func Parse(file string, set map[string]string) (*Model, *ir.Module, error) {
	if IsONNX(file) {
		return parseONNX(file, set)
	}
	src, err := readBounded(file, SourceLimit)
	if err != nil {
		return nil, nil, err
	}
	m, err := dsl.Compile(file, src, dsl.Options{Set: set})
	if err != nil {
		return nil, nil, err
	}
	return &Model{File: file, Source: src, Set: set}, m, nil
}

// Compile takes a source file through all passes, as cfg says. What is wrong with the source is a *diag.List.
func Compile(file string, set map[string]string, cfg *pass.Config) (*Model, error) {
	m, module, err := Parse(file, set)
	if err != nil {
		return nil, err
	}
	if m.Unit, err = m.run(module, cfg); err != nil {
		return nil, err
	}
	return m, nil
}

// Check reports what is wrong with a source, also what only the passes see: a loss that no gradient reaches, numbers of the train block out of
// range. It makes no kernels. What is wrong with the source is a *diag.List.
func Check(file string, set map[string]string) error {
	m, module, err := Parse(file, set)
	if err != nil {
		return err
	}
	_, err = m.run(module, &pass.Config{StopAfter: "lower"}) // what follows refuses nothing that a source says
	return err
}

// run takes a program through the passes, and adds what they refuse to what the support code would.
func (m *Model) run(module *ir.Module, cfg *pass.Config) (*pass.Unit, error) {
	errs := &diag.List{Source: m.Source}
	checked := codegen.Check(module)
	u, err := passes.Run(module, cfg)
	for _, err := range []error{checked, err} {
		var list *diag.List
		if errors.As(err, &list) {
			errs.Items = append(errs.Items, list.Items...)
		} else if err != nil {
			return nil, err
		}
	}
	return u, errs.Err()
}

// Beside returns the path of the source file with another extension: where the weights of "digits.dl" lie is Beside(".safetensors").
func (m *Model) Beside(ext string) string { return Beside(m.File, ext) }

// Beside replaces the extension of a source file.
func Beside(file, ext string) string {
	return file[:len(file)-len(filepath.Ext(file))] + ext
}

// readBounded reads a regular file of at most limit bytes.
func readBounded(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil {
		return nil, err
	} else if info.IsDir() {
		return nil, fmt.Errorf("%s is a folder, not a file", path)
	}
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%s is larger than %d MB", path, limit>>20)
	}
	return data, nil
}
