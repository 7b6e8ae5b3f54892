package loop

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/dlc-ml/dlc/ir"
)

const exampleText = `func "infer it"[N, T<=128] {
  plan per_example 4096 fixed 64
  input image: f32[N,28,28,1] at 0 // digits.dl:2:11
  weight conv.weight: f32[5,5,1,10] // digits.dl:9:13
  temp c: f32[N,24,24,10] strides [9000,240,10,1] offset 5 wide 9010 at 1024
  temp flat: f32[N,5760] strides [9000,1] alias c
  temp "value": i32[2"e5"] at 3
  output y: f32[N,24,24,10] at 16
  scalar $step: i32[] at 32
  scalar t: i32[] at 33
  window conv (n:N, h:24, w:24, o:10) sum (kh:5, kw:5, i:1) lanes 8 of "conv2d", "re\"lu" { // digits.dl:9:13
    value image[n, h+kh, -w+2*kw+23, i] * conv.weight[kh, kw, i, o]
    %0 = max(acc, 0.0)
    c[n, h, w, o] = %0 * %0 - (1.0 - 1e-45)
    y[n, h, w, o] += select(i32(%0) == index(2*h-1) + $step[], -inf, bits(f32, 0xffc12345))
  }
  gather twice (i:2, i:3) {
    y["n", #1, 0, 0] = flat[#0, 7+@("value"[0] + -3)]
  }
  scan steps (t:T) reverse {
    copy shift (a:3) {
      "value"[t+a] = "value"[t]
    }
    scan inner (u:2) {
      map x () none () lanes 0 {
        flat[t, u] = (t[]:f32 + acc:i32):bool
      }
    }
  }
}
`

func TestText(t *testing.T) {
	text := strings.Replace(exampleText, `y["n", #1`, "y[#0, #1", 1)
	text = strings.Replace(text, " none ()", "", 1)
	f, err := Parse("x.loop", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(text, Print(f)); d != "" {
		t.Error(d)
	}
	n := f.Nests[0]
	if n.Stores[0].Expr.Args[0].Args[0] != n.Stores[1].Expr.Args[0].Args[0].Args[0] {
		t.Error("the shared node is no longer shared")
	}
	if got := n.Stores[1].Expr.Args[2].Bits; got != 0xffc12345 {
		t.Errorf("the bits of a NaN became %#x", got)
	}
	if got := n.Value.Args[0].From.Index[2]; !cmp.Equal(got, Affine{23, []Term{{2, -1}, {5, 2}}}) {
		t.Errorf("an index is %v", got)
	}
	if got := f.Plan.At[f.Buffer("y")]; got != 16 {
		t.Errorf("y lies at %d", got)
	}
}

func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := genFunc(t)
		text := Print(f)
		back, err := Parse("x.loop", []byte(text))
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		if again := Print(back); again != text {
			t.Fatalf("the text changed:\n%s", cmp.Diff(text, again))
		}
		if why := different(f, back); why != "" {
			t.Fatalf("%s differs:\n%s", why, text)
		}
	})
}

