package ir

import "github.com/dlc-ml/dlc/diag"

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
	Schedule  []Call // empty: a constant rate
	Batch     int
	Epochs    int
	Seed      int
}
