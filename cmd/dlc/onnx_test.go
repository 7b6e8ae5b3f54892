package main

import (
	"encoding/binary"
	"math"
	"os"
	"path/filepath"

	"github.com/rogpeppe/go-internal/testscript"
	"google.golang.org/protobuf/encoding/protowire"
)

// onnxFolder writes a folder in the form of ONNX's backend tests: y = relu(x·w + b), and as strange.onnx a model with operators that are not supported.
func onnxFolder(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: onnx folder")
	}
	dir := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(filepath.Join(dir, "test_data_set_0"), 0o777))
	model := func(nodes ...[]byte) []byte {
		graph := append(nodes, pbText(2, "g"), pbTensor(5, "w", []int64{3, 2}, 1, 2, 3, 4, 5, 6), pbTensor(5, "b", []int64{2}, -1, 1), pbInfo(11, "x", 1, 3), pbInfo(12, "y", 1, 2))
		return pbJoin(pbInt(1, 8), pbMessage(8, pbInt(2, 17)), pbMessage(7, graph...))
	}
	node := func(op, out string, in ...string) []byte {
		parts := [][]byte{pbText(2, out), pbText(3, op+"_node"), pbText(4, op)}
		for _, s := range in {
			parts = append(parts, pbText(1, s))
		}
		return pbMessage(1, parts...)
	}
	write := func(name string, data []byte) { ts.Check(os.WriteFile(filepath.Join(dir, name), data, 0o666)) }
	write("model.onnx", model(node("Gemm", "h", "x", "w", "b"), node("Relu", "y", "h")))
	write("strange.onnx", model(node("Strange", "h", "x"), node("Stranger", "y", "h")))
	// Nodes that do nothing or are computed from constants, among them what says a shape: the same result, from the transposed matrix.
	write("nodes.onnx", pbJoin(pbInt(1, 8), pbMessage(8, pbInt(2, 12)), pbMessage(7, pbText(2, "g"),
		node("Identity", "same", "x"), node("Transpose", "turned", "wt"), node("MatMul", "product", "same", "turned"), node("Add", "twice", "b", "b"), node("Sub", "shift", "twice", "b"),
		node("Add", "sum", "product", "shift"), node("Shape", "extents", "sum"), node("Reshape", "formed", "sum", "extents"), node("Dropout", "dropped", "formed"), node("Relu", "y", "dropped"),
		pbTensor(5, "wt", []int64{2, 3}, 1, 3, 5, 2, 4, 6), pbTensor(5, "b", []int64{2}, -1, 1), pbInfo(11, "x", 1, 3), pbInfo(12, "y", 1, 2))))
	write("test_data_set_0/input_0.pb", pbTensor(0, "x", []int64{1, 3}, 1, -2, 1))
	write("test_data_set_0/output_0.pb", pbTensor(0, "y", []int64{1, 2}, 0, 1))
}

func pbJoin(parts ...[]byte) []byte {
	var all []byte
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

func pbMessage(field protowire.Number, parts ...[]byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(nil, field, protowire.BytesType), pbJoin(parts...))
}

func pbText(field protowire.Number, s string) []byte { return pbMessage(field, []byte(s)) }

func pbInt(field protowire.Number, x int64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(nil, field, protowire.VarintType), uint64(x))
}

// pbTensor is a TensorProto, as a field of another message where field is not 0.
func pbTensor(field protowire.Number, name string, dims []int64, data ...float32) []byte {
	var raw []byte
	for _, x := range data {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(x))
	}
	parts := [][]byte{pbInt(2, 1), pbText(8, name), pbMessage(9, raw)}
	for _, d := range dims {
		parts = append(parts, pbInt(1, d))
	}
	if field == 0 {
		return pbJoin(parts...)
	}
	return pbMessage(field, parts...)
}

func pbInfo(field protowire.Number, name string, dims ...int64) []byte {
	var shape [][]byte
	for _, d := range dims {
		shape = append(shape, pbMessage(1, pbInt(1, d)))
	}
	return pbMessage(field, pbText(1, name), pbMessage(2, pbMessage(1, pbInt(1, 1), pbMessage(2, shape...))))
}
