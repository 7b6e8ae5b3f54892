// Package vec is one abstract vector machine: about forty verbs over virtual registers, from which every back end prints.
// Package kernel writes each kernel once in these verbs; avo/x86, avo/neon and avo/portable turn a [Func] into code and
// avo/interp runs it. A Func is made for a [Target], of which it may know the lane and register counts and nothing else.
package vec

// Reg is a virtual vector register of Target.Lanes 32-bit lanes (f32, i32, or a mask of all ones and zeros). 0 is none.
type Reg int

// Ptr is a pointer parameter: an index into Func.Ptrs. Loops move it; it always comes back.
type Ptr int

// Target is what a description may depend on.
type Target struct {
	Name  string // "avx2", "avx512", "neon", "go"
	Lanes int    // 32-bit lanes of one register; 1 for portable Go
	Regs  int    // vector registers that a function may hold at once
	// Opmasks says that loads, stores and blends take a mask of lanes: parts of a register then need no scratch.
	Opmasks bool
	// Scales says that verb Scale is one instruction; TimesPower computes it from others elsewhere.
	Scales bool
}

// The targets. Go has no register file; its count only bounds how many local variables a kernel grows.
var (
	AVX2   = Target{Name: "avx2", Lanes: 8, Regs: 16}
	AVX512 = Target{Name: "avx512", Lanes: 16, Regs: 32, Opmasks: true, Scales: true}
	NEON   = Target{Name: "neon", Lanes: 4, Regs: 32}
	Go     = Target{Name: "go", Lanes: 1, Regs: 32}
)

// Code is a verb.
type Code uint8

// The verbs. D is the destination, A, B and C the operands, mem is memory at Ptr+Disp bytes.
const (
	Zero           Code = iota // D = 0
	Const                      // D = every lane Imm
	Iota                       // D = 0, 1, 2 … as i32
	Load                       // D = Lanes elements at mem
	LoadPart                   // D = N elements at mem, the other lanes zero; nothing behind them is read
	LoadStride                 // D = Lanes elements at mem, mem+4*N, mem+8*N …; nothing between or behind is needed, but elements between may be read
	LoadStridePart             // D = K elements at mem, mem+4*N …, the other lanes zero
	Splat                      // D = every lane the element at mem
	Store                      // Lanes elements to mem
	StorePart                  // the first N lanes to mem
	StoreStride                // the first K lanes to mem, mem+4*N …; nothing between is written
	StoreZip                   // A0 B0 A1 B1 … to mem: 2*Lanes elements
	Move                       // D = A

	// Of memory at an index known only at run time: mem counts from there. The index is lane 0, in elements, not below 0.
	LoadAt  // D = N elements at mem+4*A, the other lanes zero; nothing behind them is read
	SplatAt // D = every lane the element at mem+4*A
	StoreAt // the first N lanes of A to mem+4*B

	Add // f32, each rounded once
	Sub
	Mul
	Div
	Min // of x86: B where either is NaN. Use Builder.Minimum for the IR's min
	Max
	Sqrt
	Fma   // D += A*B, rounded once
	Fnma  // D -= A*B, rounded once
	Scale // D = A * 2^floor(B), rounded once; of targets that have it
	Floor
	Ceil
	Round // to nearest even

	And // bits
	Or
	Xor
	AndNot // A &^ B
	Less   // masks: f32 A < B; false where either is NaN
	LessEq
	Eq
	NotEq // true where either is NaN
	LessI // i32, signed
	EqI
	Select // D = mask A ? B : C
	Low    // D = the first N lanes of A, the others of B

	AddI // i32
	SubI
	MulI  // the low 32 bits
	Shl   // by N
	Shr   // logical, by N
	Sar   // arithmetic, by N
	ToF32 // from i32
	ToI32 // to nearest even

	Fold // D lane i = A lane i+N, for i < N: what a fold in halves adds. Other lanes of D hold anything

	LoopBegin // Count times, in which Bumps move pointers at the end of each turn; back at the end
	LoopEnd
	AddPtr // Ptr += Disp bytes

	// Prefetch says that the cache line at mem will be read soon. There may be no such memory.
	Prefetch

	// Made by Allocate only: FmaTo from a Move and the Fma or Fnma behind it, so that a back end may choose which operand it overwrites; Spill
	// and Reload where registers run out.
	FmaTo  // D = C + A*B, rounded once
	FnmaTo // D = C - A*B, rounded once
	Spill  // slot N of the frame = A
	Reload // D = slot N of the frame
)

// Count is how often a loop runs: the parameter Func.Counts[Param], or N where Param < 0. A count of 0 is allowed.
type Count struct {
	Param int
	N     int
}

