package vec

// FoldPointers returns the verbs of f with the movement of pointers made explicit and rare: loops have no bumps, a movement between two
// accesses becomes part of their displacements, and an AddPtr is left only where a loop begins or ends in which the pointer counts.
// An AddPtr with K = 1 moves by Disp bytes times its Count.
func FoldPointers(f *Func) []Op {
	w := &folder{pending: make([]int, len(f.Ptrs)), match: closing(f.Ops), ops: f.Ops}
	w.touched()
	for i, o := range f.Ops {
		switch {
		case o.Code == AddPtr:
			w.pending[o.Ptr] += o.Disp
		case o.Code == LoopBegin:
			w.begin(i, o)
		case o.Code == LoopEnd:
			w.end(i, o)
		case o.Code.Addresses():
			o.Disp += w.pending[o.Ptr]
			w.out = append(w.out, o)
		default:
			w.out = append(w.out, o)
		}
	}
	// What moves behind the last access does not matter.
	for n := len(w.out); n > 0 && w.out[n-1].Code == AddPtr; n = len(w.out) {
		w.out = w.out[:n-1]
	}
	return w.out
}

type folder struct {
	ops     []Op
	match   []int
	pending []int // bytes by which each pointer stands behind where f has it
	use     map[int]map[Ptr]bool
	out     []Op
}

// touched finds, for each loop, the pointers that it reads through or moves.
func (w *folder) touched() {
	w.use = map[int]map[Ptr]bool{}
	var open []int
	touch := func(p Ptr) {
		for _, l := range open {
			w.use[l][p] = true
		}
	}
	for i := range w.ops {
		o := &w.ops[i]
		switch {
		case o.Code == LoopBegin:
			open = append(open, i)
			w.use[i] = map[Ptr]bool{}
			for _, b := range o.Bumps {
				touch(b.Ptr)
			}
		case o.Code == LoopEnd:
			open = open[:len(open)-1]
		case o.Code == AddPtr || o.Code.Addresses():
			touch(o.Ptr)
		}
	}
}

// flush writes what pointers of loop l have pending.
func (w *folder) flush(l int) {
	for p, n := range w.pending {
		if n != 0 && w.use[l][Ptr(p)] {
			w.out = append(w.out, Op{Code: AddPtr, Ptr: Ptr(p), Disp: n})
			w.pending[p] = 0
		}
	}
}

func (w *folder) begin(i int, o Op) {
	w.flush(i)
	o.Bumps = nil
	w.out = append(w.out, o)
}

func (w *folder) end(i int, o Op) {
	bumps := o.Bumps
	for _, b := range bumps {
		w.pending[b.Ptr] += b.Bytes
	}
	w.flush(w.match[i])
	o.Bumps = nil
	w.out = append(w.out, o)
	for _, b := range bumps {
		if o.Count.Param < 0 {
			w.pending[b.Ptr] -= o.Count.N * b.Bytes
		} else if b.Bytes != 0 {
			w.out = append(w.out, Op{Code: AddPtr, Ptr: b.Ptr, Disp: -b.Bytes, Count: o.Count, K: 1})
		}
	}
}
