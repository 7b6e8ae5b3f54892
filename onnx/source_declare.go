package onnx

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/ops"
)

// How blocks are written: what they and their weights are called, their declarations, and their calls.

// argument is what an operator calls an operand.
func argument(kind string, i int) string {
	if o := ops.Lookup(kind); o != nil && i < len(o.Args) && o.Layer != nil {
		return o.Args[i].Name
	}
	return "c"
}

// prefix is the longest beginning, up to a _, that most names have.
func prefix(list []*ir.Param) string {
	best := ""
	for at, c := range list[0].Name {
		if c != '_' {
			continue
		}
		p, n := list[0].Name[:at+1], 0
		for _, q := range list {
			if strings.HasPrefix(q.Name, p) {
				n++
			}
		}
		if 2*n > len(list) {
			best = p
		}
	}
	return best
}

// blockName is a name for a block whose times are called scopes: what these have in common, without numbers, and without what all names of the model have.
func (s *source) blockName(scopes []string) string {
	name := ""
	if len(scopes) > 0 {
		everywhere := prefix(s.imp.Module.Params)
		words := strings.Split(strings.TrimPrefix(scopes[0], everywhere), "_")
		for _, word := range words {
			word = strings.TrimRightFunc(word, unicode.IsDigit)
			all := !slices.ContainsFunc(scopes, func(other string) bool {
				return !slices.ContainsFunc(strings.Split(other, "_"), func(w string) bool { return strings.TrimRightFunc(w, unicode.IsDigit) == word })
			})
			if word != "" && all && !slices.Contains(strings.Split(name, "_"), word) {
				name = strings.TrimPrefix(name+"_"+word, "_")
			}
		}
	}
	if name == "" {
		name = "layer"
	}
	if ops.Lookup(name) != nil {
		name += "_block"
	}
	return s.fresh(name)
}

// freshIn is a name that is not taken, which it then is.
func freshIn(taken map[string]bool, name string) string {
	free := name
	for i := 2; taken[free]; i++ {
		free = name + "_" + itoa(i)
	}
	taken[free] = true
	return free
}

// declare prints a block from the first time that it comes, and gives its parameters the names that they have then.
func (s *source) declare(r *repeat) error {
	in := &source{imp: s.imp, names: map[*ir.Value]string{}, taken: map[string]bool{}, reserved: map[string]bool{}, uses: map[*ir.Value]int{}, steps: s.steps,
		text: map[*ir.Value]string{}, chain: map[*ir.Value]int{}, inside: true}
	for v := range s.steps {
		in.text[v] = s.text[v]
	}
	piece := s.plain[r.starts[0] : r.starts[0]+r.length]
	made := map[*ir.Value]bool{}
	var params []string
	for _, st := range piece {
		in.all = append(in.all, *st)
		for _, v := range st.args {
			if v == nil || s.steps[v] != nil {
				continue
			}
			in.uses[v]++
			if !made[v] && !s.own(v) && in.names[v] == "" {
				in.names[v] = freshIn(in.taken, "x")
				params = append(params, in.names[v])
				r.inputs = append(r.inputs, v)
			}
		}
		for _, v := range st.results {
			made[v] = true
		}
	}
	var lines []string
	for i := range r.slots {
		sl := &r.slots[i]
		sl.name = freshIn(in.taken, sl.name)
		var dims []string
		for a := range sl.params[0].Type.Shape {
			sizes := make([]int, len(sl.params))
			for k, p := range sl.params {
				sizes[k] = p.Type.Shape[a].Size
			}
			if slices.Min(sizes) == slices.Max(sizes) {
				dims = append(dims, itoa(sizes[0]))
				continue
			}
			n := slices.IndexFunc(r.sizes, func(other []int) bool { return slices.Equal(other, sizes) })
			if n < 0 {
				n = len(r.sizes)
				r.sizes = append(r.sizes, sizes)
				params = append(params, freshIn(in.taken, "n"))
			}
			dims = append(dims, params[len(params)-len(r.sizes)+n])
		}
		kind := "param "
		if !sl.params[0].Trainable {
			kind = "buffer"
		}
		lines = append(lines, fmt.Sprintf("%s %s: %v[%s]", kind, sl.name, sl.params[0].Type.Elem, strings.Join(dims, ", ")))
		in.names[s.imp.Module.Func(ir.FuncInfer).ParamValue(sl.params[0])] = sl.name
	}
	out := s.resultOf(r, 0)
	in.uses[out]++
	last := len(in.all) - 1
	for i := range in.all {
		st := &in.all[i]
		if i == last && st.results[0] == out && len(st.results) == 1 {
			text, _, err := in.call(st)
			if err != nil {
				return err
			}
			in.line("return %s", text)
			break
		}
		if err := in.step(st, nil); err != nil {
			return err
		}
		if i == last {
			in.line("return %s", in.expr(out))
		}
	}
	s.line("block %s(%s) {\n        %s\n    }", r.name, strings.Join(params, ", "), strings.Join(append(lines, in.lines...), "\n        "))
	return nil
}

// resultOf is the value that a piece gives the k-th time.
func (s *source) resultOf(r *repeat, k int) *ir.Value {
	inside := map[*ir.Value]int{}
	piece := s.plain[r.starts[k] : r.starts[k]+r.length]
	for _, st := range piece {
		for _, v := range st.args {
			inside[v]++
		}
	}
	for _, st := range piece {
		for _, v := range st.results {
			if s.uses[v] > inside[v] {
				return v
			}
		}
	}
	return nil
}

// use prints the call of a block, and returns what it gives.
func (s *source) use(t occurrence) (string, *ir.Value) {
	var args []string
	first := s.plain[t.r.starts[0] : t.r.starts[0]+t.r.length]
	here := s.plain[t.r.starts[t.k] : t.r.starts[t.k]+t.r.length]
	for _, in := range t.r.inputs {
		args = append(args, s.expr(counterpart(first, here, in)))
	}
	for _, sizes := range t.r.sizes {
		args = append(args, itoa(sizes[t.k]))
	}
	if t.r.scopes != nil {
		args = append(args, fmt.Sprintf("name=%q", t.r.scopes[t.k]))
	}
	return t.r.name + "(" + strings.Join(args, ", ") + ")", s.resultOf(t.r, t.k)
}

// counterpart is the operand in one piece that is where v is in another.
func counterpart(first, here []*step, v *ir.Value) *ir.Value {
	for i, st := range first {
		if k := slices.Index(st.args, v); k >= 0 {
			return here[i].args[k]
		}
	}
	return nil
}

// settle gives the parameters of one time the names that they have in the source, where the block's value is called name.
func (t occurrence) settle(imp *Import, name string) {
	scope := name + "." + t.r.name
	if t.r.scopes != nil {
		scope = t.r.scopes[t.k]
	}
	for _, sl := range t.r.slots {
		imp.rename(sl.params[t.k], scope+"."+sl.name)
	}
}

// rename gives a parameter another name.
func (imp *Import) rename(p *ir.Param, name string) {
	w := imp.Weights[p.Name]
	delete(imp.Weights, p.Name)
	p.Name, imp.Weights[name] = name, w
}
