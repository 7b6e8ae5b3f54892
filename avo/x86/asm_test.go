package x86_test

import (
	"fmt"
	"testing"

	"github.com/dlc-ml/dlc/avo/portable"
	"github.com/dlc-ml/dlc/avo/vec"
	"github.com/dlc-ml/dlc/avo/vec/vectest"
	"github.com/dlc-ml/dlc/avo/x86"
)

// targets are what this package prints: AVX-512 also at the eight lanes that a fold of eight partial sums takes.
var targets = []vec.Target{vec.AVX2, vec.AVX512, halved(vec.AVX512)}

func halved(t vec.Target) vec.Target {
	t.Lanes /= 2
	return t
}

// eachTarget runs a test for every target whose code this machine can run.
func eachTarget(t *testing.T, test func(t *testing.T, b *vectest.Backend)) {
	host := vectest.Host{Arch: "amd64"}
	host.Need(t)
	for _, target := range targets {
		t.Run(fmt.Sprint(target.Name, "x", target.Lanes), func(t *testing.T) {
			vectest.NeedTarget(t, target)
			test(t, &vectest.Backend{Target: target, Host: host, Files: func(funcs []*vec.Func) (map[string][]byte, error) {
				asm, stubs, err := x86.Print(funcs, "main")
				return map[string][]byte{"kernels_amd64.s": asm, "kernels_amd64.go": stubs}, err
			}})
		})
	}
}

func TestRandomPrograms(t *testing.T) {
	eachTarget(t, func(t *testing.T, b *vectest.Backend) { b.RandomPrograms(t, 150) })
}

func TestMemoryVerbs(t *testing.T) {
	eachTarget(t, func(t *testing.T, b *vectest.Backend) { b.MemoryVerbs(t) })
}

func TestNoReorder(t *testing.T) {
	eachTarget(t, func(t *testing.T, b *vectest.Backend) { b.NoReorder(t) })
}

// TestFunctionsAgree compares the assembly of each function with portable Go, bit for bit, over all exponents.
func TestFunctionsAgree(t *testing.T) {
	plain := &vectest.Backend{Target: vec.Go, Host: vectest.Here(), Files: func(funcs []*vec.Func) (map[string][]byte, error) {
		src, err := portable.Print(funcs, "main")
		return map[string][]byte{"kernels_portable.go": src}, err
	}}
	stride := uint32(65521)
	if testing.Short() {
		stride *= 16
	}
	eachTarget(t, func(t *testing.T, b *vectest.Backend) { b.Functions(t, plain, stride) })
}

// TestProcessorWithoutAVX512 runs AVX2 code on an emulated processor that has nothing beyond: an instruction or register of AVX-512 would end the
// program.
func TestProcessorWithoutAVX512(t *testing.T) {
	host := vectest.Host{Arch: "amd64", Runner: []string{"qemu-x86_64", "-cpu", "Haswell"}}
	host.Need(t)
	b := &vectest.Backend{Target: vec.AVX2, Host: host, Files: func(funcs []*vec.Func) (map[string][]byte, error) {
		asm, stubs, err := x86.Print(funcs, "main")
		return map[string][]byte{"kernels_amd64.s": asm, "kernels_amd64.go": stubs}, err
	}}
	b.RandomPrograms(t, 60)
}
