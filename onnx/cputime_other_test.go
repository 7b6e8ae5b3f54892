//go:build !unix

package onnx

import "time"

var begun = time.Now()

// cpuTime is the time on the wall, where there is no better.
func cpuTime() time.Duration { return time.Since(begun) }
