package loop

import (
	"strings"
	"testing"

	"github.com/dlc-ml/dlc/ir"
)

// TestVerify spoils a good function in one place at a time.
func TestVerify(t *testing.T) {
	if err := Verify(convFunc()); err != nil {
		t.Fatal(err)
	}
	if Verify(nil) == nil {
		t.Error("no function passes")
	}
	for _, c := range []struct {
		spoil func(f *Func, n *Nest)
		want  string
	}{
		{func(f *Func, n *Nest) { n.Red[0].Extent = ir.D(4) }, "digits.dl:9:13: window conv: value: index 1 of image[N,7,6,2]: it reaches 7"},
		{func(f *Func, n *Nest) { n.Value.Args[0].From.Index[1] = Ax(1).Plus(4, 1, -1) }, "it reaches -1"},
		{func(f *Func, n *Nest) { n.Value.Args[0].From.Index[0] = Ax(1) }, "index 0 of image[N,7,6,2]: it reaches 4"},
		{func(f *Func, n *Nest) { n.Value.Args[0].From.Index[0] = Ax(0).Plus(4, 0, 1) }, "it reaches 1"},
		{func(f *Func, n *Nest) { n.Value.Args[0].From.Index[0] = Ax(0).Plus(0, 1, 0) }, "steps of 2 along N"},
		{func(f *Func, n *Nest) { n.Value.Args[0].From.Index[1] = Ax(0) }, "runs over N, which has no bound"},
		{func(f *Func, n *Nest) { n.Value.Args[0].From.Index[1] = Affine{Terms: []Term{{1 << 20, 1}}} }, "there is no axis"},
		{func(f *Func, n *Nest) { n.Value.Args[0].From.Index[1] = Affine{Terms: []Term{{1, 1 << 40}}} }, "must lie within"},
		{func(f *Func, n *Nest) { n.Value.Args[0].From.Index[1] = Affine{Terms: []Term{{5, 1}, {1, 1}}} }, "not sorted"},
		{func(f *Func, n *Nest) { n.Value.Args[0].From.Index = n.Value.Args[0].From.Index[1:] }, "3 indices into image, which has 4"},
		{func(f *Func, n *Nest) { n.Stores[0].To.Index[1] = Ax(4) }, "a store uses reduction axis kh"},
		{func(f *Func, n *Nest) { n.Lanes = 4 }, "4 lanes"},
		{func(f *Func, n *Nest) { n.Fold = FoldNone }, "go together"},
		{func(f *Func, n *Nest) { n.Value = nil }, "go together"},
		{func(f *Func, n *Nest) { n.Form = Map }, "a map folds nothing"},
		{func(f *Func, n *Nest) { n.Form = Contract }, "as only a window's does"},
		{func(f *Func, n *Nest) { n.Form = Copy }, "one store of one load"},
		{func(f *Func, n *Nest) { n.Form = Gather }, "has an index that was computed"},
		{func(f *Func, n *Nest) { n.Value.Args[0].From.Dyn = []*Expr{I(1), nil, nil, nil} }, "has an index that was computed"},
		{func(f *Func, n *Nest) { n.Form = Scan }, "a scan computes in its inner nests only"},
		{func(f *Func, n *Nest) { n.Form, n.Axes = Scan, nil }, "a scan has no axis"},
		{func(f *Func, n *Nest) { n.Form, n.Reverse = Scan, true }, "a scan in reverse has one axis"},
		{func(f *Func, n *Nest) { n.Form = 99 }, "does not exist"},
		{func(f *Func, n *Nest) { n.Reverse = true }, "only a scan"},
		{func(f *Func, n *Nest) { n.Stores = nil }, "stores nothing"},
		{func(f *Func, n *Nest) { n.Value = Total(ir.F32) }, "in stores only"},
		{func(f *Func, n *Nest) { n.Stores[0].Expr = Total(ir.I32) }, "acc is i32, but the fold is f32"},
		{func(f *Func, n *Nest) { n.Stores[0].Expr = I(1) }, "puts i32 into y"},
		{func(f *Func, n *Nest) { n.Stores[0].Expr = E(Add, F(1), I(1)) }, "add of f32, i32"},
		{func(f *Func, n *Nest) { n.Stores[0].Expr = E(Select, F(1), F(1), F(1)) }, "select of f32"},
		{func(f *Func, n *Nest) { n.Stores[0].Expr = E(ToF32, E(Shl, I(1), I(32))) }, "constant from 0 to 31"},
		{func(f *Func, n *Nest) { n.Stores[0].Expr = E(ToF32, E(Sqrt, I(1))) }, "sqrt of i32"},
		{func(f *Func, n *Nest) { n.Stores[0].Expr = &Expr{Code: Add, Type: ir.F32} }, "add has 0 operands"},
		{func(f *Func, n *Nest) { n.Stores[0].Expr.Args[0] = nil }, "operand is missing"},
		{func(f *Func, n *Nest) {
			n.Stores[0].To = Access{Buf: f.Buffer("image"), Index: []Affine{Ax(0), Ax(1), Ax(2), At(0)}}
		}, "only the caller may"},
		{func(f *Func, n *Nest) { f.Buffer("image").Space = Temp }, "nothing has written"},
		{func(f *Func, n *Nest) { f.Nests = nil }, "output y is never written"},
		{func(f *Func, n *Nest) { f.Buffers = f.Buffers[1:] }, "does not declare"},
		{func(f *Func, n *Nest) { f.Buffers[1].Name = "image" }, "two buffers"},
		{func(f *Func, n *Nest) { f.Symbols = nil }, "symbol N is not declared"},
		{func(f *Func, n *Nest) { f.Buffer("y").Strides = []int{100, 20, 1, 5} }, "dense and row-major"},
		{func(f *Func, n *Nest) { b := f.Buffer("y"); b.Space, b.Strides = Temp, []int{100, 20, 3, 1} }, "lie on each other"},
		{func(f *Func, n *Nest) { b := f.Buffer("y"); b.Space, b.Offset = Temp, 1 }, "its last element is number 101, but its storage has 100"},
		{func(f *Func, n *Nest) { b := f.Buffer("y"); b.Space, b.Wide = Temp, 99 }, "its storage has 99"},
		{func(f *Func, n *Nest) { b := f.Buffer("y"); b.Strides = b.Strides[1:] }, "3 strides for 4"},
		{func(f *Func, n *Nest) { b := f.Buffer("y"); b.Alias = b }, "in a circle"},
		{func(f *Func, n *Nest) { b := f.Buffer("y"); b.Alias = f.Buffer("conv.bias") }, "grows with"},
		{func(f *Func, n *Nest) { b := f.Buffer("conv.bias"); b.Space = Scalar }, "a scalar of shape [4]"},
		{func(f *Func, n *Nest) { b := f.Buffer("conv.bias"); b.Space = Table }, "a table of 4 elements with data for 0"},
		{func(f *Func, n *Nest) { b := f.Buffer("image"); b.Space = Table }, "has a fixed shape"},
		{func(f *Func, n *Nest) { b := f.Buffer("conv.bias"); b.Data = []uint32{1, 2, 3, 4} }, "only a table has data"},
		{func(f *Func, n *Nest) {
			b := f.NewTable("t", ir.T(ir.F32, ir.S(1)), []uint32{0}, n.Pos)
			n.Stores[0].To = Access{Buf: b, Index: []Affine{At(0)}}
		}, "which is constant"},
		{func(f *Func, n *Nest) { f.Plan = &Plan{At: map[*Buffer]int{f.Buffers[0]: 0}, PerExample: 100} }, "no place for buffer y"},
	} {
		f := convFunc()
		c.spoil(f, f.Nests[0])
		if err := Verify(f); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got  %v\nwant %s", err, c.want)
		}
	}
}

