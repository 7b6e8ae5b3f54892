package loop

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/internal/lex"
)

// Print returns the text form of f, which [Parse] reads back to the same function:
//
//	func infer[N] {
//	  input image: f32[N,28,28,1] // digits.dl:2:11
//	  weight conv.weight: f32[5,5,1,10] // digits.dl:9:13
//	  output c: f32[N,24,24,10] // digits.dl:9:13
//	  window conv (n:N, h:24, w:24, o:10) sum (kh:5, kw:5, i:1) of "conv2d", "relu" { // digits.dl:9:13
//	    value image[n, h+kh, w+kw, i] * conv.weight[kh, kw, i, o]
//	    c[n, h, w, o] = max(acc, 0.0)
//	  }
//	}
//
// A buffer may say more behind its type: strides [..] where they are not row-major, offset, wide, alias, where there is a plan its
// place "at", and of a table its data, = [1.0, 2.5]. A node used twice is named in a line of its own: %0 = exp(x[n]). The nests of a chain stand in chain 4 { }, where 4 is how many examples
// run through them at a time.
func Print(f *Func) string {
	w := &writer{}
	w.fn(f)
	return w.b.String()
}

// String returns the text form of f.
func (f *Func) String() string { return Print(f) }

// String returns the text form of one nest.
func (n *Nest) String() string {
	w := &writer{}
	w.nest(n, nil)
	return w.b.String()
}

// String returns the expression in text, its axes by number: the name of an axis is known to its nest only.
func (e *Expr) String() string {
	if e == nil {
		return "nil"
	}
	x := exprWriter{axis: axisNumber, buffer: bufferName, lets: map[*Expr]string{}, acc: ir.F32}
	var lines []string
	x.name(sharedNodes(&Nest{Value: e}), &lines, e)
	return strings.Join(append(lines, x.expr(e)), "; ")
}

func axisNumber(i int) string { return "#" + itoa(i) }

// bufferName writes a buffer's name, in quotes where it would be taken for a keyword.
func bufferName(s string) string { return lex.Name(s, keywords...) }

// keywords begin a line of a nest or stand in expressions.
var keywords = append([]string{"value", "acc", "inf", "true", "false"}, formNames[:]...)

type writer struct {
	b     strings.Builder
	depth int
}

func (w *writer) line(format string, args ...any) {
	w.b.WriteString(strings.Repeat("  ", w.depth))
	fmt.Fprintf(&w.b, format, args...)
	w.b.WriteByte('\n')
}

func (w *writer) fn(f *Func) {
	head := "func " + lex.Name(f.Name)
	if len(f.Symbols) > 0 {
		var list []string
		for _, s := range f.Symbols {
			text := lex.Name(s.Name)
			if s.Max != 0 {
				text += "<=" + itoa(s.Max)
			}
			list = append(list, text)
		}
		head += "[" + strings.Join(list, ", ") + "]"
	}
	w.line("%s {", head)
	w.depth++
	if f.Plan != nil {
		w.line("plan per_example %d fixed %d", f.Plan.PerExample, f.Plan.Fixed)
	}
	for _, b := range f.Buffers {
		w.buffer(f, b)
	}
	chains := f.Chains
	for i, n := range f.Nests {
		if len(chains) > 0 && i == chains[0].From {
			w.line("chain %d {", chains[0].Part)
			w.depth++
		}
		w.nest(n, nil)
		if len(chains) > 0 && i+1 == chains[0].To {
			w.depth--
			w.line("}")
			chains = chains[1:]
		}
	}
	w.depth--
	w.line("}")
}

func (w *writer) buffer(f *Func, b *Buffer) {
	s := b.Space.String() + " " + bufferName(b.Name) + ": " + b.Elem.String() + shapeText(b.Shape)
	if !slices.Equal(b.Strides, RowMajor(b.Shape)) {
		s += " strides " + intsText(b.Strides)
	}
	if b.Panel != 0 {
		s += " panel " + itoa(b.Panel)
	}
	if b.Offset != 0 {
		s += " offset " + itoa(b.Offset)
	}
	if b.Wide != 0 {
		s += " wide " + itoa(b.Wide)
	}
	if b.Alias != nil {
		s += " alias " + bufferName(b.Alias.Name)
	}
	if f.Plan != nil {
		if at, ok := f.Plan.At[b]; ok {
			s += " at " + itoa(at)
		}
	}
	if b.Data != nil {
		parts := make([]string, len(b.Data))
		for i, x := range b.Data {
			parts[i] = constText(b.Elem, x)
		}
		s += " = [" + strings.Join(parts, ", ") + "]"
	}
	w.line("%s%s", s, lex.Pos(b.Pos))
}

