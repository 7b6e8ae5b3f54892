package main

import (
	"fmt"
	"strings"

	"github.com/dlc-ml/dlc/codegen"
	"github.com/dlc-ml/dlc/diag"
	"github.com/dlc-ml/dlc/internal/driver"
	"github.com/dlc-ml/dlc/passes/pass"
	"github.com/spf13/cobra"
)

func newBuild() *cobra.Command {
	var (
		dir, name, weights string
		set                map[string]string
		targets            []string
		check, explain     bool
		profile            string
		cfg                pass.Config
	)
	c := &cobra.Command{
		Use:   "build M.dl|M.onnx",
		Short: "Compile a model to a Go package",
		Long: "build compiles a model to a Go package in the folder of its source, or in the one that -o names. It embeds the weights of\n" +
			"M.safetensors if that lies beside the source, as dlc train leaves it. The package holds kernels for every instruction set and takes the best that\n" +
			"the processor has when the program starts; --target says which it is to hold beside plain Go.",
		Example: "  dlc build digits.dl\n  dlc build digits.dl -o internal/digits --set width=64\n  dlc build digits.dl --target amd64/avx2,go\n  dlc build digits.dl --check",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if explain {
				cfg.Note = func(pos diag.Pos, text string) { fmt.Fprintf(c.ErrOrStderr(), "%s: note: %s\n", pos, text) }
			}
			m, err := driver.Compile(args[0], set, &cfg)
			if err != nil {
				return err
			}
			if explain {
				for _, t := range cfg.Timings {
					fmt.Fprintf(c.ErrOrStderr(), "%s: note: pass %s took %v\n", args[0], t.Pass, t.Took)
				}
			}
			if explain {
				if err := explainKernels(m, profile, cfg.Note); err != nil {
					return err
				}
			}
			p, err := m.Package(dir, name, weights, targets)
			if err != nil {
				return err
			}
			if check {
				return checkPackage(p)
			}
			changes, err := p.Write()
			if err != nil {
				return err
			}
			for _, ch := range changes {
				if ch.What == driver.Leftover {
					fmt.Fprintf(c.ErrOrStderr(), "dlc: removed %s, which is no longer generated\n", ch.Name)
				}
			}
			if p.Weights == "" {
				fmt.Fprintf(c.ErrOrStderr(), "dlc: note: there is no %s, so the package has untrained weights; dlc train %s makes it\n", m.Beside(".safetensors"), args[0])
			}
			return nil
		},
	}
	f := c.Flags()
	f.StringVarP(&dir, "output", "o", "", "write the package to this `folder` (default: that of the source)")
	f.StringVar(&name, "package", "", "the package's `name` (default: the model's)")
	f.StringVar(&weights, "weights", "", "embed this `file`, .safetensors, .npz or .npy (default: M.safetensors, if it is there)")
	addSet(f, &set)
	f.StringSliceVar(&targets, "target", nil, "hold kernels for these instruction sets only: "+strings.Join(codegen.Targets(), ", ")+", or all of an architecture")
	f.BoolVar(&check, "check", false, "write nothing; fail where the package is not up to date")
	f.StringVar(&cfg.Dump, "dump", "", "write the program after every pass to this `folder`")
	f.BoolVar(&explain, "explain", false, "say what was done, what could not be done, and why")
	f.StringVar(&profile, "profile", "", "with --explain: what dlc bench --profile --json printed to this `file`, for the time of each kernel")
	f.StringVar(&cfg.StopAfter, "stop-after", "", "stop after this pass")
	f.IntVar(&cfg.MaxRewrites, "max-rewrites", 0, "make only the first `n` rewrites, to bisect a miscompile (0: all)")
	for _, hidden := range []string{"stop-after", "max-rewrites"} {
		f.MarkHidden(hidden)
	}
	return c
}

// explainKernels explains the kernels of a model, with the times of a profile where a file is named.
func explainKernels(m *driver.Model, file string, note func(pos diag.Pos, text string)) error {
	var profile *driver.Profile
	if file != "" {
		var err error
		if profile, err = driver.ReadProfileFile(file); err != nil {
			return err
		}
	}
	return m.Explain(profile, note)
}

// checkPackage is the error of a package that is not up to date.
func checkPackage(p *driver.Package) error {
	changes, err := p.Changes()
	if err != nil || len(changes) == 0 {
		return err
	}
	var b strings.Builder
	for _, ch := range changes {
		fmt.Fprintf(&b, "\n    %s: %s", ch.Name, ch.What)
	}
	return fmt.Errorf("the package in %s is not up to date; run dlc build again:%s", p.Dir, b.String())
}
