package main

import (
	"fmt"

	"github.com/dlc-ml/dlc/internal/driver"
	"github.com/spf13/cobra"
)

func newIR() *cobra.Command {
	var (
		set   map[string]string
		after string
		loops bool
	)
	c := &cobra.Command{
		Use:     "ir M.dl",
		Short:   "Print the program that a model is, or that a pass makes of it",
		Example: "  dlc ir digits.dl\n  dlc ir digits.dl --after autodiff\n  dlc ir digits.dl --loops",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			text, err := driver.Text(args[0], set, after, loops)
			if err != nil {
				return err
			}
			_, err = fmt.Fprint(c.OutOrStdout(), text)
			return err
		},
	}
	addSet(c.Flags(), &set)
	c.Flags().StringVar(&after, "after", "", "print what this `pass` leaves (default: what the source says)")
	c.Flags().BoolVar(&loops, "loops", false, "print the loop nests that the last pass leaves")
	return c
}
