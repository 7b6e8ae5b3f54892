package ops

import (
	"fmt"
	"math"
	"slices"
)

// Variants are further operands for the function of a case, each with its name: an empty batch where the function takes the batch, and for
// operators on elements, folds and windows every value in turn at which floating-point code tends to be wrong, in a third of the elements of each
// operand. They need no program of their own: the function is that of c.
func (c *Case) Variants() (names []string, list []*Case) {
	add := func(name string, v *Case) { names, list = append(names, name), append(list, v) }
	if v := c.empty(); v != nil {
		add("empty", v)
	}
	differentiated := len(c.args) > c.own
	if differentiated && c.rough || !slices.Contains([]string{"elementwise", "activation", "reduction", "pooling"}, c.o.Category) {
		return names, list
	}
	for i, x := range c.args[:c.own] {
		if !x.Elem.Float() || len(x.Data) == 0 {
			continue
		}
		for _, special := range specials {
			if special.tiny && (c.o.NoTiny || differentiated) {
				continue // products of a gradient leave the range of f32 on the way, those of its evaluation do not
			}
			add(fmt.Sprintf("%s in %d", special.name, i), c.seeded(i, special.values))
		}
	}
	return names, list
}

// specials are the values that variants put among others.
var specials = []struct {
	name   string
	tiny   bool // with subnormal numbers
	values []float64
}{
	{"nan", false, []float64{math.NaN()}},
	{"inf", false, []float64{math.Inf(1)}},
	{"-inf", false, []float64{math.Inf(-1)}},
	{"zeros", false, []float64{math.Copysign(0, -1), 0}},
	{"all", false, []float64{math.NaN(), math.Inf(1), math.Copysign(0, -1), math.Inf(-1)}},
	{"subnormals", true, []float64{0x1p-130, -0x1p-140, 0x1p-149}},
	{"tiny and all", true, []float64{math.NaN(), math.Inf(1), -0x1p-133, math.Inf(-1), math.Copysign(0, -1)}},
}

// seeded is c with values in a third of the elements of an operand.
func (c *Case) seeded(operand int, values []float64) *Case {
	v := *c
	v.args = slices.Clone(c.args)
	x := *c.args[operand]
	x.Data = slices.Clone(x.Data)
	for k, n := c.rng.IntN(min(3, len(x.Data))), 0; k < len(x.Data); k, n = k+1+c.rng.IntN(5), n+1 {
		x.Data[k] = narrowed(x.Elem, values[n%len(values)])
	}
	v.args[operand] = &x
	return &v
}

// empty is c for a batch of no example; nil where no operand has the batch.
func (c *Case) empty() *Case {
	v := *c
	v.n, v.args = 0, make([]*Tensor, len(c.args))
	scaled := false
	for i, x := range c.args {
		v.args[i] = x
		if shape := Extents(c.values[i].Type.Shape, 0); !slices.Equal(shape, x.Shape) {
			v.args[i], scaled = NewTensor(x.Elem, shape...), true
		}
	}
	if !scaled {
		return nil
	}
	return &v
}
