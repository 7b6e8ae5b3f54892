package neon

import (
	"fmt"
	"strings"

	"github.com/dlc-ml/dlc/avo/vec"
)

// frame is the bytes of stack that each kernel claims. A function with a frame of more than a few bytes checks its stack when it
// is called, which makes each call a point where the scheduler and the garbage collector can stop it.
const frame = 128

// General registers: those for pointers and counters, then one for a pointer that lies in memory, one for an address made from an index, and one
// for the address of a single lane. R18 belongs to the platform, R27 to the assembler, R28 to R30 to Go.
var general = []string{"R0", "R1", "R2", "R3", "R4", "R5", "R6", "R7", "R8", "R9", "R10", "R11", "R12", "R13", "R14", "R15", "R16", "R17",
	"R19", "R20", "R21", "R22", "R23"}

const (
	spare   = "R24"
	indexed = "R25"
	scratch = "R26"
)

// writer writes one function.
type writer struct {
	f    *vec.Func
	b    strings.Builder
	ops  []vec.Op
	part []part
	err  error

	ptr     []string // of each pointer: its register, or "" where it stays in its argument slot
	home    []string // argument slot of each pointer
	count   []string // argument slot of each count
	counter []string // of the loops at each depth: a register, or "" where it lies in the frame
	open    int      // loops
}

// function returns the text of f.
func function(f *vec.Func) (string, error) {
	w := &writer{f: f, ops: vec.FoldPointers(f)}
	for i, p := range append(append([]string(nil), f.Ptrs...), f.Counts...) {
		slot := fmt.Sprintf("%s+%d(FP)", p, 8*i)
		if i < len(f.Ptrs) {
			w.home = append(w.home, slot)
		} else {
			w.count = append(w.count, slot)
		}
	}
	w.part = join(w.ops, f.NumRegs())
	w.assign()
	fmt.Fprintf(&w.b, "// func %s%s\nTEXT ·%s(SB), $%d-%d\n", f.Name, f.GoSignature(), f.Name, frame+16*f.Slots, 8*(len(f.Ptrs)+len(f.Counts)))
	for line := range strings.Lines(f.Doc) {
		w.b.WriteString("\t// " + strings.TrimRight(line, "\n") + "\n")
	}
	w.body()
	if w.err != nil {
		return "", fmt.Errorf("%s: %w", f.Name, w.err)
	}
	return w.b.String(), nil
}

func (w *writer) fail(format string, args ...any) {
	if w.err == nil {
		w.err = fmt.Errorf(format, args...)
	}
}

// line writes an instruction that Go's assembler knows.
func (w *writer) line(format string, args ...any) { fmt.Fprintf(&w.b, "\t"+format+"\n", args...) }

// word writes one that it does not know. Registers are physical.
func (w *writer) word(i word, operands ...int) {
	bits, text := i.encode(operands...)
	w.line("WORD $0x%08x // %s", bits, text)
}

// v is the number of a register.
func v(r vec.Reg) int { return int(r) - 1 }

// assign hands out the general registers: to the loops and pointers that the code meets most often.
func (w *writer) assign() {
	claims := vec.Claims(w.f, w.ops)
	w.ptr = make([]string, len(w.f.Ptrs))
	for i, c := range claims {
		r := ""
		if i < len(general) {
			r = general[i]
		}
		if c.Ptr >= 0 {
			w.ptr[c.Ptr] = r
			continue
		}
		for len(w.counter) <= c.Depth {
			w.counter = append(w.counter, "")
		}
		w.counter[c.Depth] = r
	}
	if most := frame/8 - 1; len(w.counter) > most {
		w.fail("%d loops stand inside each other; at most %d can", len(w.counter), most)
	}
}

// body writes the instructions.
func (w *writer) body() {
	for i, r := range w.ptr {
		if r != "" {
			w.line("MOVD %s, %s", w.home[i], r)
		}
	}
	for i := range w.ops {
		o := &w.ops[i]
		switch o.Code {
		case vec.LoopBegin:
			w.begin(o)
		case vec.LoopEnd:
			w.end(o)
		case vec.AddPtr:
			w.move(o)
		default:
			emit := parts[w.part[i]][o.Code]
			if emit == nil {
				w.fail("no instruction for %s", o.Code)
				return
			}
			emit(w, o)
		}
		if w.err != nil {
			return
		}
	}
	w.line("RET")
}

// The frame: the return address at 0(RSP), the counters that have no register, the values that have none.
func counterSlot(depth int) string { return fmt.Sprintf("%d(RSP)", 8+8*depth) }
func spilled(n int) string         { return fmt.Sprintf("%d(RSP)", frame+16*n) }

// begin opens a loop. Loops that a caller's count of 0 skips get a label behind their end.
func (w *writer) begin(o *vec.Op) {
	r := w.counter[w.open]
	if r == "" {
		r = scratch
	}
	if o.Count.Param < 0 {
		w.line("MOVD $%d, %s", o.Count.N, r)
	} else {
		w.line("MOVD %s, %s", w.count[o.Count.Param], r)
		w.line("CMP $0, %s", r)
		w.line("BLE end%d", o.ID)
	}
	if w.counter[w.open] == "" {
		w.line("MOVD %s, %s", r, counterSlot(w.open))
	}
	w.open++
	fmt.Fprintf(&w.b, "\nloop%d:\n", o.ID)
}

func (w *writer) end(o *vec.Op) {
	w.open--
	if r := w.counter[w.open]; r != "" {
		w.line("SUBS $1, %s, %s", r, r)
	} else {
		w.line("MOVD %s, %s", counterSlot(w.open), scratch)
		w.line("SUBS $1, %s, %s", scratch, scratch)
		w.line("MOVD %s, %s", scratch, counterSlot(w.open))
	}
	w.line("BNE loop%d", o.ID)
	if o.Count.Param >= 0 {
		fmt.Fprintf(&w.b, "\nend%d:\n", o.ID)
	}
}

// move writes an AddPtr.
func (w *writer) move(o *vec.Op) {
	p := w.ptr[o.Ptr]
	if p == "" {
		p = spare
		w.line("MOVD %s, %s", w.home[o.Ptr], p)
	}
	switch {
	case o.K == 1:
		w.line("MOVD %s, %s", w.count[o.Count.Param], indexed)
		w.line("MOVD $%d, %s", o.Disp, scratch)
		w.line("MADD %s, %s, %s, %s", indexed, p, scratch, p)
	case o.Disp < 0:
		w.line("SUB $%d, %s", -o.Disp, p)
	default:
		w.line("ADD $%d, %s", o.Disp, p)
	}
	if w.ptr[o.Ptr] == "" {
		w.line("MOVD %s, %s", p, w.home[o.Ptr])
	}
}

// base returns the register that o's memory is counted from, the run-time index of the verb included.
func (w *writer) base(o *vec.Op) string {
	p := w.ptr[o.Ptr]
	if p == "" {
		p = spare
		w.line("MOVD %s, %s", w.home[o.Ptr], p)
	}
	if x, ok := o.Index(); ok {
		w.line("VMOV V%d.S[0], %s", v(x), indexed)
		w.line("ADD %s<<2, %s, %s", indexed, p, indexed)
		p = indexed
	}
	return p
}

// address puts the address off bytes behind o's start into a register and returns it.
func (w *writer) address(o *vec.Op, base string, off int) string {
	switch d := o.Disp + off; {
	case d == 0:
		return base
	case d < 0:
		w.line("SUB $%d, %s, %s", -d, base, scratch)
	default:
		w.line("ADD $%d, %s, %s", d, base, scratch)
	}
	return scratch
}
