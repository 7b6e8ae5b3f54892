// Package x86 prints functions of the vector machine as Go assembly for amd64, through mmcloughlin/avo's instructions and printer. Registers are
// assigned here: none of avo's passes run.
package x86

import (
	"fmt"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/buildtags"
	"github.com/mmcloughlin/avo/ir"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/printer"

	"github.com/dlc-ml/dlc/avo/vec"
)

// isa is one instruction set: how each verb is written in it, and which extensions its instructions may need.
type isa struct {
	emit    map[vec.Code]emitter
	allowed []string
	vectors int  // registers
	opmasks bool // parts of registers by masks, and one element of memory as an operand for every lane
}

// emitter writes one verb.
type emitter func(w *writer, o *vec.Op)

// isas has a row for each target that this package prints.
var isas = map[string]*isa{
	vec.AVX2.Name:   {emit: avx2, allowed: []string{"MMX+", "AVX", "AVX2", "FMA3"}, vectors: 16},
	vec.AVX512.Name: {emit: avx512, allowed: []string{"MMX+", "AVX", "AVX2", "FMA3", "AVX512F", "AVX512BW", "AVX512DQ", "AVX512VL"}, vectors: 32, opmasks: true},
}

// Print returns an assembly file with all funcs and a Go file that declares them, for package pkg. Functions that are not allocated yet
// are first. It fails where a function does not fit into the target's registers or the target is none of this package.
func Print(funcs []*vec.Func, pkg string) (asm, stubs []byte, err error) {
	file := ir.NewFile()
	file.Constraints = buildtags.And(buildtags.Term("amd64"))
	file.Includes = []string{"textflag.h"}
	data := newConstants()
	seen := map[string]bool{}
	for _, f := range funcs {
		if seen[f.Name] {
			return nil, nil, fmt.Errorf("two kernels are named %s", f.Name)
		}
		seen[f.Name] = true
		set := isas[f.Target.Name]
		if set == nil {
			return nil, nil, fmt.Errorf("%s: no amd64 code for target %s", f.Name, f.Target.Name)
		}
		if set.opmasks && !f.Allocated() {
			f = vec.Narrow(f)
		}
		if f, err = vec.Allocate(f); err != nil {
			return nil, nil, err
		}
		fn, err := function(f, set, data)
		if err != nil {
			return nil, nil, err
		}
		file.AddSection(fn)
	}
	data.add(file)
	asm, err = printer.NewGoAsm(printer.Config{Name: "dlc", Pkg: pkg}).Print(file)
	if err != nil {
		return nil, nil, err
	}
	return asm, vec.GoDeclarations(funcs, pkg, "amd64"), nil
}

// constants collects the read-only data of a file.
type constants struct {
	scalar, vector *ir.Global
	at             map[string]operand.Mem
}

func newConstants() *constants {
	c := &constants{scalar: ir.NewStaticGlobal("scalars"), vector: ir.NewStaticGlobal("vectors"), at: map[string]operand.Mem{}}
	c.scalar.Attributes = attr.RODATA | attr.NOPTR
	c.vector.Attributes = attr.RODATA | attr.NOPTR
	return c
}

// words returns the place of some words, which it makes where they are new.
func (c *constants) words(g *ir.Global, words ...uint32) operand.Mem {
	key := fmt.Sprint(g.Symbol.Name, words)
	if m, ok := c.at[key]; ok {
		return m
	}
	m := g.Base().Offset(g.Size)
	for _, w := range words {
		g.Append(operand.U32(w))
	}
	c.at[key] = m
	return m
}

// one returns the place of a single word.
func (c *constants) one(bits uint32) operand.Mem { return c.words(c.scalar, bits) }

// splat returns the place of n equal words.
func (c *constants) splat(bits uint32, n int) operand.Mem {
	list := make([]uint32, n)
	for i := range list {
		list[i] = bits
	}
	return c.words(c.vector, list...)
}

// ramp returns the place of 0, 1, 2 … n-1.
func (c *constants) ramp(n int) operand.Mem {
	list := make([]uint32, n)
	for i := range list {
		list[i] = uint32(i)
	}
	return c.words(c.vector, list...)
}

// mask returns the place of n words of which the first k are all ones.
func (c *constants) mask(k, n int) operand.Mem {
	list := make([]uint32, n)
	for i := range k {
		list[i] = 0xffffffff
	}
	return c.words(c.vector, list...)
}

func (c *constants) add(f *ir.File) {
	for _, g := range []*ir.Global{c.vector, c.scalar} {
		if g.Size > 0 {
			f.AddSection(g)
		}
	}
}
