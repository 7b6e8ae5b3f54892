package onnx

import (
	"fmt"
	"hash/maphash"
	"slices"
	"strings"
	"unicode"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/ops"
)

// A piece of the network that comes several times, each time with weights of its own, becomes a block. Pieces are runs of steps that follow one another, as
// exporters write the nodes of a layer, with one value that is used outside. Two are the same where their operators, attributes and wiring are; their weights
// may differ in their extents, which are then arguments.

const (
	blockLeast = 3  // steps of a block at least
	blockMost  = 64 // and at most
	blockSaves = 6  // steps that a block makes superfluous, at least
)

// repeat is a piece that comes several times.
type repeat struct {
	length int
	starts []int // of each time, in the list of steps
	name   string
	scopes []string    // what each time is called; nil where that follows from what it defines
	slots  []slot      // its parameters
	sizes  [][]int     // for each argument that is an extent, what it is each time
	inputs []*ir.Value // what comes from outside, the first time
}

// slot is a parameter of a block: what it is called inside, and which parameter it is each time.
type slot struct {
	name   string
	params []*ir.Param
}

// repeats finds the blocks of the model, and notes for each step that starts one which it is.
func (s *source) repeats() {
	s.plain = nil
	for i := range s.all {
		st := &s.all[i]
		if st.kind == "literal" {
			if text, ok := inlined(st.results[0], st); ok {
				s.text[st.results[0]], s.steps[st.results[0]] = text, st
				continue
			}
		}
		s.plain = append(s.plain, st)
	}
	at := map[*ir.Value]int{}
	for i, st := range s.plain {
		for _, v := range st.results {
			at[v] = i
		}
	}
	seed := maphash.MakeSeed()
	used := make([]bool, len(s.plain))
	for {
		best := s.bestRepeat(at, used, seed)
		if best == nil {
			return
		}
		for _, start := range best.starts {
			for i := range best.length {
				used[start+i] = true
			}
		}
		s.describe(best)
		for k, start := range best.starts {
			s.blocks[s.plain[start]] = occurrence{best, k}
		}
		s.found = append(s.found, best)
	}
}

// occurrence is one of the times that a piece comes.
type occurrence struct {
	r *repeat
	k int
}

// bestRepeat is the piece that saves most lines among the steps that are not used yet.
func (s *source) bestRepeat(at map[*ir.Value]int, used []bool, seed maphash.Seed) *repeat {
	type key struct {
		hash   uint64
		length int
	}
	groups := map[key][]int{}
	var keys []key
	for start := range s.plain {
		w := &stretch{s: s, at: at, start: start, inside: map[*ir.Value]int{}, leaves: map[*ir.Value]int{}}
		w.hash.SetSeed(seed)
		for n := 1; n <= blockMost && start+n <= len(s.plain) && !used[start+n-1]; n++ {
			w.add(start + n - 1)
			if n < blockLeast || w.params == 0 || w.result() == nil {
				continue
			}
			k := key{w.hash.Sum64(), n}
			list := groups[k]
			if len(list) > 0 && list[len(list)-1]+n > start {
				continue // it overlaps the one before
			}
			if list == nil {
				keys = append(keys, k)
			}
			groups[k] = append(list, start)
		}
	}
	var best *repeat
	most := 2*blockSaves - 1
	for _, k := range keys {
		score := 2 * (len(groups[k]) - 1) * k.length
		if slices.ContainsFunc(s.plain[groups[k][0]].args, s.own) {
			score++ // of several that save as much it begins with weights
		}
		if score > most {
			best, most = &repeat{length: k.length, starts: groups[k]}, score
		}
	}
	return best
}

// stretch is a run of steps that grows at its end, with the hash of its form.
type stretch struct {
	s      *source
	at     map[*ir.Value]int
	start  int
	hash   maphash.Hash
	inside map[*ir.Value]int // how often values made inside are used inside
	made   []*ir.Value
	leaves map[*ir.Value]int // values from outside, numbered
	params int               // of its own
}

// own reports whether v is a parameter that one step uses once, which is then the block's own.
func (s *source) own(v *ir.Value) bool { return v != nil && v.Param != nil && s.uses[v] == 1 }

func (w *stretch) add(i int) {
	st := w.s.plain[i]
	fmt.Fprintf(&w.hash, "\n%s %v", st.kind, st.attrs)
	for _, v := range st.args {
		switch {
		case v == nil:
			w.hash.WriteString(" -")
		case w.s.steps[v] != nil:
			fmt.Fprintf(&w.hash, " %s:%v", w.s.text[v], v.Type.Elem)
		case w.s.own(v):
			w.params++
			fmt.Fprintf(&w.hash, " p%d:%v:%v", len(v.Type.Shape), v.Type.Elem, v.Param.Trainable)
		default:
			if d, ok := w.at[v]; ok && d >= w.start {
				w.inside[v]++
				fmt.Fprintf(&w.hash, " %d.%d", i-d, v.Index)
				continue
			}
			if _, ok := w.leaves[v]; !ok {
				w.leaves[v] = len(w.leaves)
			}
			fmt.Fprintf(&w.hash, " x%d", w.leaves[v])
		}
	}
	w.made = append(w.made, st.results...)
}

// result is the one value that is used outside, nil where there is not just one.
func (w *stretch) result() *ir.Value {
	var out *ir.Value
	for _, v := range w.made {
		if w.s.uses[v] > w.inside[v] {
			if out != nil {
				return nil
			}
			out = v
		}
	}
	return out
}

// describe finds names for a block, what each time is called, and what differs between them.
func (s *source) describe(r *repeat) {
	lists := make([][]*ir.Param, len(r.starts))
	var args []string // what operators call the parameters
	for k, start := range r.starts {
		for _, st := range s.plain[start : start+r.length] {
			for i, v := range st.args {
				if s.own(v) {
					lists[k] = append(lists[k], v.Param)
					if k == 0 {
						args = append(args, argument(st.kind, i))
					}
				}
			}
		}
	}
	scopes := make([]string, len(lists))
	for k, list := range lists {
		scopes[k] = prefix(list)
	}
	taken := map[string]bool{}
	apart := 0
	for i := range lists[0] {
		sl := slot{name: args[i]}
		own, each := true, strings.TrimPrefix(lists[0][i].Name, scopes[0])
		for k, list := range lists {
			sl.params = append(sl.params, list[i])
			own = own && scopes[k] != "" && list[i].Name == scopes[k]+each
		}
		if own && each != "" {
			apart++
			sl.name = clean(each, sl.name)
		}
		sl.name = freshIn(taken, identifier(sl.name))
		r.slots = append(r.slots, sl)
	}
	different := slices.Clone(scopes)
	slices.Sort(different)
	if 2*apart > len(r.slots) && len(slices.Compact(different)) == len(scopes) {
		for _, scope := range scopes {
			r.scopes = append(r.scopes, s.fresh(strings.TrimRight(scope, "_")))
		}
	}
	r.name = s.blockName(r.scopes)
}

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
