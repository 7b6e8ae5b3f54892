package loop

import (
	"fmt"
	"math"

	"github.com/dlc-ml/dlc/ir"
)

// Memory holds the storage behind each buffer that owns one (see [Buffer.Root]), in 32-bit words: the bits of an f32, an i32 in two's
// complement, a u8 from 0 to 255, a truth value 0 or 1. A caller may let two buffers share storage by giving both slices of one array, as
// parameters and the flat arena over them do.
type Memory map[*Buffer][]uint32

// Unwritten fills temporaries before their first use. Read as f32 it is NaN, so that what depends on it shows.
const Unwritten uint32 = 0x7fd0dead

// NewMemory allocates storage for every buffer of f. sizes gives the value of each symbol. Temporaries and outputs are filled with
// [Unwritten], tables with their data, the others with zeros. The error is a symbol that sizes lacks or that exceeds its bound, or a buffer
// that is too large or does not fit together.
func NewMemory(f *Func, sizes map[string]int) (Memory, error) {
	if err := newVerifier(f).declarations(); err != nil {
		return nil, fmt.Errorf("loop: %s: %w", f.Name, err)
	}
	m := Memory{}
	return m, m.complete(f, sizes, func(b *Buffer) bool { return true })
}

// complete allocates what is missing of the storages that missing allows, and checks the length of all.
func (m Memory) complete(f *Func, sizes map[string]int, missing func(*Buffer) bool) error {
	for _, s := range f.Symbols {
		switch n, ok := sizes[s.Name]; {
		case !ok:
			return fmt.Errorf("loop: %s: no size is given for symbol %s", f.Name, s.Name)
		case n < 0 || s.Max > 0 && n > s.Max:
			return fmt.Errorf("loop: %s: symbol %s cannot be %d", f.Name, s.Name, n)
		}
	}
	store := storages(f)
	for _, b := range f.Buffers {
		if b.Alias != nil {
			continue
		}
		n := store[b]
		for _, d := range b.Shape {
			if !d.Static() {
				if s := sizes[d.Sym]; n > 0 && s > ir.MaxElems/n {
					return fmt.Errorf("loop: %s: buffer %s would have more than %d elements", f.Name, b.Name, ir.MaxElems)
				}
				n *= sizes[d.Sym]
			}
		}
		words, ok := m[b]
		switch {
		case ok && len(words) < n:
			return fmt.Errorf("loop: %s: buffer %s is given %d elements of storage and needs %d", f.Name, b.Name, len(words), n)
		case ok:
		case !missing(b):
			return fmt.Errorf("loop: %s: no storage is given for %s %s", f.Name, b.Space, b.Name)
		default:
			words = make([]uint32, n)
			switch b.Space {
			case Temp, Output, Prepared:
				words = unwritten(n)
			case Table:
				copy(words, b.Data)
			}
			m[b] = words
		}
	}
	return nil
}

// Words returns the elements of b in row-major order of its logical shape, whatever its layout.
func (m Memory) Words(b *Buffer, sizes map[string]int) []uint32 {
	var out []uint32
	m.each(b, sizes, func(w *uint32) { out = append(out, *w) })
	return out
}

// SetWords writes the elements of b from row-major order of its logical shape. It panics where their number differs.
func (m Memory) SetWords(b *Buffer, sizes map[string]int, words []uint32) {
	i := 0
	m.each(b, sizes, func(w *uint32) { *w = words[i]; i++ })
	if i != len(words) {
		panic(fmt.Sprintf("loop: %d elements for %s, which has %d", len(words), b.Name, i))
	}
}

// Floats is Words as float32.
func (m Memory) Floats(b *Buffer, sizes map[string]int) []float32 {
	words := m.Words(b, sizes)
	out := make([]float32, len(words))
	for i, w := range words {
		out[i] = math.Float32frombits(w)
	}
	return out
}

// SetFloats is SetWords from float32.
func (m Memory) SetFloats(b *Buffer, sizes map[string]int, x []float32) {
	words := make([]uint32, len(x))
	for i, v := range x {
		words[i] = math.Float32bits(v)
	}
	m.SetWords(b, sizes, words)
}

// each visits the elements of b in row-major order.
func (m Memory) each(b *Buffer, sizes map[string]int, visit func(*uint32)) {
	words := m[b.Root()]
	shape, strides := b.Cells()
	var walk func(d, at int)
	walk = func(d, at int) {
		if d == len(shape) {
			visit(&words[at])
			return
		}
		for range extent(shape[d], sizes) {
			walk(d+1, at)
			at += strides[d]
		}
	}
	walk(0, b.Offset)
}

// extent is a dimension's value.
func extent(d ir.Dim, sizes map[string]int) int {
	if d.Static() {
		return d.Size
	}
	return d.Size * sizes[d.Sym]
}

// PlannedMemory is NewMemory with the arena's buffers where f.Plan puts them, in one array: a program gives the same results in it as in
// separate storages if the plan lets no two buffers share a place while both are live. The sizes of symbols are also their largest.
func PlannedMemory(f *Func, sizes map[string]int) (Memory, error) {
	m, err := NewMemory(f, sizes)
	if err != nil {
		return nil, err
	}
	if f.Plan == nil {
		return nil, fmt.Errorf("loop: %s: there is no memory plan", f.Name)
	}
	fixed := unwritten(f.Plan.Fixed)
	scaled := map[string][]uint32{}
	for _, b := range f.Buffers {
		at, ok := f.Plan.At[b]
		if b.Alias != nil || !ok {
			continue
		}
		arena := fixed
		if s := symbol(b.Shape); s != "" {
			if scaled[s] == nil {
				scaled[s] = unwritten(f.Plan.PerExample * sizes[s])
			}
			arena = scaled[s]
			at *= sizes[s]
		}
		m[b] = arena[at : at+len(m[b])]
	}
	return m, nil
}

func unwritten(n int) []uint32 {
	words := make([]uint32, n)
	for i := range words {
		words[i] = Unwritten
	}
	return words
}
