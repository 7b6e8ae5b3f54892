package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// Winograd's minimal filtering computes side×side outputs of a convolution of 3x3 from a square of side+2 inputs with one product for each of
// these inputs, instead of nine for each output: transform the inputs (Bᵀ d B) and the kernel (G g Gᵀ), multiply them element by element, summing
// over the channels, and transform the sums back (Aᵀ m A). Lavin and Gray, Fast Algorithms for Convolutional Neural Networks, 2015. The products
// of one element of all squares are a matrix product. What the transforms cost, and how much of the last squares lies beyond the image, decides
// where it pays: see newWinograd.

// minimal is the algorithm for one side of the squares: a polynomial product by its values at points, of which infinity is the last (Toom and Cook).
type minimal struct {
	side    int         // outputs
	span    int         // inputs: side+2
	input   [][]float64 // Bᵀ [span][span]
	kernel  [][]float64 // G [span][3]
	outputs [][]float64 // Aᵀ [side][span]
}

// The points are numbers with few bits that keep the transforms' factors near 1, and so the errors small; TestWinogradError bounds them.
var minimals = []*minimal{
	newMinimal(0, 1, -1),
	newMinimal(0, 0.75, -0.75, 1.5, -1.5),
}

// newMinimal works out the transforms for the given points and infinity.
func newMinimal(points ...float64) *minimal {
	n := len(points)
	m := &minimal{side: n - 1, span: n + 1, input: zeros(n+1, n+1), kernel: zeros(n+1, 3), outputs: zeros(n-1, n+1)}
	for j, x := range points {
		others, scale := []float64{1}, 1.0
		for k, y := range points {
			if k != j {
				others = timesRoot(others, y)
				scale *= x - y
			}
		}
		copy(m.input[j], others)
		for i := range 3 {
			m.kernel[j][i] = math.Pow(x, float64(i)) / scale
		}
		for i := range m.side {
			m.outputs[i][j] = math.Pow(x, float64(i))
		}
	}
	all := []float64{1}
	for _, x := range points {
		all = timesRoot(all, x)
	}
	copy(m.input[n], all)
	m.kernel[n][2], m.outputs[m.side-1][n] = 1, 1
	return m
}

// timesRoot multiplies a polynomial, lowest power first, by (z - root).
func timesRoot(p []float64, root float64) []float64 {
	r := make([]float64, len(p)+1)
	for i, c := range p {
		r[i+1] += c
		r[i] -= root * c
	}
	return r
}

func zeros(rows, columns int) [][]float64 {
	m := make([][]float64, rows)
	for i := range m {
		m[i] = make([]float64, columns)
	}
	return m
}

// turned returns a matrix turned over.
func turned(m [][]float64) [][]float64 {
	t := zeros(len(m[0]), len(m))
	for i, row := range m {
		for j, x := range row {
			t[j][i] = x
		}
	}
	return t
}

// winograd is one convolution by squares.
type winograd struct {
	*minimal
	tiles []int // squares along each side
}

// newWinograd returns the algorithm for a convolution of the given geometry, and whether it pays. Its price counts multiply-adds of whole registers:
// the products; for each square the loads, stores and sums of the transforms, which go through memory; and the transformed kernel, which is
// larger than the kernel and kept beside it: where it is large, every sixteen of its elements must save a hundred multiply-adds of registers. That keeps
// what a model takes beyond its weights small (for ResNet-18 below 12 MB), at the expense of small pictures with many channels, which would gain too. Small
// squares have smaller errors and kernels, so that large ones must be a tenth cheaper.
func newWinograd(w window, groups, channels, filters int) (winograd, bool) {
	const (
		register = 16      // lanes; fewer channels or filters do not fill one
		gain     = 0.8     // of the direct convolution's price
		near     = 1 << 18 // elements of a kernel that stays in the cache from call to call
		nearby   = 2       // the price of fetching as many elements of it as there are in a register
		keep     = 100     // that of keeping a larger one
	)
	if w.axes() != 2 || groups > 1 || channels < register || filters < register {
		return winograd{}, false
	}
	for i := range w.in {
		if w.kernel[i] != 3 || w.stride[i] != 1 || w.dilation[i] != 1 {
			return winograd{}, false
		}
	}
	registers := func(n int) float64 { return float64((n + register - 1) / register) }
	product := float64(channels) * registers(filters)
	var best winograd
	price := gain * (9*float64(w.out[0]*w.out[1])*product + nearby*9*product)
	for _, m := range minimals {
		tiles := []int{(w.out[0] + m.side - 1) / m.side, (w.out[1] + m.side - 1) / m.side}
		squares := float64(tiles[0] * tiles[1])
		points, places := float64(m.span*m.span), float64(m.side*m.side)
		cost := squares * (points*product + 7*points*registers(channels) + (4*points+2*places)*registers(filters))
		if m.span*m.span*channels*filters <= near {
			cost += nearby * points * product
		} else {
			cost += keep * points * product
		}
		if cost < price {
			best, price = winograd{m, tiles}, 0.9*cost
		}
	}
	return best, best.minimal != nil
}

