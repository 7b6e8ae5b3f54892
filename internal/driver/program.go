package driver

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	goruntime "runtime"
	"slices"
	"time"

	"github.com/dlc-ml/dlc/codegen"
)

// programFormat is part of every cache key: a new number drops programs that were built in another way.
const programFormat = "dlc program 1"

// Program builds the program that trains, evaluates and runs m, and returns its path. Programs are kept in the user's cache folder under the
// hash of their source, so a model that did not change is not compiled again. note, where set, is called before a compilation.
func (m *Model) Program(ctx context.Context, note func()) (string, error) {
	files, err := codegen.Generate(m.Unit, codegen.Options{Source: filepath.Base(m.File), Driver: true, Weights: m.Weights, WeightsName: filepath.Base(m.File), Targets: hostTargets()})
	if err != nil {
		return "", err
	}
	root, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("no place to build the program: %w", err)
	}
	root = filepath.Join(root, "dlc", "programs")
	name := m.Unit.Module.Name
	if goruntime.GOOS == "windows" {
		name += ".exe"
	}
	dir := filepath.Join(root, programKey(files))
	path := filepath.Join(dir, name)
	if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
		now := time.Now()
		os.Chtimes(dir, now, now) // only orders what is dropped first: failing costs nothing
		return path, nil
	}
	if note != nil {
		note()
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return "", err
	}
	if err := buildProgram(ctx, files, path, goruntime.GOARCH); err != nil {
		os.Remove(dir) // if it is empty
		return "", err
	}
	dropOld(root, dir)
	return path, nil
}

// hostTargets are the kernels that the program holds: those of this machine, and plain Go that rounds products where it is asked for.
func hostTargets() []string {
	names := codegen.HostTargets(goruntime.GOARCH)
	if os.Getenv("DLC_ISA") == codegen.FastTarget {
		names = append(names, codegen.FastTarget)
	}
	return names
}

// programKey names a program by everything that it is made from.
func programKey(files map[string][]byte) string {
	h := sha256.New()
	write := func(b []byte) {
		var n [8]byte
		binary.LittleEndian.PutUint64(n[:], uint64(len(b)))
		h.Write(n[:])
		h.Write(b)
	}
	write([]byte(programFormat + " " + goruntime.GOOS + " " + goruntime.GOARCH + " " + goruntime.Version()))
	for _, name := range sortedNames(files) {
		write([]byte(name))
		write(files[name])
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// buildProgram compiles the files in a module of their own, for a GOARCH, and puts the binary at path in one step.
func buildProgram(ctx context.Context, files map[string][]byte, path, arch string) error {
	// Beside its place, so that renaming does not cross file systems.
	tmp, err := os.MkdirTemp(filepath.Dir(path), ".build-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(tmp, name), data, 0o666); err != nil {
			return err
		}
	}
	if err := os.WriteFile(filepath.Join(tmp, "go.mod"), []byte("module program\n\ngo 1.26\n"), 0o666); err != nil {
		return err
	}
	built := filepath.Join(tmp, "out", filepath.Base(path))
	env := []string{"GOOS=" + goruntime.GOOS, "GOARCH=" + arch}
	if _, err := runGo(ctx, tmp, env, "build", "-trimpath", "-buildvcs=false", "-o", built, "."); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("compiling the generated program failed, which is a bug of dlc if Go itself is in order: %w", err)
	}
	if err := os.Rename(built, path); err != nil {
		// Another dlc may have been first, and on some systems its running program cannot be replaced.
		if _, statErr := os.Stat(path); statErr != nil {
			return err
		}
	}
	return nil
}

// keptPrograms is how many programs stay in the cache.
const keptPrograms = 24

// dropOld removes the programs that were not used for longest. What cannot be removed stays: the cache is no reason to fail.
func dropOld(root, current string) {
	entries, err := os.ReadDir(root)
	if err != nil {
		return
	}
	type aged struct {
		path string
		used time.Time
	}
	var list []aged
	for _, e := range entries {
		if info, err := e.Info(); err == nil && e.IsDir() && filepath.Join(root, e.Name()) != current {
			list = append(list, aged{filepath.Join(root, e.Name()), info.ModTime()})
		}
	}
	slices.SortFunc(list, func(a, b aged) int { return b.used.Compare(a.used) })
	for _, old := range list[min(len(list), keptPrograms-1):] {
		os.RemoveAll(old.path)
	}
}

// ExitError carries the exit status of a program that has said itself what is wrong.
type ExitError struct{ Status int }

// Error says the status.
func (e *ExitError) Error() string { return fmt.Sprintf("exit status %d", e.Status) }
