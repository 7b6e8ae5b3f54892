package verify

import (
	"context"
	"testing"

	"github.com/dlc-ml/dlc/onnx"
)

// TestRecorded runs operators that ONNX's backend tests of Debian do not have yet, on what bench/peers/operators.py recorded of ONNX Runtime.
func TestRecorded(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles a program with the Go command")
	}
	folders, err := Folders([]string{"testdata/recorded"})
	if err != nil || len(folders) < 72 {
		t.Fatalf("%d folders: %v", len(folders), err)
	}
	v := &Checker{Tolerance: onnx.Tolerance{Rel: 1e-3, Abs: 1e-5}}
	list, err := v.Run(context.Background(), folders)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range list {
		if d.Result != Pass {
			t.Errorf("%s: %s: %s", d.Case, d.Result, d.Detail)
		}
	}
}
