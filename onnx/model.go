// Package onnx reads networks in the format of ONNX and imports them as modules of the tensor IR. The wire format is that of onnx.proto; what is read
// is taken for hostile: sizes are checked before anything is allocated, nesting is bounded, and errors name the file and the field.
package onnx

// Model is a ModelProto.
type Model struct {
	File      string // the path it was read from
	Source    []byte // the bytes of that file
	IRVersion int64
	Producer  string
	Opsets    []Opset
	Graph     *Graph
	Functions []*Function
	external  int64 // bytes of data that lay in other files
	room      int64 // what the decoder left of the memory that a model may take
}

// Opset is an OperatorSetIdProto: the version of the operators of a domain that a model or function uses.
type Opset struct {
	Domain  string // "" and "ai.onnx" are the same
	Version int64
}

// Graph is a GraphProto.
type Graph struct {
	Name         string
	Nodes        []*Node
	Initializers []*Tensor
	Sparse       []*SparseTensor
	Inputs       []*ValueInfo
	Outputs      []*ValueInfo
	Infos        []*ValueInfo
}

// Node is a NodeProto. An empty name among its inputs or outputs stands for one that is left out.
type Node struct {
	Name     string
	Op       string
	Domain   string
	Overload string
	Inputs   []string
	Outputs  []string
	Attrs    []*Attribute
}

// FullOp is the operator with its domain, where that is not ONNX's own.
func (n *Node) FullOp() string { return full(domainOf(n.Domain), n.Op) }

// Attribute is an AttributeProto. Which field counts is said by Type; files older than IR version 2 leave it out.
type Attribute struct {
	Name    string
	Type    int64
	Ref     string // inside functions: the attribute of the call that it stands for
	F       float32
	I       int64
	S       string
	T       *Tensor
	G       *Graph
	Floats  []float32
	Ints    []int64
	Strings []string
	Tensors []*Tensor
	Graphs  []*Graph
	Sparse  *SparseTensor
	TypeOf  *Type
}

// The kinds of attributes, AttributeProto.AttributeType.
const (
	attrFloat = 1 + iota
	attrInt
	attrString
	attrTensor
	attrGraph
	attrFloats
	attrInts
	attrStrings
	attrTensors
	attrGraphs
	attrSparse
	attrSparses
	attrType
	attrTypes
)

// ValueInfo is a ValueInfoProto: the name and type of a value.
type ValueInfo struct {
	Name string
	Type *Type
}

// Type is a TypeProto: one of a tensor, a sequence and an optional; Other names any other kind.
type Type struct {
	Tensor   *TensorType
	Sequence *Type
	Optional *Type
	Other    string
}

// TensorType is a TypeProto.Tensor. Ranked says that the shape is given.
type TensorType struct {
	Elem   DataType
	Ranked bool
	Dims   []Dim
}

// Dim is one extent of a TensorShapeProto: a number, a name, or neither.
type Dim struct {
	Value int64
	Param string
	known bool
}

// Function is a FunctionProto.
type Function struct {
	Name, Domain, Overload string
	Inputs, Outputs        []string
	Attrs                  []string     // without a default
	Defaults               []*Attribute // with one
	Nodes                  []*Node
	Opsets                 []Opset
}

// SparseTensor is a SparseTensorProto.
type SparseTensor struct {
	Values, Indices *Tensor
	Dims            []int64
}

// Tensor is a TensorProto. Its numbers stay in the bytes of the file until they are asked for.
type Tensor struct {
	Name     string
	Type     DataType
	Dims     []int64
	Strings  [][]byte
	raw      []byte
	hasRaw   bool
	fields   [12]chunks // float_data, int32_data …, by field number
	External []Entry
	Location int64 // 1: the data lies in the file that External names
	segment  bool
}

// Entry is a StringStringEntryProto.
type Entry struct{ Key, Value string }

// chunks are the bytes of a repeated number: packed runs, or single values.
type chunks [][]byte

// DataType is TensorProto.DataType.
type DataType int32

// The element types of ONNX.
const (
	Undefined DataType = iota
	Float
	Uint8
	Int8
	Uint16
	Int16
	Int32
	Int64
	String
	Bool
	Float16
	Double
	Uint32
	Uint64
	Complex64
	Complex128
	BFloat16
	Float8E4M3FN
	Float8E4M3FNUZ
	Float8E5M2
	Float8E5M2FNUZ
	Uint4
	Int4
	Float4E2M1
	Float8E8M0
	Uint2
	Int2
)

// typeNames are the names that ONNX gives its element types.
var typeNames = []string{"UNDEFINED", "FLOAT", "UINT8", "INT8", "UINT16", "INT16", "INT32", "INT64", "STRING", "BOOL", "FLOAT16", "DOUBLE", "UINT32",
	"UINT64", "COMPLEX64", "COMPLEX128", "BFLOAT16", "FLOAT8E4M3FN", "FLOAT8E4M3FNUZ", "FLOAT8E5M2", "FLOAT8E5M2FNUZ", "UINT4", "INT4", "FLOAT4E2M1", "FLOAT8E8M0", "UINT2", "INT2"}

// String returns ONNX's name of the type.
func (t DataType) String() string {
	if t >= 0 && int(t) < len(typeNames) {
		return typeNames[t]
	}
	return "an unknown element type"
}
