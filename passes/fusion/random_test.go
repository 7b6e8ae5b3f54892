package fusion

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/dlc-ml/dlc/diag"
	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
	"github.com/dlc-ml/dlc/passes/pass"
)

// TestRandomPrograms fuses random loop programs full of what fusion must see: tensors that are written twice, updated in place, aliased,
// read at shifted, transposed and split indices, stored in pieces, and nests with several stores. No output may change a bit.
func TestRandomPrograms(t *testing.T) {
	rewrites := map[string]int{}
	for seed := range uint64(4000) {
		f := randomProgram(rand.New(rand.NewPCG(seed, 3)))
		if err := loop.Verify(f); err != nil {
			t.Fatalf("seed %d: the test makes an illegal program: %v\n%s", seed, err, f)
		}
		source := f.String()
		want := outputs(t, f)
		cfg := &pass.Config{Note: func(_ diag.Pos, text string) { count(rewrites, text) }}
		Func(f, cfg)
		if err := loop.Verify(f); err != nil {
			t.Fatalf("seed %d: %v\n%s\nafter:\n%s", seed, err, source, f)
		}
		got := outputs(t, f)
		for name, w := range want {
			for i := range w {
				if w[i] != got[name][i] {
					t.Fatalf("seed %d: %s[%d] is %v, not %v\nbefore:\n%s\nafter:\n%s", seed, name, i,
						math.Float32frombits(got[name][i]), math.Float32frombits(w[i]), source, f)
				}
			}
		}
	}
	for _, kind := range []string{"epilogue", "through", "prologue", "sibling", "repeated", "mirrored"} {
		if rewrites[kind] < 15 {
			t.Errorf("%s happened only %d times in all programs: the test shows little", kind, rewrites[kind])
		}
	}
}

// count notes which kind of rewrite a note is about.
func count(kinds map[string]int, text string) {
	for kind, words := range map[string]string{"epilogue": "in the stores of", "through": "straight into", "prologue": "computed where",
		"sibling": "computed beside", "repeated": "already", "mirrored": "holds the same"} {
		if contain(text, words) {
			kinds[kind]++
		}
	}
}

func contain(s, part string) bool {
	for i := 0; i+len(part) <= len(s); i++ {
		if s[i:i+len(part)] == part {
			return true
		}
	}
	return false
}

// outputs runs f on inputs that depend on their names only.
func outputs(t *testing.T, f *loop.Func) map[string][]uint32 {
	t.Helper()
	sizes := map[string]int{"N": 3}
	mem, err := loop.NewMemory(f, sizes)
	if err != nil {
		t.Fatal(err)
	}
	for b, words := range mem {
		if b.Space != loop.Input && b.Space != loop.Weight {
			continue
		}
		r := rand.New(rand.NewPCG(uint64(b.Name[0]), uint64(b.Name[len(b.Name)-1])))
		for i := range words {
			words[i] = math.Float32bits(float32(r.NormFloat64()))
		}
	}
	if err := loop.Run(f, sizes, mem); err != nil {
		t.Fatalf("%v\n%s", err, f)
	}
	out := map[string][]uint32{}
	for b, words := range mem {
		if b.Space == loop.Output || b.Space == loop.Weight {
			out[b.Name] = append([]uint32(nil), words...)
		}
	}
	return out
}

// programMaker makes one random program. Every tensor is [N,4,4], [N,6,6] (room for a border of 1) or [N].
type programMaker struct {
	r       *rand.Rand
	f       *loop.Func
	small   []*loop.Buffer // [N,4,4], written
	large   []*loop.Buffer // [N,6,6], written
	rows    []*loop.Buffer // [N], written
	inPlace []*loop.Buffer // weights and outputs that may be updated
}

var (
	smallShape = ir.NS(4, 4)
	largeShape = ir.NS(6, 6)
)

func randomProgram(r *rand.Rand) *loop.Func {
	p := &programMaker{r: r, f: &loop.Func{Name: "random", Symbols: []ir.Symbol{{Name: "N"}}}}
	p.small = []*loop.Buffer{p.buffer("x", smallShape, loop.Input), p.buffer("y", smallShape, loop.Input), p.buffer("w", smallShape[1:], loop.Weight)}
	p.small = p.small[:2]
	w := p.f.Buffer("w")
	p.inPlace = append(p.inPlace, w)
	for i := range 3 + r.IntN(12) {
		p.step(i, w)
	}
	for i := range 4 {
		p.keep(fmt.Sprintf("out%d", i))
	}
	return p.f
}

func (p *programMaker) buffer(name string, s ir.Shape, space loop.Space) *loop.Buffer {
	return p.f.NewBuffer(name, ir.T(ir.F32, s), space, diag.Pos{})
}

