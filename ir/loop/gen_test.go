package loop

import (
	"pgregory.net/rapid"

	"github.com/dlc-ml/dlc/diag"
	"github.com/dlc-ml/dlc/ir"
)

// gen makes any function that text must keep, sensible or not.
type gen struct {
	t     *rapid.T
	f     *Func
	exprs []*Expr // of the nest, for sharing
}

var (
	names    = rapid.OneOf(rapid.SampledFrom([]string{"x", "y", "n", "value", "acc", "inf", "max", "map", "a b", "1", "", "e5"}), rapid.String())
	elems    = rapid.SampledFrom([]ir.DType{ir.F32, ir.I32, ir.U8, ir.Bool})
	ints     = rapid.IntRange(-maxCoef, maxCoef)
	someBits = rapid.OneOf(rapid.Uint32(), rapid.SampledFrom([]uint32{0, 1, 1 << 31, 0x7f800000, 0xff800000, 0x7fc00000, 0x7f800001, 0x3f800000, 0x4b800000, 0xffffffff}))
)

func (g *gen) pos() diag.Pos {
	if rapid.Bool().Draw(g.t, "nopos") {
		return diag.Pos{}
	}
	return diag.Pos{File: names.Draw(g.t, "file"), Line: rapid.IntRange(1, 99).Draw(g.t, "line"), Col: rapid.IntRange(0, 99).Draw(g.t, "col")}
}

func (g *gen) dim() ir.Dim {
	return ir.Dim{Size: rapid.IntRange(0, 9).Draw(g.t, "size"), Sym: rapid.SampledFrom([]string{"", "", "N", "e5", "x0", "a b"}).Draw(g.t, "sym")}
}

func (g *gen) axes() []Axis {
	var list []Axis
	for range rapid.IntRange(0, 2).Draw(g.t, "axes") {
		list = append(list, Axis{names.Draw(g.t, "axis"), g.dim()})
	}
	return list
}

func (g *gen) affine(axes int) Affine {
	a := At(ints.Draw(g.t, "const"))
	for i := range axes {
		if rapid.Bool().Draw(g.t, "term") {
			a = a.Plus(i, rapid.OneOf(rapid.Just(1), rapid.Just(-1), ints).Draw(g.t, "coef"), 0)
		}
	}
	return a
}

func (g *gen) access(axes, depth int) Access {
	a := Access{Buf: rapid.SampledFrom(g.f.Buffers).Draw(g.t, "buffer")}
	var dyn []*Expr
	any := false
	for range rapid.IntRange(0, 2).Draw(g.t, "rank") {
		a.Index = append(a.Index, g.affine(axes))
		var d *Expr
		if depth > 0 && rapid.IntRange(0, 5).Draw(g.t, "dyn") == 0 {
			d, any = g.expr(axes, depth-1), true
		}
		dyn = append(dyn, d)
	}
	if any {
		a.Dyn = dyn
	}
	return a
}

func (g *gen) expr(axes, depth int) *Expr {
	if len(g.exprs) > 0 && rapid.IntRange(0, 4).Draw(g.t, "share") == 0 {
		return rapid.SampledFrom(g.exprs).Draw(g.t, "shared")
	}
	c := Code(rapid.IntRange(0, len(Codes)-1).Draw(g.t, "code"))
	if depth == 0 {
		c = Code(rapid.IntRange(int(Const), int(Index)).Draw(g.t, "leaf"))
	}
	var e *Expr
	switch c {
	case Const:
		e = &Expr{Code: Const, Type: elems.Draw(g.t, "type"), Bits: someBits.Draw(g.t, "bits")}
	case Load:
		from := g.access(axes, depth)
		e = &Expr{Code: Load, Type: from.Buf.Elem, From: from}
	case Acc:
		e = Total(elems.Draw(g.t, "type"))
	case Index:
		e = IndexOf(g.affine(axes))
	default:
		var args []*Expr
		for range Codes[c].Arity {
			args = append(args, g.expr(axes, depth-1))
		}
		e = E(c, args...)
	}
	if rapid.IntRange(0, 9).Draw(g.t, "retype") == 0 {
		e.Type = elems.Draw(g.t, "type")
	}
	g.exprs = append(g.exprs, e)
	return e
}

