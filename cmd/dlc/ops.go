package main

import (
	"fmt"

	"github.com/dlc-ml/dlc/internal/driver"
	"github.com/spf13/cobra"
)

func newOps() *cobra.Command {
	return &cobra.Command{
		Use:     "ops [NAME]",
		Short:   "List the operators, or explain one",
		Example: "  dlc ops\n  dlc ops conv2d",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			text := driver.OperatorList()
			if len(args) == 1 {
				var err error
				if text, err = driver.OperatorPage(args[0]); err != nil {
					return err
				}
			}
			_, err := fmt.Fprint(c.OutOrStdout(), text)
			return err
		},
	}
}