func (p *programMaker) pick(list []*loop.Buffer) *loop.Buffer { return list[p.r.IntN(len(list))] }

// pickLate prefers what was made last.
func (p *programMaker) pickLate(list []*loop.Buffer) *loop.Buffer {
	if p.r.IntN(2) == 0 {
		return list[len(list)-1]
	}
	return p.pick(list)
}

func axesFor(s ir.Shape) []loop.Axis {
	names := []string{"n", "i", "j", "k", "l"}
	list := make([]loop.Axis, len(s))
	for i, d := range s {
		list[i] = loop.Axis{Name: names[i], Extent: d}
	}
	return list
}

func (p *programMaker) emit(n *loop.Nest) {
	n.Lanes = 1
	n.Name = n.Stores[0].To.Buf.Name
	p.f.Nests = append(p.f.Nests, n)
}

func store(b *loop.Buffer, e *loop.Expr, index ...loop.Affine) loop.Store {
	return loop.Store{To: loop.Access{Buf: b, Index: index}, Expr: e}
}

// value is a random expression of x.
func (p *programMaker) value(x *loop.Expr, w *loop.Buffer) *loop.Expr {
	switch p.r.IntN(6) {
	case 0:
		return loop.E(loop.Max, x, loop.F(0))
	case 1:
		return loop.E(loop.Mul, x, loop.Read(w, loop.Ax(1), loop.Ax(2)))
	case 2:
		return loop.E(loop.Add, loop.E(loop.Mul, x, loop.F(0.5)), loop.E(loop.ToF32, loop.IndexOf(loop.Ax(1).Plus(2, 4, 0))))
	case 3:
		return loop.E(loop.Exp, loop.E(loop.Neg, loop.E(loop.Abs, x)))
	case 4:
		return loop.E(loop.Select, loop.E(loop.Less, loop.F(0), x), x, loop.E(loop.Mul, x, x))
	}
	return loop.E(loop.Sub, loop.F(1), x)
}

// load reads b, a small tensor, on the axes n, i, j: mostly at their point, now and then transposed or at another.
func (p *programMaker) load(b *loop.Buffer) *loop.Expr {
	switch p.r.IntN(12) {
	case 0:
		return loop.Read(b, loop.Ax(0), loop.Ax(2), loop.Ax(1))
	case 1:
		return loop.Read(b, loop.Ax(0), loop.Affine{Const: 3}.Plus(1, -1, 0), loop.Ax(2))
	case 2:
		return loop.Read(b, loop.Ax(0), loop.At(p.r.IntN(4)), loop.Ax(2))
	}
	return loop.Read(b, loop.Ax(0), loop.Ax(1), loop.Ax(2))
}

// step appends something random.
func (p *programMaker) step(i int, w *loop.Buffer) {
	name := fmt.Sprintf("t%d", i)
	switch p.r.IntN(17) {
	case 0, 1, 2:
		p.mapped(name, w)
	case 3:
		p.split(name)
	case 4, 5:
		p.padded(name)
	case 6:
		p.window(name)
	case 7:
		p.reduced(name, w)
	case 8:
		if len(p.rows) > 0 {
			t := p.buffer(name, smallShape, loop.Temp)
			e := loop.E(loop.Add, p.load(p.pick(p.small)), loop.Read(p.pick(p.rows), loop.Ax(0)))
			p.emit(&loop.Nest{Form: loop.Map, Axes: axesFor(smallShape), Stores: []loop.Store{store(t, e, loop.Ax(0), loop.Ax(1), loop.Ax(2))}})
			p.small = append(p.small, t)
		}
	case 9:
		// What was written before is written again.
		if t := p.pick(p.small); t.Space == loop.Temp && t.Alias == nil {
			e := p.value(p.load(p.pick(p.small)), w)
			if reads(e, t) {
				e = loop.F(2)
			}
			p.emit(&loop.Nest{Form: loop.Map, Axes: axesFor(smallShape), Stores: []loop.Store{store(t, e, loop.Ax(0), loop.Ax(1), loop.Ax(2))}})
		}
	case 10:
		// A weight changes in place: all nests that read it before must still see what it was.
		e := loop.E(loop.FMA, loop.F(0.25), loop.Read(w, loop.Ax(0), loop.Ax(1)), loop.F(0.5))
		p.emit(&loop.Nest{Form: loop.Map, Axes: axesFor(smallShape[1:]), Stores: []loop.Store{store(w, e, loop.Ax(0), loop.Ax(1))}})
	case 11:
		if t := p.pick(p.small); t.Space == loop.Temp {
			a := p.buffer(name, smallShape, loop.Temp)
			a.Alias = t
			p.small = append(p.small, a)
		}
	case 16:
		p.mirror(name)
	case 13, 14, 15:
		p.again(name)
	case 12:
		t := p.buffer(name, smallShape, loop.Temp)
		p.emit(&loop.Nest{Form: loop.Copy, Axes: axesFor(smallShape), Stores: []loop.Store{store(t, p.load(p.pickLate(p.small)), loop.Ax(0), loop.Ax(1), loop.Ax(2))}})
		p.small = append(p.small, t)
	}
}

