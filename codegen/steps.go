package codegen

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dave/jennifer/jen"

	"github.com/dlc-ml/dlc/avo/kernel"
	"github.com/dlc-ml/dlc/ir/loop"
	"github.com/dlc-ml/dlc/passes/pass"
)

// programSource returns the Go text of one program: its table of buffers, its straight-line run function with a line a nest, and the
// step functions that call the kernels.
func programSource(u *pass.Unit, p *program, states []string, formulas map[string]string, measured bool) (string, error) {
	var parts []string
	parts = append(parts, p.tableDecl(u.Module.Name, formulas, measured), p.runDecl("Run", "runs the program once, step by step.", p.steps))
	if len(p.prepare) > 0 {
		parts = append(parts, p.runDecl("Prepare", "computes what depends on the weights alone.", p.prepare))
	}
	for _, s := range slices.Concat(p.prepare, p.steps) {
		if c := s.chain; c != nil && c.steps[0] == s {
			parts = append(parts, c.decl())
		}
		d, err := p.stepDecl(u, s, states)
		if err != nil {
			return "", err
		}
		parts = append(parts, d)
	}
	return strings.Join(parts, "\n\n") + "\n", nil
}

// tableDecl declares the program value.
func (p *program) tableDecl(model string, formulas map[string]string, measured bool) string {
	scalars := jen.Index().Id("scalarInfo").ValuesFunc(func(g *jen.Group) {
		for _, b := range p.fn.Buffers {
			if b.Space == loop.Scalar {
				name := strings.TrimPrefix(b.Name, "$")
				g.Values(jen.Lit(name), jen.Lit(p.base(b)), jen.Lit(formulas[name]))
			}
		}
	})
	results := jen.Index().Int().ValuesFunc(func(g *jen.Group) {
		if p.name == "infer" {
			return
		}
		for _, b := range p.results() {
			g.Lit(p.base(b))
		}
	})
	fields := jen.Dict{
		jen.Id("model"):      jen.Lit(model),
		jen.Id("name"):       jen.Lit(p.name),
		jen.Id("bases"):      jen.Id(p.name + "Bases"),
		jen.Id("perExample"): jen.Lit(p.fn.Plan.PerExample),
		jen.Id("fixed"):      jen.Lit(p.fn.Plan.Fixed),
		jen.Id("table"):      jen.Lit(p.table),
		jen.Id("scalars"):    scalars,
		jen.Id("results"):    results,
		jen.Id("flops"):      jen.Lit(p.flops),
		jen.Id("cycles"):     jen.Lit(max(1, int(p.cycles.perExample))),
		jen.Id("fixedCost"):  jen.Lit(int(p.cycles.fixed)),
		jen.Id("run"):        jen.Id(p.name + "Run"),
	}
	if len(p.prepare) > 0 {
		fields[jen.Id("prepared")], fields[jen.Id("prepare")] = jen.Lit(p.fn.Plan.Prepared), jen.Id(p.name+"Prepare")
	}
	if len(p.constants) > 0 {
		fields[jen.Id("constants")] = jen.Id("constants")
	}
	if p.name == "infer" {
		if part := partOf(p.fn); part > 0 {
			fields[jen.Id("part")] = jen.Lit(part)
		}
	}
	fields[jen.Id("steps")] = p.stepInfos(measured)
	text := jen.Var().Id(p.name + "Program").Op("=").Id("program").Values(fields).GoString()
	var b strings.Builder
	fmt.Fprintf(&b, "// %sBases are the buffers of the program: offset in the arena, for each example of the batch where the second field is true.\n", p.name)
	fmt.Fprintf(&b, "var %sBases = []base{\n", p.name)
	for i, l := range p.bases {
		fmt.Fprintf(&b, "\t{%d, %t}, // %d: %s\n", l.offset, l.scaled, i, l.comment)
	}
	b.WriteString("}\n\n")
	return b.String() + text
}

// stepInfos describes the steps: what profiles call them, and for programs that measure themselves what they compute.
func (p *program) stepInfos(measured bool) *jen.Statement {
	return jen.Index().Id("stepInfo").ValuesFunc(func(g *jen.Group) {
		for _, s := range p.steps {
			parts := []*step{s}
			tiling := ""
			if s.nest.Form == loop.Scan {
				if tiling = stepsOver(s.nest); s.both == nil && !s.alone {
					parts = s.body
				}
			}
			for _, x := range parts {
				perExample, fixed := loop.Flops(x.whole())
				if x != s {
					perExample, fixed = perExample*float64(stepCount(s.nest)), fixed*float64(stepCount(s.nest))
				}
				if x.b != nil {
					tiling = x.b.Tiling
				}
				field := func(name string, v any) jen.Code { return jen.Id(name).Op(":").Lit(v) }
				fields := []jen.Code{field("name", x.name), field("layer", x.nest.Name), field("at", x.label())}
				if measured {
					reads, writes := loop.Traffic(s.whole())
					if x != s {
						reads, writes = loop.Traffic(&loop.Nest{Form: loop.Scan, Axes: s.nest.Axes, Body: []*loop.Nest{x.nest}})
					}
					if calls := s.calls(); calls > 0 {
						fields = append(fields, field("calls", calls))
					}
					fields = append(fields, field("tiling", tiling), field("perExample", perExample), field("fixed", fixed),
						jen.Id("reads").Op(":").Add(bytesOf(reads)), jen.Id("writes").Op(":").Add(bytesOf(writes)))
				}
				g.Line().Values(fields...)
			}
		}
		g.Line()
	})
}

