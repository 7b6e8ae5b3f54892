package onnx

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/dlc-ml/dlc/ir"
)

// storage says how the numbers of an element type lie in a TensorProto: bytes in raw_data, the field that holds them otherwise, and what a
// number is, from its bits in each.
type storage struct {
	size  int
	field int
	read  func(bits uint64) float64
	bits  int // of an element of which a byte holds several, from its lowest bits on; else 0
}

// bytes is how many bytes elements take.
func (st storage) bytes(n int) int {
	if st.bits == 0 {
		return n * st.size
	}
	return (n*st.bits + 7) / 8
}

// element is number i of those that lie in raw.
func (st storage) element(raw []byte, i int) float64 {
	if st.bits > 0 {
		at := i * st.bits
		return st.read(uint64(raw[at/8]) >> (at % 8) & (1<<st.bits - 1))
	}
	var word [8]byte
	copy(word[:], raw[i*st.size:(i+1)*st.size])
	return st.read(binary.LittleEndian.Uint64(word[:]))
}

func signed(bits int) func(uint64) float64 {
	return func(x uint64) float64 { return float64(int64(x<<(64-bits)) >> (64 - bits)) }
}

func unsigned(bits int) func(uint64) float64 {
	return func(x uint64) float64 { return float64(x << (64 - bits) >> (64 - bits)) }
}

var storages = map[DataType]storage{
	Float:    {4, floatData, func(x uint64) float64 { return float64(math.Float32frombits(uint32(x))) }, 0},
	Double:   {8, doubleData, math.Float64frombits, 0},
	Uint8:    {1, int32Data, unsigned(8), 0},
	Int8:     {1, int32Data, signed(8), 0},
	Uint16:   {2, int32Data, unsigned(16), 0},
	Int16:    {2, int32Data, signed(16), 0},
	Int32:    {4, int32Data, signed(32), 0},
	Int64:    {8, int64Data, signed(64), 0},
	Uint32:   {4, uint64Data, unsigned(32), 0},
	Uint64:   {8, uint64Data, unsigned(64), 0},
	Float16:  {2, int32Data, half, 0},
	BFloat16: {2, int32Data, func(x uint64) float64 { return float64(math.Float32frombits(uint32(x) << 16)) }, 0},
	Bool: {1, int32Data, func(x uint64) float64 {
		if x != 0 {
			return 1
		}
		return 0
	}, 0},
	Float8E4M3FN:   {1, int32Data, minifloats[Float8E4M3FN].read, 0},
	Float8E4M3FNUZ: {1, int32Data, minifloats[Float8E4M3FNUZ].read, 0},
	Float8E5M2:     {1, int32Data, minifloats[Float8E5M2].read, 0},
	Float8E5M2FNUZ: {1, int32Data, minifloats[Float8E5M2FNUZ].read, 0},
	Float8E8M0:     {1, int32Data, powerOfTwo, 0},
	Float4E2M1:     {1, int32Data, minifloats[Float4E2M1].read, 4},
	Int4:           {1, int32Data, signed(4), 4},
	Uint4:          {1, int32Data, unsigned(4), 4},
	Int2:           {1, int32Data, signed(2), 2},
	Uint2:          {1, int32Data, unsigned(2), 2},
}

// half is the binary16 number of the given bits.
func half(x uint64) float64 {
	exp, frac, sign := int(x>>10&31), float64(x&1023), 1.0
	if x>>15&1 != 0 {
		sign = -1
	}
	switch {
	case exp == 31 && frac != 0:
		return math.NaN()
	case exp == 31:
		return math.Inf(int(sign))
	case exp == 0:
		return sign * math.Ldexp(frac, -24)
	}
	return sign * math.Ldexp(1024+frac, exp-25)
}

// extents checks the dims of a tensor and returns them with the number of elements.
func extents(dims []int64) (shape []int, n int, err error) {
	n = 1
	shape = make([]int, len(dims))
	empty := false
	for i, d := range dims {
		if d < 0 || d > ir.MaxElems {
			return nil, 0, at("dims", fmt.Errorf("no extent can be %d", d))
		}
		shape[i] = int(d)
		if d == 0 {
			empty = true
			continue
		}
		if n > ir.MaxElems/int(d) {
			return nil, 0, at("dims", fmt.Errorf("%v has more than the %d elements that a tensor may have", dims, ir.MaxElems))
		}
		n *= int(d)
	}
	if empty {
		n = 0
	}
	return shape, n, nil
}

