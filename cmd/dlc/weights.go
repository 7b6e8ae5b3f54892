package main

import (
	"fmt"
	"strings"

	"github.com/dlc-ml/dlc/runtime"
	"github.com/spf13/cobra"
)

func newWeights() *cobra.Command {
	var out, dtype string
	c := &cobra.Command{
		Use:   "weights FILE",
		Short: "List the tensors of a file of weights, or convert it",
		Long: "weights lists the tensors of a file: their names, element types and extents. With -o it writes them to another one, in the format that its name says:\n" +
			".safetensors, .npz, .npy for a single tensor, or without an extension a folder of .npy files. --dtype converts the elements: fractions are rounded, and\n" +
			"what the type cannot hold, a number beyond its range or a whole one that it has not, is an error, and then nothing is written.",
		Example: "  dlc weights digits.safetensors\n  dlc weights digits.safetensors -o digits.npz\n  dlc weights net.npz -o net.safetensors --dtype f16",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			list, done, err := runtime.OpenWeights(args[0])
			if err != nil {
				return err
			}
			defer done()
			if dtype != "" {
				if list, err = runtime.Convert(list, strings.ToUpper(dtype)); err != nil {
					return fmt.Errorf("%s: %w", args[0], err)
				}
			}
			if out == "" {
				for _, t := range list {
					shape := strings.ReplaceAll(strings.Trim(fmt.Sprint(t.Shape), "[]"), " ", ", ")
					fmt.Fprintf(c.OutOrStdout(), "%s: %s[%s]\n", t.Name, strings.ToLower(t.DType), shape)
				}
				return nil
			}
			return runtime.WriteWeights(out, list)
		},
	}
	f := c.Flags()
	f.StringVarP(&out, "output", "o", "", "write the tensors to this `file`")
	f.StringVar(&dtype, "dtype", "", "give the elements this `type`: f64, f32, f16, bf16, i8 to i64, u8 to u64 or bool")
	return c
}
