package runtime

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"strconv"
)

// numeric is an element of a file in any of the element types: a floating-point number, or a whole one, which is held apart from its sign so that all of
// 64 bits have their place.
type numeric struct {
	float    float64
	whole    bool
	negative bool
	size     uint64 // of a whole number
}

func floatNumber(x float64) numeric { return numeric{float: x} }

func signedNumber(x int64) numeric {
	if x < 0 {
		return numeric{whole: true, negative: true, size: -uint64(x)}
	}
	return numeric{whole: true, size: uint64(x)}
}

// value is the number as a float64, which whole numbers beyond 2^53 may not be.
func (n numeric) value() float64 {
	switch {
	case !n.whole:
		return n.float
	case n.negative:
		return -float64(n.size)
	}
	return float64(n.size)
}

// String writes the number for messages.
func (n numeric) String() string {
	if !n.whole {
		return strconv.FormatFloat(n.float, 'g', -1, 64)
	}
	s := strconv.FormatUint(n.size, 10)
	if n.negative {
		s = "-" + s
	}
	return s
}

// wholeTypes are the bits of the types of whole numbers, negative for those with a sign.
var wholeTypes = map[string]int{"BOOL": 1, "U8": 8, "U16": 16, "U32": 32, "U64": 64, "I8": -8, "I16": -16, "I32": -32, "I64": -64}

// floatForm is a type of floating-point numbers: the bits of precision, the exponent of the last place of the smallest, and the largest.
type floatForm struct {
	digits, least int
	most          float64
}

var floatTypes = map[string]floatForm{"F64": {53, -1074, math.MaxFloat64}, "F32": {24, -149, math.MaxFloat32}, "F16": {11, -24, 65504}, "BF16": {8, -133, 0x1.fep127}}

// convertible reports whether elements of a type have a meaning here: all types of numbers but those of 8 bits with a fraction, and complex ones.
func convertible(dtype string) bool {
	_, float := floatTypes[dtype]
	return float || wholeTypes[dtype] != 0
}

// readNumber is the number of the bits of an element.
func readNumber(dtype string, bits uint64) (numeric, error) {
	switch dtype {
	case "F64":
		return floatNumber(math.Float64frombits(bits)), nil
	case "F32":
		return floatNumber(float64(math.Float32frombits(uint32(bits)))), nil
	case "F16":
		return floatNumber(halfOf(uint16(bits))), nil
	case "BF16":
		return floatNumber(float64(math.Float32frombits(uint32(bits) << 16))), nil
	case "BOOL":
		if bits > 1 {
			return numeric{}, fmt.Errorf("the byte %d, and no truth value", bits)
		}
	}
	switch w := wholeTypes[dtype]; {
	case w < 0:
		return signedNumber(int64(bits<<(64+w)) >> (64 + w)), nil
	case w > 0:
		return numeric{whole: true, size: bits}, nil
	}
	return numeric{}, fmt.Errorf("of a type that has no numbers")
}

// writeNumber is the element of a type that is the number: fractions are rounded to nearest, but nothing is brought into the range of the type, and whole
// numbers stay what they are.
func writeNumber(dtype string, n numeric) (uint64, error) {
	if form, ok := floatTypes[dtype]; ok {
		x := n.value()
		y := rounded(x, form)
		switch {
		case math.IsInf(y, 0) && !math.IsInf(x, 0):
			return 0, fmt.Errorf("%v, which is beyond the %v of %s", n, form.most, dtype)
		case n.whole && (math.Abs(y) >= 0x1p64 || uint64(math.Abs(y)) != n.size):
			return 0, fmt.Errorf("%v, which %s cannot hold exactly", n, dtype)
		}
		return floatBits(dtype, y), nil
	}
	if !n.whole {
		if x := n.float; x != math.Trunc(x) || math.IsInf(x, 0) { // NaN is not its own whole part either
			return 0, fmt.Errorf("%v, which is no whole number", n)
		} else if math.Abs(x) >= 0x1p64 {
			return 0, fmt.Errorf("%v, which is beyond %s", n, dtype)
		}
		n = numeric{whole: true, negative: n.float < 0, size: uint64(math.Abs(n.float))}
	}
	w := wholeTypes[dtype]
	most := uint64(math.MaxUint64)
	switch {
	case w < 0 && n.negative:
		most = 1 << (-w - 1)
	case w < 0:
		most = 1<<(-w-1) - 1
	case n.negative:
		most = 0
	case w < 64:
		most = 1<<w - 1
	}
	if n.size > most {
		return 0, fmt.Errorf("%v, which is beyond %s", n, dtype)
	}
	if n.negative {
		return -n.size & (math.MaxUint64 >> (64 - max(w, -w))), nil
	}
	return n.size, nil
}