func (g *gen) nest(steps, depth int) *Nest {
	t := g.t
	n := &Nest{Form: Form(rapid.IntRange(0, int(Scan)).Draw(t, "form")), Name: names.Draw(t, "name"), Axes: g.axes(), Pos: g.pos(),
		Lanes: rapid.SampledFrom([]int{0, 1, 8, 16}).Draw(t, "lanes"), Reverse: rapid.Bool().Draw(t, "reverse"),
		Ops: rapid.SliceOfN(names, 0, 2).Draw(t, "ops")}
	g.exprs = nil
	axes := steps + len(n.Axes)
	if rapid.Bool().Draw(t, "fold") {
		n.Fold = Fold(rapid.IntRange(0, int(FoldProd)).Draw(t, "fold"))
		n.Red = g.axes()
		n.Value = g.expr(axes+len(n.Red), 3)
	}
	for range rapid.IntRange(0, 2).Draw(t, "stores") {
		n.Stores = append(n.Stores, Store{To: g.access(axes, 1), Expr: g.expr(axes, 4), Add: rapid.Bool().Draw(t, "add")})
	}
	if depth > 0 {
		for range rapid.IntRange(0, 2).Draw(t, "inner") {
			n.Body = append(n.Body, g.nest(axes, depth-1))
		}
	}
	return n
}

func genFunc(t *rapid.T) *Func {
	g := &gen{t: t, f: &Func{Name: names.Draw(t, "func")}}
	for range rapid.IntRange(0, 2).Draw(t, "symbols") {
		g.f.Symbols = append(g.f.Symbols, ir.Symbol{Name: names.Draw(t, "symbol"), Max: rapid.IntRange(0, 999).Draw(t, "max")})
	}
	if rapid.Bool().Draw(t, "plan") {
		g.f.Plan = &Plan{PerExample: rapid.IntRange(0, 1<<40).Draw(t, "per"), Fixed: rapid.IntRange(0, 1<<40).Draw(t, "fixed"), At: map[*Buffer]int{}}
	}
	for _, name := range rapid.SliceOfNDistinct(names, 1, 4, rapid.ID).Draw(t, "buffers") {
		b := &Buffer{Name: name, Elem: elems.Draw(t, "elem"), Space: Space(rapid.IntRange(0, int(Prepared)).Draw(t, "space")), Pos: g.pos(),
			Offset: rapid.IntRange(0, 9).Draw(t, "offset"), Wide: rapid.IntRange(0, 9).Draw(t, "wide"), Shape: ir.Shape{}}
		if rapid.Bool().Draw(t, "scaled") {
			b.Shape = append(b.Shape, g.dim())
		}
		b.Shape = append(b.Shape, ir.S(rapid.SliceOfN(rapid.IntRange(0, 9), 0, 2).Draw(t, "shape")...)...)
		b.Strides = RowMajor(b.Shape)
		if rapid.Bool().Draw(t, "odd") {
			b.Strides = rapid.SliceOfN(ints, len(b.Shape), len(b.Shape)).Draw(t, "strides")
		}
		if len(g.f.Buffers) > 0 && rapid.Bool().Draw(t, "alias") {
			b.Alias = rapid.SampledFrom(g.f.Buffers).Draw(t, "of")
		}
		if rapid.Bool().Draw(t, "data") {
			b.Data = rapid.SliceOfN(someBits, 0, 3).Draw(t, "words")
		}
		if g.f.Plan != nil && rapid.Bool().Draw(t, "placed") {
			g.f.Plan.At[b] = rapid.IntRange(0, 1<<40).Draw(t, "at")
		}
		g.f.Buffers = append(g.f.Buffers, b)
	}
	for range rapid.IntRange(0, 3).Draw(t, "nests") {
		g.f.Nests = append(g.f.Nests, g.nest(0, 2))
	}
	for at := 0; at < len(g.f.Nests) && rapid.Bool().Draw(t, "chained"); {
		from := rapid.IntRange(at, len(g.f.Nests)-1).Draw(t, "from")
		at = rapid.IntRange(from+1, len(g.f.Nests)).Draw(t, "to")
		g.f.Chains = append(g.f.Chains, Chain{from, at, rapid.IntRange(1, 1<<40).Draw(t, "part")})
	}
	return g.f
}
