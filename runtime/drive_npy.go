package runtime

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
)

// npyHeader is what stands before the elements of a file in NumPy's .npy format.
type npyHeader struct {
	descr string // the element type, as NumPy writes it
	dtype string // and as safetensors does
	big   bool   // the elements are big-endian
	shape []int
	bytes int64 // of all elements
	size  int64 // of the header
}

// npyTypes are the element types of .npy files behind the sign of their byte order.
var npyTypes = map[string]string{"f2": "F16", "f4": "F32", "f8": "F64", "i1": "I8", "i2": "I16", "i4": "I32", "i8": "I64", "u1": "U8", "u2": "U16", "u4": "U32", "u8": "U64", "b1": "BOOL"}

// readNPYHeader reads the header of versions 1 to 3 from the begin of a file of size bytes, which must hold exactly the elements that it declares.
func readNPYHeader(r io.Reader, size int64) (*npyHeader, error) {
	var head [12]byte
	if _, err := io.ReadFull(r, head[:10]); err != nil || string(head[:6]) != "\x93NUMPY" {
		return nil, fmt.Errorf("magic number: this is no .npy file")
	}
	h := &npyHeader{size: 10}
	var length int64
	switch head[6] {
	case 1:
		length = int64(binary.LittleEndian.Uint16(head[8:]))
	case 2, 3:
		if _, err := io.ReadFull(r, head[10:]); err != nil {
			return nil, fmt.Errorf("header: the file ends too early")
		}
		h.size, length = 12, int64(binary.LittleEndian.Uint32(head[8:]))
	default:
		return nil, fmt.Errorf("version: %d is not known", head[6])
	}
	if length > 1<<16 || length > size-h.size {
		return nil, fmt.Errorf("header: its length %d does not fit the file", length)
	}
	text := make([]byte, length)
	if _, err := io.ReadFull(r, text); err != nil {
		return nil, fmt.Errorf("header: the file ends too early")
	}
	h.size += length
	var err error
	if h.descr, h.shape, err = parseNPYHeader(string(text)); err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	return h, h.check(size - h.size)
}

// check finds the element type, and sees that there are as many bytes as the shape says.
func (h *npyHeader) check(body int64) error {
	if strings.HasPrefix(h.descr, "|O") {
		return fmt.Errorf("descr: the file holds Python objects, pickled, which are programs and are not run; save an array of numbers")
	}
	if len(h.descr) == 3 && strings.Contains("<>|=", h.descr[:1]) {
		h.dtype, h.big = npyTypes[h.descr[1:]], h.descr[0] == '>'
	}
	if h.dtype == "" || h.descr[0] == '=' {
		return fmt.Errorf("descr: %q is none of f2, f4, f8, i1 to i8, u1 to u8 and b1 behind the sign of a byte order, such as <f4", h.descr)
	}
	h.bytes = dtypeBytes[h.dtype]
	if slices.Contains(h.shape, 0) {
		h.bytes = 0
	}
	for _, d := range h.shape {
		if d > 0 && h.bytes > math.MaxInt64/int64(d) {
			return fmt.Errorf("shape: %v is more than a file can hold", h.shape)
		}
		h.bytes *= int64(d)
	}
	if body != h.bytes {
		return fmt.Errorf("data: %d bytes, where shape %v of %s takes %d", body, h.shape, h.descr, h.bytes)
	}
	return nil
}

// parseNPY reads a file in NumPy's format.
func parseNPY(data []byte) (*numbers, error) {
	r := bytes.NewReader(data)
	h, err := readNPYHeader(r, int64(len(data)))
	if err != nil {
		return nil, err
	}
	n := &numbers{dims: h.shape, values: make([]float64, product(h.shape)), raw: h.dtype == "U8"}
	return n, readElements(h.elements(r), h.dtype, len(n.values), func(i int, bits uint64) error {
		x, err := readNumber(h.dtype, bits)
		if err != nil {
			return fmt.Errorf("element %d is %w", i, err)
		}
		n.values[i] = x.value()
		return nil
	})
}

// elements are the elements that follow the header in r, little-endian.
func (h *npyHeader) elements(r io.Reader) io.Reader {
	if size := int(dtypeBytes[h.dtype]); h.big && size > 1 {
		return &swapped{r: r, size: size}
	}
	return r
}

// swapped turns the bytes of each element around.
type swapped struct {
	r    io.Reader
	size int
	buf  [8]byte
	left []byte // of the element that is being read
}

func (s *swapped) Read(p []byte) (n int, err error) {
	for n < len(p) {
		if len(s.left) == 0 {
			if _, err := io.ReadFull(s.r, s.buf[:s.size]); err != nil {
				return n, err
			}
			s.left = s.buf[:s.size]
			slices.Reverse(s.left)
		}
		k := copy(p[n:], s.left)
		n, s.left = n+k, s.left[k:]
	}
	return n, nil
}

// parseNPYHeader reads {'descr': '<f4', 'fortran_order': False, 'shape': (28, 28), }, which NumPy writes in exactly this style.
func parseNPYHeader(h string) (descr string, dims []int, err error) {
	field := func(key string) (string, error) {
		_, rest, ok := strings.Cut(h, "'"+key+"':")
		if !ok {
			return "", fmt.Errorf("no %s", key)
		}
		return strings.TrimLeft(rest, " "), nil
	}
	rest, err := field("descr")
	if err != nil {
		return "", nil, err
	}
	if len(rest) < 2 || rest[0] != '\'' || strings.IndexByte(rest[1:], '\'') < 0 {
		return "", nil, fmt.Errorf("descr is no word")
	}
	descr = rest[1 : 1+strings.IndexByte(rest[1:], '\'')]
	if rest, err = field("fortran_order"); err != nil {
		return "", nil, err
	}
	if !strings.HasPrefix(rest, "False") {
		return "", nil, fmt.Errorf("fortran_order is not False; save the array with numpy.ascontiguousarray")
	}
	if rest, err = field("shape"); err != nil {
		return "", nil, err
	}
	end := strings.IndexByte(rest, ')')
	if !strings.HasPrefix(rest, "(") || end < 0 {
		return "", nil, fmt.Errorf("shape is no tuple")
	}
	dims = []int{}
	for _, s := range strings.Split(rest[1:end], ",") {
		if s = strings.TrimSpace(s); s == "" {
			continue
		}
		d, err := strconv.Atoi(s)
		if err != nil || d < 0 || d > math.MaxInt32 || len(dims) == 32 {
			return "", nil, fmt.Errorf("shape: %q is no extent", s)
		}
		dims = append(dims, d)
	}
	return descr, dims, nil
}
