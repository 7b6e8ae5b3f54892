package onnx

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// narrowValues are all numbers of a format by their bits.
func narrowValues(to DataType) (list []float64) {
	for bits := range 1 << map[bool]int{true: 4, false: 8}[to == Float4E2M1] {
		list = append(list, storages[to].read(uint64(bits)))
	}
	return list
}

// TestMinifloats checks a few numbers of each format that the standard names.
func TestMinifloats(t *testing.T) {
	for _, c := range []struct {
		t    DataType
		bits uint64
		want float64
	}{
		{Float8E4M3FN, 0x7e, 448}, {Float8E4M3FN, 0x7f, math.NaN()}, {Float8E4M3FN, 0xff, math.NaN()}, {Float8E4M3FN, 0x01, 0x1p-9}, {Float8E4M3FN, 0x08, 0x1p-6}, {Float8E4M3FN, 0xb8, -1},
		{Float8E4M3FNUZ, 0x7f, 240}, {Float8E4M3FNUZ, 0x80, math.NaN()}, {Float8E4M3FNUZ, 0x01, 0x1p-10}, {Float8E4M3FNUZ, 0x40, 1},
		{Float8E5M2, 0x7b, 57344}, {Float8E5M2, 0x7c, math.Inf(1)}, {Float8E5M2, 0xfc, math.Inf(-1)}, {Float8E5M2, 0x7d, math.NaN()}, {Float8E5M2, 0x01, 0x1p-16},
		{Float8E5M2FNUZ, 0x7f, 57344}, {Float8E5M2FNUZ, 0x80, math.NaN()}, {Float8E5M2FNUZ, 0x01, 0x1p-17},
		{Float4E2M1, 0x7, 6}, {Float4E2M1, 0x1, 0.5}, {Float4E2M1, 0xf, -6}, {Float8E8M0, 0, 0x1p-127}, {Float8E8M0, 0xfe, 0x1p127}, {Float8E8M0, 0xff, math.NaN()},
		{Int4, 0xf, -1}, {Int4, 0x7, 7}, {Uint4, 0xf, 15}, {Int2, 0x2, -2}, {Uint2, 0x3, 3},
	} {
		if got := storages[c.t].read(c.bits); got != c.want && (got == got || c.want == c.want) {
			t.Errorf("%#x of %v is %v, want %v", c.bits, c.t, got, c.want)
		}
	}
}

// TestNarrowCastOracle brings numbers to narrow formats, and looks for the nearest among all that a format has: of two the one with even bits.
func TestNarrowCastOracle(t *testing.T) {
	r := rand.New(rand.NewPCG(17, 1))
	for to, m := range minifloats {
		values := narrowValues(to)
		x := newArray(400)
		for i := range x.data {
			x.data[i] = float64(float32(math.Ldexp(r.NormFloat64(), r.IntN(40)-22)))
		}
		copy(x.data, []float64{0, math.Copysign(0, -1), math.Inf(1), math.Inf(-1), math.NaN(), 0x1p-30, -0x1p-30, m.most, -m.most, 1e9, 0x1p-149})
		at := 20
		for i := range values { // ties
			if i+1 < len(values) && values[i] < values[i+1] && values[i+1] < math.Inf(1) && at < len(x.data) {
				x.data[at] = (values[i] + values[i+1]) / 2
				at++
			}
		}
		for saturate := range 2 {
			y := newArray(len(x.data))
			for i, v := range x.data {
				y.data[i] = nearest(m, values, v, saturate == 1 || !m.nan)
			}
			(&asked{"Cast", "", 25, []*given{operand("x", x)}, 1, [][]byte{wholeAttr("to", int(to)), wholeAttr("saturate", saturate)}}).agree(t, fmt.Sprint(to, saturate), y)
		}
	}
}

// nearest is the number of a format that is nearest to x. One step beyond the largest there is another, which counts as too large.
func nearest(m *minifloat, values []float64, x float64, saturate bool) float64 {
	if x != x {
		return x
	}
	best, even := math.NaN(), false
	beyond, half := 0.0, len(values)/2
	for i := range half { // as far from the largest number as that is from the one below it
		if values[i] == m.most {
			beyond = m.most + m.most - values[i-1]
		}
	}
	size := math.Abs(x)
	for i, v := range append(append([]float64{}, values[:half]...), beyond) {
		if v != v || math.IsInf(v, 0) {
			continue
		}
		better := best != best || math.Abs(v-size) < math.Abs(best-size) || math.Abs(v-size) == math.Abs(best-size) && !even
		if better {
			best, even = v, i%2 == 0
		}
	}
	if math.IsInf(size, 0) || best == beyond {
		switch {
		case saturate:
			best = m.most
		case m.infinite:
			best = math.Inf(1)
		default:
			return math.NaN()
		}
	}
	if best == 0 && m.unsignedZero {
		return 0
	}
	return math.Copysign(best, x)
}

// TestPackedOracle reads weights of few bits, several of which lie in a byte, with scales along an axis or for blocks of it.
func TestPackedOracle(t *testing.T) {
	r := rand.New(rand.NewPCG(17, 2))
	for from, bits := range map[DataType]int{Int4: 4, Uint4: 4, Int2: 2, Uint2: 2, Float4E2M1: 4, Float8E4M3FN: 8, Float8E5M2: 8, Float8E8M0: 8} {
		for _, size := range []int{15, 4000} { // those of many elements stay as they lie in the file
			rows := size / 5
			raw := make([]byte, (size*bits+7)/8)
			w, scale := newArray(rows, 5), normal(r, rows, 3)
			for i := range w.data {
				code := r.IntN(1 << bits)
				if bits == 8 {
					code = 0x30 + r.IntN(0x18)
				}
				raw[i*bits/8] |= byte(code << (i * bits % 8))
				w.data[i] = storages[from].read(uint64(code))
			}
			y := newArray(rows, 5)
			for i := range w.data {
				y.data[i] = w.data[i] * scale.get(i/5, i%5/2)
			}
			operands := []*given{{name: "w", t: from, x: w, raw: raw}, operand("s", scale)}
			(&asked{"DequantizeLinear", "", 25, operands, 1, [][]byte{wholeAttr("axis", 1), wholeAttr("block_size", 2)}}).agree(t, fmt.Sprint(from, size), y)
		}
	}
}

// TestNarrowQuantizeOracle quantizes to types of few bits.
func TestNarrowQuantizeOracle(t *testing.T) {
	r := rand.New(rand.NewPCG(17, 3))
	for to, ends := range map[DataType][2]float64{Int4: {-8, 7}, Uint4: {0, 15}, Int2: {-2, 1}, Uint2: {0, 3}, Int8: {-128, 127}} {
		x, scale := normal(r, 6, 5), &array{nil, []float64{0.25}}
		y := newArray(6, 5)
		for i, v := range x.data {
			y.data[i] = min(max(math.RoundToEven(v/0.25), ends[0]), ends[1])
		}
		(&asked{"QuantizeLinear", "", 25, []*given{operand("x", x), operand("s", scale)}, 1, [][]byte{wholeAttr("output_dtype", int(to))}}).agree(t, fmt.Sprint(to), y)
		for i, v := range x.data { // casts wrap around
			x.data[i] = math.Trunc(v * 20)
			width := ends[1] - ends[0] + 1
			y.data[i] = x.data[i] - width*math.Floor((x.data[i]-ends[0])/width)
		}
		(&asked{"Cast", "", 25, []*given{operand("x", x)}, 1, [][]byte{wholeAttr("to", int(to))}}).agree(t, fmt.Sprint(to), y)
	}
}
