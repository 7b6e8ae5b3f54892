package codegen

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/dlc-ml/dlc/avo/interp"
	"github.com/dlc-ml/dlc/avo/kernel"
	"github.com/dlc-ml/dlc/avo/vec"
	"github.com/dlc-ml/dlc/avo/vec/vectest"
	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// edges are nests of every form that reads and writes in its own way, over an axis of E elements.
var edges = []struct{ name, src string }{
	{"map", `
  input x: f32[N,3,E]
  input w: f32[E]
  output y: f32[N,3,E]
  map y (n:N, i:3, e:E) { y[n, i, e] = select(x[n, i, e] < w[e], fma(x[n, i, e], 0.5, w[e]), max(x[n, i, e], 0.0)) }`},
	{"functions", `
  input x: f32[N,E]
  output y: f32[N,E]
  map y (n:N, e:E) { y[n, e] = tanh(x[n, e]) + exp(neg(abs(x[n, e]))) / sqrt(x[n, e]) }`},
	{"integers", `
  input a: i32[N,E]
  input b: i32[N,E]
  output y: i32[N,E]
  output z: f32[N,E]
  map y (n:N, e:E) { y[n, e] = (a[n, e] / b[n, e]) * 3 - max(a[n, e], b[n, e])
    z[n, e] = f32(a[n, e]) }`},
	{"padded", `
  input x: f32[N,5,E] strides [1000,100,1] offset 7 wide 1000
  output y: f32[N,5,E] strides [900,90,1] offset 3 wide 900
  map y (n:N, i:5, e:E) { y[n, i, e] = x[n, i, e] * 2.0 }`},
	{"dense", `
  input x: f32[N,11]
  input w: f32[11,E]
  input b: f32[E]
  output y: f32[N,E]
  contract y (n:N, e:E) sum (k:11) {
    value x[n, k] * w[k, e]
    y[n, e] = max(acc + b[e], 0.0) }`},
	{"rows", `
  input x: f32[N,E]
  input w: f32[7,E]
  output y: f32[N,7]
  contract y (n:N, o:7) sum (e:E) {
    value x[n, e] * w[o, e]
    y[n, o] = acc }`},
	{"partial_sums", `
  input x: f32[N,E]
  output y: f32[N]
  reduce y (n:N) sum (e:E) lanes 8 {
    value x[n, e]
    y[n] = acc }`},
	{"partial_dots", `
  input x: f32[N,3,E]
  input w: f32[E]
  output y: f32[N,3]
  reduce y (n:N, i:3) sum (e:E) lanes 8 {
    value x[n, i, e] * w[e]
    y[n, i] = acc }`},
	{"maximum", `
  input x: f32[N,E]
  output y: f32[N]
  reduce y (n:N) max (e:E) lanes 8 {
    value x[n, e]
    y[n] = acc }`},
	{"window", `
  input x: f32[N,7,7,3]
  input w: f32[3,3,3,E]
  output y: f32[N,3,3,E]
  window y (n:N, h:3, v:3, e:E) sum (p:3, q:3, i:3) {
    value x[n, 2*h+p, 2*v+q, i] * w[p, q, i, e]
    y[n, h, v, e] = acc }`},
	{"depthwise", `
  input x: f32[N,5,5,E]
  input w: f32[3,3,E]
  output y: f32[N,3,3,E]
  window y (n:N, h:3, v:3, e:E) sum (p:3, q:3) {
    value x[n, h+p, v+q, e] * w[p, q, e]
    y[n, h, v, e] = acc }`},
	{"pooling", `
  input x: f32[N,6,6,E]
  output y: f32[N,3,3,E]
  window y (n:N, h:3, v:3, e:E) max (p:2, q:2) {
    value x[n, 2*h+p, 2*v+q, e]
    y[n, h, v, e] = acc }`},
	{"columns", `
  input x: f32[N,E]
  input dy: f32[N,5]
  output dw: f32[E,5]
  contract dw (e:E, o:5) sum (n:N) {
    value x[n, e] * dy[n, o]
    dw[e, o] = acc }`},
	{"every_other", `
  input x: f32[N,3,300]
  output y: f32[N,3,E]
  map y (n:N, i:3, e:E) { y[n, i, e] = x[n, i, 2*e+1] }`},
	{"every_third", `
  input x: f32[N,300]
  output y: f32[N,300]
  map y (n:N, e:E) { y[n, 3*e+1] = x[n, 3*e] + 1.0 }`},
	{"transpose", `
  input x: f32[N,E,5]
  output y: f32[N,5,E]
  copy y (n:N, i:5, e:E) { y[n, i, e] = x[n, e, i] }`},
	{"lookup", `
  input table: f32[9,E]
  input id: i32[N,5]
  output y: f32[N,5,E]
  gather y (n:N, t:5, e:E) { y[n, t, e] = table[@(id[n, t]), e] * 2.0 }`},
	{"scatter", `
  input x: f32[N,5,E]
  input id: i32[N,5]
  weight y: f32[9,E]
  gather y (n:N, t:5, e:E) { y[@(id[n, t]), e] += x[n, t, e] }`},
	{"backwards", `
  input x: f32[N,60,4]
  output y: f32[N,E,4]
  copy y (n:N, e:E, i:4) { y[n, e, i] = x[n, 59-e, 3-i] }`},
	{"counted", `
  input x: f32[N,E]
  output y: f32[N,E]
  output z: i32[N,E]
  map y (n:N, e:E) { y[n, e] = select(index(e) < 7, log(x[n, e]), sigmoid(x[n, e]))
    z[n, e] = i32(floor(x[n, e])) + index(e) * 3 }`},
}

