package ops

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dlc-ml/dlc/ir"
)

// notation is an einsum with every axis named by a letter: those of each operand, those of the result, and the extent of each. An operand's
// axis of extent 1 stretches.
type notation struct {
	in     []string
	out    string
	extent map[byte]ir.Dim
}

const equationNote = "an equation names each axis by a letter: \"ij,jk->ik\" is a matrix product"

// parseEquation reads an equation for operands of the given types.
func parseEquation(text string, args []ir.Type) (notation, error) {
	q := notation{extent: map[byte]ir.Dim{}}
	plain := strings.ReplaceAll(text, " ", "")
	left, right, explicit := strings.Cut(plain, "->")
	terms := strings.Split(left, ",")
	if len(terms) != len(args) {
		return q, WithNote(equationNote, "einsum with %q has %d terms for %d operands", text, len(terms), len(args))
	}
	for _, r := range strings.ReplaceAll(left+right, "...", "") {
		if r != ',' && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') {
			return q, WithNote(equationNote, "einsum with %q has %q where a letter should be", text, r)
		}
	}
	dots, err := ellipsis(text, terms, args)
	if err != nil {
		return q, err
	}
	for i, term := range terms {
		// Axes under the dots are aligned at the last of them.
		covered := len(args[i].Shape) - len(strings.ReplaceAll(term, "...", ""))
		letters := strings.Replace(term, "...", dots[len(dots)-max(covered, 0):], 1)
		if err := q.operand(text, letters, args[i]); err != nil {
			return q, err
		}
	}
	if explicit {
		q.out = strings.Replace(right, "...", dots, 1)
	} else {
		q.out = dots + q.once(dots)
	}
	return q, q.result(text, args)
}

// ellipsis chooses letters for the axes that the dots stand for: as many as in the operand where they are most.
func ellipsis(text string, terms []string, args []ir.Type) (string, error) {
	most := 0
	for i, term := range terms {
		named, dotted := strings.ReplaceAll(term, "...", ""), strings.Count(term, "...")
		covered := len(args[i].Shape) - len(named)
		if dotted > 1 || covered < 0 || covered > 0 && dotted == 0 {
			return "", WithNote(equationNote+"; ... stands for the others", "einsum with %q names %d axes of operand %d, which is %s", text, len(named), i+1, args[i])
		}
		if dotted == 1 {
			most = max(most, covered)
		}
	}
	letters := ""
	for c := byte('A'); c <= 'z' && len(letters) < most; c++ {
		if (c <= 'Z' || c >= 'a') && !strings.Contains(text, string(c)) {
			letters += string(c)
		}
	}
	if len(letters) < most {
		return "", WithNote("reshape joins axes", "einsum with %q has more axes than there are letters", text)
	}
	return letters, nil
}

// operand notes the letters of one operand and their extents.
func (q *notation) operand(text, letters string, t ir.Type) error {
	if err := wantElem("einsum", "x", t, ir.F32); err != nil {
		return err
	}
	q.in = append(q.in, letters)
	for d := range len(letters) {
		c := letters[d]
		switch old, known := q.extent[c]; {
		case !known || old == ir.D(1):
			q.extent[c] = t.Shape[d]
		case t.Shape[d] != old && t.Shape[d] != ir.D(1):
			return WithNote("axes of one letter have one extent, or 1", "einsum with %q: axis %d of %s is %s, but another of that letter is %s", text, d, t, t.Shape[d], old)
		}
	}
	for d := range len(letters) {
		first := strings.IndexByte(letters, letters[d])
		if t.Shape[first] != t.Shape[d] {
			return WithNote("a diagonal needs axes of one extent", "einsum with %q takes a diagonal of %s, whose axes %d and %d differ", text, t, first, d)
		}
		if first < d && !t.Shape[d].Static() {
			return fmt.Errorf("einsum with %q takes a diagonal of the batch of %s", text, t)
		}
	}
	return nil
}

// once lists the letters that occur once, by alphabet, but for the dots'.
func (q *notation) once(dots string) string {
	all := strings.Join(q.in, "")
	var list []byte
	for i := range len(all) {
		if strings.Count(all, all[i:i+1]) == 1 && !strings.Contains(dots, all[i:i+1]) {
			list = append(list, all[i])
		}
	}
	slices.Sort(list)
	return string(list)
}

// result checks the letters of the result.
func (q *notation) result(text string, args []ir.Type) error {
	for i := range len(q.out) {
		c := q.out[i : i+1]
		if strings.Count(q.out, c) > 1 || !strings.Contains(strings.Join(q.in, ""), c) {
			return WithNote("each letter of the result occurs in it once, and in an operand", "einsum with %q: letter %s of the result", text, c)
		}
		if d := q.extent[q.out[i]]; i > 0 && !d.Static() {
			return WithNote("the batch leads the result or is summed over", "einsum with %q would put the batch %s behind another axis", text, d)
		}
	}
	s := q.shape(q.out)
	if _, ok := s.Elems(); !ok {
		return WithNote("sum over more axes", "einsum with %q of %v would give %s, more than %d elements", text, args, s, ir.MaxElems)
	}
	return nil
}

