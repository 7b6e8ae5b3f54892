package onnx

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/ops"
)

// Error lists the problems, one a line.
func (u *Unsupported) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %d nodes cannot be imported:", u.File, len(u.Problems))
	if len(u.Problems) == 1 {
		b.Reset()
		fmt.Fprintf(&b, "%s: a node cannot be imported:", u.File)
	}
	for _, p := range u.Problems {
		fmt.Fprintf(&b, "\n    %s (%s): %s", p.Op, p.Node, p.Reason)
	}
	return b.String()
}

// nodes imports the nodes of a graph in their order, which ONNX demands to be one in which values are made before they are read.
func (im *importer) nodes(sc *scope, list []*Node) error {
	if im.depth++; im.depth > maxGraphs {
		return errors.New("graphs and functions are nested too deeply, or a function calls itself")
	}
	defer func() { im.depth-- }()
	for i, n := range list {
		if im.steps++; im.steps > maxSteps {
			return fmt.Errorf("more than %d nodes, with loops unrolled", maxSteps)
		}
		if err := im.node(sc, n); err != nil {
			return at(fmt.Sprintf("node[%d]", i), err)
		}
	}
	return nil
}

// node imports one node. The error is a damaged file; what is not supported is noted.
func (im *importer) node(sc *scope, n *Node) error {
	c := &call{im: im, node: n, scope: sc, opset: im.opsets[domainOf(n.Domain)], attrs: map[string]*Attribute{}, used: map[string]bool{}}
	broken := false
	for i, name := range n.Inputs {
		if name == "" {
			c.in = append(c.in, nil)
			continue
		}
		x := sc.find(name)
		if x == nil {
			return at(fmt.Sprintf("input[%d]", i), fmt.Errorf("%q is read by %s, but nothing before it makes it", name, n.title()))
		}
		broken = broken || x.broken
		c.in = append(c.in, x)
	}
	for i, a := range n.Attrs {
		if c.attrs[a.Name] != nil {
			return at(fmt.Sprintf("attribute[%d]", i), fmt.Errorf("two attributes are called %q", a.Name))
		}
		c.attrs[a.Name] = a
	}
	results, err := c.run(broken)
	if err != nil {
		if d := (*damage)(nil); errors.As(err, &d) {
			return d.err
		}
		if !errors.Is(err, errBroken) {
			im.refused(sc, n, err)
		}
		results = nil
	}
	for i, name := range n.Outputs {
		if name == "" {
			continue
		}
		if sc.values[name] != nil {
			return at(fmt.Sprintf("output[%d]", i), fmt.Errorf("two values are called %q", name))
		}
		sc.makers[name] = n
		switch {
		case err != nil || broken || results == nil:
			sc.values[name] = &value{broken: true}
		case i >= len(results) || results[i] == nil:
			im.refused(sc, n, fmt.Errorf("its result %d is not supported", i))
			sc.values[name] = &value{broken: true}
		default:
			sc.values[name] = results[i]
			im.called(name, results[i])
		}
	}
	return nil
}

// called notes that the file calls x by a name, so that a source does too.
func (im *importer) called(name string, x *value) {
	for _, v := range []*ir.Value{x.v, x.last, x.behind} {
		if v != nil && im.result.names[v] == "" {
			im.result.names[v] = short(name)
		}
	}
}

// damage is an error inside a graph of a node that is not the node's own: the file is damaged.
type damage struct{ err error }

func (d *damage) Error() string { return d.err.Error() }

// title names a node for the user.
func (n *Node) title() string {
	if n.Name != "" {
		return n.Op + " (" + n.Name + ")"
	}
	return n.Op
}

// refused notes a node that cannot be imported.
func (im *importer) refused(sc *scope, n *Node, err error) {
	name := n.Name
	if name == "" && len(n.Outputs) > 0 {
		name = "makes " + n.Outputs[0]
	}
	op := n.Op
	if d := domainOf(n.Domain); d != "" {
		op = d + "." + op
	}
	reason := err.Error()
	if note := (*ops.Note)(nil); errors.As(err, &note) {
		reason += " (" + note.Note + ")"
	}
	p := Problem{name, op, reason}
	if !slices.Contains(im.problems, p) {
		im.problems = append(im.problems, p)
	}
	if d := (*demand)(nil); errors.As(err, &d) {
		for _, in := range im.sources(sc, d.value) {
			if !slices.Contains(im.needs, in) {
				im.needs = append(im.needs, in)
			}
		}
	}
}

// sources are the inputs of the model from which a value is computed.
func (im *importer) sources(sc *scope, name string) []string {
	seen := map[string]bool{}
	var list []string
	var walk func(name string)
	walk = func(name string) {
		if name == "" || seen[name] || len(seen) > maxSteps {
			return
		}
		seen[name] = true
		for s := sc; s != nil; s = s.outer {
			if n := s.makers[name]; n != nil {
				for _, in := range n.Inputs {
					walk(in)
				}
				return
			}
		}
		if slices.ContainsFunc(im.result.Inputs, func(p Port) bool { return p.Name == name }) {
			list = append(list, name)
		}
	}
	walk(name)
	return list
}

// run finds what imports the node, and does so, or only looks whether it is there where an operand is broken.
func (c *call) run(broken bool) (list []*value, err error) {
	defer caught(&err)
	n := c.node
	if f := c.im.functions[domainOf(n.Domain)+":"+n.Op]; f != nil {
		if broken {
			return nil, nil
		}
		return c.inline(f)
	}
	r, err := lookup(domainOf(n.Domain), n.Op, c.opset)
	if err != nil || broken {
		return nil, err
	}
	if list := c.empty(); list != nil {
		return list, nil
	}
	if part := c.partly(); part != nil {
		list = r.run(c)
		if list[0].some != nil || len(list) > 1 {
			refuse("how much of its results there is depends on the data twice")
		}
		y := *list[0] // a result may be an operand as it is
		y.some = part
		c.im.result.Counts[n.Op]++
		return []*value{&y}, c.unusedAttrs()
	}
	switch {
	case c.im.opt.Keep && c.im.sink.given == nil:
		return c.keep(r)
	case !r.raw && c.foldable(r):
		return c.fold(r)
	}
	list = r.run(c)
	if !r.raw {
		c.im.result.Counts[n.Op]++
	}
	return list, c.unusedAttrs()
}

// unusedAttrs refuses attributes that no row has asked for.
func (c *call) unusedAttrs() error {
	for _, name := range slices.Sorted(maps.Keys(c.attrs)) {
		if !c.used[name] && name != "consumed_inputs" {
			return fmt.Errorf("its attribute %q is not supported", name)
		}
	}
	return nil
}
