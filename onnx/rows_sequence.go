package onnx

import (
	"slices"

	"github.com/dlc-ml/dlc/ir"
)

// Sequences and optionals exist while a model is imported only: their lengths are known, and what is left are their tensors.

var _ = register("",
	opRow{name: "SequenceConstruct", min: 11, raw: true, run: func(n *call) []*value { return sequence(slices.Clone(n.in)) }},
	opRow{name: "SequenceEmpty", min: 11, raw: true, run: func(n *call) []*value {
		n.int("dtype", 1)
		return sequence(nil)
	}},
	opRow{name: "SequenceAt", min: 11, raw: true, run: func(n *call) []*value {
		list := n.seq(0)
		return []*value{list[n.place(1, len(list)-1)]}
	}},
	opRow{name: "SequenceInsert", min: 11, raw: true, run: func(n *call) []*value {
		list := n.seq(0)
		at := len(list)
		if n.has(2) {
			at = n.place(2, len(list))
		}
		return sequence(slices.Insert(slices.Clone(list), at, n.x(1)))
	}},
	opRow{name: "SequenceErase", min: 11, raw: true, run: func(n *call) []*value {
		list := n.seq(0)
		at := len(list) - 1
		if n.has(1) {
			at = n.place(1, len(list)-1)
		}
		if at < 0 {
			refuse("the sequence is empty")
		}
		return sequence(slices.Delete(slices.Clone(list), at, at+1))
	}},
	opRow{name: "SequenceLength", min: 11, raw: true, run: func(n *call) []*value { return []*value{known(Int64, float64(len(n.seq(0))))} }},
	opRow{name: "SplitToSequence", min: 11, raw: true, run: splitToSequence},
	opRow{name: "ConcatFromSequence", min: 11, raw: true, run: func(n *call) []*value {
		list := n.seq(0)
		if n.bool("new_axis", false) {
			return []*value{n.stacked(list, n.int("axis", 0))}
		}
		inner := &call{im: n.im, node: n.node, scope: n.scope, opset: n.opset, attrs: n.attrs, used: n.used, in: list}
		return concat(inner)
	}},
	opRow{name: "SequenceMap", min: 17, raw: true, run: func(n *call) []*value {
		list, g := n.seq(0), n.graph("body")
		results := make([][]*value, len(g.Outputs))
		for i := range list {
			var args []*value
			for _, x := range n.in {
				if x != nil && x.isSeq {
					if i >= len(x.seq) {
						refuse("its sequences are not equally long")
					}
					x = x.seq[i]
				}
				args = append(args, x)
			}
			for k, x := range n.inside(g, args) {
				results[k] = append(results[k], x)
			}
		}
		var out []*value
		for _, r := range results {
			out = append(out, sequence(r)...)
		}
		return out
	}},
	opRow{name: "Optional", min: 15, raw: true, run: func(n *call) []*value {
		n.attr("type")
		if n.has(0) {
			return []*value{n.in[0]}
		}
		return []*value{{none: true}}
	}},
	opRow{name: "OptionalGetElement", min: 15, raw: true, run: func(n *call) []*value {
		if !n.has(0) || n.in[0].none {
			refuse("the optional has no value")
		}
		return []*value{n.in[0]}
	}},
	opRow{name: "OptionalHasElement", min: 15, raw: true, run: func(n *call) []*value {
		if n.has(0) && !n.in[0].none {
			return []*value{known(Bool, 1)}
		}
		return []*value{known(Bool, 0)}
	}},
)

func sequence(list []*value) []*value { return []*value{{isSeq: true, seq: list}} }

// seq is operand i, a sequence.
func (n *call) seq(i int) []*value {
	if !n.has(i) || !n.in[i].isSeq {
		refuse("operand %d is no sequence", i)
	}
	return n.in[i].seq
}

// place is operand i, a place in a sequence, from 0 to most; negative ones count from the end.
func (n *call) place(i, most int) int {
	p := int(n.one(i, "the place"))
	if p < 0 {
		p += len(n.seq(0))
	}
	if p < 0 || p > most {
		refuse("there is no place %d in a sequence of %d", p, len(n.seq(0)))
	}
	return p
}

// splitToSequence cuts a tensor into pieces of known sizes, or into single slices.
func splitToSequence(n *call) []*value {
	a := axis(n.int("axis", 0), n.rank(0))
	size := n.dims(0)[a]
	var sizes []int
	keep := n.bool("keepdims", true) || n.has(1)
	switch {
	case !n.has(1):
		sizes = slices.Repeat([]int{1}, size)
	case len(n.known(1, "the sizes").shape) == 0:
		each := int(n.one(1, "the size"))
		if each < 1 {
			refuse("pieces of %d elements are none", each)
		}
		for left := size; left > 0; left -= each {
			sizes = append(sizes, min(each, left))
		}
	default:
		sizes = n.ints(1, "the sizes")
	}
	if x := n.x(0); x.c != nil && x.c.elems() == 0 {
		return sequence(slices.Repeat([]*value{x}, len(sizes)))
	}
	var list []*value
	from := 0
	for _, s := range sizes {
		if s < 1 || from+s > size {
			refuse("pieces of %v do not make %d", sizes, size)
		}
		if !keep {
			list = append(list, n.step(n.x(0), a, from))
		} else {
			v := n.op("slice", []*ir.Value{n.v(0)}, at1("starts", []int{from}), at1("ends", []int{from + s}), at1("axes", []int{a}))
			list = append(list, &value{t: n.x(0).t, v: v})
		}
		from += s
	}
	return sequence(list)
}
