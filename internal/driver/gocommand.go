package driver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// goCommand prepares a run of the Go command in dir, out of reach of the user's own modules and flags.
func goCommand(ctx context.Context, dir string, args ...string) (*exec.Cmd, error) {
	path, err := exec.LookPath("go")
	if err != nil {
		return nil, errors.New("the go command was not found: dlc compiles what it generates with it; install Go 1.26 or later from https://go.dev/dl/ and put it on PATH")
	}
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=", "GO111MODULE=on", "CGO_ENABLED=0", "PWD="+dir)
	return cmd, nil
}

// runGo runs the Go command and returns what it printed to its standard output. An error bears what it printed to the other.
func runGo(ctx context.Context, dir string, env []string, args ...string) ([]byte, error) {
	cmd, err := goCommand(ctx, dir, args...)
	if err != nil {
		return nil, err
	}
	cmd.Env = append(cmd.Env, env...)
	var out, msg bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &msg
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return out.Bytes(), fmt.Errorf("go %s: %w%s", strings.Join(args, " "), err, firstLines(msg.String(), 20))
	}
	return out.Bytes(), nil
}

// firstLines returns up to n lines of s, each after a line break and indented.
func firstLines(s string, n int) string {
	var b strings.Builder
	for i, line := range strings.Split(strings.TrimSpace(s), "\n") {
		if line == "" {
			continue
		}
		if i == n {
			b.WriteString("\n    …")
			break
		}
		b.WriteString("\n    " + line)
	}
	return b.String()
}
