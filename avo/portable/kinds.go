package portable

import "github.com/dlc-ml/dlc/avo/vec"

// typing gives each register a Go type. A register has no type of its own, so it takes the one that most saves conversions.
type typing struct {
	ops   []vec.Op
	kinds []kind
	// constants holds the bits of registers that are written into expressions as literals.
	constants map[vec.Reg]uint32
}

func newTyping(ops []vec.Op, regs int) *typing {
	t := &typing{ops: ops, kinds: make([]kind, regs+1)}
	t.findConstants(regs)
	t.fromResults()
	for t.spread() {
	}
	for r := range t.kinds {
		if t.kinds[r] == unknown {
			t.kinds[r] = f32
		}
	}
	return t
}

// findConstants finds registers that hold one constant and never stand in a verb with constants only, which the compiler would
// compute by its own rules.
func (t *typing) findConstants(regs int) {
	t.constants = map[vec.Reg]uint32{}
	writes := make([]int, regs+1)
	for i := range t.ops {
		if o := &t.ops[i]; o.Code.Writes() {
			writes[o.D]++
		}
	}
	for i := range t.ops {
		o := &t.ops[i]
		switch o.Code {
		case vec.Zero, vec.Const, vec.Iota:
			if writes[o.D] == 1 {
				t.constants[o.D] = o.Imm
			}
		}
	}
	var reads []vec.Reg
	for i := range t.ops {
		reads = t.ops[i].Reads(reads[:0])
		all := true
		for _, r := range reads {
			_, ok := t.constants[r]
			all = all && ok
		}
		if c := t.ops[i].Code; all && !c.Stores() && c != vec.Move || c == vec.Select {
			for _, r := range reads {
				if c != vec.Select || r == t.ops[i].A {
					delete(t.constants, r)
				}
			}
		}
	}
}

// fromResults types what verbs make of one type only.
func (t *typing) fromResults() {
	for i := range t.ops {
		o := &t.ops[i]
		if !o.Code.Writes() {
			continue
		}
		t.set(o.D, result(o.Code))
	}
}

// set types r, or finds that its writers differ: then it is bits.
func (t *typing) set(r vec.Reg, k kind) bool {
	if _, ok := t.constants[r]; ok || k == unknown || t.kinds[r] == k || t.kinds[r] == u32 {
		return false
	}
	if t.kinds[r] != unknown {
		if t.kinds[r] != mask && k != mask {
			return false
		}
		k = u32
	}
	t.kinds[r] = k
	return true
}

// spread types registers by their neighbours; it reports whether it typed any.
func (t *typing) spread() bool {
	changed := false
	wish := func(r vec.Reg, k kind) {
		if _, ok := t.constants[r]; !ok && t.kinds[r] == unknown && k != unknown {
			t.kinds[r] = k
			changed = true
		}
	}
	for i := range t.ops {
		o := &t.ops[i]
		switch o.Code {
		case vec.Move, vec.Low:
			changed = t.set(o.D, t.kinds[o.A]) || changed
		case vec.Select:
			k := t.kinds[o.B]
			if k == unknown {
				k = t.kinds[o.C]
			}
			changed = t.set(o.D, k) || changed
		case vec.And, vec.Or, vec.Xor, vec.AndNot:
			if t.isMask(o.A) && t.isMask(o.B) {
				changed = t.set(o.D, mask) || changed
			}
		}
	}
	if changed {
		return true
	}
	for i := len(t.ops) - 1; i >= 0; i-- {
		o := &t.ops[i]
		k := wanted(o.Code)
		switch o.Code {
		case vec.And, vec.Or, vec.Xor, vec.AndNot, vec.Move, vec.Low:
			k = t.kinds[o.D]
		case vec.Select:
			k = t.kinds[o.D]
			wish(o.B, k)
			wish(o.C, k)
			continue
		case vec.LoadAt, vec.SplatAt, vec.StoreAt:
			x, _ := o.Index()
			wish(x, u32)
			continue
		}
		if k == mask {
			k = u32
		}
		for _, r := range o.Reads(nil) {
			wish(r, k)
		}
	}
	if changed {
		return true
	}
	// What is left and made from bits is a number that nothing wants in particular.
	for i := range t.ops {
		switch o := &t.ops[i]; o.Code {
		case vec.And, vec.Or, vec.Xor, vec.AndNot, vec.Load, vec.LoadPart, vec.Splat, vec.LoadAt, vec.SplatAt, vec.Select, vec.Low, vec.Move:
			wish(o.D, f32)
		}
		if changed {
			return true
		}
	}
	return false
}

// isMask reports whether r is a bool, or a constant that can be one.
func (t *typing) isMask(r vec.Reg) bool {
	if c, ok := t.constants[r]; ok {
		return c == 0 || c == 0xffffffff
	}
	return t.kinds[r] == mask
}
