package portable_test

import (
	"testing"

	"github.com/dlc-ml/dlc/avo/portable"
	"github.com/dlc-ml/dlc/avo/vec"
	"github.com/dlc-ml/dlc/avo/vec/vectest"
)

// TestRandomPrograms compares random programs with the interpreter, bit for bit; it vets them too.
func TestRandomPrograms(t *testing.T) {
	b := &vectest.Backend{Target: vec.Go, Host: vectest.Here(), Files: func(funcs []*vec.Func) (map[string][]byte, error) {
		src, err := portable.Print(funcs, "main")
		return map[string][]byte{"kernels_portable.go": src}, err
	}}
	b.Host.Need(t)
	b.RandomPrograms(t, 200)
}
