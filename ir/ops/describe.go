package ops

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/dlc-ml/dlc/ir"
)

// Description is what a reader wants to know of an operator, all of it taken from its literal: the reference, dlc ops and its JSON say the same.
type Description struct {
	Name       string          `json:"name"`
	Category   string          `json:"category"`
	Doc        string          `json:"doc"`
	Signature  string          `json:"signature"` // as the language writes it
	Formula    string          `json:"formula"`
	Example    string          `json:"example"`
	Layer      string          `json:"layer,omitempty"` // what it makes beside its result, where it owns parameters
	Plain      string          `json:"plain,omitempty"` // of such: the call with all operands, which makes none
	Operands   []DescribedArg  `json:"operands"`
	Attributes []DescribedAttr `json:"attributes"`
	Gradient   []string        `json:"gradient,omitempty"`    // one line for each operand that has one: "dx = dy * y"
	NoGradient string          `json:"no_gradient,omitempty"` // why there is none
	TrainOnly  bool            `json:"train_only,omitempty"`
	Internal   bool            `json:"internal,omitempty"`
	ONNX       *ONNX           `json:"onnx,omitempty"`
}

// DescribedArg is one operand.
type DescribedArg struct {
	Name     string `json:"name"`
	Doc      string `json:"doc"`
	Optional bool   `json:"optional,omitempty"`
	Variadic bool   `json:"variadic,omitempty"`
}

// DescribedAttr is one attribute: its type in words, and its default as the language writes it, empty where it must be given.
type DescribedAttr struct {
	Name    string   `json:"name"`
	Type    string   `json:"type"`
	Default string   `json:"default,omitempty"`
	Values  []string `json:"values,omitempty"`
	Doc     string   `json:"doc"`
}

// Describe collects what a literal says. Operands and attributes are those that the language takes.
func (o *Operator) Describe() Description {
	d := Description{
		Name: o.Name, Category: o.Category, Doc: o.Doc, Formula: o.Formula, Example: o.Example, NoGradient: o.NoGrad,
		TrainOnly: o.TrainOnly, Internal: o.Internal, Operands: []DescribedArg{}, Attributes: []DescribedAttr{},
	}
	args, attrs := o.Args, o.Attrs
	if o.Layer != nil {
		d.Layer = o.Layer.Doc
		args, attrs = o.Layer.Takes(), slices.Clone(o.Layer.Attrs)
		for _, a := range o.Attrs {
			if !slices.ContainsFunc(attrs, func(x AttrDef) bool { return x.Name == a.Name }) && o.Layer.Attrs == nil {
				attrs = append(attrs, a)
			}
		}
	}
	if o.Rate > 0 {
		args, attrs = nil, o.Settings()
	}
	for _, a := range args {
		d.Operands = append(d.Operands, DescribedArg(a))
	}
	for _, a := range attrs {
		if a.Compilers() && !o.Internal {
			continue
		}
		d.Attributes = append(d.Attributes, describeAttr(a))
	}
	d.Signature = d.signature()
	if o.Layer != nil && len(o.Args) > len(o.Layer.Takes()) {
		plain := Description{Name: o.Name}
		for _, a := range o.Args {
			plain.Operands = append(plain.Operands, DescribedArg(a))
		}
		for _, a := range o.Attrs {
			if a.Compilers() {
				continue
			}
			plain.Attributes = append(plain.Attributes, describeAttr(a))
		}
		d.Plain = plain.signature()
	}
	d.Gradient = o.gradientText()
	if o.ONNX.Name != "" {
		onnx := o.ONNX
		d.ONNX = &onnx
	}
	return d
}

// Compilers reports whether the compiler gives the attribute, and no source: what tells random numbers apart, and which operands there are.
func (d AttrDef) Compilers() bool { return d.Name == "id" || d.Name == "given" }

func describeAttr(a AttrDef) DescribedAttr {
	d := DescribedAttr{Name: a.Name, Values: a.Values, Doc: a.Doc}
	switch a.Zero().(type) {
	case int:
		d.Type = "integer"
	case float64:
		d.Type = "number"
	case bool:
		d.Type = "true or false"
	case string:
		d.Type = "word"
	case []int:
		d.Type = "integers"
	case []float64:
		d.Type = "numbers"
	}
	if a.Default != nil {
		d.Default = literal(a.Default)
	}
	return d
}

