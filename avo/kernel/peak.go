package kernel

import "github.com/dlc-ml/dlc/avo/vec"

// PeakFMAs is how many multiply-adds of single numbers one count of [Peak] does.
const PeakFMAs = 3840

// Peak writes a function of one pointer and one count that only multiplies and adds, in as many independent chains as hide the latency:
// what it reaches is the peak that kernels are measured against. It stores the sum, so that nobody may leave it out: one register, of at most 16 numbers.
func Peak(name string, t vec.Target) *vec.Func {
	f := vec.New(name, t, []string{"out"}, []string{"main"})
	f.Doc = "// peak: chains of multiply-adds that nothing else slows down"
	f.Reach = []vec.Reach{{Fixed: t.Lanes, PerCount: []int{0}}}
	chains := 12
	if t.Lanes == 1 {
		chains = 4
	}
	x := f.Splat(0, 0)
	acc := make([]vec.Reg, chains)
	for i := range acc {
		acc[i] = f.Move(x)
	}
	f.Loop(vec.Param(0), nil, func() {
		f.Loop(vec.Fixed(PeakFMAs/48/t.Lanes), nil, func() {
			for i := range 48 {
				f.Fma(acc[i%chains], x, x)
			}
		})
	})
	sum := acc[0]
	for _, a := range acc[1:] {
		sum = f.Binary(vec.Add, sum, a)
	}
	f.StorePart(0, 0, sum, t.Lanes)
	return f
}
