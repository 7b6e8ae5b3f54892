package onnx

import (
	"math"
	"slices"

	"github.com/dlc-ml/dlc/ir"
)

var _ = register("",
	twoOperands("Add", "add"), twoOperands("Sub", "sub"), twoOperands("Mul", "mul"), twoOperands("Div", "div"), twoOperands("And", "logical_and"), twoOperands("Or", "logical_or"),
	twoOperands("Xor", "logical_xor"), twoOperands("Greater", "greater"), twoOperands("Less", "less"), twoOperands("Equal", "equal"),
	opRow{name: "Pow", min: 1, run: power},
	opRow{name: "Sum", min: 1, run: func(n *call) []*value { return []*value{n.chain("add")} }},
	opRow{name: "Max", min: 1, run: func(n *call) []*value { return []*value{n.chain("max")} }},
	opRow{name: "Min", min: 1, run: func(n *call) []*value { return []*value{n.chain("min")} }},
	opRow{name: "Mean", min: 1, run: func(n *call) []*value {
		sum := n.chain("add")
		return n.elementwise("mul", []*value{sum, {t: sum.t, c: &constant{t: sum.t, data: []float64{1 / float64(len(n.in))}}}})
	}},
	opRow{name: "Clip", min: 1, run: clip},
	opRow{name: "Relu", min: 1, run: func(n *call) []*value {
		if x := n.x(0); x.elem().Integer() {
			return n.elementwise("max", []*value{x, {t: x.t, c: &constant{t: x.t, data: []float64{0}}}})
		}
		return n.elementwise("relu", n.in)
	}},
	opRow{name: "PRelu", min: 1, run: func(n *call) []*value {
		slope := n.x(1)
		if k := slope.shape(); n.opset < 7 && len(k) == 1 && len(n.x(0).shape()) > 2 && k[0].Static() && k[0].Size > 1 {
			slope = &value{t: slope.t, v: n.reshape(n.v(1), append([]int{k[0].Size}, slices.Repeat([]int{1}, n.rank(0)-2)...)...)}
		}
		return n.elementwise("prelu", []*value{n.x(0), slope})
	}},
	opRow{name: "Abs", min: 1, run: func(n *call) []*value {
		if n.x(0).elem() == ir.U8 {
			return []*value{n.x(0)}
		}
		return n.elementwise("abs", n.in)
	}},
	opRow{name: "Identity", min: 1, raw: true, run: func(n *call) []*value {
		if !n.has(0) {
			refuse("it has no operand")
		}
		return []*value{n.in[0]}
	}},
	opRow{name: "Not", min: 1, run: func(n *call) []*value { return n.elementwise("logical_not", n.in) }},
	opRow{name: "BitShift", min: 11, run: func(n *call) []*value {
		direction := map[string]string{"LEFT": "left", "RIGHT": "right"}[n.str("direction", "")]
		return n.elementwise("bitwise_shift", n.in, at1("direction", direction))
	}},
	opRow{name: "Cast", min: 1, run: func(n *call) []*value {
		n.int("saturate", 1)
		if a := n.attr("to"); a != nil && a.S != "" { // opsets before 6 name the type
			return n.convert(DataType(max(0, slices.Index(typeNames, a.S))))
		}
		return n.convert(DataType(n.int("to", 0)))
	}},
	opRow{name: "CastLike", min: 15, run: func(n *call) []*value {
		n.int("saturate", 1)
		return n.convert(n.x(1).t)
	}},
	opRow{name: "Shrink", min: 9, run: shrink},
	opRow{name: "Gelu", min: 20, run: func(n *call) []*value {
		return n.elementwise("gelu", n.in, at1("approximate", n.str("approximate", "none")))
	}},
	opRow{name: "Swish", min: 24, run: func(n *call) []*value {
		x := n.x(0)
		alpha := n.float("alpha", 1)
		if alpha == 1 {
			return n.elementwise("silu", n.in)
		}
		gate := n.elementwise("sigmoid", n.elementwise("mul", []*value{x, known(x.t, alpha)}))
		return n.elementwise("mul", []*value{x, gate[0]})
	}},
	opRow{name: "Softplus", min: 1, run: func(n *call) []*value { return n.elementwise("softplus", n.in) }},
	opRow{name: "Selu", min: 1, run: func(n *call) []*value {
		alpha, gamma := 1.67326319217681884765625, 1.05070102214813232421875
		if n.opset < 6 {
			alpha, gamma = 1.6732, 1.0507
		}
		return n.elementwise("selu", n.in, at1("alpha", n.float("alpha", alpha)), at1("gamma", n.float("gamma", gamma)))
	}},
	opRow{name: "Mod", min: 10, run: func(n *call) []*value {
		return n.elementwise("mod", n.in, at1("fmod", n.bool("fmod", false)))
	}},
)

