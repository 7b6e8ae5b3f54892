package loop

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/dlc-ml/dlc/diag"
	"github.com/dlc-ml/dlc/ir"
)

func randoms(n int, seed uint64) []float32 {
	r := rand.New(rand.NewPCG(seed, 7))
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

// mustRun runs f on the given inputs, by buffer name.
func mustRun(t *testing.T, f *Func, sizes map[string]int, in map[string][]float32) Memory {
	t.Helper()
	mem, err := NewMemory(f, sizes)
	if err != nil {
		t.Fatal(err)
	}
	for name, x := range in {
		mem.SetFloats(f.Buffer(name), sizes, x)
	}
	if err := Run(f, sizes, mem); err != nil {
		t.Fatalf("%v\n%s", err, f)
	}
	return mem
}

func wantFloats(t *testing.T, got, want []float32) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d elements, want %d", len(got), len(want))
	}
	for i := range got {
		if !sameFloat(got[i], want[i]) {
			t.Fatalf("element %d is %x, want %x", i, got[i], want[i])
		}
	}
}

// TestRunConv compares a convolution with loops written out, in dense and in padded, transposed layouts.
func TestRunConv(t *testing.T) {
	const N = 3
	sizes := map[string]int{"N": N}
	x, k, b := randoms(N*7*6*2, 1), randoms(3*2*2*4, 2), randoms(4, 3)
	want := make([]float32, N*5*5*4)
	for n := range N {
		for h := range 5 {
			for w := range 5 {
				for c := range 4 {
					acc := float32(0)
					for i := range 3 {
						for j := range 2 {
							for m := range 2 {
								acc = bigFMA(x[((n*7+h+i)*6+w+j)*2+m], k[((i*2+j)*2+m)*4+c], acc)
							}
						}
					}
					want[((n*5+h)*5+w)*4+c] = max(acc+b[c], 0)
				}
			}
		}
	}
	in := map[string][]float32{"image": x, "conv.weight": k, "conv.bias": b}
	f := convFunc()
	mem := mustRun(t, f, sizes, in)
	wantFloats(t, mem.Floats(f.Buffer("y"), sizes), want)

	f = convFunc()
	y := f.Buffer("y")
	y.Space, y.Strides, y.Offset, y.Wide = Temp, []int{150, 6, 1, 36}, 7, 160
	v := f.NewBuffer("v", ir.T(ir.F32, y.Shape), Output, diag.Pos{})
	ix := []Affine{Ax(0), Ax(1), Ax(2), Ax(3)}
	f.Nests = append(f.Nests, &Nest{Form: Copy, Name: "out", Lanes: 1, Axes: f.Nests[0].Axes,
		Stores: []Store{{To: Access{Buf: v, Index: ix}, Expr: Read(y, ix...)}}})
	if _, err := NewMemory(f, sizes); err != nil {
		t.Fatal(err)
	}
	y.Strides[0], y.Wide = 160, 0
	mem = mustRun(t, f, sizes, in)
	wantFloats(t, mem.Floats(v, sizes), want)
	wantFloats(t, mem.Floats(y, sizes), want)
	if mem[y][0] != Unwritten {
		t.Error("the border of a padded buffer was written")
	}
}

// TestRunLanes checks the order of partial sums, of plain sums and of fused products.
func TestRunLanes(t *testing.T) {
	for _, lanes := range []int{1, 8, 16} {
		for _, product := range []bool{false, true} {
			f := &Func{Name: "f"}
			x := f.NewBuffer("x", ir.T(ir.F32, ir.S(3, 21)), Input, diag.Pos{})
			y := f.NewBuffer("y", ir.T(ir.F32, ir.S(1)), Output, diag.Pos{})
			value := Read(x, Ax(1), Ax(2))
			if product {
				value = E(Mul, value, Read(x, Ax(1), At(20).Plus(2, -1, 0)))
			}
			f.Nests = []*Nest{{Form: Reduce, Name: "r", Axes: []Axis{{"o", ir.D(1)}}, Red: []Axis{{"i", ir.D(3)}, {"j", ir.D(21)}}, Fold: FoldSum,
				Lanes: lanes, Value: value, Stores: []Store{{To: Access{Buf: y, Index: []Affine{Ax(0)}}, Expr: Total(ir.F32)}}}}
			data := randoms(63, 5)
			part := make([]float32, lanes)
			for i := range 3 {
				for j := range 21 {
					if product {
						part[j%lanes] = bigFMA(data[i*21+j], data[i*21+20-j], part[j%lanes])
					} else {
						part[j%lanes] += data[i*21+j]
					}
				}
			}
			for ; lanes > 1 && len(part) > 1; part = part[:len(part)/2] {
				for i := range len(part) / 2 {
					part[i] += part[i+len(part)/2]
				}
			}
			mem := mustRun(t, f, nil, map[string][]float32{"x": data})
			wantFloats(t, mem.Floats(y, nil), part[:1])
		}
	}
}

