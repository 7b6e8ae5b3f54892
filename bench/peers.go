package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
)

// The peers are PyTorch, which runs bench/peers/torch_bench.py, and ONNX Runtime, which the nested module bench/peers/ort calls on models that PyTorch exported.

// peersFolder is where the programs of the peers stand in the repository, from whose root bench runs.
const peersFolder = "bench/peers"

// ortVersion is the version of ONNX Runtime that is measured.
const ortVersion = "1.30.0"

// peers is what setup installed.
type peers struct {
	home   string // the folder that it installed to
	python string // a Python that has PyTorch; "" where there is none
	ort    string // where the program is built that calls ONNX Runtime, when it is first needed
	built  bool
}

// findPeers looks for what is installed. What is built goes to dir.
func findPeers(dir string) (*peers, error) {
	home := os.Getenv("PEERS")
	if home == "" {
		user, err := os.UserHomeDir()
		if err != nil {
			return nil, err
		}
		home = filepath.Join(user, ".cache", "dlc-peers")
	}
	return &peers{home: home, python: findPython(), ort: filepath.Join(dir, "ort")}, nil
}

// findPython returns the first Python that has PyTorch and can export to ONNX. Debian's PyTorch belongs to Debian's own Python, which is not always the first.
func findPython() string {
	const test = "import importlib.util as u, sys; sys.exit(not (u.find_spec('torch') and u.find_spec('onnx')))"
	for _, name := range []string{os.Getenv("PYTHON"), "python3", "/usr/bin/python3"} {
		if name != "" && exec.Command(name, "-c", test).Run() == nil {
			return name
		}
	}
	return ""
}

// library is ONNX Runtime's shared library inside its npm package, which holds those of all systems; "" where it is not installed.
func (p *peers) library() string {
	system, file := runtime.GOOS, "libonnxruntime.so.1"
	switch system {
	case "darwin":
		file = "libonnxruntime.*.dylib"
	case "windows":
		system, file = "win32", "onnxruntime.dll"
	}
	arch := map[string]string{"amd64": "x64"}[runtime.GOARCH]
	if arch == "" {
		arch = runtime.GOARCH
	}
	found, _ := filepath.Glob(filepath.Join(p.home, "node_modules", "onnxruntime-node", "bin", "napi-v*", system, arch, file))
	if len(found) == 0 {
		return ""
	}
	return found[len(found)-1]
}

// models is the folder of the exported models.
func (p *peers) models() string { return filepath.Join(p.home, "models") }

// commands are the programs that measure the peers that were asked for.
func (p *peers) commands(names []string, mode string, threads int, model string) ([]*exec.Cmd, error) {
	var list []*exec.Cmd
	for _, name := range names {
		switch name {
		case "torch":
			if p.python == "" {
				return nil, errors.New("no Python has PyTorch and onnx: go run ./bench setup installs them, or -peers onnxruntime leaves PyTorch out")
			}
			list = append(list, exec.Command(p.python, "-W", "ignore", filepath.Join(peersFolder, "torch_bench.py"), mode, strconv.Itoa(threads), model))
		case "onnxruntime":
			if mode != "infer" {
				continue // it does not train
			}
			files, _ := filepath.Glob(filepath.Join(p.models(), model+"-b*.onnx"))
			if len(files) == 0 {
				return nil, fmt.Errorf("%s holds no %s in the form of ONNX: go run ./bench setup exports it, or -peers torch leaves ONNX Runtime out", p.models(), model)
			}
			c, err := p.onnxRuntime(threads, files...)
			if err != nil {
				return nil, err
			}
			list = append(list, c...)
		default:
			return nil, fmt.Errorf("there is no peer %q: there are torch and onnxruntime", name)
		}
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("none of %v can be measured in mode %s", names, mode)
	}
	return list, nil
}

// onnxRuntime is the program that times ONNX Runtime on models.
func (p *peers) onnxRuntime(threads int, models ...string) ([]*exec.Cmd, error) {
	library := p.library()
	if library == "" {
		return nil, fmt.Errorf("%s holds no ONNX Runtime: go run ./bench setup installs it", p.home)
	}
	if !p.built {
		if msg, err := exec.Command("go", "build", "-C", filepath.Join(peersFolder, "ort"), "-o", p.ort, ".").CombinedOutput(); err != nil {
			return nil, fmt.Errorf("building the program that runs ONNX Runtime: %w\n%s", err, msg)
		}
		p.built = true
	}
	return []*exec.Cmd{exec.Command(p.ort, append([]string{library, strconv.Itoa(threads)}, models...)...)}, nil
}

// setup installs the peers: ONNX Runtime by npm, and unless it is all that is wanted PyTorch by the system's package manager, where no Python has it, and the
// models that PyTorch exports for ONNX Runtime.
func setup(runtimeOnly bool) error {
	p, err := findPeers("")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(p.models(), 0o777); err != nil {
		return err
	}
	if err := p.installRuntime(); err != nil || runtimeOnly {
		return err
	}
	if p.python == "" {
		if err := installTorch(); err != nil {
			return err
		}
		if p.python = findPython(); p.python == "" {
			return errors.New("PyTorch was installed, but no Python finds it: name one by the environment variable PYTHON")
		}
	}
	if err := say(".", p.python, "-W", "ignore", filepath.Join(peersFolder, "models.py"), p.models()); err != nil {
		return err
	}
	fmt.Println("the peers are ready in", p.home)
	return nil
}

// installRuntime installs ONNX Runtime where it is not there.
func (p *peers) installRuntime() error {
	if p.library() != "" {
		return nil
	}
	if err := say(p.home, "npm", "install", "--prefix", ".", "--ignore-scripts", "--no-audit", "--no-fund", "onnxruntime-node@"+ortVersion); err != nil {
		return err
	}
	if p.library() == "" {
		return fmt.Errorf("onnxruntime-node %s has no library for %s on %s", ortVersion, runtime.GOOS, runtime.GOARCH)
	}
	return nil
}

// installTorch installs PyTorch and what it exports with, as Debian and its relatives have them.
func installTorch() error {
	if _, err := exec.LookPath("apt-get"); err != nil {
		return errors.New("no Python has PyTorch and onnx, and there is no apt-get to install them with: install them, and name the Python by the environment variable PYTHON")
	}
	if err := say(".", "apt-get", "update", "-q"); err != nil {
		return err
	}
	return say(".", "apt-get", "install", "-y", "-q", "--no-install-recommends", "python3-torch", "python3-numpy", "python3-onnx")
}

// say prints a command and runs it in a folder.
func say(dir, name string, args ...string) error {
	cmd := exec.Command(name, args...)
	fmt.Println(cmd)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", cmd, err, out)
	}
	return nil
}
