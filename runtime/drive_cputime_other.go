//go:build !linux

package runtime

import "time"

var processStart = time.Now()

// threadTime is the time of the clock on the wall: the standard library knows no other for a thread here.
func threadTime() time.Duration { return time.Since(processStart) }
