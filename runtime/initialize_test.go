package runtime

import (
	"hash/fnv"
	"math"
	"testing"
)

// started returns a parameter as it starts.
func started(t *testing.T, p paramInfo) []float32 {
	t.Helper()
	n := 1
	p.strides = make([]int, len(p.shape))
	for i := len(p.shape) - 1; i >= 0; i-- {
		p.strides[i] = n
		n *= p.shape[i]
	}
	w, err := initialWeights(&modelInfo{name: "m", arena: (n + 15) / 16 * 16, params: []paramInfo{p}}, 5)
	if err != nil {
		t.Fatal(err)
	}
	return w[:n]
}

func TestDistributions(t *testing.T) {
	const n = 200000
	for _, c := range []struct {
		kind                  string
		scale, mean           float64
		low, high, dev, slack float64
	}{
		{"uniform", 0.5, 0, -0.5, 0.5, 0.5 / math.Sqrt(3), 0.002},
		{"uniform", 0.25, 1, 0.75, 1.25, 0.25 / math.Sqrt(3), 0.002},
		{"normal", 0.02, 0, -0.2, 0.2, 0.02, 2e-4},
		{"normal", 2, -3, -20, 14, 2, 0.02},
		{"truncated_normal", 1, 0, -2, 2, 0.87962566, 0.005},
		{"truncated_normal", 0.1, 1, 0.8, 1.2, 0.087962566, 5e-4},
	} {
		sum, squares := 0.0, 0.0
		for _, v := range started(t, paramInfo{name: "w", shape: []int{n}, init: c.kind, scale: c.scale, mean: c.mean}) {
			x := float64(v)
			if x < c.low-1e-6 || x > c.high+1e-6 {
				t.Fatalf("%+v: %g", c, x)
			}
			sum += x
			squares += (x - c.mean) * (x - c.mean)
		}
		if mean, dev := sum/n, math.Sqrt(squares/n); math.Abs(mean-c.mean) > c.slack*3 || math.Abs(dev-c.dev) > c.slack {
			t.Errorf("%+v: the mean is %g and the deviation %g", c, mean, dev)
		}
	}
}

// TestOrthogonal multiplies matrices of all forms with their transposes.
func TestOrthogonal(t *testing.T) {
	for _, shape := range [][]int{{7, 7}, {9, 4}, {4, 9}, {3, 2, 5, 8}, {5}, {1, 1}, {64, 64}} {
		w := started(t, paramInfo{name: "w", shape: shape, init: "orthogonal", scale: 2})
		cols := shape[len(shape)-1]
		rows := len(w) / cols
		for i := range min(rows, cols) {
			for j := range min(rows, cols) {
				sum := 0.0
				for k := range max(rows, cols) {
					a, b := i*cols+k, j*cols+k
					if rows >= cols {
						a, b = k*cols+i, k*cols+j
					}
					sum += float64(w[a]) * float64(w[b])
				}
				if want := map[bool]float64{true: 4}[i == j]; math.Abs(sum-want) > 1e-5 {
					t.Fatalf("%v: vectors %d and %d have the product %g, not %g", shape, i, j, sum, want)
				}
			}
		}
	}
}

func TestIdentity(t *testing.T) {
	for _, c := range []struct {
		shape []int
		ones  []int
	}{{[]int{2, 3}, []int{0, 4}}, {[]int{3, 2}, []int{0, 3}}, {[]int{3, 3, 1, 2}, []int{8}}, {[]int{2}, []int{0, 1}}} {
		w := started(t, paramInfo{name: "w", shape: c.shape, init: "identity", scale: 1})
		for i, v := range w {
			want := float32(0)
			for _, o := range c.ones {
				if o == i {
					want = 1
				}
			}
			if v != want {
				t.Errorf("%v: element %d is %g", c.shape, i, v)
			}
		}
	}
}

// TestInitialBits holds the bits of what parameters start as: a change means that seeds mean something else.
func TestInitialBits(t *testing.T) {
	h := fnv.New64a()
	for _, kind := range []string{"zeros", "ones", "constant", "uniform", "normal", "truncated_normal", "orthogonal", "identity"} {
		for _, v := range started(t, paramInfo{name: "hidden.dense.weight", shape: []int{33, 17}, init: kind, scale: 0.3, mean: 0.1}) {
			b := math.Float32bits(v)
			h.Write([]byte{byte(b), byte(b >> 8), byte(b >> 16), byte(b >> 24)})
		}
	}
	if got := h.Sum64(); got != initialBits {
		t.Errorf("the sum of the bits is %#x, not %#x", got, uint64(initialBits))
	}
}

const initialBits = 0x4bab1cf2e2b98f34
