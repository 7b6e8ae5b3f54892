package runtime

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// namedArena is an arena under the prefix that its tensors have in a file: "" for the parameters, "momentum/" for a state.
type namedArena struct {
	prefix string
	arena  []float32
}

// dtype is the element type of a parameter in a file: that of its cells.
func (p *paramInfo) dtype() string {
	if wholeElem(p.elem) {
		return "I32"
	}
	return "F32"
}

// writeTensorHeader writes what stands before the data of a safetensors file: the tensors, which follow one another in their order, and texts. The same
// content gives the same bytes.
func writeTensorHeader(w io.Writer, tensors []tensorEntry, metadata map[string]string) error {
	type entry struct {
		Dtype   string   `json:"dtype"`
		Shape   []int    `json:"shape"`
		Offsets [2]int64 `json:"data_offsets"`
	}
	var head strings.Builder
	if metadata == nil {
		metadata = map[string]string{}
	}
	meta, err := json.Marshal(metadata) // sorts its keys
	if err != nil {
		return err
	}
	head.WriteString(`{"__metadata__":` + string(meta))
	at := int64(0)
	for _, t := range tensors {
		end := at + t.bytes()
		name, err := json.Marshal(t.name)
		if err != nil {
			return err
		}
		body, err := json.Marshal(entry{t.dtype, append([]int{}, t.shape...), [2]int64{at, end}})
		if err != nil {
			return err
		}
		head.WriteString("," + string(name) + ":" + string(body))
		at = end
	}
	head.WriteByte('}')
	head.WriteString(strings.Repeat(" ", -head.Len()&7)) // so that the data is aligned
	if head.Len() > maxHeader {
		return fmt.Errorf("the header would have %d bytes, but the format allows %d", head.Len(), maxHeader)
	}
	var n [8]byte
	binary.LittleEndian.PutUint64(n[:], uint64(head.Len()))
	if _, err := w.Write(n[:]); err != nil {
		return err
	}
	_, err = io.WriteString(w, head.String())
	return err
}

// writeTensors writes arenas as a safetensors file: F32 or I32, the parameters in the order of the model, each in its logical shape, dense and
// row-major, whatever the arena's layout.
func writeTensors(w io.Writer, m *modelInfo, arenas []namedArena, metadata map[string]string) error {
	var list []tensorEntry
	for _, a := range arenas {
		for i := range m.params {
			p := &m.params[i]
			list = append(list, tensorEntry{name: a.prefix + p.name, dtype: p.dtype(), shape: p.shape})
		}
	}
	bw := bufio.NewWriterSize(w, 1<<16)
	if err := writeTensorHeader(bw, list, metadata); err != nil {
		return err
	}
	for _, a := range arenas {
		for i := range m.params {
			row := make([]float32, m.params[i].elems())
			m.params[i].unpack(row, a.arena)
			for _, v := range row {
				bw.Write(binary.LittleEndian.AppendUint32(bw.AvailableBuffer(), math.Float32bits(v)))
			}
		}
	}
	return bw.Flush() // which returns the first error of any write before it
}

// readTensors reads the tensors of f into arenas, which must be exactly those that the file has.
func readTensors(m *modelInfo, f *tensorFile, arenas []namedArena) error {
	type place struct {
		p     *paramInfo
		arena []float32
	}
	places := map[string]place{}
	for _, a := range arenas {
		for i := range m.params {
			places[a.prefix+m.params[i].name] = place{&m.params[i], a.arena}
		}
	}
	if err := f.compareNames(m, arenas); err != nil {
		return err
	}
	for _, t := range f.tensors {
		p := places[t.name]
		if !convertible(t.dtype) {
			return fmt.Errorf("%s: tensor %q: dtype: it is %s, which is not supported", f.name, t.name, t.dtype)
		}
		if !slices.Equal(t.shape, p.p.shape) {
			return fmt.Errorf("%s: tensor %q: shape: it is %v, but %s needs %v: the file is of another model", f.name, t.name, t.shape, m.name, p.p.shape)
		}
		row := make([]float32, p.p.elems())
		r, err := t.open()
		if err == nil {
			err = readCells(row, r, t.dtype, p.p.elem)
		}
		if err == nil {
			err = atEnd(r)
		}
		closeReader(r)
		if err != nil {
			return fmt.Errorf("%s: tensor %q: data: %w", f.name, t.name, err)
		}
		p.p.pack(p.arena, row)
	}
	return nil
}

