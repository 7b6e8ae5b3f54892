package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/dlc-ml/dlc/internal/driver"
	"github.com/dlc-ml/dlc/internal/verify"
	"github.com/dlc-ml/dlc/onnx"
	"github.com/spf13/cobra"
)

func newVerify() *cobra.Command {
	var (
		asJSON bool
		v      verify.Checker
	)
	c := &cobra.Command{
		Use:   "verify DIR...",
		Short: "Check imported ONNX models against recorded results",
		Long: "verify imports ONNX models, compiles them, runs the compiled code and compares what it gives with recorded results. A DIR is a folder in the\n" +
			"form of ONNX's backend tests, with model.onnx and test_data_set_0/input_0.pb, output_0.pb …, or a folder of such folders. Inputs that say extents,\n" +
			"such as the shape of Reshape, are taken as known when the model is compiled.",
		Example: "  dlc verify mymodel\n  dlc verify /usr/share/libonnx-testdata/data/node --json",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			folders, err := verify.Folders(args)
			if err != nil {
				return err
			}
			out := json.NewEncoder(c.OutOrStdout())
			count := map[string]int{}
			v.Tell = func(d verify.Verdict) {
				count[d.Result]++
				if asJSON {
					out.Encode(d)
					return
				}
				printVerdict(c, d)
			}
			v.Progress = func(done, total int) {
				if !asJSON && done < total {
					say(c.ErrOrStderr(), "%d of %d models are done", done, total)
				}
			}
			if _, err := v.Run(c.Context(), folders); err != nil {
				return err
			}
			pass, fail, unsupported := count[verify.Pass], count[verify.Fail], count[verify.Unsupported]
			if asJSON {
				out.Encode(struct {
					Event       string `json:"event"`
					Pass        int    `json:"pass"`
					Fail        int    `json:"fail"`
					Unsupported int    `json:"unsupported"`
				}{"done", pass, fail, unsupported})
			} else {
				fmt.Fprintf(c.OutOrStdout(), "%d pass, %d fail, %d unsupported\n", pass, fail, unsupported)
			}
			if fail > 0 {
				return &driver.ExitError{Status: 1}
			}
			return nil
		},
	}
	f := c.Flags()
	v.Tolerance = onnx.Tolerance{}
	f.Float64Var(&v.Tolerance.Rel, "rtol", 1e-3, "the error that is allowed, relative to the number expected")
	f.Float64Var(&v.Tolerance.Abs, "atol", 1e-7, "the error that is allowed beside it")
	f.StringVar(&v.ISA, "isa", "", "use this instruction set: go, avx2, avx512 or neon (default: the best of the processor)")
	f.IntVar(&v.Jobs, "jobs", 1, "how many programs to compile and run at a time")
	f.BoolVar(&asJSON, "json", false, "print one JSON object for each folder, and one with the counts")
	return c
}

// printVerdict prints one line for a folder.
func printVerdict(c *cobra.Command, d verify.Verdict) {
	line := fmt.Sprintf("%-12s%s", d.Result, d.Case)
	switch {
	case d.Result == verify.Pass:
		line += fmt.Sprintf("  max error %.3g", d.Error)
	case d.Detail != "":
		line += "  " + strings.ReplaceAll(d.Detail, "\n", " ")
	}
	if len(d.Fixed) > 0 {
		line += "  (known: " + strings.Join(d.Fixed, ", ") + ")"
	}
	fmt.Fprintln(c.OutOrStdout(), line)
}
