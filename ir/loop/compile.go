package loop

import (
	"github.com/dlc-ml/dlc/ir"
)

// The interpreter turns the expressions of a nest into straight code over numbered words, so that a shared node is computed once.

// machine runs one function.
type machine struct {
	sizes map[string]int
	mem   Memory
	idx   []int // the values of the axes: steps, parallel, reduction
}

// instr computes one node into a word.
type instr struct {
	code    Code
	typ     ir.DType // of the operands
	dst     int
	a, b, c int
	ref     *ref   // of a Load
	lin     linear // of an Index
}

// linear is at + Σ coef*value of an axis.
type linear struct {
	at    int
	terms []Term
}

// ref is an access by address.
type ref struct {
	words []uint32
	lin   linear
	dyn   []dynamic
	// Of a buffer in panels, the index of the last axis, the width of a panel and the distance of one from the next.
	panel            linear
	inPanel, toPanel int
}

// dynamic is a dimension whose index is in part computed.
type dynamic struct {
	lin    linear
	word   int // the computed part
	last   int // greatest index
	stride int
}

func (l linear) value(idx []int) int {
	n := l.at
	for _, t := range l.terms {
		n += t.Coef * idx[t.Axis]
	}
	return n
}

// address is the element that r names, within its storage because computed indices are clamped and others checked by Verify.
func (r *ref) address(idx []int, words []uint32) int {
	at := r.lin.value(idx)
	if r.inPanel > 0 {
		i := r.panel.value(idx)
		at += i/r.inPanel*r.toPanel + i%r.inPanel
	}
	for _, d := range r.dyn {
		i := d.lin.value(idx) + int(int32(words[d.word]))
		at += min(max(i, 0), d.last) * d.stride
	}
	return at
}

// code is straight code and the words it works on. Words are numbered over all code of a nest.
type code struct{ list []instr }

// compiler makes the code of one nest.
type compiler struct {
	m     *machine
	words []uint32 // constants in place
	at    map[*Expr]int
	acc   int // the word of the folded value
}

func (c *compiler) word() int {
	c.words = append(c.words, 0)
	return len(c.words) - 1
}

// expr appends code for e to list and returns the word of its value.
func (c *compiler) expr(list *code, e *Expr) int {
	if w, ok := c.at[e]; ok {
		return w
	}
	in := instr{code: e.Code, typ: e.Type}
	var args [3]int
	for i, a := range e.Args {
		args[i] = c.expr(list, a)
		if i == 0 {
			in.typ = a.Type
		}
	}
	in.a, in.b, in.c = args[0], args[1], args[2]
	switch e.Code {
	case Acc:
		return c.acc
	case Load:
		in.ref = c.access(list, e.From)
	case Index:
		in.lin = linear{e.Idx.Const, e.Idx.Terms}
	}
	in.dst = c.word()
	c.at[e] = in.dst
	if e.Code == Const {
		c.words[in.dst] = e.Bits
		return in.dst
	}
	list.list = append(list.list, in)
	return in.dst
}

// access flattens an access; its computed indices go to list.
func (c *compiler) access(list *code, a Access) *ref {
	b := a.Buf
	r := &ref{words: c.m.mem[b.Root()]}
	flat := At(b.Offset)
	for i, ix := range a.Index {
		if i < len(a.Dyn) && a.Dyn[i] != nil {
			w := c.expr(list, a.Dyn[i])
			r.dyn = append(r.dyn, dynamic{linear{ix.Const, ix.Terms}, w, extent(b.Shape[i], c.m.sizes) - 1, b.Strides[i]})
			continue
		}
		if b.Panel > 0 && i == len(b.Shape)-1 {
			r.panel, r.inPanel = linear{ix.Const, ix.Terms}, b.Panel
			r.toPanel = b.Strides[i]
			continue
		}
		flat.Const += ix.Const * b.Strides[i]
		for _, t := range ix.Terms {
			flat = flat.Plus(t.Axis, t.Coef*b.Strides[i], 0)
		}
	}
	r.lin = linear{flat.Const, flat.Terms}
	return r
}

// fork returns a compiler that shares no values with c but the words: for code that runs at other times.
func (c *compiler) fork() *compiler {
	return &compiler{m: c.m, words: c.words, at: map[*Expr]int{}, acc: c.acc}
}