// closeReader closes what has to be closed.
func closeReader(r io.Reader) {
	if c, ok := r.(io.Closer); ok {
		c.Close()
	}
}

// atEnd checks that nothing is left to read, which is when a checksum is checked.
func atEnd(r io.Reader) error {
	var b [1]byte
	switch n, err := io.ReadFull(r, b[:]); {
	case n > 0:
		return fmt.Errorf("it goes on behind its last element")
	case err != io.EOF:
		return err
	}
	return nil
}

// compareNames checks that the file has every tensor that the arenas want, and no other.
func (f *tensorFile) compareNames(m *modelInfo, arenas []namedArena) error {
	var missing, extra []string
	wanted := map[string]bool{}
	have := map[string]bool{}
	for _, t := range f.tensors {
		have[t.name] = true
	}
	for _, a := range arenas {
		for i := range m.params {
			name := a.prefix + m.params[i].name
			wanted[name] = true
			if !have[name] {
				missing = append(missing, name)
			}
		}
	}
	for _, t := range f.tensors {
		if !wanted[t.name] {
			extra = append(extra, t.name)
		}
	}
	if len(missing)+len(extra) == 0 {
		return nil
	}
	var what []string
	if len(missing) > 0 {
		what = append(what, "it lacks "+listed(missing))
	}
	if len(extra) > 0 {
		what = append(what, m.name+" has no "+listed(extra))
	}
	return fmt.Errorf("%s: tensors: %s: the file is of another model, or of another version of it", f.name, strings.Join(what, "; "))
}

// listed names the first few of a list.
func listed(names []string) string {
	var b strings.Builder
	for i, n := range names {
		if i == 5 {
			fmt.Fprintf(&b, " and %d more", len(names)-i)
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(quoted(n))
	}
	return b.String()
}

// decodeWeights reads a safetensors file of size bytes into a new arena.
func decodeWeights(m *modelInfo, file string, r io.ReaderAt, size int64) ([]float32, error) {
	f, err := readTensorHeader(file, r, size)
	if err != nil {
		return nil, err
	}
	return f.weights(m)
}

// weights reads the parameters of m, which must be all that the file has, into a new arena.
func (f *tensorFile) weights(m *modelInfo) ([]float32, error) {
	arena := newArena(m.arena)
	if err := readTensors(m, f, []namedArena{{"", arena}}); err != nil {
		return nil, err
	}
	return arena, nil
}

// checkSafetensors is an error where the name of a file is that of a format which dlc reads and writes, but packages do not: it would bring code of no use to
// most of them.
func checkSafetensors(path string) error {
	if ext := strings.ToLower(filepath.Ext(path)); ext == ".npz" || ext == ".npy" {
		return fmt.Errorf("%s: packages read and write weights as safetensors alone; dlc weights FILE -o OTHER converts between that and %s", path, ext)
	}
	return nil
}

// loadWeights reads the safetensors file at path.
func loadWeights(m *modelInfo, path string) ([]float32, error) {
	if err := checkSafetensors(path); err != nil {
		return nil, err
	}
	f, size, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return decodeWeights(m, path, f, size)
}

// saveWeights writes a safetensors file.
func saveWeights(m *modelInfo, path string, weights []float32) error {
	if err := checkSafetensors(path); err != nil {
		return err
	}
	return writeFile(path, func(f *os.File) error {
		return writeTensors(f, m, []namedArena{{"", weights}}, map[string]string{"model": m.name, "source": filepath.Base(m.source)})
	})
}
