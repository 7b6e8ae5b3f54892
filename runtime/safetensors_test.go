package runtime

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// encodedTiny is the weights of the tiny model as a file.
func encodedTiny(t testing.TB) (m *Model, file []byte) {
	t.Helper()
	m, err := untrainedModel(tiny(), 5)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := writeTensors(&b, m.info, []namedArena{{"", m.weights}}, map[string]string{"model": "tiny"}); err != nil {
		t.Fatal(err)
	}
	return m, b.Bytes()
}

// tensorsOf builds a file of a header and data.
func tensorsOf(header string, data int) string {
	return string(binary.LittleEndian.AppendUint64(nil, uint64(len(header)))) + header + strings.Repeat("\x00", data)
}

func decodeTiny(file string) error {
	_, err := decodeWeights(tiny(), "w", strings.NewReader(file), int64(len(file)))
	return err
}

// TestSafetensorsFormat reads our file with nothing but the format's definition.
func TestSafetensorsFormat(t *testing.T) {
	m, file := encodedTiny(t)
	n := binary.LittleEndian.Uint64(file)
	if n%8 != 0 {
		t.Errorf("the data lies at %d, which is not aligned", 8+n)
	}
	var head map[string]json.RawMessage
	if err := json.Unmarshal(file[8:8+n], &head); err != nil {
		t.Fatal(err)
	}
	var w struct {
		Dtype   string `json:"dtype"`
		Shape   []int  `json:"shape"`
		Offsets [2]int `json:"data_offsets"`
	}
	if err := json.Unmarshal(head["dense.weight"], &w); err != nil {
		t.Fatal(err)
	}
	if len(head) != 4 || w.Dtype != "F32" || fmt.Sprint(w.Shape) != "[3 2]" || w.Offsets[1]-w.Offsets[0] != 24 {
		t.Fatalf("%d entries; dense.weight is %+v", len(head), w)
	}
	for i := range 3 {
		for j := range 2 { // row-major in the file, transposed in the arena
			bits := binary.LittleEndian.Uint32(file[8+int(n)+w.Offsets[0]+4*(2*i+j):])
			if got, want := math.Float32frombits(bits), m.weights[i+4*j]; got != want || got == 0 {
				t.Errorf("element %d,%d is %g, want %g", i, j, got, want)
			}
		}
	}
	if string(head["scale"]) != `{"dtype":"F32","shape":[],"data_offsets":[32,36]}` {
		t.Errorf("a scalar is %s", head["scale"])
	}
}

func TestSaveAndLoad(t *testing.T) {
	m, file := encodedTiny(t)
	path := filepath.Join(t.TempDir(), "tiny.safetensors")
	if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := m.Save(path); err != nil {
		t.Fatal(err)
	}
	got, err := loadModel(tiny(), path)
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprintf("%x", got.weights) != fmt.Sprintf("%x", m.weights) {
		t.Errorf("loaded %x, saved %x", got.weights, m.weights)
	}
	blob, err := newModel(tiny(), string(file))
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprintf("%x", blob.weights) != fmt.Sprintf("%x", m.weights) {
		t.Error("embedded safetensors give other weights")
	}
	left, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(left) != 1 {
		t.Errorf("the folder holds %v, %v", left, err)
	}
	if err := m.Save(filepath.Join(path, "x")); err == nil {
		t.Error("saved below a file")
	}
	if _, err := loadModel(tiny(), filepath.Dir(path)); err == nil || !strings.Contains(err.Error(), "no regular file") {
		t.Errorf("loading a folder: %v", err)
	}
}

// TestSaveFails keeps the old file and leaves nothing behind.
func TestSaveFails(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	err := writeFile(path, func(f *os.File) error {
		fmt.Fprint(f, "half")
		return fmt.Errorf("disk full")
	})
	if err == nil || !strings.Contains(err.Error(), "writing "+path+": disk full") {
		t.Errorf("error is %v", err)
	}
	if b, _ := os.ReadFile(path); string(b) != "old" {
		t.Errorf("the file is now %q", b)
	}
	if left, _ := os.ReadDir(filepath.Dir(path)); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
}

