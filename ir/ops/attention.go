package ops

import (
	"fmt"
	"math"
	"slices"

	"github.com/dlc-ml/dlc/ir"
)

// Attention is scaled dot-product attention.
var Attention = Register(&Operator{
	Name: "attention",
	Doc: "Scaled dot-product attention (Vaswani et al., Attention Is All You Need, 2017) of heads: queries [N,T,H,D] and keys [N,S,G,D] give weights, with which the " +
		"values [N,S,G,E] are averaged, giving [N,T,H,E]. G divides H: each H/G heads in a row share the keys and values of one (Ainslie et al., GQA, 2023). " +
		"Causal queries see no key behind them, where the last query stands at the last key. lengths i32[N] hides the keys from lengths[n] on. " +
		"A mask broadcasts to [N,H,T,S] as in NumPy: numbers are added to the scores, and of truth values those that are false hide a key. " +
		"Long sequences run in tiles of queries, so that memory grows with their length and not with its square.",
	Formula:  "y[n,t,h] = Σ_s softmax_s(scale * query[n,t,h]·key[n,s,g] + mask[n,h,t,s]) value[n,s,g], g = h*G/H rounded down",
	Example:  "y = attention(query, key, value, causal=true)",
	Category: "layer",
	Args: []Arg{
		{Name: "query", Doc: "f32[N,T,H,D]"}, {Name: "key", Doc: "f32[N,S,G,D]"}, {Name: "value", Doc: "f32[N,S,G,E]"},
		{Name: "lengths", Doc: "i32[N], how many keys each example has", Optional: true}, maskArg,
	},
	Attrs: []AttrDef{
		{Name: "causal", Doc: "hide the keys behind each query", Default: false},
		{Name: "scale", Doc: "the factor of the scores; 0 for 1/sqrt(D)", Default: 0.0},
		{Name: "dropout", Doc: "the probability with which a weight is set to zero in training, from 0 up to but not 1", Default: 0.0},
	},
	Eval:   evalAttention,
	Expand: expandAttention,
	ONNX:   ONNX{Name: "Attention", Min: 23, Max: 24, Attrs: map[string]string{"causal": "is_causal", "scale": "scale"}, Note: "without caches and soft caps; attn_mask is the mask; [N,heads,T,D] is transposed"},
	Samples: []Sample{
		{Args: f32Types(ir.NS(3, 2, 5), ir.NS(4, 2, 5), ir.NS(4, 2, 3)), Batch: 2},
		{Args: f32Types(ir.NS(4, 1, 3), ir.NS(4, 1, 3), ir.NS(4, 1, 3)), Attrs: ir.Attrs{{Name: "causal", Value: true}}, Batch: 1},
		{Args: f32Types(ir.NS(2, 6, 3), ir.NS(3, 2, 3), ir.NS(3, 2, 4)), Attrs: ir.Attrs{{Name: "causal", Value: true}, {Name: "scale", Value: 0.3}}, Batch: 2},
		{Args: f32Types(ir.NS(2, 4, 3), ir.NS(5, 1, 3), ir.NS(5, 1, 1)), Batch: 1},
		{Args: append(f32Types(ir.NS(1, 2, 3), ir.NS(4, 2, 3), ir.NS(4, 2, 2)), ir.T(ir.I32, ir.NS())), Data: map[int][]float64{3: {4, 0, 2}}},
		{Args: append(f32Types(ir.NS(3, 2, 5), ir.NS(4, 2, 5), ir.NS(4, 2, 3)), ir.T(ir.I32, ir.NS()), ir.T(ir.F32, ir.S(3, 4))), Attrs: ir.Attrs{{Name: "causal", Value: true}}, Batch: 2, Data: map[int][]float64{3: {4, 3}}},
		{Args: append(f32Types(ir.NS(2, 6, 3), ir.NS(3, 2, 3), ir.NS(3, 2, 4)), ir.T(ir.I32, ir.NS()), ir.T(ir.F32, ir.NS(6, 2, 3))), Batch: 2, Data: map[int][]float64{3: {3, 1}}},
		{Args: append(f32Types(ir.NS(2, 4, 2), ir.NS(3, 2, 2), ir.NS(3, 2, 1)), ir.T(ir.I32, ir.NS()), ir.T(ir.Bool, ir.NS(1, 2, 3))), Batch: 1, Data: map[int][]float64{3: {3}, 4: {1, 0, 1, 0, 0, 1}}},
		{Args: append(f32Types(ir.NS(2, 2, 2), ir.NS(3, 2, 2), ir.NS(3, 2, 1)), ir.T(ir.I32, ir.NS()), ir.T(ir.F32, ir.S(2, 1, 3))), NoGrad: true, Batch: 1, Data: map[int][]float64{3: {3}, 4: {0, math.Inf(-1), 0, 0, 0, 1e4}}},
	},
})

