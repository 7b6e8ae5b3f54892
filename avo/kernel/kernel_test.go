package kernel_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/dlc-ml/dlc/avo/interp"
	"github.com/dlc-ml/dlc/avo/kernel"
	"github.com/dlc-ml/dlc/avo/vec"
	"github.com/dlc-ml/dlc/dsl"
	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
	"github.com/dlc-ml/dlc/passes"
	"github.com/dlc-ml/dlc/passes/pass"
)

// targets are all that kernels are made for, those without a printer included: what the interpreter runs is what a printer will print.
var targets = []vec.Target{vec.AVX2, vec.AVX512, vec.NEON, vec.Go}

// models exercise every form, odd extents and tails. Those called exact use no function that the reference computes in another way.
var models = map[string]string{
	"exact_conv": `model m {
    input  x: f32[9, 7, 3]
    target y: f32[5]
    a = x |> conv2d(6, kernel=3, padding="same", stride=2) |> relu |> max_pool(2)
    b = a |> conv2d(4, kernel=1, groups=2) |> relu |> avg_pool(2, stride=1)
    output out = b |> flatten |> dense(13) |> relu |> dense(5)
    train { loss = mse(out, y)
        optimizer = sgd(momentum=0.9, nesterov=true) }
}`,
	"exact_wide": `model m {
    input  x: f32[37]
    target y: f32[19]
    output out = x |> dense(67) |> relu |> dropout(0.4) |> dense(19)
    train { loss = mse(out, y)
        penalty = l2(0.01)
        optimizer = adam() }
}`,
	"exact_norm": `model m {
    input  x: f32[7, 5, 3]
    target y: f32[4]
    a = x |> conv2d(11, kernel=3, bias=false) |> batch_norm |> relu |> conv2d(6, kernel=1) |> batch_norm(momentum=0.3)
    output out = a |> flatten |> dense(9) |> batch_norm |> relu |> dense(4)
    train { loss = mse(out, y)
        optimizer = adam() }
}`,
	"exact_axes": `model m {
    input  x: f32[13, 4]
    input  v: f32[5, 4, 6, 2]
    target y: f32[7]
    a = x |> conv1d(6, kernel=3, padding="same", stride=2, groups=2) |> relu |> max_pool(2, ceil_mode=true) |> flatten
    b = v |> conv3d(5, kernel=[2, 3, 2], padding="same_lower") |> relu |> avg_pool([2, 1, 3], stride=2, padding="same") |> global_avg_pool
    output out = dense(a, 7) + dense(b, 7)
    train { loss = mse(out, y)
        optimizer = sgd() }
}`,
	"exact_shapes": `model m {
    input a: f32[3, 5, 4]
    input b: f32[4, 6]
    output p = a |> transpose([0, 3, 1, 2]) |> reduce_max([2])
    output q = matmul(a |> reshape([15, 4]), b) |> reduce_sum([1])
    output r = -(a * a) + 3 / (abs(a) + 1) - a |> reduce_min([1, 3])
    output s = min(max(a, 0.25), 0.75) |> flatten
}`,
	"exact_rnn": `model m {
    input  x: f32[5, 7]
    input  steps: i32
    target y: f32[3]
    a = x |> rnn(9, activation="relu", bidirectional=true, lengths=steps)
    output out = a |> rnn(11, activation="relu", reverse=true, return="last") |> dense(3)
    train { loss = mse(out, y)
        optimizer = sgd() }
}`,
	"lstm": `model m {
    input  x: f32[3, 3]
    input  steps: i32
    input  h: f32[10]
    input  c: f32[10]
    target y: class[4]
    a, g = x |> lstm(10, lengths=steps, initial_h=h, initial_c=c, peepholes=true, forget_bias=1)
    output last = g
    output out = a |> lstm(9, bidirectional=true, return="last") |> dense(4)
    train { loss = cross_entropy(out, y) }
}`,
	"gru": `model m {
    input  x: f32[3, 5]
    input  steps: i32
    input  h: f32[11]
    target y: class[4]
    a = x |> gru(11, lengths=steps, initial_h=h)
    output out = a |> gru(9, bidirectional=true, reset_after=false, return="last", bias=false) |> dense(4)
    train { loss = cross_entropy(out, y) }
}`,
	"exact_lamb": `model m {
    input  x: f32[21]
    target y: f32[3]
    output out = x |> dense(70) |> relu |> dense(70) |> relu |> dense(3)
    train { loss = mse(out, y)
        optimizer = lamb(clip_norm=0.1, clip_value=0.05, weight_decay=0.1)
        parameters = [rate("out.dense_2.*", 0.1), decay("*.bias", 0), max_norm("*weight", 0.5), freeze("out.dense_3.bias")]
        average = ema(0.9) }
}`,
	"exact_sums": `model m {
    input  x: f32[21]
    target y: f32[3]
    output out = x |> dense(35) |> relu |> dense(3)
    train { loss = mse(out, y)
        optimizer = nadam(clip_norm=0.01, weight_decay=0.1)
        accumulate = 3 }
}`,
	"exact_rmsprop":  learned("rmsprop(momentum=0.5, centered=true, clip_value=0.01)"),
	"exact_radam":    learned("radam()"),
	"exact_adagrad":  learned("adagrad(rate_decay=0.1, initial=0.2)"),
	"exact_adadelta": learned("adadelta()"),
	"exact_lion":     learned("lion(weight_decay=0.1)"),
	"exact_amsgrad":  learned("amsgrad(weight_decay=0.1)"),
	"exact_elements": `model m {
    input a: f32[37]
    input k: i32[37]
    low = less(a, 0.1)
    n   = k - 5
    byte = cast(n * 60, "i8")
    output halves = cast(cast(a * 3, "f16") * 7, "f32") - cast(cast(a, "bf16") + 1, "f32")
    output picked = where(logical_and(low, not_equal(k, 3)), clip(a, -0.5, 0.75), sign(a) + mod(a, 0.3))
    output whole  = cast(byte, "i32") / (n - 1) + mod(k * 1000, n) + bitwise_shift(k, n) + max(k, n, 2) * abs(n)
    output powers = cast(pow(cast(n, "u8"), cast(k, "u8")), "i32") + cast(isnan(a / 0), "i32") + bitwise_not(k)
    output steps  = floor(a * 4) + ceil(a) * round(a * 3) + square(reciprocal(a)) - rsqrt(abs(a)) + relu6(a * 9)
    output lines  = hard_swish(a * 4) + hard_sigmoid(a) + thresholded_relu(a) + leaky_relu(a) + softsign(a) + hardmax(a)
}`,
	"more_functions": `model m {
    input  x: f32[23]
    target y: class[11]
    a = x |> dense(13) |> prelu |> gelu
    b = a |> dense(14) |> glu |> mish
    c = b |> dense(9) |> gelu(approximate="tanh") |> silu |> softplus
    d = exp2(sin(c)) + expm1(cos(a |> dense(9))) + log1p(sigmoid(c))
    e = elu(atan(d)) + selu(asinh(d)) * celu(tanh(d)) + pow(softplus(c), 1.5) - pow(c, 2) + erf(d)
    output out = e |> dense(11)
    output f = sinh(d) + cosh(c) + asin(tanh(d)) + acos(tanh(c)) + atanh(tanh(c) / 2) + acosh(1 + c) + tan(d)
    train { loss = cross_entropy(out, y) }
}`,
	"functions": `model m {
    input  x: f32[23]
    target y: class[11]
    output out = x |> dense(29) |> tanh |> dense(17) |> sigmoid |> dense(11)
    output p = softmax(out)
    output q = log_softmax(exp(out))
    train { loss = cross_entropy(out, y)
        metric = accuracy(out, y) }
}`,
}

