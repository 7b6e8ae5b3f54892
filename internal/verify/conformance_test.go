package verify

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dlc-ml/dlc/onnx"
)

var updateConformance = flag.Bool("update-conformance", false, "write testdata/conformance.txt")

// deviations are cases whose recorded results are not what the standard says.
var deviations = map[string]string{
	"test_adam_multiple": "the recorded results are those of epsilon=1e-2, which the model does not say",
}

// TestConformance runs ONNX's backend tests. testdata/conformance.txt says how many pass at least, and lists each of the others with the reason.
func TestConformance(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles large programs with the Go command")
	}
	const data, file = "/usr/share/libonnx-testdata/data", "testdata/conformance.txt"
	var dirs []string
	for _, name := range []string{"node", "pytorch-converted", "pytorch-operator", "simple"} {
		dirs = append(dirs, filepath.Join(data, name))
	}
	folders, err := Folders(dirs)
	if err != nil {
		if os.Getenv("DLC_CI") == "1" {
			t.Fatal(err)
		}
		t.Skipf("install libonnx-testdata: %v", err)
	}
	v := &Checker{Tolerance: onnx.Tolerance{Rel: 1e-3, Abs: 1e-7}}
	list, err := v.Run(context.Background(), folders)
	if err != nil {
		t.Fatal(err)
	}
	passed, fixed := 0, 0
	var others strings.Builder
	for _, d := range list {
		if d.Result == Pass {
			if passed++; len(d.Fixed) > 0 {
				fixed++
			}
			continue
		}
		reason := strings.ReplaceAll(d.Detail, "\n", " ")
		if why := deviations[d.Case]; why != "" {
			reason = why
		}
		fmt.Fprintf(&others, "%s\t%s\t%s\n", d.Case, d.Result, reason)
	}
	if *updateConformance {
		text := fmt.Sprintf("# %d of %d pass (%d of them with inputs that say extents and so are known when they are compiled)\n%s", passed, len(list), fixed, others.String())
		if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	checkConformance(t, file, passed, list)
}

func checkConformance(t *testing.T, file string, passed int, list []Verdict) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, _ := strings.Cut(string(text), "\n")
	var floor, total int
	if _, err := fmt.Sscanf(head, "# %d of %d pass", &floor, &total); err != nil {
		t.Fatal(err)
	}
	known := map[string]string{}
	for line := range strings.Lines(rest) {
		if fields := strings.SplitN(strings.TrimSpace(line), "\t", 3); len(fields) == 3 {
			known[fields[0]] = fields[1]
		}
	}
	if passed < floor || len(list) != total {
		t.Errorf("%d of %d cases pass; at least %d of %d did", passed, len(list), floor, total)
	}
	for _, d := range list {
		if d.Result != Pass && known[d.Case] != d.Result {
			t.Errorf("%s: %s, which is not in the list: %s", d.Case, d.Result, d.Detail)
		}
	}
}
