package main

import (
	"encoding/json"
	"fmt"

	"github.com/dlc-ml/dlc/internal/driver"
	"github.com/spf13/cobra"
)

func newOps() *cobra.Command {
	asJSON := false
	c := &cobra.Command{
		Use:     "ops [NAME]",
		Short:   "List the operators, or explain one",
		Example: "  dlc ops\n  dlc ops conv2d\n  dlc ops --json",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 && !asJSON {
				_, err := fmt.Fprint(c.OutOrStdout(), driver.OperatorList())
				return err
			}
			name := ""
			if len(args) == 1 {
				name = args[0]
			}
			list, err := driver.Operators(name)
			if err != nil {
				return err
			}
			if !asJSON {
				_, err = fmt.Fprint(c.OutOrStdout(), driver.OperatorPage(list[0]))
				return err
			}
			e := json.NewEncoder(c.OutOrStdout())
			e.SetEscapeHTML(false)
			for _, d := range list {
				if err := e.Encode(d); err != nil {
					return err
				}
			}
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object for each operator")
	return c
}
