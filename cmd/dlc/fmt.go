package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/dlc-ml/dlc/diag"
	"github.com/dlc-ml/dlc/internal/driver"
	"github.com/spf13/cobra"
)

func newFmt() *cobra.Command {
	var only, write bool
	c := &cobra.Command{
		Use:     "fmt M.dl...",
		Short:   "Format sources in the one style",
		Long:    "fmt rewrites sources in the one style of the language. It names the files that it changed. With -, it formats standard input to standard output.",
		Example: "  dlc fmt digits.dl\n  dlc fmt -l *.dl",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if only && !c.Flags().Changed("write") {
				write = false
			}
			failed := false
			for _, file := range args {
				if file == "-" {
					src, err := io.ReadAll(io.LimitReader(c.InOrStdin(), driver.SourceLimit+1))
					if err != nil {
						return err
					}
					out, err := driver.Format("<stdin>", src)
					if err != nil {
						return err
					}
					if _, err := c.OutOrStdout().Write(out); err != nil {
						return err
					}
					continue
				}
				src, err := driver.ReadSource(file)
				if err != nil {
					return err
				}
				out, err := driver.Format(file, src)
				var list *diag.List
				if errors.As(err, &list) {
					report(c.ErrOrStderr(), err)
					failed = true
					continue
				}
				if err != nil {
					return err
				}
				if bytes.Equal(src, out) {
					continue
				}
				fmt.Fprintln(c.OutOrStdout(), file)
				if write {
					if err := driver.ReplaceSource(file, out); err != nil {
						return err
					}
				}
			}
			if failed {
				return &driver.ExitError{Status: 1}
			}
			return nil
		},
	}
	c.Flags().BoolVarP(&only, "list", "l", false, "only name the files whose style is another")
	c.Flags().BoolVarP(&write, "write", "w", true, "rewrite the files")
	return c
}
