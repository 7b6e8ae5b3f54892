// Package interp runs kernels of the vector machine on any host and at any width, one lane at a time. It says what each verb means:
// the other back ends are tested against it bit for bit.
package interp

import (
	"fmt"
	"math"

	"github.com/dlc-ml/dlc/avo/vec"
)

// Memory is what one pointer parameter points at: the kernel may touch Data[At:], as far as its reach says.
type Memory struct {
	Data []float32
	At   int
}

// Slices makes the memory of pointers that each point at the start of a slice.
func Slices(data ...[]float32) []Memory {
	m := make([]Memory, len(data))
	for i, d := range data {
		m[i].Data = d
	}
	return m
}

// Run runs f, allocated or not. An access outside a pointer's reach or memory, a negative count, or a pointer that a loop did not bring back
// is an error; so is a function that Verify refuses. A function without reaches may touch all of its memory.
func Run(f *vec.Func, mem []Memory, counts []int) error {
	if err := f.Verify(); err != nil {
		return err
	}
	if len(mem) != len(f.Ptrs) || len(counts) != len(f.Counts) {
		return fmt.Errorf("%s: %d pointers and %d counts for %d and %d", f.Name, len(mem), len(counts), len(f.Ptrs), len(f.Counts))
	}
	for i, c := range counts {
		if c < 0 {
			return fmt.Errorf("%s: %s is %d", f.Name, f.Counts[i], c)
		}
	}
	m := &machine{f: f, lanes: f.Target.Lanes, mem: mem, counts: counts, at: make([]int, len(mem)), reach: make([]int, len(mem))}
	for i := range mem {
		m.reach[i] = len(mem[i].Data) - mem[i].At
		if f.Reach != nil {
			m.reach[i] = f.Elements(vec.Ptr(i), counts)
		}
	}
	m.regs = make([][]uint32, f.NumRegs()+1)
	for i := range m.regs {
		m.regs[i] = make([]uint32, m.lanes)
	}
	m.slots = make([][]uint32, f.Slots)
	if err := m.run(); err != nil {
		return fmt.Errorf("%s: %w", f.Name, err)
	}
	return nil
}

// machine is a running kernel.
type machine struct {
	f      *vec.Func
	lanes  int
	mem    []Memory
	counts []int
	at     []int // elements by which each pointer has moved
	reach  []int
	regs   [][]uint32
	slots  [][]uint32
}

// turn is an open loop.
type turn struct {
	begin, left int
	total       int
}

func (m *machine) run() error {
	ends := ends(m.f.Ops)
	var loops []turn
	for pc := 0; pc < len(m.f.Ops); pc++ {
		o := &m.f.Ops[pc]
		switch o.Code {
		case vec.LoopBegin:
			n := o.Count.N
			if o.Count.Param >= 0 {
				n = m.counts[o.Count.Param]
			}
			if n == 0 {
				pc = ends[pc]
				continue
			}
			loops = append(loops, turn{pc, n, n})
		case vec.LoopEnd:
			t := &loops[len(loops)-1]
			for _, b := range o.Bumps {
				m.at[b.Ptr] += b.Bytes / 4
			}
			if t.left--; t.left > 0 {
				pc = t.begin
				continue
			}
			for _, b := range o.Bumps {
				m.at[b.Ptr] -= t.total * b.Bytes / 4
			}
			loops = loops[:len(loops)-1]
		case vec.AddPtr:
			m.at[o.Ptr] += o.Disp / 4
		default:
			if err := m.step(o); err != nil {
				return fmt.Errorf("verb %d, %s: %w", pc, o.Code, err)
			}
		}
	}
	return nil
}

// ends gives the LoopEnd of each LoopBegin.
func ends(ops []vec.Op) map[int]int {
	e := map[int]int{}
	var open []int
	for i := range ops {
		switch ops[i].Code {
		case vec.LoopBegin:
			open = append(open, i)
		case vec.LoopEnd:
			e[open[len(open)-1]] = i
			open = open[:len(open)-1]
		}
	}
	return e
}

