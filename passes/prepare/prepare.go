// Package prepare is the pass that finds what inference computes from parameters alone, such as the transformed kernels of a convolution: a model
// computes it once, for all its sessions and calls. Training and evaluation compute it in every step, since there the parameters change.
package prepare

import (
	"slices"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
	"github.com/dlc-ml/dlc/passes/pass"
)

// Pass is prepare as a row of the pipeline.
var Pass = pass.Pass{
	Name: "prepare",
	Doc:  "Prepare moves what function infer computes from parameters and tables alone in front of everything else, into storage that keeps it from call to call.",
	Requires: []pass.Order{
		{Before: "fusion", Reason: "what is merged into a nest that reads an input is cheap enough to compute in every call"},
	},
	Run: run,
}

func run(u *pass.Unit, cfg *pass.Config) error {
	for _, f := range u.Loops {
		if f.Name == ir.FuncInfer && cfg.Rewrite("prepare "+f.Name) {
			Func(f, func(b *loop.Buffer) { cfg.Explain(b.Pos, "prepare: "+f.Name+": "+b.Name+" is computed once") })
		}
	}
	return nil
}

// Func gives what f computes from parameters and tables alone the space Prepared, and moves the nests that do so to the front, in their order. note is
// told of each buffer.
func Func(f *loop.Func, note func(b *loop.Buffer)) {
	lasting := candidates(f)
	for again := true; again; {
		again = false
		for _, n := range f.Nests {
			if len(lasting) > 0 && !prepares(n, lasting) {
				for _, b := range writes(n) {
					again = again || lasting[b]
					delete(lasting, b)
				}
			}
		}
	}
	var first, others []*loop.Nest
	for _, n := range f.Nests {
		if w := writes(n); len(w) > 0 && lasting[w[0]] {
			first = append(first, n)
		} else {
			others = append(others, n)
		}
	}
	f.Nests = append(first, others...)
	for _, b := range f.Buffers {
		if lasting[b] {
			b.Space = loop.Prepared
			note(b)
		}
	}
}

// candidates are the temporaries of fixed size that share their storage with no other buffer; none where f changes a parameter.
func candidates(f *loop.Func) map[*loop.Buffer]bool {
	list := map[*loop.Buffer]bool{}
	for _, b := range f.Buffers {
		if b.Space == loop.Temp && !b.Scaled() {
			list[b] = true
		}
	}
	for _, b := range f.Buffers {
		if b.Alias != nil {
			delete(list, b)
			delete(list, b.Root())
			delete(list, b.Alias)
		}
	}
	for _, n := range f.Nests {
		if slices.ContainsFunc(writes(n), func(b *loop.Buffer) bool { return b.Root().Space == loop.Weight }) {
			return nil
		}
	}
	return list
}

// most is how many elements a nest may make of each that it reads: beyond that it is cheaper to compute them again than to keep them.
const most = 8

// prepares reports whether nest n reads parameters, tables and what is prepared alone, and writes what may be.
func prepares(n *loop.Nest, lasting map[*loop.Buffer]bool) bool {
	if n.Form == loop.Scan {
		return false
	}
	read, written := 0, 0
	for _, b := range writes(n) {
		if !lasting[b] {
			return false
		}
		written += b.Size()
	}
	seen := map[*loop.Buffer]bool{}
	for _, a := range n.Loads() {
		b := a.Buf.Root()
		if b.Space != loop.Weight && b.Space != loop.Table && !lasting[b] {
			return false
		}
		if !seen[b] {
			seen[b] = true
			read += b.Size()
		}
	}
	return written <= most*read
}

// writes lists the buffers that n, or a nest in its body, stores to.
func writes(n *loop.Nest) []*loop.Buffer {
	var list []*loop.Buffer
	n.Walk(func(n *loop.Nest) {
		for _, s := range n.Stores {
			if !slices.Contains(list, s.To.Buf) {
				list = append(list, s.To.Buf)
			}
		}
	})
	return list
}
