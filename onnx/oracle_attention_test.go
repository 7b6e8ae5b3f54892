package onnx

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// attentionCase is one way to ask for attention.
type attentionCase struct {
	batch, heads, groups, t, s, d, dv int
	past                              int
	flat, causal, lengths             bool
	mask                              string // "", float, bool, full, short
	scale, cap                        float64
	mode                              int
}

// attentionOracle follows the definition for every query by itself. Tensors have heads in an axis of their own.
func attentionOracle(c attentionCase, q, k, v, mask *array, boolean bool, length []float64) (y, scores *array) {
	y, scores = newArray(c.batch, c.heads, c.t, c.dv), newArray(c.batch, c.heads, c.t, c.s+c.past)
	scale := c.scale
	if scale == 0 {
		scale = 1 / math.Sqrt(float64(c.d))
	}
	total := c.s + c.past
	for b := range c.batch {
		for h := range c.heads {
			g := h / (c.heads / c.groups)
			for i := range c.t {
				row := make([]float64, total)
				for j := range total {
					for e := range c.d {
						row[j] += q.get(b, h, i, e) * k.get(b, g, j, e)
					}
					row[j] *= scale
					if c.mode == 0 {
						scores.data[scores.at(b, h, i, j)] = row[j]
					}
					if c.cap > 0 {
						row[j] = c.cap * math.Tanh(row[j]/c.cap)
					}
					if c.mode == 1 {
						scores.data[scores.at(b, h, i, j)] = row[j]
					}
					hidden := false
					if mask != nil {
						switch last := mask.dims[len(mask.dims)-1]; {
						case j >= last:
							hidden = true
						case boolean:
							hidden = mask.get(b, h, i, j) == 0
						default:
							row[j] += mask.get(b, h, i, j)
						}
					}
					front := i + c.past
					if length != nil {
						hidden = hidden || float64(j) >= length[b]
						if c.past == 0 {
							front = i + int(length[b]) - c.t
						}
					}
					if hidden || c.causal && j > front {
						row[j] = math.Inf(-1)
					}
					if c.mode == 2 {
						scores.data[scores.at(b, h, i, j)] = row[j]
					}
				}
				most, sum := math.Inf(-1), 0.0
				for _, x := range row {
					most = max(most, x)
				}
				for j := range row {
					row[j] = math.Exp(row[j] - most)
					sum += row[j]
				}
				for j := range row {
					w := row[j] / sum
					if c.mode == 3 {
						scores.data[scores.at(b, h, i, j)] = w
					}
					for e := range c.dv {
						y.data[y.at(b, h, i, e)] += w * v.get(b, g, j, e)
					}
				}
			}
		}
	}
	return y, scores
}

// flattened is [N,H,T,D] as [N,T,H*D].
func flattened(a *array) *array {
	n, h, t, d := a.dims[0], a.dims[1], a.dims[2], a.dims[3]
	r := newArray(n, t, h*d)
	for i := range n {
		for j := range h {
			for k := range t {
				for e := range d {
					r.data[r.at(i, k, j*d+e)] = a.get(i, j, k, e)
				}
			}
		}
	}
	return r
}

// behind is b behind a along axis 2 of four.
func behind(a, b *array) *array {
	r := newArray(a.dims[0], a.dims[1], a.dims[2]+b.dims[2], a.dims[3])
	each(r.dims, func(ix []int) {
		if i := r.at(ix...); ix[2] < a.dims[2] {
			r.data[i] = a.get(ix...)
		} else {
			r.data[i] = b.get(ix[0], ix[1], ix[2]-a.dims[2], ix[3])
		}
	})
	return r
}