// again appends a nest that was there before, into another tensor, or one over the same points.
func (p *programMaker) again(name string) {
	if len(p.f.Nests) == 0 {
		return
	}
	n := *p.f.Nests[p.r.IntN(len(p.f.Nests))]
	if len(n.Stores) != 1 || n.Stores[0].To.Buf.Space != loop.Temp || !n.Stores[0].To.Buf.Shape.Equal(smallShape) {
		return
	}
	t := p.buffer(name, smallShape, loop.Temp)
	s := n.Stores[0]
	s.To.Buf = t
	if n.Form == loop.Map && p.r.IntN(2) == 0 {
		s.Expr = loop.E(loop.Add, s.Expr, loop.F(3))
	}
	n.Stores = []loop.Store{s}
	p.emit(&n)
	p.small = append(p.small, t)
}

func reads(e *loop.Expr, t *loop.Buffer) bool {
	found := false
	e.Walk(func(e *loop.Expr) { found = found || e.Code == loop.Load && e.From.Buf.Root() == t.Root() })
	return found
}

// mapped appends a map with one or two stores.
func (p *programMaker) mapped(name string, w *loop.Buffer) {
	t := p.buffer(name, smallShape, loop.Temp)
	x := p.load(p.pickLate(p.small))
	e := p.value(x, w)
	if p.r.IntN(2) == 0 {
		e = loop.E(loop.Add, e, p.load(p.pick(p.small)))
	}
	n := &loop.Nest{Form: loop.Map, Axes: axesFor(smallShape), Stores: []loop.Store{store(t, e, loop.Ax(0), loop.Ax(1), loop.Ax(2))}}
	p.small = append(p.small, t)
	if p.r.IntN(4) == 0 {
		s := p.buffer(name+"b", smallShape, loop.Temp)
		n.Stores = append(n.Stores, store(s, p.value(x, w), loop.Ax(0), loop.Ax(2), loop.Ax(1)))
		p.small = append(p.small, s)
	}
	p.emit(n)
}

// split appends a map over five axes that stores each element once, as the gradient of pooling does.
func (p *programMaker) split(name string) {
	t := p.buffer(name, smallShape, loop.Temp)
	s := ir.Shape{ir.Batch, ir.D(2), ir.D(2), ir.D(2), ir.D(2)}
	at := []loop.Affine{loop.Ax(0), loop.Affine{}.Plus(1, 2, 0).Plus(3, 1, 0), loop.Affine{}.Plus(2, 2, 0).Plus(4, 1, 0)}
	e := loop.E(loop.Select, loop.E(loop.Eq, loop.IndexOf(loop.Ax(3).Plus(4, 2, 0)), loop.I(p.r.IntN(4))), loop.Read(p.pick(p.small), at...), loop.F(0))
	p.emit(&loop.Nest{Form: loop.Map, Axes: axesFor(s), Stores: []loop.Store{store(t, e, at...)}})
	p.small = append(p.small, t)
}

// padded appends a fill and one or two copies into it, which may overlap.
func (p *programMaker) padded(name string) {
	t := p.buffer(name, largeShape, loop.Temp)
	fill := &loop.Nest{Form: loop.Map, Axes: axesFor(largeShape), Stores: []loop.Store{store(t, loop.F(-1), loop.Ax(0), loop.Ax(1), loop.Ax(2))}}
	p.emit(fill)
	p.large = append(p.large, t)
	for i := range 1 + p.r.IntN(2) {
		switch p.r.IntN(6) {
		case 0:
			p.window(fmt.Sprint(name, "w", i)) // sees the tensor before it is complete
		case 1:
			again := *fill
			p.emit(&again)
		}
		dy, dx := p.r.IntN(3), p.r.IntN(3)
		n := &loop.Nest{Form: loop.Copy, Axes: axesFor(smallShape)}
		e := loop.Read(p.pickLate(p.small), loop.Ax(0), loop.Ax(1), loop.Ax(2))
		if p.r.IntN(4) == 0 {
			n.Form, e = loop.Map, loop.E(loop.Neg, e)
		}
		n.Stores = []loop.Store{store(t, e, loop.Ax(0), loop.Ax(1).Plus(1, 0, dy), loop.Ax(2).Plus(2, 0, dx))}
		p.emit(n)
	}
}

