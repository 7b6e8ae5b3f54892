package x86

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/mmcloughlin/avo/gotypes"
	"github.com/mmcloughlin/avo/ir"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
	"github.com/mmcloughlin/avo/x86"

	"github.com/dlc-ml/dlc/avo/vec"
)

// frame is the bytes of stack that each kernel claims. A function with a frame of more than a few bytes checks its stack when it
// is called, which makes each call a point where the scheduler and the garbage collector can stop it.
const frame = 128

// writer writes one function.
type writer struct {
	f    *vec.Func
	set  *isa
	fn   *ir.Function
	data *constants
	ops  []vec.Op
	fold []folded
	err  error

	ptr     []reg.GPPhysical // of each pointer, or nil where it stays in its argument slot
	home    []operand.Mem    // argument slot of each pointer
	count   []operand.Mem    // argument slot of each count
	counter []reg.GPPhysical // of the loops at each depth, or nil where it lies in the frame
	spare   reg.GPPhysical   // for pointers and counters in memory, where there are any
	slots   reg.GPPhysical   // where values without a register lie, if there are any
	index   reg.GPPhysical   // for the index of an access, where some have one
	cached  vec.Ptr          // the pointer that spare holds, or -1
	open    []int            // LoopBegin of each open loop
	memory  operand.Op       // the operand of the verb at hand that is folded into it, or nil
	folded  vec.Reg          // the register it stands for
	splat   bool             // the folded operand is one element, for every lane
	verb    int              // the verb at hand
	width   int              // lanes that it works on: the target's, or fewer
	mask    opmasks
}

// general is the registers for pointers and counters. R14 and R15 belong to Go, BP to the profilers that walk frames.
var general = []reg.GPPhysical{reg.RAX, reg.RBX, reg.RCX, reg.RDX, reg.RSI, reg.RDI, reg.R8, reg.R9, reg.R10, reg.R11, reg.R12, reg.R13}

// function writes f.
func function(f *vec.Func, set *isa, data *constants) (*ir.Function, error) {
	w := &writer{f: f, set: set, fn: ir.NewFunction(f.Name), data: data, cached: -1}
	s, err := gotypes.ParseSignature("func" + f.GoSignature())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.Name, err)
	}
	w.fn.SetSignature(s)
	w.fn.AllocLocal(frame)
	if f.Slots > 0 {
		w.fn.AllocLocal((f.Slots + 1) * 4 * f.Target.Lanes)
	}
	slot := func(name string) operand.Mem {
		p, err := s.Params().Lookup(name).Resolve()
		if err != nil {
			w.fail(err)
			return operand.Mem{}
		}
		return p.Addr
	}
	for _, p := range f.Ptrs {
		w.home = append(w.home, slot(p))
	}
	for _, c := range f.Counts {
		w.count = append(w.count, slot(c))
	}
	w.ops = vec.FoldPointers(f)
	sole := vec.SoleReads(w.ops, f.NumRegs())
	w.fold = foldLoads(w, sole)
	w.assign()
	if set.opmasks {
		w.mask.plan(w, sole)
	}
	if f.Doc != "" {
		w.fn.AddComment(strings.Split(strings.TrimRight(f.Doc, "\n"), "\n")...)
	}
	w.body()
	if w.err != nil {
		return nil, fmt.Errorf("%s: %w", f.Name, w.err)
	}
	return w.fn, nil
}

func (w *writer) fail(err error) {
	if w.err == nil {
		w.err = err
	}
}

// add appends an instruction, after a look at what it needs.
func (w *writer) add(i *ir.Instruction, err error) {
	if err != nil {
		w.fail(err)
		return
	}
	needs := i.ISA
	for _, r := range i.Registers() {
		// Registers from 16 on exist under AVX-512 only; avo takes them for any instruction.
		p, ok := r.(reg.VecPhysical)
		if !ok || int(p.PhysicalIndex()) < 16 {
			continue
		}
		if int(p.PhysicalIndex()) >= w.set.vectors {
			w.fail(fmt.Errorf("%s uses %s, which %s does not have", i.Opcode, p.Asm(), w.f.Target.Name))
		}
		if p.Size() < 64 {
			needs = append(slices.Clone(needs), "AVX512VL")
		}
	}
	for _, need := range needs {
		if !slices.Contains(w.set.allowed, need) {
			w.fail(fmt.Errorf("%s needs %s, which is not part of %s", i.Opcode, need, w.f.Target.Name))
		}
		if !slices.Contains(w.fn.ISA, need) {
			w.fn.ISA = append(w.fn.ISA, need)
			slices.Sort(w.fn.ISA)
		}
	}
	w.fn.AddInstruction(i)
}

// assign hands out the general registers: to the loops and pointers that the code meets most often.
func (w *writer) assign() {
	all, depths := vec.Claims(w.f, w.ops), 0
	for _, c := range all {
		depths = max(depths, c.Depth+1)
	}
	w.ptr = make([]reg.GPPhysical, len(w.f.Ptrs))
	w.counter = make([]reg.GPPhysical, depths)
	indexed := slices.ContainsFunc(w.ops, func(o vec.Op) bool { _, ok := o.Index(); return ok })
	free := general
	if indexed {
		w.index, free = free[len(free)-1], free[:len(free)-1]
	}
	if w.f.Slots > 0 {
		w.slots, free = free[len(free)-1], free[:len(free)-1]
	}
	if len(all) > len(free) {
		w.spare, free = free[0], free[1:]
	}
	for _, c := range all[:min(len(all), len(free))] {
		if c.Ptr >= 0 {
			w.ptr[c.Ptr] = free[0]
		} else {
			w.counter[c.Depth] = free[0]
		}
		free = free[1:]
	}
	if 8*depths > frame {
		w.fail(fmt.Errorf("%d loops stand inside each other; at most %d can", depths, frame/8))
	}
}

