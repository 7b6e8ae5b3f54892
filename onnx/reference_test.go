package onnx

import (
	"flag"
	"os"
	"testing"
)

var update = flag.Bool("update", false, "write docs/onnx.md")

// TestReference holds docs/onnx.md against the rows and what bench/conformance found.
func TestReference(t *testing.T) {
	var found [2]string
	for i, name := range []string{"cases.txt", "operators.txt"} {
		text, err := os.ReadFile("../bench/conformance/" + name)
		if err != nil {
			t.Fatal(err)
		}
		found[i] = string(text)
	}
	text, err := Document(found[0], found[1])
	if err != nil {
		t.Fatal(err)
	}
	const file = "../docs/onnx.md"
	if *update {
		if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(file)
	if err != nil || string(have) != text {
		t.Errorf("%s is not up to date (%v): run go test ./onnx -run TestReference -update", file, err)
	}
}
