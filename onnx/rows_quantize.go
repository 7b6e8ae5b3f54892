package onnx

import (
	"slices"

	"github.com/dlc-ml/dlc/ir"
)

// Quantized operators are computed in f32: sums of products of bytes are exact up to 2^24.

var _ = register("",
	opRow{name: "DequantizeLinear", min: 10, run: func(n *call) []*value {
		a := n.int("axis", 1)
		y := n.dequantized(0, 1, 2, a)
		return typed(n.x(1).t, n.cast(y, n.x(1).elem()))
	}},
	opRow{name: "QuantizeLinear", min: 10, run: func(n *call) []*value {
		a := n.int("axis", 1)
		n.bool("saturate", true)
		to := Uint8
		if n.has(2) {
			to = n.x(2).t
		} else if t := n.int("output_dtype", 0); t != 0 {
			to = DataType(t)
		}
		return typed(to, n.quantized(n.f32(n.v(0)), 1, 2, a, to))
	}},
	opRow{name: "DynamicQuantizeLinear", min: 11, run: dynamicQuantize},
	opRow{name: "ConvInteger", min: 10, heavy: true, run: func(n *call) []*value {
		y := n.convolved(n.centred(0, 2, 0), n.centred(1, 3, 0), nil)
		list := n.lasts(n.cast(y, ir.I32))
		list[0].t = Int32
		return list
	}},
	opRow{name: "MatMulInteger", min: 10, heavy: true, run: func(n *call) []*value {
		y := n.matmul(n.centred(0, 2, -2), &value{t: Float, v: n.centred(1, 3, -1)})
		return typed(Int32, n.cast(y, ir.I32))
	}},
	opRow{name: "QLinearMatMul", min: 10, heavy: true, run: func(n *call) []*value {
		a := n.scaled(n.centred(0, 2, -2), 1, -2)
		b := n.scaled(n.centred(3, 5, -1), 4, -1)
		y := n.matmul(a, &value{t: Float, v: b})
		return typed(n.x(7).t, n.quantized(y, 6, 7, -1, n.x(7).t))
	}},
	opRow{name: "QLinearConv", min: 10, heavy: true, run: func(n *call) []*value {
		x := n.scaled(n.centred(0, 2, 0), 1, 0)
		w := n.scaled(n.centred(3, 5, 0), 4, 0)
		var bias *ir.Value
		if n.has(8) { // whole numbers in steps of both scales
			bias = n.apply("mul", n.apply("mul", n.cast(n.v(8), ir.F32), n.f32(n.v(1))), n.f32(n.v(4)))
		}
		y := n.convolved(x, w, bias)
		list := n.lasts(n.quantized(y, 6, 7, -1, n.x(7).t))
		list[0].t = n.x(7).t
		return list
	}},
)

// along brings a number, or a vector along an axis, to a form that broadcasts with a tensor of the given rank.
func (n *call) along(v *ir.Value, a, rank int) *ir.Value {
	if len(v.Type.Shape) != 1 || rank == 0 {
		return v
	}
	size := v.Type.Shape[0].Size
	if size == 1 {
		return n.reshape(v)
	}
	shape := slices.Repeat([]int{1}, rank)
	shape[axis(a, rank)] = size
	return n.reshape(v, shape...)
}

// centred is operand i less its zero point, as f32.
func (n *call) centred(i, zero, a int) *ir.Value {
	x := n.cast(n.v(i), ir.F32)
	if !n.has(zero) {
		return x
	}
	return n.apply("sub", x, n.steps(zero, a, x))
}

// scaled is x times the scale that operand i is.
func (n *call) scaled(x *ir.Value, i, a int) *ir.Value {
	return n.apply("mul", x, n.steps(i, a, x))
}