// learned is a small model with an optimizer.
func learned(optimizer string) string {
	return `model m {
    input  x: f32[5]
    target y: f32[3]
    output out = x |> dense(3)
    train { loss = mse(out, y)
        optimizer = ` + optimizer + ` }
}`
}

func compile(t *testing.T, src string) *pass.Unit {
	t.Helper()
	m, err := dsl.Compile("m.dl", []byte(src), dsl.Options{})
	if err != nil {
		t.Fatal(err)
	}
	u, err := passes.Run(m, &pass.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// memory fills a program's storage: parameters in the arenas that the optimizer sees as one, inputs, labels and run-time scalars.
func memory(t *testing.T, u *pass.Unit, f *loop.Func, sizes map[string]int) loop.Memory {
	t.Helper()
	mem, err := loop.NewMemory(f, sizes)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	arenas := map[loop.Space][]uint32{loop.Weight: make([]uint32, u.ArenaLen+64), loop.Grad: make([]uint32, u.ArenaLen+64)}
	for i := range arenas[loop.Weight] {
		arenas[loop.Weight][i] = math.Float32bits(float32(rng.NormFloat64()) / 4)
	}
	for _, b := range f.Buffers {
		switch b.Space {
		case loop.Weight, loop.Grad:
			mem[b] = arenas[b.Space]
			for _, pl := range u.Places {
				if pl.Param.Name == strings.TrimSuffix(b.Name, ".grad") {
					mem[b] = arenas[b.Space][pl.Offset:]
				}
			}
		case loop.State:
			for i := range mem[b] { // second moments are not negative
				mem[b][i] = math.Float32bits(float32(math.Abs(rng.NormFloat64())) / 8)
			}
		case loop.Input:
			for i := range mem[b] {
				if b.Elem == ir.I32 {
					mem[b][i] = uint32(i % 11)
				} else {
					mem[b][i] = math.Float32bits(float32(rng.NormFloat64()))
				}
			}
		case loop.Scalar:
			v := map[string]float32{"$batch": float32(sizes["N"]), "$lr": 0.05, "$rest1": 0.1, "$rest2": 0.03, "$more": 1, "$share": 0.2}[b.Name]
			if v == 0 {
				v = 0.7 // a scalar of an optimizer
			}
			if mem[b][0] = math.Float32bits(v); b.Elem == ir.I32 {
				mem[b][0] = 3
			}
		}
	}
	return mem
}

// run executes f by its kernels for one target.
func run(t *testing.T, u *pass.Unit, f *loop.Func, target vec.Target, n int, mem loop.Memory) {
	t.Helper()
	known := map[string]int{"P": u.Trainable}
	table := make([]float32, 1<<16)
	for i := range table {
		table[i] = math.Float32frombits(uint32(i))
	}
	type made struct {
		b  *kernel.Builder
		fn *vec.Func
	}
	kernels := map[*loop.Nest]made{}
	kernelOf := func(nest *loop.Nest, steps []loop.Axis) made {
		if k, ok := kernels[nest]; ok {
			return k
		}
		b, err := kernel.New(nest, known, steps...)
		if err != nil {
			t.Fatal(err)
		}
		fn, err := b.Build("k", target)
		if err != nil {
			t.Fatal(err)
		}
		if target.Lanes > 1 {
			if fn, err = vec.Allocate(fn); err != nil {
				t.Fatal(err)
			}
		}
		kernels[nest] = made{b, fn}
		return kernels[nest]
	}
	runNest := func(nest *loop.Nest, at []int, steps ...loop.Axis) {
		k := kernelOf(nest, steps)
		b, fn := k.b, k.fn
		rows := 1
		if !b.Grid.None {
			if rows = b.Grid.Extent; b.Grid.PerBatch {
				rows *= n
			}
		}
		// Pieces of an odd size meet main and tail rows in every place.
		piece := max(1, min(b.Grid.Chunk, 2*b.Grid.Tile+1))
		pieces := (rows + piece - 1) / piece
		cuts := max(b.Cuts, 1)
		for i := range pieces * cuts {
			if !b.Grid.Ordered {
				i = pieces*cuts - 1 - i // no order must show where threads may share the pieces
			}
			cut := i / pieces
			i %= pieces
			lo := i * piece
			hi := min(rows, lo+piece)
			var args []interp.Memory
			for _, a := range b.Args {
				data := table
				if a.Buf != nil {
					w := mem[a.Buf.Root()]
					data = unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(w))), len(w))
				}
				first := a.Offset + lo*a.Stride + cut*a.Cut
				for i, c := range a.Steps {
					first += c * at[i]
				}
				args = append(args, interp.Memory{Data: data, At: first})
			}
			var counts []int
			if !b.Grid.None {
				if tile := b.Grid.Tile; tile > 1 {
					counts = append(counts, (hi-lo)/tile, (hi-lo)%tile)
				} else {
					counts = append(counts, hi-lo)
				}
			}
			if b.Batch {
				counts = append(counts, n)
			}
			blocks := [][2]int{{0, n}} // of the examples that are summed over
			if b.Block > 0 {
				blocks = [][2]int{{0, 1}, {1, n}}
				counts = append(counts, 0)
			}
			for _, block := range blocks[:min(n, len(blocks))] {
				if b.Block > 0 {
					counts[len(counts)-2], counts[len(counts)-1] = block[1]-block[0], min(1, block[0])
				}
				here := slices.Clone(args)
				for i, a := range b.Args {
					here[i].At += block[0] * a.Example
				}
				if err := interp.Run(fn, here, counts); err != nil {
					t.Fatalf("%s on %s: %v\n%s", nest.Name, target.Name, err, nest)
				}
			}
		}
	}
	for _, nest := range f.Nests {
		if nest.Form != loop.Scan {
			runNest(nest, nil)
			continue
		}
		steps := 1
		for _, a := range nest.Axes {
			steps *= a.Extent.Size
		}
		for t := range steps {
			if nest.Reverse {
				t = steps - 1 - t
			}
			at := make([]int, len(nest.Axes))
			for i, a := range slices.Backward(nest.Axes) {
				at[i], t = t%a.Extent.Size, t/a.Extent.Size
			}
			for _, n := range nest.Body {
				runNest(n, at, nest.Axes...)
			}
		}
	}
}

