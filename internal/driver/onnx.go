package driver

import (
	"bytes"
	"errors"
	"fmt"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"

	"github.com/dlc-ml/dlc/diag"
	"github.com/dlc-ml/dlc/dsl"
	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/onnx"
	"github.com/dlc-ml/dlc/passes/pass"
	"github.com/dlc-ml/dlc/runtime"
)

// IsONNX reports whether a file is taken for an ONNX model and not for a source.
func IsONNX(file string) bool { return strings.EqualFold(filepath.Ext(file), ".onnx") }

// parseONNX imports an ONNX model. set has the shapes of inputs: "x=1x3x224x224".
func parseONNX(file string, set map[string]string) (*Model, *ir.Module, error) {
	opt, set, err := importOptions(file, set)
	if err != nil {
		return nil, nil, err
	}
	done := collecting(file, opt.Memory)
	m, err := onnx.Read(file)
	var imp *onnx.Import
	if err == nil {
		imp, err = ImportONNX(m, opt)
	}
	if done(); err != nil {
		return nil, nil, err
	}
	weights, err := Safetensors(Tensors(imp.Module.Params, imp.Weights))
	if err != nil {
		return nil, nil, err
	}
	return &Model{File: file, Source: m.Source, Set: set, Weights: weights}, imp.Module, nil
}

// MaxMemory is the key among the shapes of inputs for how much memory an import may take beside the file, such as 4GB.
const MaxMemory = "--max-memory"

// importOptions reads what the user says about an ONNX model, and returns the shapes alone too.
func importOptions(file string, set map[string]string) (opt onnx.Options, shapes map[string]string, err error) {
	shapes = maps.Clone(set)
	delete(shapes, MaxMemory)
	opt.Name = modelName(file)
	if text := set[MaxMemory]; text != "" {
		if opt.Memory, err = parseBytes(text); err != nil {
			return opt, nil, err
		}
	}
	opt.Shapes, err = parseShapes(shapes)
	return opt, shapes, err
}

// parseBytes reads 512MB or 4GB.
func parseBytes(text string) (int64, error) {
	for unit, size := range map[string]int64{"MB": 1 << 20, "GB": 1 << 30} {
		if digits, ok := strings.CutSuffix(strings.ToUpper(text), unit); ok {
			if n, err := strconv.ParseInt(digits, 10, 64); err == nil && n > 0 && n <= (1<<40)/size {
				return n * size, nil
			}
		}
	}
	return 0, fmt.Errorf("%s is written 512MB or 4GB, not %q", MaxMemory, text)
}

// collecting lets the garbage collector keep to the memory that an import may take, until the result is called.
func collecting(file string, most int64) (done func()) {
	info, err := os.Stat(file)
	if err != nil {
		return func() {}
	}
	before := debug.SetMemoryLimit(2*info.Size() + max(most, 64<<20))
	return func() { debug.SetMemoryLimit(before) }
}

// ImportONNX imports a model with its first axes as the batch, where that is possible, and as it is where it is not.
func ImportONNX(m *onnx.Model, opt onnx.Options) (*onnx.Import, error) {
	opt.Batch = true
	imp, err := m.Import(opt)
	if u := (*onnx.Unsupported)(nil); !errors.As(err, &u) {
		return imp, err
	}
	opt.Batch, opt.Rows = false, 1
	return m.Import(opt)
}

// Imported is an ONNX model on its way to a source and a file of weights.
type Imported struct {
	Model   *onnx.Import
	Source  []byte // in the one style
	Weights []runtime.Tensor
	Name    string // of the model, and of the files before their extensions
}

