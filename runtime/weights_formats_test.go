package runtime

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestNumeric converts numbers to every type: what is in range comes back, what is not is refused.
func TestNumeric(t *testing.T) {
	for _, c := range []struct {
		n     numeric
		dtype string
		want  string // the number that comes back, or a part of the error
	}{
		{floatNumber(1.5), "F16", "1.5"}, {floatNumber(65504), "F16", "65504"}, {floatNumber(65519), "F16", "65504"}, {floatNumber(65520), "F16", "65520, which is beyond"},
		{floatNumber(0x1p-24), "F16", "5.960464477539063e-08"}, {floatNumber(0x1p-26), "F16", "0"}, {floatNumber(0x1.004p0), "F16", "1.0009765625"}, {floatNumber(0x1.002p0), "F16", "1"},
		{floatNumber(0x1.0000020000001p0), "F16", "1"}, {floatNumber(0x1.00200000001p0), "F16", "1.0009765625"}, // rounded once, not by way of f32
		{floatNumber(3e38), "BF16", "3.00405527047391e+38"}, {floatNumber(3.4e38), "BF16", "3.4e+38, which is beyond"}, {floatNumber(1e39), "F32", "1e+39, which is beyond"},
		{floatNumber(1e308), "F64", "1e+308"}, {floatNumber(math.Inf(-1)), "F16", "-Inf"}, {floatNumber(math.NaN()), "BF16", "NaN"},
		{floatNumber(2), "I8", "2"}, {floatNumber(-128), "I8", "-128"}, {floatNumber(128), "I8", "128, which is beyond I8"}, {floatNumber(0.5), "I32", "no whole number"},
		{floatNumber(math.NaN()), "I64", "NaN, which is no whole number"}, {floatNumber(math.Inf(1)), "U8", "no whole number"}, {floatNumber(1e30), "I64", "1e+30, which is beyond I64"},
		{floatNumber(math.Copysign(0, -1)), "U8", "0"}, {floatNumber(-1), "U64", "-1, which is beyond U64"}, {floatNumber(0x1p63), "U64", "9223372036854775808"}, {floatNumber(0x1p63), "I64", "beyond I64"},
		{signedNumber(16777216), "F32", "1.6777216e+07"}, {signedNumber(16777217), "F32", "16777217, which F32 cannot hold exactly"}, {signedNumber(2049), "F16", "cannot hold exactly"},
		{signedNumber(70000), "F16", "beyond"}, {signedNumber(math.MinInt64), "F64", "-9.223372036854775808e+18"}, {numeric{whole: true, size: math.MaxUint64}, "F64", "cannot hold exactly"},
		{numeric{whole: true, size: math.MaxUint64}, "U64", "18446744073709551615"}, {numeric{whole: true, size: math.MaxUint64}, "I64", "beyond"}, {signedNumber(math.MinInt64), "I64", "-9223372036854775808"},
		{signedNumber(-1), "I16", "-1"}, {signedNumber(65535), "U16", "65535"}, {signedNumber(65536), "U16", "beyond"}, {signedNumber(1), "BOOL", "1"}, {signedNumber(2), "BOOL", "2, which is beyond BOOL"},
		{floatNumber(1), "BOOL", "1"}, {signedNumber(-1), "BOOL", "beyond"}, {signedNumber(-2147483648), "I32", "-2147483648"}, {signedNumber(2147483648), "I32", "beyond"},
	} {
		bits, err := writeNumber(c.dtype, c.n)
		if err != nil {
			if !strings.Contains(err.Error(), c.want) || c.want == "" {
				t.Errorf("%v as %s: %v, want %s", c.n, c.dtype, err, c.want)
			}
			continue
		}
		got, err := readNumber(c.dtype, bits)
		if want := c.want; err != nil || fmt.Sprint(got) != want && fmt.Sprintf("%.18e", got.value()) != want {
			t.Errorf("%v as %s is %v, %v, want %s", c.n, c.dtype, got, err, c.want)
		}
	}
	for bits := range 1 << 16 { // every number of 16 bits stays itself
		for _, dtype := range []string{"F16", "BF16", "I16", "U16"} {
			n, err := readNumber(dtype, uint64(bits))
			if err != nil {
				t.Fatal(err)
			}
			if back, err := writeNumber(dtype, n); err != nil || back != uint64(bits) && n.value() == n.value() {
				t.Fatalf("%s %#x is %v and then %#x, %v", dtype, bits, n, back, err)
			}
		}
	}
	if _, err := readNumber("BOOL", 7); err == nil {
		t.Error("7 is taken for a truth value")
	}
}

// tinyTensors are the weights of the tiny model.
func tinyTensors(t testing.TB) (list []Tensor, done func()) {
	_, file := encodedTiny(t)
	path := filepath.Join(t.TempDir(), "tiny.safetensors")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	list, done, err := OpenWeights(path)
	if err != nil {
		t.Fatal(err)
	}
	return list, done
}

