package ops

import (
	"fmt"
	"math"
	"slices"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// optimizer is an operator that changes all trainable parameters by their gradients. Its update is one nest over the flat arenas of
// parameters, gradients and state, or one for each group of parameters that are treated alike. Weight decay, clipping and the rest that
// optimizers have in common follow from it.
type optimizer struct {
	Operator // name, documentation, own attributes, default rate, states and scalars
	// check refuses attributes; nil where any will do.
	check func(a ir.Attrs) error
	// decay is the default of weight_decay. Decoupled, it shrinks the weights by rate*weight_decay before the update; else it adds
	// weight_decay*w to the gradient.
	decay     float64
	decoupled bool
	// rule is Operator.Rule without weight decay and clipping.
	rule func(a ir.Attrs, t, lr, w, g float64, kept []float64) float64
	// step returns the new value of one parameter element. direct, in its place, returns the direction u of an optimizer that
	// scales the step by the norms of each parameter and of its u.
	step   func(u *update) *loop.Expr
	direct func(u *update) *loop.Expr
	// attrs are the samples' attributes.
	attrs []ir.Attrs
}

// operator derives the literal.
func (o optimizer) operator() *Operator {
	r := o.Operator
	r.Category, r.Effect, r.Gradients = "optimizer", true, true
	r.NoGrad = "an optimizer's update is no part of the model"
	r.ONNX = ONNX{Note: "ONNX holds models, not their training"}
	r.Args = []Arg{{Name: "grads", Doc: "the gradient of each trainable parameter; none where those of several batches were added up", Optional: true, Variadic: true}}
	how := "added, times the weight, to the gradient"
	if o.decoupled {
		how = "the weights lose that, times the rate, before each update (decoupled: Loshchilov and Hutter, 2019)"
	}
	r.Attrs = append(append([]AttrDef{}, o.Attrs...),
		AttrDef{Name: "weight_decay", Doc: "weight decay, " + how, Default: o.decay},
		AttrDef{Name: "clip_norm", Doc: "above 0: the largest norm of all gradients together; a larger one is scaled down to it", Default: 0.0},
		AttrDef{Name: "clip_value", Doc: "above 0: each element of the gradient is kept within ± this, after clip_norm", Default: 0.0})
	if o.Momentum != "" {
		r.Attrs = append(r.Attrs, AttrDef{Name: cycled, Doc: "whether " + o.Momentum + " is the momentum of the schedule; given by the compiler", Default: false})
	}
	r.Infer = func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		for _, name := range []string{"weight_decay", "clip_norm", "clip_value"} {
			if x := a.Float(name); !(x >= 0 && x <= math.MaxFloat32) {
				return nil, WithNote("0 is none", "%s needs a %s of 0 or more, not %v", o.Name, name, x)
			}
		}
		if o.check != nil {
			if err := o.check(a); err != nil {
				return nil, err
			}
		}
		return nil, gradients(o.Name, args)
	}
	r.Eval = func(args []*Tensor, a ir.Attrs) []*Tensor { return nil }
	if r.States == nil {
		r.States = func(a ir.Attrs) []string { return nil }
	}
	r.Lower, r.Rule, r.ByNorm = o.lower, o.wholeRule, o.direct != nil
	if o.Momentum != "" {
		last := slices.Clone(o.attrs[len(o.attrs)-1])
		o.attrs = append(slices.Clip(o.attrs), append(last, ir.Attr{Name: cycled, Value: true}))
	}
	for _, a := range append(o.attrs, ir.Attrs{{Name: "clip_norm", Value: 1.0}, {Name: "weight_decay", Value: 0.01}}, ir.Attrs{{Name: "clip_value", Value: 0.5}}) {
		// An optimizer has no results to compare; its nest is tested by itself.
		r.Samples = append(r.Samples, Sample{Args: f32Types(ir.S(3, 2), ir.S(5)), Attrs: a, NoGrad: true})
	}
	return &r
}

// cycled is the attribute by which the compiler says that the schedule moves the momentum.
const cycled = "cycled"

// Settings are what the language gives an optimizer: the learning rate, which the run-time then changes from step to step, and the
// attributes but what the compiler gives.
func (o *Operator) Settings() []AttrDef {
	list := append([]AttrDef{{Name: "lr", Doc: "the learning rate, above 0, from which the schedule starts", Default: o.Rate}}, o.Attrs...)
	return slices.DeleteFunc(list, func(d AttrDef) bool { return d.Name == cycled })
}