// known is a number as a value.
func known(t DataType, x float64) *value {
	return &value{t: t, c: &constant{t: t, data: []float64{x}}}
}

// twoOperands is an operator of two operands that broadcast: as in NumPy from opset 7 on, before where the node says so, from an axis on.
func twoOperands(name, kind string) opRow {
	return opRow{name: name, min: 1, run: func(n *call) []*value {
		a, b := n.x(0), n.x(1)
		if n.opset < 7 {
			b = n.alignedOld(a, b)
		}
		if kind == "equal" && a.elem() == ir.Bool {
			return n.elementwise("logical_not", n.elementwise("logical_xor", []*value{a, b}))
		}
		return n.elementwise(kind, []*value{a, b})
	}}
}

// alignedOld is b such that it broadcasts to a as in NumPy, following the attributes of opsets before 7.
func (n *call) alignedOld(a, b *value) *value {
	broadcast, from := n.bool("broadcast", false), n.attr("axis")
	if !broadcast || from == nil || len(b.shape()) == 0 {
		return b
	}
	rank := len(a.shape())
	trail := rank - axis(saturated(from.I), rank) - len(b.shape())
	if trail <= 0 {
		return b
	}
	var dims []int
	for _, d := range b.shape() {
		if !d.Static() {
			refuse("an operand that broadcasts must have fixed extents")
		}
		dims = append(dims, d.Size)
	}
	dims = append(dims, slices.Repeat([]int{1}, trail)...)
	if b.c != nil {
		return &value{t: b.t, c: n.im.reshaped(b.c, dims...)}
	}
	return &value{t: b.t, v: n.reshape(n.im.plain(b), dims...)}
}

// chain applies an operator to all operands, from the left.
func (n *call) chain(kind string) *value {
	y := n.x(0)
	for i := range n.in[1:] {
		y = n.elementwise(kind, []*value{y, n.x(i + 1)})[0]
	}
	return y
}

// power raises to a power; ONNX lets base and exponent have types of their own, and gives the base's.
func power(n *call) []*value {
	a, b := n.x(0), n.x(1)
	if n.opset < 7 {
		b = n.alignedOld(a, b)
	}
	base, exp := n.im.plain(a), n.im.plain(b)
	if base.Type.Elem == exp.Type.Elem {
		return n.elementwise("pow", []*value{a, b})
	}
	if base.Type.Elem.Integer() && exp.Type.Elem.Integer() || base.Type.Elem.Float() {
		return n.results(n.op("pow", []*ir.Value{base, n.cast(exp, base.Type.Elem)}))
	}
	y := n.op("pow", []*ir.Value{n.cast(base, ir.F32), n.f32(exp)})
	return typed(a.t, n.cast(y, a.elem()))
}

// clip bounds by attributes before opset 11, and by operands since.
func clip(n *call) []*value {
	y := n.x(0)
	for i, end := range []string{"min", "max"} {
		kind := []string{"max", "min"}[i]
		if n.opset < 11 {
			if a := n.attr(end); a != nil && !math.IsInf(float64(a.F), 0) && math.Abs(float64(a.F)) < math.MaxFloat32 {
				y = n.elementwise(kind, []*value{y, known(y.t, float64(a.F))})[0]
			}
			continue
		}
		if n.has(i + 1) {
			y = n.elementwise(kind, []*value{y, n.x(i + 1)})[0]
		}
	}
	return []*value{y}
}

// convert gives operand 0 another element type.
func (n *call) convert(to DataType) []*value {
	x := n.x(0)
	elem, ok := elemOfType[to]
	switch {
	case to == String:
		refuse("strings are not supported")
	case !ok:
		refuse("the element type %v is not supported", to)
	case narrow(to) && to != x.t:
		return typed(to, n.narrowed(n.v(0), to, n.bool("saturate", true)))
	case elem == x.elem() && to != Int16 && to != Uint16:
		y := *x
		y.t = to
		if x.c != nil {
			c := *x.c
			c.t, y.c = to, &c
		}
		return []*value{&y}
	}
	if x.turned() {
		y := n.lasts(n.wrap(n.cast(x.last, elem), to))
		y[0].t = to
		return y
	}
	return typed(to, n.wrap(n.cast(n.v(0), elem), to))
}

// shrink is x + bias below -lambd, x - bias above lambd, and 0 between.
func shrink(n *call) []*value {
	x, lambd, bias := n.f32(n.v(0)), n.float("lambd", 0.5), n.float("bias", 0)
	above := n.apply("greater", x, n.scalar(ir.F32, lambd))
	below := n.apply("less", x, n.scalar(ir.F32, -lambd))
	y := n.apply("where", above, n.apply("sub", x, n.scalar(ir.F32, bias)), n.scalar(ir.F32, 0))
	y = n.apply("where", below, n.apply("add", x, n.scalar(ir.F32, bias)), y)
	return n.results(n.back(y))
}
