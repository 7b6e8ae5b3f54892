// Package passes is the pipeline: the ordered list of passes between a model's tensor program and its kernels.
package passes

import (
	"github.com/dlc-ml/dlc/passes/autodiff"
	"github.com/dlc-ml/dlc/passes/chain"
	"github.com/dlc-ml/dlc/passes/fusion"
	"github.com/dlc-ml/dlc/passes/layout"
	"github.com/dlc-ml/dlc/passes/lower"
	"github.com/dlc-ml/dlc/passes/memory"
	"github.com/dlc-ml/dlc/passes/pass"
	"github.com/dlc-ml/dlc/passes/prepare"
	"github.com/dlc-ml/dlc/passes/simplify"
	"github.com/dlc-ml/dlc/passes/tile"
)

// Pipeline is every pass, in the order in which they run. Why the order is this one stands in their Requires.
var Pipeline = []pass.Pass{
	simplify.Pass, // tensor program: smaller, the same bits
	autodiff.Pass, // tensor program: gradients and the optimizer's update
	// pruning goes here: masks on weights and their gradients, before anything depends on the shape of the update
	// quantize goes here: int8 operators in function infer, while it is still made of operators
	lower.Pass,   // tensor program to loop program
	fusion.Pass,  // loop program: fewer nests, fewer temporaries
	prepare.Pass, // loop program: what inference computes once
	layout.Pass,  // loop program: strides, order of sums, views
	tile.Pass,    // loop program: chains of products in tiles
	chain.Pass,   // loop program: which nests run one after another on a few examples
	memory.Pass,  // loop program: the place of every buffer
}

// Lookup returns the pass of that name; ok is false where there is none.
func Lookup(name string) (p pass.Pass, ok bool) {
	for _, p := range Pipeline {
		if p.Name == name {
			return p, true
		}
	}
	return pass.Pass{}, false
}

// Names lists the passes in order.
func Names() []string {
	list := make([]string, len(Pipeline))
	for i, p := range Pipeline {
		list[i] = p.Name
	}
	return list
}
