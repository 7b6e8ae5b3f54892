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
				f.FmaLoose(acc[i%chains], x, x)
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

// StreamElems is how many elements one count of [ReadStream] and [WriteStream] moves.
const StreamElems = 256

// ReadStream writes a function of two pointers and one count that only reads: what it reaches is the bandwidth that kernels are measured against. It
// stores the sum in a register of at most 16 numbers, so that nobody may leave it out.
func ReadStream(name string, t vec.Target) *vec.Func {
	f := vec.New(name, t, []string{"in", "out"}, []string{"main"})
	f.Doc = "// readStream: every element of a run of memory, once"
	f.Reach = []vec.Reach{{Fixed: StreamElems, PerCount: []int{StreamElems}}, {Fixed: t.Lanes, PerCount: []int{0}}}
	acc := make([]vec.Reg, 4)
	for i := range acc {
		acc[i] = f.Zero()
	}
	stream(f, func(i, disp int) { f.Accumulate(vec.Xor, acc[i%len(acc)], f.Load(0, disp)) })
	sum := acc[0]
	for _, a := range acc[1:] {
		sum = f.Binary(vec.Xor, sum, a)
	}
	f.StorePart(1, 0, sum, t.Lanes)
	return f
}

// WriteStream is ReadStream for writing zeros.
func WriteStream(name string, t vec.Target) *vec.Func {
	f := vec.New(name, t, []string{"out"}, []string{"main"})
	f.Doc = "// writeStream: zero to every element of a run of memory, once"
	f.Reach = []vec.Reach{{Fixed: StreamElems, PerCount: []int{StreamElems}}}
	zero := f.Zero()
	stream(f, func(_, disp int) { f.StorePart(0, disp, zero, f.Target.Lanes) })
	return f
}

// stream moves pointer 0 over StreamElems elements for each count and calls move for each register of them.
func stream(f *vec.Func, move func(i, disp int)) {
	bytes := 4 * f.Target.Lanes
	const unroll = 8
	f.Loop(vec.Param(0), []vec.Bump{{Ptr: 0, Bytes: 4 * StreamElems}}, func() {
		turns := StreamElems / (unroll * f.Target.Lanes)
		f.Loop(vec.Fixed(turns), []vec.Bump{{Ptr: 0, Bytes: unroll * bytes}}, func() {
			for i := range unroll {
				move(i, i*bytes)
			}
		})
	})
}
