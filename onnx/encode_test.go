package onnx

import (
	"encoding/binary"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// The messages of tests are built field by field.

func sub(num protowire.Number, parts ...[]byte) []byte {
	var all []byte
	for _, p := range parts {
		all = append(all, p...)
	}
	return protowire.AppendBytes(protowire.AppendTag(nil, num, protowire.BytesType), all)
}

func str(num protowire.Number, s string) []byte { return sub(num, []byte(s)) }

func num(n protowire.Number, x int64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(nil, n, protowire.VarintType), uint64(x))
}

func packed(n protowire.Number, list ...int64) []byte {
	var b []byte
	for _, x := range list {
		b = protowire.AppendVarint(b, uint64(x))
	}
	return sub(n, b)
}

func raw(list ...float32) []byte {
	var b []byte
	for _, x := range list {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
	}
	return b
}

// info is a ValueInfoProto of f32 elements.
func info(field protowire.Number, name string, dims ...int64) []byte {
	var shape []byte
	for _, d := range dims {
		shape = append(shape, sub(1, num(1, d))...)
	}
	return sub(field, str(1, name), sub(2, sub(1, num(1, 1), sub(2, shape))))
}

// node is a NodeProto.
func node(op string, in, out []string, attrs ...[]byte) []byte {
	var parts [][]byte
	for _, s := range in {
		parts = append(parts, str(1, s))
	}
	for _, s := range out {
		parts = append(parts, str(2, s))
	}
	parts = append(parts, str(3, "the_"+op), str(4, op))
	for _, a := range attrs {
		parts = append(parts, sub(5, a))
	}
	return sub(1, parts...)
}

func join(parts ...[]byte) []byte {
	var all []byte
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

// model is a ModelProto of a graph, at an opset.
func model(opset int64, graph ...[]byte) []byte {
	return join(num(1, 8), sub(8, str(1, ""), num(2, opset)), sub(7, graph...))
}

// small is a model with every kind of field that is read.
func small() []byte {
	inner := sub(6, node("Identity", []string{"y"}, []string{"z"}), info(12, "z", 2, 3))
	return join(model(17,
		node("MatMul", []string{"x", "w"}, []string{"h"}),
		node("Add", []string{"h", "b"}, []string{"s"}),
		node("LeakyRelu", []string{"s"}, []string{"y"}, join(str(1, "alpha"), protowire.AppendFixed32(protowire.AppendTag(nil, 2, protowire.Fixed32Type), math.Float32bits(0.1)), num(20, 1))),
		node("Transpose", []string{"y"}, []string{"t"}, join(str(1, "perm"), packed(8, 1, 0), num(20, 7))),
		node("Constant", nil, []string{"c"}, join(str(1, "value"), sub(5, packed(1, 2), num(2, 7), packed(7, 3, -1)), num(20, 4))),
		node("Reshape", []string{"t", "c"}, []string{"r"}),
		node("If", []string{"cond"}, []string{"q"}, join(str(1, "then_branch"), inner, num(20, 5)), join(str(1, "else_branch"), inner, num(20, 5))),
		str(2, "g"),
		sub(5, packed(1, 4, 3), num(2, 1), str(8, "w"), sub(9, raw(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12))),
		sub(5, packed(1, 3), num(2, 1), sub(4, raw(1, 2, 3)), str(8, "b")),
		sub(5, num(2, 9), num(5, 1), str(8, "cond")),
		info(11, "x", 2, 4), info(12, "r", 3, 2), info(12, "q", 2, 3), info(13, "h", 2, 3),
	), sub(25, str(1, "f"), str(4, "a"), str(5, "b"), str(6, "k"), sub(7, str(1, "a"), str(2, "b"), str(4, "Relu")), sub(9, num(2, 17)), str(10, "my")))
}
