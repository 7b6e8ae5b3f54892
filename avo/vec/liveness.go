package vec

import "math/bits"

// bitset is a set of small numbers.
type bitset []uint64

func newBitset(n int) bitset { return make(bitset, (n+64)/64) }

func (s bitset) has(i int) bool { return s[i>>6]&(1<<(i&63)) != 0 }
func (s bitset) set(i int)      { s[i>>6] |= 1 << (i & 63) }
func (s bitset) clear(i int)    { s[i>>6] &^= 1 << (i & 63) }

func (s bitset) or(t bitset) {
	for i, x := range t {
		s[i] |= x
	}
}

func (s bitset) each(do func(int)) {
	for w, x := range s {
		for ; x != 0; x &= x - 1 {
			do(w<<6 | bits.TrailingZeros64(x))
		}
	}
}

// span is a half-open run of points. Verb i reads at point 2i and writes at point 2i+1; a value that is written at w and read
// last at r lives from w to r, both included.
type span struct{ lo, hi int }

// closing gives, for each LoopBegin of ops, the index of its LoopEnd and the other way round; -1 for other verbs.
func closing(ops []Op) []int {
	at := make([]int, len(ops))
	var open []int
	for i := range ops {
		at[i] = -1
		switch ops[i].Code {
		case LoopBegin:
			open = append(open, i)
		case LoopEnd:
			b := open[len(open)-1]
			open = open[:len(open)-1]
			at[i], at[b] = b, i
		}
	}
	return at
}

// exposed computes for each loop which registers its body reads before it writes them, and which it is sure to write.
func exposed(ops []Op, regs int) (gen, kill map[int]bitset) {
	type scope struct {
		begin     int
		gen, kill bitset
	}
	gen, kill = map[int]bitset{}, map[int]bitset{}
	stack := []scope{{-1, newBitset(regs), newBitset(regs)}}
	var reads []Reg
	for i := range ops {
		o := &ops[i]
		top := &stack[len(stack)-1]
		switch o.Code {
		case LoopBegin:
			stack = append(stack, scope{i, newBitset(regs), newBitset(regs)})
			continue
		case LoopEnd:
			gen[top.begin], kill[top.begin] = top.gen, top.kill
			stack = stack[:len(stack)-1]
			out := &stack[len(stack)-1]
			top.gen.each(func(r int) {
				if !out.kill.has(r) {
					out.gen.set(r)
				}
			})
			if o.Count.Param < 0 {
				out.kill.or(top.kill)
			}
			continue
		}
		reads = o.Reads(reads[:0])
		for _, r := range reads {
			if !top.kill.has(int(r)) {
				top.gen.set(int(r))
			}
		}
		if o.Code.Writes() {
			top.kill.set(int(o.D))
		}
	}
	return gen, kill
}

// liveSpans returns the spans in which each register holds a value that is still to be read, in rising order. A value that a loop reads
// but does not write lives through all of it, and so does one that a turn hands to the next. A write that nothing
// reads has a span of its own point.
func liveSpans(ops []Op, regs int) [][]span {
	gen, _ := exposed(ops, regs)
	match := closing(ops)
	spans := make([][]span, regs+1)
	live := newBitset(regs)
	end := make([]int, regs+1) // of the open span of a live register
	start := func(r, point int) {
		if !live.has(r) {
			live.set(r)
			end[r] = point + 1
		}
	}
	stop := func(r, point int) {
		if !live.has(r) {
			end[r] = point + 1
		}
		live.clear(r)
		spans[r] = append(spans[r], span{point, end[r]})
	}
	// exits holds, for each open loop that may run no time, what is live behind it.
	var exits []bitset
	var reads []Reg
	for i := len(ops) - 1; i >= 0; i-- {
		o := &ops[i]
		switch o.Code {
		case LoopEnd:
			exits = append(exits, append(bitset(nil), live...))
			gen[match[i]].each(func(r int) { start(r, 2*i+1) })
			continue
		case LoopBegin:
			if out := exits[len(exits)-1]; o.Count.Param >= 0 {
				out.each(func(r int) { start(r, 2*i) })
			}
			exits = exits[:len(exits)-1]
			continue
		}
		if o.Code.Writes() {
			stop(int(o.D), 2*i+1)
		}
		reads = o.Reads(reads[:0])
		for _, r := range reads {
			start(int(r), 2*i)
		}
	}
	live.each(func(r int) { spans[r] = append(spans[r], span{0, end[r]}) })
	for _, s := range spans {
		for a, b := 0, len(s)-1; a < b; a, b = a+1, b-1 {
			s[a], s[b] = s[b], s[a]
		}
	}
	return spans
}

// Readers returns, for each verb, the indices of all verbs that read its result, in order and each as often as it reads it, where no loop begins or
// ends between the verb and the last of them; else nothing.
func Readers(ops []Op, regs int) [][]int {
	list := make([][]int, len(ops))
	written := make([]int, regs+1) // the verb that wrote each register last, in this straight run; -1 where none did
	forget := func() {
		for r, w := range written {
			if w >= 0 {
				list[w], written[r] = nil, -1 // what is complete has been forgotten already
			}
		}
	}
	for r := range written {
		written[r] = -1
	}
	last := map[span]bool{} // {register, point} of the last read of a value
	for r, spans := range liveSpans(ops, regs) {
		for _, s := range spans {
			last[span{r, s.hi - 1}] = true
		}
	}
	var buf []Reg
	for i := range ops {
		o := &ops[i]
		if o.Code == LoopBegin || o.Code == LoopEnd {
			forget()
			continue
		}
		buf = o.Reads(buf[:0])
		for _, r := range buf {
			if w := written[r]; w >= 0 {
				list[w] = append(list[w], i)
			}
		}
		for _, r := range buf {
			if last[span{int(r), 2 * i}] {
				written[r] = -1
			}
		}
		if o.Code.Writes() {
			written[o.D] = i
		}
	}
	forget()
	return list
}

// SoleReads returns, for each verb, the index of the one verb that reads its result, where there is just one, which reads it once, as an operand
// that it does not accumulate into, and no loop begins or ends between the two; else -1. A back end can then make the one part of
// the other.
func SoleReads(ops []Op, regs int) []int {
	sole := make([]int, len(ops))
	for i, readers := range Readers(ops, regs) {
		sole[i] = -1
		if len(readers) != 1 {
			continue
		}
		if o := &ops[readers[0]]; !o.Code.Accumulates() || o.D != ops[i].D {
			sole[i] = readers[0]
		}
	}
	return sole
}
