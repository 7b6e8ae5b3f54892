package driver

import (
	"github.com/dlc-ml/dlc/dsl"
	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/passes"
	"github.com/dlc-ml/dlc/passes/pass"
)

// Text returns the program of a source file as text: what the source says, or what pass after leaves of it, or, with loops, the loop nests
// that the last pass leaves.
func Text(file string, set map[string]string, after string, loops bool) (string, error) {
	if after == "" && !loops {
		_, m, err := Parse(file, set)
		if err != nil {
			return "", err
		}
		return ir.Print(m), nil
	}
	m, err := Compile(file, set, &pass.Config{StopAfter: after})
	if err != nil {
		return "", err
	}
	return passes.Text(m.Unit), nil
}

// ReadSource reads a source file of at most SourceLimit bytes.
func ReadSource(file string) ([]byte, error) { return readBounded(file, SourceLimit) }

// Format returns a source in the one style. What keeps it from being parsed is a *diag.List.
func Format(file string, src []byte) ([]byte, error) { return dsl.Format(file, src) }

// ReplaceSource replaces a source file at once, by renaming; its permissions stay.
func ReplaceSource(file string, src []byte) error { return replaceFile(file, src) }
