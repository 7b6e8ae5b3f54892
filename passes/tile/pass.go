// Package tile is the pass that runs clusters of products, such as the scores, the softmax and the values of attention, in tiles. Layer after layer, the matrix of
// scores of all heads would be written and read several times, and would take memory that grows with the square of the length. In tiles of some
// queries of one head, what one nest makes is still near when the next one reads it, and only one tile of it exists at a time.
package tile

import (
	"fmt"

	"github.com/dlc-ml/dlc/ir/loop"
	"github.com/dlc-ml/dlc/passes/pass"
)

// Pass is tile as a row of the pipeline.
var Pass = pass.Pass{
	Name: "tile",
	Doc: "Tile joins nests that hand each other large matrices, from one product of activations to another, in a scan over tiles of them, where the price says so. What gradients " +
		"need of such a matrix is computed again, tile by tile, where it is too large to be kept.",
	Requires: []pass.Order{
		{Before: "fusion", Reason: "what fusion joins need not lie in memory at all, and it knows nothing of tiles"},
		{Before: "layout", Reason: "a tile lies as the whole does, and copies of operands are made once for all tiles"},
	},
	Run: run,
}

func run(u *pass.Unit, cfg *pass.Config) error {
	for _, f := range u.Loops {
		o := Options{Sizes: map[string]int{"P": u.Trainable}, May: cfg.Rewrite,
			Note: func(n *loop.Nest, text string) { cfg.Explain(n.Pos, f.Name+": "+n.Name+": "+text) }}
		if err := Clusters(f, o); err != nil {
			return err
		}
	}
	return nil
}

// Options are how clusters are run in tiles.
type Options struct {
	Sizes map[string]int                  // the value of symbols known at compile time
	Block int                             // how many places every tile has, and that what gradients need is computed again; 0 lets the price decide
	May   func(what string) bool          // asked before each change; nil for yes
	Note  func(n *loop.Nest, text string) // told what was done; nil for nobody
}

// Clusters runs every cluster of f in tiles where that pays.
func Clusters(f *loop.Func, o Options) error {
	for i := 0; i < len(f.Nests); i++ {
		c := longest(f, i)
		if c == nil {
			continue
		}
		first, nests, buffers := c.members[0].nest, f.Nests, f.Buffers
		again := c.recomputed()
		if again != nil && (o.Block > 0 || c.outgrows()) && o.may("compute "+again.name+" again") {
			f.Nests, f.Buffers = again.nests, again.buffers
			c = longest(f, i)
		}
		t, err := c.best(o)
		if err != nil {
			return err
		}
		if t == nil || !o.may("run "+c.seed.Name+" in tiles") {
			f.Nests, f.Buffers = nests, buffers
			continue
		}
		if len(f.Nests) > len(nests) {
			o.note(first, "tile: gradients compute "+again.name+" again, which would take too much memory to be kept")
		}
		o.note(t.scans[0], fmt.Sprintf("tile: %d nests run in %s", len(t.scans[0].Body), t))
		i = t.replace(f)
	}
	return nil
}

func (o *Options) may(what string) bool { return o.May == nil || o.May(what) }

func (o *Options) note(n *loop.Nest, text string) {
	if o.Note != nil {
		o.Note(n, text)
	}
}