// TestWeightsFormats takes the weights of a model through every format and every type that holds them, and back.
func TestWeightsFormats(t *testing.T) {
	m, _ := encodedTiny(t)
	list, done := tinyTensors(t)
	defer done()
	for _, name := range []string{"w.safetensors", "w.npz", "folder"} {
		for _, dtype := range []string{"F32", "F64"} {
			path := filepath.Join(t.TempDir(), name)
			converted, err := Convert(list, dtype)
			if err == nil {
				err = WriteWeights(path, converted)
			}
			if err != nil {
				t.Fatal(name, err)
			}
			got, err := weightsOf(tiny(), path)
			if err != nil || fmt.Sprintf("%x", got) != fmt.Sprintf("%x", m.weights) {
				t.Errorf("%s as %s: %x, %v, want %x", name, dtype, got, err, m.weights)
			}
			if _, err := loadModel(tiny(), path); (err == nil) != (name == "w.safetensors") {
				t.Errorf("%s by Load: %v", name, err)
			}
		}
	}
	halves, err := Convert(list, "F16")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "half.safetensors")
	if err := WriteWeights(path, halves); err != nil {
		t.Fatal(err)
	}
	got, err := weightsOf(tiny(), path)
	if err != nil {
		t.Fatal(err)
	}
	for i, x := range got {
		if x != roundHalf(m.weights[i]) {
			t.Errorf("element %d is %v, not %v rounded", i, x, m.weights[i])
		}
	}
	for want, err := range map[string]error{
		"no whole number":       writeConverted(t, list, "I8", "w.npz"),
		"NumPy has no BF16":     writeConverted(t, list, "BF16", "w.npz"),
		"holds one tensor":      writeConverted(t, list, "F32", "w.npy"),
		"not as .h5":            writeConverted(t, list, "F32", "w.h5"),
		`"f8" is no element`:    writeConverted(t, list, "F8", "w.npz"),
		"cannot be that of a f": WriteWeights(filepath.Join(t.TempDir(), "d"), []Tensor{{Name: "../x", DType: "F32", Open: list[0].Open}}),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want %s", err, want)
		}
	}
}

func writeConverted(t *testing.T, list []Tensor, dtype, name string) error {
	converted, err := Convert(list, dtype)
	if err != nil {
		return err
	}
	dir := t.TempDir()
	err = WriteWeights(filepath.Join(dir, name), converted)
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("%s as %s left %v", name, dtype, left)
	}
	return err
}

// TestWholeCells reads parameters of whole numbers from other types.
func TestWholeCells(t *testing.T) {
	for _, c := range []struct {
		dtype, elem string
		bits        uint64
		want        int32
		fails       string
	}{
		{"I64", "i32", 1 << 30, 1 << 30, ""}, {"I64", "i64", 1 << 40, 0, "beyond I32"}, {"U8", "i8", 200, 0, "element 0 is 200, which is beyond I8"}, {"I8", "i8", 0xff, -1, ""},
		{"F32", "u8", uint64(math.Float32bits(7)), 7, ""}, {"F32", "u8", uint64(math.Float32bits(7.5)), 0, "no whole number"}, {"BOOL", "bool", 1, 1, ""}, {"BOOL", "bool", 2, 0, "no truth value"},
		{"I32", "bool", 1, 1, ""}, {"U64", "i32", math.MaxUint64, 0, "beyond"},
	} {
		var word [8]byte
		binary.LittleEndian.PutUint64(word[:], c.bits)
		cells := make([]float32, 1)
		err := readCells(cells, bytes.NewReader(word[:dtypeBytes[c.dtype]]), c.dtype, c.elem)
		if got := asInts(cells)[0]; c.fails == "" && (err != nil || got != c.want) || c.fails != "" && (err == nil || !strings.Contains(err.Error(), c.fails)) {
			t.Errorf("%s %d as %s: %d, %v", c.dtype, c.bits, c.elem, got, err)
		}
	}
	cells := make([]float32, 1)
	if err := readCells(cells, strings.NewReader("\x00\x00\x80\x7f"), "F32", "f16"); err != nil || !math.IsInf(float64(cells[0]), 1) {
		t.Errorf("infinity as f16: %v, %v", cells, err)
	}
}

