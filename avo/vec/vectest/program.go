// Package vectest makes and runs kernels for the tests of the vector machine's back ends.
package vectest

import (
	"fmt"
	"math"

	"github.com/dlc-ml/dlc/avo/vec"
)

// Source is where random programs come from: math/rand/v2.Rand, or a wrapper of another generator.
type Source interface{ IntN(n int) int }

const (
	// Elements is how many elements each pointer of a random program points at.
	Elements = 2048
	// MaxCount is the largest count that a random program may be called with.
	MaxCount = 3
	origin   = 512 // the element around which accesses lie
)

// generator builds one random program.
type generator struct {
	f                   *vec.Func
	r                   Source
	floats, ints, masks []vec.Reg
	budget              int
	depth               int
}

// Program returns a random function for t with ptrs pointers, which reads through all of them, writes through the last, and has two counts. It holds at
// most live values at once, more or less. Bits of NaNs never reach a verb that would make numbers of them.
func Program(r Source, t vec.Target, name string, ptrs, live, budget int) *vec.Func {
	names := make([]string, ptrs)
	reach := make([]vec.Reach, ptrs)
	for i := range names {
		names[i], reach[i].Fixed = fmt.Sprintf("p%d", i), Elements
	}
	f := vec.New(name, t, names, []string{"m", "n"})
	f.Reach = reach
	f.Doc = "a random program"
	g := &generator{f: f, r: r, budget: budget}
	for range max(1, live/3) {
		g.ints = append(g.ints, g.loadInt())
		g.floats = append(g.floats, g.load())
		g.masks = append(g.masks, f.Binary(vec.Less, g.pick(g.floats), g.pick(g.floats)))
	}
	g.block()
	part := t.Lanes
	if r.IntN(2) == 0 { // then nothing reads the other lanes of most values
		part = 1 + r.IntN(t.Lanes)
	}
	for i, x := range append(append(g.floats, g.ints...), g.masks...) {
		f.StorePart(vec.Ptr(ptrs-1), 4*(origin+64*4+i*t.Lanes), x, part)
	}
	return f
}

func (g *generator) pick(list []vec.Reg) vec.Reg { return list[g.r.IntN(len(list))] }

// keep puts a value in place of a random one of its kind.
func (g *generator) keep(list []vec.Reg, x vec.Reg) {
	if g.r.IntN(3) == 0 {
		g.f.Set(g.pick(list), x)
		return
	}
	// Behind a loop that may not run, only values from before it are known: so new ones live inside their block.
	list[g.r.IntN(len(list))] = x
}

func (g *generator) in() vec.Ptr { return vec.Ptr(g.r.IntN(len(g.f.Ptrs))) }

func (g *generator) disp() int { return 4 * (origin + g.r.IntN(64)) }

var strides = []int{-3, -2, -1, 0, 2, 3, 4, 7}

func (g *generator) load() vec.Reg {
	l := g.f.Target.Lanes
	switch g.r.IntN(8) {
	case 6:
		return g.f.SplatAt(g.in(), g.disp(), g.index())
	case 7:
		return g.f.LoadAt(g.in(), g.disp(), g.index(), 1+g.r.IntN(l))
	case 0:
		return g.f.Splat(g.in(), g.disp())
	case 1:
		return g.f.LoadPart(g.in(), g.disp(), 1+g.r.IntN(l))
	case 2:
		return g.f.LoadStride(g.in(), g.disp(), strides[g.r.IntN(len(strides))], l)
	case 3:
		return g.f.LoadStride(g.in(), g.disp(), strides[g.r.IntN(len(strides))], 1+g.r.IntN(l))
	}
	return g.f.Load(g.in(), g.disp())
}

// index is the number of an element not far from others.
func (g *generator) index() vec.Reg {
	return g.f.Binary(vec.And, g.pick(g.ints), g.f.Const(63))
}

