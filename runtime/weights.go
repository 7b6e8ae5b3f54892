package runtime

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"unsafe"
)

// newArena returns zeros for n elements that kernels may work on, with slack behind them.
func newArena(n int) []float32 { return alignedFloats(n + slack)[:n] }

// elems returns the number of elements of the parameter, padding not counted.
func (p *paramInfo) elems() int {
	n := 1
	for _, d := range p.shape {
		n *= d
	}
	return n
}

// walk calls visit for every row of the last axis, or for every panel's part of it, in row-major order: at is where it starts in the arena, step the
// distance of its elements, n their number. A scalar is one row of one.
func (p *paramInfo) walk(visit func(at, step, n int)) {
	rank := len(p.shape)
	if rank == 0 {
		visit(p.offset, 1, 1)
		return
	}
	if p.elems() == 0 {
		return
	}
	index := make([]int, rank-1)
	at := p.offset
	for {
		if p.panel == 0 {
			visit(at, p.strides[rank-1], p.shape[rank-1])
		} else {
			for i := range p.shape[rank-1] / p.panel {
				visit(at+i*p.strides[rank-1], 1, p.panel)
			}
		}
		d := rank - 2
		for ; d >= 0; d-- {
			at += p.strides[d]
			if index[d]++; index[d] < p.shape[d] {
				break
			}
			at -= index[d] * p.strides[d]
			index[d] = 0
		}
		if d < 0 {
			return
		}
	}
}

// pack writes the parameter's elements, in row-major order, to their places in an arena.
func (p *paramInfo) pack(arena, elements []float32) {
	p.walk(func(at, step, n int) {
		for i, v := range elements[:n] {
			arena[at+i*step] = v
		}
		elements = elements[n:]
	})
}

// unpack reads the parameter's elements in row-major order.
func (p *paramInfo) unpack(elements, arena []float32) {
	p.walk(func(at, step, n int) {
		for i := range elements[:n] {
			elements[i] = arena[at+i*step]
		}
		elements = elements[n:]
	})
}

// finite reports whether no parameter that training changes is infinite or NaN: what is trained, and running statistics. What the model
// declares beside them keeps what it was given.
func (m *modelInfo) finite(arena []float32) bool {
	for i := range m.params {
		p := &m.params[i]
		if !p.trainable && !p.running {
			continue
		}
		ok := true
		p.walk(func(at, step, n int) {
			for k := range n {
				v := arena[at+k*step]
				ok = ok && v-v == 0
			}
		})
		if !ok {
			return false
		}
	}
	return true
}

// Embedded weights are the bytes of a safetensors file, or packed: a head of 64 bytes, the arena as little-endian float32 exactly as it
// lies in memory, and slack zeros. Packed weights are used where they are.
const (
	packedMagic = "dlcpack1" // then the number of arena elements as a little-endian uint64, then zeros
	packedHead  = 64
)

// embeddedWeights returns the arena of embedded weights.
func embeddedWeights(m *modelInfo, blob string) ([]float32, error) {
	if blob == "" {
		return nil, fmt.Errorf("%s: this package was built without weights: train it and build it again, or use Load", m.name)
	}
	if !strings.HasPrefix(blob, packedMagic) {
		return decodeWeights(m, "embedded weights of "+m.name, strings.NewReader(blob), int64(len(blob)))
	}
	want := packedHead + 4*(m.arena+slack)
	if len(blob) != want || binary.LittleEndian.Uint64([]byte(blob[8:16])) != uint64(m.arena) {
		return nil, fmt.Errorf("%s: embedded weights have %d bytes, not %d: weights and code are of two builds", m.name, len(blob), want)
	}
	body := blob[packedHead:]
	data := unsafe.StringData(body)
	if littleEndian() && uintptr(unsafe.Pointer(data))%4 == 0 {
		return unsafe.Slice((*float32)(unsafe.Pointer(data)), m.arena+slack)[:m.arena], nil
	}
	arena := newArena(m.arena)
	for i := range arena {
		arena[i] = math.Float32frombits(binary.LittleEndian.Uint32([]byte(body[4*i : 4*i+4])))
	}
	return arena, nil
}

// littleEndian reports the byte order of this machine.
func littleEndian() bool {
	var b [2]byte
	binary.NativeEndian.PutUint16(b[:], 1)
	return b[0] == 1
}