// Fixed is a count known now.
func Fixed(n int) Count { return Count{Param: -1, N: n} }

// Param is a count given by the caller.
func Param(i int) Count { return Count{Param: i} }

// Bump moves a pointer by Bytes at the end of each turn of a loop.
type Bump struct {
	Ptr   Ptr
	Bytes int
}

// Op is one verb. Fields that its Code does not mention are zero.
type Op struct {
	Code       Code
	D, A, B, C Reg
	Ptr        Ptr
	Disp       int
	Imm        uint32
	N, K       int
	Count      Count
	Bumps      []Bump
	ID         int    // of a loop; LoopEnd has its LoopBegin's
	Loose      bool   // of Fma: a step of a sum, whose product a target may round where it promises no bits
	Need       int    // of D, how many of the first lanes are read later; 0 for all. Set by Narrow; a back end may leave anything in the others
	Tmp        [2]Reg // scratch that a back end may need for LoadPart, LoadStride and their kin; set by Allocate
}

// Func is one kernel for one target. Its Go signature is func(ptrs... *float32, counts... int), in that order.
type Func struct {
	Name   string
	Doc    string // the loop nest that it computes, for its comment; may have several lines
	Target Target
	Ptrs   []string
	// Reach[i] is how many elements from pointer i on the kernel may touch: Reach[i].Fixed plus, for each count c, (Counts[c]-1)
	// times Reach[i].PerCount[c]. The portable back end bounds its slices with it.
	Reach  []Reach
	Counts []string
	Apart  bool // nothing that the function stores is loaded by it, so that a load may be made again at any later place
	Slots  int  // of the frame, one register each: where values go that Allocate found no register for
	Ops    []Op

	regs      int
	loops     int
	allocated bool
}

// Reach is the extent of one pointer parameter in elements.
type Reach struct {
	Fixed    int
	PerCount []int
}

// New returns an empty function.
func New(name string, t Target, ptrs, counts []string) *Func {
	return &Func{Name: name, Target: t, Ptrs: ptrs, Counts: counts}
}

// NewReg returns a fresh register.
func (f *Func) NewReg() Reg { f.regs++; return Reg(f.regs) }

// NumRegs returns the highest virtual register in use.
func (f *Func) NumRegs() int { return f.regs }

func (f *Func) emit(o Op) { f.Ops = append(f.Ops, o) }

func (f *Func) def(o Op) Reg {
	o.D = f.NewReg()
	f.emit(o)
	return o.D
}

// Zero returns a register of zeros.
func (f *Func) Zero() Reg { return f.def(Op{Code: Zero}) }

// Const returns a register with every lane set to bits.
func (f *Func) Const(bits uint32) Reg { return f.def(Op{Code: Const, Imm: bits}) }

// Iota returns lanes 0, 1, 2 … as i32.
func (f *Func) Iota() Reg { return f.def(Op{Code: Iota}) }

// Load reads a full register.
func (f *Func) Load(p Ptr, disp int) Reg { return f.def(Op{Code: Load, Ptr: p, Disp: disp}) }

// LoadPart reads n lanes; n == Lanes is a Load.
func (f *Func) LoadPart(p Ptr, disp, n int) Reg {
	if n == f.Target.Lanes {
		return f.Load(p, disp)
	}
	return f.def(Op{Code: LoadPart, Ptr: p, Disp: disp, N: n})
}

// LoadStride reads k lanes, stride elements apart.
func (f *Func) LoadStride(p Ptr, disp, stride, k int) Reg {
	switch {
	case stride == 1:
		return f.LoadPart(p, disp, k)
	case k == 1:
		return f.LoadPart(p, disp, 1)
	case k < f.Target.Lanes:
		return f.def(Op{Code: LoadStridePart, Ptr: p, Disp: disp, N: stride, K: k})
	}
	return f.def(Op{Code: LoadStride, Ptr: p, Disp: disp, N: stride})
}

// Splat reads one element into every lane.
func (f *Func) Splat(p Ptr, disp int) Reg { return f.def(Op{Code: Splat, Ptr: p, Disp: disp}) }

// LoadAt reads n lanes from the element whose number is lane 0 of index.
func (f *Func) LoadAt(p Ptr, disp int, index Reg, n int) Reg {
	return f.def(Op{Code: LoadAt, Ptr: p, Disp: disp, A: index, N: n})
}

// SplatAt reads the element whose number is lane 0 of index into every lane.
func (f *Func) SplatAt(p Ptr, disp int, index Reg) Reg {
	return f.def(Op{Code: SplatAt, Ptr: p, Disp: disp, A: index})
}

