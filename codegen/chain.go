package codegen

import (
	"fmt"

	"github.com/dave/jennifer/jen"

	"github.com/dlc-ml/dlc/ir/loop"
)

// chain is steps that follow each other and run on a part of the batch before the next part.
type chain struct {
	name  string
	of    int // the chain of the loop function
	part  int // examples of a part
	steps []*step
	sums  int // of the steps: how many sum over the batch
}

// addToChain puts the last step, made of a nest by number, into the chain that the nest belongs to, where its kernel goes over the examples row by row.
func (p *program) addToChain(s *step, nest int, names map[string]bool) {
	grid := s.b.Grid
	rows := !grid.None && grid.PerBatch && !grid.Ordered && !s.b.Batch
	if !rows && s.b.Block == 0 {
		return
	}
	for i, c := range p.fn.Chains {
		if nest < c.From || nest >= c.To {
			continue
		}
		if k := len(p.steps) - 2; k >= 0 && p.steps[k].chain != nil && p.steps[k].chain.of == i {
			s.chain = p.steps[k].chain
		} else {
			s.chain = &chain{name: fresh(names, p.name+"Chain"), of: i, part: c.Part}
		}
		s.chain.steps = append(s.chain.steps, s)
		if s.b.Block > 0 {
			s.sum = s.chain.sums
			s.chain.sums++
		}
	}
}

// endChains takes steps out of chains that have no other.
func (p *program) endChains() {
	for _, s := range p.steps {
		if s.chain != nil && len(s.chain.steps) == 1 {
			s.chain = nil
		}
	}
}

// findLocal finds the temporaries that only the steps of one chain touch, row by row. Each thread keeps them at one place for all parts that it runs, so that
// they never leave its cache.
func (p *program) findLocal() {
	home := map[*loop.Buffer]*chain{}
	p.local = map[*loop.Buffer]bool{}
	for _, b := range p.fn.Buffers {
		if r := b.Root(); b.Space == loop.Temp && r.Space == loop.Temp && r.Scaled() {
			p.local[r] = true
		}
	}
	for _, b := range p.fn.Buffers {
		if b.Space != loop.Temp {
			delete(p.local, b.Root())
		}
	}
	touch := func(b *loop.Buffer, c *chain) {
		r := b.Root()
		if h, seen := home[r]; c == nil || seen && h != c {
			delete(p.local, r)
		}
		home[r] = c
	}
	for _, s := range p.steps {
		s.whole().Walk(func(n *loop.Nest) {
			for _, a := range n.Accesses() {
				touch(a.Buf, s.chain)
			}
		})
		if s.chain == nil {
			continue
		}
		for _, a := range s.b.Args {
			if a.Buf != nil && (a.Stride == 0 && s.b.Block == 0 || a.Example == 0 && s.b.Block > 0) {
				delete(p.local, a.Buf.Root())
			}
		}
	}
}

// decl declares the function that runs the steps of a chain on the part of the batch that x is at.
func (c *chain) decl() string {
	return jen.Comment(fmt.Sprintf("%s runs on %d examples at a time.", c.name, c.part)).Line().
		Func().Id(c.name).Params(jen.Id("x").Op("*").Id("exec")).BlockFunc(func(g *jen.Group) {
		for _, s := range c.steps {
			g.Comment(comment(s.label()))
			g.Add(s.call())
		}
	}).GoString()
}
