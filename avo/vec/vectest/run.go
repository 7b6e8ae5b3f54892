package vectest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/dlc-ml/dlc/avo/vec"
)

// Call is one call of a kernel: the memory of its pointers, which it overwrites, and its counts.
type Call struct {
	Func   *vec.Func
	Data   [][]float32
	Counts []int
	// Front puts the memory of each pointer right behind a page that nobody may touch, not before one.
	Front bool
}

// Host is what runs a program of kernels: the GOARCH that it is built for, and the command that starts it, if it is not started by itself.
type Host struct {
	Arch   string
	Runner []string
}

// Here is this machine.
func Here() Host { return Host{Arch: runtime.GOARCH} }

// Arm64 is a 64-bit ARM: this machine, or one of the first generation, which has no dot products, emulated.
func Arm64() Host {
	if runtime.GOARCH == "arm64" {
		return Here()
	}
	return Host{Arch: "arm64", Runner: []string{"qemu-aarch64", "-cpu", "cortex-a53"}}
}

// Need skips a test where the programs of a host cannot be built or run here; under DLC_CI=1 that is a failure.
func (h Host) Need(t *testing.T) {
	t.Helper()
	need := append([]string{"go"}, h.Runner[:min(1, len(h.Runner))]...)
	for _, tool := range need {
		if _, err := exec.LookPath(tool); err != nil {
			lacks(t, "needs "+tool)
		}
	}
	if h.Arch != runtime.GOARCH && len(h.Runner) == 0 {
		lacks(t, "needs "+h.Arch)
	}
}

func lacks(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("DLC_CI") == "1" {
		t.Fatal(what)
	}
	t.Skip(what)
}

// Run builds a program from files, which must hold a kernel for each call's function in package main, and makes the calls in it on this
// machine. It runs go vet over the files too. The memory of each pointer ends where a page begins that nobody may touch, or begins
// where one ends, on Linux.
func Run(dir string, files map[string][]byte, calls []Call) error {
	return RunOn(Here(), dir, files, calls)
}

// RunOn is Run on another machine.
func RunOn(host Host, dir string, files map[string][]byte, calls []Call) error {
	float, err := floatSource()
	if err != nil {
		return err
	}
	all := map[string][]byte{"go.mod": []byte("module kernels\n\ngo 1.26\n"), "main.go": []byte(driver(calls)), "float.go": float,
		"guard_linux.go": []byte(guardLinux), "guard_other.go": []byte(guardOther)}
	for name, text := range files {
		all[name] = text
	}
	for name, text := range all {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o666); err != nil {
			return err
		}
	}
	goCommand := func(args ...string) ([]byte, error) {
		c := exec.Command("go", args...)
		c.Dir = dir
		c.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off", "GOARCH="+host.Arch, "CGO_ENABLED=0")
		return c.CombinedOutput()
	}
	for _, args := range [][]string{{"vet", "."}, {"build", "-o", "kernels.exe", "."}} {
		if out, err := goCommand(args...); err != nil {
			return fmt.Errorf("go %s: %w\n%s", args[0], err, out)
		}
	}
	var in bytes.Buffer
	for _, c := range calls {
		binary.Write(&in, binary.LittleEndian, c.Front)
		for _, d := range c.Data {
			binary.Write(&in, binary.LittleEndian, uint32(len(d)))
			binary.Write(&in, binary.LittleEndian, bits(d))
		}
		for _, n := range c.Counts {
			binary.Write(&in, binary.LittleEndian, uint32(n))
		}
	}
	start := append(append([]string(nil), host.Runner...), filepath.Join(dir, "kernels.exe"))
	c := exec.Command(start[0], start[1:]...)
	var out, diag bytes.Buffer
	c.Stdin, c.Stdout, c.Stderr = &in, &out, &diag
	if err := c.Run(); err != nil {
		return fmt.Errorf("%w\n%.4000s", err, diag.String())
	}
	for _, c := range calls {
		for _, d := range c.Data {
			w := make([]uint32, len(d))
			if err := binary.Read(&out, binary.LittleEndian, w); err != nil {
				return err
			}
			for i := range w {
				d[i] = math.Float32frombits(w[i])
			}
		}
	}
	return nil
}

