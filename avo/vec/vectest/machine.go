package vectest

import (
	"testing"

	"golang.org/x/sys/cpu"

	"github.com/dlc-ml/dlc/avo/vec"
)

// NeedTarget skips a test where this machine's processor cannot run the code of an amd64 target.
func NeedTarget(t *testing.T, target vec.Target) {
	t.Helper()
	has := true
	switch x := cpu.X86; target.Name {
	case vec.AVX2.Name:
		has = x.HasAVX2 && x.HasFMA
	case vec.AVX512.Name:
		has = x.HasAVX512F && x.HasAVX512BW && x.HasAVX512DQ && x.HasAVX512VL
	}
	if !has {
		t.Skipf("this processor has no %s", target.Name)
	}
}
