package driver

import (
	"fmt"
	"slices"
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

// OperatorPage explains one operator. An unknown name is an error that suggests the nearest.
func OperatorPage(name string) (string, error) {
	o := ops.Lookup(name)
	if o == nil {
		return "", fmt.Errorf("no operator is called %s%s; dlc ops lists them", name, nearest(name))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n", o.Name, o.Doc)
	if o.Layer != nil {
		fmt.Fprintf(&b, "\n%s\n", o.Layer.Doc)
	}
	if o.Formula != "" {
		fmt.Fprintf(&b, "\n  %s\n", o.Formula)
	}
	attrs := o.Attrs
	if o.Layer == nil {
		writeOperands(&b, o.Args)
	} else {
		attrs = slices.Clone(o.Layer.Attrs)
		for _, a := range o.Attrs {
			if !slices.ContainsFunc(attrs, func(x ops.AttrDef) bool { return x.Name == a.Name }) {
				attrs = append(attrs, a)
			}
		}
	}
	writeAttrs(&b, attrs)
	if o.Example != "" {
		fmt.Fprintf(&b, "\nExample\n  %s\n", o.Example)
	}
	if o.Internal {
		b.WriteString("\nThe compiler makes this operator; the language cannot call it.\n")
	}
	if o.Grad == nil && o.NoGrad != "" {
		fmt.Fprintf(&b, "\nNo gradient: %s\n", o.NoGrad)
	}
	if o.ONNX.Name != "" {
		fmt.Fprintf(&b, "\nONNX: %s, opset %d to %d", o.ONNX.Name, o.ONNX.Min, o.ONNX.Max)
		if o.ONNX.Note != "" {
			fmt.Fprintf(&b, "; %s", o.ONNX.Note)
		}
		b.WriteByte('\n')
	}
	return b.String(), nil
}

func writeOperands(b *strings.Builder, args []ops.Arg) {
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

func writeAttrs(b *strings.Builder, attrs []ops.AttrDef) {
	if len(attrs) == 0 {
		return
	}
	b.WriteString("\nAttributes\n")
	for _, a := range attrs {
		name := a.Name
		if a.Default != nil {
			name += fmt.Sprintf("=%s", attrText(a.Default))
		}
		doc := a.Doc
		if len(a.Values) > 0 {
			doc += fmt.Sprintf(" (%s)", strings.Join(a.Values, ", "))
		}
		fmt.Fprintf(b, "  %-20s  %s\n", name, doc)
	}
}

// attrText writes a default as the language does.
func attrText(v any) string {
	switch x := v.(type) {
	case string:
		return fmt.Sprintf("%q", x)
	case []int:
		return strings.ReplaceAll(fmt.Sprint(x), " ", ", ")
	case []float64:
		return strings.ReplaceAll(fmt.Sprint(x), " ", ", ")
	}
	return fmt.Sprint(v)
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
