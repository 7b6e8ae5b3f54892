package onnx

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// bilinear reads a picture [N,C,H,W] between its elements, which are 0 outside.
func bilinear(x *array, n, c int, row, col float64) float64 {
	sum := 0.0
	for _, r := range []float64{math.Floor(row), math.Floor(row) + 1} {
		for _, k := range []float64{math.Floor(col), math.Floor(col) + 1} {
			if r >= 0 && k >= 0 && int(r) < x.dims[2] && int(k) < x.dims[3] {
				sum += (1 - math.Abs(row-r)) * (1 - math.Abs(col-k)) * x.get(n, c, int(r), int(k))
			}
		}
	}
	return sum
}

func TestDeformConvOracle(t *testing.T) {
	r := rand.New(rand.NewPCG(12, 1))
	for _, c := range []struct {
		n, in, h, w, out, kh, kw, groups, sets int
		stride, dilation                       [2]int
		pads                                   [4]int
		bias, mask                             bool
	}{
		{1, 2, 5, 6, 3, 3, 3, 1, 1, [2]int{1, 1}, [2]int{1, 1}, [4]int{1, 1, 1, 1}, true, false},
		{2, 4, 6, 5, 6, 2, 3, 2, 2, [2]int{2, 1}, [2]int{1, 2}, [4]int{0, 2, 1, 1}, false, true},
		{1, 3, 4, 4, 3, 1, 1, 3, 1, [2]int{1, 2}, [2]int{1, 1}, [4]int{}, true, true},
		{2, 4, 7, 7, 2, 2, 2, 1, 4, [2]int{3, 2}, [2]int{2, 1}, [4]int{1, 0, 0, 1}, true, true},
	} {
		oh := (c.h+c.pads[0]+c.pads[2]-c.dilation[0]*(c.kh-1)-1)/c.stride[0] + 1
		ow := (c.w+c.pads[1]+c.pads[3]-c.dilation[1]*(c.kw-1)-1)/c.stride[1] + 1
		x, w, off := normal(r, c.n, c.in, c.h, c.w), normal(r, c.out, c.in/c.groups, c.kh, c.kw), normal(r, c.n, 2*c.sets*c.kh*c.kw, oh, ow)
		operands := []*given{operand("x", x), operand("w", w), operand("off", off), nil, nil}
		bias, mask := newArray(c.out), newArray(c.n, c.sets*c.kh*c.kw, oh, ow)
		if c.bias {
			bias = normal(r, c.out)
			operands[3] = operand("b", bias)
		}
		if c.mask {
			mask = normal(r, mask.dims...)
			operands[4] = operand("m", mask)
		}
		y := newArray(c.n, c.out, oh, ow)
		each(y.dims, func(ix []int) {
			n, m, p, q := ix[0], ix[1], ix[2], ix[3]
			sum := bias.data[m]
			for k := range c.in / c.groups {
				ch := m/(c.out/c.groups)*(c.in/c.groups) + k
				set := ch / (c.in / c.sets)
				for i := range c.kh {
					for j := range c.kw {
						tap := (set*c.kh+i)*c.kw + j
						row := float64(p*c.stride[0]-c.pads[0]+i*c.dilation[0]) + off.get(n, 2*tap, p, q)
						col := float64(q*c.stride[1]-c.pads[1]+j*c.dilation[1]) + off.get(n, 2*tap+1, p, q)
						v := bilinear(x, n, ch, row, col) * w.get(m, k, i, j)
						if c.mask {
							v *= mask.get(n, tap, p, q)
						}
						sum += v
					}
				}
			}
			y.data[y.at(ix...)] = sum
		})
		attrs := [][]byte{wholeAttr("group", c.groups), wholeAttr("offset_group", c.sets), wholesAttr("strides", c.stride[:]...), wholesAttr("dilations", c.dilation[:]...), wholesAttr("pads", c.pads[:]...)}
		(&asked{"DeformConv", "", 19, operands, 1, attrs}).agree(t, fmt.Sprintf("%+v", c), y)
	}
}

func TestAffineGridOracle(t *testing.T) {
	r := rand.New(rand.NewPCG(12, 2))
	for _, size := range [][]int{{2, 3, 4, 5}, {1, 1, 1, 3}, {2, 1, 3, 4, 2}, {1, 2, 2, 1, 5}} {
		for corners := range 2 {
			spatial, d := size[2:], len(size)-2
			theta := normal(r, size[0], d, d+1)
			y := newArray(append(append([]int{size[0]}, spatial...), d)...)
			each(append([]int{size[0]}, spatial...), func(ix []int) {
				p := make([]float64, d) // x first, which is the last axis
				for a := range d {
					i, n := float64(ix[1+a]), float64(spatial[a])
					switch {
					case corners == 0:
						p[d-1-a] = -1 + (2*i+1)/n
					case n > 1:
						p[d-1-a] = -1 + 2*i/(n-1)
					default:
						p[d-1-a] = -1
					}
				}
				for k := range d {
					sum := theta.get(ix[0], k, d)
					for a := range d {
						sum += theta.get(ix[0], k, a) * p[a]
					}
					y.data[y.at(append(append([]int{}, ix...), k)...)] = sum
				}
			})
			operands := []*given{operand("t", theta), {name: "s", t: Int64, x: listed(size...), known: true}}
			(&asked{"AffineGrid", "", 20, operands, 1, [][]byte{wholeAttr("align_corners", corners)}}).agree(t, fmt.Sprint(size, corners), y)
		}
	}
}