// signature is the call with its parameters: "conv2d(x, filters, kernel=[3])".
func (d *Description) signature() string {
	var parts []string
	for _, a := range d.Operands {
		switch {
		case a.Variadic:
			parts = append(parts, a.Name+"…")
		case a.Optional:
			parts = append(parts, "["+a.Name+"]")
		default:
			parts = append(parts, a.Name)
		}
	}
	for _, a := range d.Attributes {
		if a.Default == "" {
			parts = append(parts, a.Name)
		} else {
			parts = append(parts, a.Name+"="+a.Default)
		}
	}
	return d.Name + "(" + strings.Join(parts, ", ") + ")"
}

// gradientText writes what Grad builds on the first sample as expressions of the language; where an expression is long, the operators that it
// is made of.
func (o *Operator) gradientText() []string {
	if o.Grad == nil || len(o.Samples) == 0 {
		return nil
	}
	sample := o.Samples[0]
	for _, s := range o.Samples { // one with most operands shows most
		if len(s.Args) > len(sample.Args) && !s.NoGrad {
			sample = s
		}
	}
	c, err := NewCase(o, &sample)
	if err != nil {
		return nil
	}
	names := map[*ir.Value]string{}
	for i, v := range c.f.Inputs {
		names[v] = argName(o, i)
	}
	for i, r := range c.results {
		names[r] = "y" + suffix(i, len(c.results))
	}
	grads := make([]*ir.Value, len(c.results))
	for i, r := range c.results {
		if r.Type.Elem.Float() {
			grads[i] = c.f.Input("r", r.Type, r.Pos)
			names[grads[i]] = "d" + names[r]
		}
	}
	list := o.Grad(&Builder{Module: c.module, Func: c.f}, c.op, grads)
	var lines []string
	for i, g := range list {
		if g == nil {
			continue
		}
		text := expression(g, names)
		if len(text) > 120 {
			text = "by " + strings.Join(kinds(g, names), ", ")
		} else {
			text = "= " + text
		}
		lines = append(lines, "d"+argName(o, i)+" "+text)
	}
	return lines
}

// argName is the name of operand i, numbered where it is one of any number.
func argName(o *Operator, i int) string {
	if last := len(o.Args) - 1; i >= last && o.Args[last].Variadic {
		return o.Args[last].Name + strconv.Itoa(i-last+1)
	}
	return o.Args[i].Name
}

// suffix is empty for a thing that is alone, else its number from 1.
func suffix(i, n int) string {
	if n == 1 {
		return ""
	}
	return strconv.Itoa(i + 1)
}

// expression writes a value in terms of named ones.
func expression(v *ir.Value, names map[*ir.Value]string) string {
	if n := names[v]; n != "" {
		return n
	}
	if v.Def == nil {
		return v.Name
	}
	if v.Def.Kind == "constant" {
		if x, ok := v.Def.Attrs.Get("value").(float64); ok {
			return strconv.FormatFloat(x, 'g', 6, 64)
		}
	}
	var parts []string
	for _, a := range v.Def.Args {
		parts = append(parts, expression(a, names))
	}
	if op := map[string]string{"add": " + ", "sub": " - ", "mul": "*", "div": "/"}[v.Def.Kind]; op != "" && len(parts) == 2 {
		if op == "*" || op == "/" {
			for i, a := range v.Def.Args {
				if names[a] == "" && a.Def != nil && (a.Def.Kind == "add" || a.Def.Kind == "sub" || op == "/" && i == 1 && a.Def.Kind == "mul") {
					parts[i] = "(" + parts[i] + ")"
				}
			}
		}
		return parts[0] + op + parts[1]
	}
	if o := Lookup(v.Def.Kind); o != nil {
		// Their values are the sample's, not the reader's.
		if slices.ContainsFunc(o.Attrs, func(a AttrDef) bool {
			return a.Default == nil || literal(v.Def.Attrs.Get(a.Name)) != literal(a.Default)
		}) {
			parts = append(parts, "…")
		}
	}
	text := v.Def.Kind + "(" + strings.Join(parts, ", ") + ")"
	if len(v.Def.Results) > 1 {
		text += fmt.Sprintf("[%d]", v.Index)
	}
	return text
}

// kinds lists the operators that a value is made of, each once, the last first.
func kinds(v *ir.Value, names map[*ir.Value]string) []string {
	var list []string
	seen := map[*ir.Value]bool{}
	var walk func(v *ir.Value)
	walk = func(v *ir.Value) {
		if names[v] != "" || v.Def == nil || seen[v] {
			return
		}
		seen[v] = true
		if !slices.Contains(list, v.Def.Kind) {
			list = append(list, v.Def.Kind)
		}
		for _, a := range v.Def.Args {
			walk(a)
		}
	}
	walk(v)
	return list
}
