package loop

import (
	"strings"
	"testing"

	"github.com/dlc-ml/dlc/diag"
	"github.com/dlc-ml/dlc/ir"
)

// convFunc is a 2-d convolution with bias and relu over a batch.
func convFunc() *Func {
	f := &Func{Name: "infer", Symbols: []ir.Symbol{{Name: "N"}}}
	pos := diag.Pos{File: "digits.dl", Line: 9, Col: 13}
	x := f.NewBuffer("image", ir.T(ir.F32, ir.NS(7, 6, 2)), Input, pos)
	k := f.NewBuffer("conv.weight", ir.T(ir.F32, ir.S(3, 2, 2, 4)), Weight, pos)
	b := f.NewBuffer("conv.bias", ir.T(ir.F32, ir.S(4)), Weight, pos)
	y := f.NewBuffer("y", ir.T(ir.F32, ir.NS(5, 5, 4)), Output, pos)
	f.Nests = append(f.Nests, &Nest{
		Form: Window, Name: "conv", Pos: pos, Lanes: 1, Fold: FoldSum, Ops: []string{"conv2d", "relu"},
		Axes:  []Axis{{"n", ir.Batch}, {"h", ir.D(5)}, {"w", ir.D(5)}, {"c", ir.D(4)}},
		Red:   []Axis{{"kh", ir.D(3)}, {"kw", ir.D(2)}, {"ci", ir.D(2)}},
		Value: E(Mul, Read(x, Ax(0), Ax(1).Plus(4, 1, 0), Ax(2).Plus(5, 1, 0), Ax(6)), Read(k, Ax(4), Ax(5), Ax(6), Ax(3))),
		Stores: []Store{{To: Access{Buf: y, Index: []Affine{Ax(0), Ax(1), Ax(2), Ax(3)}},
			Expr: E(Max, E(Add, Total(ir.F32), Read(b, Ax(3))), F(0))}},
	})
	return f
}

func TestGoLoop(t *testing.T) {
	got := convFunc().Nests[0].GoLoop()
	want := `for n := range N {
	for h := range 5 {
		for w := range 5 {
			for c := range 4 {
				acc := f32(0)
				for kh := range 3 {
					for kw := range 2 {
						for ci := range 2 {
							acc = fma(image[n, h+kh, w+kw, ci], conv.weight[kh, kw, ci, c], acc)
						}
					}
				}
				y[n, h, w, c] = max(acc + conv.bias[c], 0.0)
			}
		}
	}
}`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestGoLoopIsComment feeds names that would end a comment or make a directive.
func TestGoLoopIsComment(t *testing.T) {
	f := convFunc()
	n := f.Nests[0]
	n.Axes, n.Red = nil, []Axis{{"*/\n//go:nosplit", ir.D(2)}, {"*/\n//go:nosplit", ir.D(2)}}
	f.Buffers[0].Name = "go:build ignore\n*/ evil"
	n.Value = E(Mul, Read(f.Buffers[0], Ax(0)), Read(f.Buffers[0], Ax(1)))
	n.Stores[0] = Store{To: Access{Buf: f.Buffers[0], Index: []Affine{At(0)}}, Expr: Total(ir.F32)}
	got := n.GoLoop()
	for _, bad := range []string{"*/", "go:", "//"} {
		if strings.Contains(got, bad) {
			t.Errorf("%q in\n%s", bad, got)
		}
	}
	if strings.Count(got, "\n") != 7-1 {
		t.Errorf("unexpected lines in\n%s", got)
	}
}
