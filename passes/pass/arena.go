package pass

import (
	"fmt"
	"math"

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
	// Panel, where not 0, is the width of the panels in which the last axis lies, one panel after the other; pass layout sets it.
	Panel int
}

// At returns where element i of the parameter, in row-major order, lies in the arena.
func (p *Place) At(i int) int {
	if p.Panel == 0 {
		return p.Offset + i
	}
	columns := p.Param.Type.Shape[len(p.Param.Type.Shape)-1].Size
	row, column := i/columns, i%columns
	return p.Offset + column/p.Panel*(p.Size/columns*p.Panel) + row*p.Panel + column%p.Panel
}

// Arena is the placement of all parameters of a module: the trainable ones first, each kind in module order. Trainable parameters that
// the optimizer treats alike lie together, so that it can run over each group as one flat tensor.
type Arena struct {
	Places    []Place
	Groups    []ir.Group // of the trainable part, which they fill
	Trainable int        // the length of the trainable part, the symbol P of the loop IR
	ArenaLen  int        // the length of the whole
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

// Words returns the bits of a parameter arena with the given weights: the elements of each parameter in row-major order, by its name. What has none is zero.
func (a *Arena) Words(weights map[string][]float32) []uint32 {
	words := make([]uint32, a.ArenaLen)
	for _, pl := range a.Places {
		for i, x := range weights[pl.Param.Name] {
			words[pl.At(i)] = math.Float32bits(x)
		}
	}
	return words
}

// NewArena places the parameters of m. The error is a parameter of symbolic extent, or a total above ir.MaxElems elements.
func NewArena(m *ir.Module) (Arena, error) {
	var a Arena
	var groups []ir.Treatment
	members := map[ir.Treatment][]*ir.Param{}
	var others []*ir.Param
	for _, p := range m.Params {
		if !p.Trainable {
			others = append(others, p)
			continue
		}
		t := m.Train.Treatment(p.Name)
		if members[t] == nil {
			groups = append(groups, t)
		}
		members[t] = append(members[t], p)
	}
	for _, t := range groups {
		start, first := a.ArenaLen, len(a.Places)
		if err := a.place(members[t]); err != nil {
			return Arena{}, err
		}
		a.ArenaLen = roundUp(a.ArenaLen, ArenaAlign)
		g := ir.Group{Treatment: t, Offset: start, Size: a.ArenaLen - start}
		for _, pl := range a.Places[first:] {
			g.Params = append(g.Params, ir.Span{Offset: pl.Offset, Size: roundUp(pl.Size, ParamAlign)})
		}
		a.Groups = append(a.Groups, g)
	}
	a.Trainable = a.ArenaLen
	if err := a.place(others); err != nil {
		return Arena{}, err
	}
	return a, nil
}

// place appends parameters.
func (a *Arena) place(list []*ir.Param) error {
	for _, p := range list {
		n, ok := p.Type.Shape.Elems()
		if !ok || !n.Static() {
			return fmt.Errorf("%s: parameter %s: %s is no fixed number of elements below 2^31", p.Pos, p.Name, p.Type)
		}
		a.Places = append(a.Places, Place{Param: p, Offset: a.ArenaLen, Size: n.Size})
		if n.Size > ir.MaxElems-ArenaAlign-a.ArenaLen {
			return fmt.Errorf("%s: parameter %s: the parameters up to here have more than 2^31 elements", p.Pos, p.Name)
		}
		a.ArenaLen = roundUp(a.ArenaLen+n.Size, ParamAlign)
	}
	return nil
}

func roundUp(n, to int) int { return (n + to - 1) / to * to }
