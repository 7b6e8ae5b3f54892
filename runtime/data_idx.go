package runtime

import (
	"bufio"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"path/filepath"
)

// idxArray is the content of an IDX file of bytes, the format of the original MNIST files: extents, outermost first, and the
// elements in row-major order.
type idxArray struct {
	file string // its name, for messages
	dims []int
	data []byte
}

// idxLimit bounds the elements of one IDX file, so that a compressed file of a few bytes cannot fill the memory.
const idxLimit = 1 << 30

// idxTypes names the element types of the format, by the third byte of the file.
var idxTypes = map[byte]string{0x08: "u8", 0x09: "i8", 0x0b: "i16", 0x0c: "i32", 0x0d: "f32", 0x0e: "f64"}

// openIDX reads the IDX file at path, gzipped or plain, which must have between low and high extents.
func openIDX(path string, low, high int) (*idxArray, error) {
	f, _, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readIDX(f, filepath.Base(path), low, high, idxLimit)
}

// readIDX reads one IDX file of bytes: two zeros, the element type, the number of extents, the extents as big-endian uint32, the
// elements. It wants exactly that: what is short, too long, or damaged is an error that names file and field. At most limit elements
// are accepted, and never is much more memory taken than the file has elements, whatever its header says.
func readIDX(r io.Reader, file string, low, high int, limit int) (*idxArray, error) {
	br := bufio.NewReaderSize(r, 1<<16)
	if head, _ := br.Peek(2); len(head) == 2 && head[0] == 0x1f && head[1] == 0x8b {
		z, err := gzip.NewReader(br)
		if err != nil {
			return nil, idxError(file, "gzip header", err)
		}
		defer z.Close()
		br = bufio.NewReaderSize(z, 1<<16)
	}
	dims, err := readIDXHeader(br, file, low, high)
	if err != nil {
		return nil, err
	}
	total := 1
	for _, d := range dims {
		if total > limit/d {
			return nil, fmt.Errorf("%s: extents: %v are more than %d elements", file, dims, limit)
		}
		total *= d
	}
	data, err := readExactly(br, total)
	if err != nil {
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return nil, fmt.Errorf("%s: elements: the file ends after %d of the %d that its extents %v promise", file, len(data), total, dims)
		}
		return nil, idxError(file, "elements", err)
	}
	// Reading to the end also makes gzip check its sum.
	switch _, err := br.ReadByte(); {
	case err == nil:
		return nil, fmt.Errorf("%s: end: bytes follow the %d elements that its extents %v promise", file, total, dims)
	case err != io.EOF:
		return nil, idxError(file, "end", err)
	}
	return &idxArray{file, dims, data}, nil
}

// readIDXHeader reads the magic number and the extents.
func readIDXHeader(r io.Reader, file string, low, high int) ([]int, error) {
	var magic [4]byte
	if _, err := io.ReadFull(r, magic[:]); err != nil {
		return nil, idxError(file, "magic number", err)
	}
	if magic[0] != 0 || magic[1] != 0 {
		return nil, fmt.Errorf("%s: magic number: %x does not start with two zeros, so this is no IDX file", file, magic)
	}
	if magic[2] != 0x08 {
		if name := idxTypes[magic[2]]; name != "" {
			return nil, fmt.Errorf("%s: element type: %s is not supported, only u8", file, name)
		}
		return nil, fmt.Errorf("%s: element type: %#02x is none of the format", file, magic[2])
	}
	rank := int(magic[3])
	if rank < low || rank > high {
		want := fmt.Sprint(low)
		if low != high {
			want = fmt.Sprintf("%d to %d", low, high)
		}
		return nil, fmt.Errorf("%s: number of extents: it is %d and should be %s", file, rank, want)
	}
	dims := make([]int, rank)
	for i := range dims {
		var b [4]byte
		if _, err := io.ReadFull(r, b[:]); err != nil {
			return nil, idxError(file, fmt.Sprintf("extent %d", i), err)
		}
		d := binary.BigEndian.Uint32(b[:])
		if d == 0 || d > 1<<31-1 {
			return nil, fmt.Errorf("%s: extent %d: %d is out of range", file, i, d)
		}
		dims[i] = int(d)
	}
	return dims, nil
}

// readExactly reads n bytes, growing its buffer with what really arrives. On an error it returns what it has read.
func readExactly(r io.Reader, n int) ([]byte, error) {
	buf := make([]byte, 0, min(n, 1<<20))
	for len(buf) < n {
		if len(buf) == cap(buf) {
			grown := make([]byte, len(buf), min(n, 2*cap(buf)))
			copy(grown, buf)
			buf = grown
		}
		m, err := io.ReadFull(r, buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+m]
		if err != nil {
			return buf, err
		}
	}
	return buf, nil
}

// idxError says which field of which file could not be read.
func idxError(file, field string, err error) error {
	if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%s: %s: the file ends too early", file, field)
	}
	return fmt.Errorf("%s: %s: %w", file, field, err)
}
