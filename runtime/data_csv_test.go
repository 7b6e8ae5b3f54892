package runtime

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// homes is a model with two inputs and three targets, and a data source for it.
func homes(columns map[string]any) *modelInfo {
	args := map[string]any{"file": "homes.csv", "validation": 0.25, "test": "test.csv"}
	for name, c := range columns {
		args[name] = c
	}
	return &modelInfo{
		name: "homes", source: "homes.dl",
		inputs:  []portInfo{{name: "features", elem: "f32", shape: []int{3}, eval: 0}, {name: "zone", elem: "i32", eval: 1}},
		targets: []portInfo{{name: "kind", elem: "i32", classes: 3, eval: 2}, {name: "price", elem: "f32", eval: 3}, {name: "flags", elem: "u8", shape: []int{2}, eval: 4}},
		recipe:  recipe{data: []call{{"csv", args}, {"normalize", map[string]any{"mean": []float64{0, 1, 2}, "std": 2.0}}}},
	}
}

const homesCSV = `zone, size, "rooms", price, kind, a, b, age
7, 10, 3, 1.5, 2, 0, 255, 4
-1, 20, 5, 2.5, 0, 1, 2, 6
3, 30, 7, 3.5, 1, 3, 4, 8
4, 40, 9, -1, 1, 5, 6, 1e1
`

func TestCSV(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	write("homes.csv", homesCSV)
	write("test.csv", "\ufeff"+homesCSV[:strings.Index(homesCSV, "3, 30")])
	m := homes(map[string]any{"features": "size, rooms, 8", "flags": "6-7"})
	sets, err := openData(m, dataPlace{base: dir}, "train", "test")
	if err != nil {
		t.Fatal(err)
	}
	if a, b, c := sets.train.Len(), sets.held.Len(), sets.test.Len(); a != 3 || b != 1 || c != 2 {
		t.Errorf("sets of %d, %d and %d", a, b, c)
	}
	x := &exec{arena: make([]float32, 64), base: []int{0, 16, 32, 40, 48}}
	b := newBatchView(m, x, func(p portInfo) int { return p.eval })
	if err := sets.test.load(1, 1, b); err != nil {
		t.Fatal(err)
	}
	if got := b.input(0, 1); !slices.Equal(got, []float32{10, 2, 2}) {
		t.Errorf("features %v", got)
	}
	if zone, kind, price, flags := b.inputInts(1, 1)[0], b.targetInts(0, 1)[0], b.target(1, 1)[0], b.targetInts(2, 1); zone != -1 || kind != 0 || price != 2.5 || !slices.Equal(flags, []int32{1, 2}) {
		t.Errorf("zone %v, kind %v, price %v, flags %v", zone, kind, price, flags)
	}
	if n := testing.AllocsPerRun(100, func() { sets.train.load(2, 0, b) }); n != 0 {
		t.Errorf("load allocates %v times", n)
	}
	plain := strings.SplitN(homesCSV, "\n", 2)[1] // no names: numbers of columns
	for _, c := range []struct{ file, features, flags, err string }{
		{plain, "2, 3, 8", "6-7", "zone: the columns have no names, so \"zone\" is none of 1 to 8"},
		{homesCSV, "", "6-7", "features: no column is called \"features\"; there are \"zone\", \"size\""},
		{homesCSV, "size", "6-7", "features has 3 elements, but 1 columns: size"},
		{homesCSV, "2-9", "6-7", "column 2-9 is none of 1 to 8"},
		{homesCSV + "1,2,3\n", "2, 3, 8", "6-7", "wrong number of fields"},
		{homesCSV + "1,2,3,4,3,0,0,0\n", "2, 3, 8", "6-7", "line 6: column 5: kind takes the classes 0 to 2, not 3"},
		{homesCSV + "1,2,3,4,1,0,256,0\n", "2, 3, 8", "6-7", "line 6: column 7: flags is u8 and takes whole numbers from 0 to 255, not 256"},
		{homesCSV + "1,2,x,4,1,0,0,0\n", "2, 3, 8", "6-7", `line 6: column 3 is "x", and features takes numbers`},
		{homesCSV[:strings.Index(homesCSV, "\n")+1], "2, 3, 8", "6-7", "no example follows"},
		{"", "2, 3, 8", "6-7", "the file is empty"},
	} {
		write("homes.csv", c.file)
		_, err := openData(homes(map[string]any{"features": c.features, "flags": c.flags}), dataPlace{base: dir}, "train")
		if err == nil || !strings.Contains(err.Error(), c.err) || !strings.HasPrefix(err.Error(), "homes.csv: ") {
			t.Errorf("error %v, want %q", err, c.err)
		}
	}
}
