package onnx

import (
	"slices"

	"github.com/dlc-ml/dlc/ir"
)

// An import with Options.Keep has an operator for each node, those that only pass a value on and those that are computed from constants too. What a node must
// know, such as a shape, is computed where it is asked for, and what then nothing reads is left out.

// fixed reports whether the elements of x are known, or can be computed.
func (x *value) fixed() bool { return x.c != nil || x.known != nil }

// keep imports a node as operators, be its operands known or not.
func (c *call) keep(r *opRow) ([]*value, error) {
	if r.raw {
		c.settle()
	}
	fold := !r.raw && c.foldable(r)
	given := slices.Clone(c.in)
	list, err := c.attempt(r)
	if err != nil {
		if !c.settle() {
			return nil, err
		}
		if fold {
			return c.fold(r)
		}
		if list, err = c.attempt(r); err != nil {
			return nil, err
		}
	}
	for i, x := range list {
		switch {
		case x == nil || x.c != nil || x.isSeq || x.none || x.broken:
		case c.passed(x):
			list[i] = c.alias(x)
		case fold:
			x.known = c.later(r, given, i)
		}
	}
	if slices.ContainsFunc(list, func(x *value) bool { return x != nil && x.c == nil }) {
		c.im.result.Counts[c.node.Op]++
	}
	return list, nil
}

// attempt applies a row. What it refuses is an error.
func (c *call) attempt(r *opRow) (list []*value, err error) {
	defer caught(&err)
	c.used = map[string]bool{}
	list = r.run(c)
	return list, c.unusedAttrs()
}

// settle computes the operands that can be, and reports whether there are any.
func (c *call) settle() bool {
	any := false
	for i, x := range c.in {
		if x != nil && x.c == nil && x.known != nil {
			c.in[i], any = &value{t: x.t, c: x.known()}, true
		}
	}
	return any
}

// later computes result i of the node when it is called for the first time.
func (c *call) later(r *opRow, in []*value, i int) func() *constant {
	var got *constant
	return func() *constant {
		if got == nil {
			again := *c
			again.in, again.used = slices.Clone(in), map[string]bool{}
			again.settle()
			list, err := again.fold(r)
			if err != nil {
				panic(refusal{err})
			}
			got = list[i].c
		}
		return got
	}
}

// passed reports whether x is an operand.
func (c *call) passed(x *value) bool {
	return slices.ContainsFunc(c.in, func(in *value) bool {
		return in != nil && (in == x || x.v != nil && in.v == x.v || x.last != nil && in.last == x.last)
	})
}

// alias is x under a name of its own: in a source it is a definition, and in a program a reshape that changes nothing.
func (c *call) alias(x *value) *value {
	v := x.v
	if v == nil {
		v = x.last
	}
	if v == nil {
		return x
	}
	var dims []int
	keep := 0
	for _, d := range v.Type.Shape {
		if d.Static() {
			dims = append(dims, d.Size)
		} else {
			keep++
		}
	}
	y := c.op("reshape", []*ir.Value{v}, at1("shape", dims), at1("keep", keep))
	st := &c.im.result.steps[len(c.im.result.steps)-1]
	st.kind, st.attrs = "", nil
	if rate := c.float("ratio", 0.5); c.node.Op == "Dropout" && len(c.node.Inputs) < 2 && rate < 1 {
		st.kind, st.attrs = "dropout", []ir.Attr{at1("rate", rate)}
	}
	a := &value{t: x.t, v: y, known: x.known}
	if x.v == nil {
		a.v, a.last = nil, y
	}
	return a
}