// visible are the buffers that outlive a program.
func visible(f *loop.Func) []*loop.Buffer {
	var list []*loop.Buffer
	for _, b := range f.Buffers {
		switch b.Space {
		case loop.Output, loop.Weight, loop.Grad, loop.State:
			list = append(list, b)
		}
	}
	return list
}

// TestKernels runs whole programs, training steps included, by their kernels on every target and compares with the loop interpreter: bit for
// bit, but within a tolerance where a program uses a function that the interpreter computes in float64.
func TestKernels(t *testing.T) {
	sources := map[string]string{}
	for name, src := range models {
		sources[name] = src
	}
	digits, err := os.ReadFile("../../examples/digits/digits.dl")
	if err != nil {
		t.Fatal(err)
	}
	sources["digits"] = string(digits)
	for name, src := range sources {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u := compile(t, src)
			for _, f := range u.Loops {
				for _, n := range []int{1, 3} {
					compare(t, u, f, n, strings.HasPrefix(name, "exact"))
				}
			}
		})
	}
}

func compare(t *testing.T, u *pass.Unit, f *loop.Func, n int, exact bool) {
	t.Helper()
	sizes := map[string]int{"N": n, "P": u.Trainable}
	want := memory(t, u, f, sizes)
	if err := loop.Run(f, sizes, want); err != nil {
		t.Fatal(err)
	}
	var first loop.Memory
	for _, target := range targets {
		got := memory(t, u, f, sizes)
		run(t, u, f, target, n, got)
		where := fmt.Sprintf("%s of %d on %s", f.Name, n, target.Name)
		for _, b := range visible(f) {
			differ(t, where+" against the interpreter", b, want[b], got[b], exact)
			if first != nil {
				differ(t, where+" against "+targets[0].Name, b, first[b], got[b], true)
			}
		}
		if first == nil {
			first = got
		}
	}
}

// differ reports the first element at which two storages differ.
func differ(t *testing.T, where string, b *loop.Buffer, want, got []uint32, exact bool) {
	t.Helper()
	for i := range want {
		x, y := float64(math.Float32frombits(want[i])), float64(math.Float32frombits(got[i]))
		if want[i] == got[i] || x != x && y != y || !exact && math.Abs(x-y) <= 1e-5+1e-3*math.Abs(x) {
			continue
		}
		t.Errorf("%s: %s[%d] is %g (%#x), want %g (%#x)", where, b.Name, i, y, got[i], x, want[i])
		return
	}
}
