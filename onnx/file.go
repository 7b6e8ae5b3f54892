package onnx

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
)

// FileLimit bounds the bytes of a model's file, which protocol buffers bound as well, and dataLimit those of its external data.
const (
	FileLimit = 1<<31 - 1
	dataLimit = 16 << 30
)

// Read reads a model from a file, with the data that lies in other files of its folder.
func Read(file string) (*Model, error) {
	b, err := readFile(file)
	if err != nil {
		return nil, err
	}
	m, err := Parse(file, b)
	if err != nil {
		return nil, err
	}
	if err := m.load(filepath.Dir(file)); err != nil {
		return nil, inFile(file, err)
	}
	return m, nil
}

// inFile puts the name of a file before an error.
func inFile(file string, err error) error { return fmt.Errorf("%s: %w", file, err) }

// Parse reads a model from the bytes of a file, which it keeps. Data that lies in other files is not loaded.
func Parse(file string, b []byte) (*Model, error) {
	m := &Model{File: file, Source: b}
	d := newDecoder(len(b))
	if err := decode(d, m, modelRows(), b); err != nil {
		return nil, inFile(file, err)
	}
	m.room = d.left
	if m.Graph == nil {
		return nil, inFile(file, at("graph", errors.New("the model has none; is it an ONNX file?")))
	}
	return m, nil
}

// ReadTensor reads a TensorProto from a file, as the data of ONNX's backend tests lies.
func ReadTensor(file string) (*Tensor, error) {
	b, err := readFile(file)
	if err != nil {
		return nil, err
	}
	t := &Tensor{}
	if err := decode(newDecoder(len(b)), t, tensorRows(), b); err != nil {
		return nil, inFile(file, err)
	}
	return t, nil
}

func readFile(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is no regular file", file)
	case info.Size() > FileLimit:
		return nil, fmt.Errorf("%s is larger than the 2 GB that a file of ONNX may have", file)
	}
	b := make([]byte, info.Size())
	if _, err := io.ReadFull(f, b); err != nil {
		return nil, inFile(file, err)
	}
	return b, nil
}

// load reads the data of tensors that lies in other files.
func (m *Model) load(dir string) error {
	l := &loader{dir: dir}
	defer func() {
		m.external = l.read
		l.close()
	}()
	if err := l.graph(m.Graph); err != nil {
		return at("graph", err)
	}
	for i, f := range m.Functions {
		if err := l.nodes(f.Nodes); err != nil {
			return at(fmt.Sprintf("functions[%d]", i), err)
		}
	}
	return nil
}

// loader reads external data from one folder.
type loader struct {
	dir  string
	root *os.Root
	read int64           // bytes read
	seen map[string]bool // the files read from
	size int64           // of all of them
}

func (l *loader) close() {
	if l.root != nil {
		l.root.Close()
	}
}

func (l *loader) graph(g *Graph) error {
	for i, t := range g.Initializers {
		if err := l.tensor(t); err != nil {
			return at(fmt.Sprintf("initializer[%d]", i), err)
		}
	}
	for i, s := range g.Sparse {
		if err := l.sparse(s); err != nil {
			return at(fmt.Sprintf("sparse_initializer[%d]", i), err)
		}
	}
	return l.nodes(g.Nodes)
}

func (l *loader) sparse(s *SparseTensor) error {
	for _, t := range []*Tensor{s.Values, s.Indices} {
		if t != nil {
			if err := l.tensor(t); err != nil {
				return err
			}
		}
	}
	return nil
}

func (l *loader) nodes(list []*Node) error {
	for i, n := range list {
		for _, a := range n.Attrs {
			if err := l.attribute(a); err != nil {
				return at(fmt.Sprintf("node[%d]", i), at(a.Name, err))
			}
		}
	}
	return nil
}

func (l *loader) attribute(a *Attribute) error {
	tensors, graphs := a.Tensors, a.Graphs
	if a.T != nil {
		tensors = append(tensors[:len(tensors):len(tensors)], a.T)
	}
	if a.G != nil {
		graphs = append(graphs[:len(graphs):len(graphs)], a.G)
	}
	for _, t := range tensors {
		if err := l.tensor(t); err != nil {
			return err
		}
	}
	for _, g := range graphs {
		if err := l.graph(g); err != nil {
			return err
		}
	}
	if a.Sparse != nil {
		return l.sparse(a.Sparse)
	}
	return nil
}

// tensor loads the data of one tensor, where it lies elsewhere.
func (l *loader) tensor(t *Tensor) error {
	if t.Location == 0 {
		return nil
	}
	_, n, err := extents(t.Dims)
	if err != nil {
		return err
	}
	st, ok := storages[t.Type]
	if t.Location != 1 || !ok {
		return at("data_location", fmt.Errorf("%v cannot lie at location %d", t.Type, t.Location))
	}
	place := map[string]string{}
	for _, e := range t.External {
		place[e.Key] = e.Value
	}
	want := int64(st.bytes(n))
	offset, err := count(place, "offset", 0)
	if err != nil {
		return at("external_data", err)
	}
	length, err := count(place, "length", want)
	if err != nil {
		return at("external_data", err)
	}
	if length != want {
		return at("external_data", fmt.Errorf("the length is %d bytes, but %d elements %v take %d", length, n, t.Type, want))
	}
	if t.raw, err = l.bytes(place["location"], offset, length); err != nil {
		return at("external_data", err)
	}
	t.hasRaw = true
	return nil
}

// count is a number among the entries of external data.
func count(place map[string]string, key string, missing int64) (int64, error) {
	s, ok := place[key]
	if !ok {
		return missing, nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("%s is %q, which is no number of bytes", key, s)
	}
	return n, nil
}

// bytes reads a piece of a file of the folder. The name must stay in the folder, and nothing on its way may be a link.
func (l *loader) bytes(name string, offset, length int64) ([]byte, error) {
	if name == "" || strings.Contains(name, `\`) || path.IsAbs(name) || !filepath.IsLocal(name) || strings.Contains("/"+name+"/", "/../") {
		return nil, fmt.Errorf("location %q must name a file in the folder of the model, without ..", name)
	}
	if l.root == nil {
		var err error
		if l.root, err = os.OpenRoot(l.dir); err != nil {
			return nil, err
		}
	}
	name = path.Clean(name)
	for end := 0; end < len(name); {
		next := strings.IndexByte(name[end+1:], '/')
		if next < 0 {
			end = len(name)
		} else {
			end += 1 + next
		}
		info, err := l.root.Lstat(name[:end])
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil, fmt.Errorf("there is no file %q beside the model", name)
		case err != nil:
			return nil, err
		case end < len(name) && !info.IsDir(), end == len(name) && !info.Mode().IsRegular():
			return nil, fmt.Errorf("location %q is no regular file: links are not followed", name)
		case end == len(name) && linked(info):
			return nil, fmt.Errorf("location %q is a file with several names (hard links), which may lie outside the model's folder", name)
		}
	}
	f, err := l.root.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || offset > info.Size() || length > info.Size()-offset {
		return nil, fmt.Errorf("%d bytes from %d on reach beyond the end of %q, which has %d", length, offset, name, info.Size())
	}
	if !l.seen[name] {
		if l.seen == nil {
			l.seen = map[string]bool{}
		}
		l.seen[name] = true
		l.size += info.Size()
	}
	if l.read += length; l.read > min(l.size, dataLimit) {
		return nil, fmt.Errorf("the tensors together take more than the files hold that they lie in, %d bytes", l.size)
	}
	b := make([]byte, length)
	_, err = f.ReadAt(b, offset)
	return b, err
}
