package ops

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
)

var updateDocs = flag.Bool("update", false, "write docs/operators.md anew")

// TestReference fails where docs/operators.md is not what the literals say.
func TestReference(t *testing.T) {
	file := filepath.Join("..", "..", "docs", "operators.md")
	want := Reference()
	if *updateDocs {
		if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(want), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is out of date: run go test ./ir/ops -run TestReference -update", file)
	}
}
