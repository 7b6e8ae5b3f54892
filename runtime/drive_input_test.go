package runtime

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func npy(descr, shape string, body []byte) []byte {
	h := "{'descr': '" + descr + "', 'fortran_order': False, 'shape': " + shape + ", }"
	h += strings.Repeat(" ", 63-(10+len(h))%64) + "\n"
	b := append([]byte("\x93NUMPY\x01\x00"), 0, 0)
	binary.LittleEndian.PutUint16(b[8:], uint16(len(h)))
	return append(append(b, h...), body...)
}

func floatBytes(v ...float32) []byte {
	var b []byte
	for _, x := range v {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
	}
	return b
}

func TestReadNumbers(t *testing.T) {
	dir := t.TempDir()
	p := portInfo{name: "x", elem: "f32", shape: []int{2, 3}}
	six := floatBytes(1, 2, 3, 4, 5, 6.5)
	for _, c := range []struct {
		file string
		data []byte
		want string // "" for 1 … 5, 6.5, or part of the error
	}{
		{"a.f32", six, ""},
		{"a.npy", npy("<f4", "(2, 3)", six), ""},
		{"b.npy", npy("<f4", "(1, 2, 3)", six), ""},
		{"a.json", []byte("[[1, 2, 3], [4, 5, 6.5]]\n"), ""},
		{"flat.f32", six[:20], "it holds 5 numbers, but input x takes [2 3]"},
		{"odd.f32", six[:21], "21 bytes are no whole number of float32"},
		{"odd.i32", six[:21], "21 bytes are no whole number of int32"},
		{"c.npy", npy("<f4", "(3, 2)", six), "it holds [3 2], but input x takes [2 3]"},
		{"d.npy", npy("<f4", "(2, 3)", six[:20]), "data: 20 bytes, where shape [2 3] of <f4 takes 24"},
		{"e.npy", npy("<f3", "(2, 3)", six), `descr: "<f3" is none of`},
		{"e2.npy", npy("|O", "(2, 3)", six), `the file holds Python objects`},
		{"f.npy", npy("<f4", "(2, 99999999999)", six), "is no extent"},
		{"g.npy", []byte("\x93NUMPY\x01\x00\xff\xff{"), "header: its length 65535 does not fit the file"},
		{"h.npy", []byte("text"), "magic number"},
		{"i.npy", bytes.Replace(npy("<f4", "(2, 3)", six), []byte("False"), []byte("True "), 1), "fortran_order is not False"},
		{"b.json", []byte("[[1, 2, 3], [4, 5]]"), "differ in length"},
		{"c.json", []byte("[[1, 2, 3], 4, 5, 6]"), "not nested evenly"},
		{"d.json", []byte("[[[1], 2, 3], [4, 5, 6]]"), "not nested evenly"},
		{"e.json", []byte(`{"x": 1}`), "object"},
		{"f.json", []byte(`[[1, 2, "3"], [4, 5, 6]]`), "wanted are numbers"},
		{"g.json", []byte("[[1, 2, 3], [4, 5, 6]] 7"), "something follows"},
		{"h.json", []byte("[[1, 2, 3], [4, 5, 6"), "unexpected EOF"},
		{"i.json", []byte("[[], []]"), "empty"},
		{"j.json", []byte(strings.Repeat("[", 100000)), "not nested evenly"},
		{"big.f32", make([]byte, 3<<20), "far larger"},
		{"a.txt", []byte("1 2 3"), "an input is a .png"},
	} {
		t.Run(c.file, func(t *testing.T) {
			path := filepath.Join(dir, c.file)
			if err := os.WriteFile(path, c.data, 0o666); err != nil {
				t.Fatal(err)
			}
			n, err := readNumbers(path, p)
			if c.want != "" {
				if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), c.file) {
					t.Errorf("got error %v, want %q", err, c.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(n.values, []float64{1, 2, 3, 4, 5, 6.5}) {
				t.Errorf("got %v", n.values)
			}
		})
	}
	if _, err := readNumbers(dir, p); err == nil {
		t.Error("a folder was read")
	}
}

// TestHalf reads binary16: ordinary numbers, the least, infinity and the greatest.
func TestHalf(t *testing.T) {
	for bits, want := range map[uint16]float64{0x3c00: 1, 0xc000: -2, 1: 0x1p-24, 0x7c00: math.Inf(1), 0x7bff: 65504, 0x8000: 0} {
		if got := halfOf(bits); got != want {
			t.Errorf("%04x is %v, not %v", bits, got, want)
		}
	}
	if x := halfOf(0x7e00); x == x {
		t.Error("NaN is lost")
	}
}

// TestWholeFile reads numbers of 32 bits.
func TestWholeFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.i32")
	if err := os.WriteFile(path, []byte{1, 0, 0, 0, 0xfe, 0xff, 0xff, 0xff}, 0o666); err != nil {
		t.Fatal(err)
	}
	n, err := readNumbers(path, portInfo{name: "x", elem: "i32", shape: []int{2}})
	if err != nil || !slices.Equal(n.values, []float64{1, -2}) {
		t.Errorf("%v, %v", n, err)
	}
}

