package loop

import (
	"fmt"

	"github.com/dlc-ml/dlc/ir"
)

// Verify checks that f means something: buffers whose storage holds every element, indices that stay in bounds whatever the
// axes and symbols are, expressions whose types fit, nests that are what their form says, and temporaries that are written before they are
// read. An error names the nest or buffer and its source position.
func Verify(f *Func) error {
	if f == nil {
		return fmt.Errorf("loop: there is no function")
	}
	v := newVerifier(f)
	if err := v.declarations(); err != nil {
		return fmt.Errorf("loop: %s: %w", f.Name, err)
	}
	for _, n := range f.Nests {
		if err := v.nest(n, nil); err != nil {
			return fmt.Errorf("loop: %s: %w", f.Name, err)
		}
	}
	if err := v.chains(); err != nil {
		return fmt.Errorf("loop: %s: %w", f.Name, err)
	}
	for _, b := range f.Buffers {
		n, _ := b.Shape.Elems()
		if r := b.Root(); b.Space == Output && n.Size > 0 && (r.Space == Temp || r.Space == Output) && !v.written[r] {
			return fmt.Errorf("loop: %s: %s: output %s is never written", f.Name, b.Pos, b.Name)
		}
	}
	return nil
}

type verifier struct {
	f       *Func
	symbols map[string]ir.Symbol
	buffers map[*Buffer]bool
	written map[*Buffer]bool // roots
}

func newVerifier(f *Func) *verifier {
	return &verifier{f: f, symbols: map[string]ir.Symbol{}, buffers: map[*Buffer]bool{}, written: map[*Buffer]bool{}}
}

func (v *verifier) declarations() error {
	for _, s := range v.f.Symbols {
		if _, twice := v.symbols[s.Name]; twice || s.Name == "" || s.Max < 0 {
			return fmt.Errorf("symbol %q is declared twice, has no name or a negative bound", s.Name)
		}
		v.symbols[s.Name] = s
	}
	names := map[string]bool{}
	for _, b := range v.f.Buffers {
		switch {
		case b == nil:
			return fmt.Errorf("a buffer is nil")
		case names[b.Name] || b.Name == "":
			return fmt.Errorf("%s: two buffers are called %q, or it has no name", b.Pos, b.Name)
		}
		names[b.Name] = true
		v.buffers[b] = true
	}
	for _, b := range v.f.Buffers {
		if err := v.buffer(b); err != nil {
			return fmt.Errorf("%s: buffer %s: %w", b.Pos, b.Name, err)
		}
	}
	store := storages(v.f)
	for _, b := range v.f.Buffers {
		if err := fits(b, store[b.Root()]); err != nil {
			return fmt.Errorf("%s: buffer %s: %w", b.Pos, b.Name, err)
		}
	}
	return v.plan(store)
}

// aliasCycle reports aliases that lead from b more than n steps on.
func aliasCycle(b *Buffer, n int) error {
	for a := b.Alias; a != nil; a = a.Alias {
		if n--; n < 0 {
			return fmt.Errorf("the aliases from %s run in a circle", b.Name)
		}
	}
	return nil
}

func (v *verifier) buffer(b *Buffer) error {
	switch b.Elem {
	case ir.F32, ir.I32, ir.U8, ir.Bool:
	default:
		return fmt.Errorf("element type %s does not exist", b.Elem)
	}
	if int(b.Space) >= len(spaceNames) {
		return fmt.Errorf("space %d does not exist", b.Space)
	}
	for _, d := range b.Shape {
		if err := v.dim(d); err != nil {
			return err
		}
	}
	if _, ok := b.Shape.Elems(); !ok {
		return fmt.Errorf("%s has two symbolic extents or more than %d elements", b.Shape, ir.MaxElems)
	}
	if len(b.Strides) != len(b.Shape) {
		return fmt.Errorf("%d strides for %d dimensions", len(b.Strides), len(b.Shape))
	}
	for _, s := range b.Strides {
		if s < 0 || s > ir.MaxElems {
			return fmt.Errorf("a stride of %d", s)
		}
	}
	if err := panels(b); err != nil {
		return err
	}
	if b.Offset < 0 || b.Offset > ir.MaxElems || b.Wide < 0 || b.Wide > ir.MaxElems {
		return fmt.Errorf("offset %d, wide %d", b.Offset, b.Wide)
	}
	if err := aliasCycle(b, len(v.f.Buffers)); err != nil {
		return err
	}
	switch a := b.Alias; {
	case a == nil:
	case !v.buffers[a]:
		return fmt.Errorf("it is an alias of %s, which is no buffer of the function", a.Name)
	case a.Elem != b.Elem:
		return fmt.Errorf("it is an alias of %s, which holds %s, not %s", a.Name, a.Elem, b.Elem)
	case symbol(a.Shape) != symbol(b.Shape):
		return fmt.Errorf("it grows with %q, but %s, of which it is an alias, with %q", symbol(b.Shape), a.Name, symbol(a.Shape))
	}
	if b.Space != Table && b.Data != nil {
		return fmt.Errorf("only a table has data")
	}
	switch b.Space {
	case Input, Output:
		if n, _ := b.Shape.Elems(); n.Size > 1 && !dense(b) {
			return fmt.Errorf("an %s must be dense and row-major", b.Space)
		}
	case Table:
		return table(b)
	case Prepared:
		if b.Scaled() || b.Alias != nil {
			return fmt.Errorf("what is prepared has a fixed shape and a storage of its own")
		}
	case Scalar:
		if n, _ := b.Shape.Elems(); n != ir.D(1) {
			return fmt.Errorf("a scalar of shape %s", b.Shape)
		}
	}
	return nil
}