func mustEquation(op *ir.Op) notation {
	types := make([]ir.Type, len(op.Args))
	for i, x := range op.Args {
		types[i] = x.Type
	}
	q, err := parseEquation(op.Attrs.Str("equation"), types)
	if err != nil {
		panic("ops: einsum: " + err.Error())
	}
	return q
}

// text writes the equation.
func (q notation) text() string { return strings.Join(q.in, ",") + "->" + q.out }

// shape is that of a tensor with the given letters.
func (q notation) shape(letters string) ir.Shape {
	s := ir.Shape{}
	for i := range len(letters) {
		s = append(s, q.extent[letters[i]])
	}
	return s
}

// with is q for other operands and another result over the same letters.
func (q notation) with(in []string, out string) notation { return notation{in, out, q.extent} }

// holders counts the operands that have a letter.
func (q notation) holders(letter byte) int {
	n := 0
	for _, s := range q.in {
		if strings.IndexByte(s, letter) >= 0 {
			n++
		}
	}
	return n
}

// direct reports whether one loop nest computes the equation: two operands, neither of which has a letter that neither the other nor the
// result has.
func (q notation) direct() bool {
	if len(q.in) != 2 {
		return false
	}
	for i, s := range q.in {
		for k := range len(s) {
			if strings.IndexByte(q.in[1-i], s[k]) < 0 && strings.IndexByte(q.out, s[k]) < 0 {
				return false
			}
		}
	}
	return true
}

// summed lists the letters that the result lacks, the batch first.
func (q notation) summed() []byte {
	var list []byte
	for _, letter := range []byte(unique(strings.Join(q.in, ""))) {
		switch {
		case strings.IndexByte(q.out, letter) >= 0:
		case q.extent[letter].Static():
			list = append(list, letter)
		default:
			list = slices.Insert(list, 0, letter)
		}
	}
	return list
}

// unique drops letters that occurred before.
func unique(s string) string {
	kept := ""
	for i := range len(s) {
		if strings.IndexByte(kept, s[i]) < 0 {
			kept += s[i : i+1]
		}
	}
	return kept
}

// without lists the operands but i and j.
func (q notation) without(i, j int) []string {
	var list []string
	for k, s := range q.in {
		if k != i && k != j {
			list = append(list, s)
		}
	}
	return list
}

// needed lists the letters that the product of operands i and j must keep: those that the result or another operand has. The batch leads.
func (q notation) needed(i, j int) string {
	others := q.out + strings.Join(q.without(i, j), "")
	kept := ""
	for _, letter := range []byte(unique(q.in[i] + q.in[j])) {
		switch {
		case strings.IndexByte(others, letter) < 0:
		case q.extent[letter].Static():
			kept += string(letter)
		default:
			kept = string(letter) + kept
		}
	}
	return kept
}

// cheapest returns the two operands, the first one first, whose product is smallest.
func (q notation) cheapest() (int, int) {
	besti, bestj, best := 0, 1, -1.0
	for i := range q.in {
		for j := i + 1; j < len(q.in); j++ {
			n := 1.0
			for _, d := range q.shape(q.needed(i, j)) {
				if n *= float64(d.Size); !d.Static() {
					n *= 64 // a usual batch
				}
			}
			if best < 0 || n < best {
				besti, bestj, best = i, j, n
			}
		}
	}
	return besti, bestj
}

// evalEinsum runs over every value of every letter.
func evalEinsum(args []*Tensor, a ir.Attrs) []*Tensor {
	left, right, explicit := strings.Cut(strings.ReplaceAll(a.Str("equation"), " ", ""), "->")
	terms := strings.Split(left, ",")
	// Names of axes: letters, and numbers from the end for what the dots stand for.
	names, most := make([][]string, len(args)), 0
	spell := func(term string, dots int) (list []string) {
		before, after, dotted := strings.Cut(term, "...")
		list = append(list, strings.Split(before, "")...)
		for k := dots; dotted && k > 0; k-- {
			list = append(list, fmt.Sprint(-k))
		}
		return append(list, strings.Split(after, "")...)
	}
	for i, term := range terms {
		dots := len(args[i].Shape) - len(strings.ReplaceAll(term, "...", ""))
		names[i] = spell(term, dots)
		most = max(most, dots)
	}
	extent, count := map[string]int{}, map[string]int{}
	for i, list := range names {
		for d, name := range list {
			extent[name] = max(extent[name], args[i].Shape[d])
			count[name]++
		}
	}
	out := spell(right, most)
	if !explicit {
		out = spell("...", most)
		for c := 'A'; c <= 'z'; c++ {
			if count[string(c)] == 1 {
				out = append(out, string(c))
			}
		}
	}
	var all []string
	var shape, full []int
	for _, name := range out {
		all, shape, full = append(all, name), append(shape, extent[name]), append(full, extent[name])
	}
	for i := range names {
		for _, name := range names[i] {
			if !slices.Contains(all, name) {
				all, full = append(all, name), append(full, extent[name])
			}
		}
	}
	y := NewTensor(ir.F32, shape...)
	eachIndex(full, func(ix []int) {
		p := 1.0
		for i, x := range args {
			at := make([]int, len(names[i]))
			for d, name := range names[i] {
				at[d] = ix[slices.Index(all, name)]
			}
			p *= x.Data[x.at(at)]
		}
		y.Data[y.at(ix[:len(shape)])] += p
	})
	return []*Tensor{y}
}