// different compares two functions piece by piece, without the printer.
func different(f, g *Func) string {
	empty := cmp.FilterPath(func(p cmp.Path) bool { return true }, cmp.Comparer(func(a, b *Expr) bool { return sameExpr(a, b) }))
	buffers := cmp.Comparer(func(a, b *Buffer) bool { return (a == nil) == (b == nil) && (a == nil || a.Name == b.Name) })
	lists := cmp.Options{empty, buffers,
		cmp.FilterValues(func(a, b []int) bool { return len(a)+len(b) == 0 }, cmp.Ignore()),
		cmp.FilterValues(func(a, b []Axis) bool { return len(a)+len(b) == 0 }, cmp.Ignore()),
		cmp.FilterValues(func(a, b []string) bool { return len(a)+len(b) == 0 }, cmp.Ignore()),
		cmp.FilterValues(func(a, b []*Expr) bool { return len(a)+len(b) == 0 }, cmp.Ignore()),
		cmp.FilterValues(func(a, b ir.Shape) bool { return len(a)+len(b) == 0 }, cmp.Ignore()),
		cmp.FilterValues(func(a, b []ir.Symbol) bool { return len(a)+len(b) == 0 }, cmp.Ignore()),
	}
	if d := cmp.Diff(f.Symbols, g.Symbols, lists); d != "" || f.Name != g.Name {
		return "head " + d
	}
	if len(f.Buffers) != len(g.Buffers) {
		return "number of buffers"
	}
	for i := range f.Buffers {
		if d := cmp.Diff(*f.Buffers[i], *g.Buffers[i], lists); d != "" {
			return "buffer " + d
		}
		if f.Plan != nil && f.Plan.At[f.Buffers[i]] != g.Plan.At[g.Buffers[i]] {
			return "place"
		}
	}
	if (f.Plan == nil) != (g.Plan == nil) || f.Plan != nil && (f.Plan.PerExample != g.Plan.PerExample || f.Plan.Fixed != g.Plan.Fixed || len(f.Plan.At) != len(g.Plan.At)) {
		return "plan"
	}
	if d := cmp.Diff(f.Chains, g.Chains, lists, cmp.FilterValues(func(a, b []Chain) bool { return len(a)+len(b) == 0 }, cmp.Ignore())); d != "" {
		return "chains " + d
	}
	return cmp.Diff(f.Nests, g.Nests, lists)
}

func sameExpr(a, b *Expr) bool {
	if a == nil || b == nil {
		return a == b
	}
	ok := a.Code == b.Code && a.Type == b.Type && a.Bits == b.Bits && len(a.Args) == len(b.Args) && sameAffine(a.Idx, b.Idx) && sameAccess(a.From, b.From)
	for i := range a.Args {
		ok = ok && sameExpr(a.Args[i], b.Args[i])
	}
	return ok
}

func sameAffine(a, b Affine) bool {
	if a.Const != b.Const || len(a.Terms) != len(b.Terms) {
		return false
	}
	for i := range a.Terms {
		if a.Terms[i] != b.Terms[i] {
			return false
		}
	}
	return true
}

func sameAccess(a, b Access) bool {
	if a.Buf == nil || b.Buf == nil {
		return a.Buf == b.Buf
	}
	ok := a.Buf.Name == b.Buf.Name && len(a.Index) == len(b.Index) && len(a.Dyn) == len(b.Dyn)
	for i := range a.Index {
		ok = ok && sameAffine(a.Index[i], b.Index[i]) && (len(a.Dyn) == 0 || sameExpr(a.Dyn[i], b.Dyn[i]))
	}
	return ok
}

// TestConstants keeps every bit of every f32 that is not shown as a plain number, and of a sample of the others.
func TestConstants(t *testing.T) {
	f := convFunc()
	for _, bits := range []uint32{0, 1 << 31, 1, 0x807fffff, 0x7f7fffff, 0x7f800000, 0xff800000, 0x7fc00000, 0xffc00000, 0x7f800001, 0x7fffffff,
		math.Float32bits(16777216), math.Float32bits(1e21), math.Float32bits(0.1)} {
		f.Nests[0].Stores[0].Expr = &Expr{Code: Const, Type: ir.F32, Bits: bits}
		back, err := Parse("c.loop", []byte(Print(f)))
		if err != nil {
			t.Fatal(err)
		}
		if e := back.Nests[0].Stores[0].Expr; e.Bits != bits || e.Type != ir.F32 {
			t.Errorf("%#x became %#x of %s", bits, e.Bits, e.Type)
		}
	}
}

