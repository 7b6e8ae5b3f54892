package codegen

import (
	"encoding/binary"

	"github.com/dlc-ml/dlc/ir/loop"
)

// constantAlign is the alignment of a table in bytes: one cache line.
const constantAlign = 64

// constantSet lays the tables of programs behind one another, each content once.
type constantSet struct {
	data   []byte
	places map[string]int // of a content, in elements
}

// add gives the tables of p their places.
func (s *constantSet) add(p *program) {
	p.constants = map[*loop.Buffer]int{}
	for _, b := range p.fn.Buffers {
		if b.Space != loop.Table {
			continue
		}
		var words []byte
		for _, w := range b.Data {
			words = binary.LittleEndian.AppendUint32(words, w)
		}
		at, ok := s.places[string(words)]
		if !ok {
			for len(s.data)%constantAlign != 0 {
				s.data = append(s.data, 0)
			}
			at = len(s.data) / 4
			if s.places == nil {
				s.places = map[string]int{}
			}
			s.places[string(words)] = at
			s.data = append(s.data, words...)
		}
		p.constants[b] = at
	}
}
