// Package fusion is the pass that merges loop nests, so that a value is used while it is in a register instead of going through memory.
// It works on the loop IR, where what a nest reads and writes is exact. It moves scalar expressions from one nest to another and never
// changes them or the order of a sum: no result changes a bit.
package fusion

import (
	"fmt"

	"github.com/dlc-ml/dlc/diag"
	"github.com/dlc-ml/dlc/ir/loop"
	"github.com/dlc-ml/dlc/passes/pass"
)

// Pass is fusion as a row of the pipeline.
var Pass = pass.Pass{
	Name: "fusion",
	Doc: "Fusion merges elementwise nests into the stores of the nest that makes their input, cheap ones into the nests that read them, " +
		"maps over the same points into one, lets nests write straight into padded or joined tensors, of which only the border is filled, and drops what is " +
		"computed twice. " +
		"No result changes a bit.",
	Requires: []pass.Order{
		{Before: "lower", Reason: "it merges loop nests"},
		{Before: "autodiff", Reason: "gradients are built from operators, and the backward part is fused too"},
	},
	Run: run,
}

func run(u *pass.Unit, cfg *pass.Config) error {
	for _, f := range u.Loops {
		Func(f, cfg)
	}
	return nil
}

// most bounds the buffers that one merged nest may touch: each takes a pointer register.
const most = 12

// fuser holds what is known while one function is fused.
type fuser struct {
	f       *loop.Func
	cfg     *pass.Config
	touches loop.Touches
	aliased map[*loop.Buffer]bool // buffers that others share
	refused map[*loop.Nest]string // why a nest that could have been fused was not
	outside map[*loop.Buffer]bool // of the body of a scan: what nests outside touch
}

func newFuser(f *loop.Func, cfg *pass.Config) *fuser {
	return &fuser{f: f, cfg: cfg, touches: loop.Touches{}, aliased: map[*loop.Buffer]bool{}, refused: map[*loop.Nest]string{}}
}

// Func fuses the nests of one function until nothing changes.
func Func(f *loop.Func, cfg *pass.Config) {
	u := newFuser(f, cfg)
	for _, b := range f.Buffers {
		if b.Alias != nil {
			u.aliased[b.Alias] = true
			u.aliased[b.Root()] = true
		}
	}
	u.dead()
	for again := true; again; {
		again = u.each(u.repeated)
		again = u.each(u.epilogue) || again
		again = u.each(u.through) || again
		again = u.each(u.mirrored) || again
		again = u.each(u.copied) || again
		again = u.each(u.prologue) || again
		again = u.each(u.siblings) || again
		again = u.bodies() || again
		u.dead()
	}
	u.each(u.border)
	u.explain()
}

// each applies a rewrite at every nest, from first to last, for as long as it finds something to do at one.
func (u *fuser) each(rewrite func(i int) bool) bool {
	any := false
	for i := 0; i < len(u.f.Nests); {
		if rewrite(i) {
			any = true
			i = max(0, i-1)
			continue
		}
		i++
	}
	return any
}

// note tells of one rewrite.
func (u *fuser) note(pos diag.Pos, format string, args ...any) {
	u.cfg.Explain(pos, "fusion: "+u.f.Name+": "+fmt.Sprintf(format, args...))
}

// refuse remembers why nest n was not fused; the last reason counts. It returns false.
func (u *fuser) refuse(n *loop.Nest, format string, args ...any) bool {
	u.refused[n] = fmt.Sprintf(format, args...)
	return false
}

// explain tells, for each nest that could have been fused by its form, why it was not.
func (u *fuser) explain() {
	for _, n := range u.f.Nests {
		if why := u.refused[n]; why != "" {
			u.note(n.Pos, "%s is not fused further: %s", n.Name, why)
		}
	}
}

// alive drops the stores of n, or of the nests in its body, to temporaries that are not read. It reports whether any store is left, and
// whether it dropped one. n stands in that many scans.
func alive(n *loop.Nest, read map[*loop.Buffer]bool, steps int) (live, changed bool) {
	if n.Form == loop.Scan {
		var body []*loop.Nest
		for _, b := range n.Body {
			l, c := alive(b, read, steps+1)
			changed = changed || c
			if l {
				body = append(body, b)
			}
		}
		n.Body = body
		return len(body) > 0, changed
	}
	var stores []loop.Store
	for _, s := range n.Stores {
		if s.To.Buf.Root().Space != loop.Temp || read[s.To.Buf.Root()] {
			stores = append(stores, s)
		}
	}
	changed = len(stores) < len(n.Stores)
	n.Stores = stores
	if changed {
		reform(n, steps)
	}
	return len(stores) > 0, changed
}

// dead drops stores to temporaries that nothing reads, nests without stores, and buffers that nothing touches.
func (u *fuser) dead() {
	for again := true; again; {
		again = false
		read := map[*loop.Buffer]bool{}
		for b := range u.outside {
			read[b] = true
		}
		for _, n := range u.f.Nests {
			for _, b := range u.touch(n).Reads {
				read[b.Root()] = true
			}
		}
		var kept []*loop.Nest
		for _, n := range u.f.Nests {
			live, changed := alive(n, read, 0)
			again = again || changed
			if changed {
				u.changed(n)
			}
			if live {
				kept = append(kept, n)
			}
		}
		u.f.Nests = kept
	}
	used := map[*loop.Buffer]bool{}
	for _, n := range u.f.Nests {
		t := u.touch(n)
		for _, list := range [][]*loop.Buffer{t.Reads, t.Writes} {
			for _, b := range list {
				for ; b != nil; b = b.Alias {
					used[b] = true
				}
			}
		}
	}
	keep := u.f.Buffers[:0:0]
	for _, b := range u.f.Buffers {
		if b.Space != loop.Temp && b.Space != loop.Table || used[b] {
			keep = append(keep, b)
		}
	}
	u.f.Buffers = keep
}
