package verify

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestConformance runs ONNX's backend tests. bench/conformance/cases.txt says how many pass at least, and lists each of the others with the reason.
func TestConformance(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles large programs with the Go command")
	}
	c, err := Conform(context.Background(), "/usr/share/libonnx-testdata/data", 1)
	if err != nil {
		if os.Getenv("DLC_CI") == "1" {
			t.Fatal(err)
		}
		t.Skipf("install libonnx-testdata: %v", err)
	}
	text, err := os.ReadFile("../../bench/conformance/cases.txt")
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
	if c.Passed < floor || len(c.Verdicts) != total {
		t.Errorf("%d of %d cases pass; at least %d of %d did", c.Passed, len(c.Verdicts), floor, total)
	}
	for _, d := range c.Verdicts {
		if d.Result != Pass && known[d.Case] != d.Result {
			t.Errorf("%s: %s, which is not in the list: %s", d.Case, d.Result, d.Detail)
		}
	}
}
