package onnx

import (
	"encoding/binary"
	"io"
	"math"
	"slices"
)

// stored are the elements of a large constant as they lie in the file, so that a model takes no more memory than its file until they are asked for.
type stored struct {
	raw  []byte
	size int // bytes of an element
	read func(bits uint64) float64
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
	if !ok || n <= literalMax || t.segment || len(raw) != n*st.size {
		return nil // where the sizes do not fit, decoding says so
	}
	return &stored{raw, st.size, st.read, natural(shape)}
}

// packFloats packs computed elements as float32, in half of their memory.
func packFloats(shape []int, list []float64) *stored {
	raw := make([]byte, 0, 4*len(list))
	for _, x := range list {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(float32(x)))
	}
	return &stored{raw, 4, storages[Float].read, natural(shape)}
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
func (p *stored) at(i int) float64 {
	var word [8]byte
	copy(word[:], p.raw[i*p.size:(i+1)*p.size])
	return p.read(binary.LittleEndian.Uint64(word[:]))
}

// walk goes through the elements of a constant in row-major order.
type walk struct {
	c    *constant
	ix   []int // where it stands
	from int   // and in packed elements
	k    int   // how many are behind it
}

func (c *constant) walk() *walk { return &walk{c: c, ix: make([]int, len(c.shape))} }

// next is the next element.
func (w *walk) next() float64 {
	c := w.c
	w.k++
	switch {
	case c.fill:
		return c.data[0]
	case c.packed == nil:
		return c.data[w.k-1]
	}
	x := c.packed.at(w.from)
	for i := len(w.ix) - 1; i >= 0; i-- {
		w.ix[i]++
		w.from += c.packed.steps[i]
		if w.ix[i] < c.shape[i] {
			break
		}
		w.from -= c.packed.steps[i] * c.shape[i]
		w.ix[i] = 0
	}
	return x
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

// permuted are the elements with their axes in another order.
func (p *stored) permuted(perm []int) *stored {
	r := *p
	r.steps = make([]int, len(perm))
	for i, a := range perm {
		r.steps[i] = p.steps[a]
	}
	return &r
}

// reshaped are the elements with other extents, nil where they lie in another order than that of their extents.
func (p *stored) reshaped(from, to []int) *stored {
	if !slices.Equal(p.steps, natural(from)) {
		return nil
	}
	r := *p
	r.steps = natural(to)
	return &r
}
