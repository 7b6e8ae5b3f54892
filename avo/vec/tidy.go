package vec

// Tidy returns f as Allocate starts from it, still with virtual registers: Fma behind Move made one, copies of constants made constants,
// verbs with nothing to choose made Moves, results that nothing reads gone.
func Tidy(f *Func) *Func {
	g := *f
	g.Ops = tidy(f)
	return &g
}

// tidy returns the verbs of f as Allocate works on them: Fma behind Move made one, copies of constants made constants, results
// that nothing reads gone.
func tidy(f *Func) []Op {
	ops := simplify(f.Ops, f.Target.Lanes)
	if f.Target.Name != NEON.Name { // whose multiply-adds overwrite their sum and nothing else
		ops = fuseMoves(ops)
	}
	return dropDead(copyConstants(ops, f.regs), f.regs)
}

// simplify turns verbs whose operands leave no choice into Moves and Zeros, and leaves out Moves of a register to itself.
func simplify(ops []Op, lanes int) []Op {
	out := make([]Op, 0, len(ops))
	for _, o := range ops {
		switch o.Code {
		case Low:
			if o.N == 0 {
				o = Op{Code: Move, D: o.D, A: o.B}
			} else if o.N == lanes {
				o = Op{Code: Move, D: o.D, A: o.A}
			}
		case Min, Max, And, Or:
			if o.A == o.B {
				o = Op{Code: Move, D: o.D, A: o.A}
			}
		case Xor, AndNot:
			if o.A == o.B {
				o = Op{Code: Zero, D: o.D}
			}
		case Select:
			if o.B == o.C {
				o = Op{Code: Move, D: o.D, A: o.B}
			}
		}
		if o.Code != Move || o.D != o.A {
			out = append(out, o)
		}
	}
	return out
}

// fuseMoves turns a Move and the Fma right behind it that accumulates into the copy into one FmaTo, so that any of the three
// operands may be overwritten.
func fuseMoves(ops []Op) []Op {
	out := make([]Op, 0, len(ops))
	for _, o := range ops {
		if n := len(out); n > 0 && (o.Code == Fma || o.Code == Fnma) {
			if m := out[n-1]; m.Code == Move && m.D == o.D && o.A != o.D && o.B != o.D {
				o.C = m.A
				o.Code += FmaTo - Fma
				out[n-1] = o
				continue
			}
		}
		out = append(out, o)
	}
	return out
}

// constant names a value that can be made anywhere.
type constant struct {
	code Code
	imm  uint32
}

// constants returns, for each register that one verb writes and that holds a constant, which.
func constants(ops []Op, regs int) map[Reg]constant {
	writes := make([]int, regs+1)
	for i := range ops {
		if ops[i].Code.Writes() {
			writes[ops[i].D]++
		}
	}
	known := map[Reg]constant{}
	for i := range ops {
		switch o := &ops[i]; o.Code {
		case Zero, Const, Iota:
			if writes[o.D] != 1 {
				continue
			}
			c := constant{o.Code, o.Imm}
			if c.code == Const && c.imm == 0 {
				c.code = Zero
			}
			known[o.D] = c
		}
	}
	return known
}

// copyConstants replaces Moves of constants by the constants.
func copyConstants(ops []Op, regs int) []Op {
	known := constants(ops, regs)
	for i := range ops {
		if o := &ops[i]; o.Code == Move {
			if c, ok := known[o.A]; ok {
				*o = Op{Code: c.code, Imm: c.imm, D: o.D}
			}
		}
	}
	return ops
}

// dropDead removes verbs whose result nothing reads.
func dropDead(ops []Op, regs int) []Op {
	for {
		spans := liveSpans(ops, regs)
		next := make([]int, len(spans))
		out := make([]Op, 0, len(ops))
		for i := range ops {
			o := &ops[i]
			if o.Code.Writes() {
				r := o.D
				for next[r] < len(spans[r]) && spans[r][next[r]].hi <= 2*i+1 {
					next[r]++
				}
				if s := spans[r]; next[r] < len(s) && s[next[r]] == (span{2*i + 1, 2*i + 2}) {
					continue
				}
			}
			out = append(out, *o)
		}
		if len(out) == len(ops) {
			return out
		}
		ops = out
	}
}