const gatherText = `func f[N] {
  input table: f32[4,2]
  input id: i32[N]
  output row: f32[N,2]
  output grad: f32[4,2]
  map zero (i:4, j:2) {
    grad[i, j] = 0.0
  }
  gather embed (n:N, j:2) {
    row[n, j] = table[@(id[n]), j]
  }
  gather embed.grad (n:N, j:2) {
    grad[1+@(id[n] - 1), j] += row[n, j]
  }
}
`

func TestRunGather(t *testing.T) {
	f, err := Parse("gather.loop", []byte(gatherText))
	if err != nil {
		t.Fatal(err)
	}
	sizes := map[string]int{"N": 5}
	mem, err := NewMemory(f, sizes)
	if err != nil {
		t.Fatal(err)
	}
	mem.SetFloats(f.Buffer("table"), sizes, []float32{0, 1, 10, 11, 20, 21, 30, 31})
	minus := int32(-7)
	mem.SetWords(f.Buffer("id"), sizes, []uint32{2, uint32(minus), 3, 99, 2})
	if err := Run(f, sizes, mem); err != nil {
		t.Fatal(err)
	}
	wantFloats(t, mem.Floats(f.Buffer("row"), sizes), []float32{20, 21, 0, 1, 30, 31, 30, 31, 20, 21})
	wantFloats(t, mem.Floats(f.Buffer("grad"), sizes), []float32{0, 1, 0, 0, 40, 42, 60, 62})
}

