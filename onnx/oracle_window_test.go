package onnx

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// TestPoolOracle compares poolings that are written out tap by tap: with dilations, and with the places of the largest elements.
func TestPoolOracle(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 1))
	for range 60 {
		axes := 1 + r.IntN(3)
		var dims, size, stride, dilation, pads []int
		dims = append(dims, 1+r.IntN(2), 1+r.IntN(2))
		for range axes {
			size, stride, dilation = append(size, 1+r.IntN(3)), append(stride, 1+r.IntN(3)), append(dilation, 1+r.IntN(2))
			dims = append(dims, 5+r.IntN(4))
		}
		for i := range 2 * axes {
			pads = append(pads, r.IntN(size[i%axes]))
		}
		op, ceil, border, columns, p := []string{"MaxPool", "AveragePool", "LpPool"}[r.IntN(3)], r.IntN(2), r.IntN(2), 0, 1+r.IntN(3)
		if op != "MaxPool" {
			dilation[0] = 2
		} else if axes == 2 {
			columns = r.IntN(2)
		}
		x, out := normal(r, dims...), append([]int{}, dims[:2]...)
		for a := range axes {
			room := dims[2+a] + pads[a] + pads[axes+a] - dilation[a]*(size[a]-1) - 1
			count := room/stride[a] + 1
			if ceil == 1 {
				if count = (room+stride[a]-1)/stride[a] + 1; (count-1)*stride[a] >= dims[2+a]+pads[a] {
					count--
				}
			}
			out = append(out, count)
		}
		y, places := newArray(out...), newArray(out...)
		each(out, func(ix []int) {
			sum, count, most, place := 0.0, 0, math.Inf(-1), 0
			each(size, func(tap []int) {
				at, inside, padded := append([]int{}, ix[:2]...), true, true
				for a := range axes {
					k := ix[2+a]*stride[a] + tap[a]*dilation[a] - pads[a]
					inside = inside && k >= 0 && k < dims[2+a]
					padded = padded && k >= -pads[a] && k < dims[2+a]+pads[axes+a]
					at = append(at, k)
				}
				if inside || border == 1 && padded {
					count++
				}
				if !inside {
					return
				}
				switch v := x.get(at...); op {
				case "MaxPool":
					if v > most {
						most, place = v, x.at(at...)
						if columns == 1 {
							place = (at[0]*dims[1]+at[1])*dims[2]*dims[3] + at[3]*dims[2] + at[2]
						}
					}
				case "LpPool":
					sum += math.Pow(math.Abs(v), float64(p))
				default:
					sum += v
				}
			})
			i := y.at(ix...)
			switch op {
			case "MaxPool":
				y.data[i], places.data[i] = most, float64(place)
			case "LpPool":
				y.data[i] = math.Pow(sum, 1/float64(p))
			default:
				y.data[i] = sum / float64(count)
			}
		})
		attrs := [][]byte{wholesAttr("kernel_shape", size...), wholesAttr("strides", stride...), wholesAttr("dilations", dilation...), wholesAttr("pads", pads...), wholeAttr("ceil_mode", ceil)}
		want := []*array{y}
		switch op {
		case "MaxPool":
			attrs, want = append(attrs, wholeAttr("storage_order", columns)), append(want, places)
		case "AveragePool":
			attrs = append(attrs, wholeAttr("count_include_pad", border))
		default:
			attrs = append(attrs, wholeAttr("p", p))
		}
		(&asked{op, "", 19, []*given{operand("x", x)}, len(want), attrs}).agree(t, fmt.Sprint(dims, size, stride, dilation, pads, ceil, border, columns), want...)
	}
}

// permutations calls f with every order of the numbers below n, and the sign of it.
func permutations(n int, f func(order []int, sign float64)) {
	order := seq(0, n)
	var walk func(k int, sign float64)
	walk = func(k int, sign float64) {
		if k == n {
			f(order, sign)
			return
		}
		for i := k; i < n; i++ {
			order[k], order[i] = order[i], order[k]
			s := sign
			if i != k {
				s = -sign
			}
			walk(k+1, s)
			order[k], order[i] = order[i], order[k]
		}
	}
	walk(0, 1)
}

func TestDetOracle(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 2))
	for _, dims := range [][]int{{1, 1}, {2, 2}, {3, 3}, {4, 4}, {2, 5, 5}, {2, 3, 6, 6}, {3, 4, 4}} {
		x := normal(r, dims...)
		if dims[0] == 3 { // zeros on the diagonal, a whole column of them, and two rows that are equal
			size := dims[len(dims)-1]
			for i := range size {
				x.data[x.at(0, i, i)], x.data[x.at(1%dims[0], i, 1)] = 0, 0
				if len(dims) == 3 {
					x.data[x.at(2, 1, i)] = x.get(2, 3, i)
				}
			}
		}
		size := dims[len(dims)-1]
		y := newArray(dims[:len(dims)-2]...)
		for m := range y.data {
			permutations(size, func(order []int, sign float64) {
				for i, k := range order {
					sign *= x.data[(m*size+i)*size+k]
				}
				y.data[m] += sign
			})
		}
		(&asked{"Det", "", 11, []*given{operand("x", x)}, 1, nil}).agree(t, fmt.Sprint(dims), y)
	}
}

