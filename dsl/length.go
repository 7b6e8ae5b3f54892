package dsl

import (
	"fmt"
	"slices"

	"github.com/dlc-ml/dlc/ir"
)

// A bounded extent, as in input frames: f32[T<=200, 13], makes the port as large as the longest example may be, and T an input of its own:
// how many steps of each example count. Generated code fills it in.

// lengths lists the bounded extents of the model's ports by name.
func (c *checker) lengths() map[string]*boundExpr {
	list := map[string]*boundExpr{}
	for _, d := range c.model.decls {
		for _, x := range d.dims {
			if b, ok := x.(*boundExpr); ok && list[b.name.text] == nil {
				list[b.name.text] = b
			}
		}
	}
	return list
}

// length returns the bounded extent that x declares or names, or nil.
func (e *evaluator) length(x expr) *boundExpr {
	switch x := x.(type) {
	case *boundExpr:
		return x
	case *nameRef:
		return e.lengths[x.text]
	}
	return nil
}

// extent evaluates an extent: of a bounded one the bound.
func (e *evaluator) extent(x expr) (int, bool) {
	at := x
	if b := e.length(x); b != nil {
		at = b.max
	}
	n, ok := e.whole(at, "an extent")
	if ok && (n < 1 || n > ir.MaxElems) {
		e.fail(at, fmt.Sprintf("an extent must be within 1 and %d, not %d", ir.MaxElems, n))
		return 0, false
	}
	return n, ok
}

// measured notes that a bounded extent measures port d, which has been declared, and declares the input of lengths behind the port that the
// extent stands in.
func (e *evaluator) measured(d *decl) {
	if len(d.dims) == 0 {
		return
	}
	b := e.length(d.dims[0])
	if b == nil {
		return
	}
	n, _ := e.extent(b)
	list := &e.b.Module.Lengths
	i := slices.IndexFunc(*list, func(l ir.Length) bool { return l.Name == b.name.text })
	if i < 0 {
		i = len(*list)
		*list = append(*list, ir.Length{Name: b.name.text, Max: n, Pos: b.name.pos})
	}
	if l := &(*list)[i]; !slices.Contains(l.Of, d.name.text) {
		l.Of = append(l.Of, d.name.text)
	}
	if _, declares := d.dims[0].(*boundExpr); !declares {
		return
	}
	if d.kind != dInput {
		e.fail(d.dims[0], "a bounded extent is declared by an input", "write the bound behind the extent of an input, and "+b.name.text+" alone here")
		return
	}
	e.done[e.c.byName[b.name.text]] = e.b.Func.Input(b.name.text, ir.T(ir.I32, ir.NS()), b.name.pos)
}
