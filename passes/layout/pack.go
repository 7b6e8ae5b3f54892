package layout

import (
	"slices"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// pack gives a sum of products a transposed copy of an operand where that pays: a product of rows with rows, such as the scores of attention, or the
// gradient of a convolution by its input, runs along the lanes only if what varies along them lies side by side. The copy is a nest of its own, right
// before. Of parameters and of what is computed, one or the other is packed at a time.
func (c *chooser) pack(parameters bool, note func(n *loop.Nest, text string)) error {
	var nests []*loop.Nest
	for _, n := range c.f.Nests {
		if n.Form == loop.Contract && n.Value.Code == loop.Mul || parameters && n.Form == loop.Window && n.Value.Code == loop.Mul {
			best, err := c.bestCopy(n, parameters, nests)
			if err != nil {
				return err
			}
			if best != nil {
				n.Value = best.value
				if best.nest != nil {
					best.to.Name = c.f.Unique(best.to.Name + ".packed")
					c.f.Buffers = append(c.f.Buffers, best.to)
					nests = append(nests, best.nest)
					c.nests = append(c.nests, best.nest)
					if _, err := c.price(best.nest); err != nil {
						return err
					}
				}
				if note != nil {
					note(n, "layout: reads a transposed copy, "+best.to.Name)
				}
			}
		}
		nests = append(nests, n)
	}
	c.f.Nests = nests
	return nil
}

// packing is a transposed copy of one operand and what it makes of a nest.
type packing struct {
	to    *loop.Buffer
	nest  *loop.Nest // the copy; nil where an earlier nest made it
	value *loop.Expr // of the nest, which reads it
}

// bestCopy returns the copy that makes n cheapest, the copy included; nil where none pays. before are the nests that run before n.
func (c *chooser) bestCopy(n *loop.Nest, parameters bool, before []*loop.Nest) (*packing, error) {
	least, err := c.best(n)
	if err != nil {
		return nil, err
	}
	least *= 0.95
	var best *packing
	old := n.Value
	defer func() { n.Value = old }()
	for i, e := range old.Args {
		dim := packable(n, e, old.Args[1-i])
		if dim < 0 || (e.From.Buf.Space == loop.Weight) != parameters {
			continue
		}
		p := c.transposed(n, e, dim)
		cost := 0.0
		if to := earlier(p, before); to != nil {
			p.value, p.to, p.nest = reading(n.Value, e, to), to, nil
		} else if p.to.Space == loop.Temp {
			if cost, err = c.priceAt(p.nest, nil); err != nil {
				return nil, err
			}
			delete(c.cost, p.nest)
		}
		n.Value = p.value
		after, err := c.best(n)
		if err != nil {
			return nil, err
		}
		if after+cost < least {
			best, least = p, after+cost
		}
		n.Value = old
	}
	return best, nil
}

// earlier returns the result of a copy among nests that is the one that p would make, of a source that was not written since; or nil.
func earlier(p *packing, nests []*loop.Nest) *loop.Buffer {
	from := p.nest.Stores[0].Expr.From.Buf
	for _, n := range slices.Backward(nests) {
		if n.Form == loop.Scan {
			return nil
		}
		for _, s := range n.Stores {
			if s.To.Buf.Root() == from.Root() || from.Space != loop.Temp && s.To.Buf.Space == from.Space {
				return nil
			}
		}
		if n.Form != loop.Copy || n.Stores[0].Expr.Code != loop.Load || n.Stores[0].Expr.From.Buf != from {
			continue
		}
		if to := n.Stores[0].To; to.Buf.Space == p.to.Space && slices.Equal(to.Buf.Strides, p.to.Strides) && to.Buf.Panel == p.to.Panel && to.Buf.Shape.Equal(p.to.Shape) &&
			whole(n, to) && whole(n, n.Stores[0].Expr.From) {
			return to.Buf
		}
	}
	return nil
}

// whole reports whether an access runs over a tensor, each dimension by the axis of the same number.
func whole(n *loop.Nest, a loop.Access) bool {
	for d, ix := range a.Index {
		if ix.Const != 0 || len(ix.Terms) != 1 || ix.Terms[0] != (loop.Term{Axis: d, Coef: 1}) || d >= len(n.Axes) || n.Axes[d].Extent != a.Buf.Shape[d] {
			return false
		}
	}
	return len(a.Index) == len(n.Axes)
}

// packable returns the dimension that should be innermost in the operand that e loads: that of an axis which the other operand does not know. It is
// -1 where there is none, or where the lanes have what they need.
func packable(n *loop.Nest, e, other *loop.Expr) int {
	if e.Code != loop.Load || e.From.Dyn != nil || e.From.Buf.Space == loop.Grad || e.From.Buf.Space == loop.State {
		return -1
	}
	from, dim := e.From.Buf, -1
	for d, ix := range e.From.Index {
		if len(ix.Terms) != 1 || ix.Terms[0].Coef != 1 || ix.Const != 0 {
			continue
		}
		switch axis := ix.Terms[0].Axis; {
		case axis >= len(n.Axes):
		case from.Strides[d] == 1 || from.Panel > 0 && d == len(from.Shape)-1:
			return -1
		case n.Axes[axis].Extent.Static() && n.Axes[axis].Extent.Size >= partials && from.Shape[d].Static() && !varies(other, axis):
			dim = d
		}
	}
	return dim
}

// transposed is the copy of the operand that e loads, dimension dim innermost.
func (c *chooser) transposed(n *loop.Nest, e *loop.Expr, dim int) *packing {
	from, space := e.From.Buf, loop.Temp
	if from.Space == loop.Prepared || from.Space == loop.Weight && c.f.Name == ir.FuncInfer {
		space = loop.Prepared
	}
	to := &loop.Buffer{Name: from.Name, Elem: from.Elem, Shape: from.Shape, Strides: innermost(from, dim), Space: space, Pos: from.Pos}
	move := &loop.Nest{Form: loop.Copy, Name: n.Name + "Operand", Lanes: 1, Pos: n.Pos, Ops: n.Ops}
	index := make([]loop.Affine, len(from.Shape))
	for d, ext := range from.Shape {
		move.Axes = append(move.Axes, loop.Axis{Name: axisName(d, ext.Static()), Extent: ext})
		index[d] = loop.Ax(d)
	}
	move.Stores = []loop.Store{{To: loop.Access{Buf: to, Index: index}, Expr: loop.Read(from, index...)}}
	return &packing{to, move, reading(n.Value, e, to)}
}

// reading is value with the load e reading another buffer.
func reading(value, e *loop.Expr, to *loop.Buffer) *loop.Expr {
	return value.Rewrite(func(x *loop.Expr) *loop.Expr {
		if x != e {
			return x
		}
		y := *x
		y.From.Buf = to
		return &y
	})
}

// varies reports whether a load under e depends on an axis.
func varies(e *loop.Expr, axis int) bool {
	found := false
	e.Walk(func(x *loop.Expr) {
		for _, ix := range x.From.Index {
			found = found || ix.Coef(axis) != 0
		}
	})
	return found
}

// innermost returns dense strides for b's shape with one dimension innermost and the others in their order.
func innermost(b *loop.Buffer, dim int) []int {
	order := append(slices.Delete(sequence(len(b.Shape)), dim, dim+1), dim)
	st := make([]int, len(order))
	n := 1
	for _, d := range slices.Backward(order) {
		st[d] = n
		n *= b.Shape[d].Size
	}
	return st
}

// sequence is 0, 1, 2 … n-1.
func sequence(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return list
}

// axisName is n for the batch, else the letters from i on.
func axisName(d int, static bool) string {
	if !static {
		return "n"
	}
	return string(rune('h' + d))
}
