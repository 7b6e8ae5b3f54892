package main

import (
	"fmt"
	"os"

	"github.com/dlc-ml/dlc/internal/tune"
	"github.com/spf13/cobra"
)

func newTuneKernels() *cobra.Command {
	var (
		o     tune.Options
		write string
	)
	c := &cobra.Command{
		Use:   "tune-kernels M.dl...",
		Short: "Time kernels on this machine and fit the cost model's constants",
		Long: "tune-kernels times every kernel of the models on this machine, prints how well the cost model predicts them and how near they are to what\n" +
			"multiply-adds and memory allow, and fits the model's constants to them. The constants are a table in dlc's source, avo/kernel/costs.txt: -o writes it anew, and\n" +
			"the next dlc that is built chooses by it. Compiling never measures anything.",
		Example: "  dlc tune-kernels bench/models/*.dl\n  dlc tune-kernels bench/models/*.dl --mode infer,train --isa avx2 -o avo/kernel/costs.txt",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			for _, n := range o.Batches {
				if n < 1 {
					return &usageError{c.CommandPath(), fmt.Errorf("--batch is %d and must be at least 1", n)}
				}
			}
			for _, m := range o.Modes {
				if err := checkMode(c, m); err != nil {
					return err
				}
			}
			r, err := tune.Run(c.Context(), args, o, func(text string) { say(c.ErrOrStderr(), "%s", text) })
			if err != nil {
				return err
			}
			if err := r.Report(c.OutOrStdout()); err != nil || write == "" {
				return err
			}
			return os.WriteFile(write, []byte(r.Costs()), 0o666)
		},
	}
	f := c.Flags()
	addISA(f, &o.ISA)
	f.StringSliceVar(&o.Modes, "mode", []string{"infer"}, "what to time: infer, train or both")
	f.IntSliceVar(&o.Batches, "batch", []int{16}, "examples in one call, each of which is timed")
	f.StringVarP(&write, "output", "o", "", "write the table of constants to this `file`")
	return c
}
