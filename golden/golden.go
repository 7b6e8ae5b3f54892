// Package golden runs recorded cases: txtar files, one folder for each stage of the compiler. A case holds what goes into the stage
// and what must come out; go test with -update writes what comes out now.
//
// The sections of a case: "in.*" is the input, everything else is an output. The comment on top says what the case is about.
package golden

import (
	"flag"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "write what comes out now into the golden files")

// Updating reports whether the test was asked to write golden files.
func Updating() bool { return *update }

// Run runs stage on every case of dir/*.txtar as a subtest, and compares. stage gets the inputs by section name and returns the outputs by
// section name; it must not fail on bad input, but return the error's text as an output. A stage whose outputs are only nearly the same each
// time, such as numbers, compares them itself: it finds the recorded ones beside the inputs, and returns nil where they agree.
func Run(t *testing.T, dir string, stage func(t *testing.T, in map[string]string) map[string]string) {
	files, err := filepath.Glob(filepath.Join(dir, "*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s holds no cases (%v)", dir, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) { runCase(t, file, stage) })
	}
}

func runCase(t *testing.T, file string, stage func(t *testing.T, in map[string]string) map[string]string) {
	a, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	in, want := map[string]string{}, map[string]string{}
	var kept []txtar.File
	for _, f := range a.Files {
		if strings.HasPrefix(f.Name, "in.") {
			in[f.Name] = string(f.Data)
			kept = append(kept, f)
		} else {
			want[f.Name] = string(f.Data)
		}
	}
	if len(in) == 0 {
		t.Fatalf("%s has no section in.*", file)
	}
	both := maps.Clone(in)
	maps.Copy(both, want)
	got := stage(t, both)
	for name, text := range got {
		if !strings.HasSuffix(text, "\n") && text != "" {
			got[name] = text + "\n"
		}
	}
	if !*update {
		if got == nil {
			return
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s (-want +got; -update accepts):\n%s", file, d)
		}
		return
	}
	a.Files = kept
	for _, name := range names(got) {
		a.Files = append(a.Files, txtar.File{Name: name, Data: []byte(got[name])})
	}
	if err := os.WriteFile(file, txtar.Format(a), 0o666); err != nil {
		t.Fatal(err)
	}
}

func names(m map[string]string) []string {
	var list []string
	for n := range m {
		list = append(list, n)
	}
	for i := range list {
		for j := i; j > 0 && list[j] < list[j-1]; j-- {
			list[j], list[j-1] = list[j-1], list[j]
		}
	}
	return list
}
