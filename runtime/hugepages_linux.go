package runtime

import (
	"syscall"
	"unsafe"
)

// hugePage is the size of the pages that memory of many megabytes is better made of: a program that goes through it needs fewer entries of the translation buffer.
const hugePage = 2 << 20

// adviseHugePages asks the kernel to back what lies in f in whole by huge pages, where there is much of it. Where the kernel does not care to, nothing is lost.
func adviseHugePages(f []float32) {
	if 4*len(f) < 2*hugePage {
		return
	}
	b := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(f))), 4*len(f))
	first := int(-uintptr(unsafe.Pointer(unsafe.SliceData(b))) & (hugePage - 1))
	last := first + (len(b)-first)&^(hugePage-1)
	syscall.Madvise(b[first:last], syscall.MADV_HUGEPAGE)
}