// Import makes a source of an ONNX model, which it has compiled once to see that it is right. With keep it has a line for each node.
func Import(file string, shapes map[string]string, keep bool) (*Imported, error) {
	opt, _, err := importOptions(file, shapes)
	if err != nil {
		return nil, err
	}
	defer collecting(file, opt.Memory)()
	m, err := onnx.Read(file)
	if err != nil {
		return nil, err
	}
	name := opt.Name
	opt.Batch, opt.Keep = true, keep
	imp, err := m.Import(opt)
	if err != nil {
		return nil, err
	}
	head := fmt.Sprintf("// Imported from %s.\n", filepath.Base(file))
	if m.Producer != "" {
		head = fmt.Sprintf("// Imported from %s, which %s wrote.\n", filepath.Base(file), strings.Join(strings.Fields(m.Producer), " "))
	}
	text, err := imp.Source(head)
	if err != nil {
		return nil, fmt.Errorf("%s: %w; dlc build takes the file as it is", file, err)
	}
	if len(text) > SourceLimit {
		return nil, fmt.Errorf("%s: the source would be larger than %d MB; dlc build takes the file as it is", file, SourceLimit>>20)
	}
	dl := name + ".dl"
	if _, err := dsl.Compile(dl, []byte(text), dsl.Options{}); err != nil {
		return nil, fmt.Errorf("%s: the source made of it is wrong, which is a bug of dlc: %w", file, err)
	}
	src, err := dsl.Format(dl, []byte(text))
	if err != nil {
		return nil, err
	}
	return &Imported{Model: imp, Source: src, Weights: Tensors(imp.Module.Params, imp.Weights), Name: name}, nil
}

// Write writes the source and the weights, in a format that is an extension, to a folder and returns their paths. Each file is replaced at once.
func (i *Imported) Write(dir, format string) ([]string, error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	files := []string{filepath.Join(dir, i.Name+"."+format), filepath.Join(dir, i.Name+".dl")}
	if err := runtime.WriteWeights(files[0], i.Weights); err != nil {
		return nil, err
	}
	return files, replaceFile(files[1], i.Source)
}

// CompileWith imports an ONNX model as a source and adds a block to it that says how it is trained: a file with a target and a train block. What is wrong
// with that is a *diag.List of its places.
func CompileWith(file, block string, shapes map[string]string) (*Model, error) {
	imp, err := Import(file, shapes, false)
	if err != nil {
		return nil, err
	}
	text, err := readBounded(block, SourceLimit)
	if err != nil {
		return nil, err
	}
	end := bytes.LastIndexByte(imp.Source, '}')
	head := imp.Source[:end]
	source := slices.Concat(head, text, []byte("\n"), imp.Source[end:])
	m := &Model{File: file, Source: source}
	module, err := dsl.Compile(file, source, dsl.Options{})
	if err == nil {
		m.Unit, err = m.run(module, &pass.Config{})
	}
	if list := (*diag.List)(nil); errors.As(err, &list) {
		list.Source = text
		for i := range list.Items {
			pos := &list.Items[i].Pos
			pos.File, pos.Line = block, max(1, pos.Line-bytes.Count(head, []byte("\n")))
		}
	}
	if err != nil {
		return nil, err
	}
	m.Weights, err = Safetensors(imp.Weights)
	return m, err
}

// parseShapes reads shapes of inputs.
func parseShapes(set map[string]string) (map[string][]int, error) {
	shapes := map[string][]int{}
	for name, text := range set {
		shape := []int{}
		if text != "" {
			for _, part := range strings.Split(text, "x") {
				n, err := strconv.Atoi(part)
				if err != nil || n < 1 || n > ir.MaxElems {
					return nil, fmt.Errorf("the shape of %s is written %s=1x3x224x224, not %q", name, name, text)
				}
				shape = append(shape, n)
			}
		}
		shapes[name] = shape
	}
	return shapes, nil
}

// modelName makes the name of a model, which is one of a Go package, of that of its file.
func modelName(file string) string {
	base := strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
	var b strings.Builder
	for _, r := range strings.ToLower(base) {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9' && b.Len() > 0:
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "_"):
			b.WriteByte('_')
		}
	}
	name := strings.TrimSuffix(b.String(), "_")
	if name == "" || name == "main" || token.IsKeyword(name) {
		name += "model"
	}
	return name
}
