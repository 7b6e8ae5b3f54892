package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

var dropoutAttrs = []AttrDef{
	{Name: "rate", Doc: "the probability with which an element is set to zero, from 0 up to but not 1", Kind: 0.0},
	{Name: "id", Doc: "tells the random numbers of one dropout from those of another; given by the compiler", Default: 0},
}

// Dropout sets random elements to zero in training.
var Dropout = Register(&Operator{
	Name: "dropout",
	Doc: "In training sets each element of x [N,..] to zero with probability rate and divides the others by 1-rate, so that the expected value stays; " +
		"otherwise the identity. The choice is a hash of the seed, the step, the operator and the number of the element in the batch: the same on " +
		"every machine and with any number of threads. Outside of training the seed and the step are 0.",
	Formula:   "y = 0 with probability rate, else x / (1 - rate)",
	Example:   "hidden = features |> dense(64) |> relu |> dropout(0.5)",
	Category:  "layer",
	TrainOnly: true,
	Args:      []Arg{{Name: "x", Doc: "f32, any shape"}},
	Attrs:     dropoutAttrs,
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		if err := checkDraw("dropout", args[0], a); err != nil {
			return nil, err
		}
		return args[:1], nil
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		x := args[0]
		y := NewTensor(ir.F32, x.Shape...)
		for i, v := range x.Data {
			if dropoutUniform(0, 0, a.Int("id"), i) >= dropoutThreshold(a.Float("rate")) {
				y.Data[i] = v / (1 - a.Float("rate"))
			}
		}
		return []*Tensor{y}
	},
	// The same elements are dropped from the gradient: the same operator again, with the same id.
	Grad: func(b *Builder, op *ir.Op, grads []*ir.Value) []*ir.Value {
		if grads[0] == nil {
			return []*ir.Value{nil}
		}
		return []*ir.Value{b.Must("dropout", op.Args[0].Name+".grad", grads[:1], op.Attrs...)}
	},
	Lower: lowerDropout,
	Layer: &Layer{
		Doc:   "owns no parameters, but random numbers of its own",
		Attrs: dropoutAttrs,
		Build: drawing("dropout"),
	},
	ONNX: ONNX{Name: "Dropout", Min: 1, Max: 22, Note: "the identity in inference; ratio becomes rate, mask is not given"},
	Samples: []Sample{
		{Args: f32Types(ir.NS(7)), Attrs: ir.Attrs{{Name: "rate", Value: 0.5}}},
		{Args: f32Types(ir.NS(3, 2, 5)), Attrs: ir.Attrs{{Name: "rate", Value: 0.2}, {Name: "id", Value: 3}}, Batch: 1},
		{Args: f32Types(ir.S(33)), Attrs: ir.Attrs{{Name: "rate", Value: 0.9}, {Name: "id", Value: 1}}},
		{Args: f32Types(ir.NS(4)), Attrs: ir.Attrs{{Name: "rate", Value: 0.0}}},
		{Args: f32Types(ir.S()), Attrs: ir.Attrs{{Name: "rate", Value: 0.25}, {Name: "id", Value: 2}}},
	},
})

// The random number of an element is Hash(Hash(element ^ Hash(Hash(seed^a) ^ id)) ^ Hash(step^b)). The inner hash spreads the elements over all
// of 2^32 before the step comes in, so that the masks of two steps are not each other's permutation over short distances, as
// those of one hash over element ^ key would be. The constants keep a zero seed or step from giving Hash(0) = 0.
const (
	dropoutSeedMix uint32 = 0x9e3779b9
	dropoutStepMix uint32 = 0x7f4a7c15
)

// dropoutThreshold is the number of the 2^24 values of a random number for which an element is dropped.
func dropoutThreshold(rate float64) float64 { return math.Round(rate * (1 << 24)) }

// dropoutUniform is the random number of an element, evenly distributed over the whole numbers below 2^24.
func dropoutUniform(seed, step uint32, id, element int) float64 {
	mix := func(x uint32) uint32 {
		x = (x ^ x>>16) * 0x7feb352d
		x = (x ^ x>>15) * 0x846ca68b
		return x ^ x>>16
	}
	x := mix(uint32(element) ^ mix(mix(seed^dropoutSeedMix)^uint32(id)))
	return float64(mix(x^mix(step^dropoutStepMix)) >> 8)
}

func lowerDropout(l *Lowering, op *ir.Op) {
	x := op.Args[0]
	l.drop(op, drawn(l, op.Attrs.Int("id"), numbered(loop.RowMajor(x.Type.Shape))))
}

// numbered is the number of a point whose axes count so much each.
func numbered(strides []int) loop.Affine {
	var n loop.Affine
	for i, s := range strides {
		n = n.Plus(i, s, 0)
	}
	return n
}

// drawn is the random number of an element as f32: a whole number below 2^24, which every instruction set compares exactly.
func drawn(l *Lowering, id int, element loop.Affine) *loop.Expr {
	hash := func(e *loop.Expr) *loop.Expr { return loop.E(loop.Hash, e) }
	xor := func(e *loop.Expr, c uint32) *loop.Expr { return loop.E(loop.Xor, e, loop.I(int(int32(c)))) }
	seed := hash(xor(hash(xor(loop.Read(l.Scalar("seed", ir.I32)), dropoutSeedMix)), uint32(id)))
	step := hash(xor(loop.Read(l.Scalar("step", ir.I32)), dropoutStepMix))
	bits := hash(loop.E(loop.Xor, hash(loop.E(loop.Xor, loop.IndexOf(element), seed)), step))
	return loop.E(loop.ToF32, loop.E(loop.Shr, bits, loop.I(8)))
}

// drop emits the map that keeps an element where its random number is not below the rate.
func (l *Lowering) drop(op *ir.Op, random *loop.Expr) {
	x, rate := op.Args[0], op.Attrs.Float("rate")
	kept := loop.E(loop.Mul, loop.Read(l.Buf(x), plainIndex(len(x.Type.Shape))...), loop.F(1/(1-rate)))
	l.mapOver(l.Buf(op.Results[0]), loop.E(loop.Select, loop.E(loop.Less, random, loop.F(dropoutThreshold(rate))), loop.F(0), kept))
}

// drawing builds a layer that draws random numbers: without an id of its own it gets one that no other such operator of the function has.
func drawing(kind string) func(b *Builder, x []*ir.Value, a ir.Attrs) ([]*ir.Value, error) {
	return func(b *Builder, x []*ir.Value, a ir.Attrs) ([]*ir.Value, error) {
		id := a.Int("id")
		if id == 0 {
			id = 1
			for _, op := range b.Func.Ops {
				if used, ok := op.Attrs.Get("id").(int); ok {
					id = max(id, used+1)
				}
			}
		}
		attrs := append(ir.Attrs{}, a...)
		for i := range attrs {
			if attrs[i].Name == "id" {
				attrs[i].Value = id
			}
		}
		return b.Ops(kind, kind, x, attrs...)
	}
}

// checkDraw checks the operand, the id and the rate of an operator that draws random numbers.
func checkDraw(kind string, x ir.Type, a ir.Attrs) error {
	if err := wantElem(kind, "x", x, ir.F32); err != nil {
		return err
	}
	if rate, ok := a.Get("rate").(float64); ok && !(rate >= 0 && rate < 1) {
		return WithNote(kind+"(0.5) drops every second one on average", "%s needs a rate from 0 up to but not 1, not %v", kind, rate)
	}
	if id := a.Int("id"); id < 0 || id > math.MaxInt32 {
		return WithNote("leave id out: the compiler gives one", "%s cannot have the id %d", kind, id)
	}
	return nil
}
