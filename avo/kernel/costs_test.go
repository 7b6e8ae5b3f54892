package kernel

import (
	"math"
	"strings"
	"testing"

	"github.com/dlc-ml/dlc/avo/vec"
	"github.com/dlc-ml/dlc/diag"
	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// TestCosts reads the table in the repository, which must be as dlc tune-kernels writes it.
func TestCosts(t *testing.T) {
	if costsErr != nil {
		t.Fatal(costsErr)
	}
	if got := CostsText("", nil); got != costsText {
		t.Errorf("costs.txt is not as it would be written:\n%s", got)
	}
	c := Table(vec.AVX2)
	c[division] = 7.25
	table, targets, err := parseCosts(CostsText("avx2", c))
	if err != nil || len(targets) != len(costTargets) || *table["avx2"] != *c || *table["neon"] != *costs("neon") {
		t.Errorf("a changed table does not come back: %v", err)
	}
	if table, _, err = parseCosts(CostsText("wide", c)); err != nil || *table["wide"] != *c || *table["avx2"] != *costs("avx2") {
		t.Errorf("a table with a new target does not come back: %v", err)
	}
}

func TestCostsErrors(t *testing.T) {
	lines := strings.Split(costsText, "\n")
	for _, c := range []struct{ text, want string }{
		{"", "there is no row fma_rate"},
		{"fma_rate 2", "the first line names the targets"},
		{costsText + "fast 1 1 1\n", "fast is no constant"},
		{costsText + "fma_rate 2 2 2\n", "stands here twice"},
		{strings.Join(lines[:len(lines)-2], "\n"), "there is no row overlap"},
		{"constant avx2 neon\nfma_rate 2\n", "has 1 values for 2 targets"},
		{"constant avx2\nfma_rate -2\n", "no number from 0 up"},
		{"constant avx2\nfma_rate NaN\n", "no number from 0 up"},
	} {
		if _, _, err := parseCosts(c.text); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.40q: %v, want %q", c.text, err, c.want)
		}
	}
}

// TestFit takes what another machine's constants would give for measurements: the fit must come near to them where kernels speak of them.
func TestFit(t *testing.T) {
	var builders []*Builder
	for _, size := range [][3]int{{1, 64, 256}, {4, 100, 30}, {32, 512, 128}, {128, 24, 1000}, {64, 1000, 8}} {
		b, err := New(product(size[0], size[1], size[2]), nil)
		if err != nil {
			t.Fatal(err)
		}
		builders = append(builders, b)
	}
	for n := 16; n <= 1<<16; n *= 4 {
		for _, code := range []loop.Code{loop.Exp, loop.Sigmoid, loop.Sqrt} {
			b, err := New(mapping(n, code), nil)
			if err != nil {
				t.Fatal(err)
			}
			builders = append(builders, b)
		}
	}
	start := Table(vec.AVX2)
	machine := *start
	machine[exponential], machine[sigmoid], machine[division] = 22, 31, 2.5
	machine[loadRate], machine[memoryLine] = 3, 9
	var list []*Measured
	for _, b := range builders {
		m, err := NewMeasured(b, vec.AVX2, 1, 1)
		if err != nil {
			t.Fatal(err)
		}
		m.Cycles = m.Predicted(&machine)
		list = append(list, m)
	}
	fitted := Fit(list, start)
	before, worst := Misfit(list, start)
	after, most := Misfit(list, fitted)
	if !(after < 0.05 && most < 0.1 && before > 0.1 && worst > 0.5) {
		t.Errorf("the misfit goes from %.3f (%.3f of nine tenths) to %.3f (%.3f)", before, worst, after, most)
	}
	for _, i := range []constant{exponential, sigmoid, division} {
		if off := math.Abs(math.Log2(fitted[i] / machine[i])); off > 0.2 {
			t.Errorf("%s is %.3g, want about %.3g", constantRows[i].name, fitted[i], machine[i])
		}
	}
	if again := Fit(list, start); *again != *fitted {
		t.Error("a second fit gives other constants")
	}
}

// product is a matrix product of m rows.
func product(m, n, k int) *loop.Nest {
	f := &loop.Func{Name: "f"}
	pos := diag.Pos{File: "f.dl", Line: 1, Col: 1}
	a := f.NewBuffer("a", ir.T(ir.F32, ir.S(m, k)), loop.Input, pos)
	b := f.NewBuffer("b", ir.T(ir.F32, ir.S(k, n)), loop.Weight, pos)
	c := f.NewBuffer("c", ir.T(ir.F32, ir.S(m, n)), loop.Output, pos)
	return &loop.Nest{Form: loop.Contract, Name: "product", Pos: pos, Fold: loop.FoldSum, Axes: []loop.Axis{{Name: "i", Extent: ir.D(m)}, {Name: "j", Extent: ir.D(n)}},
		Red:    []loop.Axis{{Name: "k", Extent: ir.D(k)}},
		Value:  loop.E(loop.Mul, loop.Read(a, loop.Ax(0), loop.Ax(2)), loop.Read(b, loop.Ax(2), loop.Ax(1))),
		Stores: []loop.Store{{To: loop.Access{Buf: c, Index: []loop.Affine{loop.Ax(0), loop.Ax(1)}}, Expr: loop.Total(ir.F32)}}}
}

// mapping applies a function of one argument to each of n elements.
func mapping(n int, code loop.Code) *loop.Nest {
	f := &loop.Func{Name: "f"}
	pos := diag.Pos{File: "f.dl", Line: 1, Col: 1}
	a := f.NewBuffer("a", ir.T(ir.F32, ir.S(n)), loop.Input, pos)
	c := f.NewBuffer("c", ir.T(ir.F32, ir.S(n)), loop.Output, pos)
	return &loop.Nest{Form: loop.Map, Name: "mapping", Pos: pos, Axes: []loop.Axis{{Name: "i", Extent: ir.D(n)}},
		Stores: []loop.Store{{To: loop.Access{Buf: c, Index: []loop.Affine{loop.Ax(0)}}, Expr: loop.E(code, loop.Read(a, loop.Ax(0)))}}}
}
