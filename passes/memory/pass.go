package memory

import "github.com/dlc-ml/dlc/passes/pass"

// Pass is memory as a row of the pipeline.
var Pass = pass.Pass{
	Name: "memory",
	Doc:  "Memory places every buffer in the function's arena, sharing storage between buffers that are never live at once.",
	Requires: []pass.Order{
		{Before: "layout", Reason: "strides say how much storage a buffer needs, and views share theirs"},
		{Before: "tile", Reason: "what exists for one tile at a time needs little storage"},
		{Before: "chain", Reason: "what nests of a chain touch is live all through it"},
		{Before: "fusion", Reason: "a buffer that is fused away needs no place"},
	},
	Run: func(u *pass.Unit, _ *pass.Config) error {
		for _, f := range u.Loops {
			f.Plan = Plan(f)
		}
		return nil
	},
}
