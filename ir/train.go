package ir

import (
	"path"
	"slices"

	"github.com/dlc-ml/dlc/diag"
)

// Call is a named thing with attributes in the train block: an optimizer, a schedule, a step of the data pipeline.
type Call struct {
	Name  string
	Attrs Attrs
	Pos   diag.Pos
}

// Training is what the train block says, checked and complete. It says nothing of the loss and the metrics: those are results of
// the functions "train" and "eval".
type Training struct {
	Data      []Call // the source, then what each example goes through
	Optimizer Call
	Schedule  []Call // one after the other; empty: a constant rate
	Rules     []Call // how parameters are treated by name: rate, freeze, decay, max_norm; the last that fits counts
	Average   []Call // one at most: the moving average of the weights that is validated and saved
	Callbacks []Call // what happens after each epoch
	// Accumulate is how many batches' gradients make one update; 0 and 1 are one.
	Accumulate int
	Batch      int
	Epochs     int
	Seed       int
}

// Treatment is what an optimizer does otherwise for one parameter than for others. The zero Treatment is none.
type Treatment struct {
	Rate     float64 // factor of the learning rate; 0 means 1
	Decay    float64 // decoupled weight decay, where HasDecay
	HasDecay bool
}

// Factor is the factor of the learning rate.
func (t Treatment) Factor() float64 {
	if t.Rate == 0 {
		return 1
	}
	return t.Rate
}

// Group is a run of the parameter arena whose parameters an optimizer treats alike.
type Group struct {
	Treatment
	Offset, Size int
	Params       []Span // each with the zeros behind it
}

// Span is a run of an arena.
type Span struct{ Offset, Size int }

// Treatment returns what the rules say of the parameter of that name. t may be nil.
func (t *Training) Treatment(name string) Treatment {
	var r Treatment
	if c := t.rule(name, "rate"); c != nil {
		if x, _ := c.Attrs.Get("factor").(float64); x != 1 {
			r.Rate = x
		}
	}
	if c := t.rule(name, "decay"); c != nil {
		r.Decay, r.HasDecay = c.Attrs.Get("factor").(float64)
	}
	return r
}

// MaxNorm returns the rule that bounds the norm of the parameter of that name, or nil.
func (t *Training) MaxNorm(name string) *Call { return t.rule(name, "max_norm") }

// Frozen reports whether the parameter of that name stays as it is: the last of the rules freeze and rate that fits it is freeze.
func (t *Training) Frozen(name string) bool {
	c := t.rule(name, "freeze", "rate")
	return c != nil && c.Name == "freeze"
}

// rule returns the last rule of some kinds that fits a parameter's name, or nil.
func (t *Training) rule(name string, kinds ...string) *Call {
	if t == nil {
		return nil
	}
	for i := len(t.Rules) - 1; i >= 0; i-- {
		c := &t.Rules[i]
		if pattern, _ := c.Attrs.Get("pattern").(string); slices.Contains(kinds, c.Name) && Fits(pattern, name) {
			return c
		}
	}
	return nil
}

// Fits reports whether a parameter's name fits a pattern, in which * stands for any run of characters, ? for any one and [ab] for
// one of several. A pattern that is ill-formed fits nothing.
func Fits(pattern, name string) bool {
	ok, err := path.Match(pattern, name)
	return ok && err == nil
}
