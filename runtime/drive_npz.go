package runtime

import (
	"archive/zip"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// openWeights opens the weights at path, by what they are: a safetensors file, NumPy's .npz, or its .npy, which is one tensor that has the name of the
// file; a folder is all .npy files in it. The caller closes what it returns.
func openWeights(path string) (*tensorFile, func(), error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, nil, err
	}
	if info.IsDir() {
		return openNPYFolder(path)
	}
	f, size, err := openRegular(path)
	if err != nil {
		return nil, nil, err
	}
	t, err := readWeights(path, f, size)
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return t, func() { f.Close() }, nil
}

// readWeights reads what a file of weights holds, but for the elements.
func readWeights(path string, r io.ReaderAt, size int64) (*tensorFile, error) {
	var magic [6]byte
	if n, err := r.ReadAt(magic[:], 0); n < len(magic) && err != io.EOF {
		return nil, err
	}
	switch {
	case string(magic[:4]) == "PK\x03\x04", string(magic[:4]) == "PK\x05\x06":
		return readNPZ(path, r, size)
	case string(magic[:]) == "\x93NUMPY":
		f := &tensorFile{name: path}
		if err := f.addNPY(filepath.Base(path), size, func() (io.Reader, error) { return io.NewSectionReader(r, 0, size), nil }); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		return f, nil
	}
	return readTensorHeader(path, r, size)
}

// addNPY adds the tensor of a file NAME.npy of size bytes.
func (f *tensorFile) addNPY(file string, size int64, open func() (io.Reader, error)) error {
	r, err := open()
	if err != nil {
		return err
	}
	h, err := readNPYHeader(r, size)
	closeReader(r)
	if err != nil {
		return err
	}
	f.tensors = append(f.tensors, tensorEntry{name: strings.TrimSuffix(file, ".npy"), dtype: h.dtype, shape: h.shape, open: func() (io.Reader, error) {
		r, err := open()
		if err != nil {
			return nil, err
		}
		if _, err := io.CopyN(io.Discard, r, h.size); err != nil {
			return nil, err
		}
		return h.elements(r), nil
	}})
	return nil
}

// openNPYFolder opens all .npy files of a folder.
func openNPYFolder(path string) (*tensorFile, func(), error) {
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, nil, err
	}
	f := &tensorFile{name: path}
	var files []*os.File
	done := func() {
		for _, f := range files {
			f.Close()
		}
	}
	for _, e := range entries {
		if filepath.Ext(e.Name()) != ".npy" {
			continue
		}
		file, size, err := openRegular(filepath.Join(path, e.Name()))
		if err == nil {
			files = append(files, file)
			err = f.addNPY(e.Name(), size, func() (io.Reader, error) { return io.NewSectionReader(file, 0, size), nil })
		}
		if err != nil {
			done()
			return nil, nil, fmt.Errorf("%s: %w", filepath.Join(path, e.Name()), err)
		}
	}
	if len(f.tensors) == 0 {
		return nil, nil, fmt.Errorf("%s is a folder without .npy files, and so holds no weights", path)
	}
	return f, done, nil
}

// deflateMost is more than how many bytes deflate makes of one.
const deflateMost = 1040

// readNPZ reads the list of an .npz file: a zip of .npy files. Nothing is decompressed but headers. What lies in it may not overlap, be there twice, or say
// that it is larger than its compressed form can be; that an entry is as large as it says is seen when it is read, since an .npy file knows its size.
func readNPZ(path string, r io.ReaderAt, size int64) (*tensorFile, error) {
	z, err := zip.NewReader(r, size)
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) { // nothing is written under the names
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	f := &tensorFile{name: path}
	type span struct {
		name       string
		begin, end int64
	}
	var spans []span
	seen := map[string]bool{}
	for _, e := range z.File {
		begin, err := e.DataOffset()
		packed, unpacked := e.CompressedSize64, e.UncompressedSize64
		switch {
		case err != nil:
		case !strings.HasSuffix(e.Name, ".npy"):
			err = fmt.Errorf("it is no .npy file")
		case seen[e.Name]:
			err = fmt.Errorf("it is there twice")
		case e.Flags&1 != 0:
			err = fmt.Errorf("it is encrypted")
		case e.Method != zip.Store && e.Method != zip.Deflate:
			err = fmt.Errorf("it is compressed by method %d; zip's own, 8, and none are read", e.Method)
		case begin > size, packed > uint64(size-begin):
			err = fmt.Errorf("its %d bytes reach beyond the end of the file", packed)
		case e.Method == zip.Store && packed != unpacked, unpacked/deflateMost > packed:
			err = fmt.Errorf("%d bytes cannot become the %d that it says", packed, unpacked)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", path, quoted(e.Name), err)
		}
		seen[e.Name] = true
		spans = append(spans, span{e.Name, begin, begin + int64(packed)})
	}
	slices.SortFunc(spans, func(a, b span) int { return cmp.Compare(a.begin, b.begin) })
	for i := 1; i < len(spans); i++ {
		if spans[i].begin < spans[i-1].end {
			return nil, fmt.Errorf("%s: %s: it lies inside %s", path, quoted(spans[i].name), quoted(spans[i-1].name))
		}
	}
	for _, e := range z.File {
		if err := f.addNPY(e.Name, int64(e.UncompressedSize64), func() (io.Reader, error) { return e.Open() }); err != nil {
			return nil, fmt.Errorf("%s: %s: %w", path, quoted(e.Name), err)
		}
	}
	return f, nil
}

// weightsOf are the weights of m at path.
func weightsOf(m *modelInfo, path string) ([]float32, error) {
	f, done, err := openWeights(path)
	if err != nil {
		return nil, err
	}
	defer done()
	return f.weights(m)
}
