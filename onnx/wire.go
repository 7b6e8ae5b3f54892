package onnx

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
)

const (
	// maxDepth bounds how deep messages lie in each other; a graph in a graph takes three.
	maxDepth = 96
	// spare is how many bytes the parts of a model may take beyond as many as its file has.
	spare = 40 << 20
)

// decoder holds what bounds a decoding.
type decoder struct {
	left  int64 // bytes that decoded parts may still take
	depth int
}

func newDecoder(size int) *decoder { return &decoder{left: int64(size) + spare} }

// take accounts for n bytes of memory.
func (d *decoder) take(n int) error {
	if d.left -= int64(n); d.left < 0 {
		return errors.New("the file has too many small parts for its size")
	}
	return nil
}

// field is one field of a message: its bytes, or its number.
type field struct {
	wire protowire.Type
	x    uint64
	data []byte
	enc  []byte // the value as it stands in the file, for numbers
}

// row says what to do with a field of message T.
type row[T any] struct {
	name     string
	repeated bool
	wires    []protowire.Type
	set      func(d *decoder, m *T, f field) error
}

// table is what is read of a message, by field number; other fields are passed over.
type table[T any] map[protowire.Number]row[T]

// fieldError is an error with the path of fields to its place.
type fieldError struct {
	path string
	err  error
}

func (e *fieldError) Error() string { return e.path + ": " + e.err.Error() }
func (e *fieldError) Unwrap() error { return e.err }

// at puts a name before the path of an error.
func at(name string, err error) error {
	if e := (*fieldError)(nil); errors.As(err, &e) {
		sep := "."
		if strings.HasPrefix(e.path, "[") {
			sep = ""
		}
		return &fieldError{name + sep + e.path, e.err}
	}
	return &fieldError{name, err}
}

var errCut = errors.New("the file is cut off, or is no ONNX file")

// decode fills m from the bytes of a message.
func decode[T any](d *decoder, m *T, rows table[T], b []byte) error {
	if d.depth++; d.depth > maxDepth {
		return errors.New("messages are nested too deeply")
	}
	defer func() { d.depth-- }()
	var count [64]int
	for len(b) > 0 {
		num, wire, n := protowire.ConsumeTag(b)
		if n < 0 {
			return errCut
		}
		b = b[n:]
		f, n, err := readField(num, wire, b)
		r, known := rows[num]
		place := r.name
		if r.repeated {
			place = fmt.Sprintf("%s[%d]", r.name, count[num])
			count[num]++
		}
		if err != nil {
			if known {
				return at(place, err)
			}
			return err
		}
		b = b[n:]
		if !known {
			continue
		}
		if !accepts(r.wires, wire) {
			return at(place, fmt.Errorf("the field has wire type %d, which is not its own", wire))
		}
		if err := r.set(d, m, f); err != nil {
			return at(place, err)
		}
	}
	return nil
}

func accepts(list []protowire.Type, w protowire.Type) bool {
	for _, t := range list {
		if t == w {
			return true
		}
	}
	return false
}

// readField reads one value and returns how many bytes it takes.
func readField(num protowire.Number, wire protowire.Type, b []byte) (f field, n int, err error) {
	f.wire = wire
	switch wire {
	case protowire.VarintType:
		f.x, n = protowire.ConsumeVarint(b)
	case protowire.Fixed32Type:
		var x uint32
		x, n = protowire.ConsumeFixed32(b)
		f.x = uint64(x)
	case protowire.Fixed64Type:
		f.x, n = protowire.ConsumeFixed64(b)
	case protowire.BytesType:
		f.data, n = protowire.ConsumeBytes(b)
	case protowire.StartGroupType:
		return f, 0, errors.New("the field is a group, which ONNX has none of")
	default:
		return f, 0, errCut
	}
	if n < 0 {
		return f, 0, errCut
	}
	f.enc = b[:n]
	return f, n, nil
}

var (
	wireBytes  = []protowire.Type{protowire.BytesType}
	wireVarint = []protowire.Type{protowire.VarintType}
	wireFixed  = []protowire.Type{protowire.Fixed32Type}
)

// text is a field that holds a name.
func text[T any](name string, to func(*T) *string) row[T] {
	return row[T]{name: name, wires: wireBytes, set: func(d *decoder, m *T, f field) error {
		s, err := d.name(f.data)
		*to(m) = s
		return err
	}}
}

// name is the string of a field.
func (d *decoder) name(b []byte) (string, error) {
	if !utf8.Valid(b) {
		return "", errors.New("the name is not valid UTF-8")
	}
	return string(b), d.take(16 + len(b))
}

// texts is a repeated field of names.
func texts[T any](name string, to func(*T) *[]string) row[T] {
	return row[T]{name: name, repeated: true, wires: wireBytes, set: func(d *decoder, m *T, f field) error {
		s, err := d.name(f.data)
		*to(m) = append(*to(m), s)
		return err
	}}
}

// number is a field that holds a whole number.
func number[T any](name string, to func(*T) *int64) row[T] {
	return row[T]{name: name, wires: wireVarint, set: func(d *decoder, m *T, f field) error {
		*to(m) = int64(f.x)
		return nil
	}}
}

// numbers is a repeated field of whole numbers, packed or not.
func numbers[T any](name string, to func(*T) *[]int64) row[T] {
	return row[T]{name: name, wires: []protowire.Type{protowire.VarintType, protowire.BytesType}, set: func(d *decoder, m *T, f field) error {
		list := to(m)
		b := f.data
		if f.wire == protowire.VarintType {
			b = f.enc
		}
		for len(b) > 0 {
			x, n := protowire.ConsumeVarint(b)
			if n < 0 {
				return errCut
			}
			if err := d.take(16); err != nil {
				return err
			}
			*list, b = append(*list, int64(x)), b[n:]
		}
		return nil
	}}
}

// data is a repeated field of numbers of which only the place is kept.
func data(name string, num int, single protowire.Type) row[Tensor] {
	return row[Tensor]{name: name, wires: []protowire.Type{single, protowire.BytesType}, set: func(d *decoder, m *Tensor, f field) error {
		b := f.data
		if f.wire != protowire.BytesType {
			b = f.enc
		}
		m.fields[num] = append(m.fields[num], b)
		return d.take(48)
	}}
}

// message is a field that holds a message; where it comes twice the two are merged.
func message[T, M any](name string, size int, to func(*T) **M, rows func() table[M]) row[T] {
	return row[T]{name: name, wires: wireBytes, set: func(d *decoder, m *T, f field) error {
		if err := d.take(size); err != nil {
			return err
		}
		if p := to(m); *p == nil {
			*p = new(M)
		}
		return decode(d, *to(m), rows(), f.data)
	}}
}

// messages is a repeated field of messages.
func messages[T, M any](name string, size int, to func(*T) *[]*M, rows func() table[M]) row[T] {
	return row[T]{name: name, repeated: true, wires: wireBytes, set: func(d *decoder, m *T, f field) error {
		if err := d.take(size); err != nil {
			return err
		}
		x := new(M)
		*to(m) = append(*to(m), x)
		return decode(d, x, rows(), f.data)
	}}
}
