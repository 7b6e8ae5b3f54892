// Package lower is the pass that turns each tensor function into a loop function. What an operator becomes stands in its
// literal; this pass decides who owns the storage of each value.
package lower

import (
	"fmt"

	"github.com/dlc-ml/dlc/diag"
	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
	"github.com/dlc-ml/dlc/ir/ops"
	"github.com/dlc-ml/dlc/passes/pass"
)

// Pass is lower as a row of the pipeline.
var Pass = pass.Pass{
	Name: "lower",
	Doc: "Lower turns every operator into loop nests over buffers, and places the parameters in their arena. Inputs, targets, parameters and results have " +
		"buffers of their own; the gradients that the optimizer takes lie in the gradient arena.",
	Requires: []pass.Order{
		{Before: "simplify", Reason: "what the tensor program does not say needs no nest"},
		{Before: "autodiff", Reason: "gradients are made of operators"},
	},
	Run: run,
}

func run(u *pass.Unit, cfg *pass.Config) error {
	a, err := pass.NewArena(u.Module)
	if err != nil {
		return err
	}
	u.Arena = a
	u.Loops = nil
	for _, f := range u.Module.Funcs {
		g, err := Func(u.Module, f, a)
		if err != nil {
			return fmt.Errorf("%s: %w", f.Name, err)
		}
		u.Loops = append(u.Loops, g)
	}
	return nil
}

// ArenaSymbol is the extent of buffers that hold the trainable part of an arena.
const ArenaSymbol = "P"

// Func lowers one function of m, whose parameters lie as a says. Its buffers of space Input are f's inputs in order
// and by name; those of space Output are f's results in order, by their names where those are free; those of space Weight and Grad are called
// like the parameter and the parameter with ".grad" behind it. Errors are operators that cannot be lowered, and clashes of names.
func Func(m *ir.Module, f *ir.Func, a pass.Arena) (*loop.Func, error) {
	lw := &lowering{f: f, arena: a, out: &loop.Func{Name: f.Name}, bufs: map[*ir.Value]*loop.Buffer{}, copies: map[*ir.Value][]*loop.Buffer{}}
	lw.out.Symbols = append(lw.out.Symbols, f.Symbols...)
	for _, v := range f.Inputs {
		if err := lw.bind(v, v.Name, loop.Input, v.Pos); err != nil {
			return nil, err
		}
	}
	for _, v := range f.Params() {
		if err := lw.bind(v, v.Param.Name, loop.Weight, v.Param.Pos); err != nil {
			return nil, err
		}
	}
	for _, r := range f.Results {
		lw.demand(r.Value, lw.out.NewBuffer(r.Name, r.Value.Type, loop.Output, r.Value.Pos))
	}
	if err := lw.grads(m); err != nil {
		return nil, err
	}
	if err := lw.ops(); err != nil {
		return nil, err
	}
	for _, b := range lw.out.Buffers {
		if len(b.Shape) > 0 && b.Shape[0].Sym == ArenaSymbol {
			lw.out.Symbols = append(lw.out.Symbols, ir.Symbol{Name: ArenaSymbol, Max: a.Trainable})
			break
		}
	}
	return lw.out, nil
}

// lowering is the work on one function.
type lowering struct {
	f      *ir.Func
	arena  pass.Arena
	out    *loop.Func
	bufs   map[*ir.Value]*loop.Buffer
	copies map[*ir.Value][]*loop.Buffer // buffers that a value must be copied to, since it lives elsewhere
}

// bind gives v a buffer of exactly this name.
func (lw *lowering) bind(v *ir.Value, name string, space loop.Space, pos diag.Pos) error {
	b := lw.out.NewBuffer(name, v.Type, space, pos)
	if b.Name != name {
		return fmt.Errorf("%s: two tensors are called %s", pos, name)
	}
	lw.bufs[v] = b
	return nil
}

// demand says that b must hold v: b is v's own buffer where an operator makes v and nothing else claimed it, else a copy.
func (lw *lowering) demand(v *ir.Value, b *loop.Buffer) {
	if v.Def != nil && lw.bufs[v] == nil {
		lw.bufs[v] = b
		return
	}
	lw.copies[v] = append(lw.copies[v], b)
}

