package onnx

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
)

var _ = register("", opRow{name: "BitCast", min: 26, run: bitCast})

// whole16 are the types of whole numbers of 16 bits, which have cells of 32 in a program.
var whole16 = map[DataType]bool{Int16: true, Uint16: true}

// bitCast reads the bits of an element as one of another type. Cells of 32 bits hold all types but those of 64 bits as they are, so that only these have
// no bits to read.
func bitCast(n *call) []*value {
	from, to := n.x(0).t, DataType(n.int("to", 0))
	if _, ok := elemOfType[to]; !ok || storages[from].size != storages[to].size || storages[from].bits != storages[to].bits {
		refuse("the bits of %v are no %v", from, to)
	}
	if from == to {
		return []*value{n.x(0)}
	}
	if c := n.x(0).c; c != nil {
		if b, ok := n.im.bits(c, to); ok {
			return []*value{{t: to, c: b}}
		}
	}
	x := n.v(0)
	switch {
	case minifloats[from] != nil || minifloats[to] != nil || from == Float8E8M0 || to == Float8E8M0:
		refuse("the bits of computed %v as %v are not supported", from, to)
	case smallWhole[to] > 0:
		return typed(to, n.narrowed(x, to, false))
	case storages[to].size == 8:
		refuse("numbers are held in 32 bits, so that the bits of %v are not there", from)
	case from == Float:
		return typed(to, n.apply("to_bits", x))
	case to == Float:
		return typed(to, n.apply("from_bits", x))
	case from == BFloat16:
		x = n.moved(n.apply("to_bits", n.f32(x)), 16, "right")
	case from == Float16:
		x = n.halfBits(n.f32(x))
	case from == Bool:
		return typed(to, n.cast(x, elemOfType[to]))
	}
	switch to {
	case BFloat16:
		return typed(to, n.cast(n.apply("from_bits", n.moved(x, 16, "left")), ir.BF16))
	case Float16:
		return typed(to, n.cast(n.ofHalfBits(n.masked(x, 0xffff)), ir.F16))
	}
	if whole16[to] {
		return typed(to, n.wrap(x, to))
	}
	return typed(to, n.cast(x, elemOfType[to])) // which wraps around
}

// bits are the elements of a constant by their bits, where these are there: whatever the type.
func (im *importer) bits(c *constant, to DataType) (*constant, bool) {
	write, read := bitsOf[c.t], storages[to].read
	if write == nil || storages[c.t].size > 4 || im.take(c.elems()) != nil {
		return nil, false
	}
	r := &constant{t: to, shape: c.shape, data: make([]float64, c.elems())}
	for i, x := range c.all() {
		r.data[i] = read(write(x))
	}
	return r, true
}

// bitsOf are the bits of numbers of the types whose elements a constant holds exactly.
var bitsOf = map[DataType]func(x float64) uint64{
	Float: func(x float64) uint64 { return uint64(math.Float32bits(float32(x))) },
	Int8:  func(x float64) uint64 { return uint64(uint8(int8(x))) }, Uint8: integerBits, Bool: integerBits,
	Int16: integerBits, Uint16: integerBits, Int32: integerBits, Uint32: integerBits,
	Int4: func(x float64) uint64 { return uint64(int64(x)) & 15 }, Uint4: integerBits,
	Int2: func(x float64) uint64 { return uint64(int64(x)) & 3 }, Uint2: integerBits,
}

func integerBits(x float64) uint64 { return uint64(int64(x)) }

func (n *call) moved(x *ir.Value, places int, direction string) *ir.Value {
	return n.op("bitwise_shift", []*ir.Value{x, n.scalar(ir.I32, float64(places))}, at1("direction", direction))
}

func (n *call) masked(x *ir.Value, bits int) *ir.Value {
	return n.apply("bitwise_and", x, n.scalar(ir.I32, float64(bits)))
}

// halfBits are the bits of numbers that f16 can hold: those of f32 with three bits of exponent and 13 of fraction less. Small numbers count steps of 2^-24.
func (n *call) halfBits(x *ir.Value) *ir.Value {
	number := func(i int) *ir.Value { return n.scalar(ir.I32, float64(i)) }
	bits, size := n.apply("to_bits", x), n.apply("abs", x)
	rest := n.masked(bits, 0x7fffffff)
	y := n.apply("sub", n.moved(rest, 13, "right"), number(112<<10))
	y = n.apply("where", n.apply("less", size, n.scalar(ir.F32, 0x1p-14)), n.cast(n.apply("mul", size, n.scalar(ir.F32, 0x1p24)), ir.I32), y)
	y = n.apply("where", n.apply("equal", size, n.scalar(ir.F32, math.Inf(1))), number(0x7c00), y)
	y = n.apply("where", n.apply("isnan", x), number(0x7e00), y)
	return n.apply("bitwise_or", y, n.masked(n.moved(bits, 16, "right"), 0x8000))
}

// ofHalfBits are the numbers of f16 that bits say, which are whole numbers from 0 to 0xffff.
func (n *call) ofHalfBits(h *ir.Value) *ir.Value {
	number := func(i int) *ir.Value { return n.scalar(ir.I32, float64(i)) }
	rest := n.masked(h, 0x7fff)
	wide := n.moved(rest, 13, "left")
	y := n.apply("from_bits", n.apply("add", wide, number(112<<23)))
	y = n.apply("where", n.apply("less", rest, number(1<<10)), n.apply("mul", n.cast(rest, ir.F32), n.scalar(ir.F32, 0x1p-24)), y)
	y = n.apply("where", n.apply("greater_equal", rest, number(0x7c00)), n.apply("from_bits", n.apply("bitwise_or", wide, number(0x7f800000))), y)
	return n.apply("where", n.apply("greater", h, number(0x7fff)), n.apply("neg", y), y)
}
