package neon_test

import (
	"testing"

	"github.com/dlc-ml/dlc/avo/neon"
	"github.com/dlc-ml/dlc/avo/portable"
	"github.com/dlc-ml/dlc/avo/vec"
	"github.com/dlc-ml/dlc/avo/vec/vectest"
)

// arm is the printer under test, on a processor that has nothing beyond ARMv8.0.
func arm(t *testing.T) *vectest.Backend {
	b := &vectest.Backend{Target: vec.NEON, Host: vectest.Arm64(), Files: func(funcs []*vec.Func) (map[string][]byte, error) {
		asm, stubs, err := neon.Print(funcs, "main")
		return map[string][]byte{"kernels_arm64.s": asm, "kernels_arm64.go": stubs}, err
	}}
	b.Host.Need(t)
	return b
}

func TestRandomPrograms(t *testing.T) { arm(t).RandomPrograms(t, 150) }

func TestMemoryVerbs(t *testing.T) { arm(t).MemoryVerbs(t) }

func TestNoReorder(t *testing.T) { arm(t).NoReorder(t) }

// TestFunctionsAgree compares each function with portable Go on this machine.
func TestFunctionsAgree(t *testing.T) {
	here := &vectest.Backend{Target: vec.Go, Host: vectest.Here(), Files: func(funcs []*vec.Func) (map[string][]byte, error) {
		src, err := portable.Print(funcs, "main")
		return map[string][]byte{"kernels_portable.go": src}, err
	}}
	stride := uint32(65521)
	if testing.Short() {
		stride *= 16
	}
	arm(t).Functions(t, here, stride)
}