// linear returns m·x. Columns, then rows, that differ in signs alone are computed as a sum and a difference of what they share.
func linear(m [][]float64, x []*loop.Expr) []*loop.Expr {
	m, x = joinColumns(m, x)
	y := make([]*loop.Expr, len(m))
	for i := range m {
		if y[i] != nil {
			continue
		}
		if k := mirrored(m, i); k > i {
			even, odd := make([]float64, len(x)), make([]float64, len(x))
			for j := range x {
				if m[i][j] == m[k][j] {
					even[j] = m[i][j]
				} else {
					odd[j] = m[i][j]
				}
			}
			e, o := combine(even, x), combine(odd, x)
			y[i], y[k] = loop.E(loop.Add, e, o), loop.E(loop.Sub, e, o)
			continue
		}
		y[i] = combine(m[i], x)
	}
	return y
}

// mirrored returns the row of m that differs from row i in the sign of some, but not all, of its elements; 0 where there is none behind i.
func mirrored(m [][]float64, i int) int {
	for k := i + 1; k < len(m); k++ {
		same, other := 0, 0
		for j := range m[i] {
			switch {
			case m[i][j] == 0 && m[k][j] == 0:
			case m[i][j] == m[k][j]:
				same++
			case m[i][j] == -m[k][j]:
				other++
			default:
				same = -len(m[i])
			}
		}
		if same > 0 && other > 0 {
			return k
		}
	}
	return 0
}

// joinColumns puts the sum and the difference of two operands in the place of operands whose columns of m differ in signs alone.
func joinColumns(m [][]float64, x []*loop.Expr) ([][]float64, []*loop.Expr) {
	t := turned(m)
	for j := range t {
		k := mirrored(t, j)
		if k == 0 {
			continue
		}
		sum, difference := make([]float64, len(m)), make([]float64, len(m))
		for i := range m {
			if t[j][i] == t[k][i] {
				sum[i] = t[j][i]
			} else {
				difference[i] = t[j][i]
			}
		}
		t[j], t[k] = sum, difference
		x = append([]*loop.Expr{}, x...)
		x[j], x[k] = loop.E(loop.Add, x[j], x[k]), loop.E(loop.Sub, x[j], x[k])
	}
	return turned(t), x
}

// combine returns the sum of c[i]·x[i], operands that need no product first.
func combine(c []float64, x []*loop.Expr) *loop.Expr {
	var sum *loop.Expr
	for _, one := range []bool{true, false} {
		for i, f := range c {
			if f == 0 || (math.Abs(f) == 1) != one {
				continue
			}
			switch {
			case sum == nil && f == 1:
				sum = x[i]
			case sum == nil && f == -1:
				sum = loop.E(loop.Neg, x[i])
			case sum == nil:
				sum = loop.E(loop.Mul, x[i], loop.F(f))
			case f == 1:
				sum = loop.E(loop.Add, sum, x[i])
			case f == -1:
				sum = loop.E(loop.Sub, sum, x[i])
			default:
				sum = loop.E(loop.FMA, x[i], loop.F(f), sum)
			}
		}
	}
	return sum
}

