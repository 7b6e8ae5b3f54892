package runtime

import (
	"fmt"
	"os"
	"strings"
)

// isaName is an instruction set that kernels exist for, by the name that DLC_ISA uses.
type isaName string

// The instruction sets.
const (
	isaGo     isaName = "go"      // portable Go
	isaGoFast isaName = "go-fast" // the same, but for products of sums, which it rounds: other bits; it never runs unasked
	isaAVX2   isaName = "avx2"
	isaAVX512 isaName = "avx512"
	isaNEON   isaName = "neon"
)

// ranks orders the instruction sets: one that is missing gets the next best.
var ranks = map[isaName]int{isaGoFast: 0, isaGo: 0, isaNEON: 1, isaAVX2: 1, isaAVX512: 2}

// kernelSet is the kernels of one instruction set: use puts them in place.
type kernelSet struct {
	isa isaName
	use func()
}

// What runs. errISA says that DLC_ISA is unknown; New, Load and NewTrainer return it. noteISA says that what it asks for is not what runs.
var (
	isa     = isaGo
	errISA  error
	noteISA string
	canISA  []isaName // the sets that this CPU runs and the package has, the best first
)

// dispatch takes the best of the sets that this CPU runs, or what the environment variable DLC_ISA asks for. The sets are in order, the
// best first, then portable Go, and last what runs only where it is asked for. Generated packages call it once, when the program starts.
func dispatch(sets []kernelSet) {
	best := bestISA()
	canISA = nil
	for _, s := range sets {
		if s.isa.runsOn(best) {
			canISA = append(canISA, s.isa)
		}
	}
	isa, noteISA, errISA = chooseISA(os.Getenv("DLC_ISA"), canISA)
	for _, s := range sets {
		if s.isa == isa {
			s.use()
		}
	}
}

// runsOn reports whether a CPU whose best is best runs a's instructions.
func (a isaName) runsOn(best isaName) bool {
	return a == isaGo || a == isaGoFast || a == best || a == isaAVX2 && best == isaAVX512
}

// chooseISA returns which of the sets that can run is taken. The note is not empty where that is not the one that was asked for.
func chooseISA(asked string, can []isaName) (use isaName, note string, err error) {
	rank, known := ranks[isaName(asked)]
	switch {
	case asked == "":
		return can[0], "", nil
	case !known:
		return can[0], "", fmt.Errorf("DLC_ISA=%s is unknown: there are go, go-fast, avx2, avx512 and neon; without it this CPU uses %s", asked, can[0])
	}
	for _, c := range can {
		if c == isaName(asked) {
			return c, "", nil
		}
	}
	for _, c := range can {
		if ranks[c] <= rank {
			return c, fmt.Sprintf("DLC_ISA=%s: this CPU cannot run it, or there are no kernels for it; there are %s here, and %s is used", asked, isaNames(can), c), nil
		}
	}
	return isaGo, "", nil // the last of the sets: never reached
}

// isaNames lists instruction sets.
func isaNames(list []isaName) string {
	var s []string
	for _, x := range list {
		s = append(s, string(x))
	}
	return strings.Join(s, ", ")
}
