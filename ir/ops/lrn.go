package ops

import (
	"fmt"
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// LRN is local response normalization.
var LRN = Register(&Operator{
	Name: "lrn",
	Doc: "Local response normalization (Krizhevsky, Sutskever and Hinton, ImageNet Classification with Deep Convolutional Neural Networks, 2012) of x [N,..,C]: divides " +
		"each element by a power of the mean square of the size channels around it. Channels beyond the first and the last count as zero.",
	Formula:  "y[..,c] = x[..,c] / (bias + alpha/size * Σ x[..,d]²)^beta, d = c - (size-1)/2 rounded down … c + (size-1)/2 rounded up",
	Example:  "y = features |> lrn(5)",
	Category: "layer",
	Args:     []Arg{{Name: "x", Doc: "f32[N,..,C]"}},
	Attrs: []AttrDef{
		{Name: "size", Doc: "the number of channels that are looked at", Kind: 0},
		{Name: "alpha", Doc: "the factor of the mean square, from 0 up", Default: 1e-4},
		{Name: "beta", Doc: "the power, from 0 up", Default: 0.75},
		{Name: "bias", Doc: "added to the mean square, above 0", Default: 1.0},
	},
	Infer: inferLRN("lrn"),
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		x, y := args[0], NewTensor(ir.F32, args[0].Shape...)
		for i, v := range x.Data {
			y.Data[i] = v / math.Pow(evalLRNBase(x, i, a), a.Float("beta"))
		}
		return []*Tensor{y}
	},
	Grad: func(b *Builder, op *ir.Op, grads []*ir.Value) []*ir.Value {
		if grads[0] == nil {
			return []*ir.Value{nil}
		}
		return []*ir.Value{b.Must("lrn_grad", op.Args[0].Name+".grad", []*ir.Value{op.Args[0], grads[0]}, op.Attrs...)}
	},
	Lower: func(l *Lowering, op *ir.Op) {
		x := l.Buf(op.Args[0])
		at := plainIndex(len(x.Shape))
		l.lrnSum(l.Buf(op.Results[0]), x, op.Attrs, func(base *loop.Expr) *loop.Expr {
			return loop.E(loop.Mul, loop.Read(x, at...), inversePower(base, op.Attrs.Float("beta")))
		})
	},
	ONNX: ONNX{Name: "LRN", Min: 1, Max: 13, Attrs: map[string]string{"size": "size", "alpha": "alpha", "beta": "beta", "bias": "bias"},
		Note: "channels are transposed from the second axis to the last"},
	Samples: lrnSamples(1),
})

func inferLRN(kind string) func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
	return func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		x := args[0]
		if err := features(kind, x); err != nil {
			return nil, err
		}
		channels := x.Shape[len(x.Shape)-1].Size
		if size := a.Int("size"); size < 1 || size > 2*channels {
			return nil, WithNote("5 is usual", "%s of %d channels cannot look at %d", kind, channels, size)
		}
		if b := a.Float("bias"); !(float32(b) > 0 && b < math.MaxFloat32) {
			return nil, WithNote("1 is usual", "%s needs a bias above 0, not %v", kind, b)
		}
		for _, name := range []string{"alpha", "beta"} {
			if v := a.Float(name); !(v >= 0 && v < math.MaxFloat32) {
				return nil, WithNote("0.0001 and 0.75 are usual", "%s needs an %s from 0 up, not %v", kind, name, v)
			}
		}
		for _, t := range args[1:] {
			if !t.Equal(x) {
				return nil, fmt.Errorf("%s of %s takes a gradient of the same type, not %s", kind, x, t)
			}
		}
		s := append(append(ir.Shape{}, x.Shape[:len(x.Shape)-1]...), ir.D(3*channels))
		if _, ok := s.Elems(); !ok {
			return nil, WithNote("use fewer channels", "%s would need more than the %d elements that a tensor may have", kind, ir.MaxElems)
		}
		return args[:1], nil
	}
}

// lrnBorder is how many channels before and behind an element are looked at.
func lrnBorder(size int) (before, after int) { return (size - 1) / 2, size / 2 }