// panels checks that panels divide the last extent of a parameter or its gradient.
func panels(b *Buffer) error {
	switch last := len(b.Shape) - 1; {
	case b.Panel == 0:
		return nil
	case b.Panel < 0 || last < 0 || !b.Shape[last].Static() || b.Shape[last].Size%b.Panel != 0:
		return fmt.Errorf("panels of %d in %s", b.Panel, b.Shape)
	case b.Space != Weight && b.Space != Grad && b.Space != Prepared && b.Space != Temp || b.Alias != nil:
		return fmt.Errorf("an %s, or a view, cannot lie in panels", b.Space)
	}
	return nil
}

// table checks a buffer of space Table.
func table(b *Buffer) error {
	n, _ := b.Shape.Elems()
	switch {
	case !n.Static() || !dense(b) || b.Alias != nil || b.Wide != 0:
		return fmt.Errorf("a table has a fixed shape, is dense and row-major and has a storage of its own")
	case b.Elem != ir.F32 && b.Elem != ir.I32:
		return fmt.Errorf("a table of %s", b.Elem)
	case len(b.Data) != n.Size:
		return fmt.Errorf("a table of %d elements with data for %d", n.Size, len(b.Data))
	}
	return nil
}

// symbol returns the symbol that a shape uses, or "".
func symbol(s ir.Shape) string {
	for _, d := range s {
		if !d.Static() {
			return d.Sym
		}
	}
	return ""
}

func (v *verifier) dim(d ir.Dim) error {
	switch _, ok := v.symbols[d.Sym]; {
	case d.Size < 0 || d.Size > ir.MaxElems:
		return fmt.Errorf("an extent of %d", d.Size)
	case d.Size == 0 && !d.Static():
		return fmt.Errorf("an extent of nothing times %s", d.Sym)
	case !d.Static() && !ok:
		return fmt.Errorf("symbol %s is not declared", d.Sym)
	}
	return nil
}

// dense reports whether b is row-major without gaps; extents of 1 may have any stride.
func dense(b *Buffer) bool {
	if b.Panel != 0 {
		return false
	}
	for i, s := range RowMajor(b.Shape) {
		if b.Shape[i] != ir.D(1) && s != b.Strides[i] {
			return false
		}
	}
	return b.Offset == 0
}

// storages returns the elements of storage behind each root: for each example where it grows with the batch. As in the memory plan, that is
// the most that the root or an alias of it needs.
func storages(f *Func) map[*Buffer]int {
	size := map[*Buffer]int{}
	for _, b := range f.Buffers {
		r := b.Root()
		size[r] = max(size[r], b.Size())
	}
	return size
}

// fits checks that every element of b lies in storage of that size.
func fits(b *Buffer, size int) error {
	elems, _ := b.Shape.Elems()
	if elems.Size == 0 {
		return nil
	}
	end := b.Offset + 1
	shape, strides := b.Cells()
	for i, d := range shape {
		if n := (d.Size - 1); n > 0 && strides[i] > ir.MaxElems/n {
			return fmt.Errorf("its strides span more than %d elements", ir.MaxElems)
		}
		end += (d.Size - 1) * strides[i]
	}
	if end > size || end > ir.MaxElems {
		return fmt.Errorf("its last element is number %d, but its storage has %d elements", end, size)
	}
	for i, d := range b.Shape {
		if !d.Static() && d.Size*b.Strides[i] > size {
			return fmt.Errorf("an example takes a step of %d elements, but has storage for %d", d.Size*b.Strides[i], size)
		}
	}
	return nil
}

// plan checks that every storage of the arena has a place in it.
func (v *verifier) plan(store map[*Buffer]int) error {
	p := v.f.Plan
	if p == nil {
		return nil
	}
	for _, b := range v.f.Buffers {
		switch {
		case b.Alias != nil, b.Space == Weight, b.Space == Grad, b.Space == State, b.Space == Table:
			continue
		}
		at, ok := p.At[b]
		end := p.Fixed
		switch {
		case b.Scaled():
			end = p.PerExample
		case b.Space == Prepared:
			end = p.Prepared
		}
		if !ok || at < 0 || at+store[b] > end {
			return fmt.Errorf("%s: the plan has no place for buffer %s", b.Pos, b.Name)
		}
	}
	return nil
}
