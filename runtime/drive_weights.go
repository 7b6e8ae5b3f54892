package runtime

import (
	"archive/zip"
	"bufio"
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// folderFormat is the format of weights whose name has no extension: a folder with an .npy file for each tensor.
const folderFormat = ""

// formatOf is the format that the name of a file of weights says: its extension.
func formatOf(path string) string { return strings.ToLower(filepath.Ext(path)) }

// checkFormat is an error where tensors cannot be written to path in the format that its extension says. Nothing is written or read.
func checkFormat(path string, list []tensorEntry) error {
	switch ext := formatOf(path); ext {
	case ".safetensors":
		return nil
	case ".npy":
		if len(list) != 1 {
			return fmt.Errorf("%s: an .npy file holds one tensor, and here are %d; a folder or .npz takes them all", path, len(list))
		}
	case ".npz", folderFormat:
	default:
		return fmt.Errorf("%s: weights are written as .safetensors, .npz, .npy, or without an extension as a folder of .npy files, not as %s", path, ext)
	}
	for i := range list {
		t := &list[i]
		if formatOf(path) == folderFormat && !fileName(t.name) {
			return fmt.Errorf("tensor %s: the name cannot be that of a file; .npz takes it", quoted(t.name))
		}
		if npyDescr(t.dtype) == "" {
			return fmt.Errorf("tensor %s: NumPy has no %s; --dtype gives it another type", quoted(t.name), t.dtype)
		}
	}
	return nil
}

// fileName reports whether a tensor's name can be that of a file in a folder.
func fileName(name string) bool {
	return name != "" && name == filepath.Base(name) && filepath.IsLocal(name) && !strings.ContainsAny(name, `/\:`)
}

// writeWeights writes tensors that checkFormat has seen. Each file is there whole or not at all, and none where a tensor cannot be read.
func writeWeights(path string, list []tensorEntry) error {
	switch formatOf(path) {
	case ".safetensors":
		return writeFile(path, func(f *os.File) error { return writeSafetensors(f, list) })
	case ".npz":
		return writeFile(path, func(f *os.File) error { return writeNPZ(f, list) })
	case ".npy":
		return writeFile(path, func(f *os.File) error { return list[0].writeNPY(f) })
	}
	for i := range list { // read all of them first: what cannot be converted leaves no part of a folder
		if err := list[i].writeNPY(io.Discard); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(path, 0o777); err != nil {
		return err
	}
	for i := range list {
		if err := writeFile(filepath.Join(path, list[i].name+".npy"), func(f *os.File) error { return list[i].writeNPY(f) }); err != nil {
			return err
		}
	}
	return nil
}

// writeSafetensors writes tensors as a safetensors file, those with the largest elements first, so that all are aligned.
func writeSafetensors(w io.Writer, list []tensorEntry) error {
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b tensorEntry) int { return cmp.Compare(dtypeBytes[b.dtype], dtypeBytes[a.dtype]) })
	bw := bufio.NewWriterSize(w, 1<<16)
	if err := writeTensorHeader(bw, list, nil); err != nil {
		return err
	}
	for i := range list {
		if err := list[i].copyTo(bw); err != nil {
			return err
		}
	}
	return bw.Flush()
}

// writeNPZ writes a zip of .npy files as numpy.savez does.
func writeNPZ(w io.Writer, list []tensorEntry) error {
	z := zip.NewWriter(w)
	for i := range list {
		e, err := z.CreateHeader(&zip.FileHeader{Name: list[i].name + ".npy", Method: zip.Store})
		if err == nil {
			err = list[i].writeNPY(e)
		}
		if err != nil {
			return err
		}
	}
	return z.Close()
}

// npyDescr is NumPy's name of an element type, "" where it has none.
func npyDescr(dtype string) string {
	for npy, t := range npyTypes {
		if t == dtype {
			return map[bool]string{true: "|", false: "<"}[dtypeBytes[dtype] == 1] + npy
		}
	}
	return ""
}

// writeNPY writes the tensor in NumPy's format, version 1.
func (t *tensorEntry) writeNPY(w io.Writer) error {
	var dims strings.Builder
	for i, d := range t.shape {
		if i > 0 {
			dims.WriteString(", ")
		}
		dims.WriteString(strconv.Itoa(d))
	}
	if len(t.shape) == 1 {
		dims.WriteByte(',')
	}
	text := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", npyDescr(t.dtype), dims.String())
	text += strings.Repeat(" ", 63-(10+len(text))%64) + "\n"
	head := binary.LittleEndian.AppendUint16([]byte("\x93NUMPY\x01\x00"), uint16(len(text)))
	if _, err := w.Write(append(head, text...)); err != nil {
		return err
	}
	return t.copyTo(w)
}

// copyTo writes the elements.
func (t *tensorEntry) copyTo(w io.Writer) error {
	r, err := t.open()
	if err == nil {
		var n int64
		if n, err = io.Copy(w, r); err == nil && n != t.bytes() {
			err = fmt.Errorf("it has %d bytes of elements, but %s%v takes %d", n, t.dtype, t.shape, t.bytes())
		}
		closeReader(r)
	}
	if err != nil {
		return fmt.Errorf("tensor %s: %w", quoted(t.name), err)
	}
	return nil
}

// entries describe the parameters of a model, with their elements where an arena of them is given.
func (m *modelInfo) entries(arena []float32) []tensorEntry {
	var list []tensorEntry
	for i := range m.params {
		p := &m.params[i]
		list = append(list, tensorEntry{name: p.name, dtype: p.dtype(), shape: p.shape, open: func() (io.Reader, error) {
			row := make([]float32, p.elems())
			p.unpack(row, arena)
			data := make([]byte, 0, 4*len(row))
			for _, v := range row {
				data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
			}
			return bytes.NewReader(data), nil
		}})
	}
	return list
}

// saveTo writes the weights that are trained so far to path, in the format that its extension says.
func (t *Trainer) saveTo(path string) error {
	if formatOf(path) == ".safetensors" {
		return t.Save(path)
	}
	return writeWeights(path, t.info.entries(t.visible()))
}