func TestCumProdOracle(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 3))
	for _, dims := range [][]int{{5}, {1}, {2, 7, 3}, {3, 8}} {
		for k := range 4 {
			exclusive, reverse, a := k&1, k>>1, r.IntN(len(dims))
			x, y := normal(r, dims...), newArray(dims...)
			each(dims, func(ix []int) {
				p := 1.0
				for i := range dims[a] {
					if i == ix[a] && exclusive == 1 || reverse == 0 && i > ix[a] || reverse == 1 && i < ix[a] {
						continue
					}
					at := append([]int{}, ix...)
					at[a] = i
					p *= x.get(at...)
				}
				y.data[y.at(ix...)] = p
			})
			operands := []*given{operand("x", x), {name: "a", t: Int64, x: listed(a), known: true}}
			operands[1].x.dims = nil
			(&asked{"CumProd", "", 26, operands, 1, [][]byte{wholeAttr("exclusive", exclusive), wholeAttr("reverse", reverse)}}).agree(t, fmt.Sprint(dims, k), y)
		}
	}
}

// TestBitCastOracle reads bits of every type as every other of the same size, where they are computed and where they are known.
func TestBitCastOracle(t *testing.T) {
	halves := []float64{0, 1, -1.5, 65504, 0x1p-24, -0x3p-24, 0x1p-14, 0x1.ff8p-15, math.Inf(1), math.Inf(-1), 0.333251953125}
	short := []float64{0, 1, -1.5, 0x1p127, 0x1p-126, -0x1p-133, math.Inf(1), math.Inf(-1), 0.333984375}
	for _, c := range []struct {
		from, to DataType
		data     []float64
		want     func(x float64) float64
	}{
		{Float, Int32, []float64{0, 1, -1.5, 0x1p-149, math.Inf(1)}, func(x float64) float64 { return float64(int32(math.Float32bits(float32(x)))) }},
		{Int32, Float, []float64{0, 1, math.MinInt32, 0x3f800000, -0x40400000}, func(x float64) float64 { return float64(math.Float32frombits(uint32(int32(x)))) }},
		{Float16, Uint16, halves, halfBitsOracle},
		{Float16, Int16, halves, func(x float64) float64 { return float64(int16(uint16(halfBitsOracle(x)))) }},
		{Uint16, Float16, []float64{0, 0x3c00, 0xbe00, 0x7bff, 1, 0x8003, 0x7c00, 0xfc00, 0x8000, 0x03ff}, func(x float64) float64 { return half(uint64(x)) }},
		{Int16, Float16, []float64{0, 0x3c00, -0x4200, 1, -0x7ffd}, func(x float64) float64 { return half(uint64(uint16(int16(x)))) }},
		{BFloat16, Uint16, short, func(x float64) float64 { return float64(math.Float32bits(float32(x)) >> 16) }},
		{Int16, BFloat16, []float64{0, 0x3f80, -0x4040, 1, -0x7fff, 0x7f80}, func(x float64) float64 { return float64(math.Float32frombits(uint32(uint16(int16(x))) << 16)) }},
		{Int8, Uint8, []float64{0, 1, -1, 127, -128}, func(x float64) float64 { return float64(uint8(int8(x))) }},
		{Uint8, Int8, []float64{0, 1, 255, 127, 128}, func(x float64) float64 { return float64(int8(uint8(x))) }},
		{Uint16, Int16, []float64{0, 65535, 32768, 32767}, func(x float64) float64 { return float64(int16(uint16(x))) }},
	} {
		x, y := &array{[]int{len(c.data)}, c.data}, newArray(len(c.data))
		for i, v := range c.data {
			y.data[i] = c.want(v)
		}
		for _, known := range []bool{false, true} {
			if _, can := map[DataType]bool{Float: true, Int32: true, Int8: true, Uint8: true}[c.from]; known && !can {
				continue // which the test's encoder does not write
			}
			(&asked{"BitCast", "", 26, []*given{{name: "x", t: c.from, x: x, known: known}}, 1, [][]byte{wholeAttr("to", int(c.to))}}).agree(t, fmt.Sprint(c.from, c.to, known), y)
		}
	}
}

// halfBitsOracle looks for the bits of a number among all that there are.
func halfBitsOracle(x float64) float64 {
	for bits := range 1 << 16 {
		if v := half(uint64(bits)); v == x && math.Signbit(v) == math.Signbit(x) {
			return float64(bits)
		}
	}
	panic("no half")
}
