package main

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dlc-ml/dlc/internal/driver"
	"github.com/spf13/cobra"
)

func newImport() *cobra.Command {
	var (
		dir, format string
		set         map[string]string
		simplify    bool
	)
	c := &cobra.Command{
		Use:   "import M.onnx",
		Short: "Make a source and weights of an ONNX model",
		Long: "import writes a model of ONNX as a source, M.dl, and its weights, M.safetensors, which every other command works on. The first axis of inputs and\n" +
			"outputs is the batch. All operators that are not supported are listed at once, and then nothing is written. dlc build, bench and run take an ONNX model\n" +
			"as it is, too.",
		Example: "  dlc import mnist.onnx\n  dlc import detect.onnx -o detect --shape x=1x3x320x320",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if !slices.Contains([]string{"safetensors", "npz"}, format) {
				return fmt.Errorf("weights are written as safetensors or npz, not %q", format)
			}
			m, err := driver.Import(args[0], set, !simplify)
			if err != nil {
				return err
			}
			if dir == "" {
				dir = filepath.Dir(args[0])
			}
			files, err := m.Write(dir, format)
			if err != nil {
				return err
			}
			var counts []string
			for _, name := range slices.Sorted(maps.Keys(m.Model.Counts)) {
				counts = append(counts, fmt.Sprintf("%s %d", name, m.Model.Counts[name]))
			}
			fmt.Fprintf(c.OutOrStdout(), "operators: %s\ncomputed from constants: %d\nwrote %s\n", strings.Join(counts, ", "), m.Model.Folded, strings.Join(files, ", "))
			return nil
		},
	}
	f := c.Flags()
	f.StringVarP(&dir, "output", "o", "", "write to this `folder` (default: that of the model)")
	f.StringVar(&format, "weights", "safetensors", "write the weights in this `format`: safetensors, which other commands find by themselves, or npz")
	f.BoolVar(&simplify, "simplify", true, "leave out nodes that do nothing, and compute those whose operands are known; without it every node has its line in the source")
	addONNX(f, &set, "")
	return c
}
