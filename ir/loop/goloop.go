package loop

import (
	"fmt"
	"strings"

	"github.com/dlc-ml/dlc/ir"
)

// GoLoop writes the nest as plain loops in the manner of Go, one statement a line, indented with tabs: the comment that its
// kernel carries. Names are reduced to letters, digits, dots and underscores, so that no line can end a comment or be read as
// a directive. steps are the axes of the scans that n stands in.
func (n *Nest) GoLoop(steps ...Axis) string {
	var w goWriter
	var names []string
	for _, a := range steps {
		names = append(names, goName(a.Name))
	}
	w.nest(n, names)
	return strings.TrimSuffix(w.b.String(), "\n")
}

type goWriter struct {
	b     strings.Builder
	depth int
}

func (w *goWriter) line(format string, args ...any) {
	w.b.WriteString(strings.Repeat("\t", w.depth))
	fmt.Fprintf(&w.b, format, args...)
	w.b.WriteByte('\n')
}

func (w *goWriter) open(format string, args ...any) {
	w.line(format+" {", args...)
	w.depth++
}

func (w *goWriter) close(n int) {
	for range n {
		w.depth--
		w.line("}")
	}
}

// nest writes n inside the steps of the scans around it.
func (w *goWriter) nest(n *Nest, steps []string) {
	names := goNames(n, steps)
	own := names[len(steps):]
	x := exprWriter{axis: func(i int) string {
		if i >= 0 && i < len(names) {
			return names[i]
		}
		return "axis" + itoa(i)
	}, buffer: goName, lets: map[*Expr]string{}, plain: true}
	for i, a := range n.Axes {
		if n.Form == Scan && n.Reverse {
			w.open("for %s := %s - 1; %s >= 0; %s--", own[i], goName(a.Extent.String()), own[i], own[i])
			continue
		}
		w.open("for %s := range %s", own[i], goName(a.Extent.String()))
	}
	for _, b := range n.Body {
		w.nest(b, names)
	}
	shared := sharedNodes(n)
	declared := 0
	declare := func(roots ...*Expr) {
		for _, e := range roots {
			e.Walk(func(e *Expr) {
				if shared[e] && x.lets[e] == "" {
					text := x.expr(e)
					x.lets[e] = "t" + itoa(declared)
					w.line("t%d := %s", declared, text)
					declared++
				}
			})
		}
	}
	if n.Value != nil {
		w.fold(n, own[len(n.Axes):], &x, declare)
	}
	for _, s := range n.Stores {
		declare(s.To.Dyn...)
		declare(s.Expr)
	}
	for _, s := range n.Stores {
		op := "="
		if s.Add {
			op = "+="
		}
		w.line("%s %s %s", x.access(s.To), op, x.expr(s.Expr))
	}
	w.close(len(n.Axes))
}

// fold writes the reduction: its start, its loops and one step of its chain.
func (w *goWriter) fold(n *Nest, red []string, x *exprWriter, declare func(...*Expr)) {
	start := map[Fold]string{FoldSum: "0", FoldMax: "-inf", FoldMin: "inf", FoldProd: "1"}[n.Fold]
	if n.Value.Type == ir.I32 && (n.Fold == FoldMax || n.Fold == FoldMin) {
		start = map[Fold]string{FoldMax: "math.MinInt32", FoldMin: "math.MaxInt32"}[n.Fold]
	}
	acc := "acc"
	if n.Lanes > 1 && len(red) > 0 {
		acc = fmt.Sprintf("part[%s%%%d]", red[len(red)-1], n.Lanes)
		w.line("part := [%d]%s{%s ...}", n.Lanes, n.Value.Type, start)
	} else {
		w.line("acc := %s(%s)", n.Value.Type, start)
	}
	for i, a := range n.Red {
		w.open("for %s := range %s", red[i], goName(a.Extent.String()))
	}
	v := n.Value
	switch {
	case fused(n) && v.Type == ir.F32:
		declare(v.Args...)
		w.line("%s = fma(%s, %s, %s)", acc, x.expr(v.Args[0]), x.expr(v.Args[1]), acc)
	case n.Fold == FoldSum:
		declare(v)
		w.line("%s += %s", acc, x.expr(v))
	case n.Fold == FoldProd:
		declare(v)
		w.line("%s *= %s", acc, x.operand(v, 6))
	default:
		declare(v)
		w.line("%s = %s(%s, %s)", acc, n.Fold, acc, x.expr(v))
	}
	w.close(len(n.Red))
	if acc != "acc" {
		w.line("acc := %s of part in halves", n.Fold)
	}
}

// fused reports whether each step of the chain is one fused multiply-add.
func fused(n *Nest) bool {
	return n.Fold == FoldSum && n.Value != nil && n.Value.Code == Mul && len(n.Value.Args) == 2
}

// goName replaces every byte that has no place in a dotted Go name.
func goName(s string) string {
	if s == "" {
		return "_"
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '_', r == '.', r == '$':
			return r
		}
		return '_'
	}, s)
}

// goNames returns a distinct name for each step around n, then for each of its axes.
func goNames(n *Nest, steps []string) []string {
	names := append([]string{}, steps...)
	taken := map[string]bool{}
	for _, s := range steps {
		taken[s] = true
	}
	for i := range len(n.Axes) + len(n.Red) {
		base := goName(n.AxisAt(i).Name)
		if base == "_" {
			base = "i"
		}
		name := base
		for k := 2; taken[name] || name == "acc" || name == "part"; k++ {
			name = base + itoa(k)
		}
		taken[name] = true
		names = append(names, name)
	}
	return names
}
