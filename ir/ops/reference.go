package ops

import (
	"fmt"
	"strings"
)

// Categories are the values of Operator.Category, in the order of the reference.
var Categories = []string{"elementwise", "activation", "layer", "pooling", "tensor", "reduction", "loss", "metric", "optimizer", "gradient"}

// categoryTitles are the headings of the reference.
var categoryTitles = map[string]string{
	"elementwise": "Arithmetic, element by element",
	"activation":  "Activations",
	"layer":       "Layers",
	"pooling":     "Pooling",
	"tensor":      "Shapes and constants",
	"reduction":   "Reductions",
	"loss":        "Losses",
	"metric":      "Metrics",
	"optimizer":   "Optimizers",
	"gradient":    "Operators of the compiler",
}

// Reference returns the operator reference in Markdown: what the file docs/operators.md holds. It is made from the literals alone.
func Reference() string {
	var b strings.Builder
	b.WriteString("# Operators\n\n")
	b.WriteString("<!-- Made from the operators' literals. To bring it up to date: go test ./ir/ops -run TestReference -update -->\n\n")
	b.WriteString("Shapes are written outermost first; N is the batch, which the language leaves implicit and which is axis 0 wherever an axis is named. " +
		"Layers make their parameters themselves and are called with the first operand and the attributes, or with all operands; all other operators with their operands, then their attributes, by place or by name. " +
		"Attributes with a default may be left out.\n\n")
	b.WriteString("The second column of each table of attributes is the type and the default.\n")
	internal := false
	for _, c := range Categories {
		list := inCategory(c, false)
		if len(list) == 0 {
			continue
		}
		fmt.Fprintf(&b, "\n## %s\n", categoryTitles[c])
		for _, o := range list {
			o.reference(&b)
		}
	}
	for _, c := range Categories {
		for _, o := range inCategory(c, true) {
			if !internal {
				internal = true
				b.WriteString("\n## Operators of the compiler\n\nThese appear in the IR (`dlc ir`), mostly in back-propagation, and cannot be called from the language.\n")
			}
			o.reference(&b)
		}
	}
	b.WriteString(onnxTable())
	text := b.String()
	for strings.Contains(text, "\n\n\n") {
		text = strings.ReplaceAll(text, "\n\n\n", "\n\n")
	}
	return text
}

// inCategory returns the operators of a category, internal ones or the others, by name.
func inCategory(category string, internal bool) []*Operator {
	var list []*Operator
	for _, o := range All() {
		if o.Category == category && o.Internal == internal {
			list = append(list, o)
		}
	}
	return list
}

// reference writes one operator.
func (o *Operator) reference(b *strings.Builder) {
	d := o.Describe()
	fmt.Fprintf(b, "\n### %s\n\n    %s\n\n%s\n\n    %s\n\n", d.Name, d.Signature, d.Doc, d.Formula)
	if !d.Internal {
		fmt.Fprintf(b, "Example: `%s`\n\n", d.Example)
	}
	if d.Layer != "" {
		fmt.Fprintf(b, "In the language it %s.\n\n", strings.TrimSuffix(d.Layer, "."))
		if d.Plain != "" {
			fmt.Fprintf(b, "With operands of its own it makes none: `%s`.\n\n", d.Plain)
		}
	}
	for _, a := range d.Operands {
		fmt.Fprintf(b, "- `%s`%s: %s\n", a.Name, a.kind(), a.Doc)
	}
	if len(d.Operands) > 0 {
		b.WriteString("\n")
	}
	attrTable(b, d.Attributes)
	for _, g := range d.Gradient {
		fmt.Fprintf(b, "- gradient: `%s`\n", g)
	}
	if d.Gradient != nil {
		b.WriteString("\n")
	}
	if d.NoGradient != "" && !d.Internal {
		fmt.Fprintf(b, "No gradient: %s.\n", d.NoGradient)
	}
	if d.TrainOnly {
		b.WriteString("Acts in training only; elsewhere it passes its first operand on.\n")
	}
}

// kind says in brackets how often an operand is given.
func (a DescribedArg) kind() string {
	switch {
	case a.Variadic:
		return " (any number)"
	case a.Optional:
		return " (optional)"
	}
	return ""
}

// attrTable writes attributes as a table.
func attrTable(b *strings.Builder, attrs []DescribedAttr) {
	if len(attrs) == 0 {
		return
	}
	b.WriteString("| attribute | type | meaning |\n|---|---|---|\n")
	for _, a := range attrs {
		kind, doc := a.Type, a.Doc
		if a.Default != "" {
			kind += " = " + a.Default
		}
		if len(a.Values) > 0 && !strings.Contains(doc, a.Values[0]) {
			doc += "; one of " + strings.Join(a.Values, ", ")
		}
		fmt.Fprintf(b, "| `%s` | %s | %s |\n", a.Name, kind, strings.ReplaceAll(doc, "|", `\|`))
	}
	b.WriteString("\n")
}

// literal writes a default as the language does.
func literal(v any) string {
	switch x := v.(type) {
	case string:
		return fmt.Sprintf("%q", x)
	case []int, []float64:
		return strings.ReplaceAll(fmt.Sprint(x), " ", ", ")
	}
	return fmt.Sprint(v)
}

// onnxTable lists the ONNX operators that have a counterpart here.
func onnxTable() string {
	var b strings.Builder
	b.WriteString("\n## ONNX\n\n| operator | ONNX | opset | attributes | remarks |\n|---|---|---|---|---|\n")
	for _, o := range All() {
		x := o.ONNX
		if x.Name == "" {
			continue
		}
		var attrs []string
		for _, d := range append(append([]AttrDef{}, o.Attrs...), layerAttrs(o)...) {
			if to := x.Attrs[d.Name]; to != "" && !strings.Contains(strings.Join(attrs, ","), d.Name+" →") {
				attrs = append(attrs, d.Name+" → "+to)
			}
		}
		fmt.Fprintf(&b, "| `%s` | %s | %d–%d | %s | %s |\n", o.Name, x.Name, x.Min, x.Max, strings.Join(attrs, ", "), x.Note)
	}
	return b.String()
}

// layerAttrs are the attributes of the layer that an operator is in the language.
func layerAttrs(o *Operator) []AttrDef {
	if o.Layer == nil {
		return nil
	}
	return o.Layer.Attrs
}
