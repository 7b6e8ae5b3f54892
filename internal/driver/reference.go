package driver

import (
	"fmt"
	"strings"

	"github.com/dlc-ml/dlc/diag"
	"github.com/dlc-ml/dlc/ir/ops"
)

// OperatorList returns every operator of the language in one line each, by category.
func OperatorList() string {
	byCategory := map[string][]*ops.Operator{}
	width := 0
	for _, o := range ops.All() {
		if !o.Internal {
			byCategory[o.Category] = append(byCategory[o.Category], o)
			width = max(width, len(o.Name))
		}
	}
	var b strings.Builder
	for i, category := range sortedNames(byCategory) {
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "%s\n", category)
		for _, o := range byCategory[category] {
			fmt.Fprintf(&b, "  %-*s  %s\n", width, o.Name, firstSentence(o.Doc))
		}
	}
	b.WriteString("\ndlc ops NAME explains one.\n")
	return b.String()
}

// Operators describes the operators of the language by name, or the one of that name; an unknown name is an error that suggests the nearest.
func Operators(name string) ([]ops.Description, error) {
	if name != "" {
		o := ops.Lookup(name)
		if o == nil {
			return nil, fmt.Errorf("no operator is called %s%s; dlc ops lists them", name, nearest(name))
		}
		return []ops.Description{o.Describe()}, nil
	}
	var list []ops.Description
	for _, o := range ops.All() {
		if !o.Internal {
			list = append(list, o.Describe())
		}
	}
	return list, nil
}

// OperatorPage explains one operator.
func OperatorPage(d ops.Description) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n%s\n", d.Signature, d.Doc)
	if d.Layer != "" {
		fmt.Fprintf(&b, "\nIt %s\n", d.Layer)
		if d.Plain != "" {
			fmt.Fprintf(&b, "\nWith operands of its own it makes none:\n  %s\n", d.Plain)
		}
	}
	fmt.Fprintf(&b, "\n  %s\n", d.Formula)
	writeOperands(&b, d.Operands)
	writeAttrs(&b, d.Attributes)
	if d.Internal {
		b.WriteString("\nThe compiler makes this operator; the language cannot call it.\n")
	} else {
		fmt.Fprintf(&b, "\nExample\n  %s\n", d.Example)
	}
	if len(d.Gradient) > 0 {
		fmt.Fprintf(&b, "\nGradient\n  %s\n", strings.Join(d.Gradient, "\n  "))
	}
	if d.NoGradient != "" {
		fmt.Fprintf(&b, "\nNo gradient: %s\n", d.NoGradient)
	}
	if x := d.ONNX; x != nil {
		fmt.Fprintf(&b, "\nONNX: %s, opset %d to %d", x.Name, x.Min, x.Max)
		if x.Note != "" {
			fmt.Fprintf(&b, "; %s", x.Note)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func writeOperands(b *strings.Builder, args []ops.DescribedArg) {
	if len(args) == 0 {
		return
	}
	b.WriteString("\nOperands\n")
	for _, a := range args {
		name := a.Name
		switch {
		case a.Variadic:
			name += "…"
		case a.Optional:
			name += " (optional)"
		}
		fmt.Fprintf(b, "  %-20s  %s\n", name, a.Doc)
	}
}

func writeAttrs(b *strings.Builder, attrs []ops.DescribedAttr) {
	if len(attrs) == 0 {
		return
	}
	b.WriteString("\nAttributes\n")
	for _, a := range attrs {
		name := a.Name
		if a.Default != "" {
			name += "=" + a.Default
		}
		doc := a.Doc
		if len(a.Values) > 0 {
			doc += fmt.Sprintf(" (%s)", strings.Join(a.Values, ", "))
		}
		fmt.Fprintf(b, "  %-20s  %s\n", name, doc)
	}
}

// firstSentence returns a documentation text up to its first full stop.
func firstSentence(doc string) string {
	if i := strings.Index(doc, ". "); i >= 0 {
		doc = doc[:i+1]
	}
	doc, _, _ = strings.Cut(doc, "\n")
	return doc
}

// nearest suggests an operator for a name that is none.
func nearest(name string) string {
	var names []string
	for _, o := range ops.All() {
		if !o.Internal {
			names = append(names, o.Name)
		}
	}
	if n := diag.Nearest(name, names); n != "" {
		return "; did you mean " + n + "?"
	}
	return ""
}
