package main

import (
	"encoding/json"
	"errors"

	"github.com/dlc-ml/dlc/diag"
	"github.com/dlc-ml/dlc/internal/driver"
	"github.com/spf13/cobra"
)

func newCheck() *cobra.Command {
	var (
		set    map[string]string
		asJSON bool
	)
	c := &cobra.Command{
		Use:     "check M.dl...",
		Short:   "Report what is wrong with sources",
		Long:    "check reports all that is wrong with sources, be it in a shape, in the training or in the gradient of the loss. With --json each is an object on a line of its own, with severity, file, line, col,\nmessage and notes.",
		Example: "  dlc check digits.dl\n  dlc check --json *.dl",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			var first error
			out := json.NewEncoder(c.OutOrStdout())
			for _, file := range args {
				err := driver.Check(file, set)
				var list *diag.List
				switch {
				case err == nil:
					continue
				case !errors.As(err, &list):
					return err
				case asJSON:
					for _, d := range list.Items {
						if err := out.Encode(d); err != nil {
							return err
						}
					}
					first = &driver.ExitError{Status: 1}
				default:
					report(c.ErrOrStderr(), err)
					first = &driver.ExitError{Status: 1}
				}
			}
			return first
		},
	}
	addSet(c.Flags(), &set)
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object for each error")
	return c
}
