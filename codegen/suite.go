package codegen

import (
	"bytes"
	"fmt"
	"go/format"

	"github.com/dave/jennifer/jen"

	"github.com/dlc-ml/dlc/ir/loop"
	"github.com/dlc-ml/dlc/passes/pass"
)

// Case is one function of a compiled unit on its way into a suite.
type Case struct {
	Name string
	Unit *pass.Unit
	Func *loop.Func // one of the unit's
}

// Suite returns the files of a program (package main) that holds many functions of many models and runs them on request, as runtime/suite.go
// says. It is how generated code is tested by the hundred: kernels that are the same are compiled once, and the support code is there once.
// targets are what it holds kernels for, as ParseTargets returns them. The second result says, for each case, why it could not be compiled; such a case is left out.
func Suite(cases []Case, targets []string) (map[string][]byte, []error, error) {
	ks := newKernelSet(targets)
	refused := make([]error, len(cases))
	var tables constantSet
	var src bytes.Buffer
	src.WriteString(Header + "\npackage main\n\nimport (\n_ \"embed\"\n\"os\"\n)\n\n//go:embed suite.constants\nvar constantsBlob string\n\n" +
		"var constants = constantFloats(constantsBlob)\n\nfunc main() { os.Exit(serve(suite, os.Stdin, os.Stdout)) }\n")
	rows := jen.Index().Id("suiteCase").ValuesFunc(func(g *jen.Group) {
		for i, c := range cases {
			f := *c.Func
			f.Name = fmt.Sprintf("case%d", i)
			p, text, err := suiteProgram(c.Unit, &f, ks, &tables)
			if err != nil {
				refused[i] = err
				continue
			}
			src.WriteString("\n" + text)
			g.Line().Add(suiteRow(c, i, p))
		}
	})
	src.WriteString("\n" + jen.Comment("suite lists the cases.").Line().Var().Id("suite").Op("=").Add(rows).GoString() + "\n")
	files, err := ks.print("main")
	if err != nil {
		return nil, nil, err
	}
	if files["suite.go"], err = format.Source(src.Bytes()); err != nil {
		return nil, nil, fmt.Errorf("the suite: %w", err)
	}
	files["suite.constants"] = tables.data
	g := &generator{kernels: ks, Package: "main", Kernels: ks.list, suite: true}
	if err := g.dispatch(files); err != nil {
		return nil, nil, err
	}
	return files, refused, g.carry(files)
}

// suiteProgram compiles one function and returns its Go text.
func suiteProgram(u *pass.Unit, f *loop.Func, ks *kernelSet, tables *constantSet) (*program, string, error) {
	p, err := newProgram(f, map[string]int{"P": u.Trainable}, ks)
	if err != nil {
		return nil, "", err
	}
	tables.add(p)
	_, formulas := kept(u.Module)
	text, err := programSource(u, p, stateNames(f), formulas, false)
	return p, text, err
}

// stateNames lists the optimizer states of a function, in the order of its buffers.
func stateNames(f *loop.Func) []string {
	var list []string
	for _, b := range f.Buffers {
		if b.Space == loop.State && b.Alias == nil {
			list = append(list, b.Name[len("$state."):])
		}
	}
	return list
}

// suiteRow describes one case to the support code.
func suiteRow(c Case, number int, p *program) jen.Code {
	ports := func(space loop.Space) *jen.Statement {
		return jen.Index().Id("suitePort").ValuesFunc(func(g *jen.Group) {
			for _, b := range p.fn.Buffers {
				if b.Space == space {
					g.Values(jen.Lit(p.base(b)), jen.Lit(b.Size()), jen.Lit(b.Scaled()))
				}
			}
		})
	}
	return jen.Values(jen.Dict{
		jen.Id("number"):  jen.Lit(number),
		jen.Id("name"):    jen.Lit(c.Name),
		jen.Id("prog"):    jen.Op("&").Id(p.name + "Program"),
		jen.Id("arena"):   jen.Lit(c.Unit.ArenaLen),
		jen.Id("states"):  jen.Lit(len(stateNames(p.fn))),
		jen.Id("inputs"):  ports(loop.Input),
		jen.Id("outputs"): ports(loop.Output),
	})
}
