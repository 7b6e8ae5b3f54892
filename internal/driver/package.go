package driver

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dlc-ml/dlc/codegen"
	"github.com/dlc-ml/dlc/diag"
)

// LockFile is the name of the file that says what a generated package was made from, and which files of its folder are dlc's.
const LockFile = "dlc.lock.json"

// Package is a generated package on its way to its folder.
type Package struct {
	Dir     string
	Files   map[string][]byte // by name, the lock file among them
	Weights string            // the file that is embedded; "" where the package starts from its seed
}

// Explain tells note of every kernel that m is made of, and what it took where a profile, which may be nil, says so.
func (m *Model) Explain(profile *Profile, note func(pos diag.Pos, text string)) error {
	measured := func(step string) string {
		if profile != nil {
			if s := profile.Step(step); s != nil {
				return s.String()
			}
		}
		return ""
	}
	return codegen.Explain(m.Unit, measured, note)
}

// Package generates the package of m. weights is the safetensors file to embed; where it is "", the one beside the source is
// taken, if there is one. dir and name may be "": the folder of the source, and the model's name. targets are what it holds kernels for: see
// [codegen.ParseTargets].
func (m *Model) Package(dir, name, weights string, targets []string) (*Package, error) {
	opt := codegen.Options{Package: name, Source: filepath.Base(m.File), Inputs: map[string][]byte{filepath.Base(m.File): m.Source}}
	var err error
	if opt.Targets, err = codegen.ParseTargets(targets); err != nil {
		return nil, err
	}
	if len(targets) > 0 {
		opt.Inputs["--target"] = []byte(strings.Join(opt.Targets, ","))
	}
	if len(m.Set) > 0 {
		set, err := json.Marshal(m.Set)
		if err != nil {
			return nil, err
		}
		opt.Inputs["--set"] = set
	}
	weights, data, err := m.weights(weights)
	if err != nil {
		return nil, err
	}
	if data != nil {
		opt.Weights, opt.WeightsName = data, filepath.Base(weights)
		key := opt.WeightsName
		if weights == m.File {
			key = "weights"
		}
		opt.Inputs[key] = data
	}
	files, err := codegen.Generate(m.Unit, opt)
	if err != nil {
		return nil, err
	}
	if dir == "" {
		dir = filepath.Dir(m.File)
	}
	return &Package{Dir: dir, Files: files, Weights: weights}, nil
}

// Change is one file of the folder that is not as it should be.
type Change struct {
	Name string
	What string // Missing, Stale or Leftover
}

// What can be wrong with a file.
const (
	Missing  = "missing"
	Stale    = "stale"
	Leftover = "no longer generated"
)

// Changes compares the folder with the package. It is an error where the package would overwrite a file that dlc did not make, or would
// lie among the files of another package.
func (p *Package) Changes() ([]Change, error) {
	old, err := readLock(p.Dir)
	if err != nil {
		return nil, err
	}
	var list []Change
	for _, name := range sortedNames(p.Files) {
		have, err := os.ReadFile(filepath.Join(p.Dir, name))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			list = append(list, Change{name, Missing})
		case err != nil:
			return nil, err
		case !bytes.Equal(have, p.Files[name]):
			if !old[name] && !isGenerated(name, have) {
				return nil, fmt.Errorf("%s was not made by dlc, and would be overwritten; move it, or give another folder with -o", filepath.Join(p.Dir, name))
			}
			list = append(list, Change{name, Stale})
		}
	}
	gone, err := p.leftovers(old)
	if err != nil {
		return nil, err
	}
	for _, name := range gone {
		list = append(list, Change{name, Leftover})
	}
	return list, p.checkNeighbours()
}

// Write brings the folder up to date and returns what it changed. Each file is replaced at once, by renaming; what is right already is
// not touched. Files that an earlier build made and this one does not are removed.
func (p *Package) Write() ([]Change, error) {
	changes, err := p.Changes()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(p.Dir, 0o777); err != nil {
		return nil, err
	}
	// The lock comes last, so that a build that was cut short is found stale.
	slices.SortStableFunc(changes, func(a, b Change) int {
		return boolOrder(a.Name == LockFile) - boolOrder(b.Name == LockFile)
	})
	for _, c := range changes {
		path := filepath.Join(p.Dir, c.Name)
		if data, ok := p.Files[c.Name]; ok {
			err = replaceFile(path, data)
		} else {
			err = os.Remove(path)
		}
		if err != nil {
			return nil, err
		}
	}
	return changes, nil
}

