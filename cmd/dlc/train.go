package main

import (
	"github.com/dlc-ml/dlc/internal/driver"
	"github.com/spf13/cobra"
)

func newTrain() *cobra.Command {
	var (
		set  map[string]string
		data string
		isa  string
		with string
	)
	c := &cobra.Command{
		Use:   "train M.dl|M.onnx",
		Short: "Compile a model, train it and write M.safetensors",
		Long: "train compiles the model, trains it as its train block says, and writes the weights to M.safetensors, which dlc build embeds.\n" +
			"An ONNX model learns on from its weights; --with names a file with its target and train block, written as in a source.\n" +
			"Ctrl-C saves a checkpoint and stops; --resume goes on from there, to the same bits as if nothing had happened.",
		Example: "  dlc train digits.dl\n  dlc train digits.dl --epochs 20 --seed 7\n  dlc train digits.dl --resume\n  dlc train net.dl --from net.safetensors\n  dlc train net.onnx --with how.txt",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			m, program, err := compileToTrain(c, args[0], with, set, isa)
			if err != nil {
				return err
			}
			where, err := m.DataArgs(c.Context(), data)
			if err != nil {
				return err
			}
			pass := append(append([]string{"train"}, where...), passOn(c, "set", "isa")...)
			pass = withDefault(c, pass, "output", m.Beside(".safetensors"))
			pass = withDefault(c, pass, "checkpoint", m.Beside(".checkpoint"))
			return driver.Exec(program, pass)
		},
	}
	f := c.Flags()
	addSet(f, &set)
	addISA(f, &isa)
	f.StringVar(&data, "data", "", "train on this in place of the source that the train block names: mnist, or a `folder` of IDX files, or for csv a file")
	f.Int("epochs", 0, "how often to go through the data (default: the train block's)")
	f.Int("seed", 0, "the seed of weights, order and dropout (default: the train block's)")
	f.Int("threads", 0, "how many threads to use; the result is the same bits (default: the processor's)")
	f.Int("batch", 0, "examples in one step (default: the train block's)")
	f.Float64("lr", 0, "the learning rate (default: the optimizer's)")
	f.Bool("resume", false, "go on from the checkpoint")
	f.String("from", "", "start with the weights of this `file`, .safetensors, .npz or .npy, such as an imported model's")
	f.StringVar(&with, "with", "", "of an ONNX model: the `file` with its target and train block")
	f.Bool("json", false, "print one JSON object a line")
	f.StringP("output", "o", "", "write the weights to this `file`, .safetensors, .npz, .npy for a single tensor, or a folder (default: M.safetensors)")
	f.String("checkpoint", "", "keep the state of the training in this `file` (default: M.checkpoint)")
	return c
}
