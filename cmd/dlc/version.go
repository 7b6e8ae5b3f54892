package main

import (
	"fmt"
	"runtime/debug"

	"github.com/dlc-ml/dlc/codegen"
	"github.com/spf13/cobra"
)

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			_, err := fmt.Fprintln(c.OutOrStdout(), versionText())
			return err
		},
	}
}

// versionText names the version of dlc, the one of its module where it was installed as such, and the Go that built it.
func versionText() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "dlc " + codegen.Version
	}
	text := "dlc " + codegen.Version
	if v := info.Main.Version; v != "" && v != "(devel)" {
		text += " (" + v + ")"
	} else {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" && len(s.Value) >= 12 {
				text += " (" + s.Value[:12] + ")"
			}
		}
	}
	return text + " " + info.GoVersion
}
