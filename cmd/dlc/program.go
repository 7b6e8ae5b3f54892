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
	f.Var(shapeFlag{set}, "shape", "of an ONNX model: the shape of an input, such as `x=1x3x224x224`")
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
	if *s.set == nil {
		*s.set = map[string]string{}
	}
	(*s.set)[name] = shape
	return nil
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

// compile compiles a source file to a program, saying so where that takes a while, and returns both.
func compile(c *cobra.Command, file string, set map[string]string, isa string) (*driver.Model, string, error) {
	if err := useISA(isa); err != nil {
		return nil, "", err
	}
	m, err := driver.Compile(file, set, &pass.Config{})
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
		for _, w := range append(without, "shape") {
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