func TestAttentionOracle(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 1))
	for _, c := range []attentionCase{
		{batch: 2, heads: 2, groups: 2, t: 3, s: 4, d: 4, dv: 3},
		{batch: 1, heads: 4, groups: 2, t: 3, s: 3, d: 2, dv: 2, causal: true},
		{batch: 2, heads: 4, groups: 1, t: 2, s: 5, d: 3, dv: 4, causal: true, mask: "float"},
		{batch: 2, heads: 2, groups: 2, t: 3, s: 4, d: 4, dv: 3, flat: true, mask: "bool", scale: 0.3},
		{batch: 2, heads: 2, groups: 1, t: 3, s: 2, d: 4, dv: 3, past: 3, causal: true, mask: "full"},
		{batch: 2, heads: 2, groups: 2, t: 2, s: 2, d: 4, dv: 4, past: 2, flat: true, cap: 0.8, mode: 2},
		{batch: 2, heads: 2, groups: 2, t: 3, s: 6, d: 4, dv: 3, lengths: true},
		{batch: 3, heads: 2, groups: 2, t: 3, s: 6, d: 4, dv: 3, lengths: true, causal: true},
		{batch: 2, heads: 4, groups: 2, t: 2, s: 6, d: 4, dv: 3, lengths: true, causal: true, cap: 1.2, mask: "float", mode: 3},
		{batch: 2, heads: 2, groups: 2, t: 2, s: 6, d: 4, dv: 3, lengths: true, cap: 0.5, mask: "bool", mode: 1},
		{batch: 2, heads: 2, groups: 2, t: 3, s: 6, d: 4, dv: 3, mask: "short"},
		{batch: 2, heads: 2, groups: 2, t: 3, s: 6, d: 4, dv: 3, mask: "shortbool", causal: true, past: 2},
		{batch: 1, heads: 2, groups: 2, t: 3, s: 6, d: 4, dv: 3, causal: true, mode: 0, scale: 2},
	} {
		q, k, v := normal(r, c.batch, c.heads, c.t, c.d), normal(r, c.batch, c.groups, c.s, c.d), normal(r, c.batch, c.groups, c.s, c.dv)
		shape := func(a *array) *array {
			if c.flat {
				return flattened(a)
			}
			return a
		}
		operands := []*given{operand("q", shape(q)), operand("k", shape(k)), operand("v", shape(v)), nil, nil, nil, nil}
		total := c.s + c.past
		var mask *array
		boolean := c.mask == "bool" || c.mask == "shortbool"
		switch c.mask {
		case "float":
			mask = normal(r, c.t, total)
		case "full":
			mask = normal(r, c.batch, 1, c.t, total)
		case "short":
			mask = normal(r, c.t, total-2)
		case "bool":
			mask = wholes(r, 0, 2, c.t, total)
		case "shortbool":
			mask = wholes(r, 0, 2, c.t, total-3)
		}
		if mask != nil {
			if boolean {
				for i := range c.t { // each query sees a key
					mask.data[mask.at(i, 0)] = 1
				}
			}
			operands[3] = operand("mask", mask)
			if boolean {
				operands[3].t = Bool
			}
		}
		if c.past > 0 {
			pk, pv := normal(r, c.batch, c.groups, c.past, c.d), normal(r, c.batch, c.groups, c.past, c.dv)
			operands[4], operands[5] = operand("pk", pk), operand("pv", pv)
			k, v = behind(pk, k), behind(pv, v)
		}
		var length []float64
		if c.lengths {
			l := wholes(r, c.t, total+1, c.batch)
			length, operands[6] = l.data, &given{name: "l", t: Int64, x: l}
		}
		attrs := [][]byte{wholeAttr("qk_matmul_output_mode", c.mode), wholeAttr("is_causal", map[bool]int{true: 1}[c.causal]), realAttr("softcap", c.cap)}
		c.cap = float64(float32(c.cap))
		if c.scale != 0 {
			attrs = append(attrs, realAttr("scale", c.scale))
			c.scale = float64(float32(c.scale))
		}
		if c.flat {
			attrs = append(attrs, wholeAttr("q_num_heads", c.heads), wholeAttr("kv_num_heads", c.groups))
		}
		y, scores := attentionOracle(c, q, k, v, mask, boolean, length)
		ask := &asked{"Attention", "", 24, operands, 4, attrs}
		ask.agree(t, fmt.Sprintf("%+v", c), shape(y), k, v, scores)
		ask.results = 1 // which takes another way where no scores are asked for
		ask.agree(t, fmt.Sprintf("%+v", c), shape(y))
	}
}

