//go:build !linux

package runtime

// adviseHugePages does nothing: this system decides by itself.
func adviseHugePages([]float32) {}
