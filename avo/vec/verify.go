package vec

import "fmt"

// Verify reports the first breach of the machine's rules: a register read before every path to it has written it, a loop that is not
// closed, a pointer, count, lane number or displacement out of range.
func (f *Func) Verify() error {
	if f.Reach != nil && len(f.Reach) != len(f.Ptrs) {
		return fmt.Errorf("%s: %d reaches for %d pointers", f.Name, len(f.Reach), len(f.Ptrs))
	}
	for i, r := range f.Reach {
		if len(r.PerCount) > len(f.Counts) {
			return fmt.Errorf("%s: reach of %s has %d counts of %d", f.Name, f.Ptrs[i], len(r.PerCount), len(f.Counts))
		}
	}
	v := verifier{f: f, known: make([]bool, f.regs+1)}
	for i := range f.Ops {
		if err := v.op(&f.Ops[i]); err != nil {
			return fmt.Errorf("%s: verb %d, %s: %w", f.Name, i, f.Ops[i].Code, err)
		}
	}
	if n := len(v.open); n > 0 {
		return fmt.Errorf("%s: loop %d is not closed", f.Name, v.open[n-1].op.ID)
	}
	return nil
}

// verifier walks a function once.
type verifier struct {
	f     *Func
	known []bool // which registers hold a value
	open  []openLoop
	seen  map[int]bool
}

type openLoop struct {
	op    *Op
	known []Reg // what the body made known, which a loop that may run no time takes back
}

func (v *verifier) op(o *Op) error {
	if int(o.Code) >= len(verbs) {
		return fmt.Errorf("no such verb")
	}
	switch o.Code {
	case LoopBegin:
		return v.begin(o)
	case LoopEnd:
		return v.end(o)
	case AddPtr:
		return v.pointer(o.Ptr, o.Disp)
	}
	for _, r := range o.Reads(nil) {
		if r <= 0 || int(r) > v.f.regs {
			return fmt.Errorf("no register v%d", r)
		}
		if !v.known[r] {
			return fmt.Errorf("v%d is read before it is written", r)
		}
	}
	if o.Code.Addresses() {
		if err := v.pointer(o.Ptr, o.Disp); err != nil {
			return err
		}
	}
	if err := v.numbers(o); err != nil {
		return err
	}
	if o.Code.Writes() {
		if o.D <= 0 || int(o.D) > v.f.regs {
			return fmt.Errorf("no register v%d", o.D)
		}
		if !v.known[o.D] {
			v.known[o.D] = true
			if n := len(v.open); n > 0 {
				v.open[n-1].known = append(v.open[n-1].known, o.D)
			}
		}
	}
	return nil
}

func (v *verifier) begin(o *Op) error {
	if v.seen[o.ID] {
		return fmt.Errorf("a second loop %d", o.ID)
	}
	if v.seen == nil {
		v.seen = map[int]bool{}
	}
	v.seen[o.ID] = true
	if o.Count.Param >= len(v.f.Counts) {
		return fmt.Errorf("no count %d", o.Count.Param)
	}
	if o.Count.Param < 0 && o.Count.N < 1 {
		return fmt.Errorf("runs %d times", o.Count.N)
	}
	for _, b := range o.Bumps {
		if err := v.pointer(b.Ptr, b.Bytes); err != nil {
			return err
		}
	}
	v.open = append(v.open, openLoop{op: o})
	return nil
}

func (v *verifier) end(o *Op) error {
	n := len(v.open)
	if n == 0 || v.open[n-1].op.ID != o.ID {
		return fmt.Errorf("loop %d is not the innermost open one", o.ID)
	}
	l := v.open[n-1]
	v.open = v.open[:n-1]
	if l.op.Count != o.Count || len(l.op.Bumps) != len(o.Bumps) {
		return fmt.Errorf("loop %d ends with another count or other bumps", o.ID)
	}
	if o.Count.Param >= 0 {
		for _, r := range l.known {
			v.known[r] = false
		}
	} else if n > 1 {
		v.open[n-2].known = append(v.open[n-2].known, l.known...)
	}
	return nil
}

func (v *verifier) pointer(p Ptr, bytes int) error {
	if p < 0 || int(p) >= len(v.f.Ptrs) {
		return fmt.Errorf("no pointer %d", p)
	}
	if bytes%4 != 0 || bytes != int(int32(bytes)) {
		return fmt.Errorf("%d bytes is not a whole number of elements within 2 GB", bytes)
	}
	return nil
}

// numbers checks N and K.
func (v *verifier) numbers(o *Op) error {
	lanes := v.f.Target.Lanes
	within := func(name string, x, lo, hi int) error {
		if x < lo || x > hi {
			return fmt.Errorf("%s is %d, not within %d to %d", name, x, lo, hi)
		}
		return nil
	}
	switch o.Code {
	case LoadPart, StorePart, LoadAt, StoreAt:
		return within("n", o.N, 1, lanes)
	case Low:
		return within("n", o.N, 0, lanes)
	case Fold:
		if o.N&(o.N-1) != 0 {
			return fmt.Errorf("n is %d, not a power of two", o.N)
		}
		return within("n", o.N, 1, lanes/2)
	case Shl, Shr, Sar:
		return within("n", o.N, 0, 31)
	case Spill, Reload:
		return within("slot", o.N, 0, v.f.Slots-1)
	case LoadStridePart, StoreStride:
		if err := within("k", o.K, 1, lanes); err != nil {
			return err
		}
		return within("stride", o.N, -1<<26, 1<<26)
	case LoadStride:
		return within("stride", o.N, -1<<26, 1<<26)
	}
	return nil
}