func intsText(list []int) string {
	parts := make([]string, len(list))
	for i, n := range list {
		parts[i] = strconv.Itoa(n)
	}
	return "[" + strings.Join(parts, ",") + "]"
}

func shapeText(s ir.Shape) string {
	parts := make([]string, len(s))
	for i, d := range s {
		parts[i] = dimText(d)
	}
	return "[" + strings.Join(parts, ",") + "]"
}

// dimText is Dim.String with odd symbols in quotes.
func dimText(d ir.Dim) string {
	switch {
	case d.Static():
		return itoa(d.Size)
	case d.Size == 1:
		return lex.Name(d.Sym)
	}
	return itoa(d.Size) + lex.Symbol(d.Sym)
}

func axesText(axes []Axis) string {
	parts := make([]string, len(axes))
	for i, a := range axes {
		parts[i] = lex.Name(a.Name) + ":" + dimText(a.Extent)
	}
	return "(" + strings.Join(parts, ", ") + ")"
}

// nest writes n inside scans whose steps are the given axes.
func (w *writer) nest(n *Nest, steps []Axis) {
	head := n.Form.String() + " " + lex.Name(n.Name) + " " + axesText(n.Axes)
	if n.Fold != FoldNone || len(n.Red) > 0 {
		head += " " + n.Fold.String() + " " + axesText(n.Red)
	}
	if n.Lanes != 1 {
		head += " lanes " + itoa(n.Lanes)
	}
	if n.Reverse {
		head += " reverse"
	}
	for i, op := range n.Ops {
		if i == 0 {
			head += " of "
		} else {
			head += ", "
		}
		head += strconv.Quote(op)
	}
	w.line("%s {%s", head, lex.Pos(n.Pos))
	w.depth++
	x := exprWriter{axis: axisNames(n, steps), buffer: bufferName, lets: map[*Expr]string{}, acc: ir.F32}
	shared := sharedNodes(n)
	w.lets(&x, shared, n.Value)
	if n.Value != nil {
		w.line("value %s", x.expr(n.Value))
		x.acc = n.Value.Type
	}
	for _, s := range n.Stores {
		w.lets(&x, shared, append(slices.Clone(s.To.Dyn), s.Expr)...)
	}
	for _, s := range n.Stores {
		op := "="
		if s.Add {
			op = "+="
		}
		w.line("%s %s %s", x.access(s.To), op, x.expr(s.Expr))
	}
	inner := append(slices.Clone(steps), n.Axes...)
	for _, b := range n.Body {
		w.nest(b, inner)
	}
	w.depth--
	w.line("}")
}

// lets writes the lines that name the shared nodes under roots.
func (w *writer) lets(x *exprWriter, shared map[*Expr]bool, roots ...*Expr) {
	var lines []string
	x.name(shared, &lines, roots...)
	for _, l := range lines {
		w.line("%s", l)
	}
}

// name gives every shared node under roots that has none a name, operands first, and appends the lines that define them.
func (w *exprWriter) name(shared map[*Expr]bool, lines *[]string, roots ...*Expr) {
	for _, r := range roots {
		r.Walk(func(e *Expr) {
			if shared[e] && w.lets[e] == "" {
				name := "%" + itoa(len(w.lets))
				*lines = append(*lines, name+" = "+w.expr(e))
				w.lets[e] = name
			}
		})
	}
}

// axisNames returns how the axes of n, behind the steps around it, are written: by name where that names one axis only, else by
// number, #3.
func axisNames(n *Nest, steps []Axis) func(int) string {
	axes := n.AllAxes(steps...)
	count := map[string]int{}
	for _, a := range axes {
		count[a.Name]++
	}
	return func(i int) string {
		if i < 0 || i >= len(axes) || count[axes[i].Name] > 1 {
			return axisNumber(i)
		}
		return lex.Name(axes[i].Name)
	}
}

// AllAxes lists the axes in the numbering of n's affine indices: steps of the scans around it, parallel axes, reduction axes.
func (n *Nest) AllAxes(steps ...Axis) []Axis {
	return slices.Concat(steps, n.Axes, n.Red)
}
