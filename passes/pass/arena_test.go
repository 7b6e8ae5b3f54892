package pass

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/dlc-ml/dlc/ir"
)

// TestArena checks order, alignment and totals of the parameter arena.
func TestArena(t *testing.T) {
	param := func(name string, trainable bool, s ir.Shape) *ir.Param {
		return &ir.Param{Name: name, Type: ir.T(ir.F32, s), Trainable: trainable}
	}
	m := &ir.Module{Params: []*ir.Param{
		param("a", true, ir.S(3, 5)), param("mean", false, ir.S(7)), param("b", true, ir.S(16)), param("c", true, nil), param("var", false, ir.S(1)),
	}}
	a, err := NewArena(m)
	if err != nil {
		t.Fatal(err)
	}
	want := []struct {
		name         string
		offset, size int
	}{{"a", 0, 15}, {"b", 16, 16}, {"c", 32, 1}, {"mean", 256, 7}, {"var", 272, 1}}
	if len(a.Places) != len(want) {
		t.Fatalf("%d places", len(a.Places))
	}
	for i, w := range want {
		if p := a.Places[i]; p.Param.Name != w.name || p.Offset != w.offset || p.Size != w.size {
			t.Errorf("place %d is %s at %d+%d, not %v", i, p.Param.Name, p.Offset, p.Size, w)
		}
	}
	if a.Trainable != 256 || a.ArenaLen != 288 {
		t.Errorf("the trainable part has %d elements and the whole %d, not 256 and 288", a.Trainable, a.ArenaLen)
	}
	if p, ok := a.Place(m.Params[2]); !ok || p.Offset != 16 {
		t.Errorf("b lies at %d", p.Offset)
	}
	if _, ok := a.Place(param("b", true, nil)); ok {
		t.Error("a parameter of another module has a place")
	}
}

// TestArenaTooLarge checks that sizes which do not fit are errors that name the parameter.
func TestArenaTooLarge(t *testing.T) {
	big := func(name string) *ir.Param {
		return &ir.Param{Name: name, Type: ir.T(ir.F32, ir.S(1<<15, 1<<15)), Trainable: true}
	}
	if _, err := NewArena(&ir.Module{Params: []*ir.Param{big("x"), big("y")}}); err == nil || !strings.Contains(err.Error(), "parameter y") {
		t.Errorf("two parameters of 2^30 elements: %v", err)
	}
	batch := &ir.Param{Name: "z", Type: ir.T(ir.F32, ir.NS(3))}
	if _, err := NewArena(&ir.Module{Params: []*ir.Param{batch}}); err == nil || !strings.Contains(err.Error(), "parameter z") {
		t.Errorf("a parameter with a batch: %v", err)
	}
}

// TestEmptyArena checks a model without parameters.
func TestEmptyArena(t *testing.T) {
	a, err := NewArena(&ir.Module{})
	if err != nil || a.ArenaLen != 0 || a.Trainable != 0 {
		t.Errorf("%+v, %v", a, err)
	}
}

// TestRewrite checks the counting that bisection rests on.
func TestRewrite(t *testing.T) {
	c := &Config{MaxRewrites: 2}
	for i, want := range []bool{true, true, false, false} {
		if c.Rewrite(string(rune('a'+i))) != want {
			t.Errorf("rewrite %d", i)
		}
	}
	if c.Last != "b" || c.Rewrites != 4 {
		t.Errorf("last %q of %d", c.Last, c.Rewrites)
	}
	if c := new(Config); !c.Rewrite("x") {
		t.Error("the zero Config refuses a rewrite")
	}
}

// TestArenaGroups has parameters with rates of their own: those treated alike lie together, each group a whole number of blocks.
func TestArenaGroups(t *testing.T) {
	param := func(name string, n int) *ir.Param {
		return &ir.Param{Name: name, Type: ir.T(ir.F32, ir.S(n)), Trainable: true}
	}
	m := &ir.Module{
		Params: []*ir.Param{param("a.w", 20), param("b.w", 300), param("a.b", 5), param("b.b", 7)},
		Train:  &ir.Training{Rules: []ir.Call{{Name: "rate", Attrs: ir.Attrs{{Name: "pattern", Value: "b.*"}, {Name: "factor", Value: 0.5}}}}},
	}
	m.Params = append(m.Params, &ir.Param{Name: "mean", Type: ir.T(ir.F32, ir.S(3))})
	a, err := NewArena(m)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, pl := range a.Places {
		names = append(names, fmt.Sprintf("%s@%d", pl.Param.Name, pl.Offset))
	}
	if got := strings.Join(names, " "); got != "a.w@0 a.b@32 b.w@256 b.b@560 mean@768" {
		t.Errorf("the places are %s", got)
	}
	want := []ir.Group{
		{Size: 256, Params: []ir.Span{{Offset: 0, Size: 32}, {Offset: 32, Size: 16}}},
		{Treatment: ir.Treatment{Rate: 0.5}, Offset: 256, Size: 512, Params: []ir.Span{{Offset: 256, Size: 304}, {Offset: 560, Size: 16}}},
	}
	if !reflect.DeepEqual(a.Groups, want) || a.Trainable != 768 || a.ArenaLen != 784 {
		t.Errorf("the groups are %+v, the lengths %d and %d", a.Groups, a.Trainable, a.ArenaLen)
	}
}