func TestPackedWeights(t *testing.T) {
	m, err := untrainedModel(tiny(), 5)
	if err != nil {
		t.Fatal(err)
	}
	blob := make([]byte, packedHead+4*(m.info.arena+slack))
	copy(blob, packedMagic)
	binary.LittleEndian.PutUint64(blob[8:], uint64(m.info.arena))
	for i, v := range m.weights {
		binary.LittleEndian.PutUint32(blob[packedHead+4*i:], math.Float32bits(v))
	}
	for shift := range 4 { // in place where it is aligned, a copy elsewhere
		s := strings.Repeat("x", shift) + string(blob)
		got, err := newModel(tiny(), s[shift:])
		if err != nil {
			t.Fatal(err)
		}
		if fmt.Sprintf("%x", got.weights) != fmt.Sprintf("%x", m.weights) {
			t.Errorf("shift %d: other weights", shift)
		}
	}
	for want, bad := range map[string]string{"of two builds": string(blob[:len(blob)-4]), "without weights": ""} {
		if _, err := newModel(tiny(), bad); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want %q", err, want)
		}
	}
	blob[8]++
	if _, err := newModel(tiny(), string(blob)); err == nil {
		t.Error("took a wrong number of elements")
	}
}

func TestSafetensorsHostile(t *testing.T) {
	good := `"dense.weight":{"dtype":"F32","shape":[3,2],"data_offsets":[0,24]},"dense.bias":{"dtype":"F32","shape":[2],"data_offsets":[24,32]},"scale":{"dtype":"F32","shape":[],"data_offsets":[32,36]}`
	if err := decodeTiny(tensorsOf("{"+good+"}  ", 36)); err != nil {
		t.Fatalf("the good one: %v", err)
	}
	swap := func(old, with string) string { return tensorsOf("{"+strings.Replace(good, old, with, 1)+"}", 36) }
	entry := func(e string, data int) string { return tensorsOf(`{"t":`+e+`}`, data) }
	for _, c := range []struct{ want, file string }{
		{"w: header length: the file has 0 bytes", ""},
		{"w: header length: the file has 7 bytes", "1234567"},
		{"w: header length: 18446744073709551615 bytes do not fit", strings.Repeat("\xff", 8)},
		{"w: header length: 104857601 bytes do not fit", "\x01\x00\x40\x06\x00\x00\x00\x00{}"},
		{"w: header length: 3 bytes do not fit the file's 10", "\x03\x00\x00\x00\x00\x00\x00\x00{}"},
		{"w: header: it does not begin with {", tensorsOf("", 0)},
		{"w: header: it does not begin with {", tensorsOf(" {}", 0)},
		{"w: header: the JSON ends too early", tensorsOf("{", 0)},
		{"w: header: only spaces may follow", tensorsOf("{}{}", 0)},
		{"w: header: only spaces may follow", tensorsOf("{}\n", 0)},
		{"w: tensors: it lacks", tensorsOf("{}", 0)},
		{`it lacks "dense.weight", "dense.bias", "scale"; tiny has no "t"`, entry(`{"dtype":"F32","shape":[],"data_offsets":[0,4]}`, 4)},
		{`w: tensor "dense.weight": it is there twice`, tensorsOf("{"+good+","+good+"}", 36)},
		{"w: __metadata__: key \"a\" is there twice", tensorsOf(`{"__metadata__":{"a":"1","a":"2"},`+good+`}`, 36)},
		{"w: __metadata__: key \"a\": \"1\" is where a string", tensorsOf(`{"__metadata__":{"a":1}}`, 0)},
		{`w: tensor "t": "[" is where {`, entry("[]", 0)},
		{`w: tensor "t": dtype: it is missing`, entry(`{"shape":[],"data_offsets":[0,4]}`, 4)},
		{`w: tensor "t": shape: it is missing`, entry(`{"dtype":"F32","data_offsets":[0,4]}`, 4)},
		{`w: tensor "t": data_offsets: it is missing`, entry(`{"dtype":"F32","shape":[]}`, 4)},
		{`w: tensor "t": "dtype": it is there twice`, entry(`{"dtype":"F32","dtype":"F32","shape":[],"data_offsets":[0,4]}`, 4)},
		{`w: tensor "t": field "x" is none`, entry(`{"x":1,"dtype":"F32","shape":[],"data_offsets":[0,4]}`, 4)},
		{`w: tensor "t": dtype: "F31" is unknown`, entry(`{"dtype":"F31","shape":[],"data_offsets":[0,4]}`, 4)},
		{`w: tensor "t": shape: "-1" is no whole number`, entry(`{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}`, 4)},
		{`w: tensor "t": shape: "1.5" is no whole number`, entry(`{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}`, 4)},
		{`w: tensor "t": shape: "99999999999999999999" is no whole number`, entry(`{"dtype":"F32","shape":[99999999999999999999],"data_offsets":[0,4]}`, 4)},
		{`has more elements than a file can hold`, entry(`{"dtype":"F32","shape":[1048576,1048576,1048576,16],"data_offsets":[0,0]}`, 0)},
		{`shape: it has more than 32 numbers`, entry(`{"dtype":"F32","shape":[1`+strings.Repeat(",1", 32)+`],"data_offsets":[0,4]}`, 4)},
		{`data_offsets: it has more than 2 numbers`, entry(`{"dtype":"F32","shape":[],"data_offsets":[0,4,8]}`, 4)},
		{`data_offsets: [4 0] are not a begin and an end`, entry(`{"dtype":"F32","shape":[],"data_offsets":[4,0]}`, 4)},
		{`data_offsets: [4] are not a begin and an end`, entry(`{"dtype":"F32","shape":[],"data_offsets":[4]}`, 4)},
		{`data_offsets: 0 to 8 are 8 bytes, but F32[] takes 4`, entry(`{"dtype":"F32","shape":[],"data_offsets":[0,8]}`, 8)},
		{`data_offsets: it ends at byte 36, but the file has 32 bytes of data`, tensorsOf("{"+good+"}", 32)},
		{`w: data: the last 4 bytes belong to no tensor`, tensorsOf("{"+good+"}", 40)},
		{`inside the tensor before it`, swap("[24,32]", "[20,28]")},
		{`bytes 24 to 28 before it belong to no tensor`, swap("[24,32]", "[28,36]")},
		{`w: tensor "scale": dtype: it is F8_E4M3, which is not supported`, tensorsOf("{"+strings.Replace(good, `"F32","shape":[],"data_offsets":[32,36]`, `"F8_E4M3","shape":[],"data_offsets":[32,33]`, 1)+"}", 33)},
		{`w: tensor "dense.weight": shape: it is [2 3], but tiny needs [3 2]`, swap("[3,2]", "[2,3]")},
	} {
		err := decodeTiny(c.file)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.120q:\nerror is %v\nwant %s", c.file, err, c.want)
		}
	}
	long := decodeTiny(tensorsOf(`{"`+strings.Repeat("x", 1<<20)+`":1}`, 0))
	if long == nil || len(long.Error()) > 500 {
		t.Errorf("a long name gives a message of %d bytes", len(long.Error()))
	}
	deep := decodeTiny(tensorsOf(`{"a":`+strings.Repeat(`{"a":`, 1<<20), 0))
	if deep == nil {
		t.Error("deep nesting was taken")
	}
}

// FuzzSafetensors wants an error or a file that reads back the same, and no panic.
func FuzzSafetensors(f *testing.F) {
	_, file := encodedTiny(f)
	f.Add(file)
	f.Add([]byte(tensorsOf("{}", 0)))
	f.Add([]byte(tensorsOf(`{"t":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}`, 0)))
	f.Fuzz(func(t *testing.T, file []byte) {
		m := tiny()
		weights, err := decodeWeights(m, "w", bytes.NewReader(file), int64(len(file)))
		if err != nil {
			return
		}
		var b bytes.Buffer
		if err := writeTensors(&b, m, []namedArena{{"", weights}}, nil); err != nil {
			t.Fatal(err)
		}
		again, err := decodeWeights(m, "w", bytes.NewReader(b.Bytes()), int64(b.Len()))
		if err != nil {
			t.Fatalf("our own file: %v", err)
		}
		for i := range weights {
			if math.Float32bits(weights[i]) != math.Float32bits(again[i]) {
				t.Fatalf("element %d changed", i)
			}
		}
	})
}
