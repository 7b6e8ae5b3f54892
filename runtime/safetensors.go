package runtime

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
)

// The safetensors format: a little-endian uint64 N, N bytes of JSON that describe the tensors, and their elements, which cover the
// rest of the file without gap or overlap. What follows accepts that and nothing else, and takes memory for no more than N bytes.

// tensorEntry is one tensor as a file of weights describes it. Types have the names of safetensors.
type tensorEntry struct {
	name       string
	dtype      string
	shape      []int
	begin, end int64                     // of safetensors: in the data behind the header
	open       func() (io.Reader, error) // its elements: row-major, little-endian, and nothing behind them
}

// elems is the number of elements.
func (t *tensorEntry) elems() int { return product(t.shape) }

// bytes is how many bytes the elements take.
func (t *tensorEntry) bytes() int64 { return dtypeBytes[t.dtype] * int64(t.elems()) }

// tensorFile is what a file of weights holds.
type tensorFile struct {
	name     string // of the file, for messages
	tensors  []tensorEntry
	metadata map[string]string
	data     int64 // of safetensors: where the data begins in the file
}

// Limits on what a header may say.
const (
	maxHeader = 100 << 20 // bytes; the format's own limit
	maxRank   = 32
)

// dtypeBytes has the bytes of an element of every type of the format that takes whole bytes.
var dtypeBytes = map[string]int64{
	"BOOL": 1, "U8": 1, "I8": 1, "F8_E5M2": 1, "F8_E4M3": 1, "F8_E8M0": 1, "I16": 2, "U16": 2, "F16": 2, "BF16": 2,
	"I32": 4, "U32": 4, "F32": 4, "I64": 8, "U64": 8, "F64": 8, "C64": 8,
}

// readTensorHeader reads and checks the header of a file of size bytes.
func readTensorHeader(file string, r io.ReaderAt, size int64) (*tensorFile, error) {
	var head [8]byte
	if size < 8 {
		return nil, fmt.Errorf("%s: header length: the file has %d bytes, fewer than the 8 of a safetensors file", file, size)
	}
	if _, err := r.ReadAt(head[:], 0); err != nil && err != io.EOF {
		return nil, fmt.Errorf("%s: header length: %w", file, err)
	}
	n := binary.LittleEndian.Uint64(head[:])
	if n > maxHeader || int64(n) > size-8 {
		return nil, fmt.Errorf("%s: header length: %d bytes do not fit the file's %d (at most %d are allowed): this is no safetensors file, or a damaged one",
			file, n, size, maxHeader)
	}
	text := make([]byte, n)
	if _, err := io.ReadFull(io.NewSectionReader(r, 8, int64(n)), text); err != nil {
		return nil, fmt.Errorf("%s: header: %w", file, err)
	}
	if n == 0 || text[0] != '{' {
		return nil, fmt.Errorf("%s: header: it does not begin with {: this is no safetensors file", file)
	}
	f := &tensorFile{name: file, data: 8 + int64(n)}
	if err := f.parse(text); err != nil {
		return nil, err
	}
	if err := f.checkLayout(size - f.data); err != nil {
		return nil, err
	}
	for i := range f.tensors {
		t := &f.tensors[i]
		t.open = func() (io.Reader, error) { return io.NewSectionReader(r, f.data+t.begin, t.end-t.begin), nil }
	}
	return f, nil
}

// parse reads the JSON of the header token by token, so that a name that comes twice is seen.
func (f *tensorFile) parse(text []byte) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	seen := map[string]bool{}
	if err := jsonBracket(d, json.Delim('{')); err != nil {
		return fmt.Errorf("%s: header: %w", f.name, err)
	}
	for d.More() {
		name, err := jsonString(d)
		if err != nil {
			return fmt.Errorf("%s: header: %w", f.name, err)
		}
		if seen[name] {
			return fmt.Errorf("%s: tensor %s: it is there twice", f.name, quoted(name))
		}
		seen[name] = true
		if name == "__metadata__" {
			if f.metadata, err = parseMetadata(d); err != nil {
				return fmt.Errorf("%s: __metadata__: %w", f.name, err)
			}
			continue
		}
		t, err := parseTensor(d)
		if err != nil {
			return fmt.Errorf("%s: tensor %s: %w", f.name, quoted(name), err)
		}
		t.name = name
		f.tensors = append(f.tensors, t)
	}
	if err := jsonBracket(d, json.Delim('}')); err != nil {
		return fmt.Errorf("%s: header: %w", f.name, err)
	}
	if rest := bytes.TrimRight(text[d.InputOffset():], " "); len(rest) > 0 {
		return fmt.Errorf("%s: header: only spaces may follow its closing }", f.name)
	}
	return nil
}

// parseMetadata reads an object of strings.
func parseMetadata(d *json.Decoder) (map[string]string, error) {
	m := map[string]string{}
	if err := jsonBracket(d, json.Delim('{')); err != nil {
		return nil, err
	}
	for d.More() {
		key, err := jsonString(d)
		if err != nil {
			return nil, err
		}
		if _, twice := m[key]; twice {
			return nil, fmt.Errorf("key %s is there twice", quoted(key))
		}
		if m[key], err = jsonString(d); err != nil {
			return nil, fmt.Errorf("key %s: %w", quoted(key), err)
		}
	}
	return m, jsonBracket(d, json.Delim('}'))
}