func TestCol2ImOracle(t *testing.T) {
	r := rand.New(rand.NewPCG(12, 3))
	for _, c := range []struct{ image, block, stride, dilation, pads []int }{
		{[]int{5, 5}, []int{1, 5}, nil, nil, nil},
		{[]int{6, 7}, []int{3, 2}, []int{2, 1}, []int{1, 3}, []int{1, 0, 2, 1}},
		{[]int{9}, []int{3}, []int{2}, []int{2}, []int{2, 1}},
		{[]int{4, 3, 5}, []int{2, 1, 3}, []int{1, 2, 2}, nil, []int{0, 1, 1, 1, 0, 0}},
	} {
		rank := len(c.image)
		stride, dilation, pads := orOnes(c.stride, rank), orOnes(c.dilation, rank), c.pads
		if pads == nil {
			pads = make([]int, 2*rank)
		}
		stands := make([]int, rank)
		for a := range rank {
			stands[a] = (c.image[a]+pads[a]+pads[rank+a]-dilation[a]*(c.block[a]-1)-1)/stride[a] + 1
		}
		const n, channels = 2, 3
		x, y := normal(r, n, channels*product(c.block), product(stands)), newArray(append([]int{n, channels}, c.image...)...)
		for b := range n {
			for ch := range channels {
				e := 0
				each(c.block, func(in []int) {
					l := 0
					each(stands, func(at []int) {
						to, inside := []int{b, ch}, true
						for a := range rank {
							p := at[a]*stride[a] + in[a]*dilation[a] - pads[a]
							inside = inside && p >= 0 && p < c.image[a]
							to = append(to, p)
						}
						if inside {
							y.data[y.at(to...)] += x.get(b, ch*product(c.block)+e, l)
						}
						l++
					})
					e++
				})
			}
		}
		var attrs [][]byte
		for name, list := range map[string][]int{"strides": c.stride, "dilations": c.dilation, "pads": c.pads} {
			if list != nil {
				attrs = append(attrs, wholesAttr(name, list...))
			}
		}
		operands := []*given{operand("x", x), {name: "i", t: Int64, x: listed(c.image...), known: true}, {name: "b", t: Int64, x: listed(c.block...), known: true}}
		(&asked{"Col2Im", "", 18, operands, 1, attrs}).agree(t, fmt.Sprintf("%+v", c), y)
	}
}

func TestCenterCropPadOracle(t *testing.T) {
	r := rand.New(rand.NewPCG(12, 4))
	for _, c := range []struct{ dims, want, axes []int }{
		{[]int{10, 7, 3}, []int{5, 10, 3}, nil}, {[]int{3, 20, 8}, []int{9, 13}, []int{2, 1}}, {[]int{4, 5}, []int{7, 2}, []int{-1, 0}}, {[]int{5, 6}, []int{2, 9}, nil}, {[]int{1, 3}, []int{4, 4}, nil},
	} {
		x, out, shift := normal(r, c.dims...), append([]int{}, c.dims...), make([]int, len(c.dims))
		axes := c.axes
		if axes == nil {
			axes = seq(0, len(c.dims))
		}
		for i, a := range axes {
			a = (a + len(c.dims)) % len(c.dims)
			out[a] = c.want[i]
			if d := c.dims[a] - c.want[i]; d >= 0 { // where the result begins in the operand
				shift[a] = d / 2
			} else {
				shift[a] = -(-d / 2)
			}
		}
		y := newArray(out...)
		each(out, func(ix []int) {
			from := make([]int, len(ix))
			for a := range ix {
				if from[a] = ix[a] + shift[a]; from[a] < 0 || from[a] >= c.dims[a] {
					return
				}
			}
			y.data[y.at(ix...)] = x.get(from...)
		})
		var attrs [][]byte
		if c.axes != nil {
			attrs = append(attrs, wholesAttr("axes", c.axes...))
		}
		operands := []*given{operand("x", x), {name: "s", t: Int64, x: listed(c.want...), known: true}}
		(&asked{"CenterCropPad", "", 18, operands, 1, attrs}).agree(t, fmt.Sprintf("%+v", c), y)
	}
}