// Cycle lets the schedule move the momentum of an optimizer with these settings, where it has one.
func (o *Operator) Cycle(settings ir.Attrs) ir.Attrs {
	if o.Momentum == "" || settings.Float(o.Momentum) == 0 {
		return settings
	}
	return append(settings, ir.Attr{Name: cycled, Value: true})
}

// wholeRule is rule with what optimizers have in common.
func (o optimizer) wholeRule(a ir.Attrs, t, lr, w, g float64, kept []float64) float64 {
	if c := a.Float("clip_value"); c > 0 {
		g = max(-c, min(c, g))
	}
	decay := a.Float("weight_decay")
	switch {
	case o.direct != nil:
		return o.rule(a, t, lr, w, g, kept) + decay*w
	case o.decoupled:
		return o.rule(a, t, lr, w-lr*decay*w, g, kept)
	}
	return o.rule(a, t, lr, w, g+decay*w, kept)
}

// gradients checks operands that are the gradients of parameters.
func gradients(kind string, args []ir.Type) error {
	for _, t := range args {
		if t.Elem != ir.F32 {
			return fmt.Errorf("%s takes gradients in f32, not %v", kind, t)
		}
		if n, ok := t.Shape.Elems(); !ok || !n.Static() {
			return fmt.Errorf("%s takes the gradients of parameters, whose extents are known, not %v", kind, t)
		}
	}
	return nil
}

// within checks that attributes lie in [low, high), rounded to f32 too: what rounds to 1 would divide by 1 - 1.
func within(kind string, a ir.Attrs, low, high float64, usual string, names ...string) error {
	for _, n := range names {
		if x := a.Float(n); !(x >= low && x < high && float32(x) < float32(high)) {
			return WithNote(usual+" is usual", "%s needs a %s from %v up to but not %v, not %v", kind, n, low, high, x)
		}
	}
	return nil
}

// positive checks that attributes are above 0, also in f32, and below 1.
func positive(kind string, a ir.Attrs, usual string, names ...string) error {
	for _, n := range names {
		if x := a.Float(n); !(float32(x) > 0 && x < 1) {
			return WithNote(usual+" is usual", "%s needs an %s between 0 and 1, not %v", kind, n, x)
		}
	}
	return nil
}

// update is the nest of an optimizer for one group of parameters.
type update struct {
	l      *Lowering
	attrs  ir.Attrs
	at     loop.Affine
	extent ir.Dim
	stores []loop.Store

	w    *loop.Expr // the parameter, after decoupled weight decay
	g    *loop.Expr // its gradient, after clipping and weight decay
	rate *loop.Expr // the learning rate of the group

	decay    float64 // decoupled weight decay, for an optimizer that adds it to its direction
	momentum string  // Operator.Momentum
}

// lower emits the update of every group.
func (o optimizer) lower(l *Lowering, op *ir.Op) {
	groups := l.groups(op)
	clip := op.Attrs.Float("clip_norm")
	if len(groups) > 1 || clip > 0 || o.direct != nil {
		end := groups[len(groups)-1]
		l.arena = ir.D(end.Offset + end.Size)
	}
	source, scale := (*loop.Buffer)(nil), (*loop.Expr)(nil)
	if len(op.Args) > 0 {
		source = l.Arena(loop.Grad, "")
	} else {
		source, scale = l.Arena(loop.State, sumState), loop.Read(l.Scalar("share", ir.F32))
	}
	if clip > 0 {
		scale = l.clip(source, scale, clip)
	}
	for _, g := range groups {
		u := &update{l: l, attrs: op.Attrs, at: loop.Ax(0), extent: l.arenaDim()}
		if u.extent.Static() {
			u.at, u.extent = loop.Ax(0).Plus(0, 0, g.Offset), ir.D(g.Size)
		}
		u.prepare(o, g, source, scale)
		if o.direct != nil {
			u.scaled(o.direct(u), g)
			continue
		}
		u.write(loop.Weight, "", o.step(u))
		u.emit()
	}
}

// groups returns the groups of the parameter arena.
func (l *Lowering) groups(op *ir.Op) []ir.Group {
	if l.Groups != nil {
		return l.Groups
	}
	var g ir.Group
	for _, v := range op.Args {
		n, _ := v.Type.Shape.Elems()
		s := ir.Span{Offset: g.Size, Size: (n.Size + 15) / 16 * 16}
		g.Params = append(g.Params, s)
		g.Size += s.Size
	}
	g.Size = max(256, (g.Size+255)/256*256)
	return []ir.Group{g}
}