// loadInt loads integers, not from the last pointer: the program may have stored NaNs there.
func (g *generator) loadInt() vec.Reg {
	return g.f.LoadPart(vec.Ptr(g.r.IntN(len(g.f.Ptrs)-1)), g.disp(), 1+g.r.IntN(g.f.Target.Lanes))
}

func (g *generator) store() {
	l := g.f.Target.Lanes
	p := vec.Ptr(len(g.f.Ptrs) - 1)
	x := g.pick([][]vec.Reg{g.floats, g.ints, g.masks}[g.r.IntN(3)])
	switch g.r.IntN(6) {
	case 5:
		g.f.StoreAt(p, g.disp(), g.index(), 1+g.r.IntN(l), x)
	case 0:
		g.f.StorePart(p, g.disp(), x, 1+g.r.IntN(l))
	case 1:
		stride := strides[g.r.IntN(len(strides))]
		if stride == 0 {
			stride = 1
		}
		g.f.StoreStride(p, g.disp(), stride, 1+g.r.IntN(l), x)
	case 2:
		g.f.StoreZip(p, g.disp(), x, g.pick(g.floats))
	case 3:
		if l == 1 {
			break
		}
		n := 1 << g.r.IntN(3)
		for n > l/2 {
			n /= 2
		}
		g.f.StorePart(p, g.disp(), g.f.Fold(x, n), n)
	default:
		g.f.StorePart(p, g.disp(), x, l)
	}
}

// block emits verbs and loops until the budget is used up, or by chance.
func (g *generator) block() {
	for g.budget > 0 {
		g.budget--
		switch k := g.r.IntN(40); {
		case k == 0 && g.depth < 3:
			g.loop()
		case k == 1 && g.depth > 0:
			return
		case k == 2:
			p, n := g.in(), 4*g.r.IntN(5)
			g.f.AddPtr(p, n)
			g.verb()
			g.f.AddPtr(p, -n)
		case k < 6:
			g.store()
		case k < 10:
			g.keep(g.floats, g.load())
		case k < 12:
			g.keep(g.ints, g.loadInt())
		default:
			g.verb()
		}
	}
}

func (g *generator) loop() {
	count := vec.Fixed(2 + g.r.IntN(2))
	if g.r.IntN(2) == 0 {
		count = vec.Param(g.r.IntN(2))
	}
	var bumps []vec.Bump
	for range g.r.IntN(3) {
		p := g.in()
		dup := false
		for _, b := range bumps {
			dup = dup || b.Ptr == p
		}
		if !dup {
			bumps = append(bumps, vec.Bump{Ptr: p, Bytes: 4 * (g.r.IntN(12) - 4)})
		}
	}
	g.depth++
	floats, ints, masks := g.floats, g.ints, g.masks
	clone := func(s []vec.Reg) []vec.Reg { return append([]vec.Reg(nil), s...) }
	g.floats, g.ints, g.masks = clone(floats), clone(ints), clone(masks)
	g.f.Loop(count, bumps, func() {
		g.verb()
		g.block()
		// What the next turn or the code behind sees.
		for range 2 {
			g.f.Set(g.pick(floats), g.pick(g.floats))
			g.f.Set(g.pick(ints), g.pick(g.ints))
		}
	})
	g.floats, g.ints, g.masks = floats, ints, masks
	g.depth--
}

var (
	floatUnary    = []vec.Code{vec.Sqrt, vec.Floor, vec.Ceil, vec.Round, vec.Move}
	floatBinary   = []vec.Code{vec.Add, vec.Sub, vec.Mul, vec.Div, vec.Min, vec.Max}
	floatCompare  = []vec.Code{vec.Less, vec.LessEq, vec.Eq, vec.NotEq}
	bitBinary     = []vec.Code{vec.And, vec.Or, vec.Xor, vec.AndNot}
	intBinary     = []vec.Code{vec.And, vec.Or, vec.Xor, vec.AndNot, vec.AddI, vec.SubI, vec.MulI}
	shifts        = []vec.Code{vec.Shl, vec.Shr, vec.Sar}
	someConstants = []uint32{0, 0x3f800000, 0xbf000000, 0x80000000, 0x7f800000, 0xff800000, 0x7fc00000, 1, 0x00800000, 0x42f00000,
		0xffffffff, 127, 0x3f3504f3, 0xfffffffd}
)

