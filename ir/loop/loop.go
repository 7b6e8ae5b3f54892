// Package loop is the loop IR, what operators lower to: a list of loop nests over buffers. A nest has one of seven forms, a
// reduction with a fixed order, and scalar expressions before it (the values) and after it (the stores); fusion moves work
// into those two places. Only this IR meets an instruction set.
//
// The order of every floating-point sum is part of this IR: reduction axes run in the order listed, and Lanes says how many
// partial sums are kept. Two back ends that follow it give the same bits.
package loop

import (
	"slices"
	"strings"

	"github.com/dlc-ml/dlc/diag"
	"github.com/dlc-ml/dlc/ir"
)

// Form is the kind of a nest.
type Form uint8

// The seven forms.
const (
	Map      Form = iota // elementwise, with broadcasting: no reduction
	Reduce               // a fold over axes that each load uses plainly
	Contract             // a sum of products of two loads: matmul, dense, 1x1 convolution
	Window               // a fold whose loads add a reduction axis to a parallel one: convolution, pooling
	Gather               // a load or store at an index that was itself loaded
	Copy                 // one load, one store, both affine: transpose, pad, concat, packing
	Scan                 // a recurrence, or work in tiles: its inner nests run once for each step of its axes, in order
)

var formNames = [...]string{"map", "reduce", "contract", "window", "gather", "copy", "scan"}

// String returns the form's name in text.
func (f Form) String() string { return formNames[f] }

// Func is one lowered program.
type Func struct {
	Name    string
	Symbols []ir.Symbol
	Buffers []*Buffer // in order of creation
	Nests   []*Nest   // in order of execution
	Chains  []Chain   // in order; set by pass chain
	Plan    *Plan     // set by pass memory
}

// Plan is the static memory plan of a function: where every buffer of the arena lies. The arena has one part that grows with the batch and one
// that does not.
type Plan struct {
	PerExample int // elements for each example
	Fixed      int // elements whatever the batch
	Prepared   int // elements of space Prepared, which lie in an arena of their own
	// At is the offset of each buffer that is not an alias and not of space Weight, Grad, State or Table: in elements for one example (to be
	// multiplied by the largest batch) where a dimension is symbolic, else from the start of the fixed part, or of the arena of what is prepared.
	At map[*Buffer]int
}

// Scaled reports whether a buffer's storage grows with the batch.
func (b *Buffer) Scaled() bool {
	for _, d := range b.Shape {
		if !d.Static() {
			return true
		}
	}
	return false
}

// Root follows aliases to the buffer that owns the storage.
func (b *Buffer) Root() *Buffer {
	for b.Alias != nil {
		b = b.Alias
	}
	return b
}

// Overlaps reports whether two buffers may share storage: by an alias, or because one is a whole arena and the other lies in it.
func (b *Buffer) Overlaps(a *Buffer) bool {
	if a.Root() == b.Root() {
		return true
	}
	return a.Space == b.Space && (a.Space == Weight || a.Space == Grad) && (a.arena() || b.arena())
}

// arena reports whether b is an arena, not one parameter in it.
func (b *Buffer) arena() bool { return strings.HasPrefix(b.Name, "$") }

// Size returns the elements of storage: for each example where a dimension is symbolic, else of the whole. It is Wide, or what the
// strides span.
func (b *Buffer) Size() int {
	if b.Wide > 0 {
		return b.Wide
	}
	n := 1
	shape, strides := b.Cells()
	for i, d := range shape {
		if !d.Static() {
			return d.Size * strides[i]
		}
		n += (d.Size - 1) * strides[i]
	}
	return n + b.Offset
}

// Space says who owns a buffer's storage.
type Space uint8

// The spaces.
const (
	Temp     Space = iota // planned into the session's arena; dead outside its live range
	Input                 // written by the caller, dense and row-major
	Output                // read by the caller, dense and row-major
	Weight                // a parameter: a slice of the parameter arena
	Grad                  // the gradient of the parameter of the same name: a slice of the gradient arena, at the parameter's offset
	State                 // optimizer state as large as the parameter arena, kept from step to step
	Scalar                // one element that the run-time writes before a step: learning rate, step number, seed, batch size
	Table                 // numbers known at compile time, part of the program: Data
	Prepared              // computed from parameters and tables alone: once for all calls of the function
)

var spaceNames = [...]string{"temp", "input", "output", "weight", "grad", "state", "scalar", "table", "prepared"}

// String returns the space's name in text.
func (s Space) String() string { return spaceNames[s] }

