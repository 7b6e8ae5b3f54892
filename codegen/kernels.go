package codegen

import (
	"fmt"
	"go/format"
	"strings"

	"github.com/dlc-ml/dlc/avo/kernel"
	"github.com/dlc-ml/dlc/avo/portable"
	"github.com/dlc-ml/dlc/avo/vec"
	"github.com/dlc-ml/dlc/avo/x86"
)

// kernelCode is one kernel of the package: a function for each target. Nests whose code is the same share it.
type kernelCode struct {
	Name string // the dispatching variable: "kConv"
	goFn *vec.Func
	avx2 *vec.Func
	args int
}

// kernelSet collects the kernels of a package.
type kernelSet struct {
	list  []*kernelCode
	byKey map[string]*kernelCode
	names map[string]bool
}

func newKernelSet() *kernelSet {
	return &kernelSet{byKey: map[string]*kernelCode{}, names: map[string]bool{}}
}

// add builds the functions of one nest, or finds the same code made for another.
func (s *kernelSet) add(b *kernel.Builder) (*kernelCode, error) {
	wide, err := b.Build("kernel", vec.AVX2)
	if err != nil {
		return nil, err
	}
	narrow, err := b.Build("kernel", vec.Go)
	if err != nil {
		return nil, err
	}
	key := canonical(wide) + canonical(narrow)
	if k := s.byKey[key]; k != nil {
		return k, nil
	}
	name := fresh(s.names, "k"+exported(b.Nest.Name))
	wide.Name, narrow.Name = name+"AVX2", name+"Go"
	k := &kernelCode{Name: name, goFn: narrow, avx2: wide, args: len(b.Args)}
	s.list = append(s.list, k)
	s.byKey[key] = k
	return k, nil
}

// canonical is the text of f without the names that only serve its reader.
func canonical(f *vec.Func) string {
	c := *f
	c.Name, c.Doc = "k", ""
	c.Ptrs = make([]string, len(f.Ptrs))
	for i := range c.Ptrs {
		c.Ptrs[i] = fmt.Sprint("p", i)
	}
	return c.String()
}

// print returns the package's kernel files.
func (s *kernelSet) print(pkg string) (map[string][]byte, error) {
	var wide, narrow []*vec.Func
	for _, k := range s.list {
		wide = append(wide, k.avx2)
		narrow = append(narrow, k.goFn)
	}
	asm, stubs, err := x86.Print(wide, pkg)
	if err != nil {
		return nil, err
	}
	if stubs, err = format.Source(stubs); err != nil {
		return nil, err
	}
	goSrc, err := portable.Print(narrow, pkg)
	if err != nil {
		return nil, err
	}
	return map[string][]byte{
		"kernels_amd64.s":     asm,
		"kernels_amd64.go":    stubs,
		"kernels_portable.go": goSrc,
	}, nil
}

// signature is the Go type of a kernel's function.
func signature(f *vec.Func) string {
	var b strings.Builder
	b.WriteString("func(")
	for i := range f.Ptrs {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString("*float32")
	}
	for i := range f.Counts {
		if i > 0 || len(f.Ptrs) > 0 {
			b.WriteString(", ")
		}
		b.WriteString("int")
	}
	b.WriteString(")")
	return b.String()
}
