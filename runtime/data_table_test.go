package runtime

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// digitModel is a model that image files can feed, without programs.
func digitModel(steps ...call) *modelInfo {
	return &modelInfo{
		name: "digits", source: "digits.dl",
		inputs:  []portInfo{{name: "image", elem: "f32", shape: []int{4, 3, 1}, infer: 0, eval: 0, train: 0}},
		targets: []portInfo{{name: "label", elem: "i32", classes: 10, infer: -1, eval: 1, train: 1}},
		recipe:  recipe{data: append([]call{{name: "mnist", args: map[string]any{"validation": 0.2}}}, steps...)},
	}
}

func scaleBy(f any) call { return call{"scale", map[string]any{"factor": f}} }

func TestOpenData(t *testing.T) {
	dir := t.TempDir()
	writeDigits(t, dir, 50, 4, 3, 10)
	m := digitModel(scaleBy(1.0 / 255))
	sets, err := openData(m, dataPlace{override: dir}, "train", "test")
	if err != nil {
		t.Fatal(err)
	}
	if a, b, c := sets.train.Len(), sets.held.Len(), sets.test.Len(); a != 40 || b != 10 || c != 50 {
		t.Errorf("sets of %d, %d and %d", a, b, c)
	}
	all := append(slices.Clone(sets.train.(*table).rows), sets.held.(*table).rows...)
	slices.Sort(all)
	if len(slices.Compact(all)) != 50 {
		t.Error("training and validation share examples")
	}
	again, err := openData(m, dataPlace{mnist: dir}, "train")
	if err != nil || !slices.Equal(again.held.(*table).rows, sets.held.(*table).rows) {
		t.Errorf("another choice of held out examples: %v", err)
	}
	// One example, as the loop reads it.
	x := &exec{arena: make([]float32, 64), base: []int{0, 32}}
	b := newBatchView(m, x, func(p portInfo) int { return p.eval })
	if err := sets.test.load(7, 1, b); err != nil {
		t.Fatal(err)
	}
	if got, want := b.input(0, 1)[3], float32(73.0/255); got != want {
		t.Errorf("pixel 3 of example 7 is %v, want %v", got, want)
	}
	if got := b.targetInts(0, 1)[0]; got != 7 {
		t.Errorf("label of example 7 is %d", got)
	}
	if n := testing.AllocsPerRun(100, func() { sets.train.load(3, 0, b) }); n != 0 {
		t.Errorf("load allocates %v times", n)
	}
}

func TestOpenDataErrors(t *testing.T) {
	dir := t.TempDir()
	writeDigits(t, dir, 50, 4, 3, 10)
	write := func(name string, data []byte) func() {
		path := filepath.Join(dir, name)
		old, _ := os.ReadFile(path)
		if err := os.WriteFile(path, data, 0o666); err != nil {
			t.Fatal(err)
		}
		return func() { os.WriteFile(path, old, 0o666) }
	}
	labels := make([]byte, 50)
	labels[31] = 10
	other := digitModel(call{"blur", nil})
	bad := digitModel()
	bad.recipe.data[0].args["validation"] = 0.999
	for _, c := range []struct {
		name  string
		m     *modelInfo
		setup func() func()
		place dataPlace
		want  string
	}{
		{"label", digitModel(), func() func() { return write("train-labels-idx1-ubyte", idxBytes(8, []int{50}, labels)) }, dataPlace{mnist: dir},
			"train-labels-idx1-ubyte: label of example 31: it is 10, but label has the classes 0 to 9"},
		{"count", digitModel(), func() func() { return write("train-labels-idx1-ubyte", idxBytes(8, []int{49}, labels[:49])) }, dataPlace{mnist: dir},
			"train-labels-idx1-ubyte: extent 0: 49 labels, but train-images-idx3-ubyte.gz has 50 images"},
		{"shape", digitModel(), func() func() {
			return write("train-images-idx3-ubyte.gz", idxBytes(8, []int{50, 3, 4}, make([]byte, 600)))
		}, dataPlace{mnist: dir}, "train-images-idx3-ubyte.gz: extents: an example is [3 4], but input image of digits takes [4 3 1]"},
		{"steps", bytesModel(scaleBy(2)), nil, dataPlace{mnist: dir}, "data steps make other numbers of bytes, but input image of digits is u8"},
		{"step", other, nil, dataPlace{mnist: dir}, "data step blur: no data step is called that"},
		{"fraction", bad, nil, dataPlace{mnist: dir}, "validation=0.999 of 50 examples leaves nothing"},
		{"unknown folder", digitModel(), nil, dataPlace{}, "the folder of the MNIST files is not known"},
		{"empty folder", digitModel(), nil, dataPlace{override: t.TempDir()}, "holds neither train-images-idx3-ubyte.gz nor train-images-idx3-ubyte"},
		{"source", &modelInfo{recipe: recipe{data: []call{{name: "cats"}}}}, nil, dataPlace{}, "no data source is called cats"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.setup != nil {
				defer c.setup()()
			}
			_, err := openData(c.m, c.place, "train")
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got error %v, want %q", err, c.want)
			}
		})
	}
}