// bothSides returns m·x·mᵀ for a square of expressions.
func bothSides(m [][]float64, x [][]*loop.Expr) [][]*loop.Expr {
	half := make([][]*loop.Expr, len(m)) // m·x
	for i := range half {
		half[i] = make([]*loop.Expr, len(x[0]))
	}
	for q := range x[0] {
		column := make([]*loop.Expr, len(x))
		for p := range x {
			column[p] = x[p][q]
		}
		for i, e := range linear(m, column) {
			half[i][q] = e
		}
	}
	y := make([][]*loop.Expr, len(m))
	for i, row := range half {
		y[i] = linear(m, row)
	}
	return y
}

// square makes a square of expressions.
func square(side int, at func(i, j int) *loop.Expr) [][]*loop.Expr {
	x := make([][]*loop.Expr, side)
	for i := range x {
		for j := range side {
			x[i] = append(x[i], at(i, j))
		}
	}
	return x
}

// squares are the loops over the squares of every example, then over the channels.
func (w winograd) squares(lead ir.Dim, channels int) []loop.Axis {
	return []loop.Axis{{Name: "n", Extent: lead}, axis("y", w.tiles[0]), axis("x", w.tiles[1]), axis("c", channels)}
}

// spread is the place of a picture in one that all squares of the given side and distance lie in.
func (w winograd) spread(side int, before []int) []placement {
	at := make([]placement, 4)
	for i := range 2 {
		at[1+i] = placement{(w.tiles[i]-1)*w.side + side, 1, before[i]}
	}
	return at
}

// toPoints transforms the squares of the given side, w.side apart, of a picture [n,…,…,c] by m and returns them as [n, point, square, c].
func (w winograd) toPoints(l *Lowering, name string, m [][]float64, picture *loop.Buffer, side int) *loop.Buffer {
	lead, channels := picture.Shape[0], picture.Shape[3].Size
	to := l.Temp(name, ir.T(ir.F32, ir.Shape{lead, ir.D(w.span * w.span), ir.D(w.tiles[0] * w.tiles[1]), ir.D(channels)}))
	at := func(i, j int) *loop.Expr {
		return loop.Read(picture, loop.Ax(0), loop.At(i).Plus(1, w.side, 0), loop.At(j).Plus(2, w.side, 0), loop.Ax(3))
	}
	n := &loop.Nest{Form: loop.Map, Name: to.Name, Axes: w.squares(lead, channels)}
	for i, row := range bothSides(m, square(side, at)) {
		for j, e := range row {
			n.Stores = append(n.Stores, storeAt(to, e, loop.Ax(0), loop.At(i*w.span+j), w.number(), loop.Ax(3)))
		}
	}
	l.Emit(n)
	return to
}

// number is the index of a square.
func (w winograd) number() loop.Affine { return loop.Affine{}.Plus(1, w.tiles[1], 0).Plus(2, 1, 0) }

// kernelPoints transforms a kernel, of which tap reads an element at loops 0 and 1 over from channels and to channels, into [point, from, to].
func (w winograd) kernelPoints(l *Lowering, from, to int, tap func(u, v int) *loop.Expr) *loop.Buffer {
	b := l.Temp("kernel", ir.T(ir.F32, ir.S(w.span*w.span, from, to)))
	n := &loop.Nest{Form: loop.Map, Name: b.Name, Axes: []loop.Axis{axis("c", from), axis("f", to)}}
	for i, row := range bothSides(w.kernel, square(3, tap)) {
		for j, e := range row {
			n.Stores = append(n.Stores, storeAt(b, e, loop.At(i*w.span+j), loop.Ax(0), loop.Ax(1)))
		}
	}
	l.Emit(n)
	return b
}

