package runtime

import (
	"fmt"
	"slices"
	"unsafe"
)

// The contract between a data set and the training loop:
//
//   - [examples] is what the loop reads: generated code wraps the user's Dataset into it, and data of the train block implements it
//     directly. Len is constant while it is in use. Methods are called from one goroutine, the one that called Fit or Evaluate.
//   - load(i, at, b) writes example i (0 … Len()-1) to place at (0 … batch-1) of the batch: every element of every input and target,
//     through the slices that b.input, b.inputInts, b.target and b.targetInts return for that place. They are views into the arena of
//     the running program, dense and row-major, of one example each, and valid until load returns. Port numbers are those of
//     modelInfo.inputs and modelInfo.targets.
//   - A user who sets a slice of the Example instead of filling it is served by b.takeFloats and b.takeInts, which check the length and copy.
//   - load need not check labels: the loop refuses those outside 0 … classes-1 with the example's index.
//   - What load makes random (augmentation) hangs on b.seed, b.epoch, i and nothing else; where b.training is false it does nothing random.
//     Then a resumed run sees the same examples.
//   - Steady state allocates nothing, so neither should load.

// examples is a data set as the training loop reads it.
type examples interface {
	Len() int
	load(i, at int, b *batchView) error
}

// batchView is the inputs and targets of a batch that is being filled.
type batchView struct {
	training bool // false in evaluation
	seed     int
	epoch    int // from 0; of evaluation inside training too

	x       *exec
	inputs  []portView
	targets []portView
}

// portView is a port in one program.
type portView struct {
	info   *portInfo
	buffer int // -1 where the program has none; then writes go to spare
	elems  int
	spare  []float32
}

// newBatchView makes the view of the batches of x. pick returns a port's buffer in x's program.
func newBatchView(m *modelInfo, x *exec, pick func(portInfo) int) *batchView {
	b := &batchView{x: x}
	ports := func(list []portInfo) []portView {
		var vs []portView
		for i := range list {
			v := portView{info: &list[i], buffer: pick(list[i]), elems: list[i].elems()}
			if v.buffer < 0 {
				v.spare = make([]float32, v.elems)
			}
			vs = append(vs, v)
		}
		return vs
	}
	b.inputs, b.targets = ports(m.inputs), ports(m.targets)
	return b
}

func (b *batchView) floats(v *portView, at int) []float32 {
	if v.buffer < 0 {
		return v.spare
	}
	start := b.x.base[v.buffer] + at*v.elems
	return b.x.arena[start : start+v.elems : start+v.elems]
}

// input returns the place of example at in an f32 input.
func (b *batchView) input(port, at int) []float32 { return b.floats(&b.inputs[port], at) }

// target returns the place of example at in an f32 target.
func (b *batchView) target(port, at int) []float32 { return b.floats(&b.targets[port], at) }

// inputInts is input for an i32 input.
func (b *batchView) inputInts(port, at int) []int32 { return asInts(b.input(port, at)) }

// targetInts is target for an i32 target.
func (b *batchView) targetInts(port, at int) []int32 { return asInts(b.target(port, at)) }

// takeFloats copies got to place, which b.input or b.target returned, unless it is that very slice. name is for the error where its
// length is another.
func (b *batchView) takeFloats(name string, place, got []float32) error {
	if len(got) != len(place) {
		return fmt.Errorf("%s has %d elements, not %d", name, len(got), len(place))
	}
	if unsafe.SliceData(got) != unsafe.SliceData(place) {
		copy(place, got)
	}
	return nil
}

// takeInts is takeFloats for i32.
func (b *batchView) takeInts(name string, place, got []int32) error {
	if len(got) != len(place) {
		return fmt.Errorf("%s has %d elements, not %d", name, len(got), len(place))
	}
	if unsafe.SliceData(got) != unsafe.SliceData(place) {
		copy(place, got)
	}
	return nil
}

// fill loads one example to a place of the batch and checks its labels.
func (b *batchView) fill(src examples, i, at int) error {
	for k := range b.inputs {
		if v := &b.inputs[k]; v.info.bound > 0 {
			asInts(b.floats(v, at))[0] = int32(v.info.bound)
		}
	}
	if err := src.load(i, at, b); err != nil {
		return fmt.Errorf("example %d: %w", i, err)
	}
	for k := range b.inputs {
		v := &b.inputs[k]
		if v.info.bound == 0 {
			continue
		}
		if n := asInts(b.floats(v, at))[0]; n < 1 || int(n) > v.info.bound {
			return fmt.Errorf("example %d: %s is %d, but must be 1 to %d", i, v.info.name, n, v.info.bound)
		}
	}
	for _, ports := range [][]portView{b.inputs, b.targets} {
		for k := range ports {
			v := &ports[k]
			if !narrowElem(v.info.elem) {
				continue
			}
			if err := settle(v.info.elem, b.floats(v, at)); err != nil {
				return fmt.Errorf("example %d: %s: %w", i, v.info.name, err)
			}
		}
	}
	for t := range b.targets {
		v := &b.targets[t]
		if v.info.classes == 0 {
			continue
		}
		for _, label := range asInts(b.floats(v, at)) {
			if (label < 0 || int(label) >= v.info.classes) && !slices.Contains(v.info.ignored, label) {
				return fmt.Errorf("example %d: %s is %d, but its classes are 0 to %d", i, v.info.name, label, v.info.classes-1)
			}
		}
	}
	return nil
}
