package codegen

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dave/jennifer/jen"

	"github.com/dlc-ml/dlc/ir/loop"
	"github.com/dlc-ml/dlc/passes/pass"
)

// stepCycles is what one step of a scan should compute in one piece, at least, so that calls and loops do not count beside it.
const stepCycles = 1000

// addScan appends a scan: its body's kernels, and whether each piece of the batch may run through all steps by itself.
func (p *program) addScan(n *loop.Nest, sizes map[string]int, ks *kernelSet, names map[string]bool) (*step, error) {
	s := &step{name: fresh(names, p.name+exported(n.Name)), nest: n, alone: true}
	tile, cycles := 1, 0.0
	for _, b := range n.Body {
		if b.Form == loop.Scan {
			return nil, fmt.Errorf("%s: error: a scan inside a scan has no kernel", b.Pos)
		}
		in, err := p.newStep(b, sizes, ks, names, n.Axes...)
		if err != nil {
			return nil, err
		}
		s.body = append(s.body, in)
		s.alone = s.alone && in.b.Grid.PerBatch && in.b.Grid.Extent == 1 && !in.b.Grid.Ordered
		p.flops += in.b.Flops * stepCount(n)
		p.addCycles(in.b, stepCount(n))
		tile = max(tile, in.b.Grid.Tile)
		cycles += in.b.Cycles
	}
	if s.alone = s.alone && rowwise(n); !s.alone && len(n.Axes) > 1 {
		return nil, fmt.Errorf("%s: error: a scan over several axes whose examples meet has no program", n.Pos)
	}
	s.cuts = 1
	for i, a := range n.Axes {
		if !s.alone || n.Reverse || !stepsApart(n, i) {
			break
		}
		s.cuts *= a.Extent.Size
	}
	s.chunk = tile * max(1, int(stepCycles/(cycles*float64(tile))))
	return s, nil
}

// join takes the last step, a scan too, and returns one that runs both at the same time, where pieces of the batch run through all steps by themselves; else s.
func (p *program) join(s *step, names map[string]bool) *step {
	last := p.steps[len(p.steps)-1]
	if !s.alone || !last.alone || s.cuts > 1 || last.cuts > 1 {
		return s
	}
	p.steps = p.steps[:len(p.steps)-1]
	return &step{name: fresh(names, last.name+"Both"), nest: last.nest, both: []*step{last, s}, chunk: min(last.chunk, s.chunk)}
}

// bothDecl declares the functions of two scans and the one that runs rows of either: those of the second are numbered behind those of the first.
func (p *program) bothDecl(u *pass.Unit, s *step, states []string) (string, error) {
	text := ""
	for _, b := range s.both {
		d, err := p.scanDecl(u, b, states)
		if err != nil {
			return "", err
		}
		text += d + "\n\n"
	}
	x, lo, hi := jen.Id("x"), jen.Id("lo"), jen.Id("hi")
	return text + jen.Comment(comment(s.name+": "+s.both[0].name+" and "+s.both[1].name+" at the same time")).Line().
		Func().Id(s.name).Params(jen.Id("x").Op("*").Id("exec"), jen.List(jen.Id("lo"), jen.Id("hi")).Int()).Block(
		jen.List(jen.Id("cut"), lo, hi).Op(":=").Id("cutOf").Call(jen.Id("x").Dot("n"), lo, hi),
		jen.If(jen.Id("cut").Op("==").Lit(0)).Block(jen.Id(s.both[0].name).Call(x, lo, hi), jen.Return()),
		jen.Id(s.both[1].name).Call(x, lo, hi),
	).GoString(), nil
}

// rowwise reports whether no example meets another in a scan: whatever its body writes is read and written at the example's own row.
func rowwise(scan *loop.Nest) bool {
	var written []*loop.Buffer
	for _, n := range scan.Body {
		for _, s := range n.Stores {
			written = append(written, s.To.Buf.Root())
		}
	}
	for _, n := range scan.Body {
		row := slices.IndexFunc(n.Axes, func(a loop.Axis) bool { return !a.Extent.Static() })
		for _, a := range n.Accesses() {
			if !slices.Contains(written, a.Buf.Root()) {
				continue
			}
			if row < 0 || len(a.Buf.Shape) == 0 || a.Buf.Shape[0].Static() || len(a.Dyn) > 0 && a.Dyn[0] != nil {
				return false
			}
			if ix := a.Index[0]; ix.Const != 0 || len(ix.Terms) != 1 || ix.Coef(row+len(scan.Axes)) != 1 {
				return false
			}
		}
	}
	return true
}

// stepsApart reports whether no two steps of a scan along one of its axes meet: whatever its body writes is read and written, along some dimension, in a
// stretch of its own for each step.
func stepsApart(scan *loop.Nest, axis int) bool {
	type place struct {
		buf  *loop.Buffer
		dims []int // along which all accesses so far keep the steps apart
	}
	written := map[*loop.Buffer]*place{}
	for _, n := range scan.Body {
		for _, s := range n.Stores {
			if written[s.To.Buf.Root()] == nil {
				written[s.To.Buf.Root()] = &place{buf: s.To.Buf}
				for d := range s.To.Index {
					written[s.To.Buf.Root()].dims = append(written[s.To.Buf.Root()].dims, d)
				}
			}
		}
	}
	for _, n := range scan.Body {
		axes := n.AllAxes(scan.Axes...)
		for _, a := range n.Accesses() {
			w := written[a.Buf.Root()]
			if w == nil {
				continue
			}
			w.dims = slices.DeleteFunc(w.dims, func(d int) bool {
				if w.buf != a.Buf || d < len(a.Dyn) && a.Dyn[d] != nil {
					return true
				}
				lo, hi, ok := a.Index[d].Plus(axis, -a.Index[d].Coef(axis), 0).Span(axes)
				return !ok || lo < 0 || hi >= a.Index[d].Coef(axis)
			})
			if len(w.dims) == 0 {
				return false
			}
		}
	}
	return true
}

