package loop

import (
	"fmt"
	"slices"

	"github.com/dlc-ml/dlc/ir"
)

// nest checks n inside the steps of the scans around it.
func (v *verifier) nest(n *Nest, steps []Axis) error {
	if n == nil {
		return fmt.Errorf("a nest is nil")
	}
	if int(n.Form) >= len(formNames) || int(n.Fold) >= len(foldNames) {
		return fmt.Errorf("%s: nest %s: form %d or fold %d does not exist", n.Pos, n.Name, n.Form, n.Fold)
	}
	c := &nestChecker{v: v, n: n, axes: n.AllAxes(steps...), steps: len(steps), par: len(steps) + len(n.Axes), checked: map[*Expr]bool{}}
	if err := c.check(); err != nil {
		return fmt.Errorf("%s: %s %s: %w", n.Pos, n.Form, n.Name, err)
	}
	for _, b := range n.Body {
		if err := v.nest(b, slices.Concat(steps, n.Axes)); err != nil {
			return err
		}
	}
	return nil
}

// nestChecker checks one nest.
type nestChecker struct {
	v       *verifier
	n       *Nest
	axes    []Axis
	steps   int  // how many of axes are steps
	par     int  // how many are steps or parallel
	store   bool // whether the expression being checked is a store's
	checked map[*Expr]bool
	dyn     bool // whether any access is dynamic
	mixed   bool // whether an index of a load has both a parallel and a reduction axis
}

func (c *nestChecker) check() error {
	n := c.n
	for _, a := range c.axes {
		if err := c.v.dim(a.Extent); err != nil {
			return fmt.Errorf("axis %s: %w", a.Name, err)
		}
	}
	if n.Lanes != 1 && n.Lanes != 8 && n.Lanes != 16 {
		return fmt.Errorf("%d lanes: there can be 1, 8 or 16", n.Lanes)
	}
	if n.Lanes > 1 && len(n.Red) == 0 {
		return fmt.Errorf("%d lanes without a reduction axis", n.Lanes)
	}
	if (n.Value == nil) != (n.Fold == FoldNone) || n.Fold == FoldNone && len(n.Red) > 0 {
		return fmt.Errorf("a value, a fold and reduction axes go together")
	}
	if n.Form == Scan {
		return c.scan()
	}
	if len(n.Body) > 0 || n.Reverse {
		return fmt.Errorf("only a scan has inner nests or runs in reverse")
	}
	if len(n.Stores) == 0 {
		return fmt.Errorf("it stores nothing")
	}
	if err := c.expressions(); err != nil {
		return err
	}
	if err := c.form(); err != nil {
		return err
	}
	return c.order()
}

func (c *nestChecker) scan() error {
	n := c.n
	switch {
	case len(n.Axes) == 0:
		return fmt.Errorf("a scan has no axis")
	case len(n.Axes) > 1 && n.Reverse:
		return fmt.Errorf("a scan in reverse has one axis, not %d", len(n.Axes))
	case n.Value != nil || len(n.Stores) > 0:
		return fmt.Errorf("a scan computes in its inner nests only")
	case len(n.Body) == 0:
		return fmt.Errorf("it has no inner nests")
	}
	return nil
}

// expressions checks the value and the stores.
func (c *nestChecker) expressions() error {
	n := c.n
	if n.Value != nil {
		if err := c.expr(n.Value); err != nil {
			return fmt.Errorf("value: %w", err)
		}
		if n.Value.Type != ir.F32 && n.Value.Type != ir.I32 {
			return fmt.Errorf("a fold of %s", n.Value.Type)
		}
	}
	c.store, c.checked = true, map[*Expr]bool{}
	for i, s := range n.Stores {
		if s.Expr == nil {
			return fmt.Errorf("store %d has no expression", i)
		}
		if err := c.expr(s.Expr); err != nil {
			return fmt.Errorf("store %d: %w", i, err)
		}
		if err := c.access(s.To); err != nil {
			return fmt.Errorf("store %d: %w", i, err)
		}
		switch b := s.To.Buf; {
		case b.Elem != s.Expr.Type:
			return fmt.Errorf("store %d puts %s into %s, which holds %s", i, s.Expr.Type, b.Name, b.Elem)
		case b.Root().Space == Input || b.Root().Space == Scalar:
			return fmt.Errorf("store %d writes %s, which only the caller may", i, b.Name)
		case b.Root().Space == Table:
			return fmt.Errorf("store %d writes %s, which is constant", i, b.Name)
		case s.Add && b.Elem != ir.F32 && b.Elem != ir.I32:
			return fmt.Errorf("store %d adds to %s", i, b.Elem)
		}
		if err := apart(s.To.Buf); err != nil {
			return fmt.Errorf("store %d: %w", i, err)
		}
	}
	return nil
}