// whole is the nest of a step, or one of two scans.
func (s *step) whole() *loop.Nest {
	if s.both == nil {
		return s.nest
	}
	return &loop.Nest{Form: loop.Scan, Body: []*loop.Nest{s.both[0].nest, s.both[1].nest}}
}

// calls is how often a piece of a scan calls kernels; 0 for other steps.
func (s *step) calls() int {
	switch {
	case s.both != nil:
		return s.both[0].calls() // a piece belongs to one of them
	case s.alone:
		return stepCount(s.nest) / s.cuts * len(s.body)
	}
	return 0
}

// bytesOf is the Go value of a number of bytes.
func bytesOf(b loop.Bytes) *jen.Statement {
	return jen.Id("stepBytes").Values(jen.Lit(b.PerExample), jen.Lit(b.Fixed))
}

// results returns the buffers of the function's results, in order.
func (p *program) results() []*loop.Buffer {
	var list []*loop.Buffer
	for _, b := range p.fn.Buffers {
		if b.Space == loop.Output {
			list = append(list, b)
		}
	}
	return list
}

// runDecl declares a function that runs steps in order; doc says what for.
func (p *program) runDecl(suffix, doc string, steps []*step) string {
	body := func(g *jen.Group) {
		for _, s := range steps {
			if s.chain != nil {
				if s.chain.steps[0] == s {
					g.Id("x").Dot("chain").Call(jen.Lit(s.chain.part), jen.Lit(s.chain.sums), jen.Id(s.chain.name))
				}
				continue
			}
			if s.nest.Form == loop.Scan {
				p.runScan(g, s)
				continue
			}
			g.Comment(comment(s.label()))
			g.Add(s.call())
		}
	}
	return jen.Comment(p.name + suffix + " " + doc).Line().
		Func().Id(p.name + suffix).Params(jen.Id("x").Op("*").Id("exec")).BlockFunc(body).GoString()
}

// count is the number of rows of a kernel's grid.
func (s *step) count() *jen.Statement {
	switch grid := s.b.Grid; {
	case grid.None:
		return jen.Lit(1)
	case grid.PerBatch && grid.Extent == 1:
		return jen.Id("x").Dot("n")
	case grid.PerBatch:
		return jen.Lit(grid.Extent).Op("*").Id("x").Dot("n")
	default:
		return jen.Lit(grid.Extent)
	}
}

// call is the statement that runs a kernel over its whole grid.
func (s *step) call() *jen.Statement {
	grid, count := s.b.Grid, s.count()
	chunk := jen.Lit(max(1, grid.Chunk))
	each := jen.Id("x").Dot("each").Call(count, jen.Lit(max(1, grid.Least)), chunk, jen.Id(s.name))
	switch {
	case s.b.Cuts > 1:
		each = jen.Id("x").Dot("eachCut").Call(jen.Lit(s.b.Cuts), count, chunk, jen.Lit(s.b.Across), jen.Id(s.name))
	case grid.Ordered:
		each = jen.Id("x").Dot("inOrder").Call(count, chunk, jen.Id(s.name))
	}
	if s.b.Block > 0 {
		return jen.Id("x").Dot("sum").Call(jen.Lit(s.sum), jen.Lit(s.b.Block), count, jen.Lit(max(1, grid.Least)), chunk, jen.Id(s.name))
	}
	return each
}

// stepDecl declares the function that calls a kernel on rows lo to hi of its grid.
func (p *program) stepDecl(u *pass.Unit, s *step, states []string) (string, error) {
	if s.nest.Form == loop.Scan {
		return p.scanDecl(u, s, states)
	}
	args, err := p.arguments(u, s, states, []*jen.Statement{jen.Id("x").Dot("t")})
	if err != nil {
		return "", err
	}
	lo, hi := "lo", "hi"
	if s.b.Grid.None {
		lo, hi = "_", "_"
	}
	body := []jen.Code{jen.Id(s.kernel.Name).Call(args...)}
	if s.b.Cuts > 1 {
		body = append([]jen.Code{jen.List(jen.Id("cut"), jen.Id("lo"), jen.Id("hi")).Op(":=").Id("cutOf").Call(s.count(), jen.Id("lo"), jen.Id("hi"))}, body...)
	}
	return jen.Comment(comment(s.name+": "+s.label()+"; "+s.b.Tiling)).Line().
		Func().Id(s.name).Params(jen.Id("x").Op("*").Id("exec"), jen.List(jen.Id(lo), jen.Id(hi)).Int()).
		Block(body...).GoString(), nil
}

