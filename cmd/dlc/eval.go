package main

import (
	"github.com/dlc-ml/dlc/internal/driver"
	"github.com/spf13/cobra"
)

func newEval() *cobra.Command {
	var (
		set  map[string]string
		data string
		isa  string
	)
	c := &cobra.Command{
		Use:     "eval M.dl",
		Short:   "Measure the loss and the metrics of a trained model",
		Example: "  dlc eval digits.dl\n  dlc eval digits.dl --split validation --json",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			m, program, err := compile(c, args[0], set, isa)
			if err != nil {
				return err
			}
			where, err := m.DataArgs(c.Context(), data)
			if err != nil {
				return err
			}
			pass := append(append([]string{"eval"}, where...), passOn(c, "set", "isa")...)
			return driver.Exec(program, withDefault(c, pass, "weights", m.Beside(".safetensors")))
		},
	}
	f := c.Flags()
	addSet(f, &set)
	addISA(f, &isa)
	f.StringVar(&data, "data", "", "measure on this in place of the source that the train block names: mnist, or a `folder` of IDX files, or for csv a file")
	f.String("split", "test", "the `part` to measure on: test, validation or train")
	f.String("weights", "", "the `file` with the weights, .safetensors, .npz or .npy (default: M.safetensors)")
	f.Int("batch", 0, "examples in one call (default: the train block's)")
	f.Int("threads", 0, "how many threads to use; the result is the same bits (default: the processor's)")
	f.Bool("json", false, "print one JSON object")
	return c
}
