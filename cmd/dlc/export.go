package main

import (
	"fmt"

	"github.com/dlc-ml/dlc/internal/driver"
	"github.com/spf13/cobra"
)

func newExport() *cobra.Command {
	var (
		out, weights string
		set          map[string]string
	)
	c := &cobra.Command{
		Use:   "export M.dl",
		Short: "Make an ONNX model of a source and its weights",
		Long: "export writes what a model infers as a file of ONNX, opset 18, with its weights inside, for ONNX Runtime and whatever else reads it. Inputs and outputs\n" +
			"are those of the source, with its order of axes: images have their channels last. The batch is the dimension N. All operators that ONNX has no form\n" +
			"for are listed at once, and then nothing is written.",
		Example: "  dlc export digits.dl\n  dlc export digits.dl -o net.onnx --weights best.safetensors",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			e, err := driver.Export(args[0], set, weights)
			if err != nil {
				return err
			}
			if out == "" {
				if driver.IsONNX(args[0]) {
					return fmt.Errorf("%s is an ONNX model already; -o says where another is to go", args[0])
				}
				out = driver.Beside(args[0], ".onnx")
			}
			if err := e.Write(out); err != nil {
				return err
			}
			if e.Weights == "" {
				fmt.Fprintf(c.ErrOrStderr(), "dlc: note: there is no %s, so the weights are untrained; dlc train %s makes it\n", driver.Beside(args[0], ".safetensors"), args[0])
			}
			fmt.Fprintf(c.OutOrStdout(), "nodes: %d\nwrote %s\n", e.Nodes, out)
			return nil
		},
	}
	f := c.Flags()
	f.StringVarP(&out, "output", "o", "", "write to this `file` (default: M.onnx)")
	f.StringVar(&weights, "weights", "", "take the weights of this `file`, .safetensors, .npz or .npy (default: M.safetensors, if it is there)")
	addSet(f, &set)
	return c
}