// StoreAt writes the first n lanes from the element on whose number is lane 0 of index.
func (f *Func) StoreAt(p Ptr, disp int, index Reg, n int, a Reg) {
	f.emit(Op{Code: StoreAt, Ptr: p, Disp: disp, A: a, B: index, N: n})
}

// StorePart writes the first n lanes.
func (f *Func) StorePart(p Ptr, disp int, a Reg, n int) {
	if n == f.Target.Lanes {
		f.emit(Op{Code: Store, Ptr: p, Disp: disp, A: a})
		return
	}
	f.emit(Op{Code: StorePart, Ptr: p, Disp: disp, A: a, N: n})
}

// StoreStride writes k lanes, stride elements apart.
func (f *Func) StoreStride(p Ptr, disp, stride, k int, a Reg) {
	if stride == 1 || k == 1 {
		f.StorePart(p, disp, a, k)
		return
	}
	f.emit(Op{Code: StoreStride, Ptr: p, Disp: disp, A: a, N: stride, K: k})
}

// StoreZip writes the lanes of a and b in turn.
func (f *Func) StoreZip(p Ptr, disp int, a, b Reg) {
	f.emit(Op{Code: StoreZip, Ptr: p, Disp: disp, A: a, B: b})
}

// Unary applies a verb of one operand.
func (f *Func) Unary(c Code, a Reg) Reg { return f.def(Op{Code: c, A: a}) }

// Binary applies a verb of two operands.
func (f *Func) Binary(c Code, a, b Reg) Reg { return f.def(Op{Code: c, A: a, B: b}) }

// Shift applies Shl, Shr or Sar.
func (f *Func) Shift(c Code, a Reg, n int) Reg { return f.def(Op{Code: c, A: a, N: n}) }

// Fold returns lane i+n in lane i, for i < n.
func (f *Func) Fold(a Reg, n int) Reg { return f.def(Op{Code: Fold, A: a, N: n}) }

// Select returns b where mask is set and c elsewhere.
func (f *Func) Select(mask, b, c Reg) Reg { return f.def(Op{Code: Select, A: mask, B: b, C: c}) }

// Low returns the first n lanes of a and the others of b.
func (f *Func) Low(a, b Reg, n int) Reg { return f.def(Op{Code: Low, A: a, B: b, N: n}) }

// Move copies a register, so that the copy can be accumulated into.
func (f *Func) Move(a Reg) Reg { return f.def(Op{Code: Move, A: a}) }

// Set copies a into an existing register.
func (f *Func) Set(d, a Reg) { f.emit(Op{Code: Move, D: d, A: a}) }

// Fma accumulates: acc += a*b, rounded once.
func (f *Func) Fma(acc, a, b Reg) { f.emit(Op{Code: Fma, D: acc, A: a, B: b}) }

// FmaLoose is Fma for a step of a sum: portable Go that is to be fast rounds the product, too.
func (f *Func) FmaLoose(acc, a, b Reg) {
	f.emit(Op{Code: Fma, D: acc, A: a, B: b, Loose: true})
}

// Fnma accumulates: acc -= a*b, rounded once.
func (f *Func) Fnma(acc, a, b Reg) { f.emit(Op{Code: Fnma, D: acc, A: a, B: b}) }

// Accumulate applies a binary verb in place: acc = c(acc, a).
func (f *Func) Accumulate(c Code, acc, a Reg) { f.emit(Op{Code: c, D: acc, A: acc, B: a}) }

// MulAdd returns a*b + c, rounded once.
func (f *Func) MulAdd(a, b, c Reg) Reg {
	d := f.Move(c)
	f.Fma(d, a, b)
	return d
}

// Prefetch announces that the cache line at p+disp bytes will be read soon.
func (f *Func) Prefetch(p Ptr, disp int) { f.emit(Op{Code: Prefetch, Ptr: p, Disp: disp}) }

// AddPtr moves a pointer for good (until moved back by the negative amount).
func (f *Func) AddPtr(p Ptr, bytes int) {
	if bytes != 0 {
		f.emit(Op{Code: AddPtr, Ptr: p, Disp: bytes})
	}
}

// Loop runs body n times; bumps move pointers at the end of each turn and are undone behind the loop.
// A fixed count of 1 emits the body alone, of 0 nothing.
func (f *Func) Loop(n Count, bumps []Bump, body func()) {
	if n.Param < 0 && n.N <= 1 {
		if n.N == 1 {
			body()
		}
		return
	}
	f.loops++
	id := f.loops
	f.emit(Op{Code: LoopBegin, Count: n, Bumps: bumps, ID: id})
	body()
	f.emit(Op{Code: LoopEnd, Count: n, Bumps: bumps, ID: id})
}
