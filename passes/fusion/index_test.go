package fusion

import (
	"testing"

	"github.com/dlc-ml/dlc/diag"
	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// indexCase is an index over axes a, b, c of the given extents into a tensor of shape to.
type indexCase struct {
	name        string
	extents     []ir.Dim
	to          ir.Shape
	index       []loop.Affine
	plain, onto bool
}

func (c indexCase) nest() (*loop.Nest, *loop.Buffer) {
	n := &loop.Nest{}
	for i, e := range c.extents {
		n.Axes = append(n.Axes, loop.Axis{Name: string(rune('a' + i)), Extent: e})
	}
	f := &loop.Func{}
	return n, f.NewBuffer("t", ir.T(ir.F32, c.to), loop.Temp, diag.Pos{})
}

// TestIndexKinds checks which indices walk a tensor plainly, and which take every element once.
func TestIndexKinds(t *testing.T) {
	d, ax, at := ir.D, loop.Ax, loop.At
	lin := func(terms ...int) loop.Affine {
		var a loop.Affine
		for i := 0; i < len(terms); i += 2 {
			a = a.Plus(terms[i], terms[i+1], 0)
		}
		return a
	}
	cases := []indexCase{
		{"identity", []ir.Dim{ir.Batch, d(4)}, ir.NS(4), []loop.Affine{ax(0), ax(1)}, true, true},
		{"transposed", []ir.Dim{d(3), d(4)}, ir.S(4, 3), []loop.Affine{ax(1), ax(0)}, true, true},
		{"a part", []ir.Dim{d(3), d(3)}, ir.S(3, 4), []loop.Affine{ax(0), ax(1)}, false, false},
		{"shifted", []ir.Dim{d(3)}, ir.S(4), []loop.Affine{ax(0).Plus(0, 0, 1)}, false, false},
		{"diagonal", []ir.Dim{d(3)}, ir.S(3, 3), []loop.Affine{ax(0), ax(0)}, false, false},
		{"an axis left over", []ir.Dim{d(3), d(2)}, ir.S(3), []loop.Affine{ax(0)}, false, false},
		{"an axis of 1 left over", []ir.Dim{d(3), d(1)}, ir.S(3), []loop.Affine{ax(0)}, true, true},
		{"an extent of 1", []ir.Dim{d(3)}, ir.S(1, 3), []loop.Affine{at(0), ax(0)}, true, true},
		{"an axis of 1 with a factor", []ir.Dim{d(3), d(1)}, ir.S(3), []loop.Affine{lin(0, 1, 1, 7)}, true, true},
		{"a row of many", []ir.Dim{d(3)}, ir.S(2, 3), []loop.Affine{at(1), ax(0)}, false, false},
		{"split", []ir.Dim{d(3), d(2)}, ir.S(6), []loop.Affine{lin(0, 2, 1, 1)}, false, true},
		{"split of the batch", []ir.Dim{{Size: 1, Sym: "N"}, d(2)}, ir.Shape{{Size: 2, Sym: "N"}}, []loop.Affine{lin(0, 2, 1, 1)}, false, true},
		{"overlapping windows", []ir.Dim{d(3), d(3)}, ir.S(6), []loop.Affine{lin(0, 2, 1, 1)}, false, false},
		{"windows with gaps", []ir.Dim{d(2), d(2)}, ir.S(5), []loop.Affine{lin(0, 3, 1, 1)}, false, false},
		{"windows that leave the end out", []ir.Dim{d(2), d(2)}, ir.S(5), []loop.Affine{lin(0, 2, 1, 1)}, false, false},
		{"backwards", []ir.Dim{d(3)}, ir.S(3), []loop.Affine{at(2).Plus(0, -1, 0)}, false, false},
	}
	for _, c := range cases {
		n, b := c.nest()
		if _, ok := plain(n, b, c.index); ok != c.plain {
			t.Errorf("%s: plain is %v", c.name, ok)
		}
		if ok := onto(n, b, c.index); ok != c.onto {
			t.Errorf("%s: onto is %v", c.name, ok)
		}
	}
}
