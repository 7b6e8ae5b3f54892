package runtime

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// idxBytes makes an IDX file.
func idxBytes(kind byte, dims []int, data []byte) []byte {
	b := []byte{0, 0, kind, byte(len(dims))}
	for _, d := range dims {
		b = binary.BigEndian.AppendUint32(b, uint32(d))
	}
	return append(b, data...)
}

func gzipped(t testing.TB, data []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestReadIDX(t *testing.T) {
	plain := idxBytes(8, []int{2, 3, 1}, []byte{1, 2, 3, 4, 5, 6})
	for name, file := range map[string][]byte{"plain": plain, "gzip": gzipped(t, plain)} {
		a, err := readIDX(bytes.NewReader(file), "x", 3, 3, idxLimit)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !slices.Equal(a.dims, []int{2, 3, 1}) || !bytes.Equal(a.data, []byte{1, 2, 3, 4, 5, 6}) {
			t.Errorf("%s: got %v %v", name, a.dims, a.data)
		}
	}
}

// TestReadIDXErrors gives damaged files; each error must name the file and the field.
func TestReadIDXErrors(t *testing.T) {
	good := idxBytes(8, []int{2, 2}, []byte{1, 2, 3, 4})
	z := gzipped(t, good)
	badSum := slices.Clone(z)
	badSum[len(badSum)-5] ^= 1
	huge := idxBytes(8, []int{1 << 30, 1 << 30}, nil)
	for _, c := range []struct {
		name string
		file []byte
		want string
	}{
		{"empty", nil, "f: magic number: the file ends too early"},
		{"short magic", good[:3], "f: magic number: the file ends too early"},
		{"text", []byte("hello, world"), "f: magic number: 68656c6c"},
		{"floats", idxBytes(0x0d, []int{2, 2}, make([]byte, 16)), "f: element type: f32 is not supported"},
		{"no type", idxBytes(0x07, []int{2, 2}, make([]byte, 16)), "f: element type: 0x07"},
		{"rank", idxBytes(8, []int{4}, []byte{1, 2, 3, 4}), "f: number of extents: it is 1 and should be 2"},
		{"short extent", good[:9], "f: extent 1: the file ends too early"},
		{"zero extent", idxBytes(8, []int{2, 0}, nil), "f: extent 1: 0 is out of range"},
		{"huge extent", idxBytes(8, []int{1 << 31, 2}, nil), "f: extent 0: 2147483648 is out of range"},
		{"huge product", huge, "f: extents: [1073741824 1073741824] are more than 1000 elements"},
		{"truncated", good[:len(good)-1], "f: elements: the file ends after 3 of the 4"},
		{"trailing", append(slices.Clone(good), 0), "f: end: bytes follow the 4 elements"},
		{"truncated gzip", z[:len(z)-9], "f: e"},
		{"bad gzip sum", badSum, "f: end: gzip: invalid checksum"},
		{"gzip and more", append(slices.Clone(z), "junk"...), "f: end: "},
		{"short gzip header", z[:5], "f: gzip header: the file ends too early"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := readIDX(bytes.NewReader(c.file), "f", 2, 2, 1000)
			if err == nil || !strings.HasPrefix(err.Error(), c.want) {
				t.Errorf("got error %v, want %q", err, c.want)
			}
		})
	}
}

// TestReadIDXMemory checks that a header that promises a gigabyte takes only as much memory as there are bytes.
func TestReadIDXMemory(t *testing.T) {
	file := idxBytes(8, []int{1 << 15, 1 << 15}, make([]byte, 100))
	r := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for range b.N {
			if _, err := readIDX(bytes.NewReader(file), "f", 2, 2, idxLimit); err == nil {
				b.Fatal("a truncated file was accepted")
			}
		}
	})
	if got := r.AllocedBytesPerOp(); got > 4<<20 {
		t.Errorf("reading 100 bytes took %d bytes of memory", got)
	}
}

func FuzzIDX(f *testing.F) {
	f.Add(idxBytes(8, []int{2, 2}, []byte{1, 2, 3, 4}))
	f.Add(gzipped(f, idxBytes(8, []int{3}, []byte{1, 2, 3})))
	f.Add(idxBytes(8, []int{1 << 20, 1 << 20}, nil))
	f.Add([]byte("\x1f\x8b"))
	f.Fuzz(func(t *testing.T, file []byte) {
		a, err := readIDX(bytes.NewReader(file), "f", 1, 4, 1<<20)
		if err != nil {
			return
		}
		n := 1
		for _, d := range a.dims {
			n *= d
		}
		if n != len(a.data) || n == 0 || n > 1<<20 {
			t.Fatalf("extents %v with %d elements", a.dims, len(a.data))
		}
		// What was read is, written plainly, read to the same.
		b, err := readIDX(bytes.NewReader(idxBytes(8, a.dims, a.data)), "f", 1, 4, 1<<20)
		if err != nil || !slices.Equal(a.dims, b.dims) || !bytes.Equal(a.data, b.data) {
			t.Fatalf("not the same again: %v", err)
		}
	})
}

// writeDigits writes a small data set in the form of MNIST: images of h x w whose first byte is the label times ten.
func writeDigits(t testing.TB, dir string, n, h, w, classes int) {
	for _, stem := range []string{"train", "t10k"} {
		pixels, labels := make([]byte, n*h*w), make([]byte, n)
		for i := range n {
			labels[i] = byte(i % classes)
			for k := range h * w {
				pixels[i*h*w+k] = byte(10*(i%classes) + k%7)
			}
		}
		for name, data := range map[string][]byte{
			stem + "-images-idx3-ubyte.gz": gzipped(t, idxBytes(8, []int{n, h, w}, pixels)),
			stem + "-labels-idx1-ubyte":    idxBytes(8, []int{n}, labels),
		} {
			if err := os.WriteFile(filepath.Join(dir, name), data, 0o666); err != nil {
				t.Fatal(err)
			}
		}
	}
}