// form checks that the nest is what its form says.
func (c *nestChecker) form() error {
	n := c.n
	fold := n.Fold != FoldNone
	if c.dyn != (n.Form == Gather) {
		return fmt.Errorf("a gather, and nothing else, has an index that was computed")
	}
	switch n.Form {
	case Map:
		if fold {
			return fmt.Errorf("a map folds nothing")
		}
	case Reduce, Contract:
		if !fold {
			return fmt.Errorf("a %s folds", n.Form)
		}
		if c.mixed {
			return fmt.Errorf("an index adds a parallel and a reduction axis, as only a window's does")
		}
		if n.Form == Contract && !fused(n) {
			return fmt.Errorf("a contract is a sum of products")
		}
	case Window:
		if !fold || !c.mixed {
			return fmt.Errorf("a window folds, and an index adds a reduction axis to a parallel one")
		}
	case Copy:
		if fold || len(n.Stores) != 1 || n.Stores[0].Add || n.Stores[0].Expr.Code != Load {
			return fmt.Errorf("a copy is one store of one load")
		}
	}
	return nil
}

// order checks that what the nest reads was written, and notes what it writes.
func (c *nestChecker) order() error {
	loads := c.n.Loads()
	for _, s := range c.n.Stores {
		if s.Add {
			loads = append(loads, s.To)
		}
	}
	for _, a := range loads {
		switch r := a.Buf.Root(); r.Space {
		case Temp, Output:
			if !c.v.written[r] {
				return fmt.Errorf("it reads %s, which nothing has written", a.Buf.Name)
			}
		}
	}
	for _, s := range c.n.Stores {
		c.v.written[s.To.Buf.Root()] = true
	}
	return nil
}

// access checks one access: its rank, its bounds, its computed indices.
func (c *nestChecker) access(a Access) error {
	if !c.v.buffers[a.Buf] {
		return fmt.Errorf("it uses a buffer that the function does not declare")
	}
	if len(a.Index) != len(a.Buf.Shape) || len(a.Dyn) != 0 && len(a.Dyn) != len(a.Index) {
		return fmt.Errorf("%d indices into %s, which has %d dimensions", len(a.Index), a.Buf.Name, len(a.Buf.Shape))
	}
	if p := a.Buf.Panel; p > 0 {
		if axis, ok := a.LastAxis(); !ok || axis >= len(c.axes) || !c.axes[axis].Extent.Static() || c.axes[axis].Extent.Size%p != 0 {
			return fmt.Errorf("the last index of %s, which lies in panels, is no axis of a whole number of panels", a.Buf.Name)
		}
	}
	for i, ix := range a.Index {
		if err := c.affine(ix); err != nil {
			return fmt.Errorf("index %d of %s: %w", i, a.Buf.Name, err)
		}
		if len(a.Dyn) > 0 && a.Dyn[i] != nil {
			c.dyn = true
			if err := c.expr(a.Dyn[i]); err != nil {
				return err
			}
			if a.Dyn[i].Type != ir.I32 {
				return fmt.Errorf("index %d of %s is %s, not i32", i, a.Buf.Name, a.Dyn[i].Type)
			}
			continue
		}
		if err := c.v.bounds(ix, a.Buf.Shape[i], c.axes); err != nil {
			return fmt.Errorf("index %d of %s%s: %w", i, a.Buf.Name, a.Buf.Shape, err)
		}
	}
	return nil
}

// affine checks the form of an affine index and that a store's knows no reduction axis.
func (c *nestChecker) affine(a Affine) error {
	last := -1
	par, red := false, false
	for _, t := range a.Terms {
		switch {
		case t.Axis <= last || t.Coef == 0:
			return fmt.Errorf("its terms are not sorted, or one is zero")
		case t.Axis >= len(c.axes):
			return fmt.Errorf("there is no axis %d", t.Axis)
		case t.Axis >= c.par && c.store:
			return fmt.Errorf("a store uses reduction axis %s", c.axes[t.Axis].Name)
		}
		last = t.Axis
		par = par || t.Axis >= c.steps && t.Axis < c.par // the step only moves the pointers
		red = red || t.Axis >= c.par
	}
	c.mixed = c.mixed || par && red
	if !small(a) {
		return fmt.Errorf("its numbers must lie within ±%d", maxCoef)
	}
	return nil
}

// apart checks that the elements of a buffer that is written lie apart.
func apart(b *Buffer) error {
	if n, _ := b.Shape.Elems(); n.Size == 0 {
		return nil
	}
	type dim struct{ stride, extent int }
	var dims []dim
	shape, strides := b.Cells()
	for i, d := range shape {
		switch {
		case !d.Static():
			dims = append(dims, dim{strides[i], ir.MaxElems})
		case d.Size != 1:
			dims = append(dims, dim{strides[i], d.Size})
		}
	}
	slices.SortFunc(dims, func(x, y dim) int {
		if x.stride != y.stride {
			return x.stride - y.stride
		}
		return x.extent - y.extent
	})
	span := 0 // from the first to the last element of the dimensions so far
	for _, d := range dims {
		if d.stride <= span {
			return fmt.Errorf("elements of %s lie on each other: strides %v of %s", b.Name, b.Strides, b.Shape)
		}
		span += (d.extent - 1) * d.stride
	}
	return nil
}
