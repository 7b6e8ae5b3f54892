package ops

import (
	"fmt"

	"github.com/dlc-ml/dlc/ir"
)

// multiHeadArgs are the operands of the layer.
var multiHeadArgs = []Arg{
	{Name: "x", Doc: "f32[N,T,C], what the queries are made of"},
	{Name: "memory", Doc: "f32[N,S,M], what the keys and values are made of; x where it is left out", Optional: true},
	{Name: "lengths", Doc: "i32[N], how many places of the memory each example has", Optional: true},
	maskArg,
}

// MultiHeadAttention is the attention of a transformer, with its projections.
var MultiHeadAttention = Register(&Operator{
	Name: "multi_head_attention",
	Doc: "Multi-head attention (Vaswani et al., Attention Is All You Need, 2017): makes queries of x [N,T,C], and keys and values of the memory [N,S,M], by matrices, lets each " +
		"head attend, and joins the heads by a last matrix, giving [N,T,C]. Without a memory it is self-attention. See attention for the rest.",
	Formula:  "y = attention(x·query, memory·key, memory·value)·output",
	Example:  "y = x + (x |> layer_norm |> multi_head_attention(8))",
	Category: "layer",
	Args: []Arg{
		multiHeadArgs[0], {Name: "memory", Doc: "f32[N,S,M]"},
		{Name: "query", Doc: "f32[C,heads*D]"}, {Name: "key", Doc: "f32[M,G*D]"}, {Name: "value", Doc: "f32[M,G*D]"}, {Name: "output", Doc: "f32[heads*D,C]"},
		{Name: "lengths", Doc: "i32[N]", Optional: true}, maskArg,
	},
	Attrs: multiHeadAttrs,
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		project := func(x, w *Tensor, heads int) *Tensor {
			y := evalMatMul([]*Tensor{x, w}, ir.Attrs{{Name: "transpose_a", Value: false}, {Name: "transpose_b", Value: false}})[0]
			if heads > 0 {
				y.Shape = []int{y.Shape[0], y.Shape[1], heads, y.Shape[2] / heads}
			}
			return y
		}
		heads, shared := a.Int("heads"), a.Int("kv_heads")
		if shared == 0 {
			shared = heads
		}
		operands := append([]*Tensor{project(args[0], args[2], heads), project(args[1], args[3], shared), project(args[1], args[4], shared)}, args[6:]...)
		y := evalAttention(operands, ir.Attrs{{Name: "causal", Value: a.Bool("causal")}, {Name: "scale", Value: 0.0}})[0]
		y.Shape = []int{y.Shape[0], y.Shape[1], y.Shape[2] * y.Shape[3]}
		return []*Tensor{project(y, args[5], 0)}
	},
	Expand: func(b *Builder, args []*ir.Value, a ir.Attrs) ([]*ir.Value, error) {
		h := headCounts(a)
		var list []*ir.Value
		for i, from := range []*ir.Value{args[0], args[1], args[1]} {
			v, err := b.Op("dense", []string{"query", "key", "value"}[i], []*ir.Value{from, args[2+i]})
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		return b.attend(list, args[6:], h, a, func(y *ir.Value) (*ir.Value, error) {
			return b.Op("dense", "attention", []*ir.Value{y, args[5]})
		})
	},
	Layer: &Layer{
		Doc: "makes the matrices query.weight [C,heads*D], key.weight [M,kv_heads*D], value.weight [M,kv_heads*D] and output.weight [heads*D,C], uniform in " +
			"±sqrt(6/rows) at the start, and, unless bias=false, a bias for each, zero",
		Operands: multiHeadArgs,
		Attrs: append(append([]AttrDef{}, multiHeadAttrs...),
			AttrDef{Name: "size", Doc: "the size D of a head; 0 for C/heads", Default: 0},
			AttrDef{Name: "bias", Doc: "whether each matrix has a bias", Default: true}),
		Build: buildMultiHead,
	},
	Samples: []Sample{
		{Args: f32Types(ir.NS(3, 4), ir.NS(3, 4), ir.S(4, 4), ir.S(4, 4), ir.S(4, 4), ir.S(4, 4)), Attrs: ir.Attrs{{Name: "heads", Value: 2}}, Batch: 2},
		{Args: f32Types(ir.NS(2, 3), ir.NS(4, 5), ir.S(3, 8), ir.S(5, 4), ir.S(5, 4), ir.S(8, 3)), Attrs: ir.Attrs{{Name: "heads", Value: 4}, {Name: "kv_heads", Value: 2}}, Batch: 1},
		{Args: append(f32Types(ir.NS(3, 2), ir.NS(3, 2), ir.S(2, 3), ir.S(2, 3), ir.S(2, 3), ir.S(3, 2)), ir.T(ir.I32, ir.NS())),
			Attrs: ir.Attrs{{Name: "heads", Value: 1}, {Name: "causal", Value: true}}, Data: map[int][]float64{6: {3, 1, 2}}},
		{Args: append(f32Types(ir.NS(3, 4), ir.NS(3, 4), ir.S(4, 4), ir.S(4, 2), ir.S(4, 2), ir.S(4, 4)), ir.T(ir.I32, ir.NS()), ir.T(ir.F32, ir.S(2, 3, 3))),
			Attrs: ir.Attrs{{Name: "heads", Value: 2}, {Name: "kv_heads", Value: 1}}, Data: map[int][]float64{6: {3, 1, 2}}},
	},
})

