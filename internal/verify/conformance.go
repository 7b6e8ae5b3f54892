package verify

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dlc-ml/dlc/onnx"
)

// Conformance is what ONNX's own backend tests came to.
type Conformance struct {
	Verdicts []Verdict
	Passed   int
	Fixed    int // of those that pass: how many have inputs that say extents and so were known when they were compiled
	// Operators are the node tests whose models hold each operator.
	Operators map[string]*Count
}

// Count is how many of some tests pass.
type Count struct{ Passed, Total int }

// nodeTests is the folder of the backend tests that are made for one operator each.
const nodeTests = "node"

// deviations are cases whose recorded results are not what the standard says.
var deviations = map[string]string{
	"test_adam_multiple": "the recorded results are those of epsilon=1e-2, which the model does not say",
}

// Conform runs ONNX's backend tests, which lie in folders of data, at the standard's own tolerance.
func Conform(ctx context.Context, data string, jobs int) (*Conformance, error) {
	var dirs []string
	for _, name := range []string{nodeTests, "pytorch-converted", "pytorch-operator", "simple"} {
		dirs = append(dirs, filepath.Join(data, name))
	}
	folders, err := Folders(dirs)
	if err != nil {
		return nil, err
	}
	v := &Checker{Tolerance: onnx.Tolerance{Rel: 1e-3, Abs: 1e-7}, Jobs: jobs}
	c := &Conformance{Operators: map[string]*Count{}}
	if c.Verdicts, err = v.Run(ctx, folders); err != nil {
		return nil, err
	}
	for i, d := range c.Verdicts {
		pass := 0
		if d.Result == Pass {
			pass = 1
		}
		c.Passed += pass
		if len(d.Fixed) > 0 {
			c.Fixed += pass
		}
		if why := deviations[d.Case]; why != "" && pass == 0 {
			c.Verdicts[i].Detail = why
		}
		if filepath.Base(filepath.Dir(folders[i])) == nodeTests {
			c.count(d, pass)
		}
	}
	return c, nil
}

// count adds one node test to those of the operators in it.
func (c *Conformance) count(d Verdict, pass int) {
	for _, op := range d.Operators {
		n := c.Operators[op]
		if n == nil {
			n = &Count{}
			c.Operators[op] = n
		}
		n.Passed += pass
		n.Total++
	}
}

// Cases says how many cases pass, and has a line for each of the others with its reason.
func (c *Conformance) Cases() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %d of %d pass (%d of them with inputs that say extents and so are known when they are compiled)\n", c.Passed, len(c.Verdicts), c.Fixed)
	for _, d := range c.Verdicts {
		if d.Result != Pass {
			fmt.Fprintf(&b, "%s\t%s\t%s\n", d.Case, d.Result, strings.ReplaceAll(d.Detail, "\n", " "))
		}
	}
	return b.String()
}

// Counts has a line for each operator: its name, how many of the node tests that hold it pass, and how many there are.
func (c *Conformance) Counts() string {
	var b strings.Builder
	for _, op := range slices.SortedFunc(maps.Keys(c.Operators), cmp.Compare[string]) {
		fmt.Fprintf(&b, "%s\t%d\t%d\n", op, c.Operators[op].Passed, c.Operators[op].Total)
	}
	return b.String()
}

// operators are those of a model, each once, in the order of their names.
func operators(m *onnx.Model) []string {
	found := map[string]bool{}
	var graph func(nodes []*onnx.Node)
	graph = func(nodes []*onnx.Node) {
		for _, n := range nodes {
			found[n.FullOp()] = true
			for _, a := range n.Attrs {
				if a.G != nil {
					graph(a.G.Nodes)
				}
				for _, g := range a.Graphs {
					graph(g.Nodes)
				}
			}
		}
	}
	graph(m.Graph.Nodes)
	for _, f := range m.Functions {
		graph(f.Nodes)
	}
	return slices.Sorted(maps.Keys(found))
}