func (g *generator) constant() vec.Reg {
	switch g.r.IntN(8) {
	case 0:
		return g.f.Zero()
	case 1:
		return g.f.Const(math.Float32bits(float32(g.r.IntN(2000)-1000) / 16))
	}
	return g.f.Const(someConstants[g.r.IntN(len(someConstants))])
}

func (g *generator) verb() {
	f := g.f
	code := func(list []vec.Code) vec.Code { return list[g.r.IntN(len(list))] }
	float := func() vec.Reg {
		if g.r.IntN(6) == 0 {
			return g.constant()
		}
		return g.pick(g.floats)
	}
	integer := func() vec.Reg {
		if g.r.IntN(6) == 0 {
			return g.constant()
		}
		return g.pick(g.ints)
	}
	switch g.r.IntN(20) {
	case 0:
		g.keep(g.floats, f.Unary(code(floatUnary), g.pick(g.floats)))
	case 1, 2:
		g.keep(g.floats, f.Binary(code(floatBinary), float(), float()))
	case 3:
		f.Accumulate(code(floatBinary), g.pick(g.floats), float())
	case 4, 5:
		f.Fma(g.pick(g.floats), float(), float())
	case 6:
		f.Fnma(g.pick(g.floats), float(), float())
	case 7, 8:
		g.keep(g.floats, f.MulAdd(float(), float(), float()))
	case 9:
		g.keep(g.masks, f.Binary(code(floatCompare), float(), float()))
	case 10:
		g.keep(g.floats, f.Select(g.pick(g.masks), float(), float()))
	case 11:
		g.keep(g.ints, f.Select(g.pick(g.masks), integer(), integer()))
	case 12:
		g.keep(g.floats, f.Low(float(), float(), g.r.IntN(f.Target.Lanes+1)))
	case 13:
		g.keep(g.ints, f.Binary(code(intBinary), integer(), integer()))
	case 14:
		g.keep(g.ints, f.Shift(code(shifts), g.pick(g.ints), g.r.IntN(32)))
	case 15:
		g.keep(g.masks, f.Binary([]vec.Code{vec.LessI, vec.EqI}[g.r.IntN(2)], integer(), integer()))
	case 16:
		g.keep(g.masks, f.Binary(code(bitBinary), g.pick(g.masks), g.pick(g.masks)))
	case 17:
		// A mask on a number keeps NaNs.
		x, m := g.pick(g.floats), g.pick(g.masks)
		g.keep(g.floats, []func() vec.Reg{
			func() vec.Reg { return f.Binary(vec.And, x, m) },
			func() vec.Reg { return f.Binary(vec.Or, m, x) },
			func() vec.Reg { return f.Binary(vec.AndNot, x, m) },
			func() vec.Reg { return vec.Neg(f, x) },
			func() vec.Reg { return vec.Abs(f, x) },
			func() vec.Reg { return vec.Maximum(f, x, float()) },
			func() vec.Reg { return vec.Minimum(f, float(), x) },
			func() vec.Reg { return vec.TimesPower(f, x, f.Unary(vec.ToF32, f.Shift(vec.Sar, integer(), 24))) },
		}[g.r.IntN(8)]())
	case 18:
		g.keep(g.ints, f.Unary(vec.ToI32, float()))
	default:
		if g.r.IntN(4) == 0 {
			g.keep(g.ints, f.Iota())
		} else {
			g.keep(g.floats, f.Unary(vec.ToF32, integer()))
		}
	}
}
