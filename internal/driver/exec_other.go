//go:build !unix

package driver

import (
	"errors"
	"os"
	"os/exec"
	"os/signal"
)

// Exec runs the program to its end. An interrupt from the terminal reaches the program by itself; this process waits. A status other
// than 0 is an *ExitError.
func Exec(path string, args []string) error {
	c := make(chan os.Signal, 1)
	signal.Notify(c, os.Interrupt)
	defer signal.Stop(c)
	cmd := exec.Command(path, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return &ExitError{exit.ExitCode()}
	}
	return err
}
