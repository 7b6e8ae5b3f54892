package runtime

import (
	"context"
	"reflect"
	stdruntime "runtime"
	"runtime/pprof"
	"strings"
	"sync/atomic"
)

// LabelLayers says whether profiles show the layers of the models of this package: while it is on, every sample of a CPU profile that falls into a
// layer bears the labels "model", "program" (infer, train …), "layer" and "source", so that "go tool pprof -tags" sums up by layer and -tagfocus
// picks one. Package pprof does not tell whether a profile is being taken, hence this switch; a call looks at it once. While it is on, a piece of a
// layer takes about 20 ns longer, the first call of each session makes the labels, and calls take away labels that their goroutine had before.
func LabelLayers(on bool) { labelLayers.Store(on) }

var labelLayers atomic.Bool

// unlabelled is what a goroutine works under between layers.
var unlabelled = context.Background()

// layerLabels are contexts with the labels of each step of a program.
type layerLabels struct {
	steps []context.Context
	index map[uintptr]context.Context // the same by the address of the step's function
	under context.Context             // those of the step that runs
}

// newLayerLabels makes the labels of all steps, so that a call makes none.
func newLayerLabels(p *program) *layerLabels {
	l := &layerLabels{index: map[uintptr]context.Context{}}
	for _, s := range p.steps {
		l.steps = append(l.steps, pprof.WithLabels(unlabelled, pprof.Labels("model", p.model, "program", p.name, "layer", s.layer, "source", s.at)))
	}
	return l
}

// switchLabels looks at the switch at the start of a call.
func (x *exec) switchLabels() {
	_, labelled := x.wrap.(*layerLabels)
	switch on := labelLayers.Load(); {
	case on && x.wrap == nil:
		x.wrap = newLayerLabels(x.prog)
	case !on && labelled:
		x.wrap = nil
	}
}

func (l *layerLabels) begin() {}

// around makes the pieces of a step run under its labels.
func (l *layerLabels) around(x *exec, step func(x *exec, lo, hi int)) func(x *exec, lo, hi int) {
	pc := reflect.ValueOf(step).Pointer()
	ctx, ok := l.index[pc]
	if !ok {
		ctx = unlabelled
		if i := stepIndex(x.prog, step); i >= 0 {
			ctx = l.steps[i]
		}
		l.index[pc] = ctx
	}
	x.inner, l.under = step, ctx
	return runLabelled
}

// runLabelled runs a piece of a step under its labels, on whatever goroutine.
func runLabelled(x *exec, lo, hi int) {
	pprof.SetGoroutineLabels(x.wrap.(*layerLabels).under)
	x.inner(x, lo, hi)
	pprof.SetGoroutineLabels(unlabelled)
}

// stepIndex returns the number of the step that a function runs the pieces of, or -1.
func stepIndex(p *program, step func(x *exec, lo, hi int)) int {
	name := stdruntime.FuncForPC(reflect.ValueOf(step).Pointer()).Name()
	name = name[strings.LastIndexByte(name, '.')+1:]
	for i := range p.steps {
		if p.steps[i].name == name {
			return i
		}
	}
	return -1
}