// TestKernelEdges runs nests of every form on every target, over extents that end in every way and for none to three tiles of rows with none to three
// rows behind them. Memory ends where nobody may touch it, or begins there; all that a kernel may touch is compared with the interpreter, what lies
// between its elements too. NaN, infinities, zeros of both signs and subnormal numbers stand in every lane.
func TestKernelEdges(t *testing.T) {
	for _, target := range targets {
		t.Run(target.vec.Name, func(t *testing.T) {
			host := vectest.Host{Arch: target.arch}
			if target.arch == "arm64" {
				host = vectest.Arm64()
			}
			host.Need(t)
			vectest.NeedTarget(t, target.vec)
			atEdges(t, target, host)
		})
	}
}

func atEdges(t *testing.T, target target, host vectest.Host) {
	r := rand.New(rand.NewPCG(5, 6))
	var funcs []*vec.Func
	var calls []vectest.Call
	for _, c := range edges {
		for _, extent := range []int{1, 2, 3, 5, 6, 7, 8, 12, 14, 15, 16, 19, 24, 33, 50} {
			if extent == 1 && strings.Contains(c.src, "lanes") {
				continue // an axis of one element is no axis
			}
			text := "func f[N] {" + strings.ReplaceAll(strings.ReplaceAll(c.src, "E]", fmt.Sprint(extent, "]")), "E,", fmt.Sprint(extent, ","))
			text = strings.ReplaceAll(text, ":E)", fmt.Sprint(":", extent, ")")) + "\n}\n"
			b, f := edgeKernel(t, fmt.Sprint(c.name, extent), text, target.vec)
			funcs = append(funcs, f)
			for kind, counts := range edgeCounts(b) {
				calls = append(calls, edgeCall(r, b, f, counts, kind))
			}
		}
	}
	want := make([][][]float32, len(calls))
	for i, c := range calls {
		for _, d := range c.Data {
			want[i] = append(want[i], append([]float32(nil), d...))
		}
		if err := interp.Run(c.Func, interp.Slices(want[i]...), c.Counts); err != nil {
			t.Fatalf("%v\n%s", err, c.Func)
		}
	}
	asm, stubs, err := target.print(funcs, "main")
	if err != nil {
		t.Fatal(err)
	}
	if err := vectest.RunOn(host, t.TempDir(), map[string][]byte{target.File() + ".s": asm, target.File() + ".go": stubs}, calls); err != nil {
		t.Fatal(err)
	}
	for i, c := range calls {
		for p, d := range c.Data {
			if at := vectest.Differ(d, want[i][p]); at >= 0 {
				t.Fatalf("%s of %v: pointer %s, element %d is %v, want %v\n%s", c.Func.Name, c.Counts, c.Func.Ptrs[p], at, d[at], want[i][p][at], c.Func)
			}
		}
	}
	t.Logf("%d calls of %d kernels", len(calls), len(funcs))
}

// edgeKernel builds the kernel of the only nest of a program.
func edgeKernel(t *testing.T, name, text string, target vec.Target) (*kernel.Builder, *vec.Func) {
	t.Helper()
	f, err := loop.Parse("edge.loop", []byte(text))
	if err == nil && !strings.Contains(text, "strides") { // a layout is no part of a whole program's inputs
		err = loop.Verify(f)
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	b, err := kernel.New(f.Nests[0], nil)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	fn, err := b.Build(name, target)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return b, fn
}

// edgeCounts lists calls of a kernel: none to three tiles of rows, and rows behind them.
func edgeCounts(b *kernel.Builder) (list [][]int) {
	for i := range 8 {
		var counts []int
		for _, name := range b.Counts() {
			switch name {
			case "main":
				counts = append(counts, i%4)
			case "tail":
				counts = append(counts, min((i*3+i/4)%4, b.Grid.Tile-1))
			case "batch":
				counts = append(counts, 1+i%3)
			case "resume":
				counts = append(counts, i%2)
			}
		}
		list = append(list, counts)
	}
	return list
}

// edgeCall fills the memory of a call: with usual numbers, with special ones here and there, or with anything.
func edgeCall(r *rand.Rand, b *kernel.Builder, f *vec.Func, counts []int, kind int) vectest.Call {
	c := vectest.Call{Func: f, Counts: counts, Front: kind%2 == 1}
	for p := range f.Ptrs {
		d := vectest.Memory(r, f.Elements(vec.Ptr(p), counts))
		whole := b.Args[p].Buf == nil || b.Args[p].Buf.Elem == ir.I32
		for i := range d {
			switch {
			case b.Args[p].Buf == nil: // the table 0, 1, 2 …
				d[i] = fromInt(i)
			case whole:
				d[i] = fromInt(r.IntN(9))
			case kind%3 == 0, kind%3 == 1 && (i+kind)%11 != 0:
				d[i] = float32(r.NormFloat64())
			}
		}
		c.Data = append(c.Data, d)
	}
	return c
}

func fromInt(i int) float32 { return math.Float32frombits(uint32(int32(i))) }
