package ops

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/dlc-ml/dlc/ir"
)

// Case is one operator applied to one sample: a module with one function, "sample", that returns the operator's results, and operands for it. The
// generic test of this package and the one of generated code walk the same cases.
type Case struct {
	module  *ir.Module
	f       *ir.Func
	o       *Operator
	op      *ir.Op // the last one, where the operator expands into several
	results []*ir.Value
	attrs   ir.Attrs
	n       int
	values  []*ir.Value // inputs, but parameters where the operator updates them
	args    []*Tensor   // one for each of values
	own     int         // how many of args are operands of the operator; the others are gradients of its results
	rough   bool        // the sample has no gradient
	rng     *rand.Rand
}

// eval evaluates the operator itself, not what it expands to.
func (c *Case) eval() []*Tensor { return c.o.Eval(c.args, c.attrs) }

// NewCase applies o to s. The operands depend on the two alone. The error is that of Infer, or a sample that does not fit the operator.
func NewCase(o *Operator, s *Sample) (*Case, error) {
	seed := fnv.New64a()
	fmt.Fprint(seed, o.Name, s.Args, s.Attrs, s.Batch)
	c := &Case{o: o, n: s.Batch, rough: s.NoGrad, f: ir.NewFunc("sample", ir.Symbol{Name: "N"}), rng: rand.New(rand.NewPCG(seed.Sum64(), 1))}
	if c.n == 0 {
		c.n = 3
	}
	c.module = &ir.Module{Name: "m", Funcs: []*ir.Func{c.f}}
	b := &Builder{Module: c.module, Func: c.f}
	for i, typ := range s.Args {
		name := fmt.Sprintf("x%d", i)
		if slices.Contains(o.Updates, i) {
			p := &ir.Param{Name: name, Type: typ, Init: ir.Init{Kind: "zeros"}}
			c.module.Params = append(c.module.Params, p)
			c.values = append(c.values, c.f.ParamValue(p))
			continue
		}
		c.values = append(c.values, c.f.Input(name, typ, b.Pos))
	}
	var err error
	if c.attrs, err = Complete(o.Attrs, s.Attrs); err != nil {
		return nil, err
	}
	if c.results, err = b.Ops(o.Name, "y", slices.Clone(c.values), s.Attrs...); err != nil {
		return nil, fmt.Errorf("%s refuses its sample: %w", o.Name, err)
	}
	if n := len(c.f.Ops); n > 0 {
		c.op = c.f.Ops[n-1]
	}
	for i, r := range c.results {
		c.f.Return(fmt.Sprintf("y%d", i), r)
	}
	return c, c.fill(s)
}

// Module holds the function.
func (c *Case) Module() *ir.Module { return c.module }

// Func is the function.
func (c *Case) Func() *ir.Func { return c.f }

// Batch is the N of the operands.
func (c *Case) Batch() int { return c.n }

// Args are the operands, one for each input of the function, but for operators with Updates.
func (c *Case) Args() []*Tensor { return c.args }

// Differentiate makes the function return the gradients of the operands in place of the operator's results. The gradient of each floating-point result
// becomes one more input, with an operand of its own. The error is an operator that no gradient can pass.
func (c *Case) Differentiate() error {
	if c.o.NoGrad != "" {
		return fmt.Errorf("%s has no gradient: %s", c.o.Name, c.o.NoGrad)
	}
	grads := make([]*ir.Value, len(c.results))
	for i, y := range c.results {
		if !y.Type.Elem.Float() {
			continue
		}
		grads[i] = c.f.Input(fmt.Sprintf("r%d", i), y.Type, y.Pos)
		r := NewTensor(y.Type.Elem, Extents(y.Type.Shape, c.n)...)
		for k, v := range c.spread(len(r.Data), -1, 1, 0) {
			r.Data[k] = narrowed(r.Elem, float64(float32(v)))
		}
		c.values, c.args = append(c.values, grads[i]), append(c.args, r)
	}
	dx, err := c.reverse(grads)
	if err != nil {
		return err
	}
	c.f.Results = nil
	for i, g := range dx[:c.own] {
		if g != nil {
			c.f.Return(fmt.Sprintf("dx%d", i), g)
		}
	}
	return nil
}

// reverse appends the gradients of the inputs, given those of the results, by reverse accumulation over all operators of the case: one, or
// those that one expands into. It is nil where an input has none.
func (c *Case) reverse(given []*ir.Value) ([]*ir.Value, error) {
	b := &Builder{Module: c.module, Func: c.f}
	grads := map[*ir.Value]*ir.Value{}
	add := func(v, g *ir.Value) error {
		switch old := grads[v]; {
		case g == nil:
		case !g.Type.Equal(v.Type):
			return fmt.Errorf("the gradient of %s is %s, not %s", v.Name, g.Type, v.Type)
		case old != nil:
			grads[v] = b.apply("add", old, g)
		default:
			grads[v] = g
		}
		return nil
	}
	for i, g := range given {
		if err := add(c.results[i], g); err != nil {
			return nil, err
		}
	}
	for forward, i := c.f.Ops, len(c.f.Ops)-1; i >= 0; i-- {
		op, any := forward[i], false
		dy := make([]*ir.Value, len(op.Results))
		for k, r := range op.Results {
			dy[k] = grads[r]
			any = any || dy[k] != nil
		}
		o := Lookup(op.Kind)
		if o.Grad == nil || !any && len(forward) > 1 {
			continue
		}
		dx := o.Grad(b, op, dy)
		if len(dx) != len(op.Args) {
			return nil, fmt.Errorf("%s has %d gradients for %d operands", op.Kind, len(dx), len(op.Args))
		}
		for k, g := range dx {
			if err := add(op.Args[k], g); err != nil {
				return nil, err
			}
		}
	}
	list := make([]*ir.Value, len(c.values))
	for i, v := range c.values {
		list[i] = grads[v]
	}
	return list, nil
}

// fill makes the operands. Every value is an f32, so that float64 and float32 start from the same numbers.
func (c *Case) fill(s *Sample) error {
	joint := 0 // how many values share one grid
	for i, typ := range s.Args {
		x := NewTensor(typ.Elem, Extents(typ.Shape, c.n)...)
		c.args, c.own = append(c.args, x), c.own+1
		if _, ok := s.Range[i]; !ok && s.Data[i] == nil {
			joint += len(x.Data)
		}
	}
	shared := c.spread(joint, -2, 2, s.Kinks)
	for i, x := range c.args {
		switch data, r := s.Data[i], s.Range[i]; {
		case data != nil:
			if len(data) != len(x.Data) {
				return fmt.Errorf("a sample of %s gives %d values for operand %d, which has %d", c.o.Name, len(data), i, len(x.Data))
			}
			copy(x.Data, data)
		case !x.Elem.Float():
			return fmt.Errorf("a sample of %s gives no values for operand %d, which is %s", c.o.Name, i, s.Args[i])
		case r != [2]float64{}:
			copy(x.Data, c.spread(len(x.Data), r[0], r[1], s.Kinks))
		default:
			shared = shared[copy(x.Data, shared):]
		}
		for k, v := range x.Data {
			if x.Elem.Float() {
				x.Data[k] = narrowed(x.Elem, float64(float32(v)))
			}
		}
	}
	return nil
}

// spread draws n values from an interval. With a distance they keep that far from each other and from 0; the interval grows where
// it is too small for that.
func (c *Case) spread(n int, lo, hi, distance float64) []float64 {
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
func (c *Case) given() map[*ir.Value]*Tensor {
	m := map[*ir.Value]*Tensor{}
	for i, v := range c.values {
		m[v] = c.args[i]
	}
	return m
}
