package pass

import (
	"fmt"

	"github.com/dlc-ml/dlc/ir"
)

// The alignments of the parameter arena, in elements. A parameter starts on a cache line. The trainable part is a whole number of
// blocks, so that the optimizer's flat kernel has no tail and divides evenly among threads.
const (
	ParamAlign = 16
	ArenaAlign = 256
)

// Place is where one parameter lies: Size elements from Offset, in the parameter arena and, where it is trainable, also in the arenas
// of gradients and optimizer state. What lies between two parameters is zero and stays zero.
type Place struct {
	Param        *ir.Param
	Offset, Size int
}

// Arena is the placement of all parameters of a module: the trainable ones first, each kind in module order.
type Arena struct {
	Places    []Place
	Trainable int // the length of the trainable part, the symbol P of the loop IR
	ArenaLen  int // the length of the whole
}

// Place returns the place of p; ok is false where it has none.
func (a *Arena) Place(p *ir.Param) (pl Place, ok bool) {
	for _, pl := range a.Places {
		if pl.Param == p {
			return pl, true
		}
	}
	return Place{}, false
}

// NewArena places the parameters of m. The error is a parameter of symbolic extent, or a total above ir.MaxElems elements.
func NewArena(m *ir.Module) (Arena, error) {
	var a Arena
	end := 0
	for _, trainable := range []bool{true, false} {
		for _, p := range m.Params {
			if p.Trainable != trainable {
				continue
			}
			n, ok := p.Type.Shape.Elems()
			if !ok || !n.Static() {
				return Arena{}, fmt.Errorf("%s: parameter %s: %s is no fixed number of elements below 2^31", p.Pos, p.Name, p.Type)
			}
			at := roundUp(end, ParamAlign)
			a.Places = append(a.Places, Place{p, at, n.Size})
			if end = at + n.Size; end > ir.MaxElems-ArenaAlign {
				return Arena{}, fmt.Errorf("%s: parameter %s: the parameters up to here have more than 2^31 elements", p.Pos, p.Name)
			}
		}
		end = roundUp(end, ParamAlign)
		if trainable {
			end = roundUp(end, ArenaAlign)
			a.Trainable = end
		}
	}
	a.ArenaLen = end
	return a, nil
}

func roundUp(n, to int) int { return (n + to - 1) / to * to }
