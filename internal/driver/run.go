package driver

import (
	"context"
	"path/filepath"
	"strings"
)

// DataArgs returns the arguments that tell the program where its data lies. data is what the user gave with --data, "" for the recipe's own source.
// The MNIST files are looked for only where they are what is read.
func (m *Model) DataArgs(ctx context.Context, data string) ([]string, error) {
	args := []string{"--base=" + filepath.Dir(m.File)}
	source := ""
	if t := m.Unit.Module.Train; t != nil && len(t.Data) > 0 {
		source = t.Data[0].Name
	}
	if data == "mnist" || data == "" && source == "mnist" {
		dir, err := MNIST(ctx)
		if err != nil {
			return nil, err
		}
		args = append(args, "--data-dir="+dir)
	}
	return args, nil
}

// NeedsData reports whether any input of dlc run is an example of a data set ("test:17") and not a file.
func NeedsData(inputs []string) bool {
	for _, in := range inputs {
		if _, value, ok := strings.Cut(in, "="); ok {
			in = value
		}
		for _, part := range []string{"train:", "validation:", "test:"} {
			if strings.HasPrefix(in, part) {
				return true
			}
		}
	}
	return false
}