// steps is operand i, a scale or zero point, in a form that broadcasts with x: a number, a vector along an axis, or a number for each block of an axis.
func (n *call) steps(i, a int, x *ir.Value) *ir.Value {
	v, rank := n.cast(n.v(i), ir.F32), len(x.Type.Shape)
	size := n.int("block_size", 0)
	if size == 0 {
		return n.along(v, a, rank)
	}
	a = axis(a, rank)
	if size < 0 || len(v.Type.Shape) != rank || v.Type.Shape[a].Size != ceilDiv(x.Type.Shape[a].Size, size) || a == 0 && hasBatch(x) {
		refuse("blocks of %d along axis %d of %v do not have a scale %v", size, a, x.Type, v.Type)
	}
	n.makes(x.Type.Shape[a].Size)
	at := whole(seq(0, x.Type.Shape[a].Size)...).c
	for k := range at.data {
		at.data[k] = float64(k / size)
	}
	return n.op("gather", []*ir.Value{v, n.im.materialize(at)}, at1("axis", a))
}

func (n *call) dequantized(i, scale, zero, a int) *ir.Value {
	return n.scaled(n.centred(i, zero, a), scale, a)
}

// ranges are the least and greatest numbers of quantized types.
var ranges = map[DataType][2]float64{Uint8: {0, 255}, Int8: {-128, 127}, Uint16: {0, 65535}, Int16: {-32768, 32767}, Uint4: {0, 15}, Int4: {-8, 7}, Uint2: {0, 3}, Int2: {-2, 1}}

// quantized is x in steps of a scale from a zero point on, rounded to even and saturated.
func (n *call) quantized(x *ir.Value, scale, zero, a int, to DataType) *ir.Value {
	r, ok := ranges[to]
	if minifloats[to] != nil { // whose zero point is 0
		return n.narrowed(n.apply("div", x, n.steps(scale, a, x)), to, n.bool("saturate", true))
	}
	if !ok {
		refuse("quantizing to %v is not supported", to)
	}
	y := n.apply("round", n.apply("div", x, n.steps(scale, a, x)))
	if n.has(zero) {
		y = n.apply("add", y, n.steps(zero, a, x))
	}
	return n.cast(n.op("clip", []*ir.Value{y}, at1("min", r[0]), at1("max", r[1])), elemOfType[to])
}

// dynamicQuantize finds scale and zero point itself.
func dynamicQuantize(n *call) []*value {
	x := n.f32(n.v(0))
	all := []ir.Attr{at1("axes", seq(0, len(x.Type.Shape))), at1("keep_dims", false)}
	zero := n.scalar(ir.F32, 0)
	most := n.apply("max", n.op("reduce_max", []*ir.Value{x}, all...), zero)
	least := n.apply("min", n.op("reduce_min", []*ir.Value{x}, all...), zero)
	scale := n.apply("div", n.apply("sub", most, least), n.scalar(ir.F32, 255))
	bytes := func(v *ir.Value) *ir.Value { return n.op("clip", []*ir.Value{v}, at1("min", 0.0), at1("max", 255.0)) }
	point := n.apply("round", bytes(n.apply("div", n.apply("sub", zero, least), scale)))
	y := bytes(n.apply("add", n.apply("round", n.apply("div", x, scale)), point))
	return []*value{{t: Uint8, v: n.cast(y, ir.U8)}, {t: Float, v: scale}, {t: Uint8, v: n.cast(point, ir.U8)}}
}

// convolved is the convolution of an image and a kernel in the order of ONNX, with channels last.
func (n *call) convolved(x, w, bias *ir.Value) *ir.Value {
	rank := len(x.Type.Shape)
	if rank < 3 || rank > 5 || len(w.Type.Shape) != rank {
		refuse("its kernel %v does not fit its input %v", w.Type, x.Type)
	}
	n.list("kernel_shape")
	attrs := append(n.geometry(rank-2), at1("dilation", orOnes(n.list("dilations"), rank-2)), at1("groups", n.int("group", 1)))
	args := []*ir.Value{n.transpose(x, toLast(rank)...), n.transpose(w, append(seq(2, rank), 1, 0)...)}
	if bias != nil {
		args = append(args, bias)
	}
	return n.op("conv"+itoa(rank-2)+"d", args, attrs...)
}
