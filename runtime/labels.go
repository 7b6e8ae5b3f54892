package runtime

import (
	"context"
	"reflect"
	stdruntime "runtime"
	"runtime/pprof"
	"slices"
	"strings"
	"sync"
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
	steps   []context.Context
	numbers stepNumbers
}

// newLayerLabels makes the labels of all steps, so that a call makes none.
func newLayerLabels(p *program) *layerLabels {
	l := &layerLabels{numbers: numberSteps(p)}
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
	x.inner, x.step = step, l.numbers.of(step)
	return runLabelled
}

// runLabelled runs a piece of a step under its labels, on whatever goroutine.
func runLabelled(x *exec, lo, hi int) {
	if x.step >= 0 {
		pprof.SetGoroutineLabels(x.wrap.(*layerLabels).steps[x.step])
	}
	x.inner(x, lo, hi)
	pprof.SetGoroutineLabels(unlabelled)
}

// stepNumbers finds the number of a step by the function that runs its pieces.
type stepNumbers struct {
	steps []stepInfo
	known map[uintptr]int // by the address of the function
	mu    *sync.Mutex     // threads ask at the same time in a chain
}

func numberSteps(p *program) stepNumbers {
	return stepNumbers{p.steps, map[uintptr]int{}, new(sync.Mutex)}
}

// of is the number of the step that a function runs the pieces of, or -1. It looks for the name once.
func (s stepNumbers) of(step func(x *exec, lo, hi int)) int {
	pc := reflect.ValueOf(step).Pointer()
	s.mu.Lock()
	defer s.mu.Unlock()
	i, ok := s.known[pc]
	if !ok {
		name := stdruntime.FuncForPC(pc).Name()
		name = name[strings.LastIndexByte(name, '.')+1:]
		i = slices.IndexFunc(s.steps, func(info stepInfo) bool { return info.name == name })
		s.known[pc] = i
	}
	return i
}
