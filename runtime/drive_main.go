package runtime

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
)

// A driver is the program that dlc makes of a model to train, evaluate, run and time it: the generated package with these files and
// a main function. dlc passes the command line on to it; what it prints and its exit status are those of dlc.

// driver is one call of the program.
type driver struct {
	m        *modelInfo
	blob     string // embedded weights; may be empty
	stdout   io.Writer
	stderr   io.Writer
	terminal bool // stderr is one
	flags    *flag.FlagSet
	json     bool
}

// driveCommands are the subcommands.
var driveCommands = map[string]func(d *driver, args []string) error{
	"train": (*driver).train,
	"eval":  (*driver).eval,
	"run":   (*driver).run,
	"bench": (*driver).bench,
}

// exitStatus is an error that has been said already.
type exitStatus int

func (e exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// errUsage is a wrong command line; the flag package has said what is wrong.
var errUsage = errors.New("wrong command line")

// drive executes a command line and returns the exit status: 0, 1 for an error, 2 for a wrong command line, 130 after an interrupt.
func drive(m *modelInfo, blob string, args []string) int {
	d := &driver{m: m, blob: blob, stdout: os.Stdout, stderr: os.Stderr, terminal: isTerminal(os.Stderr)}
	return d.execute(args)
}

func (d *driver) execute(args []string) int {
	var command func(*driver, []string) error
	if len(args) > 0 {
		command = driveCommands[args[0]]
	}
	if command == nil {
		fmt.Fprintf(d.stderr, "usage: %s train|eval|run|bench [flags]\n", d.m.name)
		return 2
	}
	d.flags = flag.NewFlagSet(d.m.name+" "+args[0], flag.ContinueOnError)
	d.flags.SetOutput(d.stderr)
	d.flags.BoolVar(&d.json, "json", false, "print one JSON object a line")
	if noteISA != "" {
		fmt.Fprintf(d.stderr, "dlc: note: %s\n", noteISA)
	}
	err := command(d, args[1:])
	var status exitStatus
	switch {
	case err == nil || errors.Is(err, flag.ErrHelp):
		return 0
	case errors.Is(err, errUsage):
		return 2
	case errors.As(err, &status):
		return int(status)
	}
	fmt.Fprintf(d.stderr, "dlc: error: %v\n", err)
	return 1
}

// parse reads the flags. Arguments behind them are an error unless inputs are wanted.
func (d *driver) parse(args []string, inputs bool) error {
	if err := d.flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return err
		}
		return errUsage
	}
	if rest := d.flags.Args(); len(rest) > 0 && !inputs {
		return d.usage("%q is not understood", rest[0])
	}
	return nil
}

// usage says what is wrong with the command line.
func (d *driver) usage(format string, args ...any) error {
	fmt.Fprintf(d.stderr, "dlc: error: "+format+"\n", args...)
	return errUsage
}

// given reports whether the user gave a flag.
func (d *driver) given(name string) bool {
	found := false
	d.flags.Visit(func(f *flag.Flag) { found = found || f.Name == name })
	return found
}

// dataFlags adds the flags that say where data lies.
func (d *driver) dataFlags() *dataPlace {
	p := &dataPlace{}
	d.flags.StringVar(&p.override, "data", "", "mnist, or a `folder` of IDX files, or for csv a file, in place of the train block's source")
	d.flags.StringVar(&p.mnist, "data-dir", "", "the `folder` of the MNIST files")
	d.flags.StringVar(&p.base, "base", ".", "the `folder` that paths of the train block are relative to")
	return p
}

// needsTraining is an error where the model has no train block.
func (d *driver) needsTraining() error {
	if d.m.train == nil {
		return fmt.Errorf("%s has no train block, which says what the loss and the data are", d.m.source)
	}
	return nil
}

// model returns the model with the weights of a file, or where none is named with those inside the program.
func (d *driver) model(weights string) (*Model, error) {
	if weights == "" && d.blob != "" {
		return newModel(d.m, d.blob)
	}
	if weights == "" {
		return nil, errors.New("there are no weights: give a file of them with --weights, or train the model first")
	}
	if _, err := os.Stat(weights); errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("there is no %s: dlc train %s makes it, or give another file with --weights", weights, d.m.source)
	}
	return d.load(weights)
}

// load returns the model with the weights at path, in any of the formats.
func (d *driver) load(path string) (*Model, error) {
	weights, err := weightsOf(d.m, path)
	if err != nil {
		return nil, err
	}
	return newModelOf(d.m, weights)
}

// isTerminal reports whether a file is a character device, other than the one that swallows everything.
func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	null, err := os.Stat(os.DevNull)
	return err != nil || !os.SameFile(info, null)
}

// checkChoice is a usage error where a flag's value is none of those that it may have.
func (d *driver) checkChoice(name, value string, choices ...string) error {
	if slices.Contains(choices, value) {
		return nil
	}
	return d.usage("--%s is one of %v, not %q", name, choices, value)
}