// stepCount is how many steps a scan has.
func stepCount(n *loop.Nest) int {
	count := 1
	for _, a := range n.Axes {
		count *= a.Extent.Size
	}
	return count
}

// stepsOver says how many steps a scan has, and over what.
func stepsOver(n *loop.Nest) string {
	var names []string
	for _, a := range n.Axes {
		names = append(names, a.Name)
	}
	return fmt.Sprintf("%d steps over %s", stepCount(n), strings.Join(names, ", "))
}

// loopOver is the loop over the steps along an axis of a scan, which counts in variable t.
func loopOver(n *loop.Nest, axis int, t *jen.Statement, declare bool) *jen.Statement {
	op, last := "=", n.Axes[axis].Extent.Size-1
	if declare {
		op = ":="
	}
	if n.Reverse {
		return jen.For(t.Clone().Op(op).Lit(last), t.Clone().Op(">=").Lit(0), t.Clone().Op("--"))
	}
	return jen.For(t.Clone().Op(op).Range().Lit(last + 1))
}

// runScan emits the call of a scan: one piece after another of the batch through all steps, or else all of it step after step.
func (p *program) runScan(g *jen.Group, s *step) {
	g.Comment(comment(s.label()))
	if s.both != nil {
		g.Id("x").Dot("eachCut").Call(jen.Lit(2), jen.Id("x").Dot("n"), jen.Lit(s.chunk), jen.True(), jen.Id(s.name))
		return
	}
	if s.cuts > 1 {
		g.Id("x").Dot("eachCut").Call(jen.Lit(s.cuts), jen.Id("x").Dot("n"), jen.Lit(s.chunk), jen.False(), jen.Id(s.name))
		return
	}
	if s.alone {
		g.Id("x").Dot("each").Call(jen.Id("x").Dot("n"), jen.Lit(s.chunk), jen.Lit(s.chunk), jen.Id(s.name))
		return
	}
	g.Add(loopOver(s.nest, 0, jen.Id("x").Dot("t"), false)).BlockFunc(func(g *jen.Group) {
		for _, b := range s.body {
			g.Add(b.call())
		}
	})
}

// scanDecl declares the function that runs all steps of a scan on rows lo to hi, or those that run the kernels of one step.
func (p *program) scanDecl(u *pass.Unit, s *step, states []string) (string, error) {
	if s.both != nil {
		return p.bothDecl(u, s, states)
	}
	if !s.alone {
		text := ""
		for i, b := range s.body {
			d, err := p.stepDecl(u, b, states)
			if err != nil {
				return "", err
			}
			if i > 0 {
				text += "\n\n"
			}
			text += d
		}
		return text, nil
	}
	var calls []jen.Code
	t := stepNames(s.nest)
	for _, b := range s.body {
		args, err := p.arguments(u, b, states, t)
		if err != nil {
			return "", err
		}
		calls = append(calls, jen.Comment(comment(b.nest.Name+": "+b.b.Tiling)), jen.Id(b.kernel.Name).Call(args...))
	}
	steps := s.label() + "; " + stepsOver(s.nest)
	if s.nest.Reverse {
		steps += ", from the last"
	}
	return jen.Comment(comment(s.name+": "+steps)).Line().
		Func().Id(s.name).Params(jen.Id("x").Op("*").Id("exec"), jen.List(jen.Id("lo"), jen.Id("hi")).Int()).
		Block(s.overSteps(t, calls)...).GoString(), nil
}

// stepNames are the variables that count the steps along each axis of a scan.
func stepNames(n *loop.Nest) []*jen.Statement {
	list := []*jen.Statement{jen.Id("t")}
	for i := 1; i < len(n.Axes); i++ {
		list = append(list, jen.Id(fmt.Sprint("t", i+1)))
	}
	return list
}

// overSteps runs calls at every step of a piece: those along the axes that are cut follow from the number of the cut, the others are loops.
func (s *step) overSteps(t []*jen.Statement, calls []jen.Code) []jen.Code {
	cut := 0
	for n := 1; n < s.cuts; cut++ {
		n *= s.nest.Axes[cut].Extent.Size
	}
	for i := len(t) - 1; i >= cut; i-- {
		calls = []jen.Code{loopOver(s.nest, i, t[i].Clone(), true).Block(calls...)}
	}
	if cut == 0 {
		return calls
	}
	head := []jen.Code{jen.List(jen.Id("cut"), jen.Id("lo"), jen.Id("hi")).Op(":=").Id("cutOf").Call(jen.Id("x").Dot("n"), jen.Id("lo"), jen.Id("hi"))}
	within := s.cuts // how many cuts belong to a step along the axes so far
	for i := range cut {
		at := jen.Id("cut")
		if i > 0 {
			at = at.Op("%").Lit(within)
		}
		if within /= s.nest.Axes[i].Extent.Size; within > 1 {
			at = at.Op("/").Lit(within)
		}
		head = append(head, t[i].Clone().Op(":=").Add(at))
	}
	return append(head, calls...)
}