// prepare makes w, g and rate.
func (u *update) prepare(o optimizer, group ir.Group, source *loop.Buffer, scale *loop.Expr) {
	u.rate, u.momentum = loop.Read(u.l.Scalar("lr", ir.F32)), o.Momentum
	if f := group.Factor(); f != 1 {
		u.rate = loop.E(loop.Mul, loop.F(f), u.rate)
	}
	u.w, u.g = u.read(loop.Weight, ""), loop.Read(source, u.at)
	if scale != nil {
		u.g = loop.E(loop.Mul, u.g, scale)
	}
	if c := u.attrs.Float("clip_value"); c > 0 {
		u.g = loop.E(loop.Max, loop.E(loop.Min, u.g, loop.F(c)), loop.F(-c))
	}
	coupled, decay := u.attrs.Float("weight_decay"), 0.0
	if o.decoupled {
		coupled, decay = 0, coupled
	}
	if group.HasDecay {
		decay = group.Decay
	}
	if coupled != 0 {
		u.g = loop.E(loop.FMA, loop.F(coupled), u.w, u.g)
	}
	if u.decay = decay; decay != 0 && o.direct == nil {
		u.w = loop.E(loop.Mul, u.w, loop.E(loop.Sub, loop.F(1), loop.E(loop.Mul, u.rate, loop.F(decay))))
	}
}

// read loads an element of an arena.
func (u *update) read(space loop.Space, name string) *loop.Expr {
	return loop.Read(u.l.Arena(space, name), u.at)
}

// write stores into the element of an arena. Everything read is as it was before any store of the element.
func (u *update) write(space loop.Space, name string, e *loop.Expr) {
	u.stores = append(u.stores, storeAt(u.l.Arena(space, name), e, u.at))
}

// emit appends the nest.
func (u *update) emit() {
	u.l.Emit(&loop.Nest{Form: loop.Map, Axes: []loop.Axis{{Name: "p", Extent: u.extent}}, Stores: u.stores})
	u.stores = nil
}

// float is an attribute as a constant.
func (u *update) float(name string) *loop.Expr { return loop.F(u.attrs.Float(name)) }

// kept is the attribute that says what is kept from step to step, which a schedule may move, and what is left of 1.
func (u *update) kept(name string) (kept, rest *loop.Expr) {
	if moved, _ := u.attrs.Get(cycled).(bool); moved && name == u.momentum {
		m := loop.Read(u.l.Scalar("momentum", ir.F32))
		return m, loop.E(loop.Sub, loop.F(1), m)
	}
	b := u.attrs.Float(name)
	return loop.F(b), loop.F(1 - b)
}

// scalar reads one of the operator's step scalars.
func (u *update) scalar(name string) *loop.Expr { return loop.Read(u.l.Scalar(name, ir.F32)) }

// descend is w - rate*dir.
func (u *update) descend(dir *loop.Expr) *loop.Expr {
	return loop.E(loop.FMA, loop.E(loop.Neg, u.rate), dir, u.w)
}

// mean keeps state = beta*state + (1-beta)*x and returns it.
func (u *update) mean(state, beta string, x *loop.Expr) *loop.Expr {
	kept, rest := u.kept(beta)
	m := loop.E(loop.FMA, kept, u.read(loop.State, state), loop.E(loop.Mul, rest, x))
	u.write(loop.State, state, m)
	return m
}

// square is the gradient squared.
func (u *update) square() *loop.Expr { return loop.E(loop.Mul, u.g, u.g) }

// rest is the formula of 1 - b^t.
func rest(b float64) string { return fmt.Sprintf("1 %v t pow -", b) }

// clip returns by what the gradients are multiplied so that their norm is at most limit: min(1, limit/(norm + 1e-6)), as PyTorch's
// clip_grad_norm_ does. scale, where not nil, is what they are multiplied by before.
func (l *Lowering) clip(source *loop.Buffer, scale *loop.Expr, limit float64) *loop.Expr {
	sum := l.sumSquares("norm", source, ir.Span{Offset: 0, Size: source.Shape[0].Size})
	norm := loop.E(loop.Sqrt, sum)
	if scale != nil {
		norm = loop.E(loop.Mul, norm, scale)
	}
	factor := loop.E(loop.Min, loop.F(1), loop.E(loop.Div, loop.F(limit), loop.E(loop.Add, norm, loop.F(1e-6))))
	if scale != nil {
		factor = loop.E(loop.Mul, factor, scale)
	}
	return l.number("clip", factor)
}