func TestFill(t *testing.T) {
	for _, c := range []struct {
		elem string
		in   float64
		ok   bool
	}{{"u8", 255, true}, {"u8", 256, false}, {"u8", -1, false}, {"i8", -128, true}, {"bool", 2, false}, {"bool", 1, true}, {"i64", 1 << 31, false}, {"i64", -1 << 31, true}} {
		err := (&numbers{values: []float64{c.in}}).fill(portInfo{name: "x", elem: c.elem, shape: []int{1}}, nil, nil, make([]int32, 1))
		if (err == nil) != c.ok {
			t.Errorf("%v as %s: %v", c.in, c.elem, err)
		}
	}
	labels := portInfo{name: "token", elem: "i32", shape: []int{2}, classes: 5}
	into := make([]int32, 2)
	if err := (&numbers{values: []float64{4, 0}}).fill(labels, nil, nil, into); err != nil || into[0] != 4 {
		t.Errorf("%v, %v", into, err)
	}
	for _, bad := range []float64{5, -1, 1.5, 1e12, math.NaN()} {
		if err := (&numbers{values: []float64{bad, 0}}).fill(labels, nil, nil, into); err == nil {
			t.Errorf("%v was accepted", bad)
		}
	}
}

// writePNG writes a picture whose pixel (x, y) is at(x, y).
func writePNG(t *testing.T, path string, w, h int, at func(x, y int) color.Color) {
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			img.Set(x, y, at(x, y))
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
}

func TestReadPicture(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.png")
	writePNG(t, path, 4, 2, func(x, y int) color.Color { return color.Gray{uint8(10*y + x)} })
	read := func(shape ...int) []float64 {
		n, err := readNumbers(path, portInfo{name: "image", elem: "f32", shape: shape})
		if err != nil {
			t.Fatal(err)
		}
		return n.values
	}
	same := []float64{0, 1, 2, 3, 10, 11, 12, 13}
	if got := read(2, 4, 1); !slices.Equal(got, same) {
		t.Errorf("grey: %v", got)
	}
	if got := read(8); !slices.Equal(got, same) {
		t.Errorf("flat: %v", got)
	}
	if got := read(2, 4, 3); got[3] != 1 || got[5] != 1 || got[23] != 13 {
		t.Errorf("colour: %v", got)
	}
	if got := read(1, 2, 1); math.Abs(got[0]-5.8) > 0.5 || got[1] <= got[0] {
		t.Errorf("shrunk: %v", got)
	}
	big := read(8, 16, 1)
	if len(big) != 128 || big[0] != 0 || big[127] != 13 || big[64] < 3 || big[64] > 9 {
		t.Errorf("grown: %v", big)
	}
	if _, err := readNumbers(path, portInfo{name: "image", elem: "f32", shape: []int{2, 4, 7}}); err == nil {
		t.Error("seven channels were accepted")
	}
	// A picture of one colour keeps it in any size, and what is transparent is black.
	writePNG(t, path, 37, 53, func(x, y int) color.Color { return color.NRGBA{200, 200, 200, 255} })
	for _, v := range read(28, 28, 1) {
		if math.Abs(v-200) > 1e-9 {
			t.Fatalf("one colour became %v", v)
		}
	}
	writePNG(t, path, 3, 3, func(x, y int) color.Color { return color.NRGBA{200, 100, 50, 0} })
	if got := read(3, 3, 1); got[4] != 0 {
		t.Errorf("transparent became %v", got[4])
	}
}

func TestReadPictureErrors(t *testing.T) {
	dir := t.TempDir()
	for name, data := range map[string][]byte{
		"empty.png": nil,
		"text.png":  []byte("no picture at all"),
		// A header that promises 2^31-1 x 2^31-1 pixels.
		"huge.png": append([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x7f\xff\xff\xff\x7f\xff\xff\xff\x08\x00\x00\x00\x00"), 0x2c, 0x6c, 0xdf, 0x3f),
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o666); err != nil {
			t.Fatal(err)
		}
		_, err := readNumbers(path, portInfo{name: "image", elem: "f32", shape: []int{28, 28, 1}})
		if err == nil || !strings.HasPrefix(err.Error(), name) {
			t.Errorf("%s: got error %v", name, err)
		}
	}
}

// FuzzNumbers reads damaged .npy and .json files: an error, or as many numbers as the extents say.
func FuzzNumbers(f *testing.F) {
	f.Add(npy("<f4", "(2, 3)", floatBytes(1, 2, 3, 4, 5, 6)))
	f.Add(npy("|u1", "()", []byte{7}))
	f.Add([]byte("[[1, 2], [3, 4]]"))
	f.Add([]byte("\x93NUMPY\x02\x00\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, data []byte) {
		for name, parse := range map[string]func([]byte) (*numbers, error){"npy": parseNPY, "json": parseJSON, "raw": parseRaw} {
			n, err := parse(data)
			if err != nil {
				continue
			}
			want := 1
			for _, d := range n.dims {
				want *= d
			}
			if n.dims != nil && want != len(n.values) {
				t.Errorf("%s: extents %v, but %d numbers", name, n.dims, len(n.values))
			}
		}
	})
}
