package onnx

import (
	"fmt"
	"hash/maphash"
	"slices"
	"strings"

	"github.com/dlc-ml/dlc/ir"
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
