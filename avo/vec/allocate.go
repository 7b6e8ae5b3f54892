package vec

import (
	"cmp"
	"fmt"
	"slices"
)

// Allocated reports whether the function's registers are the target's, as Allocate leaves them.
func (f *Func) Allocated() bool { return f.allocated }

// Fits reports whether every value of f has a register of its own, and if not, why.
func Fits(f *Func) error {
	if f.allocated {
		return nil
	}
	if err := f.Verify(); err != nil {
		return err
	}
	_, err := place(f, tidy(f), f.regs)
	return err
}

// maxSlots bounds the values that one function keeps in its frame: 8 KiB of the widest registers.
const maxSlots = 128

// Allocate returns f with registers 1 … Target.Regs in place of the virtual ones. It is a linear scan over exact live ranges with
// holes. A Move whose source is not needed afterwards vanishes; constants are made ahead of loops where registers allow, else next to their
// use; Tmp of the verbs that need scratch is set. Where more values are live than the target has registers, those that are used least go
// to slots of the frame, or are loaded again where they come from; Fits says that none needs to.
func Allocate(f *Func) (*Func, error) {
	if f.allocated {
		return f, nil
	}
	if err := f.Verify(); err != nil {
		return nil, err
	}
	s := &spilling{ops: tidy(f), regs: f.regs, t: f.Target, apart: f.Apart, kept: map[Reg]bool{}}
	for {
		out, err := place(f, s.ops, s.regs)
		if err == nil {
			g := *f
			g.Ops, g.regs, g.Slots, g.allocated = out, f.Target.Regs, s.slots, true
			return &g, nil
		}
		for again := true; again; again = s.pressure() > f.Target.Regs { // no placement can succeed before
			if s.slots == maxSlots || !s.spill() {
				return nil, err
			}
		}
	}
}

// place gives every register of ops a physical one.
func place(f *Func, ops []Op, regs int) (out []Op, err error) {
	// Holes can leave the registers in pieces that no value fits into, so that fewer values at once may help.
	for room := f.Target.Regs; room >= f.Target.Regs-2; room-- {
		for _, join := range []bool{true, false} {
			p := newPlacement(slices.Clone(ops), regs)
			p.fit(room, regs, f.Target)
			placed, n := p.result(regs)
			if out, err = color(placed, n, f.Target, join); err == nil {
				return out, nil
			}
		}
	}
	return nil, fmt.Errorf("%s: %w", f.Name, err)
}

// scratch is how many registers a verb needs beside its operands on this target.
func (t Target) scratch(o *Op) int {
	if t.Name == NEON.Name {
		return scratchNEON(o)
	}
	switch o.Code {
	case LoadStridePart:
		if o.K > 4 || o.K > 2 && t.Opmasks {
			return 1
		}
	case LoadStride:
		if o.N != 2 && o.N != -1 && t.Lanes > 4 || t.Opmasks {
			return 1
		}
	case StorePart, StoreAt:
		if o.N > 4 && o.N < t.Lanes && !t.Opmasks {
			return 1
		}
	case StoreStride:
		if o.K > 4 || o.K > 3 && t.Opmasks {
			return 1
		}
	case StoreZip:
		return 2
	}
	return 0
}

// scratchNEON is scratch for a target without the instructions that Min, Max and ToI32 are modelled on.
func scratchNEON(o *Op) int {
	switch o.Code {
	case Min, Max:
		return 1
	case LoadStride:
		if o.N == 2 {
			return 1
		}
	case ToI32, StoreZip:
		return 2
	}
	return 0
}

// class is registers that share one place.
type class struct {
	members []Reg
	spans   []span // in rising order
	home    Reg
}

// coloring assigns classes to registers.
type coloring struct {
	ops    []Op
	t      Target
	spans  [][]span
	of     []*class // of each register
	taken  []bitset // of each physical register: the points at which it is in use
	points int
}

// color gives every register of ops a physical one. join says whether Moves may make two registers one.
func color(ops []Op, regs int, t Target, join bool) ([]Op, error) {
	c := &coloring{ops: ops, t: t, spans: liveSpans(ops, regs), of: make([]*class, regs+1), points: 2*len(ops) + 2}
	for r := 1; r <= regs; r++ {
		if len(c.spans[r]) > 0 {
			c.of[r] = &class{members: []Reg{Reg(r)}, spans: c.spans[r]}
		}
	}
	if join {
		c.join()
	}
	c.taken = make([]bitset, t.Regs+1)
	for i := range c.taken {
		c.taken[i] = newBitset(c.points)
	}
	order, err := c.order()
	if err != nil {
		return nil, err
	}
	for _, k := range order {
		if !c.assign(k) {
			at := k.spans[0].lo / 2
			return nil, fmt.Errorf("more than %d values are live at verb %d (%s)", t.Regs, at, ops[min(at, len(ops)-1)].Code)
		}
	}
	return c.rewrite()
}