// grads demands a buffer in the gradient arena for each gradient that the optimizer takes: one for each trainable parameter, in the
// order of the module.
func (lw *lowering) grads(m *ir.Module) error {
	var params []*ir.Param
	for _, p := range m.Params {
		if p.Trainable {
			params = append(params, p)
		}
	}
	seen := false
	for _, op := range lw.f.Ops {
		o := ops.Lookup(op.Kind)
		if o == nil || !o.Gradients || len(op.Args) == 0 {
			continue // one without operands takes what was added up
		}
		if len(op.Args) != len(params) {
			return fmt.Errorf("%s: %s takes %d gradients, but there are %d trainable parameters", op.Pos, op.Kind, len(op.Args), len(params))
		}
		if seen {
			return fmt.Errorf("%s: there is a second optimizer", op.Pos)
		}
		seen = true
		for i, p := range params {
			if !op.Args[i].Type.Equal(p.Type) {
				return fmt.Errorf("%s: the gradient of %s is %s, not %s", op.Pos, p.Name, op.Args[i].Type, p.Type)
			}
			name := p.Name + ".grad"
			b := lw.out.NewBuffer(name, p.Type, loop.Grad, p.Pos)
			if b.Name != name {
				return fmt.Errorf("%s: two tensors are called %s", p.Pos, name)
			}
			lw.demand(op.Args[i], b)
		}
	}
	return nil
}

// ops lowers every operator in order, but those that change parameters in place behind all others, so that each reads a parameter as it was. A
// value that lives in several places is copied where it is made; inputs and parameters are copied first, for the same reason.
func (lw *lowering) ops() error {
	l := ops.NewLowering(lw.out, lw.bufs)
	l.Groups = lw.arena.Groups
	for _, v := range lw.f.Inputs {
		lw.copy(v)
	}
	for _, v := range lw.f.Params() {
		lw.copy(v)
	}
	order, err := effectsLast(lw.f.Ops)
	if err != nil {
		return err
	}
	for _, op := range order {
		if err := l.Run(op); err != nil {
			return err
		}
		for _, r := range op.Results {
			lw.copy(r)
		}
	}
	return nil
}

// effectsLast returns the operators with those that have an effect at the end. The error is an operator that changes what it may not:
// something other than a parameter, one that is trained, or one that another operator with an effect reads or changes too.
func effectsLast(list []*ir.Op) ([]*ir.Op, error) {
	var plain, effects []*ir.Op
	changed := map[*ir.Value]*ir.Op{}
	for _, op := range list {
		o := ops.Lookup(op.Kind)
		if o == nil || !o.Effect {
			plain = append(plain, op)
			continue
		}
		for _, a := range op.Args {
			if other := changed[a]; other != nil {
				return nil, fmt.Errorf("%s: %s uses %s, which %s at %s changes", op.Pos, op.Kind, a.Name, other.Kind, other.Pos)
			}
		}
		for _, i := range o.Updates {
			if p := op.Args[i].Param; p == nil || p.Trainable {
				return nil, fmt.Errorf("%s: %s changes %s, which is no parameter that is left alone by the optimizer", op.Pos, op.Kind, op.Args[i].Name)
			}
			changed[op.Args[i]] = op
		}
		effects = append(effects, op)
	}
	return append(plain, effects...), nil
}

// copy emits a copy of v into each buffer that must hold it beside its own.
func (lw *lowering) copy(v *ir.Value) {
	for _, to := range lw.copies[v] {
		n := &loop.Nest{Form: loop.Copy, Name: to.Name, Lanes: 1, Pos: v.Pos, Ops: []string{"copy"}}
		index := make([]loop.Affine, len(v.Type.Shape))
		for i, d := range v.Type.Shape {
			n.Axes = append(n.Axes, loop.Axis{Name: axisName(i, d), Extent: d})
			index[i] = loop.Ax(i)
		}
		n.Stores = []loop.Store{{To: loop.Access{Buf: to, Index: index}, Expr: loop.Read(lw.bufs[v], index...)}}
		lw.out.Nests = append(lw.out.Nests, n)
	}
}

// axisName is n for the batch, else i0, i1 ….
func axisName(i int, d ir.Dim) string {
	if !d.Static() {
		return "n"
	}
	return fmt.Sprintf("i%d", i)
}
