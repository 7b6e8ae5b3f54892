package runtime

import (
	"fmt"
	"math"
	"slices"
)

// table is a data set in memory: bytes as they were stored, and the labels. Filling a batch from it allocates nothing.
type table struct {
	name    string // "train", "validation" or "test"
	pixels  []byte
	width   int // bytes of one example
	labels  []byte
	whole   bool    // the input is of whole numbers, and takes the bytes as they are
	classes bool    // the target is of whole numbers
	rows    []int32 // the examples of pixels and labels that belong to the set; nil: all of them
	steps   *pixelMap
}

// Len returns the number of examples.
func (t *table) Len() int {
	if t.rows != nil {
		return len(t.rows)
	}
	return len(t.labels)
}

// row returns where example i lies in pixels and labels.
func (t *table) row(i int) int {
	if t.rows != nil {
		return int(t.rows[i])
	}
	return i
}

// load writes example i to place at of a batch. Data in memory is the same in every epoch.
func (t *table) load(i, at int, b *batchView) error {
	r := t.row(i)
	t.picture(b.input(0, at), r)
	if t.classes {
		b.targetInts(0, at)[0] = int32(t.labels[r])
	} else {
		b.target(0, at)[0] = float32(t.labels[r])
	}
	return nil
}

// picture writes the pixels of a row to the input of one example.
func (t *table) picture(place []float32, r int) {
	pixels := t.pixels[r*t.width : (r+1)*t.width]
	if !t.whole {
		t.steps.bytes(place, pixels)
		return
	}
	for i, b := range pixels {
		asInts(place)[i] = int32(b)
	}
}

// newTable makes a data set of images and their labels for a model with one input and one target. Both files must agree with each other and
// with the model: as many labels as images, extents that fit the input, labels below the number of classes.
func newTable(name string, m *modelInfo, images, labels *idxArray, steps *pixelMap) (*table, error) {
	in, target, err := onePort(m)
	if err != nil {
		return nil, err
	}
	if images.dims[0] != labels.dims[0] {
		return nil, fmt.Errorf("%s: extent 0: %d labels, but %s has %d images", labels.file, labels.dims[0], images.file, images.dims[0])
	}
	if !sameExtents(images.dims[1:], in.shape) {
		return nil, fmt.Errorf("%s: extents: an example is %v, but input %s of %s takes %v", images.file, images.dims[1:], in.name, m.name, in.shape)
	}
	if target.classes > 0 {
		for i, l := range labels.data {
			if int(l) >= target.classes {
				return nil, fmt.Errorf("%s: label of example %d: it is %d, but %s has the classes 0 to %d", labels.file, i, l, target.name, target.classes-1)
			}
		}
	}
	return &table{name: name, pixels: images.data, width: in.elems(), labels: labels.data, whole: wholeElem(in.elem), classes: wholeElem(target.elem), steps: steps}, nil
}

// onePort returns the input and the target of a model that image files can feed: one of each, the input of a type that has all bytes, the target one number an example.
func onePort(m *modelInfo) (in, target portInfo, err error) {
	inputs := slices.DeleteFunc(slices.Clone(m.inputs), func(p portInfo) bool { return p.bound > 0 })
	if len(inputs) != 1 || len(m.targets) != 1 {
		return in, target, fmt.Errorf("image files feed models with one input and one target; %s has %d and %d", m.name, len(inputs), len(m.targets))
	}
	in, target = inputs[0], m.targets[0]
	if in.elem == "i8" || in.elem == "bool" {
		return in, target, fmt.Errorf("image files hold bytes, but input %s of %s is %s, which has not all of them", in.name, m.name, in.elem)
	}
	if wholeElem(in.elem) && len(m.recipe.data) > 1 {
		return in, target, fmt.Errorf("data steps make other numbers of bytes, but input %s of %s is %s: declare it as f32, or leave the steps out", in.name, m.name, in.elem)
	}
	if target.elems() != 1 {
		return in, target, fmt.Errorf("label files feed targets of one number, but target %s of %s is %v", target.name, m.name, target.shape)
	}
	return in, target, nil
}

// sameExtents reports whether data of extents a can feed an input of extents b: they are equal but for extents of 1, or b is flat and as large.
func sameExtents(a, b []int) bool {
	if len(b) == 1 {
		n := 1
		for _, d := range a {
			n *= d
		}
		return n == b[0]
	}
	a, b = withoutOnes(a), withoutOnes(b)
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func withoutOnes(dims []int) []int {
	var list []int
	for _, d := range dims {
		if d != 1 {
			list = append(list, d)
		}
	}
	return list
}

// channelsOf returns the last extent of an input [H,W,C], and 1 for any other shape.
func channelsOf(shape []int) int {
	if len(shape) == 3 {
		return shape[2]
	}
	return 1
}

// splitSeed keys the choice of the examples that are held out. It is a constant, so that one file and one fraction always hold out the
// same examples, whatever the seed of the training: runs can be compared and resumed, and nothing leaks between them.
const splitSeed = 0x5eed

// split parts t in a set to train on and one to validate with.
func (t *table) split(fraction float64) (train, held dataPart, err error) {
	a, b := *t, *t
	if a.rows, b.rows, err = heldOut(t.Len(), fraction, t.row); err != nil {
		return nil, nil, err
	}
	b.name = "validation"
	return &a, &b, nil
}

// show writes example i to an input of a session and returns its label.
func (t *table) show(s *Session, port, i int) (label int) {
	r := t.row(i)
	t.picture(s.input(port), r)
	return int(t.labels[r])
}

// heldOut divides n examples among a set to train on and one to validate with, and returns the rows of each. It shuffles the numbers of the examples
// with a fixed key and holds out the last round(n*fraction) of them; both sets then keep the order of the file. A fraction that leaves either
// side without an example is an error.
func heldOut(n int, fraction float64, row func(i int) int) (train, held []int32, err error) {
	k := int(math.Round(float64(n) * fraction))
	if !(fraction > 0 && fraction < 1) || k == 0 || k == n {
		return nil, nil, fmt.Errorf("validation=%v of %d examples leaves nothing to train on or nothing to validate with", fraction, n)
	}
	order := make([]int32, n)
	shuffle(order, splitSeed, 0)
	out := make([]bool, n)
	for _, r := range order[n-k:] {
		out[r] = true
	}
	train, held = make([]int32, 0, n-k), make([]int32, 0, k)
	for i, o := range out {
		if o {
			held = append(held, int32(row(i)))
		} else {
			train = append(train, int32(row(i)))
		}
	}
	return train, held, nil
}
