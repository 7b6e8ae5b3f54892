// Command dlc compiles neural networks ahead of time: a model in a small language becomes a standalone Go package that infers and learns.
// Run dlc help for its commands.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"syscall"

	"github.com/dlc-ml/dlc/diag"
	"github.com/dlc-ml/dlc/internal/driver"
	"github.com/spf13/cobra"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run executes one command and returns the exit status: 0, 1 for an error, 2 for a wrong command line, 130 after an interrupt.
func run(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	var (
		usage *usageError
		exit  *driver.ExitError
	)
	switch {
	case errors.As(err, &exit):
		return exit.Status
	case errors.As(err, &usage):
		fmt.Fprintf(stderr, "dlc: %v\nRun '%s --help' for usage.\n", usage.err, usage.command)
		return 2
	case ctx.Err() != nil:
		fmt.Fprintln(stderr, "dlc: interrupted")
		return 130
	}
	report(stderr, err)
	return 1
}

// report prints an error: as it is where it starts with a place in a source, so that editors find it.
func report(w io.Writer, err error) {
	var list *diag.List
	if errors.As(err, &list) || placed.MatchString(err.Error()) {
		fmt.Fprintln(w, err)
		return
	}
	fmt.Fprintf(w, "dlc: error: %v\n", err)
}

// placed matches messages that start with a place.
var placed = regexp.MustCompile(`^[^\s:]+:\d+:\d+: `)

// usageError is a wrong command line.
type usageError struct {
	command string
	err     error
}

func (e *usageError) Error() string { return e.err.Error() }

// newRoot returns the command with all its subcommands.
func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:           "dlc",
		Short:         "Compile neural networks to standalone Go packages",
		Long:          "dlc compiles a neural network, written in a small language, to a standalone Go package: no cgo, nothing but the standard library,\nits weights embedded, its kernels in Go assembly, its training loop beside its inference.",
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.NoArgs,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(newBuild(), newTrain(), newEval(), newRun(), newBench(), newCheck(), newFmt(), newIR(), newOps(), newImport(), newExport(), newVerify(), newWeights(), newTuneKernels(), newVersion())
	wrapUsage(root)
	return root
}

// wrapUsage makes wrong flags and arguments of c and its subcommands usage errors.
func wrapUsage(c *cobra.Command) {
	c.SetFlagErrorFunc(func(c *cobra.Command, err error) error { return &usageError{c.CommandPath(), err} })
	if check := c.Args; check != nil {
		c.Args = func(c *cobra.Command, args []string) error {
			if err := check(c, args); err != nil {
				return &usageError{c.CommandPath(), err}
			}
			return nil
		}
	}
	for _, sub := range c.Commands() {
		wrapUsage(sub)
	}
}
