package onnx

import (
	"fmt"
	"slices"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/ops"
)

// opRow imports the nodes of one operator of ONNX, in the opsets from min to max (0: the newest). Operators without a row follow from the ONNX field of
// their literals in package ops.
type opRow struct {
	name     string
	min, max int64
	heavy    bool // its work grows faster than its operands: folded where they are small
	raw      bool // it looks at operands itself, whether they are known or not
	run      func(n *call) []*value
}

// rows are all rows by domain and name.
var rows = map[string][]*opRow{}

// register adds the rows of a file for a domain.
func register(domain string, list ...opRow) bool {
	for i := range list {
		key := domain + ":" + list[i].name
		rows[key] = append(rows[key], &list[i])
	}
	return true
}

// literals are the operators of package ops by their names in ONNX that work element by element, and so need no row.
var literals = func() map[string]*ops.Operator {
	m := map[string]*ops.Operator{}
	for _, o := range ops.All() {
		if o.ONNX.Name != "" && (o.Category == "elementwise" || o.Category == "activation") {
			m[o.ONNX.Name] = o
		}
	}
	return m
}()

// first is the first opset in which the operator of a literal is supported. Opset 6 only dropped an attribute without a meaning.
func first(o *ops.Operator) int64 {
	if o.ONNX.Min <= 6 {
		return 1
	}
	return int64(o.ONNX.Min)
}

// refusedOps are operators that are known and not supported, with the reason.
var refusedOps = map[string]string{}

func init() {
	for reason, names := range map[string][]string{
		"it draws random numbers, which an import cannot repeat": {"Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike"},
		"strings are not supported":                              {"StringNormalizer", "RegexFullMatch", "StringConcat", "StringSplit", "ai.onnx.ml.CategoryMapper"},
		"images in compressed form are not supported":            {"ImageDecoder"},
		"maps are not supported":                                 {"ai.onnx.ml.CastMap", "ai.onnx.ml.DictVectorizer", "ai.onnx.ml.ZipMap"},
	} {
		for _, n := range names {
			refusedOps[n] = reason
		}
	}
}

// lookup finds the row for an operator at an opset.
func lookup(domain, op string, opset int64) (*opRow, error) {
	full := op
	if domain != "" {
		full = domain + "." + op
	}
	if reason := refusedOps[full]; reason != "" {
		return nil, fmt.Errorf("%s", reason)
	}
	list := rows[domain+":"+op]
	for _, r := range list {
		if opset >= r.min && (r.max == 0 || opset <= r.max) {
			return r, nil
		}
	}
	if len(list) > 0 {
		return nil, fmt.Errorf("the operator is not supported in opset %d", opset)
	}
	if o := literals[op]; domain == "" && o != nil {
		if opset < first(o) {
			return nil, fmt.Errorf("the operator is not supported in opset %d", opset)
		}
		return &opRow{name: op, run: func(n *call) []*value { return n.generic(o) }}, nil
	}
	return nil, fmt.Errorf("the operator is not supported")
}

// generic applies the operator of a literal, with its attributes as the literal maps them.
func (n *call) generic(o *ops.Operator) []*value { return n.elementwise(o.Name, n.in, n.mapped(o)...) }

// mapped are the attributes of a literal that the node gives.
func (n *call) mapped(o *ops.Operator) []ir.Attr {
	var attrs []ir.Attr
	for _, d := range o.Attrs {
		name, ok := o.ONNX.Attrs[d.Name]
		if !ok {
			continue
		}
		a := n.attr(name)
		if a == nil {
			continue
		}
		var v any
		switch d.Zero().(type) {
		case int:
			v = saturated(a.I)
		case bool:
			v = a.I != 0
		case float64:
			v = float64(a.F)
		case string:
			v = a.S
		case []int:
			v = n.list(name)
		default:
			refuse("its attribute %q is not supported", name)
		}
		attrs = append(attrs, ir.Attr{Name: d.Name, Value: v})
	}
	return attrs
}

// wraps are the operators whose whole results may leave the range of their type.
var wraps = []string{"add", "sub", "mul", "neg", "pow", "bitwise_shift", "bitwise_not"}

// elementwise applies an operator at every point of its operands, which broadcast. Where one of them has its channels last, all get them last.
func (n *call) elementwise(kind string, in []*value, attrs ...ir.Attr) []*value {
	rank, turned := 0, false
	for _, x := range in {
		if x == nil || x.isSeq || x.none {
			refuse("an operand is missing")
		}
		rank = max(rank, len(x.shape()))
		turned = turned || x.c == nil && x.v == nil
	}
	for _, x := range in {
		turned = turned && (x.c != nil || len(x.shape()) == rank)
	}
	if slices.ContainsFunc(in, func(x *value) bool { return x.behind != nil }) {
		return n.elementwiseBehind(kind, in, attrs)
	}
	args := make([]*ir.Value, len(in))
	for i, x := range in {
		switch {
		case !turned:
			args[i] = n.im.plain(x)
		case x.c != nil && x.c.elems() == 1:
			args[i] = n.im.materialize(n.im.reshaped(x.c))
		case x.c != nil && len(x.c.shape) < rank:
			ones := slices.Repeat([]int{1}, rank-len(x.c.shape))
			args[i] = n.im.channelsLast(&value{t: x.t, c: n.im.reshaped(x.c, append(ones, x.c.shape...)...)})
		default:
			args[i] = n.im.channelsLast(x)
		}
	}
	y := n.op(kind, args, attrs...)
	if slices.Contains(wraps, kind) && y.Type.Elem == ir.I32 {
		y = n.wrap(y, n.typeFor(ir.I32))
	}
	if turned {
		return n.lasts(y)
	}
	return n.results(y)
}

// wrap brings whole numbers to the range of a type of 16 bits.
func (n *call) wrap(y *ir.Value, t DataType) *ir.Value {
	switch t {
	case Uint16:
		return n.apply("bitwise_and", y, n.scalar(ir.I32, 0xffff))
	case Int16:
		low := n.apply("bitwise_and", y, n.scalar(ir.I32, 0xffff))
		sign := n.scalar(ir.I32, 0x8000)
		return n.apply("sub", n.apply("bitwise_xor", low, sign), sign)
	}
	return y
}

// f32 is a value whose floats are f32: operators without narrower forms work on these.
func (n *call) f32(v *ir.Value) *ir.Value {
	if v.Type.Elem.Float() {
		return n.cast(v, ir.F32)
	}
	return v
}

// image is operand i with its channels last, as f32.
func (n *call) image(i int) *ir.Value { return n.f32(n.im.channelsLast(n.x(i))) }

// back gives results the element type of operand 0.
func (n *call) back(v *ir.Value) *ir.Value { return n.cast(v, n.x(0).elem()) }

// vector is operand i as f32, in one axis.
func (n *call) vector(i int) *ir.Value {
	v := n.f32(n.v(i))
	if len(v.Type.Shape) != 1 {
		refuse("operand %d must have one axis, not %v", i, v.Type)
	}
	return v
}
