package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/dlc-ml/dlc/examples/digits/digits"
)

// dlc runs the compiler of this repository.
func dlc(t *testing.T, env []string, args ...string) string {
	t.Helper()
	cmd := exec.Command("go", append([]string{"run", "../../cmd/dlc"}, args...)...)
	cmd.Env = append(os.Environ(), env...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("dlc %v: %v\n%s%s", args, err, out, errs.Bytes())
	}
	return string(out)
}

// TestFresh fails where the generated package is not what dlc makes of digits.dl now; go generate ./... repairs it.
func TestFresh(t *testing.T) {
	dlc(t, nil, "build", "digits.dl", "-o", "digits", "--check")
}

// TestPictures classifies one picture of each digit.
func TestPictures(t *testing.T) {
	m, err := digits.New()
	if err != nil {
		t.Fatal(err)
	}
	for want, name := range []string{"zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"} {
		pixels, err := read(filepath.Join("testdata", name+".png"), false)
		if err != nil {
			t.Fatal(err)
		}
		out, err := m.Predict(pixels)
		if err != nil {
			t.Fatal(err)
		}
		if got := slices.Index(out.Probs, slices.Max(out.Probs)); got != want {
			t.Errorf("%s.png is taken for a %d: %v", name, got, out.Probs)
		}
	}
	if _, err := m.Predict(nil); err == nil {
		t.Error("a picture without pixels is accepted")
	}
	if _, err := read("main.go", false); err == nil {
		t.Error("a Go file is accepted as a picture")
	}
}

// TestAccuracy evaluates the committed weights on the 10,000 test images.
func TestAccuracy(t *testing.T) {
	out := dlc(t, nil, "eval", "digits.dl", "--json")
	lines := bytes.Split(bytes.TrimSpace([]byte(out)), []byte("\n"))
	var got map[string]any
	if err := json.Unmarshal(lines[len(lines)-1], &got); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	if a, _ := got["test_accuracy"].(float64); a < 0.988 {
		t.Errorf("accuracy is %v, want 0.988: %s", a, out)
	}
}

// TestTrain trains from the start, as the README says, and must end in the committed weights, bit for bit: whatever the machine and the
// number of its processors.
func TestTrain(t *testing.T) {
	if testing.Short() {
		t.Skip("trains for a minute")
	}
	dir := t.TempDir()
	got := filepath.Join(dir, "digits.safetensors")
	dlc(t, nil, "train", "digits.dl", "--output", got, "--checkpoint", filepath.Join(dir, "checkpoint"))
	a, err := os.ReadFile("digits.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(got)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a, b) {
		t.Error("the training ended in other weights than those that are committed")
	}
}
