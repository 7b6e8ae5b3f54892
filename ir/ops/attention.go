package ops

import (
	"fmt"
	"math"

	"github.com/dlc-ml/dlc/ir"
)

// Attention is scaled dot-product attention.
var Attention = Register(&Operator{
	Name: "attention",
	Doc: "Scaled dot-product attention (Vaswani et al., Attention Is All You Need, 2017) of heads: queries [N,T,H,D] and keys [N,S,G,D] give weights, with which the " +
		"values [N,S,G,E] are averaged, giving [N,T,H,E]. G divides H: each H/G heads in a row share the keys and values of one (Ainslie et al., GQA, 2023). " +
		"Causal queries see no key behind them, where the last query stands at the last key. lengths i32[N] hides the keys from lengths[n] on.",
	Formula:  "y[n,t,h] = Σ_s softmax_s(scale * query[n,t,h]·key[n,s,g]) value[n,s,g], g = h*G/H rounded down",
	Example:  "y = attention(query, key, value, causal=true)",
	Category: "layer",
	Args: []Arg{
		{Name: "query", Doc: "f32[N,T,H,D]"}, {Name: "key", Doc: "f32[N,S,G,D]"}, {Name: "value", Doc: "f32[N,S,G,E]"},
		{Name: "lengths", Doc: "i32[N], how many keys each example has", Optional: true},
	},
	Attrs: []AttrDef{
		{Name: "causal", Doc: "hide the keys behind each query", Default: false},
		{Name: "scale", Doc: "the factor of the scores; 0 for 1/sqrt(D)", Default: 0.0},
		{Name: "dropout", Doc: "the probability with which a weight is set to zero in training, from 0 up to but not 1", Default: 0.0},
	},
	Eval:   evalAttention,
	Expand: expandAttention,
	ONNX:   ONNX{Name: "Attention", Min: 23, Max: 24, Attrs: map[string]string{"causal": "is_causal", "scale": "scale"}, Note: "without caches, masks and soft caps; [N,heads,T,D] is transposed"},
	Samples: []Sample{
		{Args: f32Types(ir.NS(3, 2, 5), ir.NS(4, 2, 5), ir.NS(4, 2, 3)), Batch: 2},
		{Args: f32Types(ir.NS(4, 1, 3), ir.NS(4, 1, 3), ir.NS(4, 1, 3)), Attrs: ir.Attrs{{Name: "causal", Value: true}}, Batch: 1},
		{Args: f32Types(ir.NS(2, 6, 3), ir.NS(3, 2, 3), ir.NS(3, 2, 4)), Attrs: ir.Attrs{{Name: "causal", Value: true}, {Name: "scale", Value: 0.3}}, Batch: 2},
		{Args: f32Types(ir.NS(2, 4, 3), ir.NS(5, 1, 3), ir.NS(5, 1, 1)), Batch: 1},
		{Args: append(f32Types(ir.NS(1, 2, 3), ir.NS(4, 2, 3), ir.NS(4, 2, 2)), ir.T(ir.I32, ir.NS())), Data: map[int][]float64{3: {4, 0, 2}}},
	},
})

func expandAttention(b *Builder, args []*ir.Value, a ir.Attrs) ([]*ir.Value, error) {
	heads, groups, err := checkAttention(args[0].Type, args[1].Type, args[2].Type)
	if err != nil {
		return nil, err
	}
	q, shared := args[0], heads/groups
	equations := []string{"nthd,nshd->nhts", "nhts,nshd->nthd"}
	if shared > 1 {
		if q, err = b.eachAs(q, q.Type.Shape[1].Size, groups, shared, q.Type.Shape[3].Size); err != nil {
			return nil, err
		}
		equations = []string{"ntgrd,nsgd->ngrts", "ngrts,nsgd->ntgrd"}
	}
	scores, err := b.Op("contraction", "scores", []*ir.Value{q, args[1]}, equation(equations[0])...)
	if err != nil {
		return nil, err
	}
	scale := a.Float("scale")
	if scale == 0 {
		scale = 1 / math.Sqrt(float64(q.Type.Shape[len(q.Type.Shape)-1].Size))
	}
	if scores, err = b.Op("mul", "scores", []*ir.Value{scores, b.scalar(scale)}); err != nil {
		return nil, err
	}
	if a.Bool("causal") || len(args) > 3 {
		masked := append([]*ir.Value{scores}, args[3:]...)
		if scores, err = b.Op("attention_mask", "scores", masked, ir.Attr{Name: "causal", Value: a.Bool("causal")}); err != nil {
			return nil, err
		}
	}
	weights, err := b.Op("softmax", "weights", []*ir.Value{scores})
	if err != nil {
		return nil, err
	}
	if rate := a.Float("dropout"); rate != 0 {
		if weights, err = b.dropped(weights, rate); err != nil {
			return nil, err
		}
	}
	y, err := b.Op("contraction", "attention", []*ir.Value{weights, args[2]}, equation(equations[1])...)
	if err != nil || shared == 1 {
		return []*ir.Value{y}, err
	}
	y, err = b.eachAs(y, y.Type.Shape[1].Size, heads, y.Type.Shape[4].Size)
	return []*ir.Value{y}, err
}

