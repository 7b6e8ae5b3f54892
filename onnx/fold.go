package onnx

import (
	"errors"
	"slices"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/ops"
)

// operands is how many elements the operands have, which are known.
func (c *call) operands() int {
	n := 0
	for _, x := range c.in {
		if x != nil {
			n += product(ops.Extents(x.shape(), 1))
		}
	}
	return n
}

// foldable reports whether all operands are known and few enough to compute the node.
func (c *call) foldable(r *opRow) bool {
	n := 0
	for _, x := range c.in {
		if x == nil {
			continue
		}
		if !x.fixed() {
			return false
		}
		size := product(ops.Extents(x.shape(), 1))
		if x.c != nil && x.c.fill && size > foldGrown {
			return false // it is small in the file, and stays so as an operator
		}
		n += size
	}
	if r.heavy {
		return n <= foldHeavy
	}
	return n <= foldMost
}

// fold computes a node whose operands are known by the operators' own float64 evaluation.
func (c *call) fold(r *opRow) ([]*value, error) {
	im, n := c.im, c.node
	if err := im.passing(c.operands()); err != nil {
		return nil, err
	}
	leave := im.enterFold()
	defer leave()
	list := r.run(c)
	if err := c.unusedAttrs(); err != nil {
		return nil, err
	}
	weight := slices.ContainsFunc(c.in, func(x *value) bool { return x != nil && x.c.weight })
	var open []int
	var values []*ir.Value
	for i, x := range list {
		if x != nil && x.c == nil && !x.isSeq && !x.none {
			open, values = append(open, i), append(values, im.plain(x))
		}
	}
	for _, i := range open {
		if some := list[i].some; some != nil {
			values = append(values, some.count)
		}
	}
	got, err := im.evaluate(values)
	if err != nil {
		return nil, err
	}
	counts := len(open)
	for j, i := range open {
		k, err := im.kept(list[i].t, got[j])
		if err != nil {
			return nil, err
		}
		k.weight = weight
		if i < len(n.Outputs) {
			k.name = n.Outputs[i]
		}
		if some := list[i].some; some != nil {
			k = k.trimmed(some.axis, int(got[counts].Data[0]))
			counts++
		}
		list[i] = &value{t: k.t, c: k}
	}
	im.result.Folded++
	return list, nil
}

// enterFold makes the function being built one that is only there to be evaluated, until the result is called.
func (im *importer) enterFold() (leave func()) {
	before := im.sink
	f := ir.NewFunc("fold")
	im.sink = &sink{b: &ops.Builder{Module: &ir.Module{Name: "fold", Funcs: []*ir.Func{f}}, Func: f}, known: map[*constant]*ir.Value{}, given: map[*ir.Value]*ops.Tensor{}}
	return func() { im.sink = before }
}

// evaluate computes values of the function that is only there for that.
func (im *importer) evaluate(values []*ir.Value) ([]*ops.Tensor, error) {
	f, size, given := im.sink.b.Func, 0, 0
	for _, t := range im.sink.given {
		given += len(t.Data)
	}
	most := foldGrown + 8*given
	for i, v := range values {
		f.Return(itoa(i), v)
	}
	for _, op := range f.Ops {
		for _, v := range op.Results {
			n, ok := v.Type.Shape.Elems()
			if size += n.Size; !ok || size > most {
				return nil, errors.New("its constant result would be too large")
			}
		}
	}
	if err := im.passing(size + given); err != nil {
		return nil, err
	}
	if im.work -= int64(size); im.work < 0 {
		return nil, errors.New("more is computed of constants than the size of the file lets expect; --max-memory allows more")
	}
	return ops.EvalFunc(f, im.sink.given, 1)
}

// computed is what build makes of a constant.
func (im *importer) computed(c *constant, build func(v *ir.Value) *ir.Value) *constant {
	if err := im.passing(c.elems()); err != nil {
		panic(refusal{err})
	}
	leave := im.enterFold()
	defer leave()
	got, err := im.evaluate([]*ir.Value{build(im.materialize(c))})
	if err != nil {
		panic(refusal{err})
	}
	k, err := im.kept(typeOfElem[got[0].Elem], got[0])
	if err != nil {
		panic(refusal{err})
	}
	k.weight, k.name = c.weight, c.name
	return k
}

// kept is a constant of a tensor that was computed.
func (im *importer) kept(t DataType, got *ops.Tensor) (*constant, error) {
	n := len(got.Data)
	if got.Elem == ir.F32 && n > literalMax { // as it is in the program
		return &constant{t: t, shape: got.Shape, packed: packFloats(got.Shape, got.Data)}, im.take((n + 1) / 2)
	}
	return &constant{t: t, shape: got.Shape, data: got.Data}, im.take(n)
}
