package autodiff

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/ops"
)

// program is a network in which values branch and meet, a parameter is used twice, and one is not trained.
const program = `module m

param @w: f32[3,3,2,3] = uniform(0.5) trainable
param @b: f32[3] = zeros trainable
param @scale: f32[3] = ones trainable
param @fixed: f32[3] = ones
param @head: f32[27,4] = uniform(0.5) trainable

func train[N](
  %x: f32[N,3,3,2],
  %label: i32[N]
) -> (loss: f32[]) {
  %c = conv2d %x, @w, @b {stride=[1], padding="same", pads=[], dilation=[1], groups=1} : f32[N,3,3,3]
  %t = tanh %c : f32[N,3,3,3]
  %s = mul %t, @scale : f32[N,3,3,3]
  %u = mul %s, @scale : f32[N,3,3,3]
  %v = add %u, %c : f32[N,3,3,3]
  %w = mul %v, @fixed : f32[N,3,3,3]
  %f = flatten %w {axis=1} : f32[N,27]
  %y = dense %f, @head : f32[N,4]
  %loss = cross_entropy %y, %label {weights=floats[], ignore=[], smoothing=0.0, reduction="mean"} : f32[]
  return %loss
}
`

// TestGradients compares the gradient by every element of every parameter with central differences of the float64 evaluation.
func TestGradients(t *testing.T) {
	m, err := ir.Parse("m.ir", []byte(program))
	if err != nil {
		t.Fatal(err)
	}
	f := m.Func(ir.FuncTrain)
	grads, err := Gradients(m, f)
	if err != nil {
		t.Fatal(err)
	}
	names := []string{"w", "b", "scale", "head"}
	if len(grads) != len(names) {
		t.Fatalf("%d gradients for %d parameters", len(grads), len(names))
	}
	for i, g := range grads {
		f.Return(names[i], g)
	}
	if err := ops.Verify(m); err != nil {
		t.Fatal(err)
	}
	const n = 2
	r := rand.New(rand.NewPCG(1, 2))
	given := map[*ir.Value]*ops.Tensor{}
	for _, v := range append(append([]*ir.Value{}, f.Inputs...), f.Params()...) {
		x := ops.NewTensor(v.Type.Elem, ops.Extents(v.Type.Shape, n)...)
		for i := range x.Data {
			x.Data[i] = r.NormFloat64() * 0.5
			if v.Type.Elem == ir.I32 {
				x.Data[i] = float64(r.IntN(4))
			}
		}
		given[v] = x
	}
	eval := func() []*ops.Tensor {
		res, err := ops.EvalFunc(f, given, n)
		if err != nil {
			t.Fatal(err)
		}
		return res
	}
	got := eval()[1:]
	for k, name := range names {
		x := given[f.ParamValue(m.Param(name))]
		for i := range x.Data {
			const h = 1e-5
			was := x.Data[i]
			x.Data[i] = was + h
			up := eval()[0].Data[0]
			x.Data[i] = was - h
			down := eval()[0].Data[0]
			x.Data[i] = was
			want := (up - down) / (2 * h)
			if g := got[k].Data[i]; math.Abs(g-want) > 1e-5+1e-4*math.Abs(want) || math.IsNaN(g) {
				t.Errorf("the gradient by %s[%d] is %v, central differences give %v", name, i, g, want)
			}
		}
	}
}
