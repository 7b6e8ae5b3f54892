package runtime

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strings"
	"testing"
)

// api is every exported name of package level that a generated package gets from here. Types of generated code are not in it.
var api = []string{
	"Batch", "EpochResult", "ErrDiverged", "Event", "FitOption", "History", "LabelLayers", "Metric", "Metrics", "Model", "Session", "SessionOption", "Train",
	"Trainer", "WithThreads",
}

// TestCarriedFiles checks what makes a file fit to be carried: it exports only the API, imports the standard library only, and every exported
// name has a doc comment.
func TestCarriedFiles(t *testing.T) {
	list, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	var exported []string
	for _, e := range list {
		name := e.Name()
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") || strings.HasPrefix(name, "source") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range f.Imports {
			if first, _, _ := strings.Cut(strings.Trim(i.Path.Value, `"`), "/"); strings.Contains(first, ".") {
				t.Errorf("%s imports %s", name, i.Path.Value)
			}
		}
		for _, d := range f.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Name.Name == "init" {
					t.Errorf("%s has a func init: its order against generated code is nobody's", name)
				}
				if d.Name.IsExported() && d.Doc == nil && d.Recv == nil {
					t.Errorf("%s: %s has no doc comment", name, d.Name.Name)
				}
				if d.Name.IsExported() && d.Recv == nil {
					exported = append(exported, d.Name.Name)
				}
			case *ast.GenDecl:
				for _, s := range d.Specs {
					var names []*ast.Ident
					switch s := s.(type) {
					case *ast.TypeSpec:
						names = []*ast.Ident{s.Name}
					case *ast.ValueSpec:
						names = s.Names
					}
					for _, n := range names {
						if n.IsExported() {
							exported = append(exported, n.Name)
							if d.Doc == nil {
								t.Errorf("%s: %s has no doc comment", name, n.Name)
							}
						}
					}
				}
			}
		}
	}
	slices.Sort(exported)
	if !slices.Equal(exported, api) {
		t.Errorf("exported are %v,\nwant %v", exported, api)
	}
}
