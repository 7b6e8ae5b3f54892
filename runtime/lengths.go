package runtime

import (
	"fmt"
	"unsafe"
)

// Inputs of lengths say how many steps of each example count, from 1 to the port's bound. Whoever fills a whole example need not touch
// them: they start at the bound.

// fullLengths writes the bound into every input of lengths of a session.
func (s *Session) fullLengths() {
	for i := range s.model.info.inputs {
		if p := &s.model.info.inputs[i]; p.bound > 0 && p.infer >= 0 {
			lengths := s.inputInts(i)
			for k := range lengths {
				lengths[k] = int32(p.bound)
			}
		}
	}
}

// checkLengths returns an error that names the first example with a length out of range.
func (p *portInfo) checkLengths(lengths []int32) error {
	for i, v := range lengths {
		if v < 1 || int(v) > p.bound {
			return fmt.Errorf("example %d: %s is %d, but must be 1 to %d", i, p.name, v, p.bound)
		}
	}
	return nil
}

// takeSteps copies the steps of one example, of row elements each, to place, unless they lie there already, and clears what is left of it.
// Their number goes to length, where 0 stands for none known yet: what is measured together must have as many.
func takeSteps[E int32 | float32](name string, place, got []E, row int, length *int32) error {
	n := len(got) / row
	switch {
	case len(got)%row != 0 || n < 1 || len(got) > len(place):
		return fmt.Errorf("%s has %d elements; steps have %d, and there are 1 to %d of them", name, len(got), row, len(place)/row)
	case *length != 0 && int(*length) != n:
		return fmt.Errorf("%s has %d steps, but there are %d of what goes with it", name, n, *length)
	}
	if unsafe.SliceData(got) != unsafe.SliceData(place) {
		copy(place, got)
	}
	clear(place[len(got):])
	*length = int32(n)
	return nil
}
