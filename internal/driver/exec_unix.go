//go:build unix

package driver

import (
	"os"
	"syscall"
)

// Exec hands this process over to the program: it keeps the process id, the terminal and its signals, and ends with the program's status.
// It returns only where the program cannot be started.
func Exec(path string, args []string) error {
	err := syscall.Exec(path, append([]string{path}, args...), os.Environ())
	return &os.PathError{Op: "exec", Path: path, Err: err}
}
