package lex

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/dlc-ml/dlc/diag"
)

func TestPosRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := diag.Pos{File: rapid.String().Draw(t, "file"), Line: rapid.IntRange(1, 1<<40).Draw(t, "line"), Col: rapid.Int().Draw(t, "col")}
		if back, ok := ParsePos(PosText(p)); !ok || back != p {
			t.Fatalf("%#v became %#v through %s", p, back, PosText(p))
		}
	})
	for _, s := range []string{"", "a remark", "see x.dl:1:2, and more", "x.dl:1", "x.dl:0:1", `"x:1:2`, "a;b:1:2", ":1:2"} {
		if p, ok := ParsePos(s); ok {
			t.Errorf("%q is taken for position %v", s, p)
		}
	}
}

func TestNames(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "name")
		p := NewParser("x", []byte(Name(s, "if")+" %"+SigilName(s)+" 3"+Symbol(s)))
		if got := p.Name("a name"); got != s {
			t.Fatalf("%q became %q", s, got)
		}
		if v := p.Next(); v.Kind != Value || v.Text != s {
			t.Fatalf("%%%q became %v", s, v)
		}
		if n, got := p.Int("a number", 0, 9), p.Name("a symbol"); n != 3 || got != s || p.Err() != nil {
			t.Fatalf("3 and %q became %d and %q: %v", s, n, got, p.Err())
		}
	})
	if Name("if", "if") != `"if"` {
		t.Error("a keyword is not put in quotes")
	}
}

func TestTokens(t *testing.T) {
	p := NewParser("x", []byte("// head\na.b->-1.5e-3<=0x1F // trail\n@w\t\"q\\\"\" // end"))
	want := []Token{
		{Kind: Ident, Text: "a.b", Line: 2, Col: 1, First: true}, {Kind: Punct, Text: "->", Line: 2, Col: 4}, {Kind: Punct, Text: "-", Line: 2, Col: 6},
		{Kind: Float, Text: "1.5e-3", Line: 2, Col: 7}, {Kind: Punct, Text: "<=", Line: 2, Col: 13}, {Kind: Int, Text: "0x1F", Line: 2, Col: 15, Trail: "trail"},
		{Kind: Param, Text: "w", Line: 3, Col: 1, First: true}, {Kind: String, Text: `q"`, Line: 3, Col: 4, Trail: "end"},
	}
	for _, w := range want {
		if got := p.Next(); got != w {
			t.Errorf("got %+v, want %+v", got, w)
		}
	}
	if p.Peek().Kind != EOF || p.Err() != nil {
		t.Error(p.Peek(), p.Err())
	}
	if p := NewParser("x", make([]byte, MaxText+1)); p.Err() == nil || p.Peek().Kind != EOF {
		t.Error("a text above the bound is read")
	}
}
