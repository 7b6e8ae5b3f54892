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

// writeTensors writes arenas as a safetensors file: F32 or I32, the parameters in the order of the model, each in its logical shape, dense and
// row-major, whatever the arena's layout. The same content gives the same bytes.
func writeTensors(w io.Writer, m *modelInfo, arenas []namedArena, metadata map[string]string) error {
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
	for _, a := range arenas {
		for i := range m.params {
			p := &m.params[i]
			end := at + 4*int64(p.elems())
			name, err := json.Marshal(a.prefix + p.name)
			if err != nil {
				return err
			}
			body, err := json.Marshal(entry{p.dtype(), append([]int{}, p.shape...), [2]int64{at, end}})
			if err != nil {
				return err
			}
			head.WriteString("," + string(name) + ":" + string(body))
			at = end
		}
	}
	head.WriteByte('}')
	head.WriteString(strings.Repeat(" ", -head.Len()&7)) // so that the data is aligned
	bw := bufio.NewWriterSize(w, 1<<16)
	var n [8]byte
	binary.LittleEndian.PutUint64(n[:], uint64(head.Len()))
	bw.Write(n[:])
	bw.WriteString(head.String())
	for _, a := range arenas {
		for i := range m.params {
			row := make([]float32, m.params[i].elems())
			m.params[i].unpack(row, a.arena)
			for _, v := range row {
				binary.LittleEndian.PutUint32(n[:], math.Float32bits(v))
				bw.Write(n[:4])
			}
		}
	}
	return bw.Flush() // which returns the first error of any write before it
}

// readTensors reads the tensors of f into arenas, which must be exactly those that the file has.
func readTensors(m *modelInfo, f *tensorFile, r io.ReaderAt, arenas []namedArena) error {
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
		if want := p.p.dtype(); t.dtype != want {
			return fmt.Errorf("%s: tensor %q: dtype: it is %s, but %s needs %s", f.name, t.name, t.dtype, m.name, want)
		}
		if !slices.Equal(t.shape, p.p.shape) {
			return fmt.Errorf("%s: tensor %q: shape: it is %v, but %s needs %v: the file is of another model", f.name, t.name, t.shape, m.name, p.p.shape)
		}
		row := make([]float32, p.p.elems())
		if err := readFloats(row, io.NewSectionReader(r, f.data+t.begin, t.end-t.begin)); err != nil {
			return fmt.Errorf("%s: tensor %q: data: %w", f.name, t.name, err)
		}
		if err := settle(p.p.elem, row); err != nil {
			return fmt.Errorf("%s: tensor %q: data: %w", f.name, t.name, err)
		}
		p.p.pack(p.arena, row)
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

// readFloats fills dst with little-endian cells.
func readFloats(dst []float32, r io.Reader) error {
	var buf [1 << 13]byte
	for len(dst) > 0 {
		n := min(len(dst), len(buf)/4)
		if _, err := io.ReadFull(r, buf[:4*n]); err != nil {
			if err == io.EOF || err == io.ErrUnexpectedEOF {
				return fmt.Errorf("the file ends too early")
			}
			return err
		}
		for i := range dst[:n] {
			dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(buf[4*i:]))
		}
		dst = dst[n:]
	}
	return nil
}

// decodeWeights reads a safetensors file of size bytes into a new arena.
func decodeWeights(m *modelInfo, file string, r io.ReaderAt, size int64) ([]float32, error) {
	f, err := readTensorHeader(file, r, size)
	if err != nil {
		return nil, err
	}
	arena := newArena(m.arena)
	if err := readTensors(m, f, r, []namedArena{{"", arena}}); err != nil {
		return nil, err
	}
	return arena, nil
}

// loadWeights reads the safetensors file at path.
func loadWeights(m *modelInfo, path string) ([]float32, error) {
	f, size, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return decodeWeights(m, path, f, size)
}

// saveWeights writes a safetensors file.
func saveWeights(m *modelInfo, path string, weights []float32) error {
	return writeFile(path, func(f *os.File) error {
		return writeTensors(f, m, []namedArena{{"", weights}}, map[string]string{"model": m.name, "source": filepath.Base(m.source)})
	})
}
