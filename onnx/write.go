package onnx

import (
	"encoding/binary"
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// Encode writes the model in the form that Parse reads, with the data of all tensors inside. What exporters of other libraries write beyond what Export
// makes (functions, sequences, sparse tensors, graphs in attributes) is left out. It is an error where the file would be larger than protocol buffers allow.
func (m *Model) Encode() ([]byte, error) {
	size := 0
	for _, t := range m.Graph.Initializers {
		size += len(t.raw)
	}
	if size > FileLimit-1<<24 {
		return nil, fmt.Errorf("the weights take %d bytes, but a file of ONNX has at most 2 GB", size)
	}
	var b []byte
	b = appendNumber(b, 1, m.IRVersion)
	b = appendText(b, 2, m.Producer)
	b = appendMessage(b, 7, encodeGraph(m.Graph))
	for _, o := range m.Opsets {
		b = appendMessage(b, 8, appendNumber(appendText(nil, 1, o.Domain), 2, o.Version))
	}
	return b, nil
}

func appendNumber(b []byte, field protowire.Number, x int64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), uint64(x))
}

func appendText(b []byte, field protowire.Number, s string) []byte {
	return protowire.AppendString(protowire.AppendTag(b, field, protowire.BytesType), s)
}

func appendMessage(b []byte, field protowire.Number, m []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, field, protowire.BytesType), m)
}

func appendPacked(b []byte, field protowire.Number, list []int64) []byte {
	var p []byte
	for _, x := range list {
		p = protowire.AppendVarint(p, uint64(x))
	}
	return appendMessage(b, field, p)
}

func encodeGraph(g *Graph) []byte {
	var b []byte
	for _, n := range g.Nodes {
		b = appendMessage(b, 1, encodeNode(n))
	}
	b = appendText(b, 2, g.Name)
	for _, t := range g.Initializers {
		b = appendMessage(b, 5, encodeTensor(t))
	}
	for _, v := range g.Inputs {
		b = appendMessage(b, 11, encodeInfo(v))
	}
	for _, v := range g.Outputs {
		b = appendMessage(b, 12, encodeInfo(v))
	}
	return b
}

func encodeNode(n *Node) []byte {
	var b []byte
	for _, s := range n.Inputs {
		b = appendText(b, 1, s)
	}
	for _, s := range n.Outputs {
		b = appendText(b, 2, s)
	}
	b = appendText(appendText(b, 3, n.Name), 4, n.Op)
	for _, a := range n.Attrs {
		b = appendMessage(b, 5, encodeAttribute(a))
	}
	return b
}

func encodeAttribute(a *Attribute) []byte {
	b := appendText(nil, 1, a.Name)
	switch a.Type {
	case attrFloat:
		b = protowire.AppendFixed32(protowire.AppendTag(b, 2, protowire.Fixed32Type), math.Float32bits(a.F))
	case attrInt:
		b = appendNumber(b, 3, a.I)
	case attrString:
		b = appendText(b, 4, a.S)
	case attrInts:
		b = appendPacked(b, 8, a.Ints)
	case attrStrings:
		for _, s := range a.Strings {
			b = appendText(b, 9, s)
		}
	}
	return appendNumber(b, 20, a.Type)
}

func encodeTensor(t *Tensor) []byte {
	b := make([]byte, 0, len(t.raw)+64)
	b = appendPacked(b, 1, t.Dims)
	b = appendNumber(b, 2, int64(t.Type))
	b = appendText(b, 8, t.Name)
	return appendMessage(b, 9, t.raw)
}

func encodeInfo(v *ValueInfo) []byte {
	var shape []byte
	for _, d := range v.Type.Tensor.Dims {
		if d.Param != "" {
			shape = appendMessage(shape, 1, appendText(nil, 2, d.Param))
		} else {
			shape = appendMessage(shape, 1, appendNumber(nil, 1, d.Value))
		}
	}
	tensor := appendMessage(appendNumber(nil, 1, int64(v.Type.Tensor.Elem)), 2, shape)
	return appendMessage(appendText(nil, 1, v.Name), 2, appendMessage(nil, 1, tensor))
}

// newTensor is a tensor of numbers of one of the types FLOAT, INT32, INT64, INT8, UINT8 and BOOL.
func newTensor(name string, t DataType, shape []int, data []float64) *Tensor {
	r := &Tensor{Name: name, Type: t, hasRaw: true, raw: make([]byte, 0, storages[t].size*len(data))}
	for _, d := range shape {
		r.Dims = append(r.Dims, int64(d))
	}
	for _, x := range data {
		switch storages[t].size {
		case 1:
			r.raw = append(r.raw, byte(int64(x)))
		case 8:
			r.raw = binary.LittleEndian.AppendUint64(r.raw, uint64(int64(x)))
		default:
			bits := uint32(int32(x))
			if t == Float {
				bits = math.Float32bits(float32(x))
			}
			r.raw = binary.LittleEndian.AppendUint32(r.raw, bits)
		}
	}
	return r
}