// body writes the instructions.
func (w *writer) body() {
	for i, r := range w.ptr {
		if r != nil {
			w.add(x86.MOVQ(w.home[i], r))
		}
	}
	if w.slots != nil {
		// The stack is aligned to 8 bytes. A value that crosses a cache line takes long to come back.
		size := 4 * w.f.Target.Lanes
		w.add(x86.LEAQ(operand.NewStackAddr(frame+size-1), w.slots))
		w.add(x86.ANDQ(operand.I8(-size), w.slots))
	}
	w.mask.prologue(w)
	for i := range w.ops {
		o := w.ops[i]
		switch o.Code {
		case vec.LoopBegin:
			w.begin(i, &o)
		case vec.LoopEnd:
			w.end(&o)
		case vec.AddPtr:
			w.move(&o)
		default:
			if w.fold[i].gone {
				continue
			}
			emit := w.set.emit[o.Code]
			if emit == nil {
				w.fail(fmt.Errorf("no instruction for %s", o.Code))
				return
			}
			w.use(i, &o)
			emit(w, &o)
		}
		if w.err != nil {
			return
		}
	}
	w.add(x86.VZEROUPPER())
	w.add(x86.RET())
}

// slot is where the counter of a loop depth lies in the frame.
func slot(depth int) operand.Mem { return operand.NewStackAddr(8 * depth) }

// spilled is where a value without a register lies: behind the counters, from a multiple of its size on.
func (w *writer) spilled(n int) operand.Mem {
	return operand.Mem{Base: w.slots, Disp: n * 4 * w.f.Target.Lanes}
}

// begin opens a loop. Loops that a caller's count of 0 skips get a label behind their end.
func (w *writer) begin(at int, o *vec.Op) {
	depth := len(w.open)
	var c operand.Op = slot(depth)
	if r := w.counter[depth]; r != nil {
		c = r
	}
	if o.Count.Param < 0 {
		w.add(x86.MOVQ(operand.U32(uint32(o.Count.N)), c))
	} else {
		r := w.counter[depth]
		if r == nil {
			r, w.cached = w.spare, -1
		}
		w.add(x86.MOVQ(w.count[o.Count.Param], r))
		w.add(x86.TESTQ(r, r))
		w.add(x86.JLE(operand.LabelRef(fmt.Sprintf("end%d", o.ID))))
		if w.counter[depth] == nil {
			w.add(x86.MOVQ(r, c))
		}
	}
	w.open = append(w.open, at)
	w.cached = -1
	w.mask.made = 0
	w.fn.AddLabel(ir.Label(fmt.Sprintf("loop%d", o.ID)))
}

func (w *writer) end(o *vec.Op) {
	w.open = w.open[:len(w.open)-1]
	var c operand.Op = slot(len(w.open))
	if r := w.counter[len(w.open)]; r != nil {
		c = r
	}
	w.add(x86.DECQ(c))
	w.add(x86.JNE(operand.LabelRef(fmt.Sprintf("loop%d", o.ID))))
	w.cached = -1
	w.mask.made = 0
	if o.Count.Param >= 0 {
		w.fn.AddLabel(ir.Label(fmt.Sprintf("end%d", o.ID)))
	}
}

// move writes an AddPtr.
func (w *writer) move(o *vec.Op) {
	var p operand.Op = w.home[o.Ptr]
	if r := w.ptr[o.Ptr]; r != nil {
		p = r
	}
	if w.cached == o.Ptr {
		w.cached = -1
	}
	if o.Disp != int(int32(o.Disp)) {
		w.fail(fmt.Errorf("%s moves by %d bytes, more than an instruction holds", w.f.Ptrs[o.Ptr], o.Disp))
		return
	}
	if o.K == 1 {
		// The counter of the loop just closed is free.
		r := w.counter[len(w.open)]
		if r == nil {
			r, w.cached = w.spare, -1
		}
		w.add(x86.MOVQ(w.count[o.Count.Param], r))
		w.add(x86.IMUL3Q(operand.I32(int32(o.Disp)), r, r))
		w.add(x86.ADDQ(r, p))
		return
	}
	if o.Disp < 0 && o.Disp > math.MinInt32 {
		w.add(x86.SUBQ(operand.U32(uint32(-o.Disp)), p))
		return
	}
	w.add(x86.ADDQ(operand.I32(int32(o.Disp)), p))
}

// at returns the memory o works on, off bytes behind its start.
func (w *writer) at(o *vec.Op, off int) operand.Mem {
	base := w.ptr[o.Ptr]
	if base == nil {
		if base = w.spare; w.cached != o.Ptr {
			w.add(x86.MOVQ(w.home[o.Ptr], base))
			w.cached = o.Ptr
		}
	}
	d := o.Disp + off
	if d != int(int32(d)) {
		w.fail(fmt.Errorf("an access lies %d bytes from %s, more than an instruction holds", d, w.f.Ptrs[o.Ptr]))
	}
	m := operand.Mem{Base: base, Disp: d}
	if _, ok := o.Index(); ok {
		// The index was moved by a 32-bit instruction, which clears the upper half.
		m.Index, m.Scale = w.index, 4
	}
	return m
}
