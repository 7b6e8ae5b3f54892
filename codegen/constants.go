package codegen

import (
	"encoding/binary"

	"github.com/dlc-ml/dlc/ir/loop"
)

// constantAlign is the alignment of a table in bytes: one cache line.
const constantAlign = 64

// packConstants lays the tables of all programs behind one another, each content once, and notes where each starts. A package without
// tables has no file of them.
func (g *generator) packConstants() {
	places := map[string]int{}
	for _, p := range g.programs {
		p.constants = map[*loop.Buffer]int{}
		for _, b := range p.fn.Buffers {
			if b.Space != loop.Table {
				continue
			}
			var words []byte
			for _, w := range b.Data {
				words = binary.LittleEndian.AppendUint32(words, w)
			}
			at, ok := places[string(words)]
			if !ok {
				for len(g.Constants)%constantAlign != 0 {
					g.Constants = append(g.Constants, 0)
				}
				at = len(g.Constants) / 4
				places[string(words)] = at
				g.Constants = append(g.Constants, words...)
			}
			p.constants[b] = at
		}
	}
}
