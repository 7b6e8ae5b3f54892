package main

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"dlc": main})
}

// TestScript runs the command line as users do. Scripts that train or time compile a program with the Go command.
func TestScript(t *testing.T) {
	// The build cache is shared by all scripts and with the user; programs are kept in a folder of the test.
	env := map[string]string{}
	for _, name := range []string{"GOCACHE", "GOMODCACHE", "GOPATH"} {
		env[name] = goEnv(t, name)
	}
	cache := t.TempDir()
	shared, err := filepath.Abs(cmp.Or(os.Getenv("DLC_TESTDATA"), filepath.Join("..", "..", "..", "shared")))
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			for name, value := range env {
				e.Setenv(name, value)
			}
			e.Setenv("XDG_CACHE_HOME", cache)
			e.Setenv("HOME", cache)
			e.Setenv("SHARED", shared)
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"shapes":   shapes,
			"onnx":     onnxFolder,
			"lastjson": lastJSON,
			"waitfor":  waitFor,
		},
		Condition: func(cond string) (bool, error) {
			switch cond {
			case "long": // not wanted are programs that train
				return !testing.Short(), nil
			case "shared": // networks to import
				_, err := os.Stat(shared)
				return err == nil, nil
			}
			return false, fmt.Errorf("no condition is called %s", cond)
		},
	})
}

// shapes writes a data set in the form of MNIST to a folder: 8x8 pictures of four classes, bars that lie or stand, thin or thick, at a place
// that depends on the number of the example; and one picture of each class as a PNG of 16x16.
func shapes(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: shapes folder")
	}
	dir := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(dir, 0o777))
	for stem, n := range map[string]int{"train": 400, "t10k": 100} {
		pixels, labels := make([]byte, 64*n), make([]byte, n)
		for i := range n {
			labels[i] = byte(i % 4)
			shape(i%4, 1+(i/4)%5, func(x, y int) { pixels[64*i+8*y+x] = 200 + byte(i%50) })
		}
		writeIDX(ts, filepath.Join(dir, stem+"-images-idx3-ubyte.gz"), pixels, n, 8, 8)
		writeIDX(ts, filepath.Join(dir, stem+"-labels-idx1-ubyte.gz"), labels, n)
	}
	for class := range 4 {
		img := image.NewGray(image.Rect(0, 0, 16, 16))
		shape(class, 3, func(x, y int) {
			for k := range 4 {
				img.SetGray(2*x+k%2, 2*y+k/2, color.Gray{220})
			}
		})
		var b bytes.Buffer
		ts.Check(png.Encode(&b, img))
		ts.Check(os.WriteFile(filepath.Join(dir, string(rune('0'+class))+".png"), b.Bytes(), 0o666))
	}
}

// shape draws one bar: class 0 lies, 1 stands, 2 and 3 likewise and twice as thick.
func shape(class, at int, set func(x, y int)) {
	for k := range 8 {
		for w := range 1 + class/2 {
			if class%2 == 0 {
				set(k, at+w)
			} else {
				set(at+w, k)
			}
		}
	}
}

func writeIDX(ts *testscript.TestScript, path string, data []byte, dims ...int) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	head := []byte{0, 0, 8, byte(len(dims))}
	for _, d := range dims {
		head = binary.BigEndian.AppendUint32(head, uint32(d))
	}
	z.Write(append(head, data...))
	ts.Check(z.Close())
	ts.Check(os.WriteFile(path, b.Bytes(), 0o666))
}

// lastJSON checks the last line of the last command's output: an object in which each of the named members is of the given kind,
// or, with <, > or =, compares so with the given number or word: lastjson event=done test_accuracy>0.9 ms:number.
func lastJSON(ts *testscript.TestScript, neg bool, args []string) {
	lines := strings.Split(strings.TrimSpace(ts.ReadFile("stdout")), "\n")
	var o map[string]any
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &o); err != nil {
		ts.Fatalf("the last line is no object: %v: %s", err, lines[len(lines)-1])
	}
	for _, a := range args {
		i := strings.IndexAny(a, "<>=:")
		if i < 0 {
			ts.Fatalf("lastjson: %q is no condition", a)
		}
		name, want := a[:i], a[i+1:]
		got, ok := o[name]
		number, isNumber := got.(float64)
		var limit float64
		if a[i] == '<' || a[i] == '>' {
			ts.Check(json.Unmarshal([]byte(want), &limit))
		}
		good := ok
		switch a[i] {
		case '=':
			text, _ := json.Marshal(got)
			good = good && strings.Trim(string(text), `"`) == want
		case '<':
			good = good && isNumber && number < limit
		case '>':
			good = good && isNumber && number > limit
		case ':':
			good = good && isNumber == (want == "number")
		}
		if good == neg {
			ts.Fatalf("%s does not hold of %v", a, o)
		}
	}
}

// waitFor waits until a file is there, at most a minute.
func waitFor(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: waitfor file")
	}
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if _, err := os.Stat(ts.MkAbs(args[0])); err == nil {
			return
		}
	}
	ts.Fatalf("%s did not appear", args[0])
}

// goEnv asks the Go command for one of its settings.
func goEnv(t *testing.T, name string) string {
	out, err := exec.Command("go", "env", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}