var multiHeadAttrs = []AttrDef{
	{Name: "heads", Doc: "number of heads", Kind: 0},
	{Name: "kv_heads", Doc: "number of heads of the keys and values; 0 for as many as heads", Default: 0},
	{Name: "causal", Doc: "hide the keys behind each query", Default: false},
	{Name: "dropout", Doc: "the probability with which a weight is set to zero in training, from 0 up to but not 1", Default: 0.0},
}

// headCounts are the heads of queries, keys and values.
func headCounts(a ir.Attrs) [3]int {
	heads, shared := a.Int("heads"), a.Int("kv_heads")
	if shared == 0 {
		shared = heads
	}
	return [3]int{heads, shared, shared}
}

// attend cuts queries, keys and values into heads, lets them attend and joins them again, by output. hiding are lengths and a mask, where there are.
func (b *Builder) attend(list, hiding []*ir.Value, h [3]int, a ir.Attrs, output func(*ir.Value) (*ir.Value, error)) ([]*ir.Value, error) {
	for i, v := range list {
		columns := v.Type.Shape[2].Size
		if h[i] < 1 || columns%h[i] != 0 {
			return nil, fmt.Errorf("multi_head_attention cannot divide %d columns among %d heads", columns, h[i])
		}
		var err error
		if list[i], err = b.eachAs(v, v.Type.Shape[1].Size, h[i], columns/h[i]); err != nil {
			return nil, err
		}
	}
	y, err := b.Op("attention", "attention", append(list, hiding...), ir.Attr{Name: "causal", Value: a.Bool("causal")}, ir.Attr{Name: "dropout", Value: a.Float("dropout")})
	if err != nil {
		return nil, err
	}
	s := y.Type.Shape
	if y, err = b.eachAs(y, s[1].Size, s[2].Size*s[3].Size); err != nil {
		return nil, err
	}
	if y, err = output(y); err != nil {
		return nil, err
	}
	return []*ir.Value{y}, nil
}

func buildMultiHead(b *Builder, x []*ir.Value, a ir.Attrs) ([]*ir.Value, error) {
	memory, hiding := x[0], x[min(2, len(x)):]
	if v := optional(x, 1); v != nil {
		memory = v
	}
	h := headCounts(a)
	size, err := checkMultiHead(x[0].Type, memory.Type, h, a)
	if err != nil {
		return nil, err
	}
	scope := b.Scope
	defer func() { b.Scope = scope }()
	project := func(name string, from *ir.Value, columns int) (*ir.Value, error) {
		b.Scope = scope + "." + name
		in := from.Type.Shape[2].Size
		args, err := b.weights(from, ir.T(ir.F32, ir.S(in, columns)), in, a.Bool("bias"))
		if err != nil {
			return nil, err
		}
		return b.Op("dense", name, args)
	}
	var list []*ir.Value
	for i, from := range []*ir.Value{x[0], memory, memory} {
		v, err := project([]string{"query", "key", "value"}[i], from, h[i]*size)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return b.attend(list, hiding, h, a, func(y *ir.Value) (*ir.Value, error) { return project("output", y, x[0].Type.Shape[2].Size) })
}

// checkMultiHead checks everything before a parameter is made, and returns the size of a head.
func checkMultiHead(x, memory ir.Type, h [3]int, a ir.Attrs) (int, error) {
	for _, t := range []ir.Type{x, memory} {
		if err := features("multi_head_attention", t); err != nil {
			return 0, err
		}
		if len(t.Shape) != 3 || !t.Shape[1].Static() {
			return 0, WithNote("reshape brings images into the form f32[places, channels]", "multi_head_attention needs places with features, f32[N,T,C], but its input is %v", t)
		}
	}
	heads, size, channels := h[0], a.Int("size"), x.Shape[2].Size
	switch {
	case heads < 1 || h[1] < 1 || heads%h[1] != 0:
		return 0, WithNote("kv_heads must divide heads", "multi_head_attention cannot have %d heads that share %d", heads, h[1])
	case size == 0 && channels%heads != 0:
		return 0, WithNote("give the size of a head", "multi_head_attention cannot divide %d features among %d heads", channels, heads)
	case size < 0 || size > ir.MaxElems/heads:
		return 0, fmt.Errorf("multi_head_attention cannot have heads of size %d", size)
	case size == 0:
		size = channels / heads
	}
	for _, in := range []int{channels, memory.Shape[2].Size} {
		if _, ok := ir.S(in, heads*size).Elems(); !ok {
			return 0, fmt.Errorf("multi_head_attention would have matrices of more than %d elements", ir.MaxElems)
		}
	}
	if _, ok := (ir.Shape{x.Shape[0], ir.D(heads), x.Shape[1], memory.Shape[1]}).Elems(); !ok {
		return 0, WithNote("use fewer places or heads", "multi_head_attention would have more than %d weights", ir.MaxElems)
	}
	return size, nil
}
