package codegen

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dlc-ml/dlc/avo/kernel"
	"github.com/dlc-ml/dlc/ir/loop"
	"github.com/dlc-ml/dlc/passes/pass"
)

// program is one loop function on its way to Go: where its buffers are, and the steps that it runs.
type program struct {
	fn        *loop.Func
	name      string // "infer", "eval", "train"
	bases     []baseLine
	index     map[*loop.Buffer]int // of a root buffer in bases
	table     int                  // the base that holds 0, 1, 2 …, or -1
	constants map[*loop.Buffer]int // where each table starts among the package's, in elements
	prepare   []*step              // run once, when a model makes its first session
	steps     []*step
	local     map[*loop.Buffer]bool // storages that stay inside one chain
	flops     int                   // of one example
	// cycles is about how long an example takes, and what does not depend on the batch.
	cycles struct{ perExample, fixed float64 }
	// counted is how many numbers the table must hold: for each example, and whatever the batch.
	counted struct{ perExample, fixed int }
}

// baseLine is one entry of a program's table of buffers.
type baseLine struct {
	offset  int
	scaled  bool
	comment string
}

// step is one nest as one function of the generated package.
type step struct {
	name   string // "inferConv"
	nest   *loop.Nest
	b      *kernel.Builder
	kernel *kernelCode

	// Of a scan only, which has no kernel: its body, and whether pieces of the batch run through all steps by themselves.
	body  []*step
	alone bool
	cuts  int // how many pieces the steps along its first axes are, which do not meet: each runs by itself too, where alone
	chunk int // rows of a piece

	both []*step // of two scans that run at the same time

	chain *chain // that it belongs to; else nil
	sum   int    // of one that sums over the batch: its number among those of its chain
}

// newProgram builds the kernels of f and lays out its table of buffers. Where ks is nil it makes no code.
func newProgram(f *loop.Func, sizes map[string]int, ks *kernelSet) (*program, error) {
	if f.Plan == nil {
		return nil, fmt.Errorf("function %s has no memory plan", f.Name)
	}
	p := &program{fn: f, name: f.Name, index: map[*loop.Buffer]int{}, table: -1}
	for _, b := range f.Buffers {
		at, ok := f.Plan.At[b]
		if !ok || b.Space == loop.Prepared {
			continue
		}
		p.index[b] = len(p.bases)
		p.bases = append(p.bases, baseLine{at, b.Scaled(), b.Name + " " + b.Elem.String() + b.Shape.String()})
	}
	names := map[string]bool{f.Name + "Run": true, f.Name + "Program": true, f.Name + "Bases": true}
	for i, n := range f.Nests {
		if n.Form == loop.Scan {
			s, err := p.addScan(n, sizes, ks, names)
			if err != nil {
				return nil, err
			}
			if f.Together(i) {
				s = p.join(s, names)
			}
			p.steps = append(p.steps, s)
			continue
		}
		s, err := p.newStep(n, sizes, ks, names)
		if err != nil {
			return nil, err
		}
		if n.Stores[0].To.Buf.Space == loop.Prepared {
			p.prepare = append(p.prepare, s)
			continue
		}
		p.steps = append(p.steps, s)
		p.addToChain(s, i, names)
		p.flops += s.b.Flops
		p.addCycles(s.b, 1)
	}
	p.endChains()
	p.findLocal()
	if p.counted.perExample+p.counted.fixed > 0 {
		p.table = len(p.bases)
		p.addTable(p.counted.perExample, p.counted.fixed)
	}
	return p, nil
}

// newStep builds the kernel of one nest, which stands in the body of a scan where steps has its axes.
func (p *program) newStep(n *loop.Nest, sizes map[string]int, ks *kernelSet, names map[string]bool, steps ...loop.Axis) (*step, error) {
	b, err := kernel.New(n, sizes, steps...)
	if err != nil {
		return nil, fmt.Errorf("%s: error: %w", n.Pos, err)
	}
	s := &step{name: fresh(names, p.name+exported(n.Name)), nest: n, b: b}
	if ks != nil {
		if s.kernel, err = ks.add(b); err != nil {
			return nil, fmt.Errorf("%s: error: %w", n.Pos, err)
		}
	}
	for _, a := range b.Args {
		switch {
		case a.Buf != nil:
		case len(a.Steps) > 0:
			p.counted.fixed = max(p.counted.fixed, steps[slices.IndexFunc(a.Steps, func(c int) bool { return c != 0 })].Extent.Size)
		case b.Grid.PerBatch:
			p.counted.perExample = max(p.counted.perExample, b.Grid.Extent)
		default:
			p.counted.fixed = max(p.counted.fixed, b.Grid.Extent)
		}
	}
	return s, nil
}

// addCycles adds what a kernel takes that runs so many times.
func (p *program) addCycles(b *kernel.Builder, times int) {
	perExample, fixed := b.Work()
	p.cycles.perExample += float64(times) * perExample
	p.cycles.fixed += float64(times) * fixed
}

// addTable appends the index table to the plan: 0, 1, 2 … for as many rows as any kernel counts.
func (p *program) addTable(perExample, fixed int) {
	up := func(n int) int { return (n + 15) / 16 * 16 }
	line := baseLine{comment: "0, 1, 2 …"}
	if perExample > 0 {
		line.offset, line.scaled = p.fn.Plan.PerExample, true
		p.fn.Plan.PerExample += up(max(perExample, fixed))
	} else {
		line.offset = p.fn.Plan.Fixed
		p.fn.Plan.Fixed += up(fixed)
	}
	p.bases = append(p.bases, line)
}

// base returns the table entry of a buffer that lies in the arena, or -1.
func (p *program) base(b *loop.Buffer) int {
	if b == nil {
		return -1
	}
	if i, ok := p.index[b.Root()]; ok {
		return i
	}
	return -1
}

// label is the comment of a step: where it comes from and what it computes.
func (s *step) label() string {
	text := strings.Join(s.nest.Ops, ", ")
	if s.nest.Pos.Valid() {
		// Without the folder, which differs from machine to machine.
		pos := s.nest.Pos
		pos.File = filepath.Base(pos.File)
		text = pos.String() + " " + text
	}
	return text
}

// paramOffset returns where the parameter of a Weight or Grad buffer starts in its arena.
func paramOffset(u *pass.Unit, b *loop.Buffer) (int, error) {
	name := strings.TrimSuffix(b.Name, ".grad")
	for _, pl := range u.Places {
		if pl.Param.Name == name || pl.Param.Name == b.Name {
			return pl.Offset, nil
		}
	}
	return 0, fmt.Errorf("buffer %s belongs to no parameter", b.Name)
}
