package neon

import "fmt"

// word is an instruction that Go's assembler has no name for. It is written as the word that it is, with its GNU text as the comment; a test
// disassembles each. All belong to ARMv8.0.
type word struct {
	name  string
	base  uint32
	shape shape
}

// shape is which operands a word has, and so where they stand in it and how they are written.
type shape struct {
	text string // of registers d, n, m and of a number
	imm  func(int) uint32
	args int // 1: d; 2: d and n; 3: d, n and m
}

var (
	shapeDNM   = shape{text: "%s v%d.4s, v%d.4s, v%d.4s", args: 3}
	shapeBytes = shape{text: "%s v%d.16b, v%d.16b, v%d.16b", args: 3}
	shapeByte  = shape{text: "%s v%d.16b, v%d.16b", args: 2}
	shapeLane  = shape{text: "%s v%d.4s, v%d.4s, v%d.s[0]", args: 3}
	shapeDN    = shape{text: "%s v%d.4s, v%d.4s", args: 2}
	shapeRight = shape{text: "%s v%d.4s, v%d.4s, #%d", args: 2, imm: func(n int) uint32 { return uint32(64-n) << 16 }}
	shapeByte0 = shape{text: "%s v%d.4s, #%#x", args: 1, imm: byteImm}
	shapeByte1 = shape{text: "%s v%d.4s, #%#x, lsl #8", args: 1, imm: byteImm}
	shapeByte2 = shape{text: "%s v%d.4s, #%#x, lsl #16", args: 1, imm: byteImm}
	shapeByte3 = shape{text: "%s v%d.4s, #%#x, lsl #24", args: 1, imm: byteImm}
)

// byteImm puts the eight bits of an immediate in their places, three and five.
func byteImm(b int) uint32 { return uint32(b)>>5<<16 | uint32(b)&31<<5 }

// The words.
var (
	fadd   = word{"fadd", 0x4e20d400, shapeDNM}
	fsub   = word{"fsub", 0x4ea0d400, shapeDNM}
	fmul   = word{"fmul", 0x6e20dc00, shapeDNM}
	fdiv   = word{"fdiv", 0x6e20fc00, shapeDNM}
	fcmgt  = word{"fcmgt", 0x6ea0e400, shapeDNM}
	fcmge  = word{"fcmge", 0x6e20e400, shapeDNM}
	fcmeq  = word{"fcmeq", 0x4e20e400, shapeDNM}
	cmgt   = word{"cmgt", 0x4ea03400, shapeDNM}
	mul    = word{"mul", 0x4ea09c00, shapeDNM}
	fmulS0 = word{"fmul", 0x4f809000, shapeLane}
	fmlaS0 = word{"fmla", 0x4f801000, shapeLane}
	fmlsS0 = word{"fmls", 0x4f805000, shapeLane}
	bic    = word{"bic", 0x4e601c00, shapeBytes}
	orn    = word{"orn", 0x4ee01c00, shapeBytes}
	mvn    = word{"mvn", 0x6e205800, shapeByte}
	fsqrt  = word{"fsqrt", 0x6ea1f800, shapeDN}
	frintn = word{"frintn", 0x4e218800, shapeDN}
	frintm = word{"frintm", 0x4e219800, shapeDN}
	frintp = word{"frintp", 0x4ea18800, shapeDN}
	scvtf  = word{"scvtf", 0x4e21d800, shapeDN}
	fcvtns = word{"fcvtns", 0x4e21a800, shapeDN}
	sshr   = word{"sshr", 0x4f000400, shapeRight}
	movi   = [4]word{{"movi", 0x4f000400, shapeByte0}, {"movi", 0x4f002400, shapeByte1}, {"movi", 0x4f004400, shapeByte2}, {"movi", 0x4f006400, shapeByte3}}
	mvni   = [4]word{{"mvni", 0x6f000400, shapeByte0}, {"mvni", 0x6f002400, shapeByte1}, {"mvni", 0x6f004400, shapeByte2}, {"mvni", 0x6f006400, shapeByte3}}
)

// encode returns the word and its GNU text. Operands are d, n and m as far as the shape has them, then its number.
func (i word) encode(operands ...int) (uint32, string) {
	bits := i.base
	args := []any{i.name}
	for k, x := range operands {
		if k < i.shape.args {
			bits |= uint32(x) << [...]int{0, 5, 16}[k]
		} else {
			bits |= i.shape.imm(x)
		}
		args = append(args, x)
	}
	return bits, fmt.Sprintf(i.shape.text, args...)
}
