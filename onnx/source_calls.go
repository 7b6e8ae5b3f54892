package onnx

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/ops"
)

// How the operators of an import are written in the language: calls, literals, and attributes.

func variadic(kind string) bool {
	o := ops.Lookup(kind)
	return len(o.Args) > 0 && o.Args[0].Variadic
}

// inlined is a literal of one element that may be written as a number where it is used.
func inlined(v *ir.Value, st *step) (string, bool) {
	data := ir.Attrs(st.attrs).Get("data").([]float64)
	if len(v.Type.Shape) != 0 || v.Type.Elem == ir.Bool {
		return "", false
	}
	if math.IsInf(data[0], 0) && v.Type.Elem == ir.F32 {
		return map[bool]string{true: "-log(0)", false: "log(0)"}[data[0] > 0], true
	}
	text, err := numeral(data[0], v.Type.Elem)
	return text, err == nil
}

// numeral writes a number.
func numeral(x float64, e ir.DType) (string, error) {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return "", fmt.Errorf("the constant %v cannot stand in a source", x)
	}
	if e.Float() {
		return strconv.FormatFloat(x, 'g', -1, 32), nil
	}
	return strconv.FormatInt(int64(x), 10), nil
}

// expr is what stands for a value where it is used.
func (s *source) expr(v *ir.Value) string {
	if t := s.text[v]; t != "" {
		if st := s.steps[v]; st != nil && st.kind == "literal" {
			if strings.HasSuffix(t, "log(0)") {
				return t
			}
			return fmt.Sprintf("literal([%s], shape=[], elem=%q)", t, v.Type.Elem)
		}
		return t
	}
	return s.names[v]
}

// operand is expr, or a number where another operand says its element type.
func (s *source) operand(v *ir.Value, st *step) string {
	if s.steps[v] == nil {
		return s.expr(v)
	}
	o := ops.Lookup(st.kind) // never an alias
	for i := len(st.args) - 1; i >= 0; i-- {
		a := st.args[i]
		if s.steps[a] == nil && a.Type.Elem != ir.Bool {
			if (o.Category == "elementwise" || infix[st.kind] != "") && a.Type.Elem == v.Type.Elem {
				return s.text[v]
			}
			break
		}
	}
	return s.expr(v)
}

// call is an operator applied to its operands, and how many calls it takes.
func (s *source) call(st *step) (string, int, error) {
	if st.kind == "" {
		return s.expr(st.args[0]), 1, nil
	}
	o := ops.Lookup(st.kind)
	if sign := infix[st.kind]; sign != "" && len(st.args) == 2 {
		return fmt.Sprintf("%s %s %s", s.side(st.args[0], st), sign, s.side(st.args[1], st)), 1, nil
	}
	var parts []string
	piped, calls := "", 1
	for i, v := range st.args {
		if v == nil {
			continue
		}
		text := s.operand(v, st)
		if i == 0 && s.text[v] != "" && s.steps[v] == nil {
			piped, calls = text, s.chain[v]+1
			continue
		}
		if i > 0 && o.Layer != nil && i < len(o.Args) {
			text = o.Args[i].Name + "=" + text
		}
		parts = append(parts, text)
	}
	for _, a := range st.attrs {
		text, err := attribute(o, a)
		if err != nil {
			return "", 0, err
		}
		if text != "" {
			parts = append(parts, text)
		}
	}
	call := st.kind
	if len(parts) > 0 || piped == "" {
		call += "(" + strings.Join(parts, ", ") + ")"
	}
	if piped != "" {
		call = piped + " |> " + call
	}
	return call, calls, nil
}

// side is an operand of a sign.
func (s *source) side(v *ir.Value, st *step) string {
	text := s.operand(v, st)
	if strings.HasPrefix(text, "-") || strings.Contains(text, " |> ") {
		return "(" + text + ")"
	}
	return text
}

// attribute writes an attribute, or nothing where it is the default.
func attribute(o *ops.Operator, a ir.Attr) (string, error) {
	full, err := ops.Complete(o.Attrs, withRequired(o, a))
	if err != nil {
		return "", err
	}
	v := full.Get(a.Name)
	if fmt.Sprint(v) == defaultOf(o, a.Name) {
		return "", nil
	}
	var text string
	switch x := v.(type) {
	case []int:
		text = "[" + strings.ReplaceAll(strings.Trim(fmt.Sprint(x), "[]"), " ", ", ") + "]"
		if len(x) == 0 || slices.Min(x) != slices.Max(x) {
			break
		}
		switch a.Name {
		case "pads":
			if x[0] == 0 && o.Name != "crop" {
				return "", nil // no border is what there is without pads
			}
		case "stride", "dilation", "size":
			if text = itoa(x[0]); defaultOf(o, a.Name) == "["+text+"]" {
				return "", nil
			}
		}
	case string:
		text = strconv.Quote(x)
	case float64:
		if text, err = numeral64(x); err != nil {
			return "", err
		}
	case []float64:
		if len(x) > longest {
			return "", fmt.Errorf("a constant of %d elements is too long for a source", len(x))
		}
		list := make([]string, len(x))
		for i := range x {
			if list[i], err = numeral64(x[i]); err != nil {
				return "", err
			}
		}
		text = "[" + strings.Join(list, ", ") + "]"
	default:
		text = fmt.Sprint(x)
	}
	return a.Name + "=" + text, nil
}

// defaultOf is the default of an attribute, printed, and nothing where it has none.
func defaultOf(o *ops.Operator, name string) string {
	for _, d := range o.Attrs {
		if d.Name == name && d.Default != nil {
			return fmt.Sprint(d.Default)
		}
	}
	return ""
}

// withRequired is an attribute with made-up values for those that an operator needs beside it.
func withRequired(o *ops.Operator, a ir.Attr) []ir.Attr {
	list := []ir.Attr{a}
	for _, d := range o.Attrs {
		if d.Default == nil && d.Name != a.Name {
			list = append(list, ir.Attr{Name: d.Name, Value: d.Kind})
		}
	}
	return list
}

// numeral64 writes a number of an attribute: as an f32 where it is one.
func numeral64(x float64) (string, error) {
	if float64(float32(x)) == x {
		return numeral(x, ir.F32)
	}
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return "", fmt.Errorf("the constant %v cannot stand in a source", x)
	}
	return strconv.FormatFloat(x, 'g', -1, 64), nil
}