// join makes the two sides of a Move one class where they are never live at once.
func (c *coloring) join() {
	for i := range c.ops {
		o := &c.ops[i]
		if o.Code != Move {
			continue
		}
		d, a := c.of[o.D], c.of[o.A]
		if d == a || overlap(d.spans, a.spans) {
			continue
		}
		d.members = append(d.members, a.members...)
		d.spans = append(slices.Clone(d.spans), a.spans...)
		slices.SortFunc(d.spans, func(x, y span) int { return cmp.Compare(x.lo, y.lo) })
		for _, r := range a.members {
			c.of[r] = d
		}
	}
}

// overlap reports whether two rising lists of spans share a point.
func overlap(a, b []span) bool {
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch {
		case a[i].hi <= b[j].lo:
			i++
		case b[j].hi <= a[i].lo:
			j++
		default:
			return true
		}
	}
	return false
}

// order lists the classes, and the scratch of verbs as classes of their own, by where they begin.
func (c *coloring) order() ([]*class, error) {
	var list []*class
	seen := map[*class]bool{}
	for _, k := range c.of {
		if k != nil && !seen[k] {
			seen[k] = true
			list = append(list, k)
		}
	}
	for i := range c.ops {
		for n := range c.t.scratch(&c.ops[i]) {
			// The member is minus the place that wants it.
			list = append(list, &class{members: []Reg{Reg(-(2*i + n) - 1)}, spans: []span{{2 * i, 2*i + 2}}})
		}
	}
	slices.SortStableFunc(list, func(a, b *class) int { return cmp.Compare(a.spans[0].lo, b.spans[0].lo) })
	return list, nil
}

// assign finds a home for k.
func (c *coloring) assign(k *class) bool {
	for _, r := range c.wishes(k) {
		if c.free(r, k) {
			c.settle(k, r)
			return true
		}
	}
	for r := 1; r <= c.t.Regs; r++ {
		if c.free(Reg(r), k) {
			c.settle(k, Reg(r))
			return true
		}
	}
	return false
}

// wishes lists the homes that save an instruction: those of the operands of the verb that begins k, for a verb that can overwrite one.
func (c *coloring) wishes(k *class) []Reg {
	p := k.spans[0].lo
	if p%2 == 0 || p/2 >= len(c.ops) {
		return nil
	}
	o := &c.ops[p/2]
	var list []Reg
	switch o.Code {
	case FmaTo, FnmaTo:
		list = []Reg{o.C, o.A, o.B}
		if c.madeForOne(o.C) {
			// The back end can read C from memory if D is one of the factors.
			list = []Reg{o.A, o.B, o.C}
		}
	case Move:
		list = []Reg{o.A}
	}
	var homes []Reg
	for _, r := range list {
		if a := c.of[r]; a != nil && a.home != 0 {
			homes = append(homes, a.home)
		}
	}
	return homes
}

// madeForOne reports whether r is a constant made for a single verb.
func (c *coloring) madeForOne(r Reg) bool {
	k := c.of[r]
	if k == nil || len(k.spans) != 1 || k.spans[0].lo%2 == 0 {
		return false
	}
	at := k.spans[0].lo / 2
	return c.ops[at].Code == Const && k.spans[0].hi <= 2*at+8
}

func (c *coloring) free(r Reg, k *class) bool {
	t := c.taken[r]
	for _, s := range k.spans {
		for p := s.lo; p < s.hi; p++ {
			if t.has(p) {
				return false
			}
		}
	}
	return true
}

func (c *coloring) settle(k *class, r Reg) {
	k.home = r
	for _, s := range k.spans {
		for p := s.lo; p < s.hi; p++ {
			c.taken[r].set(p)
		}
	}
	if m := k.members[0]; m < 0 {
		at := int(-m - 1)
		c.ops[at/2].Tmp[at%2] = r
	}
}

// rewrite puts the homes in place and drops Moves to the same place.
func (c *coloring) rewrite() ([]Op, error) {
	home := func(r Reg) Reg { return c.of[r].home }
	var out []Op
	for _, o := range c.ops {
		o.mapReads(home)
		if o.Code.Writes() {
			o.D = home(o.D)
		}
		if o.Code == Move && o.D == o.A {
			continue
		}
		out = append(out, o)
	}
	return out, nil
}