// Shape returns the extents of the tensor, having checked them.
func (t *Tensor) Shape() ([]int, error) {
	shape, _, err := extents(t.Dims)
	return shape, err
}

// Numbers returns the elements of the tensor as float64, in row-major order. Whole numbers beyond 2^53 are rounded. It is an error where the tensor
// is one of strings or complex numbers, where its data lies in another file that was not loaded, and where there is more or less data than its shape says.
func (t *Tensor) Numbers() ([]float64, error) {
	_, n, err := extents(t.Dims)
	if err != nil {
		return nil, err
	}
	st, ok := storages[t.Type]
	switch {
	case !ok:
		return nil, at("data_type", fmt.Errorf("the elements are %v, which is not supported", t.Type))
	case t.segment:
		return nil, at("segment", errors.New("tensors in several parts are not supported"))
	case t.hasRaw:
		return t.fromRaw(st, n)
	case t.Location == 1:
		return nil, at("external_data", errors.New("the data lies in another file, which was not loaded"))
	}
	return t.fromFields(st, n)
}

// held is how many bytes of data there are, of which each holds four elements at most.
func (t *Tensor) held() int {
	n := len(t.raw)
	for _, chunks := range t.fields {
		for _, c := range chunks {
			n += len(c)
		}
	}
	return n
}

func (t *Tensor) fromRaw(st storage, n int) ([]float64, error) {
	if len(t.raw) != st.bytes(n) {
		return nil, at("raw_data", fmt.Errorf("%d elements %v of %d bytes together are not %d bytes", n, t.Type, st.bytes(n), len(t.raw)))
	}
	list := make([]float64, n)
	for i := range list {
		list[i] = st.element(t.raw, i)
	}
	return list, nil
}

// fieldNames are the names of the fields that hold data.
var fieldNames = map[int]string{floatData: "float_data", int32Data: "int32_data", int64Data: "int64_data", doubleData: "double_data", uint64Data: "uint64_data"}

func (t *Tensor) fromFields(st storage, n int) ([]float64, error) {
	have := 0
	for _, c := range t.fields[st.field] {
		have += len(c)
	}
	several := 1 // elements that one number of the field holds
	if st.bits > 0 {
		several = 8 / st.bits
	}
	if n > have*several { // every number takes a byte at least
		return nil, at(fieldNames[st.field], fmt.Errorf("%d elements are declared, but there are only %d bytes of data", n, have))
	}
	list := make([]float64, 0, n)
	for _, b := range t.fields[st.field] {
		for len(b) > 0 {
			x, size := consume(st.field, b)
			if size < 0 {
				return nil, at(fieldNames[st.field], errCut)
			}
			if len(list) == n {
				return nil, at(fieldNames[st.field], fmt.Errorf("there are more than the %d elements declared", n))
			}
			if st.bits == 0 {
				list = append(list, st.read(x))
			}
			for at := 0; st.bits > 0 && at < 8 && len(list) < n; at += st.bits {
				list = append(list, st.read(x>>at&(1<<st.bits-1)))
			}
			b = b[size:]
		}
	}
	if len(list) < n {
		return nil, at(fieldNames[st.field], fmt.Errorf("there are only %d of the %d elements declared", len(list), n))
	}
	return list, nil
}

// consume reads one number of a data field.
func consume(field int, b []byte) (uint64, int) {
	switch field {
	case floatData:
		x, n := protowire.ConsumeFixed32(b)
		return uint64(x), n
	case doubleData:
		return protowire.ConsumeFixed64(b)
	}
	return protowire.ConsumeVarint(b)
}

// FloatTensor makes a tensor of f32 elements.
func FloatTensor(shape []int, list []float32) *Tensor {
	t := &Tensor{Type: Float, hasRaw: true, raw: make([]byte, 0, 4*len(list))}
	for _, d := range shape {
		t.Dims = append(t.Dims, int64(d))
	}
	for _, x := range list {
		t.raw = binary.LittleEndian.AppendUint32(t.raw, math.Float32bits(x))
	}
	return t
}