// element returns the place of element i of an access.
func (m *machine) element(o *vec.Op, i int) (*float32, error) {
	e := m.at[o.Ptr] + o.Disp/4 + i
	if x, ok := o.Index(); ok {
		e += int(m.regs[x][0])
	}
	if e < 0 || e >= m.reach[o.Ptr] {
		return nil, fmt.Errorf("element %d of %s is outside its reach of %d", e, m.f.Ptrs[o.Ptr], m.reach[o.Ptr])
	}
	at := e + m.mem[o.Ptr].At
	if at < 0 || at >= len(m.mem[o.Ptr].Data) {
		return nil, fmt.Errorf("element %d of %s is outside its memory", e, m.f.Ptrs[o.Ptr])
	}
	return &m.mem[o.Ptr].Data[at], nil
}

func (m *machine) step(o *vec.Op) error {
	switch o.Code {
	case vec.Prefetch:
		return nil
	case vec.Spill:
		m.slots[o.N] = m.regs[o.A] // a register that is written gets new lanes
		return nil
	case vec.Reload:
		if m.slots[o.N] == nil {
			return fmt.Errorf("slot %d is read before it is written", o.N)
		}
		m.regs[o.D] = m.slots[o.N]
		return nil
	}
	if o.Code.Loads() {
		return m.load(o)
	}
	if o.Code.Stores() {
		return m.store(o)
	}
	d := make([]uint32, m.lanes)
	a, b, c, acc := m.regs[o.A], m.regs[o.B], m.regs[o.C], m.regs[o.D]
	for i := range d {
		switch o.Code {
		case vec.Low:
			d[i] = b[i]
			if i < o.N {
				d[i] = a[i]
			}
		case vec.Fold:
			// The other lanes hold what no kernel may rely on.
			d[i] = 0x7fc0dead
			if i < o.N {
				d[i] = a[i+o.N]
			}
		case vec.Iota:
			d[i] = uint32(i)
		case vec.Fma, vec.Fnma:
			d[i] = Lane(o, a[i], b[i], acc[i])
		default:
			d[i] = Lane(o, a[i], b[i], c[i])
		}
	}
	m.set(o, d)
	return nil
}

// set writes the result of a verb. Lanes that nothing reads hold what no kernel may rely on.
func (m *machine) set(o *vec.Op, d []uint32) {
	if o.Need > 0 {
		for i := o.Need; i < len(d); i++ {
			d[i] = 0x7fc0beef
		}
	}
	m.regs[o.D] = d
}

func (m *machine) load(o *vec.Op) error {
	d := make([]uint32, m.lanes)
	stride, n := 1, m.lanes
	switch o.Code {
	case vec.LoadPart, vec.LoadAt:
		n = o.N
	case vec.LoadStride:
		stride = o.N
	case vec.LoadStridePart:
		stride, n = o.N, o.K
	case vec.Splat, vec.SplatAt:
		stride = 0
	}
	for i := range n {
		e, err := m.element(o, i*stride)
		if err != nil {
			return err
		}
		d[i] = math.Float32bits(*e)
	}
	m.set(o, d)
	return nil
}

func (m *machine) store(o *vec.Op) error {
	stride, n := 1, m.lanes
	switch o.Code {
	case vec.StorePart, vec.StoreAt:
		n = o.N
	case vec.StoreStride:
		stride, n = o.N, o.K
	case vec.StoreZip:
		stride = 2
	}
	for i := range n {
		e, err := m.element(o, i*stride)
		if err != nil {
			return err
		}
		*e = math.Float32frombits(m.regs[o.A][i])
		if o.Code == vec.StoreZip {
			if e, err = m.element(o, i*stride+1); err != nil {
				return err
			}
			*e = math.Float32frombits(m.regs[o.B][i])
		}
	}
	return nil
}