func TestMaxRoiPoolOracle(t *testing.T) {
	r := rand.New(rand.NewPCG(12, 5))
	for range 12 {
		n, ch, h, w := 1+r.IntN(3), 1+r.IntN(3), 4+r.IntN(6), 4+r.IntN(6)
		ph, pw, count, scale := 1+r.IntN(4), 1+r.IntN(4), 1+r.IntN(5), []float64{1, 0.5, 0.25, 2}[r.IntN(4)]
		x, rois := normal(r, n, ch, h, w), newArray(count, 5)
		for i := range count {
			rois.data[5*i] = float64(r.IntN(n))
			for k := 1; k < 5; k++ { // quarters: halves of pixels come up, and places outside
				rois.data[5*i+k] = float64(r.IntN(4*(h+4))-8) / 4
			}
		}
		y := newArray(count, ch, ph, pw)
		each(y.dims, func(ix []int) {
			edge := func(k int) int { return int(math.Round(rois.get(ix[0], k) * scale)) }
			x1, y1, x2, y2 := edge(1), edge(2), edge(3), edge(4)
			high, wide := max(y2-y1+1, 1), max(x2-x1+1, 1)
			top, bottom := y1+ix[2]*high/ph, y1+int(math.Ceil(float64((ix[2]+1)*high)/float64(ph)))
			left, right := x1+ix[3]*wide/pw, x1+int(math.Ceil(float64((ix[3]+1)*wide)/float64(pw)))
			most, any := math.Inf(-1), false
			for row := max(top, 0); row < min(bottom, h); row++ {
				for col := max(left, 0); col < min(right, w); col++ {
					most, any = max(most, x.get(int(rois.get(ix[0], 0)), ix[1], row, col)), true
				}
			}
			if any {
				y.data[y.at(ix...)] = most
			}
		})
		operands := []*given{operand("x", x), operand("r", rois)}
		(&asked{"MaxRoiPool", "", 1, operands, 1, [][]byte{wholesAttr("pooled_shape", ph, pw), realAttr("spatial_scale", scale)}}).agree(t, fmt.Sprint(rois.data), y)
	}
}

// TestGridVolumeOracle reads volumes between their elements.
func TestGridVolumeOracle(t *testing.T) {
	r := rand.New(rand.NewPCG(12, 6))
	for _, dims := range [][]int{{2, 3, 4, 5, 3}, {1, 1, 1, 4, 2}, {1, 2, 3, 3, 3}} {
		for _, padding := range []string{"zeros", "border", "reflection"} {
			for k := range 4 {
				mode, corners := []string{"linear", "nearest"}[k/2], k%2
				x, grid := normal(r, dims...), normal(r, dims[0], 2, 3, 4, 3)
				y := newArray(dims[0], dims[1], 2, 3, 4)
				each(y.dims, func(ix []int) {
					var p [3]float64
					for a := range p { // depth, height, width
						n, g := float64(dims[2+a]), grid.get(ix[0], ix[2], ix[3], ix[4], 2-a)
						low, high := -0.5, n-0.5
						if p[a] = ((g+1)*n - 1) / 2; corners == 1 {
							p[a], low, high = (g+1)/2*(n-1), 0, n-1
						}
						if padding == "reflection" {
							for high > low && (p[a] < low || p[a] > high) {
								if p[a] < low {
									p[a] = 2*low - p[a]
								} else {
									p[a] = 2*high - p[a]
								}
							}
							if high == low {
								p[a] = 0
							}
						}
						if padding != "zeros" {
							p[a] = min(max(p[a], 0), n-1)
						}
						if mode == "nearest" {
							p[a] = math.RoundToEven(p[a])
						}
					}
					sum := 0.0
					each(dims[2:], func(at []int) {
						w := 1.0
						for a := range p {
							w *= max(0, 1-math.Abs(p[a]-float64(at[a])))
						}
						sum += w * x.get(ix[0], ix[1], at[0], at[1], at[2])
					})
					y.data[y.at(ix...)] = sum
				})
				attrs := [][]byte{wordAttr("mode", mode), wordAttr("padding_mode", padding), wholeAttr("align_corners", corners)}
				(&asked{"GridSample", "", 20, []*given{operand("x", x), operand("g", grid)}, 1, attrs}).agree(t, fmt.Sprint(dims, padding, mode, corners), y)
			}
		}
	}
}

// TestEarlyForms compares operators of opset 1 that later ones replaced.
func TestEarlyForms(t *testing.T) {
	x := &array{[]int{1, 1, 2, 2}, []float64{1, 2, 3, 4}}
	up := &array{[]int{1, 1, 4, 4}, []float64{1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 4, 4, 3, 3, 4, 4}}
	(&asked{"Upsample", "", 1, []*given{operand("x", x)}, 1, [][]byte{realAttr("height_scale", 2), realAttr("width_scale", 2)}}).agree(t, "", up)
	number := func(name string, v float64) *given {
		return &given{name: name, t: Float, x: &array{[]int{1}, []float64{v}}, known: true}
	}
	tiled := &array{[]int{1, 1, 2, 4}, []float64{1, 2, 1, 2, 3, 4, 3, 4}}
	(&asked{"Tile", "", 1, []*given{operand("x", x), number("n", 2), number("a", 3)}, 1, nil}).agree(t, "", tiled)
}
