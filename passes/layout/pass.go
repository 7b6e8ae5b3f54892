package layout

import (
	"github.com/dlc-ml/dlc/ir/loop"
	"github.com/dlc-ml/dlc/passes/pass"
)

// Pass is layout as a row of the pipeline.
var Pass = pass.Pass{
	Name: "layout",
	Doc: "Layout decides which axis of each activation is contiguous, in which order each sum runs and how many partial sums it keeps, " +
		"and turns copies that move nothing into views.",
	Requires: []pass.Order{
		{Before: "lower", Reason: "it lays out buffers, which only the loop program has"},
		{Before: "prepare", Reason: "what is computed once may lie in panels"},
		{Before: "fusion", Reason: "its cost model prices nests as they will run, and fusion sees an index map where a view hides it"},
	},
	Run: run,
}

func run(u *pass.Unit, cfg *pass.Config) error {
	sizes := map[string]int{"P": u.Trainable}
	if cfg.Rewrite("lay out parameters") {
		panels(u, func(p *pass.Place, text string) { cfg.Explain(p.Param.Pos, p.Param.Name+": "+text) })
	}
	for _, f := range u.Loops {
		if !cfg.Rewrite("lay out " + f.Name) {
			continue
		}
		err := Choose(f, sizes, func(n *loop.Nest, text string) { cfg.Explain(n.Pos, f.Name+": "+n.Name+": "+text) })
		if err != nil {
			return err
		}
	}
	return nil
}