// Buffer is storage for one tensor. Shape is its logical shape; Strides, in elements, say where an index lies, so that the
// order of dimensions in memory and any padding are a property of the buffer alone (pass layout chooses them).
// A symbolic dimension may have any stride: the extent of the others is fixed, so all strides are.
type Buffer struct {
	Name    string // unique in the function
	Elem    ir.DType
	Shape   ir.Shape
	Strides []int
	// Panel, where not 0, divides the last extent: so many neighbours along the last axis lie together, and the last stride is the distance of one such
	// panel from the next. Kernels read a matrix panel by panel as one run of memory. The index of the last axis is then a plain axis.
	Panel  int
	Offset int // of the first element from the start of the storage, in elements: the border of a padded buffer
	Space  Space
	// Alias, where set, is the buffer whose storage this one shares, element 0 on element 0 (a reshape that moves nothing).
	Alias *Buffer
	// Wide is the storage each example (or the whole, where no dimension is symbolic) needs, in elements; 0 means the span of
	// the strides.
	Wide int
	// Data is what a Table holds: the bits of each element, f32 or i32, in row-major order. Its shape is fixed and its layout dense.
	Data []uint32
	Pos  diag.Pos
}

// Cells returns the dimensions as they lie in memory and their strides: the last of a buffer in panels is two, the panel and the place in it.
// Row-major order of the elements is the same.
func (b *Buffer) Cells() (ir.Shape, []int) {
	if b.Panel == 0 {
		return b.Shape, b.Strides
	}
	last := len(b.Shape) - 1
	return append(b.Shape[:last:last], ir.D(b.Shape[last].Size/b.Panel), ir.D(b.Panel)), append(b.Strides[:len(b.Strides):len(b.Strides)], 1)
}

// InPanels returns the strides of a dense tensor of that shape whose last axis lies in panels of the given width, panel after panel.
func InPanels(s ir.Shape, width int) []int {
	st := make([]int, len(s))
	n := width
	for i := len(s) - 2; i >= 0; i-- {
		st[i] = n
		n *= s[i].Size
	}
	st[len(s)-1] = n
	return st
}

// RowMajor returns the strides of a dense row-major tensor of that shape. A symbolic dimension may only lead.
func RowMajor(s ir.Shape) []int {
	st := make([]int, len(s))
	n := 1
	for i := len(s) - 1; i >= 0; i-- {
		st[i] = n
		n *= s[i].Size
	}
	return st
}

// Axis is one loop.
type Axis struct {
	Name   string
	Extent ir.Dim
}

// Term is Coef times the value of axis number Axis (parallel axes first, then reduction axes).
type Term struct {
	Axis int
	Coef int
}

// Affine is Const plus its terms, which are sorted by axis and have no zero coefficient.
type Affine struct {
	Const int
	Terms []Term
}

// Coef returns the coefficient of an axis.
func (a Affine) Coef(axis int) int {
	for _, t := range a.Terms {
		if t.Axis == axis {
			return t.Coef
		}
	}
	return 0
}

// Ax is the plain index of one axis.
func Ax(axis int) Affine { return Affine{Terms: []Term{{axis, 1}}} }

// At is a constant index.
func At(n int) Affine { return Affine{Const: n} }

// Plus returns a + coef*axis + c.
func (a Affine) Plus(axis, coef, c int) Affine {
	r := Affine{Const: a.Const + c}
	done := coef == 0
	for _, t := range a.Terms {
		if !done && t.Axis >= axis {
			done = true
			if t.Axis == axis {
				t.Coef += coef
				if t.Coef != 0 {
					r.Terms = append(r.Terms, t)
				}
				continue
			}
			r.Terms = append(r.Terms, Term{axis, coef})
		}
		r.Terms = append(r.Terms, t)
	}
	if !done {
		r.Terms = append(r.Terms, Term{axis, coef})
	}
	return r
}

// Access is one element of a buffer: an affine index for each logical dimension. In a gather, Dyn[i], where not nil, is an i32
// expression added to Index[i]; it is clamped to the dimension, so that no index leaves the buffer.
type Access struct {
	Buf   *Buffer
	Index []Affine
	Dyn   []*Expr
}

// LastAxis returns the axis that the last index is; ok is false where it is anything else.
func (a Access) LastAxis() (axis int, ok bool) {
	last := len(a.Index) - 1
	if last < 0 || last < len(a.Dyn) && a.Dyn[last] != nil {
		return 0, false
	}
	if ix := a.Index[last]; ix.Const == 0 && len(ix.Terms) == 1 && ix.Terms[0].Coef == 1 {
		return ix.Terms[0].Axis, true
	}
	return 0, false
}