// eachAs appends a reshape that keeps the batch.
func (b *Builder) eachAs(x *ir.Value, dims ...int) (*ir.Value, error) {
	return b.Op("reshape", x.Name, []*ir.Value{x}, ir.Attr{Name: "shape", Value: dims}, ir.Attr{Name: "keep", Value: 1})
}

// dropped appends the layer dropout, which does something in training only.
func (b *Builder) dropped(x *ir.Value, rate float64) (*ir.Value, error) {
	if !(rate >= 0 && rate < 1) {
		return nil, WithNote("dropout=0.1 drops every tenth weight on average", "attention needs a dropout from 0 up to but not 1, not %v", rate)
	}
	if !b.Training {
		return x, nil
	}
	y, err := Lookup("dropout").Layer.Build(b, []*ir.Value{x}, ir.Attrs{{Name: "rate", Value: rate}, {Name: "id", Value: 0}})
	if err != nil {
		return nil, err
	}
	return y[0], nil
}

// checkAttention checks the operands and returns the heads of the queries and those of the keys and values.
func checkAttention(q, k, v ir.Type) (heads, groups int, err error) {
	for i, t := range []ir.Type{q, k, v} {
		name := []string{"query", "key", "value"}[i]
		if err := wantElem("attention", name, t, ir.F32); err != nil {
			return 0, 0, err
		}
		ok := len(t.Shape) == 4
		for i := 1; ok && i < 4; i++ {
			ok = t.Shape[i].Static()
		}
		if !ok {
			return 0, 0, WithNote("multi_head_attention takes [N,T,C] and makes the heads", "attention needs a %s f32[N,places,heads,size], not %v", name, t)
		}
	}
	heads, groups = q.Shape[2].Size, k.Shape[2].Size
	switch {
	case q.Shape[3] != k.Shape[3]:
		return 0, 0, fmt.Errorf("attention compares queries %v with keys %v, which have another size", q, k)
	case k.Shape[1] != v.Shape[1] || k.Shape[2] != v.Shape[2]:
		return 0, 0, fmt.Errorf("attention needs a value for each key, but has keys %v and values %v", k, v)
	case heads%groups != 0:
		return 0, 0, WithNote("the heads of the keys must divide those of the queries", "attention cannot share %d heads of keys among %d heads of queries", groups, heads)
	case q.Shape[0] != k.Shape[0] || q.Shape[0] != v.Shape[0]:
		return 0, 0, fmt.Errorf("attention needs operands of one batch, not %v, %v and %v", q, k, v)
	}
	return heads, groups, nil
}

func evalAttention(args []*Tensor, a ir.Attrs) []*Tensor {
	q, k, v := args[0], args[1], args[2]
	scale := a.Float("scale")
	if scale == 0 {
		scale = 1 / math.Sqrt(float64(q.Shape[3]))
	}
	y := NewTensor(ir.F32, q.Shape[0], q.Shape[1], q.Shape[2], v.Shape[3])
	share := q.Shape[2] / k.Shape[2]
	eachIndex(q.Shape[:3], func(ix []int) {
		n, t, h := ix[0], ix[1], ix[2]
		weights, top := make([]float64, k.Shape[1]), math.Inf(-1)
		for s := range weights {
			for d := range q.Shape[3] {
				weights[s] += q.Data[q.at([]int{n, t, h, d})] * k.Data[k.at([]int{n, s, h / share, d})] * scale
			}
			if a.Bool("causal") && s > t+k.Shape[1]-q.Shape[1] || len(args) > 3 && float64(s) >= args[3].Data[n] {
				weights[s] = hidden
			}
			top = max(top, weights[s])
		}
		total := 0.0
		for s := range weights {
			weights[s] = math.Exp(weights[s] - top)
			total += weights[s]
		}
		for s, w := range weights {
			for e := range v.Shape[3] {
				y.Data[y.at([]int{n, t, h, e})] += w / total * v.Data[v.at([]int{n, s, h / share, e})]
			}
		}
	})
	return []*Tensor{y}
}