// rounded is the nearest number of a form, of two the even one; infinite beyond its largest.
func rounded(x float64, form floatForm) float64 {
	if x == 0 || math.IsNaN(x) || math.IsInf(x, 0) {
		return x
	}
	_, e := math.Frexp(x)
	last := max(e-form.digits, form.least)
	y := math.Ldexp(math.RoundToEven(math.Ldexp(x, -last)), last)
	if math.Abs(y) > form.most {
		return math.Inf(int(math.Copysign(1, x)))
	}
	return y
}

// floatBits are the bits of a number that the type has.
func floatBits(dtype string, x float64) uint64 {
	switch dtype {
	case "F64":
		return math.Float64bits(x)
	case "F16":
		return uint64(halfBits(x))
	case "BF16":
		return uint64(math.Float32bits(float32(x)) >> 16)
	}
	return uint64(math.Float32bits(float32(x)))
}

// halfBits are the bits of a binary16.
func halfBits(x float64) uint16 {
	sign := uint16(math.Float64bits(x) >> 63 << 15)
	a := math.Abs(x)
	switch {
	case x != x:
		return sign | 0x7e00
	case math.IsInf(x, 0):
		return sign | 0x7c00
	case a < 0x1p-14:
		return sign | uint16(a*0x1p24)
	}
	f, e := math.Frexp(a)
	return sign | uint16(e+14)<<10 | uint16((2*f-1)*1024)
}

// halfOf is the value of the bits of a binary16.
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

// cellTypes are the types in files that hold just what each element type does.
var cellTypes = map[string]string{"": "F32", "f32": "F32", "f16": "F16", "bf16": "BF16", "i32": "I32", "i64": "I32", "i8": "I8", "u8": "U8", "bool": "BOOL"}

// cell is the 32-bit cell of an element that has the bits of its type in a file.
func cell(elem string, bits uint64) float32 {
	n, _ := readNumber(cellTypes[elem], bits)
	if !wholeElem(elem) {
		return float32(n.float)
	}
	v := int32(n.size)
	if n.negative {
		v = -v
	}
	return math.Float32frombits(uint32(v))
}

// readElements calls each with the bits of n elements of a type.
func readElements(r io.Reader, dtype string, n int, each func(i int, bits uint64) error) error {
	size := int(dtypeBytes[dtype])
	var buf [1 << 13]byte
	for i := 0; i < n; {
		b := buf[:min(n-i, len(buf)/size)*size]
		if _, err := io.ReadFull(r, b); err != nil {
			if err == io.EOF || err == io.ErrUnexpectedEOF {
				return fmt.Errorf("the file ends too early")
			}
			return err
		}
		for ; len(b) > 0; b, i = b[size:], i+1 {
			var word [8]byte
			copy(word[:], b[:size])
			if err := each(i, binary.LittleEndian.Uint64(word[:])); err != nil {
				return err
			}
		}
	}
	return nil
}

// readCells fills dst with elements of type elem, from those of a type of files. What elem cannot hold is an error.
func readCells(dst []float32, r io.Reader, dtype, elem string) error {
	want := cellTypes[elem]
	if dtype == want && (want == "F32" || want == "I32") {
		return readElements(r, dtype, len(dst), func(i int, bits uint64) error {
			dst[i] = math.Float32frombits(uint32(bits))
			return nil
		})
	}
	return readElements(r, dtype, len(dst), func(i int, bits uint64) error {
		n, err := readNumber(dtype, bits)
		if err == nil {
			bits, err = writeNumber(want, n)
		}
		if err != nil {
			return fmt.Errorf("element %d is %w", i, err)
		}
		dst[i] = cell(elem, bits)
		return nil
	})
}
