package x86

import (
	"strings"
	"testing"

	"github.com/dlc-ml/dlc/avo/vec"
)

// unary returns a kernel that applies fn to n registers.
func unaryKernel(name string, fn func(*vec.Func, vec.Reg) vec.Reg) *vec.Func {
	f := vec.New(name, vec.AVX2, []string{"x", "y"}, []string{"n"})
	l := f.Target.Lanes
	f.Reach = []vec.Reach{{Fixed: l, PerCount: []int{l}}, {Fixed: l, PerCount: []int{l}}}
	f.Loop(vec.Param(0), []vec.Bump{{Ptr: 0, Bytes: 4 * l}, {Ptr: 1, Bytes: 4 * l}}, func() {
		f.StorePart(1, 0, fn(f, f.Load(0, 0)), l)
	})
	return f
}

func TestPrint(t *testing.T) {
	asm, stubs, err := Print([]*vec.Func{
		unaryKernel("exp", vec.Exp), unaryKernel("log", vec.Log), unaryKernel("tanh", vec.Tanh),
		unaryKernel("sigmoid", vec.Sigmoid), unaryKernel("erf", vec.Erf), unaryKernel("hash", vec.Hash),
	}, "k")
	if err != nil {
		t.Fatal(err)
	}
	t.Log(string(asm), string(stubs))
	if n := strings.Count(string(asm), "VZEROUPPER"); n != 6 {
		t.Errorf("%d VZEROUPPER for 6 functions", n)
	}
}
