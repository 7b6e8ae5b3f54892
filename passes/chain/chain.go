// Package chain is the pass that lets parts of a batch run through several nests at a time. Layer after layer over a large batch would fetch every activation from
// memory; a few examples that run through all nests between two sums over the batch find in the cache what the nest before made of them.
package chain

import (
	"fmt"
	"maps"
	"slices"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
	"github.com/dlc-ml/dlc/passes/pass"
)

// Pass is chain as a row of the pipeline.
var Pass = pass.Pass{
	Name: "chain",
	Doc: "Chain finds nests of training and evaluation that a few examples can run through before the next ones do, and puts those behind each other. " +
		"Inference needs none: a session runs parts of the batch through the whole program.",
	Requires: []pass.Order{
		{Before: "layout", Reason: "how much memory an example takes follows from the strides"},
		{Before: "tile", Reason: "what runs tile by tile is a scan, and no part of a chain"},
	},
	Run: run,
}

func run(u *pass.Unit, cfg *pass.Config) error {
	for _, f := range u.Loops {
		if f.Name == ir.FuncInfer || !cfg.Rewrite("chain "+f.Name) {
			continue
		}
		Func(f)
		for _, c := range f.Chains {
			first, last := f.Nests[c.From], f.Nests[c.To-1]
			cfg.Explain(first.Pos, fmt.Sprintf("chain: %s: %d nests from %s to %s run on %d examples at a time", f.Name, c.To-c.From, first.Name, last.Name, c.Part))
		}
	}
	return nil
}

// What the examples of a part may touch, and what all of them share and read anew for each part. Most nests touch a part of it only, so that it is more than the
// second level of the cache holds.
const (
	partBytes   = 3 << 19
	sharedBytes = 3 << 18
)

// Func finds the chains of f, and moves what stands between the nests of one in front of it or behind it.
func Func(f *loop.Func) {
	s := scheduler{touches: loop.Touches{}}
	s.begin()
	for _, n := range f.Nests {
		s.add(n)
	}
	s.end()
	f.Nests, f.Chains = s.done, s.chains
}

// scheduler takes nests in their order and keeps the chain that is open.
type scheduler struct {
	done    []*loop.Nest
	chains  []loop.Chain
	touches loop.Touches

	taken  []*loop.Nest         // since the last chain ended, in their order
	before []*loop.Nest         // of these, what goes before the open chain,
	chain  []*loop.Nest         // its nests,
	sums   []*loop.Nest         // those of them that sum over the batch,
	behind []*loop.Nest         // and what goes behind it
	each   map[*loop.Buffer]int // bytes that an example of the chain touches
	shared map[*loop.Buffer]int // and those that all examples read
}

// begin leaves no chain open.
func (s *scheduler) begin() {
	*s = scheduler{done: s.done, chains: s.chains, touches: s.touches}
	s.measure()
}

// measure counts what an example of the open chain touches.
func (s *scheduler) measure() {
	s.each, s.shared = map[*loop.Buffer]int{}, map[*loop.Buffer]int{}
	for _, n := range s.chain {
		count(n, s.each, s.shared)
	}
}

// add puts the next nest into the open chain, before it or behind it; where it fits nowhere the chain ends and another begins.
func (s *scheduler) add(n *loop.Nest) {
	if len(s.chain) > 0 && largeSum(n) && s.meets(s.chain, n) && !s.meets(s.behind, n) && !s.meets(s.sums, n) && s.fits(n) {
		s.join(n)
		s.sums = append(s.sums, n)
		return
	}
	if n.Chainable() {
		if s.meets(s.behind, n) || s.meets(s.sums, n) || !s.fits(n) {
			loose := s.loosen()
			s.end()
			for _, m := range loose {
				s.join(m)
			}
		}
		s.join(n)
		return
	}
	s.taken = append(s.taken, n)
	switch {
	case len(s.chain) == 0 || !s.meets(s.chain, n) && !s.meets(s.behind, n):
		s.before = append(s.before, n)
	default:
		s.behind = append(s.behind, n)
	}
}

// sumBytes is how much of each example a sum over the batch reads at least that belongs inside a chain. Kernels of smaller ones take a whole batch at once.
const sumBytes = 6 << 10

// largeSum reports whether n sums much of each example over the batch.
func largeSum(n *loop.Nest) bool {
	if !n.SumsExamples() {
		return false
	}
	each := map[*loop.Buffer]int{}
	count(n, each, map[*loop.Buffer]int{})
	return sum(each) > sumBytes
}

// join puts a nest at the end of the open chain.
func (s *scheduler) join(n *loop.Nest) {
	s.taken = append(s.taken, n)
	s.chain = append(s.chain, n)
	count(n, s.each, s.shared)
}

// fits reports whether an example of the open chain still takes no more than a part may with nest n.
func (s *scheduler) fits(n *loop.Nest) bool {
	each, shared := maps.Clone(s.each), maps.Clone(s.shared)
	count(n, each, shared)
	return sum(each) <= partBytes && sum(shared) <= sharedBytes
}

// end ends the open chain. It is one where nests hand something on.
func (s *scheduler) end() {
	if !s.handsOn() {
		s.done = append(s.done, s.taken...)
	} else {
		from := len(s.done) + len(s.before)
		s.chains = append(s.chains, loop.Chain{From: from, To: from + len(s.chain), Part: max(1, partBytes/max(1, sum(s.each)))})
		s.done = slices.Concat(s.done, s.before, s.chain, s.behind)
	}
	s.begin()
}

// loosen takes the nests out of the open chain that have nothing to do with its others, such as the fill of a border, and may as well stand in the next.
func (s *scheduler) loosen() []*loop.Nest {
	var loose []*loop.Nest
	for _, n := range s.chain {
		others := slices.DeleteFunc(slices.Clone(s.chain), func(m *loop.Nest) bool { return m == n })
		if !s.meets(others, n) && !s.meets(s.behind, n) {
			loose = append(loose, n)
		}
	}
	if len(loose) == len(s.chain) {
		return nil
	}
	gone := func(n *loop.Nest) bool { return slices.Contains(loose, n) }
	s.chain, s.taken = slices.DeleteFunc(s.chain, gone), slices.DeleteFunc(s.taken, gone)
	s.measure()
	return loose
}

// handsOn reports whether a nest of the open chain reads what one before it wrote.
func (s *scheduler) handsOn() bool {
	written := map[*loop.Buffer]bool{}
	for _, n := range s.chain {
		for _, a := range n.Loads() {
			if written[a.Buf.Root()] {
				return true
			}
		}
		for _, st := range n.Stores {
			written[st.To.Buf.Root()] = true
		}
	}
	return false
}

// count adds the bytes of the buffers that n touches.
func count(n *loop.Nest, each, shared map[*loop.Buffer]int) {
	for _, a := range n.Accesses() {
		b := a.Buf.Root()
		into := shared
		if b.Scaled() {
			into = each
		}
		into[b] = max(into[b], 4*a.Buf.Size())
	}
}

func sum(sizes map[*loop.Buffer]int) int {
	total := 0
	for _, n := range sizes {
		total += n
	}
	return total
}

// meets reports whether n must keep its place beside one of the nests: one of the two writes what the other touches.
func (s *scheduler) meets(list []*loop.Nest, n *loop.Nest) bool {
	return slices.ContainsFunc(list, func(m *loop.Nest) bool { return s.touches.Of(m).Disturbs(s.touches.Of(n)) })
}