// TestVerifyAccepts checks programs near the limits of the rules.
func TestVerifyAccepts(t *testing.T) {
	for _, text := range []string{
		gatherText,
		// frames merged into the batch and split again
		`func f[N] { input x: f32[4N,2] output y: f32[N,4,2]
		  copy c (n:N, t:4, i:2) { y[n, t, i] = x[4*n+t, i] } }`,
		// a bounded symbol indexes a table of its bound
		`func f[T<=8] { input x: f32[8] output y: f32[T] copy c (t:T) { y[t] = x[t] } }`,
		// a table of weights and one of indices
		`func f[N] { input x: f32[N,5] table w: f32[2] = [0.25, -inf] table at: i32[2] = [4, -1] output y: f32[N,2]
		  gather g (n:N, i:2) { y[n, i] = x[n, @(at[i])] * w[i] } }`,
		// a partial fill and an interior copy, then a read of the whole
		`func f { input x: f32[3] temp p: f32[5] output y: f32[3] map fill (i:5) { p[i] = 0.0 } copy in (i:3) { p[i+1] = x[i] }
		  window w (i:3) max (k:3) { value p[i+k] y[i] = acc } }`,
		// a fold over no axis, and axes of no extent that would be out of bounds
		`func f { input x: f32[2] output y: f32[2] output z: f32[] reduce r (i:2) sum () { value x[i] y[i] = acc }
		  map none (i:0) { y[i+7] = 0.0 } map z () { z[] = 1.0 } }`,
		// an in-place update of an alias
		`func f { input x: f32[2,2] temp a: f32[2,2] temp b: f32[4] alias a output y: f32[4]
		  copy c (i:2, j:2) { a[i, j] = x[i, j] } map d (i:4) { b[i] = b[i] + 1.0 } copy e (i:4) { y[i] = b[i] } }`,
	} {
		f, err := Parse("ok.loop", []byte(text))
		if err != nil {
			t.Errorf("%v\n%s", err, text)
			continue
		}
		if err := Verify(f); err != nil {
			t.Errorf("%v\n%s", err, text)
		}
	}
}