func TestRotaryOracle(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 2))
	for _, c := range []struct {
		n, h, t, d, turned        int
		interleaved, flat, places bool
	}{{2, 3, 4, 8, 0, false, false, true}, {2, 2, 3, 6, 0, true, false, true}, {1, 2, 5, 8, 4, false, true, true}, {2, 1, 3, 8, 6, true, true, false}, {2, 2, 4, 4, 2, false, false, false}} {
		x := normal(r, c.n, c.h, c.t, c.d)
		turned := c.turned
		if turned == 0 {
			turned = c.d
		}
		rows := []int{c.n, c.t, turned / 2}
		operands := []*given{operand("x", x), nil, nil, nil}
		var places *array
		if c.places {
			rows = []int{12, turned / 2}
			places = wholes(r, 0, 12, c.n, c.t)
			operands[3] = &given{name: "p", t: Int64, x: places}
		}
		cos, sin := normal(r, rows...), normal(r, rows...)
		operands[1], operands[2] = operand("cos", cos), operand("sin", sin)
		y := newArray(x.dims...)
		copy(y.data, x.data)
		for n := range c.n {
			for h := range c.h {
				for i := range c.t {
					for e := range turned / 2 {
						a, b := e, e+turned/2
						if c.interleaved {
							a, b = 2*e, 2*e+1
						}
						cs, sn := 0.0, 0.0
						if places != nil {
							at := int(places.get(n, i))
							cs, sn = cos.get(at, e), sin.get(at, e)
						} else {
							cs, sn = cos.get(n, i, e), sin.get(n, i, e)
						}
						p, q := x.get(n, h, i, a), x.get(n, h, i, b)
						y.data[y.at(n, h, i, a)], y.data[y.at(n, h, i, b)] = cs*p-sn*q, sn*p+cs*q
					}
				}
			}
		}
		attrs := [][]byte{wholeAttr("interleaved", map[bool]int{true: 1}[c.interleaved]), wholeAttr("rotary_embedding_dim", c.turned), wholeAttr("num_heads", c.h)}
		if c.flat {
			operands[0].x, y = flattened(x), flattened(y)
		}
		(&asked{"RotaryEmbedding", "", 23, operands, 1, attrs}).agree(t, fmt.Sprintf("%+v", c), y)
	}
}

func TestTensorScatterOracle(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 3))
	for _, c := range []struct {
		dims  []int
		axis  int
		fresh int
		mode  string
		start bool
	}{{[]int{2, 3, 6, 4}, -2, 2, "linear", true}, {[]int{3, 5, 2}, 1, 4, "circular", true}, {[]int{2, 4, 3}, 2, 3, "linear", false}, {[]int{2, 2, 3, 5}, -1, 5, "circular", true}} {
		a := (c.axis + len(c.dims)) % len(c.dims)
		fresh := append([]int{}, c.dims...)
		fresh[a] = c.fresh
		x, u := normal(r, c.dims...), normal(r, fresh...)
		operands := []*given{operand("x", x), operand("u", u)}
		start := newArray(c.dims[0])
		if c.start {
			most := c.dims[a] - c.fresh + 1
			if c.mode == "circular" {
				most = c.dims[a]
			}
			start = wholes(r, 0, most, c.dims[0])
			operands = append(operands, &given{name: "w", t: Int64, x: start})
		}
		y := newArray(c.dims...)
		copy(y.data, x.data)
		each(fresh, func(ix []int) {
			to := append([]int{}, ix...)
			to[a] += int(start.data[ix[0]])
			if c.mode == "circular" {
				to[a] %= c.dims[a]
			}
			y.data[y.at(to...)] = u.get(ix...)
		})
		(&asked{"TensorScatter", "", 24, operands, 1, [][]byte{wholeAttr("axis", c.axis), wordAttr("mode", c.mode)}}).agree(t, fmt.Sprintf("%+v", c), y)
	}
}