// Fold is how a reduction combines.
type Fold uint8

// The folds. FoldSum starts at +0; FoldMax and FoldMin at ∓infinity and are NaN where any element is; FoldProd starts at 1.
const (
	FoldNone Fold = iota
	FoldSum
	FoldMax
	FoldMin
	FoldProd
)

var foldNames = [...]string{"none", "sum", "max", "min", "prod"}

// String returns the fold's name in text.
func (f Fold) String() string { return foldNames[f] }

// Nest is one perfect loop nest:
//
//	for each point p of Axes:
//	    acc = fold over Red of Value(p, r)
//	    for each store: Buf[Index(p)] = Expr(p, acc)
//
// Where Value is a product of two factors and the fold a sum, each step is one fused multiply-add: acc = fma(a, b, acc).
// With Lanes = L > 1 the last reduction axis is split: element i goes to partial L[i mod L], a chain each; at the end lane i
// takes lane i+L/2, and so on in halves. All loads of a store see memory as it was before the nest's own stores to that point.
type Nest struct {
	Form   Form
	Name   string // what it computes, for labels and kernel names: "conv", "conv.grad_weight"
	Axes   []Axis // parallel, outermost first
	Red    []Axis // reduction, in the order of the chain
	Fold   Fold
	Lanes  int // 1, 8 or 16
	Value  *Expr
	Stores []Store
	Pos    diag.Pos
	Ops    []string // the tensor operators that went into it, first to last, for comments and --explain

	// Of a scan only: Body runs once for each point of Axes, in order, the last axis fastest (or, of a single axis, from the end to the
	// beginning). The body's nests see the steps as their first axes, before their own.
	Body    []*Nest
	Reverse bool
}

// Store writes one expression to one place.
type Store struct {
	To   Access
	Expr *Expr
	// Add accumulates into what is there, in the order of the axes: the scatter adjoint of a gather.
	Add bool
}

// AxisAt returns axis i of the numbering that Affine uses.
func (n *Nest) AxisAt(i int) Axis {
	if i < len(n.Axes) {
		return n.Axes[i]
	}
	return n.Red[i-len(n.Axes)]
}

// Walk calls visit for n and, where it is a scan, for every nest of its body.
func (n *Nest) Walk(visit func(*Nest)) {
	visit(n)
	for _, b := range n.Body {
		b.Walk(visit)
	}
}

// Each calls visit for every nest that computes, in order: those in the bodies of scans, with the axes of the scans around them, but not the scans.
func (f *Func) Each(visit func(n *Nest, steps []Axis)) {
	var walk func(list []*Nest, steps []Axis)
	walk = func(list []*Nest, steps []Axis) {
		for _, n := range list {
			if n.Form == Scan {
				walk(n.Body, slices.Concat(steps, n.Axes))
				continue
			}
			visit(n, steps)
		}
	}
	walk(f.Nests, nil)
}

// NewBuffer appends a dense row-major buffer of cells for a tensor of type t, with a unique name.
func (f *Func) NewBuffer(name string, t ir.Type, space Space, pos diag.Pos) *Buffer {
	b := &Buffer{Name: f.Unique(name), Elem: t.Elem.Cell(), Shape: t.Shape, Strides: RowMajor(t.Shape), Space: space, Pos: pos}
	f.Buffers = append(f.Buffers, b)
	return b
}

// NewTable appends a table of the given bits, or returns one of the same type and content that f has already.
func (f *Func) NewTable(name string, t ir.Type, data []uint32, pos diag.Pos) *Buffer {
	for _, b := range f.Buffers {
		if b.Space == Table && b.Elem == t.Elem.Cell() && b.Shape.Equal(t.Shape) && slices.Equal(b.Data, data) {
			return b
		}
	}
	b := f.NewBuffer(name, t, Table, pos)
	b.Data = data
	return b
}

// Buffer returns the buffer of that name, or nil.
func (f *Func) Buffer(name string) *Buffer {
	for _, b := range f.Buffers {
		if b.Name == name {
			return b
		}
	}
	return nil
}

// Unique returns name, or name with a number behind it where a buffer is called so already.
func (f *Func) Unique(name string) string {
	if f.Buffer(name) == nil {
		return name
	}
	for i := 2; ; i++ {
		if s := name + "_" + itoa(i); f.Buffer(s) == nil {
			return s
		}
	}
}