// overChannels returns a scratch copy of src with that many zeros before and behind its channels.
func (l *Lowering) overChannels(src *loop.Buffer, suffix string, before, after int) *loop.Buffer {
	at := make([]placement, len(src.Shape))
	last := len(at) - 1
	at[last] = placement{src.Shape[last].Size + before + after, 1, before}
	return scatter(l, src, suffix, at, 0)
}

// lrnSum emits a window that stores what value makes of bias + alpha/size * Σ x² around each element.
func (l *Lowering) lrnSum(y, x *loop.Buffer, a ir.Attrs, value func(base *loop.Expr) *loop.Expr) {
	size := a.Int("size")
	before, after := lrnBorder(size)
	from := l.overChannels(x, "padded", before, after)
	n := channelWindow(x, size)
	v := loop.Read(from, windowIndex(x)...)
	n.Value = loop.E(loop.Mul, v, v)
	base := loop.E(loop.FMA, loop.Total(ir.F32), loop.F(a.Float("alpha")/float64(size)), loop.F(a.Float("bias")))
	n.Stores = []loop.Store{storeAt(y, value(base), plainIndex(len(x.Shape))...)}
	l.Emit(n)
}

// channelWindow makes a nest that sums size channels of a tensor like x.
func channelWindow(x *loop.Buffer, size int) *loop.Nest {
	return &loop.Nest{Form: loop.Window, Fold: loop.FoldSum, Axes: axesOf(x.Shape), Red: []loop.Axis{axis("u", size)}}
}

// windowIndex is the index of what channelWindow sees.
func windowIndex(x *loop.Buffer) []loop.Affine {
	at := plainIndex(len(x.Shape))
	last := len(at) - 1
	at[last] = at[last].Plus(len(x.Shape), 1, 0)
	return at
}

// inversePower is x^-p of a positive x: by roots where p is a multiple of 1/4, as it nearly always is, else as it is.
func inversePower(x *loop.Expr, p float64) *loop.Expr {
	one := loop.F(1)
	if q := 4 * p; q != math.Trunc(q) || q > 8 {
		return loop.E(loop.Pow, x, loop.F(-p))
	}
	root := loop.E(loop.Sqrt, x)
	var product *loop.Expr
	times := func(f *loop.Expr) {
		if product == nil {
			product = f
		} else {
			product = loop.E(loop.Mul, product, f)
		}
	}
	for range int(p) {
		times(x)
	}
	if math.Mod(p, 1) >= 0.5 {
		times(root)
	}
	if math.Mod(p, 0.5) != 0 {
		times(loop.E(loop.Sqrt, root))
	}
	if product == nil {
		return one
	}
	return loop.E(loop.Div, one, product)
}

// evalLRNBase is bias + alpha/size * Σ x² around element i.
func evalLRNBase(x *Tensor, i int, a ir.Attrs) float64 {
	channels, size := x.Shape[len(x.Shape)-1], a.Int("size")
	sum, c := 0.0, i%channels
	for d := c - int(math.Floor(float64(size-1)/2)); d <= c+int(math.Ceil(float64(size-1)/2)); d++ {
		if d >= 0 && d < channels {
			sum += x.Data[i-c+d] * x.Data[i-c+d]
		}
	}
	return a.Float("bias") + a.Float("alpha")/float64(size)*sum
}

func lrnSamples(operands int) []Sample {
	var list []Sample
	for i, s := range []ir.Shape{ir.NS(2, 3, 7), ir.NS(9), ir.NS(4, 1), ir.NS(2, 5), ir.S(2, 6), ir.NS(17)} {
		shapes := []ir.Shape{s, s}[:operands]
		list = append(list, Sample{Args: f32Types(shapes...), Batch: 1 + i%3, Attrs: ir.Attrs{
			{Name: "size", Value: []int{5, 4, 1, 3, 2, 7}[i]}, {Name: "alpha", Value: []float64{0.5, 1e-4, 2, 1, 0, 0.3}[i]},
			{Name: "beta", Value: []float64{0.75, 0.75, 1.5, 0.6, 0.5, 2.25}[i]}, {Name: "bias", Value: []float64{1, 2, 0.5, 1, 3, 1}[i]},
		}})
	}
	return list
}
