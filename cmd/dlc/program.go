package main

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/dlc-ml/dlc/internal/driver"
	"github.com/dlc-ml/dlc/passes/pass"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"
)

// addSet adds --set, which every command that compiles has.
func addSet(f *pflag.FlagSet, set *map[string]string) {
	f.StringToStringVar(set, "set", nil, "replace a constant of the source: `name=value`")
	addONNX(f, set, "of an ONNX model: ")
}

// addONNX adds what is said about ONNX models, which every command that reads one has.
func addONNX(f *pflag.FlagSet, set *map[string]string, what string) {
	f.Var(shapeFlag{set}, "shape", what+"the shape of an input, such as `x=1x3x224x224`")
	f.Var(memoryFlag{set}, "max-memory", what+"how much `memory`, such as 4GB, constants and weights that follow from little of the file may take (default: bounded by the file's size)")
}

// memoryFlag is --max-memory.
type memoryFlag struct{ set *map[string]string }

func (m memoryFlag) String() string        { return "" }
func (m memoryFlag) Type() string          { return "memory" }
func (m memoryFlag) Set(text string) error { return put(m.set, driver.MaxMemory, text) }

func put(set *map[string]string, key, value string) error {
	if *set == nil {
		*set = map[string]string{}
	}
	(*set)[key] = value
	return nil
}

// shapeFlag is --shape, which an ONNX model takes in place of --set.
type shapeFlag struct{ set *map[string]string }

func (s shapeFlag) String() string { return "" }
func (s shapeFlag) Type() string   { return "shape" }
func (s shapeFlag) Set(text string) error {
	name, shape, ok := strings.Cut(text, "=")
	if !ok {
		return fmt.Errorf("write name=1x3x224x224")
	}
	return put(s.set, name, shape)
}

// addISA adds --isa, which every command that runs a program has.
func addISA(f *pflag.FlagSet, isa *string) {
	f.StringVar(isa, "isa", "", "use this instruction set, or the next best that the processor has: avx512, avx2, neon or go (default: the best); go-fast rounds products, so its bits differ")
}

// useISA tells the program which instruction set the user asked for.
func useISA(isa string) error {
	if isa == "" {
		return nil
	}
	return os.Setenv("DLC_ISA", isa)
}

// compile compiles a source file or an ONNX model to a program, and returns both.
func compile(c *cobra.Command, file string, set map[string]string, isa string) (*driver.Model, string, error) {
	return program(c, file, isa, func() (*driver.Model, error) { return driver.Compile(file, set, &pass.Config{}) })
}

// compileToTrain is compile for what is trained: a source, or an ONNX model and a file that says how.
func compileToTrain(c *cobra.Command, file, with string, set map[string]string, isa string) (*driver.Model, string, error) {
	switch onnx := driver.IsONNX(file); {
	case with == "" && onnx:
		return nil, "", fmt.Errorf("%s has no train block: --with FILE gives it a target and a train block, and it learns on from its weights", file)
	case with == "":
		return compile(c, file, set, isa)
	case !onnx:
		return nil, "", fmt.Errorf("%s: a source has a train block of its own; --with is for ONNX models", file)
	}
	return program(c, file, isa, func() (*driver.Model, error) { return driver.CompileWith(file, with, set) })
}

// program makes a program of what a function compiles, saying so where that takes a while, and returns both.
func program(c *cobra.Command, file, isa string, compiled func() (*driver.Model, error)) (*driver.Model, string, error) {
	if err := useISA(isa); err != nil {
		return nil, "", err
	}
	m, err := compiled()
	if err != nil {
		return nil, "", err
	}
	tellWidth()
	path, err := m.Program(c.Context(), func() { say(c.ErrOrStderr(), "compiling %s", file) })
	return m, path, err
}

// tellWidth tells the program, which knows nothing of terminals, how wide this one is.
func tellWidth() {
	if os.Getenv("COLUMNS") != "" {
		return
	}
	if width, _, err := term.GetSize(int(os.Stderr.Fd())); err == nil && width > 0 {
		os.Setenv("COLUMNS", strconv.Itoa(width)) // without it the program takes 80
	}
}

func say(w io.Writer, format string, args ...any) { fmt.Fprintf(w, "dlc: "+format+"\n", args...) }

// passOn returns the flags that the user gave, but for those that the program does not know, in the form that it reads.
func passOn(c *cobra.Command, without ...string) []string {
	var args []string
	c.Flags().Visit(func(f *pflag.Flag) {
		for _, w := range append(without, "shape", "max-memory") {
			if f.Name == w {
				return
			}
		}
		args = append(args, "--"+f.Name+"="+f.Value.String())
	})
	return args
}

// withDefault appends a flag that the user did not give.
func withDefault(c *cobra.Command, args []string, name, value string) []string {
	if c.Flags().Changed(name) {
		return args
	}
	return append(args, "--"+name+"="+value)
}