// number emits a nest that computes one number, and returns a load of it.
func (l *Lowering) number(name string, e *loop.Expr) *loop.Expr {
	to := l.scratch(name, nil)
	l.Emit(&loop.Nest{Form: loop.Map, Name: l.op.Kind + "." + name, Stores: []loop.Store{storeAt(to, e)}})
	return loop.Read(to)
}

// scratch makes a temporary of an operator that may have no results.
func (l *Lowering) scratch(name string, s ir.Shape) *loop.Buffer {
	return l.Func.NewBuffer(l.op.Kind+"."+name, ir.T(ir.F32, s), loop.Temp, l.op.Pos)
}

// sumParts returns into how many equal parts a sum of n elements is split: 1 up to 4096 elements, then the least number from 16 on that
// leaves parts of at most 32768. It depends on n alone.
func sumParts(n int) int {
	if n <= 4096 {
		return 1
	}
	best := 1
	for parts := 16; parts <= 4096; parts++ {
		if n%parts == 0 {
			if best = parts; n/parts <= 32768 {
				break
			}
		}
	}
	return best
}

// sumSquares emits the sum of the squares of a run of an arena and returns a load of it. A long one is split into parts.
func (l *Lowering) sumSquares(name string, b *loop.Buffer, s ir.Span) *loop.Expr {
	parts := sumParts(s.Size)
	view := l.Func.NewBuffer(b.Name+"."+name, ir.T(ir.F32, ir.S(parts, s.Size/parts)), b.Space, l.op.Pos)
	view.Alias, view.Offset = b, s.Offset
	total := l.scratch(name, nil)
	n := &loop.Nest{Form: loop.Reduce, Name: l.op.Kind + "." + name, Red: []loop.Axis{axis("i", s.Size/parts)}, Fold: loop.FoldSum}
	sum := loop.Total(ir.F32)
	if parts == 1 {
		x := loop.Read(view, loop.At(0), loop.Ax(0))
		n.Value, n.Stores = loop.E(loop.Mul, x, x), []loop.Store{storeAt(total, sum)}
		l.Emit(n)
		return loop.Read(total)
	}
	part := l.scratch(name+".parts", ir.S(parts))
	x := loop.Read(view, loop.Ax(0), loop.Ax(1))
	n.Name, n.Axes = part.Name, []loop.Axis{axis("part", parts)}
	n.Value, n.Stores = loop.E(loop.Mul, x, x), []loop.Store{storeAt(part, sum, loop.Ax(0))}
	l.Emit(n)
	l.Emit(&loop.Nest{
		Form: loop.Reduce, Name: total.Name, Red: []loop.Axis{axis("part", parts)},
		Fold: loop.FoldSum, Value: loop.Read(part, loop.Ax(0)), Stores: []loop.Store{storeAt(total, sum)},
	})
	return loop.Read(total)
}

// scaled stores the direction and then, for each parameter, moves against it by rate * |w| / |direction|, or by the rate alone where
// one of the norms is 0.
func (u *update) scaled(dir *loop.Expr, g ir.Group) {
	w := u.l.Arena(loop.Weight, "")
	to := u.l.scratch("direction", ir.Shape{w.Shape[0]})
	u.stores = append(u.stores, storeAt(to, dir, u.at))
	u.emit()
	for _, p := range g.Params {
		norms := [2]*loop.Expr{u.l.sumSquares("weight", w, p), u.l.sumSquares("step", to, p)}
		zero := loop.F(0)
		ratio := loop.E(loop.Sqrt, loop.E(loop.Div, norms[0], norms[1]))
		ratio = loop.E(loop.Select, loop.E(loop.And, loop.E(loop.Less, zero, norms[0]), loop.E(loop.Less, zero, norms[1])), ratio, loop.F(1))
		size := u.l.number("ratio", loop.E(loop.Neg, loop.E(loop.Mul, u.rate, ratio)))
		at := loop.Ax(0).Plus(0, 0, p.Offset)
		u.l.Emit(&loop.Nest{Form: loop.Map, Axes: []loop.Axis{axis("p", p.Size)},
			Stores: []loop.Store{storeAt(w, loop.E(loop.FMA, size, loop.Read(to, at), loop.Read(w, at)), at)}})
	}
}
