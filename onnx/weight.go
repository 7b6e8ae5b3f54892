package onnx

import (
	"encoding/binary"
	"io"
	"math"
	"slices"
)

// stored are the elements of a large constant as they lie in the file, so that a model takes no more memory than its file until they are asked for.
type stored struct {
	raw []byte
	storage
	// steps is how many elements lie between one and the next along each axis.
	steps []int
}

// packRaw packs the elements of a tensor of the file, or returns nil where they are few or do not lie one behind the other.
func packRaw(t *Tensor, shape []int, n int) *stored {
	st, ok := storages[t.Type]
	raw := t.raw
	if chunks := t.fields[st.field]; !t.hasRaw && (st.field == floatData || st.field == doubleData) && len(chunks) == 1 {
		raw = chunks[0]
	}
	if !ok || n <= literalMax || t.segment || len(raw) != st.bytes(n) {
		return nil // where the sizes do not fit, decoding says so
	}
	return &stored{raw, st, natural(shape)}
}

// packFloats packs computed elements as float32, in half of their memory.
func packFloats(shape []int, list []float64) *stored {
	raw := make([]byte, 0, 4*len(list))
	for _, x := range list {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(float32(x)))
	}
	return &stored{raw, storages[Float], natural(shape)}
}

// natural are the steps of elements in row-major order.
func natural(shape []int) []int {
	steps, n := make([]int, len(shape)), 1
	for i := len(shape) - 1; i >= 0; i-- {
		steps[i] = n
		n *= shape[i]
	}
	return steps
}

// at is the element at a place in the file.
func (p *stored) at(i int) float64 { return p.element(p.raw, i) }

// places goes through the places of a tensor's elements in row-major order.
type places struct {
	shape, steps []int // steps is how far it is from one to the next along each axis
	ix           []int // of the next
	at           int
}

func newPlaces(shape, steps []int) places {
	return places{shape: shape, steps: steps, ix: make([]int, len(shape))}
}

// next is the next place.
func (p *places) next() int {
	at := p.at
	for i := len(p.ix) - 1; i >= 0; i-- {
		p.ix[i]++
		p.at += p.steps[i]
		if p.ix[i] < p.shape[i] {
			break
		}
		p.at -= p.steps[i] * p.shape[i]
		p.ix[i] = 0
	}
	return at
}

// walk goes through the elements of a constant in row-major order.
type walk struct {
	c    *constant
	from places // of packed elements
	k    int    // how many others are behind it
}

func (c *constant) walk() *walk {
	w := &walk{c: c}
	if c.packed != nil {
		w.from = newPlaces(c.shape, c.packed.steps)
	}
	return w
}

// next is the next element.
func (w *walk) next() float64 {
	switch c := w.c; {
	case c.fill:
		return c.data[0]
	case c.packed != nil:
		return c.packed.at(w.from.next())
	default:
		w.k++
		return c.data[w.k-1]
	}
}

// Weight is the elements of a parameter, which are made when they are read.
type Weight struct{ c *constant }

// Len is how many elements there are.
func (w Weight) Len() int {
	if w.c == nil {
		return 0
	}
	return w.c.elems()
}

// Floats are the elements, row-major.
func (w Weight) Floats() []float32 {
	list := make([]float32, w.Len())
	if len(list) == 0 {
		return nil
	}
	e := w.c.walk()
	for i := range list {
		list[i] = float32(e.next())
	}
	return list
}

// Floats are the elements of all parameters.
func (imp *Import) Floats() map[string][]float32 {
	all := map[string][]float32{}
	for name, w := range imp.Weights {
		all[name] = w.Floats()
	}
	return all
}

// Reader reads the elements as little-endian float32.
func (w Weight) Reader() io.Reader { return &weightReader{walk: w.c.walk(), left: w.Len()} }

type weightReader struct {
	walk  *walk
	left  int
	ready []byte
	buf   [1 << 12]byte
}

func (r *weightReader) Read(p []byte) (int, error) {
	if len(r.ready) == 0 {
		if r.left == 0 {
			return 0, io.EOF
		}
		n := min(r.left, len(r.buf)/4)
		r.ready = r.buf[:0]
		for range n {
			r.ready = binary.LittleEndian.AppendUint32(r.ready, math.Float32bits(float32(r.walk.next())))
		}
		r.left -= n
	}
	n := copy(p, r.ready)
	r.ready = r.ready[n:]
	return n, nil
}

// over are the elements with other steps.
func (p *stored) over(steps []int) *stored {
	r := *p
	r.steps = steps
	return &r
}

// inOrder reports whether no packed elements lie in another order than that of the extents.
func (c *constant) inOrder() bool {
	return c.packed == nil || slices.Equal(c.packed.steps, natural(c.shape))
}
