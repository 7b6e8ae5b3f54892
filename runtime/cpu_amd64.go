package runtime

// cpuid returns the registers AX, BX, CX and DX that the instruction CPUID gives for a leaf.
func cpuid(leaf, sub uint32) (a, b, c, d uint32)

// xgetbv returns the register XCR0: the states that the operating system saves. It needs the CPU's OSXSAVE.
func xgetbv() (lo, hi uint32)

// pause tells the CPU that this is a loop that waits.
func pause()

// bestISA asks the CPU, and the operating system through XCR0, what kernels may use. The sets follow Intel's manual, volume 1, 13.2 and
// 14.3: AVX2 and FMA with the ymm state; AVX-512 F, BW, DQ and VL with the zmm and mask state.
func bestISA() isaName {
	const (
		fma, osxsave, avx               = 1 << 12, 1 << 27, 1 << 28                  // leaf 1, CX
		avx2, avx512f, avx512dq, bw, vl = 1 << 5, 1 << 16, 1 << 17, 1 << 30, 1 << 31 // leaf 7, BX
		ymmState, zmmState              = 0x6, 0xe6                                  // XCR0
		leaf1, leaf7                    = fma | osxsave | avx, avx512f | avx512dq | bw | vl
	)
	top, _, _, _ := cpuid(0, 0)
	if top < 7 {
		return isaGo
	}
	if _, _, c, _ := cpuid(1, 0); c&leaf1 != leaf1 {
		return isaGo
	}
	state, _ := xgetbv()
	_, b, _, _ := cpuid(7, 0)
	if state&ymmState != ymmState || b&avx2 == 0 {
		return isaGo
	}
	if state&zmmState == zmmState && b&leaf7 == leaf7 {
		return isaAVX512
	}
	return isaAVX2
}
