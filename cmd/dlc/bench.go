package main

import (
	"fmt"

	"github.com/dlc-ml/dlc/internal/driver"
	"github.com/spf13/cobra"
)

func newBench() *cobra.Command {
	var (
		set  map[string]string
		mode string
		isa  string
	)
	c := &cobra.Command{
		Use:     "bench M.dl|M.onnx",
		Short:   "Time one call or one training step of a model",
		Example: "  dlc bench digits.dl --batch 32\n  dlc bench digits.dl --mode train --threads 2 --json",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := checkMode(c, mode); err != nil {
				return err
			}
			_, program, err := compile(c, args[0], set, isa)
			if err != nil {
				return err
			}
			return driver.Exec(program, append([]string{"bench"}, passOn(c, "set", "isa")...))
		},
	}
	f := c.Flags()
	addSet(f, &set)
	addISA(f, &isa)
	f.StringVar(&mode, "mode", "infer", "what to time: infer or train")
	f.Int("batch", 0, "examples in one call (default: 1, or the train block's)")
	f.Int("threads", 1, "how many threads to use")
	f.Bool("profile", false, "print the time of every step, its GFLOP/s, what bounds it (FMA or memory) and its share of that")
	f.String("cpuprofile", "", "write a CPU profile to this `file`, in which every sample bears the name of its layer")
	f.Bool("gc", false, "collect garbage all the while, and say how long the collector waited for kernels")
	f.Bool("json", false, "print one JSON object")
	return c
}

// checkMode refuses what is no mode.
func checkMode(c *cobra.Command, mode string) error {
	if mode != "infer" && mode != "train" {
		return &usageError{c.CommandPath(), fmt.Errorf("--mode is infer or train, not %q", mode)}
	}
	return nil
}
