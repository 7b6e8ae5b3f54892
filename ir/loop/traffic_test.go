package loop

import (
	"testing"

	"github.com/dlc-ml/dlc/ir"
)

// TestTraffic counts by hand what a convolution, a strided slice and a gather meet.
func TestTraffic(t *testing.T) {
	conv := convFunc().Nests[0]
	f := &Func{Name: "f", Symbols: []ir.Symbol{{Name: "N"}}}
	table := f.NewBuffer("table", ir.T(ir.F32, ir.S(100, 8)), Weight, conv.Pos)
	index := f.NewBuffer("index", ir.T(ir.I32, ir.S(5)), Input, conv.Pos)
	row := f.NewBuffer("row", ir.T(ir.F32, ir.S(5, 8)), Output, conv.Pos)
	gather := &Nest{Form: Gather, Name: "gather", Axes: []Axis{{"i", ir.D(5)}, {"c", ir.D(8)}}, Stores: []Store{{
		To:   Access{Buf: row, Index: []Affine{Ax(0), Ax(1)}},
		Expr: &Expr{Code: Load, Type: ir.F32, From: Access{Buf: table, Index: []Affine{{}, Ax(1)}, Dyn: []*Expr{Read(index, Ax(0)), nil}}}}}}
	slice := &Nest{Form: Copy, Name: "slice", Axes: []Axis{{"i", ir.D(3)}, {"c", ir.D(8)}}, Stores: []Store{{
		To: Access{Buf: row, Index: []Affine{Ax(0), Ax(1)}}, Expr: Read(table, Ax(0).Plus(0, 9, 2), Ax(1))}}}
	scan := &Nest{Form: Scan, Name: "scan", Axes: []Axis{{"t", ir.D(5)}}, Body: []*Nest{{Form: Map, Name: "step", Axes: []Axis{{"c", ir.D(8)}}, Stores: []Store{{
		To: Access{Buf: row, Index: []Affine{Ax(0), Ax(1)}}, Expr: Read(table, Affine{Const: 3}, Ax(1))}}}}}
	for _, c := range []struct {
		nest          *Nest
		reads, writes Bytes
	}{
		// The window passes over the whole picture of 7 by 6: 5+3-1 rows of 5+2-1 places and two channels.
		{conv, Bytes{PerExample: 4 * 7 * 6 * 2, Fixed: 4 * (3*2*2*4 + 4)}, Bytes{PerExample: 4 * 5 * 5 * 4}},
		{gather, Bytes{Fixed: 4 * (5 + 5*8)}, Bytes{Fixed: 4 * 5 * 8}},
		{slice, Bytes{Fixed: 4 * 3 * 8}, Bytes{Fixed: 4 * 3 * 8}},
		{scan, Bytes{Fixed: 4 * 8}, Bytes{Fixed: 4 * 5 * 8}}, // every step reads the same row
	} {
		if r, w := Traffic(c.nest); r != c.reads || w != c.writes {
			t.Errorf("%s: %v and %v, want %v and %v", c.nest.Name, r, w, c.reads, c.writes)
		}
	}
}
