package vec

import "slices"

// spilling moves values that there is no register for to slots of the frame: such a value is written to its slot where it is made and read
// again before each verb that wants it. One that was loaded needs no slot where it can be loaded again.
type spilling struct {
	ops   []Op
	regs  int
	t     Target
	apart bool // whether memory stays as it was read
	slots int
	kept  map[Reg]bool // made by spilling, or tried: not worth it again
}

// spill takes one value out of the registers at the place where most are wanted. It reports whether there was one to take.
func (s *spilling) spill() bool {
	spans := liveSpans(s.ops, s.regs)
	known := constants(s.ops, s.regs)
	at := s.crowded(spans, known)
	weight, again := s.weights(), s.reloadable()
	best, least := Reg(0), 0.0
	for r := 1; r <= s.regs; r++ {
		if _, ok := known[Reg(r)]; ok || s.kept[Reg(r)] || !covers(spans[r], at) || s.touches(at/2, Reg(r)) {
			continue
		}
		long := 0
		for _, x := range spans[r] {
			long += x.hi - x.lo
		}
		w := weight[r]
		if again[r] > 0 {
			w -= 2 // neither the first load nor a store
		}
		if w /= float64(long); best == 0 || w < least {
			best, least = Reg(r), w
		}
	}
	if best == 0 {
		return false
	}
	if at := again[best]; at > 0 {
		s.loadAgain(best, at-1)
	} else {
		s.move(best)
	}
	return true
}

// pressure is how many values are live at once at most, constants not counted.
func (s *spilling) pressure() int {
	spans := liveSpans(s.ops, s.regs)
	known := constants(s.ops, s.regs)
	step := make([]int, 2*len(s.ops)+3) // by how much the number changes at each point
	for r, list := range spans {
		if _, ok := known[Reg(r)]; ok {
			continue
		}
		for _, x := range list {
			step[x.lo]++
			step[x.hi]--
		}
	}
	most, now := 0, 0
	for _, d := range step {
		now += d
		most = max(most, now)
	}
	return most
}

// crowded returns the point at which most values are live, constants not counted, since they can be made anywhere.
func (s *spilling) crowded(spans [][]span, known map[Reg]constant) int {
	load := make([]int, 2*len(s.ops)+2)
	for r, list := range spans {
		if _, ok := known[Reg(r)]; ok {
			continue
		}
		for _, x := range list {
			for p := x.lo; p < x.hi; p++ {
				load[p]++
			}
		}
	}
	for i := range s.ops {
		n := s.t.scratch(&s.ops[i])
		// A constant that a verb reads has a register of its own while it runs.
		for _, r := range s.ops[i].Reads(nil) {
			if _, ok := known[r]; ok {
				n++
			}
		}
		load[2*i] += n
		load[2*i+1] += n
	}
	best, candidates := -1, 0
	for p, n := range load {
		if n > candidates && s.hasCandidate(spans, known, p) {
			best, candidates = p, n
		}
	}
	return max(best, 0)
}

// hasCandidate reports whether some value that is live at a point could be kept in a slot there.
func (s *spilling) hasCandidate(spans [][]span, known map[Reg]constant, at int) bool {
	for r := 1; r <= s.regs; r++ {
		if _, ok := known[Reg(r)]; !ok && !s.kept[Reg(r)] && covers(spans[r], at) && !s.touches(at/2, Reg(r)) {
			return true
		}
	}
	return false
}

func covers(list []span, at int) bool {
	return slices.ContainsFunc(list, func(x span) bool { return x.lo <= at && at < x.hi })
}

// touches reports whether verb i reads or writes r, so that it needs a register there anyway.
func (s *spilling) touches(i int, r Reg) bool {
	if i >= len(s.ops) {
		return false
	}
	o := &s.ops[i]
	return o.Code.Writes() && o.D == r || slices.Contains(o.Reads(nil), r)
}

// weights counts, for each register, how often verbs that read or write it run.
func (s *spilling) weights() []float64 {
	w := make([]float64, s.regs+1)
	trips := []float64{1}
	for i := range s.ops {
		o := &s.ops[i]
		now := trips[len(trips)-1]
		switch o.Code {
		case LoopBegin:
			n := float64(guess)
			if o.Count.Param < 0 {
				n = float64(o.Count.N)
			}
			trips = append(trips, now*n)
			continue
		case LoopEnd:
			trips = trips[:len(trips)-1]
			continue
		}
		for _, r := range o.Reads(nil) {
			w[r] += now
		}
		if o.Code.Writes() {
			w[o.D] += now
		}
	}
	return w
}

// reloadable returns, for each register that holds what one load brought and that is read in the same straight run of verbs alone, one more than
// the index of the load; for others 0.
func (s *spilling) reloadable() []int {
	at := make([]int, s.regs+1)
	if !s.apart {
		return at
	}
	run, runs, writes := 0, make([]int, s.regs+1), make([]int, s.regs+1)
	for i := range s.ops {
		o := &s.ops[i]
		switch o.Code {
		case LoopBegin, LoopEnd, AddPtr:
			run++
		}
		for _, r := range o.Reads(nil) {
			if runs[r] != run || writes[r] != 1 {
				at[r] = 0
			}
		}
		if !o.Code.Writes() {
			continue
		}
		writes[o.D]++
		at[o.D], runs[o.D] = 0, run
		switch o.Code {
		case Load, LoadPart, Splat:
			if writes[o.D] == 1 {
				at[o.D] = i + 1
			}
		}
	}
	return at
}

// loadAgain makes the load at the given place again before every verb that reads r.
func (s *spilling) loadAgain(r Reg, at int) {
	load := s.ops[at]
	var out []Op
	var t Reg
	last := -near
	for i, o := range s.ops {
		if i == at {
			continue
		}
		if slices.Contains(o.Reads(nil), r) {
			if i >= last+near {
				s.regs++
				t = Reg(s.regs)
				s.kept[t] = true
				load.D = t
				out = append(out, load)
				last = i
			}
			o.replace(r, t)
		}
		out = append(out, o)
	}
	s.ops = out
}

// near is how many verbs a value that was just made or brought back stays in its register, where it is read again.
const near = 4

// move keeps r in a slot.
func (s *spilling) move(r Reg) {
	slot := s.slots
	s.slots++
	s.kept[r] = true
	fresh := func() Reg {
		s.regs++
		s.kept[Reg(s.regs)] = true
		return Reg(s.regs)
	}
	var out []Op
	var t Reg
	last := -near
	for i, o := range s.ops {
		reads := slices.Contains(o.Reads(nil), r)
		writes := o.Code.Writes() && o.D == r
		if !reads && !writes {
			if o.Code == LoopBegin || o.Code == LoopEnd {
				last = -near
			}
			out = append(out, o)
			continue
		}
		if reads && i >= last+near {
			t = fresh()
			out = append(out, Op{Code: Reload, D: t, N: slot})
			last = i
		} else if !reads {
			t = fresh()
		}
		if reads {
			o.replace(r, t)
		}
		if writes {
			if !o.Code.Accumulates() && reads {
				t = fresh()
			}
			o.D, last = t, i
		}
		out = append(out, o)
		if writes {
			out = append(out, Op{Code: Spill, A: t, N: slot})
		}
	}
	s.ops = out
}