func boolOrder(b bool) int {
	if b {
		return 1
	}
	return 0
}

// leftovers returns the files of the old lock that are no longer generated and still bear the mark of dlc.
func (p *Package) leftovers(old map[string]bool) ([]string, error) {
	var gone []string
	for _, name := range sortedNames(old) {
		if _, ok := p.Files[name]; ok {
			continue
		}
		have, err := os.ReadFile(filepath.Join(p.Dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if isGenerated(name, have) {
			gone = append(gone, name)
		}
	}
	return gone, nil
}

// checkNeighbours looks for Go files of another package in the folder, with which the generated package would not compile.
func (p *Package) checkNeighbours() error {
	want := packageName(p.Files)
	entries, err := os.ReadDir(p.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if _, ours := p.Files[e.Name()]; ours || e.IsDir() || filepath.Ext(e.Name()) != ".go" {
			continue
		}
		path := filepath.Join(p.Dir, e.Name())
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.PackageClauseOnly|parser.ParseComments)
		if err != nil || f.Name == nil {
			continue // the Go compiler will say so better
		}
		src, err := os.ReadFile(path)
		if err != nil || bytes.Contains(src, []byte("//go:build ignore\n")) || isGenerated(e.Name(), src) {
			continue
		}
		if have := f.Name.Name; have != want && strings.TrimSuffix(have, "_test") != want {
			return fmt.Errorf("%s is of package %s, and package %s cannot lie in the same folder; give another folder with -o, or the name with --package", path, have, want)
		}
	}
	return nil
}

// packageName returns the package clause of the generated files.
func packageName(files map[string][]byte) string {
	for _, name := range sortedNames(files) {
		if filepath.Ext(name) == ".go" {
			if f, err := parser.ParseFile(token.NewFileSet(), name, files[name], parser.PackageClauseOnly); err == nil {
				return f.Name.Name
			}
		}
	}
	return ""
}

// isGenerated reports whether a file bears the mark of dlc. Weights and locks, which have no comments, go by their names.
func isGenerated(name string, data []byte) bool {
	switch filepath.Ext(name) {
	case ".go", ".s":
		return bytes.Contains(data[:min(len(data), 1024)], []byte(strings.TrimSpace(codegen.Header)))
	case ".weights":
		return true
	}
	return name == LockFile
}

// readLock returns the files that the lock of a folder lists; none where there is no lock. A name that is no plain file name is an error,
// since what a lock lists may be replaced and removed.
func readLock(dir string) (map[string]bool, error) {
	path := filepath.Join(dir, LockFile)
	data, err := readBounded(path, 1<<20)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var lock struct {
		Files map[string]string `json:"files"`
	}
	if err := json.Unmarshal(data, &lock); err != nil {
		return nil, fmt.Errorf("%s: %w; remove it to have it made anew", path, err)
	}
	names := map[string]bool{LockFile: true}
	for name := range lock.Files {
		if name != filepath.Base(name) || !filepath.IsLocal(name) || name == "." {
			return nil, fmt.Errorf("%s: %q is no file name; remove the lock to have it made anew", path, name)
		}
		names[name] = true
	}
	return names, nil
}

// replaceFile writes a file beside its place and renames it. It has the permissions of the file that it replaces, or those of any new file.
func replaceFile(path string, data []byte) error {
	tmp := filepath.Join(filepath.Dir(path), fmt.Sprintf(".%s.%d.tmp", filepath.Base(path), os.Getpid()))
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o666)
	if err != nil {
		return err
	}
	defer os.Remove(tmp)
	_, err = f.Write(data)
	if info, e := os.Stat(path); e == nil && err == nil {
		err = f.Chmod(info.Mode().Perm())
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		return err
	}
	return os.Rename(tmp, path)
}

// sortedNames returns the keys of a map in order.
func sortedNames[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for n := range m {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}