func bits(d []float32) []uint32 {
	w := make([]uint32, len(d))
	for i := range d {
		w[i] = math.Float32bits(d[i])
	}
	return w
}

// Differ returns where two memories differ, or -1. All NaNs are equal.
func Differ(a, b []float32) int {
	for i := range a {
		if math.Float32bits(a[i]) != math.Float32bits(b[i]) && (a[i] == a[i] || b[i] == b[i]) {
			return i
		}
	}
	return -1
}

// floatSource is what portable kernels need of dlc's runtime.
func floatSource() ([]byte, error) {
	_, file, _, _ := runtime.Caller(0)
	src, err := os.ReadFile(filepath.Join(filepath.Dir(file), "../../../runtime/float.go"))
	if err != nil {
		return nil, err
	}
	return bytes.Replace(src, []byte("package runtime"), []byte("package main"), 1), nil
}

// driver reads the calls from standard input, makes them, and writes their memory.
func driver(calls []Call) string {
	var b strings.Builder
	b.WriteString(driverHead)
	for _, c := range calls {
		fmt.Fprintf(&b, "\t{%d, %d, func(p []*float32, c []int) { %s(", len(c.Func.Ptrs), len(c.Func.Counts), c.Func.Name)
		var args []string
		for i := range c.Func.Ptrs {
			args = append(args, fmt.Sprintf("p[%d]", i))
		}
		for i := range c.Func.Counts {
			args = append(args, fmt.Sprintf("c[%d]", i))
		}
		fmt.Fprintf(&b, "%s) }},\n", strings.Join(args, ", "))
	}
	b.WriteString("}\n")
	return b.String()
}

const driverHead = `package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"os"
	"unsafe"
)

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func main() {
	in, out := bufio.NewReader(os.Stdin), bufio.NewWriter(os.Stdout)
	for i, k := range kernels {
		data := make([][]uint32, k.ptrs)
		p := make([]*float32, k.ptrs)
		free := func() {}
		var front bool
		check(binary.Read(in, binary.LittleEndian, &front))
		for j := range data {
			var n uint32
			check(binary.Read(in, binary.LittleEndian, &n))
			var release func()
			data[j], release = guarded(int(n), front)
			last := free
			free = func() { release(); last() }
			check(binary.Read(in, binary.LittleEndian, data[j]))
			p[j] = (*float32)(unsafe.Pointer(unsafe.SliceData(data[j])))
		}
		c := make([]int, k.counts)
		for j := range c {
			var n uint32
			check(binary.Read(in, binary.LittleEndian, &n))
			c[j] = int(n)
		}
		fmt.Fprintln(os.Stderr, "kernel", i)
		k.call(p, c)
		for _, d := range data {
			check(binary.Write(out, binary.LittleEndian, d))
		}
		free()
	}
	check(out.Flush())
}

var kernels = []struct {
	ptrs, counts int
	call         func(p []*float32, c []int)
}{
`

const guardLinux = `package main

import (
	"syscall"
	"unsafe"
)

// guarded returns n words with pages before and behind that may not be touched: behind the last word, or before the first one in front or where the
// words fill whole pages.
func guarded(n int, front bool) ([]uint32, func()) {
	const page = 4096
	size := (4*n + page - 1) / page * page
	m, err := syscall.Mmap(-1, 0, size+2*page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	check(err)
	check(syscall.Mprotect(m[:page], syscall.PROT_NONE))
	check(syscall.Mprotect(m[page+size:], syscall.PROT_NONE))
	if n == 0 {
		return nil, func() {}
	}
	at := page + size - 4*n
	if front {
		at = page
	}
	return unsafe.Slice((*uint32)(unsafe.Pointer(&m[at])), n), func() { check(syscall.Munmap(m)) }
}
`

const guardOther = `//go:build !linux

package main

func guarded(n int, front bool) ([]uint32, func()) { return make([]uint32, n), func() {} }
`
