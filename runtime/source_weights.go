package runtime

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
)

// Tensor is one tensor of a file of weights. DType is the name of its element type in safetensors.
type Tensor struct {
	Name, DType string
	Shape       []int
	Open        func() (io.Reader, error) // the elements: row-major, little-endian, and nothing behind them
}

// entry is t as files of weights are described.
func (t *Tensor) entry() tensorEntry {
	return tensorEntry{name: t.Name, dtype: t.DType, shape: t.Shape, open: t.Open}
}

// Bytes is how many bytes the elements take.
func (t *Tensor) Bytes() int64 { e := t.entry(); return e.bytes() }

// OpenWeights lists the tensors at path: a safetensors file, an .npz, an .npy, or a folder of .npy. done closes it.
func OpenWeights(path string) (list []Tensor, done func(), err error) {
	f, done, err := openWeights(path)
	if err != nil {
		return nil, nil, err
	}
	for _, t := range f.tensors {
		list = append(list, Tensor{t.name, t.dtype, t.shape, t.open})
	}
	return list, done, nil
}

// Convert gives tensors another element type. The elements are converted when they are read: fractions are rounded, and what the type cannot hold is an error.
func Convert(list []Tensor, dtype string) ([]Tensor, error) {
	if !convertible(dtype) {
		return nil, fmt.Errorf("%s is no element type of weights; there are f64, f32, f16, bf16, i8 to i64, u8 to u64 and bool", quoted(strings.ToLower(dtype)))
	}
	var converted []Tensor
	for _, t := range list {
		if t.DType != dtype {
			if !convertible(t.DType) {
				return nil, fmt.Errorf("tensor %s: it is %s, which is not converted", quoted(t.Name), t.DType)
			}
			t.Open = t.opened(dtype)
			t.DType = dtype
		}
		converted = append(converted, t)
	}
	return converted, nil
}

// opened opens t with its elements converted.
func (t Tensor) opened(dtype string) func() (io.Reader, error) {
	return func() (io.Reader, error) {
		r, err := t.Open()
		if err != nil {
			return nil, err
		}
		return &converter{r: bufio.NewReaderSize(r, 1<<16), from: t.DType, to: dtype, left: product(t.Shape)}, nil
	}
}

// converter reads elements of one type as those of another.
type converter struct {
	r        io.Reader
	from, to string
	at, left int    // elements read, and to be read
	ready    []byte // of those that are converted
	buf      [1 << 12]byte
}

func (c *converter) Read(p []byte) (int, error) {
	if len(c.ready) == 0 {
		if c.left == 0 {
			return 0, atEndOf(c.r)
		}
		size := int(dtypeBytes[c.to])
		n := min(c.left, len(c.buf)/size)
		c.ready = c.buf[:0]
		err := readElements(c.r, c.from, n, func(i int, bits uint64) error {
			x, err := readNumber(c.from, bits)
			if err == nil {
				bits, err = writeNumber(c.to, x)
			}
			if err != nil {
				return fmt.Errorf("element %d is %w", c.at+i, err)
			}
			var word [8]byte
			binary.LittleEndian.PutUint64(word[:], bits)
			c.ready = append(c.ready, word[:size]...)
			return nil
		})
		if err != nil {
			return 0, err
		}
		c.at, c.left = c.at+n, c.left-n
	}
	n := copy(p, c.ready)
	c.ready = c.ready[n:]
	return n, nil
}

// atEndOf is io.EOF where nothing is left to read.
func atEndOf(r io.Reader) error {
	if err := atEnd(r); err != nil {
		return err
	}
	return io.EOF
}

// WriteSafetensors writes tensors as a safetensors file, those with the largest elements first, so that all are aligned.
func WriteSafetensors(w io.Writer, list []Tensor) error { return writeSafetensors(w, entries(list)) }

// WriteWeights writes tensors to path, in the format that its extension says: .safetensors, .npz, .npy for a single tensor, or without an extension a
// folder of .npy files. Each file is there whole or not at all, and none where a tensor cannot be read or has no such form.
func WriteWeights(path string, list []Tensor) error {
	all := entries(list)
	if err := checkFormat(path, all); err != nil {
		return err
	}
	return writeWeights(path, all)
}

func entries(list []Tensor) []tensorEntry {
	var all []tensorEntry
	for i := range list {
		all = append(all, list[i].entry())
	}
	return all
}