// convolve writes to y the convolution of x, behind a border of the given widths, with a kernel of which tap reads an element at loops 0 and 1 over
// x's channels and y's; finish makes of a sum what is stored, at loop 3 over y's channels.
func (w winograd) convolve(l *Lowering, y, x *loop.Buffer, before []int, tap func(u, v int) *loop.Expr, finish func(*loop.Expr) *loop.Expr) {
	from, to := x.Shape[3].Size, y.Shape[3].Size
	points := w.toPoints(l, "points", w.input, scatter(l, x, "padded", w.spread(w.span, before), 0), w.span)
	kernel := w.kernelPoints(l, from, to, tap)
	sums := l.Temp("sums", ir.T(ir.F32, append(points.Shape[:3:3], ir.D(to))))
	l.Emit(&loop.Nest{
		Form: loop.Contract, Fold: loop.FoldSum,
		Axes:   []loop.Axis{{Name: "n", Extent: sums.Shape[0]}, axis("p", w.span*w.span), axis("r", w.tiles[0]*w.tiles[1]), axis("f", to)},
		Red:    []loop.Axis{axis("c", from)},
		Value:  loop.E(loop.Mul, loop.Read(points, loop.Ax(0), loop.Ax(1), loop.Ax(2), loop.Ax(4)), loop.Read(kernel, loop.Ax(1), loop.Ax(4), loop.Ax(3))),
		Stores: []loop.Store{storeAt(sums, loop.Total(ir.F32), plainIndex(4)...)},
	})
	whole, cut := y, false
	for i := range w.tiles {
		cut = cut || w.tiles[i]*w.side != y.Shape[1+i].Size
	}
	if cut {
		whole = l.Temp("squares", ir.T(ir.F32, ir.Shape{y.Shape[0], ir.D(w.tiles[0] * w.side), ir.D(w.tiles[1] * w.side), y.Shape[3]}))
	}
	n := &loop.Nest{Form: loop.Map, Axes: w.squares(y.Shape[0], to)}
	at := func(i, j int) *loop.Expr {
		return loop.Read(sums, loop.Ax(0), loop.At(i*w.span+j), w.number(), loop.Ax(3))
	}
	for i, row := range bothSides(w.outputs, square(w.span, at)) {
		for j, e := range row {
			n.Stores = append(n.Stores, storeAt(whole, finish(e), loop.Ax(0), loop.At(i).Plus(1, w.side, 0), loop.At(j).Plus(2, w.side, 0), loop.Ax(3)))
		}
	}
	l.Emit(n)
	if cut {
		crop := &loop.Nest{Form: loop.Copy, Axes: axesOf(y.Shape)}
		crop.Stores = []loop.Store{storeAt(y, loop.Read(whole, plainIndex(4)...), plainIndex(4)...)}
		l.Emit(crop)
	}
}

// gradWeight writes to dw the gradient of a convolution by its kernel: all of it is linear, so the transforms are the forward ones turned over.
func (w winograd) gradWeight(l *Lowering, dw, x, dy *loop.Buffer, before []int) {
	from, to := x.Shape[3].Size, dy.Shape[3].Size
	points := w.toPoints(l, "points", w.input, scatter(l, x, "padded", w.spread(w.span, before), 0), w.span)
	grads := w.toPoints(l, "grads", turned(w.outputs), scatter(l, dy, "whole", w.spread(w.side, []int{0, 0}), 0), w.side)
	sums := l.Temp("sums", ir.T(ir.F32, ir.S(w.span*w.span, from, to)))
	l.Emit(&loop.Nest{
		Form: loop.Contract, Fold: loop.FoldSum,
		Axes:   []loop.Axis{axis("p", w.span*w.span), axis("c", from), axis("f", to)},
		Red:    []loop.Axis{{Name: "n", Extent: x.Shape[0]}, axis("r", w.tiles[0]*w.tiles[1])},
		Value:  loop.E(loop.Mul, loop.Read(points, loop.Ax(3), loop.Ax(0), loop.Ax(4), loop.Ax(1)), loop.Read(grads, loop.Ax(3), loop.Ax(0), loop.Ax(4), loop.Ax(2))),
		Stores: []loop.Store{storeAt(sums, loop.Total(ir.F32), plainIndex(3)...)},
	})
	n := &loop.Nest{Form: loop.Map, Axes: []loop.Axis{axis("c", from), axis("f", to)}}
	at := func(i, j int) *loop.Expr { return loop.Read(sums, loop.At(i*w.span+j), loop.Ax(0), loop.Ax(1)) }
	for u, row := range bothSides(turned(w.kernel), square(w.span, at)) {
		for v, e := range row {
			n.Stores = append(n.Stores, storeAt(dw, e, loop.At(u), loop.At(v), loop.Ax(0), loop.Ax(1)))
		}
	}
	l.Emit(n)
}
