package main

import (
	"github.com/dlc-ml/dlc/internal/driver"
	"github.com/spf13/cobra"
)

func newRun() *cobra.Command {
	var (
		set  map[string]string
		data string
		isa  string
	)
	c := &cobra.Command{
		Use:   "run M.dl|M.onnx INPUT...",
		Short: "Run a trained model on an input",
		Long: "run feeds an input to the model and prints its outputs. An input is a picture (PNG, JPEG, GIF), which is brought to the input's size and\n" +
			"goes through the steps of the train block's data; a .npy, .json, .f32 or .i32 file; or an example of the data set, such as test:17.\n" +
			"A model with one input takes any number of them in turn, one with several inputs takes name=INPUT for each.",
		Example: "  dlc run digits.dl seven.png\n  dlc run digits.dl test:17 --json",
		Args:    cobra.MinimumNArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			m, program, err := compile(c, args[0], set, isa)
			if err != nil {
				return err
			}
			pass := append([]string{"run"}, passOn(c, "set", "isa")...)
			if driver.NeedsData(args[1:]) {
				where, err := m.DataArgs(c.Context(), data)
				if err != nil {
					return err
				}
				pass = append(pass, where...)
			}
			if m.Weights == nil {
				pass = withDefault(c, pass, "weights", m.Beside(".safetensors"))
			}
			return driver.Exec(program, append(append(pass, "--"), args[1:]...))
		},
	}
	f := c.Flags()
	addSet(f, &set)
	addISA(f, &isa)
	f.StringVar(&data, "data", "", "take examples from this in place of the source that the train block names: mnist, or a `folder` of IDX files, or for csv a file")
	f.String("weights", "", "the `file` with the weights, .safetensors, .npz or .npy (default: M.safetensors)")
	f.Int("top", 3, "how many of the largest classes to print")
	f.Bool("invert", false, "swap black and white of pictures: for ink on paper where the model knows chalk on a board")
	f.Int("threads", 0, "how many threads to use; the result is the same bits (default: 1)")
	f.Bool("json", false, "print one JSON object for each input")
	return c
}
