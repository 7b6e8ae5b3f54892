package loop

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/dlc-ml/dlc/diag"
	"github.com/dlc-ml/dlc/ir"
)

// scramble gives a temporary buffer a random legal layout: its dimensions in any order in memory, with gaps and a border.
func scramble(t *rapid.T, b *Buffer) {
	order := []int{}
	for i := range b.Shape {
		order = append(order, i)
	}
	if len(b.Shape) > 1 {
		order = append([]int{0}, rapid.Permutation(order[1:]).Draw(t, "order")...) // the batch stays outermost
	}
	b.Offset = rapid.IntRange(0, 3).Draw(t, "offset")
	stride := 1
	for i := len(order) - 1; i >= 0; i-- {
		d := order[i]
		if d == 0 {
			stride += b.Offset
		}
		b.Strides[d] = stride
		stride = stride*b.Shape[d].Size + rapid.IntRange(0, 2).Draw(t, "gap")
	}
}

// TestLayoutKeepsResults runs a program with random shapes, reductions and lanes, first with dense temporaries and then with any layout
// of them: the bits must be the same, and those of loops over logical indices.
func TestLayoutKeepsResults(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, h, w := rapid.IntRange(1, 3).Draw(t, "n"), rapid.IntRange(1, 5).Draw(t, "h"), rapid.IntRange(1, 20).Draw(t, "w")
		lanes := rapid.SampledFrom([]int{1, 8, 16}).Draw(t, "lanes")
		f := &Func{Name: "f", Symbols: []ir.Symbol{{Name: "N"}}}
		x := f.NewBuffer("x", ir.T(ir.F32, ir.NS(h, w)), Input, diag.Pos{})
		a := f.NewBuffer("a", ir.T(ir.F32, ir.NS(w, h)), Temp, diag.Pos{})
		y := f.NewBuffer("y", ir.T(ir.F32, ir.NS(h)), Output, diag.Pos{})
		batch := Axis{"n", ir.Batch}
		f.Nests = []*Nest{
			{Form: Map, Name: "a", Lanes: 1, Axes: []Axis{batch, {"i", ir.D(h)}, {"j", ir.D(w)}},
				Stores: []Store{{To: Access{Buf: a, Index: []Affine{Ax(0), Ax(2), At(h-1).Plus(1, -1, 0)}}, Expr: E(Max, Read(x, Ax(0), Ax(1), Ax(2)), F(0.25))}}},
			{Form: Contract, Name: "y", Lanes: lanes, Fold: FoldSum, Axes: []Axis{batch, {"i", ir.D(h)}}, Red: []Axis{{"k", ir.D(h)}, {"j", ir.D(w)}},
				Value:  E(Mul, Read(a, Ax(0), Ax(3), Ax(1)), E(Sub, Read(a, Ax(0), Ax(3), Ax(2)), F(1))),
				Stores: []Store{{To: Access{Buf: y, Index: []Affine{Ax(0), Ax(1)}}, Expr: E(Neg, Total(ir.F32))}}},
		}
		sizes := map[string]int{"N": n}
		data := randoms(n*h*w, 11)
		run := func() []float32 {
			mem, err := NewMemory(f, sizes)
			if err != nil {
				t.Fatal(err)
			}
			mem.SetFloats(x, sizes, data)
			if err := Run(f, sizes, mem); err != nil {
				t.Fatalf("%v\n%s", err, f)
			}
			return mem.Floats(y, sizes)
		}
		dense := run()
		scramble(t, a)
		other := run()
		at := func(b, j, i int) float32 { return max(data[(b*h+h-1-i)*w+j], 0.25) } // a[b, j, i]
		for b := range n {
			for i := range h {
				part := make([]float32, lanes)
				for k := range h {
					for j := range w {
						part[j%lanes] = bigFMA(at(b, j, i), at(b, j, k)-1, part[j%lanes])
					}
				}
				for half := lanes / 2; half > 0; half /= 2 {
					for l := range half {
						part[l] += part[l+half]
					}
				}
				if got := dense[b*h+i]; !sameFloat(got, -part[0]) {
					t.Fatalf("y[%d, %d] is %x, want %x\n%s", b, i, got, -part[0], f)
				}
				if got := other[b*h+i]; !sameFloat(got, -part[0]) {
					t.Fatalf("in another layout y[%d, %d] is %x, want %x\n%s", b, i, got, -part[0], f)
				}
			}
		}
	})
}
