package ops

import (
	"math"
	"slices"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// norm is the geometry of a normalisation: the statistics of a tensor are taken over axes, and where the last axis is among them
// and groups is above 1, for each of so many groups of channels apart. Loops run over split, which is the tensor's shape with its last
// axis divided into groups and members; folded are the axes of split that the statistics are taken over.
type norm struct {
	shape  ir.Shape
	groups int
	split  ir.Shape
	folded []int
}

// normAttrs are the attributes that give a norm.
var normAttrs = []AttrDef{
	{Name: "axes", Doc: "the axes that the statistics are taken over, from 0, the batch, or from -1, the last; empty for all", Default: []int{}},
	{Name: "groups", Doc: "number of groups of channels that have statistics of their own, where the last axis is among the axes", Default: 1},
}

// epsAttr is what a normalisation adds to the variance.
var epsAttr = AttrDef{Name: "eps", Doc: "added to the variance before its root is taken", Default: 1e-5}

// newNorm checks a tensor and attributes and returns the geometry.
func newNorm(kind string, x ir.Type, a ir.Attrs) (norm, error) {
	if err := wantElem(kind, "x", x, ir.F32); err != nil {
		return norm{}, err
	}
	axes, err := plainAxes(kind, a.Ints("axes"), x.Shape)
	if err != nil {
		return norm{}, err
	}
	g := norm{shape: x.Shape, groups: a.Int("groups"), split: x.Shape, folded: axes}
	if eps, ok := a.Get("eps").(float64); ok && !(eps >= 0 && eps < math.MaxFloat32) {
		return norm{}, WithNote("1e-5 is usual", "%s needs an eps from 0 up, not %v", kind, eps)
	}
	last := len(x.Shape) - 1
	switch {
	case g.groups < 1:
		return norm{}, WithNote("groups=1 joins all channels", "%s needs at least 1 group, not %d", kind, g.groups)
	case g.groups == 1:
		return g, nil
	case !slices.Contains(axes, last) || !x.Shape[last].Static() || x.Shape[last].Size%g.groups != 0:
		return norm{}, WithNote("the number of channels must be a multiple of groups", "%s cannot divide the last axis of %s into %d groups", kind, x, g.groups)
	}
	g.split = append(append(ir.Shape{}, x.Shape[:last]...), ir.D(g.groups), ir.D(x.Shape[last].Size/g.groups))
	g.folded = append(append([]int{}, axes[:len(axes)-1]...), last+1)
	return g, nil
}

// mustNorm is newNorm for operands that Infer accepted.
func mustNorm(kind string, x ir.Type, a ir.Attrs) norm {
	g, err := newNorm(kind, x, a)
	if err != nil {
		panic("ops: " + kind + ": " + err.Error())
	}
	return g
}

// stat is the type of a statistic: the axes that are not folded, the groups last.
func (g norm) stat() ir.Type { return ir.T(ir.F32, dropAxes(g.split, g.folded, false)) }

// index is the index of the tensor's element at a point of the loops over split.
func (g norm) index(at []loop.Affine) []loop.Affine {
	if g.groups == 1 {
		return at
	}
	last := len(g.shape) - 1
	c := at[last+1]
	for _, t := range at[last].Terms {
		c = c.Plus(t.Axis, t.Coef*g.split[last+1].Size, 0)
	}
	return append(append([]loop.Affine{}, at[:last]...), c)
}

// kept is the index of the statistic at a point of the loops over split.
func (g norm) kept(at []loop.Affine) []loop.Affine {
	var list []loop.Affine
	for i, ix := range at {
		if !slices.Contains(g.folded, i) {
			list = append(list, ix)
		}
	}
	return list
}

// dims are the extents that the statistics are taken over.
func (g norm) dims() ir.Shape {
	var s ir.Shape
	for _, i := range g.folded {
		s = append(s, g.split[i])
	}
	return s
}

// perChannel reports whether both the statistics and a scale of that type belong to the channels, the last axis, and nothing else.
func (g norm) perChannel(scale ir.Type) bool {
	return g.groups == 1 && len(g.folded) == len(g.shape)-1 && !slices.Contains(g.folded, len(g.shape)-1) && len(scale.Shape) == 1
}

// factor emits scale times the inverse deviation of each channel.
func (g norm) factor(l *Lowering, scale, inverse *loop.Buffer) *loop.Buffer {
	b := l.Temp("factor", g.stat())
	l.mapOver(b, loop.E(loop.Mul, loop.Read(scale, loop.Ax(0)), loop.Read(inverse, loop.Ax(0))))
	return b
}

// sum emits the nests that sum value, over the axes of the statistics, into a buffer of their shape.
func (g norm) sum(l *Lowering, into *loop.Buffer, value func(at []loop.Affine) *loop.Expr, finish func(total *loop.Expr) *loop.Expr) {
	g.sumOver(l, into, g.folded, value, finish, g.kept)
}

// sumOver emits nests that sum value over axes of split into a buffer; place gives the index there. Where the batch is among several axes,
// they make one sum for each example first: examples can then be shared out, and chains of additions stay short.
func (g norm) sumOver(l *Lowering, into *loop.Buffer, axes []int, value func(at []loop.Affine) *loop.Expr,
	finish func(total *loop.Expr) *loop.Expr, place func(at []loop.Affine) []loop.Affine) {
	if len(axes) < 2 || axes[0] != 0 || g.split[0].Static() {
		l.foldNest(into, g.split, axes, loop.FoldSum, value, finish, place)
		return
	}
	rows := l.Func.NewBuffer(into.Name+".rows", ir.T(ir.F32, dropAxes(g.split, axes[1:], false)), loop.Temp, l.op.Pos)
	l.foldAxes(rows, false, g.split, axes[1:], loop.FoldSum, value, asIs)
	read := func(at []loop.Affine) *loop.Expr { return loop.Read(rows, at...) }
	l.foldNest(into, rows.Shape, []int{0}, loop.FoldSum, read, finish, func(at []loop.Affine) []loop.Affine {
		// place knows the axes of split: those that the rows lack do not matter to it.
		all := make([]loop.Affine, len(g.split))
		for i := range all {
			if !slices.Contains(axes[1:], i) {
				all[i], at = at[0], at[1:]
			}
		}
		return place(all)
	})
}

// mapAll emits a map over the whole tensor.
func (g norm) mapAll(l *Lowering, out *loop.Buffer, value func(at []loop.Affine) *loop.Expr) {
	at := plainIndex(len(g.split))
	l.Emit(&loop.Nest{Form: loop.Map, Name: out.Name, Axes: axesOf(g.split), Stores: []loop.Store{storeAt(out, value(at), g.index(at)...)}})
}

// inverse emits 1/sqrt(variance + eps), for each statistic.
func (g norm) inverse(l *Lowering, variance *loop.Buffer, eps float64) *loop.Buffer {
	b := l.Temp("inverse", g.stat())
	v := loop.Read(variance, plainIndex(len(b.Shape))...)
	l.mapOver(b, loop.E(loop.Div, loop.F(1), loop.E(loop.Sqrt, loop.E(loop.Add, v, loop.F(eps)))))
	return b
}

// reader returns the load of a buffer of the statistics' shape at a point of the loops over split.
func (g norm) reader(b *loop.Buffer) func(at []loop.Affine) *loop.Expr {
	return func(at []loop.Affine) *loop.Expr { return loop.Read(b, g.kept(at)...) }
}

// gain returns the load of a parameter whose axes are the tensor's last ones.
func (g norm) gain(b *loop.Buffer) func(at []loop.Affine) *loop.Expr {
	return func(at []loop.Affine) *loop.Expr {
		ix := g.index(at)
		return loop.Read(b, ix[len(ix)-len(b.Shape):]...)
	}
}

// centred returns the tensor's element less the mean.
func (g norm) centred(x, mean *loop.Buffer) func(at []loop.Affine) *loop.Expr {
	return func(at []loop.Affine) *loop.Expr {
		return loop.E(loop.Sub, loop.Read(x, g.index(at)...), loop.Read(mean, g.kept(at)...))
	}
}

// naiveNorm is the geometry as the evaluation sees it: the shape of the statistics, and which one an element belongs to.
func naiveNorm(shape []int, a ir.Attrs) (stat []int, of func(ix []int) int) {
	axes, groups := evalAxes(a.Ints("axes"), len(shape)), max(1, a.Int("groups"))
	var kept []int
	for i, d := range shape {
		if !slices.Contains(axes, i) {
			stat, kept = append(stat, d), append(kept, i)
		}
	}
	if groups > 1 {
		stat = append(stat, groups)
	}
	return stat, func(ix []int) int {
		n := 0
		for _, i := range kept {
			n = n*shape[i] + ix[i]
		}
		if last := len(shape) - 1; groups > 1 {
			n = n*groups + ix[last]/(shape[last]/groups)
		}
		return n
	}
}
