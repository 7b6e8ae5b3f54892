package ir

import "testing"

func TestRules(t *testing.T) {
	rule := func(kind, pattern string, more ...Attr) Call {
		return Call{Name: kind, Attrs: append(Attrs{{Name: "pattern", Value: pattern}}, more...)}
	}
	factor := func(x float64) Attr { return Attr{Name: "factor", Value: x} }
	tr := &Training{Rules: []Call{
		rule("freeze", "*"), rule("rate", "head.*", factor(1)), rule("rate", "body.?.weight", factor(0.1)), rule("decay", "*.weight", factor(0.2)),
		rule("decay", "*.bias", factor(0)), rule("max_norm", "head.[ab]", Attr{Name: "limit", Value: 2.0}), rule("freeze", "body.b.*"), rule("rate", "[", factor(3)),
	}}
	for _, c := range []struct {
		name   string
		frozen bool
		want   Treatment
		bound  bool
	}{
		{"head.weight", false, Treatment{Decay: 0.2, HasDecay: true}, false},
		{"head.a", false, Treatment{}, true},
		{"head.c", false, Treatment{}, false},
		{"body.a.weight", false, Treatment{Rate: 0.1, Decay: 0.2, HasDecay: true}, false},
		{"body.b.weight", true, Treatment{Rate: 0.1, Decay: 0.2, HasDecay: true}, false},
		{"body.ab.weight", true, Treatment{Decay: 0.2, HasDecay: true}, false},
		{"stem.bias", true, Treatment{HasDecay: true}, false},
	} {
		if got := tr.Treatment(c.name); got != c.want || tr.Frozen(c.name) != c.frozen || (tr.MaxNorm(c.name) != nil) != c.bound {
			t.Errorf("%s is treated as %+v, frozen %t", c.name, got, tr.Frozen(c.name))
		}
	}
	var none *Training
	if none.Frozen("x") || none.Treatment("x").Factor() != 1 || none.MaxNorm("x") != nil {
		t.Error("without a train block there are rules")
	}
	if (Treatment{Rate: 0.5}).Factor() != 0.5 {
		t.Error("the factor is not the rate")
	}
}
