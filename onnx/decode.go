package onnx

import (
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// The sizes of decoded messages in memory, with the slices that point at them, as the decoder's bound counts them.
const (
	tensorSize = 512
	nodeSize   = 256
	attrSize   = 384
	smallSize  = 96
)

// The tables are functions, as messages contain each other.

func modelRows() table[Model] { return modelTable }
func graphRows() table[Graph] { return graphTable }

var modelTable, graphTable = table[Model]{}, table[Graph]{}

func init() {
	graphTable[1] = messages("node", nodeSize, func(g *Graph) *[]*Node { return &g.Nodes }, nodeRows)
	graphTable[2] = text("name", func(g *Graph) *string { return &g.Name })
	graphTable[5] = messages("initializer", tensorSize, func(g *Graph) *[]*Tensor { return &g.Initializers }, tensorRows)
	graphTable[11] = messages("input", smallSize, func(g *Graph) *[]*ValueInfo { return &g.Inputs }, infoRows)
	graphTable[12] = messages("output", smallSize, func(g *Graph) *[]*ValueInfo { return &g.Outputs }, infoRows)
	graphTable[13] = messages("value_info", smallSize, func(g *Graph) *[]*ValueInfo { return &g.Infos }, infoRows)
	graphTable[15] = messages("sparse_initializer", smallSize, func(g *Graph) *[]*SparseTensor { return &g.Sparse }, sparseRows)

	modelTable[1] = number("ir_version", func(m *Model) *int64 { return &m.IRVersion })
	modelTable[2] = text("producer_name", func(m *Model) *string { return &m.Producer })
	modelTable[7] = message("graph", smallSize, func(m *Model) **Graph { return &m.Graph }, graphRows)
	modelTable[8] = opsets(func(m *Model) *[]Opset { return &m.Opsets })
	modelTable[25] = messages("functions", tensorSize, func(m *Model) *[]*Function { return &m.Functions }, functionRows)

	attrTable[6] = message("g", smallSize, func(a *Attribute) **Graph { return &a.G }, graphRows)
	attrTable[11] = messages("graphs", smallSize, func(a *Attribute) *[]*Graph { return &a.Graphs }, graphRows)
	typeTable[4] = row[Type]{name: "sequence_type", wires: wireBytes, set: elemOf(func(t *Type) **Type { return &t.Sequence })}
	typeTable[9] = row[Type]{name: "optional_type", wires: wireBytes, set: elemOf(func(t *Type) **Type { return &t.Optional })}
}

func opsets[T any](to func(*T) *[]Opset) row[T] {
	rows := table[Opset]{
		1: text("domain", func(o *Opset) *string { return &o.Domain }),
		2: number("version", func(o *Opset) *int64 { return &o.Version }),
	}
	return row[T]{name: "opset_import", repeated: true, wires: wireBytes, set: func(d *decoder, m *T, f field) error {
		var o Opset
		if err := decode(d, &o, rows, f.data); err != nil {
			return err
		}
		*to(m) = append(*to(m), o)
		return d.take(smallSize)
	}}
}

func nodeRows() table[Node] { return nodeTable }

var nodeTable = table[Node]{
	1: texts("input", func(n *Node) *[]string { return &n.Inputs }),
	2: texts("output", func(n *Node) *[]string { return &n.Outputs }),
	3: text("name", func(n *Node) *string { return &n.Name }),
	4: text("op_type", func(n *Node) *string { return &n.Op }),
	5: messages("attribute", attrSize, func(n *Node) *[]*Attribute { return &n.Attrs }, attrRows),
	7: text("domain", func(n *Node) *string { return &n.Domain }),
	8: text("overload", func(n *Node) *string { return &n.Overload }),
}

func attrRows() table[Attribute] { return attrTable }

var attrTable = table[Attribute]{
	1: text("name", func(a *Attribute) *string { return &a.Name }),
	2: {name: "f", wires: wireFixed, set: func(d *decoder, a *Attribute, f field) error {
		a.F = math.Float32frombits(uint32(f.x))
		return nil
	}},
	3: number("i", func(a *Attribute) *int64 { return &a.I }),
	4: {name: "s", wires: wireBytes, set: func(d *decoder, a *Attribute, f field) error {
		a.S = string(f.data)
		return d.take(len(f.data))
	}},
	5: message("t", tensorSize, func(a *Attribute) **Tensor { return &a.T }, tensorRows),
	7: {name: "floats", wires: []protowire.Type{protowire.Fixed32Type, protowire.BytesType}, set: func(d *decoder, a *Attribute, f field) error {
		b := f.data
		if f.wire != protowire.BytesType {
			b = f.enc
		}
		if len(b)%4 != 0 {
			return errCut
		}
		for ; len(b) > 0; b = b[4:] {
			x, _ := protowire.ConsumeFixed32(b)
			a.Floats = append(a.Floats, math.Float32frombits(x))
		}
		return d.take(2 * len(f.enc))
	}},
	8: numbers("ints", func(a *Attribute) *[]int64 { return &a.Ints }),
	9: {name: "strings", repeated: true, wires: wireBytes, set: func(d *decoder, a *Attribute, f field) error {
		a.Strings = append(a.Strings, string(f.data))
		return d.take(32 + len(f.data))
	}},
	10: messages("tensors", tensorSize, func(a *Attribute) *[]*Tensor { return &a.Tensors }, tensorRows),
	14: message("tp", smallSize, func(a *Attribute) **Type { return &a.TypeOf }, typeRows),
	20: number("type", func(a *Attribute) *int64 { return &a.Type }),
	21: text("ref_attr_name", func(a *Attribute) *string { return &a.Ref }),
	22: message("sparse_tensor", smallSize, func(a *Attribute) **SparseTensor { return &a.Sparse }, sparseRows),
}

func infoRows() table[ValueInfo] { return infoTable }

var infoTable = table[ValueInfo]{
	1: text("name", func(v *ValueInfo) *string { return &v.Name }),
	2: message("type", smallSize, func(v *ValueInfo) **Type { return &v.Type }, typeRows),
}

func typeRows() table[Type] { return typeTable }

var typeTable = table[Type]{
	1: message("tensor_type", smallSize, func(t *Type) **TensorType { return &t.Tensor }, func() table[TensorType] { return tensorTypeTable }),
	5: other("map"),
	8: other("sparse tensor"),
	7: other("opaque value"),
}

func other(what string) row[Type] {
	return row[Type]{name: what, wires: wireBytes, set: func(d *decoder, t *Type, f field) error {
		t.Other = what
		return nil
	}}
}

// elemOf reads the type of the elements of a sequence or optional.
func elemOf(to func(*Type) **Type) func(d *decoder, t *Type, f field) error {
	rows := table[Type]{1: message("elem_type", smallSize, to, typeRows)}
	return func(d *decoder, t *Type, f field) error { return decode(d, t, rows, f.data) }
}

var tensorTypeTable = table[TensorType]{
	1: {name: "elem_type", wires: wireVarint, set: func(d *decoder, t *TensorType, f field) error {
		t.Elem = dataType(f.x)
		return nil
	}},
	2: {name: "shape", wires: wireBytes, set: func(d *decoder, t *TensorType, f field) error {
		t.Ranked = true
		return decode(d, t, shapeTable, f.data)
	}},
}

// dataType is an element type as it stands in a file; what no int32 holds is none.
func dataType(x uint64) DataType {
	if x > math.MaxInt32 {
		return -1
	}
	return DataType(x)
}

var shapeTable = table[TensorType]{
	1: {name: "dim", repeated: true, wires: wireBytes, set: func(d *decoder, t *TensorType, f field) error {
		var x Dim
		if err := decode(d, &x, dimTable, f.data); err != nil {
			return err
		}
		t.Dims = append(t.Dims, x)
		return d.take(smallSize)
	}},
}

var dimTable = table[Dim]{
	1: {name: "dim_value", wires: wireVarint, set: func(d *decoder, m *Dim, f field) error {
		m.Value, m.known = int64(f.x), true
		return nil
	}},
	2: text("dim_param", func(m *Dim) *string { return &m.Param }),
}

func functionRows() table[Function] { return functionTable }

var functionTable = table[Function]{
	1:  text("name", func(f *Function) *string { return &f.Name }),
	4:  texts("input", func(f *Function) *[]string { return &f.Inputs }),
	5:  texts("output", func(f *Function) *[]string { return &f.Outputs }),
	6:  texts("attribute", func(f *Function) *[]string { return &f.Attrs }),
	7:  messages("node", nodeSize, func(f *Function) *[]*Node { return &f.Nodes }, nodeRows),
	9:  opsets(func(f *Function) *[]Opset { return &f.Opsets }),
	10: text("domain", func(f *Function) *string { return &f.Domain }),
	11: messages("attribute_proto", attrSize, func(f *Function) *[]*Attribute { return &f.Defaults }, attrRows),
	13: text("overload", func(f *Function) *string { return &f.Overload }),
}

func sparseRows() table[SparseTensor] { return sparseTable }

var sparseTable = table[SparseTensor]{
	1: message("values", tensorSize, func(s *SparseTensor) **Tensor { return &s.Values }, tensorRows),
	2: message("indices", tensorSize, func(s *SparseTensor) **Tensor { return &s.Indices }, tensorRows),
	3: numbers("dims", func(s *SparseTensor) *[]int64 { return &s.Dims }),
}

func tensorRows() table[Tensor] { return tensorTable }

// The field numbers of a TensorProto's data.
const (
	floatData  = 4
	int32Data  = 5
	int64Data  = 7
	doubleData = 10
	uint64Data = 11
)

var tensorTable = table[Tensor]{
	1: numbers("dims", func(t *Tensor) *[]int64 { return &t.Dims }),
	2: {name: "data_type", wires: wireVarint, set: func(d *decoder, t *Tensor, f field) error {
		t.Type = dataType(f.x)
		return nil
	}},
	3: {name: "segment", wires: wireBytes, set: func(d *decoder, t *Tensor, f field) error {
		t.segment = true
		return nil
	}},
	4: data("float_data", floatData, protowire.Fixed32Type),
	5: data("int32_data", int32Data, protowire.VarintType),
	6: {name: "string_data", repeated: true, wires: wireBytes, set: func(d *decoder, t *Tensor, f field) error {
		t.Strings = append(t.Strings, f.data)
		return d.take(48)
	}},
	7: data("int64_data", int64Data, protowire.VarintType),
	8: text("name", func(t *Tensor) *string { return &t.Name }),
	9: {name: "raw_data", wires: wireBytes, set: func(d *decoder, t *Tensor, f field) error {
		t.raw, t.hasRaw = f.data, true
		return nil
	}},
	10: data("double_data", doubleData, protowire.Fixed64Type),
	11: data("uint64_data", uint64Data, protowire.VarintType),
	13: {name: "external_data", repeated: true, wires: wireBytes, set: func(d *decoder, t *Tensor, f field) error {
		var e Entry
		if err := decode(d, &e, entryTable, f.data); err != nil {
			return err
		}
		t.External = append(t.External, e)
		return d.take(smallSize)
	}},
	14: number("data_location", func(t *Tensor) *int64 { return &t.Location }),
}

var entryTable = table[Entry]{
	1: text("key", func(e *Entry) *string { return &e.Key }),
	2: text("value", func(e *Entry) *string { return &e.Value }),
}
