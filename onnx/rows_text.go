package onnx

import (
	"slices"

	"github.com/dlc-ml/dlc/ir"
)

var _ = register("", opRow{name: "TfIdfVectorizer", min: 9, run: ngrams})

// ngrams counts how often each of the known sequences of whole numbers is in a row, whose elements may stand apart by up to the skip that is allowed. The
// counts, or whether there are any, are weighted and put to their places.
func ngrams(n *call) []*value {
	pool, starts, places := n.list("pool_int64s"), n.list("ngram_counts"), n.list("ngram_indexes")
	low, high, skip := n.int("min_gram_length", 0), n.int("max_gram_length", 0), n.int("max_skip_count", 0)
	if n.attr("pool_strings") != nil || pool == nil {
		refuse("sequences of strings are not supported")
	}
	dims := n.dims(0)
	if len(dims) < 1 || len(dims) > 2 || len(places) == 0 || slices.Min(places) < 0 || slices.Max(places) > 1<<20 || skip < 0 || skip > 1<<10 || len(pool) > 1<<20 {
		refuse("it needs rows of whole numbers, and places from 0 on")
	}
	x := n.index(0)
	if len(dims) == 1 {
		x = n.reshape(x, 1, dims[0])
	}
	var counts []*ir.Value
	var to []int // the number of the sequence that each count is of
	first := 0
	for k := range starts {
		size, end := k+1, len(pool)
		if k+1 < len(starts) {
			end = starts[k+1]
		}
		if starts[k] < 0 || end < starts[k] || end > len(pool) || (end-starts[k])%size != 0 {
			refuse("ngram_counts %v do not divide %d numbers", starts, len(pool))
		}
		known := (end - starts[k]) / size
		if size >= low && size <= high && known > 0 {
			if v := n.occurrences(x, pool[starts[k]:end], size, skip); v != nil {
				counts, to = append(counts, v), append(to, seq(first, first+known)...)
			}
		}
		first += known
	}
	if first != len(places) {
		refuse("there are %d places for %d sequences", len(places), first)
	}
	return []*value{n.weighted(counts, to, places, dims)}
}

// occurrences counts each sequence of the given size: [N,sequences]. It is nil where none fits into a row.
func (n *call) occurrences(x *ir.Value, pool []int, size, skip int) *ir.Value {
	length, rows, known := x.Type.Shape[1].Size, 1, len(pool)/size
	if !hasBatch(x) {
		rows = x.Type.Shape[0].Size
	}
	if size == 1 {
		skip = 0 // single elements do not stand apart
	}
	var sum *ir.Value
	for distance := 1; distance <= skip+1; distance++ {
		windows := length - (size-1)*distance
		if windows < 1 {
			break
		}
		var all *ir.Value
		for k := range size {
			part := n.op("slice", []*ir.Value{x}, at1("starts", []int{k * distance}), at1("ends", []int{k*distance + windows}), at1("axes", []int{1}))
			item := &constant{t: typeOfElem[x.Type.Elem], shape: []int{known}}
			for i := range known {
				item.data = append(item.data, float64(pool[i*size+k]))
			}
			same := n.apply("equal", n.reshape(part, rows, windows, 1), n.im.materialize(item))
			if all == nil {
				all = same
			} else {
				all = n.apply("logical_and", all, same)
			}
		}
		count := n.op("reduce_sum", []*ir.Value{n.cast(all, ir.F32)}, at1("axes", []int{1}), at1("keep_dims", false))
		if sum == nil {
			sum = count
		} else {
			sum = n.apply("add", sum, count)
		}
	}
	return sum
}

// weighted puts counts to their places, as a product with a matrix that holds the weights.
func (n *call) weighted(counts []*ir.Value, to, places, dims []int) *value {
	mode, weights := n.str("mode", "TF"), n.floats("weights")
	if weights != nil && len(weights) != len(places) {
		refuse("there are %d weights for %d sequences", len(weights), len(places))
	}
	size := slices.Max(places) + 1
	shape := append(slices.Clone(dims[:len(dims)-1]), size)
	if len(counts) == 0 {
		return n.filled(&constant{t: Float, data: []float64{0}, fill: true}, shape)
	}
	v := counts[0]
	if len(counts) > 1 {
		v = n.op("concat", counts, at1("axis", 1))
	}
	if mode == "IDF" {
		v = n.cast(n.apply("greater", v, n.scalar(ir.F32, 0)), ir.F32)
	}
	if n.im.take(len(to)*size) != nil {
		refuse("there are too many sequences")
	}
	m := &constant{t: Float, shape: []int{len(to), size}, data: make([]float64, len(to)*size), name: "places"}
	for i, k := range to {
		w := 1.0
		if mode != "TF" && weights != nil {
			w = weights[k]
		}
		m.data[i*size+places[k]] = w
	}
	y := n.op("dense", []*ir.Value{v, n.im.materialize(m)})
	if len(dims) == 1 {
		y = n.reshape(y, shape...)
	}
	return &value{t: Float, v: y}
}
