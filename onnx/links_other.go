//go:build !unix

package onnx

import "io/fs"

// linked reports whether a file has more than one name, which this system does not say.
func linked(fs.FileInfo) bool { return false }
