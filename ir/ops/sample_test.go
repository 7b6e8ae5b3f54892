package ops

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/dlc-ml/dlc/ir"
	"pgregory.net/rapid"
)

var _, _ reporter = (*testing.T)(nil), (*rapid.T)(nil)

// eachSample runs a subtest for every operator × sample.
func eachSample(t *testing.T, test func(t *testing.T, o *Operator, s *Sample, c *sampleCase)) {
	for _, o := range All() {
		for i := range o.Samples {
			s := &o.Samples[i]
			t.Run(fmt.Sprintf("%s/%d", o.Name, i), func(t *testing.T) { test(t, o, s, newCase(t, o, s)) })
		}
	}
}

// reporter is what [testing.T] and [rapid.T] have in common.
type reporter interface {
	Helper()
	Errorf(format string, args ...any)
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// sampleCase is one operator applied to one sample: a module with one function that returns the operator's results.
type sampleCase struct {
	module  *ir.Module
	f       *ir.Func
	o       *Operator
	op      *ir.Op // the last one, where the operator expands into several
	results []*ir.Value
	attrs   ir.Attrs
	n       int
	args    []*Tensor
	rng     *rand.Rand
}

// eval evaluates the operator itself, not what it expands to.
func (c *sampleCase) eval() []*Tensor { return c.o.Eval(c.args, c.attrs) }

func newCase(t reporter, o *Operator, s *Sample) *sampleCase {
	t.Helper()
	seed := fnv.New64a()
	fmt.Fprint(seed, o.Name, s.Args, s.Attrs, s.Batch)
	c := &sampleCase{o: o, n: s.Batch, f: ir.NewFunc("sample", ir.Symbol{Name: "N"}), rng: rand.New(rand.NewPCG(seed.Sum64(), 1))}
	if c.n == 0 {
		c.n = 3
	}
	c.module = &ir.Module{Name: "m", Funcs: []*ir.Func{c.f}}
	b := &Builder{Module: c.module, Func: c.f}
	var args []*ir.Value
	for i, typ := range s.Args {
		args = append(args, c.f.Input(fmt.Sprintf("x%d", i), typ, b.Pos))
	}
	var err error
	if c.attrs, err = Complete(o.Attrs, s.Attrs); err != nil {
		t.Fatal(err)
	}
	if c.results, err = b.Ops(o.Name, "y", args, s.Attrs...); err != nil {
		t.Fatalf("Infer refuses the sample: %v", err)
	}
	if n := len(c.f.Ops); n > 0 {
		c.op = c.f.Ops[n-1]
	}
	for i, r := range c.results {
		c.f.Return(fmt.Sprintf("y%d", i), r)
	}
	c.fill(t, s)
	return c
}

// fill makes the operands. Every value is an f32, so that float64 and float32 start from the same numbers.
func (c *sampleCase) fill(t reporter, s *Sample) {
	t.Helper()
	joint := 0 // how many values share one grid
	for i, typ := range s.Args {
		x := NewTensor(typ.Elem, Extents(typ.Shape, c.n)...)
		c.args = append(c.args, x)
		if _, ok := s.Range[i]; !ok && s.Data[i] == nil {
			joint += len(x.Data)
		}
	}
	shared := c.spread(joint, -2, 2, s.Kinks)
	for i, x := range c.args {
		switch data, r := s.Data[i], s.Range[i]; {
		case data != nil:
			if len(data) != len(x.Data) {
				t.Fatalf("the sample gives %d values for operand %d, which has %d", len(data), i, len(x.Data))
			}
			copy(x.Data, data)
		case x.Elem != ir.F32:
			t.Fatalf("the sample gives no values for operand %d, which is %s", i, s.Args[i])
		case r != [2]float64{}:
			copy(x.Data, c.spread(len(x.Data), r[0], r[1], s.Kinks))
		default:
			shared = shared[copy(x.Data, shared):]
		}
		for k, v := range x.Data {
			if x.Elem == ir.F32 {
				x.Data[k] = float64(float32(v))
			}
		}
	}
}

// spread draws n values from an interval. With a distance they keep that far from each other and from 0; the interval grows where
// it is too small for that.
func (c *sampleCase) spread(n int, lo, hi, distance float64) []float64 {
	list := make([]float64, n)
	if distance == 0 {
		for i := range list {
			list[i] = lo + (hi-lo)*c.rng.Float64()
		}
		return list
	}
	step := max(2*distance, (hi-lo)/float64(n+3))
	k := math.Ceil(lo / step)
	for i := range list {
		list[i] = (k + 0.5) * step // never nearer to 0 than half a step
		k++
	}
	c.rng.Shuffle(n, func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list
}

// given maps the operands of the function to their values.
func (c *sampleCase) given() map[*ir.Value]*Tensor {
	m := map[*ir.Value]*Tensor{}
	for i, v := range c.f.Inputs {
		m[v] = c.args[i]
	}
	return m
}

// near reports whether a is b but for a relative and an absolute error; infinities and NaN must agree.
func near(a, b, rtol, atol float64) bool {
	if math.IsNaN(a) || math.IsNaN(b) {
		return math.IsNaN(a) && math.IsNaN(b)
	}
	return a == b || math.Abs(a-b) <= atol+rtol*math.Abs(b)
}

// largest is the largest finite magnitude in a tensor.
func largest(x *Tensor) float64 {
	top := 0.0
	for _, v := range x.Data {
		if a := math.Abs(v); a > top && !math.IsInf(v, 0) {
			top = a
		}
	}
	return top
}
