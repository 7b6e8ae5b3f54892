package portable

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/dlc-ml/dlc/avo/vec"
)

// writer prints one function.
type writer struct {
	p        *printer
	f        *vec.Func
	ops      []vec.Op
	t        *typing
	b        strings.Builder
	names    map[string]bool
	vars     []string // of each register
	mem      []string // of each pointer: its slice, "" where nothing reads it
	off      []string // and its running offset, "" where it never moves
	declared []bool   // registers whose declaration is written
	loops    int      // open
}

// function returns the source of f.
func (p *printer) function(f *vec.Func) string {
	f = vec.Tidy(f)
	w := &writer{p: p, f: f, ops: vec.FoldPointers(f), names: map[string]bool{}}
	w.t = newTyping(w.ops, f.NumRegs())
	for _, n := range append(append([]string(nil), f.Ptrs...), f.Counts...) {
		w.names[n] = true
	}
	fmt.Fprintf(&w.b, "%sfunc %s%s {\n", f.GoComment(), f.Name, f.GoSignature())
	w.pointers()
	w.variables()
	for i := range w.ops {
		w.op(&w.ops[i])
	}
	w.b.WriteString("}\n")
	return w.b.String()
}

func (w *writer) line(format string, args ...any) { fmt.Fprintf(&w.b, format+"\n", args...) }

// fresh returns a name that no parameter has.
func (w *writer) fresh(name string) string {
	for w.names[name] {
		name += "_"
	}
	w.names[name] = true
	return name
}

// pointers declares the slices and offsets.
func (w *writer) pointers() {
	w.mem, w.off = make([]string, len(w.f.Ptrs)), make([]string, len(w.f.Ptrs))
	moved := make([]bool, len(w.f.Ptrs))
	used := make([]bool, len(w.f.Ptrs))
	for i := range w.ops {
		switch o := &w.ops[i]; {
		case o.Code == vec.AddPtr:
			moved[o.Ptr] = true
		case o.Code.Loads() || o.Code.Stores():
			used[o.Ptr] = true
		}
	}
	for i, name := range w.f.Ptrs {
		if !used[i] {
			continue
		}
		w.p.unsafe = true
		w.mem[i] = w.fresh(fmt.Sprintf("s%d", i))
		n := strconv.Itoa(w.f.Reach[i].Fixed)
		plain := true
		for c, per := range w.f.Reach[i].PerCount {
			if per != 0 {
				n += fmt.Sprintf("+(%s-1)*%d", w.f.Counts[c], per)
				plain = false
			}
		}
		if !plain {
			n = "max(0, " + n + ")"
		}
		w.line("%s := unsafe.Slice(%s, %s)", w.mem[i], name, n)
		if moved[i] {
			w.off[i] = w.fresh(fmt.Sprintf("i%d", i))
			w.line("%s := 0", w.off[i])
		}
	}
}

// variables names the registers, and declares up here those that a place outside their first verb's loop reads or writes too.
func (w *writer) variables() {
	n := w.f.NumRegs() + 1
	w.vars, w.declared = make([]string, n), make([]bool, n)
	outside := make([]bool, n)
	scope := make([]int, n) // loop, by its place in order, of the first verb
	for r := range w.vars {
		w.vars[r] = w.fresh(fmt.Sprintf("v%d", r))
		scope[r] = -1
	}
	open := map[int]bool{0: true}
	stack := []int{0}
	next := 0
	for i := range w.ops {
		o := &w.ops[i]
		switch o.Code {
		case vec.LoopBegin:
			next++
			stack = append(stack, next)
			open[next] = true
			continue
		case vec.LoopEnd:
			delete(open, stack[len(stack)-1])
			stack = stack[:len(stack)-1]
			continue
		}
		refs := o.Reads(nil)
		if o.Code.Writes() {
			refs = append(refs, o.D)
		}
		for _, r := range refs {
			switch {
			case scope[r] < 0:
				scope[r] = stack[len(stack)-1]
			case !open[scope[r]]:
				outside[r] = true
			}
		}
	}
	for r := range w.vars {
		if _, ok := w.t.constants[vec.Reg(r)]; !ok && scope[r] >= 0 && outside[r] {
			w.line("var %s %s", w.vars[r], w.t.kinds[r])
			w.declared[r] = true
		}
	}
}

// as returns an expression for r of kind k.
func (w *writer) as(r vec.Reg, k kind) string {
	if bits, ok := w.t.constants[r]; ok {
		return w.literal(bits, k)
	}
	return w.convert(w.vars[r], w.t.kinds[r], k)
}

// convert returns expression x of one kind as another.
func (w *writer) convert(x string, from, to kind) string {
	switch {
	case from == to:
		return x
	case from == f32 && to == u32:
		w.p.math = true
		return "math.Float32bits(" + x + ")"
	case from == u32 && to == f32:
		w.p.math = true
		return "math.Float32frombits(" + x + ")"
	case to == mask:
		return "(" + w.convert(x, from, u32) + " != 0)"
	}
	return w.convert("mask("+x+")", u32, to)
}

func (w *writer) literal(bits uint32, k kind) string {
	switch k {
	case u32:
		return fmt.Sprintf("uint32(%#x)", bits)
	case mask:
		return strconv.FormatBool(bits != 0)
	}
	x := math.Float32frombits(bits)
	if bits == 1<<31 || x != x || math.IsInf(float64(x), 0) {
		w.p.math = true
		return fmt.Sprintf("math.Float32frombits(%#x)", bits)
	}
	return "float32(" + strconv.FormatFloat(float64(x), 'g', -1, 32) + ")"
}

// set writes D = x, where x is an expression of kind k.
func (w *writer) set(o *vec.Op, x string, k kind) {
	x = w.convert(x, k, w.t.kinds[o.D])
	if w.declared[o.D] {
		w.line("%s = %s", w.vars[o.D], x)
		return
	}
	w.declared[o.D] = true
	w.line("%s := %s", w.vars[o.D], x)
}

// declare makes sure that D exists before a statement that sets it in one of several places.
func (w *writer) declare(o *vec.Op) {
	if !w.declared[o.D] {
		w.declared[o.D] = true
		w.line("var %s %s", w.vars[o.D], w.t.kinds[o.D])
	}
}

// element returns the expression for the element at o's memory, i elements on.
func (w *writer) element(o *vec.Op, i int) string {
	at := o.Disp/4 + i
	off := w.off[o.Ptr]
	if x, ok := o.Index(); ok {
		if off != "" {
			off += "+"
		}
		off += "int(" + w.as(x, u32) + ")"
	}
	switch {
	case off == "":
		return fmt.Sprintf("%s[%d]", w.mem[o.Ptr], at)
	case at == 0:
		return fmt.Sprintf("%s[%s]", w.mem[o.Ptr], off)
	default:
		return fmt.Sprintf("%s[%s%+d]", w.mem[o.Ptr], off, at)
	}
}