// arguments are those of a kernel's call on rows lo to hi, at a step of a scan whose axes count in t.
func (p *program) arguments(u *pass.Unit, s *step, states []string, t []*jen.Statement) ([]jen.Code, error) {
	var args []jen.Code
	for _, a := range s.b.Args {
		code, err := p.pointer(u, s, a, states, t)
		if err != nil {
			return nil, fmt.Errorf("%s: error: %w", s.nest.Pos, err)
		}
		args = append(args, code)
	}
	rows := func() *jen.Statement { return jen.Parens(jen.Id("hi").Op("-").Id("lo")) }
	if !s.b.Grid.None {
		if t := s.b.Grid.Tile; t > 1 {
			args = append(args, rows().Op("/").Lit(t), rows().Op("%").Lit(t))
		} else {
			args = append(args, jen.Id("hi").Op("-").Id("lo"))
		}
	}
	from, n := jen.Id("x").Dot("from"), jen.Id("x").Dot("n")
	switch {
	case s.b.Block > 0:
		args = append(args, jen.Id("x").Dot("block").Call(jen.Lit(s.b.Block)), jen.Min(jen.Lit(1), from))
	case s.b.Batch:
		args = append(args, n)
	}
	return args, nil
}

// pointer is the Go expression of one pointer argument of step s, at a step of a scan whose axes count in t.
func (p *program) pointer(u *pass.Unit, s *step, a kernel.Arg, states []string, t []*jen.Statement) (*jen.Statement, error) {
	lo, from := jen.Id("lo"), jen.Id("x").Dot("from")
	if a.Buf != nil && p.local[a.Buf.Root()] {
		shift := jen.Id("x").Dot("shift")
		if s.b.Block > 0 {
			from = jen.Parens(from.Op("-").Add(shift))
		} else if lo.Op("-"); s.b.Grid.Extent > 1 {
			lo = jen.Parens(lo.Lit(s.b.Grid.Extent).Op("*").Add(shift))
		} else {
			lo = jen.Parens(lo.Add(shift))
		}
	}
	offset := func(at int) *jen.Statement { return offset(at, a, lo, from, t) }
	x := func(method string, args ...jen.Code) *jen.Statement { return jen.Id("x").Dot(method).Call(args...) }
	if a.Buf == nil {
		return x("at", jen.Lit(p.table), offset(a.Offset)), nil
	}
	b := a.Buf.Root()
	switch b.Space {
	case loop.Weight, loop.Grad:
		method := "weight"
		if b.Space == loop.Grad {
			method = "grad"
		}
		at := 0
		if !strings.HasPrefix(b.Name, "$") {
			var err error
			if at, err = paramOffset(u, b); err != nil {
				return nil, err
			}
		}
		return x(method, offset(at+a.Offset)), nil
	case loop.Prepared:
		return x("ready", offset(p.fn.Plan.At[b]+a.Offset)), nil
	case loop.Table:
		return x("constant", offset(p.constants[b]+a.Offset)), nil
	case loop.State:
		for i, s := range states {
			if b.Name == "$state."+s {
				return x("state", jen.Lit(i), offset(a.Offset)), nil
			}
		}
		return nil, fmt.Errorf("buffer %s belongs to no state of the optimizer", b.Name)
	}
	i := p.base(b)
	if i < 0 {
		return nil, fmt.Errorf("buffer %s has no place in the memory plan", b.Name)
	}
	return x("at", jen.Lit(i), offset(a.Offset)), nil
}

// offset is at + stride*lo + cut*cut + Σ steps[i]*t[i] + example*from without what is zero.
func offset(at int, a kernel.Arg, lo, from *jen.Statement, t []*jen.Statement) *jen.Statement {
	var sum *jen.Statement
	add := func(x *jen.Statement) {
		if sum == nil {
			sum = x
		} else {
			sum.Op("+").Add(x)
		}
	}
	times := func(n int, x *jen.Statement) {
		switch n {
		case 0:
		case 1:
			add(x)
		default:
			add(jen.Lit(n).Op("*").Add(x))
		}
	}
	if at != 0 {
		add(jen.Lit(at))
	}
	times(a.Stride, lo.Clone())
	times(a.Cut, jen.Id("cut"))
	for i, c := range a.Steps {
		times(c, t[i].Clone())
	}
	times(a.Example, from.Clone())
	if sum == nil {
		return jen.Lit(0)
	}
	return sum
}

// comment keeps text that comes from a source file inside one line comment that no tool takes for a directive.
func comment(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}, s)
	return "// " + strings.ReplaceAll(s, "*/", "* /")
}
