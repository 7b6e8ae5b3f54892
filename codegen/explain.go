package codegen

import (
	"fmt"

	"github.com/dlc-ml/dlc/avo/kernel"
	"github.com/dlc-ml/dlc/diag"
	"github.com/dlc-ml/dlc/ir/loop"
	"github.com/dlc-ml/dlc/passes/pass"
)

// Step is one step of a compiled program: a kernel over its whole grid, or a scan.
type Step struct {
	Func   string // "infer", "train" …
	Name   string // of the function that runs it, as profiles call it: "inferConv2d"
	Nest   *loop.Nest
	Kernel *kernel.Builder // nil of a scan
	// Body are the steps of a scan. Where Alone, each piece of the batch runs through all of them by itself, and profiles know the scan only.
	Body  []*Step
	Alone bool
}

// Steps lists the steps of every program of a compiled model, in the order in which they run.
func Steps(u *pass.Unit) ([]*Step, error) {
	var list []*Step
	for _, f := range u.Loops {
		p, err := newProgram(f, map[string]int{"P": u.Trainable}, nil)
		if err != nil {
			return nil, err
		}
		for _, s := range p.steps {
			for _, b := range s.both {
				x := p.exported(b)
				x.Name = s.name
				list = append(list, x)
			}
			if s.both == nil {
				list = append(list, p.exported(s))
			}
		}
	}
	return list, nil
}

// exported is s for other packages.
func (p *program) exported(s *step) *Step {
	x := &Step{Func: p.name, Name: s.name, Nest: s.nest, Kernel: s.b, Alone: s.alone}
	for _, b := range s.body {
		x.Body = append(x.Body, p.exported(b))
	}
	return x
}

// Explain tells note of every kernel of a compiled model: what it computes, how it goes over the data on the reference target AVX2, how callers cut it,
// what the cost model expects of it, and what it took where measured knows its step.
func Explain(u *pass.Unit, measured func(step string) string, note func(pos diag.Pos, text string)) error {
	steps, err := Steps(u)
	if err != nil {
		return err
	}
	took := func(step string) string {
		if text := measured(step); text != "" {
			return "; measured: " + text
		}
		return ""
	}
	for _, s := range steps {
		list := []*Step{s}
		if s.Kernel == nil {
			list = s.Body
			note(s.Nest.Pos, fmt.Sprintf("kernel: %s: %s: %d steps over %s, each of which runs:%s", s.Func, s.Nest.Name, s.Nest.Axes[0].Extent.Size, s.Nest.Axes[0].Name, took(s.Name)))
		}
		for _, k := range list {
			note(k.Nest.Pos, fmt.Sprintf("kernel: %s: %s %s: %s; %s%s", k.Func, k.Nest.Form, k.Nest.Name, k.Kernel.Tiling, k.Kernel.Expected(), took(k.Name)))
		}
	}
	return nil
}