// TestSharing prints an expression whose tree has 2^200 leaves.
func TestSharing(t *testing.T) {
	f := convFunc()
	e := Total(ir.F32)
	for range 200 {
		e = E(Add, e, e)
	}
	f.Nests[0].Stores[0].Expr = e
	text := Print(f)
	back, err := Parse("s.loop", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if Print(back) != text {
		t.Error("the text changed")
	}
	if err := Verify(f); err != nil {
		t.Error(err)
	}
	if n := len(f.Nests[0].GoLoop()); n > 100000 {
		t.Errorf("a comment of %d bytes", n)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(exampleText))
	f.Add([]byte(gatherText))
	f.Add([]byte(Print(convFunc())))
	f.Fuzz(func(t *testing.T, src []byte) {
		fn, err := Parse("f.loop", src)
		if err != nil {
			return
		}
		Verify(fn) // must not panic
		for _, n := range fn.Nests {
			n.GoLoop()
		}
		text := Print(fn)
		back, err := Parse("f.loop", []byte(text))
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		if again := Print(back); again != text {
			t.Fatalf("got\n%s\nwant\n%s", again, text)
		}
	})
}

func TestParseErrors(t *testing.T) {
	head := "func f[N] {\n  input x: f32[N,2]\n"
	nest := head + "  map m (n:N, i:2) {\n    "
	for _, c := range []struct{ src, want string }{
		{"fun f {}", `a.loop:1:1: expected "func"`},
		{"func f {} x", "a.loop:1:11: expected the end"},
		{head + "  input x: f32[] }", "a.loop:3:9: buffer x is declared twice"},
		{head + "  temp y: f32[] alias z }", "a.loop:3:23: no buffer z is declared"},
		{head + "  temp y: f32[] alias z temp z: f32[] alias y }", "a.loop:3:23: the aliases from y run in a circle"},
		{head + "  temp y: f32[N,N] }", "a.loop:3:8: y has two symbolic extents"},
		{head + "  temp y: f32[] at 3 }", "a.loop:3:17: a place in the arena needs a plan"},
		{head + "  maps m () {} }", "a.loop:3:3: expected a buffer's space or a nest's form"},
		{nest + "y[n, i] = 0.0 } }", "a.loop:4:5: no buffer y is declared"},
		{nest + "x[n, k] = 0.0 } }", "a.loop:4:10: no axis is called k"},
		{nest + "x[n, #2] = 0.0 } }", "a.loop:4:11: the number of an axis must lie between 0 and 1"},
		{nest + "x[n, 99999999999*i] = 0.0 } }", "a.loop:4:10: a number must lie between"},
		{nest + "x[n, i] = foo(1) } }", "a.loop:4:15: no operation is called foo"},
		{nest + "x[n, i] = max(1.0) } }", "a.loop:4:15: max takes 2 operands, not 1"},
		{nest + "x[n, i] = 1e99 } }", "a.loop:4:15: 1e99 does not fit an f32"},
		{nest + "x[n, i] = 3000000000 } }", "a.loop:4:15: 3000000000 does not fit an i32"},
		{nest + "x[n, i] = 1:f32 } }", "a.loop:4:16: a constant has the type it is written with"},
		{nest + "x[n, i] = %0 } }", "a.loop:4:15: %0 is not defined before"},
		{nest + "x[n, i] = 1.0 + } }", "a.loop:4:21: expected an operand"},
		{nest + "x[n, i] = " + strings.Repeat("(", 2000), "a.loop:4:1015: an expression has more than 1000 parentheses"},
		{nest + "x[n, i] = " + strings.Repeat("neg(", 2000), "a.loop:4:"},
		{nest + "x[n, i] = 1.0" + strings.Repeat(" + 1.0", 20000), "a.loop:4:"},
		{head + strings.Repeat("scan s (t:2) {", 200), "a.loop:3:1415: scans nest deeper than 100"},
	} {
		_, err := Parse("a.loop", []byte(c.src))
		if err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%.200q\n got %v\nwant %s", c.src, err, c.want)
		}
	}
}
