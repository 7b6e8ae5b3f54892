package ir

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// DType is the type of one element.
type DType uint8

// The element types. A compiled program holds every element in a cell of 32 bits, see [DType.Cell]: the narrower types say which
// values a tensor may hold, and i64 holds what fits 32 bits.
const (
	Invalid DType = iota
	F32
	I32
	U8
	Bool
	F16
	BF16
	I8
	I64
)

var dtypeNames = [...]string{Invalid: "invalid", F32: "f32", I32: "i32", U8: "u8", Bool: "bool", F16: "f16", BF16: "bf16", I8: "i8", I64: "i64"}

// Float reports whether d is a floating-point type.
func (d DType) Float() bool { return d == F32 || d == F16 || d == BF16 }

// Integer reports whether d is a whole-number type; Bool is none.
func (d DType) Integer() bool { return d == I32 || d == U8 || d == I8 || d == I64 }

// Range returns the least and the greatest value of a type of whole numbers, and of truth values, which are 0 and 1.
func (d DType) Range() (low, high float64) {
	switch d {
	case Bool:
		return 0, 1
	case U8:
		return 0, 255
	case I8:
		return -128, 127
	}
	return math.MinInt32, math.MaxInt32
}

// Cell is the type in which a program computes and stores d: F32 for floating-point types, I32 for whole numbers and for truth values,
// which are 0 and 1.
func (d DType) Cell() DType {
	switch {
	case d.Float():
		return F32
	case d.Integer() || d == Bool:
		return I32
	}
	return d
}

// String returns the name that the text form uses, such as "f32".
func (d DType) String() string {
	if int(d) < len(dtypeNames) {
		return dtypeNames[d]
	}
	return "dtype(" + strconv.Itoa(int(d)) + ")"
}

// ParseDType returns the type of that name.
func ParseDType(s string) (DType, bool) {
	for i, n := range dtypeNames {
		if i > 0 && n == s {
			return DType(i), true
		}
	}
	return Invalid, false
}

// Dim is one extent: Size, or Size times a symbol. The batch is Dim{1, "N"}; merging it with 100 frames gives Dim{100, "N"}.
type Dim struct {
	Size int
	Sym  string
}

// D is a fixed extent.
func D(n int) Dim { return Dim{Size: n} }

// Batch is the leading dimension of every activation.
var Batch = Dim{1, "N"}

// Static reports whether the extent is known at compile time.
func (d Dim) Static() bool { return d.Sym == "" }

// String returns "24", "N" or "100N".
func (d Dim) String() string {
	switch {
	case d.Sym == "":
		return strconv.Itoa(d.Size)
	case d.Size == 1:
		return d.Sym
	}
	return strconv.Itoa(d.Size) + d.Sym
}

// Mul returns the product; ok is false where both are symbolic or the size overflows MaxElems.
func (d Dim) Mul(e Dim) (p Dim, ok bool) {
	if d.Sym != "" && e.Sym != "" {
		return Dim{}, false
	}
	if e.Size != 0 && d.Size > MaxElems/e.Size {
		return Dim{}, false
	}
	return Dim{d.Size * e.Size, d.Sym + e.Sym}, true
}

// MaxElems bounds the elements of one tensor for one example: 2^31-1, so that every offset fits a kernel's displacement.
const MaxElems = 1<<31 - 1

// Shape is the extents of a tensor, outermost first. A scalar has none.
type Shape []Dim

// S is a shape of fixed extents.
func S(dims ...int) Shape {
	s := make(Shape, len(dims))
	for i, d := range dims {
		s[i] = D(d)
	}
	return s
}

// NS is a shape of fixed extents behind the batch.
func NS(dims ...int) Shape { return append(Shape{Batch}, S(dims...)...) }

// Equal reports whether both shapes are the same.
func (s Shape) Equal(t Shape) bool {
	if len(s) != len(t) {
		return false
	}
	for i := range s {
		if s[i] != t[i] {
			return false
		}
	}
	return true
}

// Elems returns the number of elements, symbolic where one dimension is. ok is false where two are or the product exceeds MaxElems.
func (s Shape) Elems() (n Dim, ok bool) {
	n = D(1)
	for _, d := range s {
		if n, ok = n.Mul(d); !ok {
			return Dim{}, false
		}
	}
	return n, true
}

// String returns "[N,28,28,1]".
func (s Shape) String() string {
	var b strings.Builder
	b.WriteByte('[')
	for i, d := range s {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(d.String())
	}
	b.WriteByte(']')
	return b.String()
}

// Type is the type of a tensor.
type Type struct {
	Elem  DType
	Shape Shape
}

// T makes a type.
func T(e DType, s Shape) Type { return Type{e, s} }

// Equal reports whether both types are the same.
func (t Type) Equal(u Type) bool { return t.Elem == u.Elem && t.Shape.Equal(u.Shape) }

// String returns "f32[N,28,28,1]"; a scalar is "f32[]".
func (t Type) String() string { return t.Elem.String() + t.Shape.String() }

// Attr is one named attribute. Value is an int, float64, bool, string, []int or []float64.
type Attr struct {
	Name  string
	Value any
}

// Attrs are the attributes of an operator, in the order in which its literal declares them.
type Attrs []Attr

// Get returns the value of that name, or nil.
func (a Attrs) Get(name string) any {
	for _, x := range a {
		if x.Name == name {
			return x.Value
		}
	}
	return nil
}

// Int returns an attribute that the operator's literal declares as an int; it panics on any other, which is a bug in the literal.
func (a Attrs) Int(name string) int { return attr[int](a, name) }

// Ints returns an attribute declared as a list of ints.
func (a Attrs) Ints(name string) []int { return attr[[]int](a, name) }

// Float returns an attribute declared as a float.
func (a Attrs) Float(name string) float64 { return attr[float64](a, name) }

// Floats returns an attribute declared as a list of floats.
func (a Attrs) Floats(name string) []float64 { return attr[[]float64](a, name) }

// Bool returns an attribute declared as a bool.
func (a Attrs) Bool(name string) bool { return attr[bool](a, name) }

// Str returns an attribute declared as a string.
func (a Attrs) Str(name string) string { return attr[string](a, name) }

func attr[T any](a Attrs, name string) T {
	v, ok := a.Get(name).(T)
	if !ok {
		panic(fmt.Sprintf("ir: attribute %q is %T, not %T", name, a.Get(name), v))
	}
	return v
}

// uniqueName returns name, or name_2, name_3 …, whichever is not in taken, and takes it. taken has for each name the number at which the search for
// the next free one goes on.
func uniqueName(taken map[string]int, name string) string {
	if name == "" {
		name = "v"
	}
	free := name
	for i := max(2, taken[name]); ; i++ {
		if taken[free] == 0 {
			taken[free], taken[name] = 2, i
			return free
		}
		free = name + "_" + strconv.Itoa(i)
	}
}
