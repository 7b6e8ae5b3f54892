package runtime

import (
	"fmt"
	"strings"
	"time"
)

// readStream and writeStream move streamElems elements a count. The generated main sets them.
var (
	readStream  func(in, out *float32, n int)
	writeStream func(out *float32, n int)
)

// streamElems is what one count of readStream or writeStream moves.
const streamElems = 256

// bandwidthSizes are the bytes of the runs of memory that bandwidth is measured on: inside each level of the caches, and far beyond them.
var bandwidthSizes = []int{16 << 10, 64 << 10, 256 << 10, 1 << 20, 4 << 20, 16 << 20, 64 << 20}

// bandwidth is how fast one thread reads and writes runs of memory of bandwidthSizes, over and over, in bytes a nanosecond.
type bandwidth struct{ read, write []float64 }

// measureBandwidth takes the fastest of several passes, which what else the machine does disturbs least.
func measureBandwidth() *bandwidth {
	memory := alignedFloats(bandwidthSizes[len(bandwidthSizes)-1]/4 + slack)
	b := &bandwidth{}
	for _, bytes := range bandwidthSizes {
		n := bytes / 4 / streamElems
		var sum [16]float32
		b.write = append(b.write, fastest(bytes, func() { writeStream(&memory[0], n) }))
		b.read = append(b.read, fastest(bytes, func() { readStream(&memory[0], &sum[0], n) }))
	}
	return b
}

// fastest returns the highest rate of eight times that a pass over so many bytes is timed, each for at least a tenth of a millisecond.
func fastest(bytes int, pass func()) float64 {
	pass()
	passes := max(1, (4<<20)/bytes)
	rate := 0.0
	for range 8 {
		start := time.Now()
		for range passes {
			pass()
		}
		rate = max(rate, float64(passes*bytes)/float64(max(1, time.Since(start).Nanoseconds())))
	}
	return rate
}

// nanoseconds is the least time in which that much can be read and written, where all of it lies in the nearest level that holds it.
func (b *bandwidth) nanoseconds(reads, writes float64) float64 {
	i := 0
	for i < len(bandwidthSizes)-1 && reads+writes > float64(bandwidthSizes[i]) {
		i++
	}
	return reads/b.read[i] + writes/b.write[i]
}

// String lists the rates by size.
func (b *bandwidth) String() string {
	var list []string
	for i, bytes := range bandwidthSizes {
		list = append(list, fmt.Sprintf("%d KiB %.0f/%.0f", bytes>>10, b.read[i], b.write[i]))
	}
	return strings.Join(list, ", ")
}

// json lists the rates by size.
func (b *bandwidth) json() []map[string]float64 {
	var list []map[string]float64
	for i, bytes := range bandwidthSizes {
		list = append(list, map[string]float64{"kib": float64(bytes >> 10), "read": b.read[i], "write": b.write[i]})
	}
	return list
}
