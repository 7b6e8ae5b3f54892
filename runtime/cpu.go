package runtime

import (
	"fmt"
	"os"
)

// isaName is an instruction set that kernels exist for, by the name that DLC_ISA uses.
type isaName string

// The instruction sets.
const (
	isaGo     isaName = "go" // portable Go
	isaAVX2   isaName = "avx2"
	isaAVX512 isaName = "avx512"
	isaNEON   isaName = "neon"
)

// isa is what this process uses: the best that the CPU has and kernels exist for, or what the environment variable DLC_ISA asks for. A value that is
// unknown, or that this CPU cannot run, leaves the best one; errISA then says so, and New, Load and NewTrainer return it.
var isa, errISA = chooseISA(os.Getenv("DLC_ISA"), narrower(bestISA()))

// narrower caps what the CPU has at what packages have kernels for: on a CPU with AVX-512 the AVX2 kernels run.
func narrower(best isaName) isaName {
	if best == isaAVX512 {
		return isaAVX2
	}
	return best
}

// chooseISA returns what to use on a CPU whose best is best.
func chooseISA(asked string, best isaName) (isaName, error) {
	switch a := isaName(asked); a {
	case "":
		return best, nil
	case isaGo, best:
		return a, nil
	case isaAVX2:
		if best == isaAVX512 {
			return a, nil
		}
		fallthrough
	case isaAVX512, isaNEON:
		return best, fmt.Errorf("DLC_ISA=%s: this CPU cannot run it, or there are no kernels for it; the best here is %s", asked, best)
	}
	return best, fmt.Errorf("DLC_ISA=%s is unknown: there are go, avx2, avx512 and neon; without it this CPU uses %s", asked, best)
}

// useAVX2 reports whether AVX2 kernels may run.
func useAVX2() bool { return isa == isaAVX2 || isa == isaAVX512 }