// zipOf makes a zip of entries that may lie about their sizes.
func zipOf(t testing.TB, entries ...func(z *zip.Writer) error) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, e := range entries {
		if err := e(z); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zipped(name string, data []byte) func(z *zip.Writer) error {
	return func(z *zip.Writer) error {
		w, err := z.Create(name)
		if err == nil {
			_, err = w.Write(data)
		}
		return err
	}
}

// claimed is an entry with sizes, a method and flags of its own.
func claimed(h zip.FileHeader, data []byte) func(z *zip.Writer) error {
	return func(z *zip.Writer) error {
		w, err := z.CreateRaw(&h)
		if err == nil {
			_, err = w.Write(data)
		}
		return err
	}
}

func TestNPZHostile(t *testing.T) {
	floats := func(n int) []byte { return make([]byte, 4*n) }
	weight, bias, scale := zipped("dense.weight.npy", npy("<f4", "(3, 2)", floats(6))), zipped("dense.bias.npy", npy("<f4", "(2,)", floats(2))), zipped("scale.npy", npy("<f4", "()", floats(1)))
	good := zipOf(t, weight, bias, scale)
	decode := func(b []byte) error {
		f, err := readWeights("w", bytes.NewReader(b), int64(len(b)))
		if err == nil {
			_, err = f.weights(tiny())
		}
		return err
	}
	if err := decode(good); err != nil {
		t.Fatal(err)
	}
	one := npy("<f4", "()", floats(1))
	overlap := bytes.Clone(good)
	directory := bytes.LastIndex(overlap, []byte("PK\x01\x02"))
	binary.LittleEndian.PutUint32(overlap[directory+42:], 0) // the last entry lies where the first does
	for _, c := range []struct {
		want string
		file []byte
	}{
		{"w: tensors: it lacks", zipOf(t)},
		{`w: "note.txt": it is no .npy file`, zipOf(t, zipped("note.txt", nil))},
		{`w: "scale.npy": it is there twice`, zipOf(t, scale, scale)},
		{"it lies inside", overlap},
		{"it is encrypted", zipOf(t, claimed(zip.FileHeader{Name: "scale.npy", Flags: 1, CompressedSize64: uint64(len(one)), UncompressedSize64: uint64(len(one))}, one))},
		{"compressed by method 12", zipOf(t, claimed(zip.FileHeader{Name: "scale.npy", Method: 12, CompressedSize64: uint64(len(one)), UncompressedSize64: uint64(len(one))}, one))},
		{"cannot become the 1099511627776 that it says", zipOf(t, claimed(zip.FileHeader{Name: "scale.npy", Method: zip.Deflate, CompressedSize64: uint64(len(one)), UncompressedSize64: 1 << 40}, one))},
		{"cannot become", zipOf(t, claimed(zip.FileHeader{Name: "scale.npy", CompressedSize64: uint64(len(one)), UncompressedSize64: 1 << 40}, one))},
		{"holds Python objects", zipOf(t, zipped("scale.npy", npy("|O", "()", []byte("cos\nsystem\n"))))},
		{"data: 8 bytes, where shape [] of <f4 takes 4", zipOf(t, zipped("scale.npy", npy("<f4", "()", floats(2))))},
		{"shape: it is [2 3], but tiny needs [3 2]", zipOf(t, zipped("dense.weight.npy", npy("<f4", "(2, 3)", floats(6))), bias, scale)},
		{"checksum", zipOf(t, weight, bias, claimed(zip.FileHeader{Name: "scale.npy", CRC32: crc32.ChecksumIEEE(one) + 1, CompressedSize64: uint64(len(one)), UncompressedSize64: uint64(len(one))}, one))},
		{"w: zip: not a valid zip file", good[:len(good)-9]},
	} {
		if err := decode(c.file); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error is %v, want %s", err, c.want)
		}
	}
	big := npy(">f4", "()", []byte{0x3f, 0x80, 0, 0})
	f, err := readWeights("one.npy", bytes.NewReader(big), int64(len(big)))
	if err != nil || len(f.tensors) != 1 || f.tensors[0].name != "one" {
		t.Fatalf("%+v, %v", f, err)
	}
	r, err := f.tensors[0].open()
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(r); err != nil || math.Float32frombits(binary.LittleEndian.Uint32(b)) != 1 {
		t.Errorf("big-endian: %x, %v", b, err)
	}
}

// FuzzNPZ wants an error, or weights that are there.
func FuzzNPZ(f *testing.F) {
	list, done := tinyTensors(f)
	var b bytes.Buffer
	if err := writeNPZ(&b, entries(list)); err != nil {
		f.Fatal(err)
	}
	done()
	f.Add(b.Bytes())
	f.Add(npy("<i8", "(1, 2)", make([]byte, 16)))
	f.Add(zipOf(f))
	f.Fuzz(func(t *testing.T, file []byte) {
		w, err := readWeights("w", bytes.NewReader(file), int64(len(file)))
		if err == nil {
			_, err = w.weights(tiny())
		}
		if err != nil && !strings.HasPrefix(err.Error(), "w: ") {
			t.Errorf("the error does not name the file: %v", err)
		}
	})
}
