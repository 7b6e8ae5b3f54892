package ops

import (
	"math"
	"slices"
	"testing"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// lower makes the loop program of the sample's function and verifies it. It returns the buffer of each value.
func (c *sampleCase) lower(t reporter) (*loop.Func, map[*ir.Value]*loop.Buffer) {
	t.Helper()
	f := &loop.Func{Name: "sample", Symbols: []ir.Symbol{{Name: "N"}}}
	bufs := map[*ir.Value]*loop.Buffer{}
	for _, v := range c.f.Inputs {
		space := loop.Input
		if c.o.Effect && c.o.Updates == nil {
			space = loop.Weight // max_norm changes a parameter that is trained
		}
		bufs[v] = f.NewBuffer(v.Name, v.Type, space, v.Pos)
	}
	for _, v := range c.f.Params() {
		bufs[v] = f.NewBuffer(v.Name, v.Type, loop.Weight, v.Pos)
	}
	for _, r := range c.f.Results {
		if v := r.Value; bufs[v] == nil {
			bufs[v] = f.NewBuffer(v.Name, v.Type, loop.Output, v.Pos)
		}
	}
	l := NewLowering(f, bufs)
	for _, op := range c.f.Ops {
		if err := l.Run(op); err != nil {
			t.Fatal(err)
		}
	}
	if slices.ContainsFunc(f.Buffers, func(b *loop.Buffer) bool { return len(b.Shape) == 1 && b.Shape[0].Sym == "P" }) {
		f.Symbols = append(f.Symbols, ir.Symbol{Name: "P"})
	}
	if err := loop.Verify(f); err != nil {
		t.Fatalf("%v\n%s", err, f)
	}
	return f, bufs
}

// compareLowered runs the loop program of the sample's function in float32 and compares its results with the evaluation.
func (c *sampleCase) compareLowered(t reporter, given map[*ir.Value]*Tensor) {
	t.Helper()
	want, err := EvalFunc(c.f, given, c.n)
	if err != nil {
		t.Fatal(err)
	}
	c.compareRun(t, given, c.returned(), want)
}

// returned are the values that the sample's function returns.
func (c *sampleCase) returned() (list []*ir.Value) {
	for _, r := range c.f.Results {
		list = append(list, r.Value)
	}
	return list
}

// compareRun runs the loop program of the sample's function in float32 and compares what some values are afterwards.
func (c *sampleCase) compareRun(t reporter, given map[*ir.Value]*Tensor, values []*ir.Value, want []*Tensor) {
	t.Helper()
	f, bufs := c.lower(t)
	for i, got := range c.run(t, f, bufs, given, values, want) {
		scale := 1 + largest(want[i])
		for k, w := range want[i].Data {
			if want[i].Elem.Float() {
				w = float64(float32(w)) // infinite where it is beyond f32
			}
			if !near(got.Data[k], w, 1e-5, 2e-6*scale) {
				t.Errorf("%s element %d: %g, want %g\n%s", values[i].Name, k, got.Data[k], w, f)
				break
			}
		}
	}
}

// run runs the loop program and returns what some values are afterwards, each of the type and shape of its like.
func (c *sampleCase) run(t reporter, f *loop.Func, bufs map[*ir.Value]*loop.Buffer, given map[*ir.Value]*Tensor, values []*ir.Value, like []*Tensor) (list []*Tensor) {
	t.Helper()
	sizes := map[string]int{"N": c.n, "P": 16}
	mem, err := loop.NewMemory(f, sizes)
	if err != nil {
		t.Fatal(err)
	}
	for v, x := range given {
		mem.SetWords(bufs[v], sizes, words(x))
	}
	if b := f.Buffer("$batch"); b != nil {
		mem.SetFloats(b, sizes, []float32{float32(c.n)})
	}
	if err := loop.Run(f, sizes, mem); err != nil {
		t.Fatalf("%v\n%s", err, f)
	}
	for i, v := range values {
		list = append(list, tensorOf(mem.Words(bufs[v], sizes), like[i]))
	}
	return list
}

// words are the bits of a tensor's elements.
func words(x *Tensor) []uint32 {
	list := make([]uint32, len(x.Data))
	for i, v := range x.Data {
		if list[i] = math.Float32bits(float32(v)); x.Elem.Cell() != ir.F32 {
			list[i] = uint32(int32(v))
		}
	}
	return list
}

// tensorOf is the tensor of the given bits with the type and shape of like.
func tensorOf(words []uint32, like *Tensor) *Tensor {
	x := &Tensor{Elem: like.Elem, Shape: like.Shape, Data: make([]float64, len(words))}
	for i, w := range words {
		if x.Data[i] = float64(math.Float32frombits(w)); x.Elem.Cell() != ir.F32 {
			x.Data[i] = float64(int32(w))
		}
	}
	return x
}

// TestLower compares the loop nests of every operator with its evaluation.
func TestLower(t *testing.T) {
	eachSample(t, func(t *testing.T, o *Operator, s *Sample, c *sampleCase) {
		switch {
		case len(o.Updates) > 0:
			given := map[*ir.Value]*Tensor{}
			for i, v := range c.values {
				given[v] = &Tensor{Elem: c.args[i].Elem, Shape: c.args[i].Shape, Data: slices.Clone(c.args[i].Data)}
			}
			c.eval()
			for _, i := range o.Updates {
				c.compareRun(t, given, c.values[i:i+1], c.args[i:i+1])
			}
		case o.Effect:
			c.lower(t) // it has no results to compare
		default:
			c.compareLowered(t, c.given())
			c.compareVariants(t)
		}
	})
}

// compareVariants compares on the other operands of the case.
func (c *sampleCase) compareVariants(t *testing.T) {
	names, list := c.Variants()
	for i, v := range list {
		t.Run(names[i], func(t *testing.T) { v.compareLowered(t, v.given()) })
	}
}

// TestLowerGradients does the same for the whole program of each gradient.
func TestLowerGradients(t *testing.T) {
	eachSample(t, func(t *testing.T, o *Operator, s *Sample, c *sampleCase) {
		if o.NoGrad != "" {
			return
		}
		if err := c.Differentiate(); err != nil {
			t.Fatalf("%v\n%s", err, c.f)
		}
		c.compareLowered(t, c.given())
		c.compareVariants(t)
	})
}

// TestLoopText prints the loop program of each sample, reads it back and prints it again.
func TestLoopText(t *testing.T) {
	eachSample(t, func(t *testing.T, o *Operator, s *Sample, c *sampleCase) {
		lowered, _ := c.lower(t)
		first := loop.Print(lowered)
		f, err := loop.Parse("sample.loop", []byte(first))
		if err != nil {
			t.Fatalf("%v\n%s", err, first)
		}
		if second := loop.Print(f); second != first {
			t.Errorf("printed\n%s\nread back and printed\n%s", first, second)
		}
	})
}
