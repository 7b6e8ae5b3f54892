package main

import (
	"context"
	"encoding/json"
	"hash/crc32"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dlc-ml/dlc/codegen"
	"github.com/dlc-ml/dlc/internal/driver"
	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
	"github.com/dlc-ml/dlc/passes/pass"
)

// recorded is what bench/peers/record.py wrote of one model: PyTorch's outputs, loss and gradients, in float64.
type recorded struct {
	Batch     int
	Loss      float64
	Logits    summary
	Gradients map[string]summary
}

// summary is a few elements of a tensor, its sum and its norm, and how far it moves in PyTorch by roundings: in float32, or when all parameters move by a
// millionth. MobileNetV2 magnifies rounding a thousandfold, in any system, and a unit that lies at the kink of its ReLU goes over to the other side.
type summary struct {
	At        []int
	Values    []float64
	Sum, Norm float64
	Rounded   struct{ Element, Sum float64 }
}

// TestAgreement compares the outputs, the loss and the gradients of every benchmark model, as generated code computes them, with PyTorch's for
// the same weights and inputs, which are a formula. bench/peers/record.py records anew.
func TestAgreement(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles large programs with the Go command")
	}
	files, err := filepath.Glob("models/*.dl")
	if err != nil || len(files) == 0 {
		t.Fatal("no models")
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".dl")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			agree(t, file, filepath.Join("testdata", name+".json"))
		})
	}
}