// parseTensor reads {"dtype": …, "shape": […], "data_offsets": [begin, end]}.
func parseTensor(d *json.Decoder) (t tensorEntry, err error) {
	if err = jsonBracket(d, json.Delim('{')); err != nil {
		return t, err
	}
	var offsets []int64
	seen := map[string]bool{}
	for d.More() {
		field, err := jsonString(d)
		if err != nil {
			return t, err
		}
		if seen[field] {
			return t, fmt.Errorf("%s: it is there twice", quoted(field))
		}
		seen[field] = true
		var list []int64
		switch field {
		case "dtype":
			t.dtype, err = jsonString(d)
		case "shape":
			list, err = jsonNumbers(d, maxRank)
			for _, n := range list {
				t.shape = append(t.shape, int(n))
			}
		case "data_offsets":
			offsets, err = jsonNumbers(d, 2)
		default:
			return t, fmt.Errorf("field %s is none of the format", quoted(field))
		}
		if err != nil {
			return t, fmt.Errorf("%s: %w", field, err)
		}
	}
	for _, field := range []string{"dtype", "shape", "data_offsets"} {
		if !seen[field] {
			return t, fmt.Errorf("%s: it is missing", field)
		}
	}
	if len(offsets) != 2 || offsets[0] > offsets[1] {
		return t, fmt.Errorf("data_offsets: %v are not a begin and an end", offsets)
	}
	t.begin, t.end = offsets[0], offsets[1]
	if err = t.checkSize(); err != nil {
		return t, err
	}
	return t, jsonBracket(d, json.Delim('}'))
}

// checkSize checks that type, shape and offsets agree.
func (t *tensorEntry) checkSize() error {
	size, ok := dtypeBytes[t.dtype]
	if !ok {
		return fmt.Errorf("dtype: %s is unknown", quoted(t.dtype))
	}
	if slices.Contains(t.shape, 0) {
		size = 0
	}
	for _, n := range t.shape {
		if n > 0 && size > (1<<62)/int64(n) {
			return fmt.Errorf("shape: %v has more elements than a file can hold", t.shape)
		}
		size *= int64(n)
	}
	if t.end-t.begin != size {
		return fmt.Errorf("data_offsets: %d to %d are %d bytes, but %s%v takes %d", t.begin, t.end, t.end-t.begin, t.dtype, t.shape, size)
	}
	return nil
}

// checkLayout checks that the tensors cover size bytes of data without gap or overlap, and sorts them by their place.
func (f *tensorFile) checkLayout(size int64) error {
	slices.SortStableFunc(f.tensors, func(a, b tensorEntry) int {
		if a.begin != b.begin {
			return cmp.Compare(a.begin, b.begin)
		}
		return cmp.Compare(a.end, b.end)
	})
	at := int64(0)
	for _, t := range f.tensors {
		switch {
		case t.end > size:
			return fmt.Errorf("%s: tensor %s: data_offsets: it ends at byte %d, but the file has %d bytes of data: it is cut short or damaged", f.name, quoted(t.name), t.end, size)
		case t.begin < at:
			return fmt.Errorf("%s: tensor %s: data_offsets: it begins at byte %d, inside the tensor before it", f.name, quoted(t.name), t.begin)
		case t.begin > at:
			return fmt.Errorf("%s: tensor %s: data_offsets: bytes %d to %d before it belong to no tensor", f.name, quoted(t.name), at, t.begin)
		}
		at = t.end
	}
	if at != size {
		return fmt.Errorf("%s: data: the last %d bytes belong to no tensor", f.name, size-at)
	}
	return nil
}

// product multiplies extents.
func product(dims []int) int {
	n := 1
	for _, d := range dims {
		n *= d
	}
	return n
}

// jsonBracket reads one bracket.
func jsonBracket(d *json.Decoder, want json.Delim) error {
	t, err := d.Token()
	if err != nil {
		return headerError(err)
	}
	if t != want {
		return fmt.Errorf("%s is where %v should be", quoted(fmt.Sprint(t)), want)
	}
	return nil
}

// jsonString reads one string.
func jsonString(d *json.Decoder) (string, error) {
	t, err := d.Token()
	if err != nil {
		return "", headerError(err)
	}
	s, ok := t.(string)
	if !ok {
		return "", fmt.Errorf("%s is where a string should be", quoted(fmt.Sprint(t)))
	}
	return s, nil
}

// jsonNumbers reads a list of at most limit whole numbers.
func jsonNumbers(d *json.Decoder, limit int) ([]int64, error) {
	if err := jsonBracket(d, json.Delim('[')); err != nil {
		return nil, err
	}
	list := []int64{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, headerError(err)
		}
		n, ok := t.(json.Number)
		if !ok {
			return nil, fmt.Errorf("%s is where a number should be", quoted(fmt.Sprint(t)))
		}
		v, err := strconv.ParseUint(n.String(), 10, strconv.IntSize-1)
		if err != nil {
			return nil, fmt.Errorf("%s is no whole number, or too large", quoted(n.String()))
		}
		if len(list) == limit {
			return nil, fmt.Errorf("it has more than %d numbers", limit)
		}
		list = append(list, int64(v))
	}
	return list, jsonBracket(d, json.Delim(']'))
}

// headerError names the end of the header for what it is.
func headerError(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return fmt.Errorf("the JSON ends too early")
	}
	return fmt.Errorf("no JSON: %w", err)
}

// quoted is a text from a file as a message shows it: quoted, and not longer than a line.
func quoted(s string) string {
	if len(s) > 80 {
		return strconv.Quote(s[:80]) + "…"
	}
	return strconv.Quote(s)
}