// TestRunScan computes running sums forwards and backwards: h[t+1] = 2*h[t] + x[t].
func TestRunScan(t *testing.T) {
	const text = `func f {
  input x: f32[4]
  output h: f32[5]
  output g: f32[5]
  map zero () {
    h[0] = 0.0
    g[4] = 0.0
  }
  scan up (t:4) {
    map step () {
      h[t+1] = fma(h[t], 2.0, x[t])
    }
  }
  scan down (t:4) reverse {
    map step () {
      g[t] = g[t+1] * 2.0 + x[t]
    }
  }
}
`
	f, err := Parse("scan.loop", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	mem := mustRun(t, f, nil, map[string][]float32{"x": {1, 2, 3, 4}})
	wantFloats(t, mem.Floats(f.Buffer("h"), nil), []float32{0, 1, 4, 11, 26})
	wantFloats(t, mem.Floats(f.Buffer("g"), nil), []float32{49, 24, 11, 4, 0})
}

// TestRunCodes checks each operation at telling points.
func TestRunCodes(t *testing.T) {
	inf, nan, neg0 := float32(math.Inf(1)), float32(math.NaN()), float32(math.Copysign(0, -1))
	for _, c := range []struct {
		expr string
		want float32
	}{
		{"a[] + b[]", 5}, {"a[] - b[]", -1}, {"a[] * b[]", 6}, {"a[] / b[]", float32(2) / 3}, {"max(nan[], a[])", nan}, {"max(a[], nan[])", nan}, {"min(nan[], a[])", nan},
		{"min(a[], nan[])", nan}, {"1.0 / max(0.0, -0.0)", inf}, {"1.0 / max(-0.0, 0.0)", -inf}, {"1.0 / min(0.0, -0.0)", inf}, {"max(a[], b[])", 3}, {"min(a[], b[])", 2},
		{"neg(a[])", -2}, {"abs(-2.5)", 2.5}, {"neg(0.0)", neg0}, {"sqrt(a[])", float32(math.Sqrt2)}, {"fma(a[], b[], 1.0)", 7}, {"floor(-0.5)", -1},
		{"ceil(-0.5)", neg0}, {"round(2.5)", 2}, {"round(-3.5)", -4}, {"exp(0.0)", 1}, {"log(0.0)", -inf}, {"log(-1.0)", nan}, {"tanh(inf)", 1},
		{"sigmoid(0.0)", 0.5}, {"erf(inf)", 1}, {"select(a[] < b[], 1.0, 2.0)", 1}, {"select(nan[] < b[], 1.0, 2.0)", 2}, {"select(nan[] != nan[], 1.0, 2.0)", 1},
		{"select((a[] <= a[]) & not(a[] == b[]), 1.0, 2.0)", 1}, {"f32(16777217)", 16777216}, {"f32(i32(2.5))", 2}, {"f32(i32(nan[]))", -2147483648},
		{"f32(i32(3e9))", -2147483648}, {"f32(7 & 12 | 1 ^ 3)", 6}, {"f32(1 << 4)", 16}, {"f32(-1 >> 28)", 15}, {"f32(max(-3, 2))", 2}, {"f32(abs(-3))", 3},
		{"f32(2147483647 + 1)", -2147483648}, {"f32(hash(1) & 65535)", float32(lowbias32(1) & 65535)}, {"f32(index(2*n+n-1))", 2}, {"f32(neg(3))", -3},
		{"f32(3 * -4 - 1)", -13}, {"f32(-7 / 2)", -3}, {"f32(7 / 0)", 0}, {"f32(-2147483648 / -1)", -2147483648}, {"expm1(-0.0)", neg0}, {"expm1(inf)", inf},
		{"log1p(-1.0)", -inf}, {"sin(inf)", nan}, {"cos(0.0)", 1}, {"atan(-inf)", -math.Pi / 2}, {"pow(-2.0, 3.0)", -8}, {"pow(nan[], 0.0)", 1},
		{"from_bits(to_bits(-1.5) ^ -2147483648)", 1.5}, {"f32(to_bits(1.0))", 1065353216}, {"f32(min(-3, 2))", -3}, {"select(1 < 2, f32(select(3 == 3, 1, 2)), 0.0)", 1}, {"select(true ^ true, 1.0, 2.0)", 2},
	} {
		text := "func f { input a: f32[] input b: f32[] input nan: f32[] output y: f32[2] map m (n:2) { y[n] = " + c.expr + " } }"
		f, err := Parse("e.loop", []byte(text))
		if err != nil {
			t.Errorf("%s: %v", c.expr, err)
			continue
		}
		mem := mustRun(t, f, nil, map[string][]float32{"a": {2}, "b": {3}, "nan": {nan}})
		if got := mem.Floats(f.Buffer("y"), nil)[1]; !sameFloat(got, c.want) {
			t.Errorf("%s = %v, want %v", c.expr, got, c.want)
		}
	}
}

// TestLowbias32 holds values of the published function, computed by hand from its definition for 0 and checked to be a bijection on a sample.
func TestLowbias32(t *testing.T) {
	seen := map[uint32]bool{}
	for i := range uint32(100000) {
		h := lowbias32(i)
		if seen[h] {
			t.Fatalf("two inputs hash to %#x", h)
		}
		seen[h] = true
	}
	if lowbias32(0) != 0 {
		t.Error("0 does not hash to 0")
	}
}

func TestRunFolds(t *testing.T) {
	const text = `func f {
  input x: f32[2,3]
  input i: i32[3]
  output max: f32[2]
  output min: f32[2]
  output prod: f32[2]
  output imax: i32[]
  output empty: f32[]
  reduce a (n:2) max (k:3) {
    value x[n, k]
    max[n] = acc
  }
  reduce b (n:2) min (k:3) lanes 8 {
    value x[n, k]
    min[n] = acc
  }
  reduce c (n:2) prod (k:3) {
    value x[n, k] * 2.0
    prod[n] = acc
  }
  reduce d () max (k:3) {
    value i[k]
    imax[] = acc
  }
  reduce e () max (k:0) {
    value x[0, k]
    empty[] = acc
  }
}
`
	f, err := Parse("fold.loop", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	nan := float32(math.NaN())
	mem, _ := NewMemory(f, nil)
	mem.SetFloats(f.Buffer("x"), nil, []float32{1, -4, 3, 2, nan, 5})
	neg := int32(-9)
	mem.SetWords(f.Buffer("i"), nil, []uint32{uint32(neg), 4, 2})
	if err := Run(f, nil, mem); err != nil {
		t.Fatal(err)
	}
	wantFloats(t, mem.Floats(f.Buffer("max"), nil), []float32{3, nan})
	wantFloats(t, mem.Floats(f.Buffer("min"), nil), []float32{-4, nan})
	wantFloats(t, mem.Floats(f.Buffer("prod"), nil), []float32{-96, nan})
	wantFloats(t, mem.Floats(f.Buffer("empty"), nil), []float32{float32(math.Inf(-1))})
	if got := mem.Words(f.Buffer("imax"), nil)[0]; got != 4 {
		t.Errorf("the greatest is %d", int32(got))
	}
}

// TestRunArena lets parameters share storage with the flat arena over them, as the optimizer sees it.
func TestRunArena(t *testing.T) {
	const text = `func f[P] {
  weight a: f32[2]
  weight b: f32[2,2]
  weight $weight: f32[P]
  map sgd (p:P) {
    $weight[p] = $weight[p] * 2.0
  }
  map more (i:2) {
    a[i] = a[i] + b[i, 1]
  }
}
`
	f, err := Parse("arena.loop", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	arena := make([]uint32, 8)
	for i := range arena {
		arena[i] = math.Float32bits(float32(i))
	}
	mem := Memory{f.Buffer("a"): arena[0:2], f.Buffer("b"): arena[4:8], f.Buffer("$weight"): arena}
	sizes := map[string]int{"P": 8}
	if err := Run(f, sizes, mem); err != nil {
		t.Fatal(err)
	}
	wantFloats(t, mem.Floats(f.Buffer("$weight"), sizes), []float32{10, 16, 4, 6, 8, 10, 12, 14})
}

func TestRunErrors(t *testing.T) {
	f := convFunc()
	if err := Run(f, nil, Memory{}); err == nil || !strings.Contains(err.Error(), "no size is given for symbol N") {
		t.Error(err)
	}
	sizes := map[string]int{"N": 1}
	if err := Run(f, sizes, nil); err == nil {
		t.Error("no memory passes")
	}
	if err := Run(f, sizes, Memory{}); err == nil || !strings.Contains(err.Error(), "no storage is given for input image") {
		t.Error(err)
	}
	mem, err := NewMemory(f, sizes)
	if err != nil {
		t.Fatal(err)
	}
	mem[f.Buffers[0]] = mem[f.Buffers[0]][:10]
	if err := Run(f, sizes, mem); err == nil || !strings.Contains(err.Error(), "10 elements of storage and needs 84") {
		t.Error(err)
	}
	if _, err := NewMemory(f, map[string]int{"N": 1 << 40}); err == nil {
		t.Error("a huge batch passes")
	}
	f.Symbols[0].Max = 2
	if _, err := NewMemory(f, map[string]int{"N": 3}); err == nil {
		t.Error("a batch above its bound passes")
	}
}

func BenchmarkRunConv(b *testing.B) {
	f := convFunc()
	sizes := map[string]int{"N": 1000}
	mem, err := NewMemory(f, sizes)
	if err != nil {
		b.Fatal(err)
	}
	for range b.N {
		if err := Run(f, sizes, mem); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*1000*5*5*4*12/float64(b.Elapsed().Nanoseconds())*1e3, "Mfma/s")
}

// TestPlannedMemory runs a program in an arena, under a plan that is right and under one in which two live buffers share a place.
func TestPlannedMemory(t *testing.T) {
	const text = `func f[N] {
  plan per_example 8 fixed 2
  input x: f32[N,2] at 0
  temp a: f32[N,2] at 2
  temp b: f32[N,2] at PLACE
  temp s: f32[2] at 0
  output y: f32[N,2] at 6
  map a (n:N, i:2) {
    a[n, i] = x[n, i] + 1.0
    b[n, i] = x[n, i] * 2.0
  }
  reduce s (i:2) sum (n:N) {
    value a[n, i]
    s[i] = acc
  }
  map y (n:N, i:2) {
    y[n, i] = a[n, i] * b[n, i] + s[i]
  }
}
`
	sizes := map[string]int{"N": 3}
	run := func(place string, planned bool) []float32 {
		f, err := Parse("plan.loop", []byte(strings.Replace(text, "PLACE", place, 1)))
		if err != nil {
			t.Fatal(err)
		}
		alloc := NewMemory
		if planned {
			alloc = PlannedMemory
		}
		mem, err := alloc(f, sizes)
		if err != nil {
			t.Fatal(err)
		}
		mem.SetFloats(f.Buffer("x"), sizes, []float32{1, 2, 3, 4, 5, 6})
		if err := Run(f, sizes, mem); err != nil {
			t.Fatal(err)
		}
		return mem.Floats(f.Buffer("y"), sizes)
	}
	want := []float32{2*2 + 12, 3*4 + 15, 4*6 + 12, 5*8 + 15, 6*10 + 12, 7*12 + 15}
	wantFloats(t, run("4", false), want)
	wantFloats(t, run("4", true), want)
	if got := run("2", true); sameFloat(got[0], want[0]) {
		t.Error("a plan that puts two live buffers in one place goes unnoticed")
	}
}