var maskArg = Arg{Name: "mask", Doc: "f32, added to the scores, or bool, which keys are seen; its last axes are [T,S]", Optional: true}

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
	scores, err := b.Op("einsum", "scores", []*ir.Value{q, args[1]}, ir.Attr{Name: "equation", Value: equations[0]})
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
	lengths, mask := optional(args, 3), optional(args, 4)
	if mask != nil {
		if scores, err = b.masked(scores, mask, groups, shared); err != nil {
			return nil, err
		}
	}
	if a.Bool("causal") || lengths != nil {
		masked := []*ir.Value{scores}
		if lengths != nil {
			masked = append(masked, lengths)
		}
		if scores, err = b.Op("attention_mask", "scores", masked, ir.Attr{Name: "causal", Value: a.Bool("causal")}); err != nil {
			return nil, err
		}
	}
	weights, err := b.Op("softmax", "weights", []*ir.Value{scores})
	if err != nil {
		return nil, err
	}
	if weights, err = b.dropped("attention", weights, a.Float("dropout")); err != nil {
		return nil, err
	}
	y, err := b.Op("einsum", "attention", []*ir.Value{weights, args[2]}, ir.Attr{Name: "equation", Value: equations[1]})
	if err != nil || shared == 1 {
		return []*ir.Value{y}, err
	}
	y, err = b.eachAs(y, y.Type.Shape[1].Size, heads, y.Type.Shape[4].Size)
	return []*ir.Value{y}, err
}

// optional is an operand that may be missing, or nil.
func optional[T any](args []*T, i int) *T {
	if i < len(args) {
		return args[i]
	}
	return nil
}

// masked adds a mask to scores [N,H,T,S], or [N,G,H/G,T,S] of shared keys, or hides where it is false.
func (b *Builder) masked(scores, mask *ir.Value, groups, shared int) (*ir.Value, error) {
	s, m := scores.Type.Shape, mask.Type.Shape
	rank := len(s)
	full := ir.Shape{s[0], ir.D(groups * shared), s[rank-2], s[rank-1]}
	if got, err := broadcast("attention", full, m); err != nil || !got.Equal(full) {
		return nil, WithNote("its last axes are heads, queries and keys; unsqueeze(mask, 1) gives a mask of each example one head for all", "attention cannot use a mask %v for scores %v", mask.Type, full)
	}
	if shared > 1 && len(m) > 2 { // the heads of the mask are cut as those of the queries
		cut := ir.S(groups, shared)
		if at := len(m) - 3; m[at] == ir.D(1) {
			cut = ir.S(1, 1)
		}
		mask = b.reshapeTo("mask", mask, slices.Concat(m[:len(m)-3], cut, m[len(m)-2:]))
	}
	if mask.Type.Elem == ir.Bool {
		return b.where(mask, scores, b.scalar(hidden)), nil
	}
	return b.Op("add", "scores", []*ir.Value{scores, mask})
}

// eachAs appends a reshape that keeps the batch.
func (b *Builder) eachAs(x *ir.Value, dims ...int) (*ir.Value, error) {
	return b.Op("reshape", x.Name, []*ir.Value{x}, ir.Attr{Name: "shape", Value: dims}, ir.Attr{Name: "keep", Value: 1})
}

// dropped appends the layer dropout, which does something in training only.
func (b *Builder) dropped(kind string, x *ir.Value, rate float64) (*ir.Value, error) {
	if !(rate >= 0 && rate < 1) {
		return nil, WithNote("dropout=0.1 drops every tenth number on average", "%s needs a dropout from 0 up to but not 1, not %v", kind, rate)
	}
	if !b.Training || rate == 0 {
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
		lengths, mask := optional(args, 3), optional(args, 4)
		for s := range weights {
			for d := range q.Shape[3] {
				weights[s] += q.Data[q.at([]int{n, t, h, d})] * k.Data[k.at([]int{n, s, h / share, d})] * scale
			}
			switch {
			case mask == nil:
			case mask.Elem != ir.Bool:
				weights[s] += mask.Data[mask.at([]int{n, h, t, s})]
			case mask.Data[mask.at([]int{n, h, t, s})] == 0:
				weights[s] = hidden
			}
			if a.Bool("causal") && s > t+k.Shape[1]-q.Shape[1] || lengths != nil && float64(s) >= lengths.Data[n] {
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