// mirror appends a tensor padded from a part of a padded one, or from its source again.
func (p *programMaker) mirror(name string) {
	if len(p.large) == 0 {
		return
	}
	t := p.buffer(name, largeShape, loop.Temp)
	fill := loop.F(float64(-1 - p.r.IntN(4)/3))
	p.emit(&loop.Nest{Form: loop.Map, Axes: axesFor(largeShape), Stores: []loop.Store{store(t, fill, loop.Ax(0), loop.Ax(1), loop.Ax(2))}})
	last := *p.f.Nests[p.r.IntN(len(p.f.Nests))]
	for _, n := range p.f.Nests {
		if n.Form == loop.Copy && n.Stores[0].To.Buf.Shape.Equal(largeShape) && p.r.IntN(2) == 0 {
			last = *n
		}
	}
	s := last.Stores[0]
	if last.Form != loop.Copy || !s.To.Buf.Shape.Equal(largeShape) {
		return
	}
	first := s.To.Buf
	switch src := s.Expr.From.Buf; p.r.IntN(6) {
	case 0, 1:
		s.Expr = loop.Read(first, s.To.Index...)
	case 2:
		s.Expr = loop.Read(first, loop.Ax(0), loop.Ax(1).Plus(1, 0, p.r.IntN(3)), loop.Ax(2).Plus(2, 0, p.r.IntN(3)))
	case 3:
		if src.Space == loop.Temp && src.Alias == nil && src.Shape.Equal(smallShape) {
			p.emit(&loop.Nest{Form: loop.Map, Axes: axesFor(smallShape), Stores: []loop.Store{store(src, loop.F(4), loop.Ax(0), loop.Ax(1), loop.Ax(2))}})
		}
	}
	s.To.Buf = t
	last.Stores = []loop.Store{s}
	p.emit(&last)
	p.large = append(p.large, t)
	if p.r.IntN(4) == 0 {
		p.emit(&loop.Nest{Form: loop.Map, Axes: axesFor(smallShape), Stores: []loop.Store{store(first, loop.F(5), s.To.Index...)}})
	}
}

// window appends a sum over 3x3 of a large tensor.
func (p *programMaker) window(name string) {
	if len(p.large) == 0 {
		return
	}
	t := p.buffer(name, smallShape, loop.Temp)
	x := loop.Read(p.pickLate(p.large), loop.Ax(0), loop.Ax(1).Plus(3, 1, 0), loop.Ax(2).Plus(4, 1, 0))
	fold := []loop.Fold{loop.FoldSum, loop.FoldMax}[p.r.IntN(2)]
	n := &loop.Nest{Form: loop.Window, Axes: axesFor(smallShape), Fold: fold, Value: x,
		Red: []loop.Axis{{Name: "u", Extent: ir.D(3)}, {Name: "v", Extent: ir.D(3)}}}
	n.Stores = []loop.Store{store(t, loop.E(loop.Mul, loop.Total(ir.F32), loop.F(0.1)), loop.Ax(0), loop.Ax(1), loop.Ax(2))}
	p.emit(n)
	p.small = append(p.small, t)
}

// reduced appends a fold of each example.
func (p *programMaker) reduced(name string, w *loop.Buffer) {
	t := p.buffer(name, ir.NS(), loop.Temp)
	fold := []loop.Fold{loop.FoldSum, loop.FoldMax, loop.FoldMin}[p.r.IntN(3)]
	v := loop.Read(p.pickLate(p.small), loop.Ax(0), loop.Ax(1), loop.Ax(2))
	if p.r.IntN(2) == 0 {
		v = p.value(v, w)
	}
	n := &loop.Nest{Form: loop.Reduce, Axes: axesFor(ir.NS()), Fold: fold, Value: v, Red: axesFor(smallShape)[1:]}
	n.Stores = []loop.Store{store(t, loop.Total(ir.F32), loop.Ax(0))}
	p.emit(n)
	p.rows = append(p.rows, t)
}

// keep appends an output that copies something.
func (p *programMaker) keep(name string) {
	list, s := p.small, smallShape
	if len(p.rows) > 0 && p.r.IntN(3) == 0 {
		t := p.buffer(name, ir.NS(), loop.Output)
		p.emit(&loop.Nest{Form: loop.Copy, Axes: axesFor(ir.NS()), Stores: []loop.Store{store(t, loop.Read(p.pickLate(p.rows), loop.Ax(0)), loop.Ax(0))}})
		return
	}
	if len(p.large) > 0 && p.r.IntN(3) == 0 {
		list, s = p.large, largeShape
	}
	t := p.buffer(name, s, loop.Output)
	p.emit(&loop.Nest{Form: loop.Copy, Axes: axesFor(s), Stores: []loop.Store{store(t, loop.Read(p.pickLate(list), loop.Ax(0), loop.Ax(1), loop.Ax(2)),
		loop.Ax(0), loop.Ax(1), loop.Ax(2))}})
}
