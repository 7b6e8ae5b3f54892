package runtime

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// parseNPY reads NumPy's .npy format, versions 1 to 3: little-endian floats, whole numbers and truth values, in C order.
func parseNPY(data []byte) (*numbers, error) {
	if len(data) < 10 || string(data[:6]) != "\x93NUMPY" {
		return nil, fmt.Errorf("magic number: this is no .npy file")
	}
	var start, length int
	switch data[6] {
	case 1:
		start, length = 10, int(binary.LittleEndian.Uint16(data[8:]))
	case 2, 3:
		if len(data) < 12 {
			return nil, fmt.Errorf("header: the file ends too early")
		}
		start, length = 12, int(binary.LittleEndian.Uint32(data[8:]))
	default:
		return nil, fmt.Errorf("version: %d is not known", data[6])
	}
	if length < 0 || length > 1<<16 || length > len(data)-start {
		return nil, fmt.Errorf("header: its length %d does not fit the file", length)
	}
	descr, dims, err := parseNPYHeader(string(data[start : start+length]))
	if err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	total := 1
	for _, d := range dims {
		if d == 0 || total > len(data)/d {
			return nil, fmt.Errorf("shape: %v is more than the file holds, or nothing", dims)
		}
		total *= d
	}
	body := data[start+length:]
	size, decode := npyElement(descr)
	if decode == nil {
		return nil, fmt.Errorf("descr: %q is none of <f2, <f4, <f8, <i2, <u2, <i4, <u4, <i8, |i1, |u1 and |b1", descr)
	}
	if len(body) != total*size {
		return nil, fmt.Errorf("data: %d bytes, where shape %v of %s takes %d", len(body), dims, descr, total*size)
	}
	n := &numbers{dims: dims, values: make([]float64, total), raw: descr == "|u1"}
	for i := range n.values {
		n.values[i] = decode(body[i*size:])
	}
	return n, nil
}

// npyElement returns the bytes of one element and how to read it; nil for a type that is not supported.
func npyElement(descr string) (int, func([]byte) float64) {
	le := binary.LittleEndian
	switch descr {
	case "<f4":
		return 4, func(b []byte) float64 { return float64(math.Float32frombits(le.Uint32(b))) }
	case "<f8":
		return 8, func(b []byte) float64 { return math.Float64frombits(le.Uint64(b)) }
	case "<f2":
		return 2, func(b []byte) float64 { return halfOf(le.Uint16(b)) }
	case "<i2":
		return 2, func(b []byte) float64 { return float64(int16(le.Uint16(b))) }
	case "<u2":
		return 2, func(b []byte) float64 { return float64(le.Uint16(b)) }
	case "<u4":
		return 4, func(b []byte) float64 { return float64(le.Uint32(b)) }
	case "|i1":
		return 1, func(b []byte) float64 { return float64(int8(b[0])) }
	case "|b1":
		return 1, func(b []byte) float64 { return float64(b[0]) }
	case "<i4":
		return 4, func(b []byte) float64 { return float64(int32(le.Uint32(b))) }
	case "<i8":
		return 8, func(b []byte) float64 { return float64(int64(le.Uint64(b))) }
	case "|u1":
		return 1, func(b []byte) float64 { return float64(b[0]) }
	}
	return 0, nil
}

// halfOf is the value of the bits of an IEEE 754 binary16.
func halfOf(bits uint16) float64 {
	exp, fraction := int(bits>>10&31), float64(bits&1023)
	x := math.Ldexp(1024+fraction, exp-25)
	switch {
	case exp == 0:
		x = math.Ldexp(fraction, -24)
	case exp == 31 && fraction == 0:
		x = math.Inf(1)
	case exp == 31:
		x = math.NaN()
	}
	if bits>>15 != 0 {
		return -x
	}
	return x
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
