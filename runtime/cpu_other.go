//go:build !amd64

package runtime

import stdruntime "runtime"

// pause does nothing here.
func pause() {}

// bestISA returns neon on arm64, where Go requires it, and the portable kernels elsewhere.
func bestISA() isaName {
	if stdruntime.GOARCH == "arm64" {
		return isaNEON
	}
	return isaGo
}
