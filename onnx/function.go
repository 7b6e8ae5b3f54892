package onnx

import (
	"fmt"
	"maps"
)

// inline imports the nodes of a function in place of a call of it. Attributes of its nodes that refer to the call's are replaced.
func (c *call) inline(f *Function) ([]*value, error) {
	im := c.im
	given := map[string]*Attribute{}
	for _, a := range f.Defaults {
		given[a.Name] = a
	}
	maps.Copy(given, c.attrs)
	sc := newScope(nil)
	if len(c.in) > len(f.Inputs) {
		return nil, fmt.Errorf("the function %s takes %d operands, not %d", f.Name, len(f.Inputs), len(c.in))
	}
	for i, name := range f.Inputs {
		x := &value{none: true}
		if i < len(c.in) && c.in[i] != nil {
			x = c.in[i]
		}
		sc.values[name] = x
	}
	before := im.opsets
	im.opsets = maps.Clone(before)
	for _, o := range f.Opsets {
		im.opsets[domainOf(o.Domain)] = o.Version
	}
	defer func() { im.opsets = before }()
	nodes, err := bindNodes(f.Nodes, given, 0)
	if err == nil {
		err = im.nodes(sc, nodes)
	}
	if err != nil {
		return nil, &damage{at("functions", at(f.Name, err))}
	}
	return outputs(sc, f.Outputs, "function "+f.Name)
}

// outputs are the values of a graph or function that it gives. None at all says that one of them is broken.
func outputs(sc *scope, names []string, what string) ([]*value, error) {
	var list []*value
	for _, name := range names {
		x := sc.find(name)
		if x == nil {
			return nil, &damage{fmt.Errorf("the %s gives %q, but nothing makes it", what, name)}
		}
		if x.broken {
			return nil, nil
		}
		list = append(list, x)
	}
	return list, nil
}

// bindNodes are nodes with the attributes that refer to those of a call replaced. An attribute that the call does not give is left out.
func bindNodes(nodes []*Node, given map[string]*Attribute, depth int) ([]*Node, error) {
	if depth > maxGraphs {
		return nil, fmt.Errorf("graphs are nested too deeply")
	}
	list := make([]*Node, len(nodes))
	for i, n := range nodes {
		list[i] = n
		var attrs []*Attribute
		changed := false
		for _, a := range n.Attrs {
			switch {
			case a.Ref != "":
				changed = true
				if g := given[a.Ref]; g != nil {
					b := *g
					b.Name = a.Name
					attrs = append(attrs, &b)
				}
				continue
			case a.G != nil:
				inner, err := bindNodes(a.G.Nodes, given, depth+1)
				if err != nil {
					return nil, err
				}
				g, b := *a.G, *a
				g.Nodes = inner
				b.G, a, changed = &g, &b, true
			}
			attrs = append(attrs, a)
		}
		if changed {
			m := *n
			m.Attrs = attrs
			list[i] = &m
		}
	}
	return list, nil
}
