// Package pass says what a compiler pass is: a row of the pipeline. It is a leaf, so that every pass can import it and package
// passes can import every pass.
package pass

import (
	"time"

	"github.com/dlc-ml/dlc/diag"
	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// Unit is one model on its way through the compiler. Tensor passes change Module; pass lower makes Loops out of it; loop passes
// change Loops.
type Unit struct {
	Module *ir.Module
	Loops  []*loop.Func // one for each function of Module, in its order; nil before pass lower
	Arena               // where each parameter lies; set by pass lower
}

// Loop returns the lowered function of that name, or nil.
func (u *Unit) Loop(name string) *loop.Func {
	for _, f := range u.Loops {
		if f.Name == name {
			return f
		}
	}
	return nil
}

// Pass is one row of the pipeline.
type Pass struct {
	Name     string // also its package, its flag and its golden folder
	Doc      string // one sentence, then what a user of --dump must know
	Requires []Order
	Run      func(*Unit, *Config) error
}

// Order is a constraint: the pass it belongs to runs after the pass called Before, for Reason.
type Order struct {
	Before string
	Reason string
}

// Config is what the caller of the pipeline asks for, and what it is told. The zero Config runs everything and says nothing.
type Config struct {
	Dump        string // a folder for the program after each pass, or ""
	StopAfter   string // the name of the last pass to run, or "" for all
	MaxRewrites int    // how many rewrites are made before all further ones are refused; 0 for all. Halving it finds a miscompile.
	// Note, where set, is told what was done or could not be done, and why, at a place of the source (--explain).
	Note func(pos diag.Pos, text string)

	Timings  []Timing // filled in by the pipeline, in order
	Rewrites int      // filled in by the passes: how many rewrites were asked for
	Last     string   // filled in by the passes: the last rewrite that was made
}

// Timing is what one pass took.
type Timing struct {
	Pass    string
	Took    time.Duration
	Changed bool // whether the program's text is another after it; known only where it is dumped
}

// Rewrite counts one optional change of the program and reports whether it may be made. What names it: "fuse relu into conv". A pass
// asks before each change that it could as well leave out; what makes the program complete (gradients, lowering) is not counted.
func (c *Config) Rewrite(what string) bool {
	c.Rewrites++
	if c.MaxRewrites > 0 && c.Rewrites > c.MaxRewrites {
		return false
	}
	c.Last = what
	return true
}

// Explain passes a note on to whoever listens.
func (c *Config) Explain(pos diag.Pos, text string) {
	if c.Note != nil {
		c.Note(pos, text)
	}
}
