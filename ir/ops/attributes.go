package ops

import (
	"fmt"

	"github.com/dlc-ml/dlc/ir"
)

// Zero returns a value of the attribute's Go type.
func (d AttrDef) Zero() any {
	if d.Default != nil {
		return d.Default
	}
	return d.Kind
}

// Complete returns given in the order of defs, with defaults filled in. An int is accepted for a float64 and, as a list of
// one, for a list; an unknown, missing or ill-typed attribute is an error.
func Complete(defs []AttrDef, given []ir.Attr) (ir.Attrs, error) {
	used := make([]bool, len(given))
	var full ir.Attrs
	for _, d := range defs {
		v := d.Default
		for i, g := range given {
			if g.Name == d.Name {
				if used[i] {
					continue
				}
				used[i] = true
				c, err := convert(d, g.Value)
				if err != nil {
					return nil, err
				}
				v = c
			}
		}
		if v == nil {
			return nil, fmt.Errorf("%s is missing", d.Name)
		}
		full = append(full, ir.Attr{Name: d.Name, Value: v})
	}
	for i, g := range given {
		if !used[i] {
			return nil, fmt.Errorf("no attribute is called %s, or it is given twice", g.Name)
		}
	}
	return full, nil
}

func convert(d AttrDef, v any) (any, error) {
	switch want := d.Zero().(type) {
	case int:
		if x, ok := v.(int); ok {
			return x, nil
		}
		if x, ok := v.(float64); ok && x == float64(int(x)) {
			return int(x), nil
		}
		return nil, fmt.Errorf("%s wants a whole number, not %v", d.Name, v)
	case float64:
		switch x := v.(type) {
		case float64:
			return x, nil
		case int:
			return float64(x), nil
		}
		return nil, fmt.Errorf("%s wants a number, not %v", d.Name, v)
	case bool:
		if x, ok := v.(bool); ok {
			return x, nil
		}
		return nil, fmt.Errorf("%s wants true or false, not %v", d.Name, v)
	case string:
		x, ok := v.(string)
		if !ok {
			return nil, fmt.Errorf("%s wants a word in quotes, not %v", d.Name, v)
		}
		if len(d.Values) > 0 {
			for _, w := range d.Values {
				if w == x {
					return x, nil
				}
			}
			return nil, fmt.Errorf("%s is one of %v, not %q", d.Name, d.Values, x)
		}
		return x, nil
	case []int:
		switch x := v.(type) {
		case []int:
			return x, nil
		case int:
			return []int{x}, nil
		}
		return nil, fmt.Errorf("%s wants whole numbers in brackets, not %v", d.Name, v)
	case []float64:
		switch x := v.(type) {
		case []float64:
			return x, nil
		case []int:
			f := make([]float64, len(x))
			for i := range x {
				f[i] = float64(x[i])
			}
			return f, nil
		case float64:
			return []float64{x}, nil
		case int:
			return []float64{float64(x)}, nil
		}
		return nil, fmt.Errorf("%s wants numbers in brackets, not %v", d.Name, v)
	default:
		return nil, fmt.Errorf("ops: attribute %s is declared as %T, which no attribute may be", d.Name, want)
	}
}
