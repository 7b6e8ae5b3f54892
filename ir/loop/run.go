package loop

import (
	"fmt"
	"math"

	"github.com/dlc-ml/dlc/ir"
)

// Run executes f in float32, in exactly the order that the IR fixes. It is the specification that back ends are compared with; only
// Exp, Log, Tanh, Sigmoid and Erf are computed otherwise than in kernels: in float64, rounded once. Arithmetic that gives NaN gives one NaN.
//
// sizes gives the value of each symbol. mem holds the storage of buffers; missing temporaries and outputs are allocated in it, filled
// with [Unwritten]. The error is that of [Verify], or names a missing size or storage.
func Run(f *Func, sizes map[string]int, mem Memory) error {
	if err := Verify(f); err != nil {
		return err
	}
	if mem == nil {
		return fmt.Errorf("loop: %s: there is no memory", f.Name)
	}
	err := mem.complete(f, sizes, func(b *Buffer) bool { return b.Space == Temp || b.Space == Output || b.Space == Prepared })
	if err != nil {
		return err
	}
	m := &machine{sizes: sizes, mem: mem}
	for _, n := range f.Nests {
		m.nest(n, nil)()
	}
	return nil
}

// nest compiles n inside the given steps.
func (m *machine) nest(n *Nest, steps []Axis) func() {
	axes := n.AllAxes(steps...)
	for len(m.idx) < len(axes) {
		m.idx = append(m.idx, 0)
	}
	if n.Form == Scan {
		return m.scan(n, steps)
	}
	c := &compiler{m: m, at: map[*Expr]int{}}
	c.acc = c.word()
	var fold *folder
	if n.Value != nil {
		fold = m.folder(n, len(steps)+len(n.Axes), c)
		c = c.fork() // what a store shares with the value was computed at another point
	}
	var body code
	type store struct {
		to   *ref
		from int
		add  bool
		typ  ir.DType
	}
	var stores []store
	for _, s := range n.Stores {
		from := c.expr(&body, s.Expr)
		stores = append(stores, store{c.access(&body, s.To), from, s.Add, s.Expr.Type})
	}
	words := c.words
	point := func() {
		idx := m.idx
		if fold != nil {
			words[0] = fold.run(idx, words)
		}
		body.run(idx, words)
		for i := range stores {
			s := &stores[i]
			to := &s.to.words[s.to.address(idx, words)]
			switch {
			case !s.add:
				*to = words[s.from]
			case s.typ == ir.F32:
				*to = fbits(math.Float32frombits(*to) + math.Float32frombits(words[s.from]))
			default:
				*to += words[s.from]
			}
		}
	}
	return func() { m.loops(n.Axes, len(steps), point) }
}

// loops runs body for every point of axes, the first of which has number at.
func (m *machine) loops(axes []Axis, at int, body func()) {
	if len(axes) == 0 {
		body()
		return
	}
	for i := range extent(axes[0].Extent, m.sizes) {
		m.idx[at] = i
		m.loops(axes[1:], at+1, body)
	}
}

// scan compiles a scan: its inner nests, once for each step.
func (m *machine) scan(n *Nest, steps []Axis) func() {
	inner := append(append([]Axis{}, steps...), n.Axes...)
	var bodies []func()
	for _, b := range n.Body {
		bodies = append(bodies, m.nest(b, inner))
	}
	last := extent(n.Axes[0].Extent, m.sizes) - 1
	return func() {
		m.loops(n.Axes, len(steps), func() {
			if n.Reverse { // loops sets the index anew before each step
				m.idx[len(steps)] = last - m.idx[len(steps)]
			}
			for _, body := range bodies {
				body()
			}
		})
	}
}
