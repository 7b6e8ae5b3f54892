package onnx

import (
	"fmt"
	"math"
	"slices"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/ops"
)

// constant is a tensor whose elements are known when the model is imported. Where fill is set, data is one number that all elements are; where packed is,
// the elements are there, and data is nil.
type constant struct {
	t      DataType
	shape  []int
	data   []float64
	packed *stored
	fill   bool
	weight bool   // it comes from an initializer, so a float one is a parameter of the network
	kept   bool   // it is a running statistic: a parameter too, which no training changes
	name   string // where the file has one
}

// elems is the number of elements.
func (c *constant) elems() int {
	n := 1
	for _, d := range c.shape {
		n *= d
	}
	return n
}

// all returns every element.
func (c *constant) all() []float64 {
	switch {
	case c.fill:
		return slices.Repeat(c.data, c.elems())
	case c.packed == nil:
		return c.data
	}
	list, w := make([]float64, c.elems()), c.walk()
	for i := range list {
		list[i] = w.next()
	}
	return list
}

// ints returns the elements as whole numbers, saturated to 32 bits: as bounds and extents, which reach no farther.
func (c *constant) ints() []int {
	list := make([]int, c.elems())
	for i, x := range c.all() {
		list[i] = int(max(math.MinInt32, min(math.MaxInt32, x)))
	}
	return list
}

// elemOfType is the element type in which a program holds each of ONNX's. Types that share one hold the values that fit it: f64 is computed as f32.
var elemOfType = map[DataType]ir.DType{
	Float: ir.F32, Double: ir.F32, Float16: ir.F16, BFloat16: ir.BF16, Bool: ir.Bool,
	Int8: ir.I8, Uint8: ir.U8, Int16: ir.I32, Uint16: ir.I32, Int32: ir.I32, Uint32: ir.I32, Int64: ir.I64, Uint64: ir.I64,
	Int4: ir.I8, Int2: ir.I8, Uint4: ir.U8, Uint2: ir.U8,
	Float8E4M3FN: ir.F16, Float8E4M3FNUZ: ir.F16, Float8E5M2: ir.F16, Float8E5M2FNUZ: ir.F16, Float4E2M1: ir.F16, Float8E8M0: ir.BF16,
}

// typeOfElem is the first of ONNX's types that an element type stands for.
var typeOfElem = map[ir.DType]DataType{
	ir.F32: Float, ir.F16: Float16, ir.BF16: BFloat16, ir.Bool: Bool, ir.I8: Int8, ir.U8: Uint8, ir.I32: Int32, ir.I64: Int64,
}

// typ is the type of the constant in a program.
func (c *constant) typ() ir.Type { return ir.T(elemOfType[c.t], ir.S(c.shape...)) }

// tensor is the constant for the float64 evaluation.
func (c *constant) tensor() *ops.Tensor {
	return &ops.Tensor{Elem: elemOfType[c.t], Shape: c.shape, Data: c.all()}
}

// permuted is the constant with its axes in another order: axis i of the result is axis perm[i] of c.
func (c *constant) permuted(perm []int) *constant {
	r := *c
	r.shape = permuted(c.shape, perm)
	if c.packed != nil {
		r.packed = c.packed.over(permuted(c.packed.steps, perm))
		return &r
	}
	if c.fill || len(c.data) <= 1 {
		return &r
	}
	from := newPlaces(r.shape, permuted(natural(c.shape), perm))
	r.data = make([]float64, len(c.data))
	for k := range r.data {
		r.data[k] = c.data[from.next()]
	}
	return &r
}

// reshaped is the constant with other extents over as many elements.
func (c *constant) reshaped(shape ...int) *constant {
	r := *c
	r.shape = shape
	switch {
	case c.packed == nil:
	case c.inOrder():
		r.packed = c.packed.over(natural(shape))
	default:
		r.packed, r.data = nil, c.all()
	}
	return &r
}

// reshaped is c with other extents; elements that must be put in order for that are accounted for.
func (im *importer) reshaped(c *constant, shape ...int) *constant {
	if !c.inOrder() {
		if err := im.take(c.elems()); err != nil {
			panic(refusal{err})
		}
	}
	return c.reshaped(shape...)
}

// constant decodes a tensor of the file.
func (im *importer) constant(t *Tensor) (*constant, error) {
	shape, n, err := extents(t.Dims)
	if err != nil {
		return nil, err
	}
	if p := packRaw(t, shape, n); p != nil {
		return &constant{t: t.Type, shape: shape, packed: p, name: t.Name}, nil
	}
	if n <= 4*t.held() { // else there is an error, and nothing is decoded
		if err := im.take(n); err != nil {
			return nil, err
		}
	}
	data, err := t.Numbers()
	if err != nil {
		return nil, err
	}
	return &constant{t: t.Type, shape: shape, data: data, name: t.Name}, nil
}

// dense makes a constant of a sparse tensor.
func (im *importer) dense(s *SparseTensor) (*constant, error) {
	if s.Values == nil || s.Indices == nil {
		return nil, fmt.Errorf("a sparse tensor needs values and indices")
	}
	shape, n, err := extents(s.Dims)
	if err != nil {
		return nil, err
	}
	if err := im.take(n); err != nil {
		return nil, err
	}
	values, err := s.Values.Numbers()
	if err != nil {
		return nil, at("values", err)
	}
	indices, err := s.Indices.Numbers()
	if err != nil {
		return nil, at("indices", err)
	}
	c := &constant{t: s.Values.Type, shape: shape, data: make([]float64, n), name: s.Values.Name}
	rank := 1
	if len(s.Indices.Dims) == 2 {
		rank = len(shape)
	}
	if len(indices) != len(values)*rank {
		return nil, at("indices", fmt.Errorf("%d indices do not place %d values", len(indices), len(values)))
	}
	for i, x := range values {
		place := 0.0
		for k := range rank {
			if ix := indices[i*rank+k]; rank == 1 {
				place = ix
			} else {
				if ix < 0 || ix >= float64(shape[k]) {
					return nil, at("indices", fmt.Errorf("the index %v is out of range", ix))
				}
				place = place*float64(shape[k]) + ix
			}
		}
		if place < 0 || place >= float64(n) {
			return nil, at("indices", fmt.Errorf("the index %v is out of range", place))
		}
		c.data[int(place)] = x
	}
	return c, nil
}

// take accounts for n elements of constants that stay, of 8 bytes each.
func (im *importer) take(n int) error {
	if im.room -= 8 * int64(n); im.room < 0 {
		return im.over()
	}
	return nil
}

// passing accounts for n elements that are there for a moment.
func (im *importer) passing(n int) error {
	if 8*int64(n) > im.room {
		return im.over()
	}
	return nil
}

func (im *importer) over() error {
	return fmt.Errorf("what is computed when the model is imported takes more than %d MB; --max-memory allows more", im.opt.Memory>>20)
}

// unfold accounts for the weights of the network, which take no memory until they are written, but may be far larger than the file.
func (im *importer) unfold(n int) error {
	if im.weightRoom -= 4 * int64(n); im.weightRoom < 0 {
		return fmt.Errorf("the weights of the network take more than %d MB, which is far more than its file; --max-memory allows more", im.weightMost>>20)
	}
	return nil
}