// bytesModel is digitModel with an input of bytes.
func bytesModel(steps ...call) *modelInfo {
	m := digitModel(steps...)
	m.inputs[0].elem = "u8"
	return m
}

// TestBytes feeds bytes as they are.
func TestBytes(t *testing.T) {
	dir := t.TempDir()
	writeDigits(t, dir, 50, 4, 3, 10)
	sets, err := openData(bytesModel(), dataPlace{override: dir}, "test")
	if err != nil {
		t.Fatal(err)
	}
	b := newBatchView(bytesModel(), &exec{arena: make([]float32, 64), base: []int{0, 32}}, func(p portInfo) int { return p.eval })
	if err := sets.test.load(7, 1, b); err != nil {
		t.Fatal(err)
	}
	if got := b.inputInts(0, 1)[3]; got != 73 {
		t.Errorf("pixel 3 of example 7 is %v, want 73", got)
	}
}

func TestPixelMap(t *testing.T) {
	steps := []call{scaleBy(1.0 / 255), {"normalize", map[string]any{"mean": []float64{0.5, 0.25}, "std": 0.5}}}
	m, err := newPixelMap(steps, 2)
	if err != nil {
		t.Fatal(err)
	}
	src := []byte{0, 0, 255, 255, 51, 102}
	got := make([]float32, len(src))
	m.bytes(got, src)
	want := []float32{-1, -0.5, 1, 1.5, -0.6, 0.3}
	for i, w := range want {
		if d := got[i] - w; d > 1e-6 || d < -1e-6 {
			t.Errorf("number %d is %v, want %v", i, got[i], w)
		}
		if one := m.number(float64(src[i]), i%2); one != got[i] {
			t.Errorf("byte %d gives %v from the table and %v alone", src[i], got[i], one)
		}
	}
	for _, bad := range []call{
		{"normalize", map[string]any{"mean": 0.0, "std": 0.0}},
		{"normalize", map[string]any{"mean": 0.0}},
		scaleBy([]float64{1, 2, 3}),
		scaleBy("x"),
	} {
		if _, err := newPixelMap([]call{bad}, 2); err == nil {
			t.Errorf("%v was accepted", bad)
		}
	}
}

func TestSameExtents(t *testing.T) {
	for _, c := range []struct {
		a, b []int
		want bool
	}{
		{[]int{28, 28}, []int{28, 28, 1}, true},
		{[]int{28, 28}, []int{1, 28, 28}, true},
		{[]int{28, 28}, []int{784}, true},
		{[]int{28, 28}, []int{28}, false},
		{[]int{28, 27}, []int{27, 28}, false},
		{[]int{32, 32, 3}, []int{32, 32, 1}, false},
	} {
		if got := sameExtents(c.a, c.b); got != c.want {
			t.Errorf("sameExtents(%v, %v) = %v", c.a, c.b, got)
		}
	}
}

// TestMNIST reads the original files where the module cache has them.
func TestMNIST(t *testing.T) {
	home, err := os.UserHomeDir()
	if err != nil {
		t.Skip(err)
	}
	cache := os.Getenv("GOMODCACHE")
	if cache == "" {
		cache = filepath.Join(home, "go", "pkg", "mod")
	}
	dir := filepath.Join(cache, "github.com", "petar", "!go!m!n!i!s!t@v0.0.0-20150320212226-2fbe10d0fa63", "data")
	if _, err := os.Stat(dir); err != nil {
		t.Skip("the MNIST module is not in the module cache")
	}
	m := digitModel(scaleBy(1.0 / 255))
	m.inputs[0].shape = []int{28, 28, 1}
	sets, err := openData(m, dataPlace{mnist: dir}, "train", "test")
	if err != nil {
		t.Fatal(err)
	}
	if a, b, c := sets.train.Len(), sets.held.Len(), sets.test.Len(); a != 48000 || b != 12000 || c != 10000 {
		t.Errorf("sets of %d, %d and %d", a, b, c)
	}
	if got := sets.test.(*table).labels[:5]; !bytes.Equal(got, []byte{7, 2, 1, 0, 4}) {
		t.Errorf("the first test labels are %v", got)
	}
}
