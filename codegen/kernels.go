package codegen

import (
	"fmt"
	"go/format"
	"slices"
	"strings"

	"github.com/dlc-ml/dlc/avo/kernel"
	"github.com/dlc-ml/dlc/avo/portable"
	"github.com/dlc-ml/dlc/avo/vec"
)

// kernelCode is one kernel of the package: a function for each target. Nests whose code is the same share it.
type kernelCode struct {
	Name string // the dispatching variable: "kConv"
	goFn *vec.Func
	fns  []*vec.Func // one for each target of the set
}

// kernelSet collects the kernels of a package.
type kernelSet struct {
	targets []target
	fast    bool // plain Go that rounds products, too
	list    []*kernelCode
	byKey   map[string]*kernelCode
	names   map[string]bool
}

// newKernelSet is an empty set for the targets of these names, nil for all but FastTarget.
func newKernelSet(names []string) *kernelSet {
	return &kernelSet{targets: selected(names), fast: slices.Contains(names, FastTarget), byKey: map[string]*kernelCode{}, names: map[string]bool{}}
}

// add builds the functions of one nest, or finds the same code made for another.
func (s *kernelSet) add(b *kernel.Builder) (*kernelCode, error) {
	var key strings.Builder
	build := func(t vec.Target) (*vec.Func, error) {
		f, err := b.Build("kernel", t)
		if err == nil {
			key.WriteString(canonical(f))
		}
		return f, err
	}
	plain, err := build(vec.Go)
	if err != nil {
		return nil, err
	}
	k := &kernelCode{goFn: plain}
	for _, t := range s.targets {
		f, err := build(t.vec)
		if err != nil {
			return nil, err
		}
		k.fns = append(k.fns, f)
	}
	if same := s.byKey[key.String()]; same != nil {
		return same, nil
	}
	k.Name = fresh(s.names, "k"+exported(b.Nest.Name))
	plain.Name = k.Name + "Go"
	for i, t := range s.targets {
		k.fns[i].Name = k.Name + t.Suffix()
	}
	s.list = append(s.list, k)
	s.byKey[key.String()] = k
	return k, nil
}

// yardstick adds a function that measures what kernels are compared with.
func (s *kernelSet) yardstick(name string, make func(name string, t vec.Target) *vec.Func) string {
	k := &kernelCode{Name: fresh(s.names, name)}
	k.goFn = make(k.Name+"Go", vec.Go)
	for _, t := range s.targets {
		k.fns = append(k.fns, make(k.Name+t.Suffix(), t.vec))
	}
	s.list = append(s.list, k)
	return k.Name
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
	var plain []*vec.Func
	for _, k := range s.list {
		plain = append(plain, k.goFn)
	}
	src, err := portable.Print(plain, pkg)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{"kernels_portable.go": src}
	if s.fast {
		if files["kernels_portable_fast.go"], err = portable.PrintFast(s.fastFuncs(), pkg); err != nil {
			return nil, err
		}
	}
	for i, t := range s.targets {
		var funcs []*vec.Func
		for _, k := range s.list {
			funcs = append(funcs, k.fns[i])
		}
		asm, stubs, err := t.print(funcs, pkg)
		if err != nil {
			return nil, err
		}
		if stubs, err = format.Source(stubs); err != nil {
			return nil, err
		}
		files[t.File()+".s"], files[t.File()+".go"] = asm, stubs
	}
	return files, nil
}

// fastFuncs are the portable kernels under the names of those that round products.
func (s *kernelSet) fastFuncs() []*vec.Func {
	var list []*vec.Func
	for _, k := range s.list {
		f := *k.goFn
		f.Name += "Fast"
		list = append(list, &f)
	}
	return list
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