func agree(t *testing.T, file, record string) {
	data, err := os.ReadFile(record)
	if err != nil {
		t.Fatal(err)
	}
	var want recorded
	if err := json.Unmarshal(data, &want); err != nil {
		t.Fatal(err)
	}
	set := map[string]string{}
	if src, err := os.ReadFile(file); err == nil && strings.Contains(string(src), "const drop ") {
		set["drop"] = "0" // its random numbers are each system's own
	}
	m, err := driver.Compile(file, set, &pass.Config{})
	if err != nil {
		t.Fatal(err)
	}
	u := m.Unit
	infer, train := u.Loop(ir.FuncInfer), u.Loop(ir.FuncTrain)
	s, err := driver.NewSuite(context.Background(), t.TempDir(), []codegen.Case{{Name: "infer", Unit: u, Func: infer}, {Name: "train", Unit: u, Func: train}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	weights := startWeights(u)
	out, err := s.Run(0, driver.Call{Batch: want.Batch, Weights: weights, Inputs: operands(infer, want.Batch, 0)})
	if err != nil {
		t.Fatal(err)
	}
	want.Logits.compare(t, "logits", floats(out.Outputs[0]))
	logits := infer.Buffers[outputOf(infer)]
	classes := logits.Shape[len(logits.Shape)-1].Size
	out, err = s.Run(1, driver.Call{Batch: want.Batch, Step: 1, Weights: weights, Inputs: operands(train, want.Batch, classes)})
	if err != nil {
		t.Fatal(err)
	}
	if loss := floats(out.Outputs[0])[0]; !near(loss, want.Loss) {
		t.Errorf("the loss is %g, PyTorch's %g", loss, want.Loss)
	}
	sameBits(t, s, u, weights, classes)
	sameOnNEON(t, s, u, weights, classes)
	checked := 0
	for _, pl := range u.Places {
		if g, ok := want.Gradients[pl.Param.Name]; ok {
			g.compare(t, "the gradient of "+pl.Param.Name, gradient(out.Grads, pl))
			checked++
		} else if pl.Param.Trainable {
			t.Errorf("PyTorch has no gradient for %s", pl.Param.Name)
		}
	}
	if checked != len(want.Gradients) {
		t.Errorf("%d gradients of %d were compared", checked, len(want.Gradients))
	}
}

// outputOf is the number of the first output among a function's buffers.
func outputOf(f *loop.Func) int {
	for i, b := range f.Buffers {
		if b.Space == loop.Output {
			return i
		}
	}
	return -1
}

// magnified is how much further from PyTorch's float64 a number may be than a rounding moved it there, where that is more than what near allows.
const magnified = 4

// near is the agreement that is asked for.
func near(got, want float64) bool { return math.Abs(got-want) <= 1e-5+1e-4*math.Abs(want) }

// compare looks at the elements that were recorded, and at the norm of all.
func (s summary) compare(t *testing.T, what string, got []float64) {
	t.Helper()
	for i, at := range s.At {
		if !near(got[at], s.Values[i]) && math.Abs(got[at]-s.Values[i]) > magnified*s.Rounded.Element {
			t.Errorf("%s: element %d is %g, PyTorch's %g", what, at, got[at], s.Values[i])
			break
		}
	}
	norm, sum := 0.0, 0.0
	for _, v := range got {
		norm += v * v
		sum += v
	}
	root := math.Sqrt(float64(len(got)))
	if norm = math.Sqrt(norm); !near(norm, s.Norm) && math.Abs(norm-s.Norm) > magnified*s.Rounded.Element*root {
		t.Errorf("%s: the norm is %g, PyTorch's %g", what, norm, s.Norm)
	}
	// A sum may cancel: the norm says how large what is summed is.
	if math.Abs(sum-s.Sum) > 1e-5+1e-4*math.Abs(s.Sum)+1e-5*s.Norm*root+magnified*(s.Rounded.Sum+s.Rounded.Element*root) {
		t.Errorf("%s: the sum is %g, PyTorch's %g", what, sum, s.Sum)
	}
}

// gradient is that of one parameter, in row-major order.
func gradient(arena []uint32, pl pass.Place) []float64 {
	words := make([]uint32, pl.Size)
	for i := range words {
		words[i] = arena[pl.At(i)]
	}
	return floats(words)
}

func floats(words []uint32) []float64 {
	list := make([]float64, len(words))
	for i, w := range words {
		list[i] = float64(math.Float32frombits(w))
	}
	return list
}

// noise is the formula of record.py: numbers in [-1, 1) from a hash of the name and the element's number.
func noise(name string, n int) []float64 {
	seed := crc32.ChecksumIEEE([]byte(name))
	list := make([]float64, n)
	for i := range list {
		x := uint32(i)*2654435761 ^ seed
		x ^= x >> 16
		x *= 0x7feb352d
		x ^= x >> 15
		x *= 0x846ca68b
		x ^= x >> 16
		list[i] = float64(x>>8)/(1<<23) - 1
	}
	return list
}

// startWeights is the parameter arena with the formula's weights.
func startWeights(u *pass.Unit) []uint32 {
	arena := make([]uint32, u.ArenaLen)
	for _, pl := range u.Places {
		p := pl.Param
		last := p.Name[strings.LastIndex(p.Name, ".")+1:]
		shift, scale := 0.0, 0.125
		switch last {
		case "scale", "variance":
			shift, scale = 1, 0.25
		case "shift", "mean", "bias", "recurrent_bias":
		default:
			fan := 1
			for _, d := range p.Type.Shape[:len(p.Type.Shape)-1] {
				fan *= d.Size
			}
			if last == "recurrent_weight" {
				fan = p.Type.Shape[len(p.Type.Shape)-2].Size
			}
			scale = math.Exp2(math.Floor(math.Log2(math.Sqrt(3 / float64(fan)))))
		}
		for i, u := range noise(p.Name, pl.Size) {
			arena[pl.At(i)] = math.Float32bits(float32(shift + scale*u))
		}
	}
	return arena
}

// operands are the model's input and, for training, the labels.
func operands(f *loop.Func, batch, classes int) (list [][]uint32) {
	for _, b := range f.Buffers {
		if b.Space != loop.Input {
			continue
		}
		words := make([]uint32, batch*b.Size())
		if b.Elem == ir.I32 {
			for i := range words {
				words[i] = uint32((7*i + 3) % classes)
			}
		} else {
			for i, v := range noise("input", len(words)) {
				words[i] = math.Float32bits(float32(v))
			}
		}
		list = append(list, words)
	}
	return list
}
