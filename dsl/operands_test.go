package dsl_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/dlc-ml/dlc/dsl"
	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/ops"
)

// TestOperandsOfLayers calls every layer from source text with all its operands, as an importer writes it: by place and by name. It must be the
// operator itself, with no parameters but those of the source.
func TestOperandsOfLayers(t *testing.T) {
	for _, o := range ops.All() {
		if o.Layer == nil || len(o.Args) == 1 {
			continue
		}
		sample := o.Samples[0]
		for _, s := range o.Samples {
			if len(s.Args) > len(sample.Args) && s.Attrs.Get("given") == nil {
				sample = s
			}
		}
		for _, byName := range []bool{false, true} {
			src, count := callText(o, sample, byName)
			m, err := dsl.Compile("in.dl", []byte(src), dsl.Options{})
			if err != nil {
				t.Errorf("%v\n%s", err, src)
				continue
			}
			if len(m.Params) != count {
				t.Errorf("%s has %d parameters, not %d, for\n%s", o.Name, len(m.Params), count, src)
			}
		}
	}
}

// callText is a model that applies an operator to the operands of a sample: inputs where they have a batch, else parameters and buffers. It returns
// the number of the latter.
func callText(o *ops.Operator, s ops.Sample, byName bool) (string, int) {
	var decls, args []string
	count := 0
	for i, a := range s.Args {
		name, dims := fmt.Sprintf("a%d", i), slices.Clone(a.Shape)
		kind := "buffer"
		if len(dims) > 0 && !dims[0].Static() {
			kind, dims = "input", dims[1:]
		} else {
			count++
		}
		decls = append(decls, fmt.Sprintf("    %s %s: %s", kind, name, ir.T(a.Elem, dims)))
		if byName && i > 0 {
			name = o.Args[i].Name + "=" + name
		}
		args = append(args, name)
	}
	for _, a := range s.Attrs {
		args = append(args, a.Name+"="+attrText(a.Value))
	}
	y := o.Name + "(" + strings.Join(args, ", ") + ")"
	return "model m {\n" + strings.Join(decls, "\n") + "\n    input zero: f32[1]\n    output y = reduce_sum(" + y + ") + zero\n}\n", count
}

// attrText writes an attribute as the language does.
func attrText(v any) string {
	switch v := v.(type) {
	case string:
		return `"` + v + `"`
	case []int:
		return strings.ReplaceAll(fmt.Sprint(v), " ", ", ")
	}
	return fmt.Sprint(v)
}
