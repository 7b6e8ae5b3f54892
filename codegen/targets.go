package codegen

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dlc-ml/dlc/avo/neon"
	"github.com/dlc-ml/dlc/avo/vec"
	"github.com/dlc-ml/dlc/avo/x86"
)

// target is one instruction set that a package holds kernels for.
type target struct {
	arch  string // GOARCH
	vec   vec.Target
	print func(funcs []*vec.Func, pkg string) (asm, stubs []byte, err error)
}

// targets lists what kernels are printed for beside portable Go, for each architecture from the best on.
var targets = []target{
	{"amd64", vec.AVX512, x86.Print},
	{"amd64", vec.AVX2, x86.Print},
	{"arm64", vec.NEON, neon.Print},
}

// Name is what --target calls it: "amd64/avx2".
func (t target) Name() string { return t.arch + "/" + t.vec.Name }

// Suffix is the end of the names of its functions: "AVX2".
func (t target) Suffix() string { return strings.ToUpper(t.vec.Name) }

// ISA is its name in package runtime: "isaAVX2".
func (t target) ISA() string { return "isa" + t.Suffix() }

// File is the name of its assembly, without the extension.
func (t target) File() string { return "kernels_" + t.vec.Name + "_" + t.arch }

// portableTarget is what --target calls plain Go, which every package holds.
const portableTarget = "go"

// FastTarget is plain Go that rounds the products of sums: other bits than all other targets have. A package holds it only where --target names it.
const FastTarget = "go-fast"

// Targets names everything that a package can hold kernels for.
func Targets() []string {
	var names []string
	for _, t := range targets {
		names = append(names, t.Name())
	}
	return append(names, portableTarget, FastTarget)
}

// ParseTargets reads what a user asks for: names as Targets has them, or architectures, which stand for all of their instruction sets.
// Plain Go is always among the targets. No names at all mean every target but FastTarget.
func ParseTargets(list []string) ([]string, error) {
	if len(list) == 0 {
		return slices.DeleteFunc(Targets(), func(n string) bool { return n == FastTarget }), nil
	}
	asked := map[string]bool{portableTarget: true}
	for _, name := range list {
		known := name == portableTarget || name == FastTarget
		asked[name] = true
		for _, t := range targets {
			if name == t.Name() || name == t.arch {
				asked[t.Name()], known = true, true
			}
		}
		if !known {
			return nil, fmt.Errorf("there is no target %q; there are %s", name, strings.Join(Targets(), ", "))
		}
	}
	names := Targets()
	return slices.DeleteFunc(names, func(n string) bool { return !asked[n] }), nil
}

// HostTargets are the targets of one architecture, for a program that runs nowhere else.
func HostTargets(arch string) []string {
	names := []string{portableTarget}
	for _, t := range targets {
		if t.arch == arch {
			names = append(names, t.Name())
		}
	}
	return names
}

// selected returns the targets with these names; nil names are all.
func selected(names []string) []target {
	if names == nil {
		return targets
	}
	var list []target
	for _, t := range targets {
		if slices.Contains(names, t.Name()) {
			list = append(list, t)
		}
	}
	return list
}
