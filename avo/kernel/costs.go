package kernel

import (
	_ "embed"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// constant numbers the constants of the cost model.
type constant int

// The constants. costs.txt says what each is.
const (
	fmaRate constant = iota
	loadRate
	issueRate
	chain
	slideLoad
	secondLoad
	stridedLoad
	computedIndex
	store
	secondStore
	stridedStore
	addStore
	turn
	foldPoint
	begin
	tileStart
	exponential
	sigmoid
	powers
	division
	simple
	nearKiB
	nearLine
	secondKiB
	secondLine
	thirdKiB
	thirdLine
	memoryLine
	overlap
	constants int = iota
)

// constantRow is one row of the table: what a constant is called, what it means, and whether measurements of kernels may move it.
type constantRow struct {
	name, doc string
	fitted    bool
}

var constantRows = [constants]constantRow{
	fmaRate:       {"fma_rate", "multiply-adds that start in a cycle", false},
	loadRate:      {"load_rate", "loads that start in a cycle", true},
	issueRate:     {"issue_rate", "operations that start in a cycle", true},
	chain:         {"chain", "cycles of a step of the reduction at least, where each sum is one chain", true},
	slideLoad:     {"slide_load", "a load at any element, of which some cross cache lines, in loads", true},
	secondLoad:    {"second_load", "a load of every second element, in loads", true},
	stridedLoad:   {"strided_load", "a load of elements further apart, for each lane, in loads", true},
	computedIndex: {"computed_index", "bounding a computed index and moving it to an address, in loads or stores", true},
	store:         {"store", "cycles of a store", true},
	secondStore:   {"second_store", "a store of every second element, in stores", true},
	stridedStore:  {"strided_store", "a store of elements further apart, for each lane, in stores", true},
	addStore:      {"add_store", "a store that adds, in stores", true},
	turn:          {"turn", "cycles of a turn of a loop", true},
	foldPoint:     {"fold_point", "cycles of folding partial sums, for each sum", true},
	begin:         {"begin", "cycles in which the chains of a tile begin and end", true},
	tileStart:     {"tile_start", "cycles of a tile beside its work", true},
	exponential:   {"exponential", "cycles of an exponential or a logarithm", true},
	sigmoid:       {"sigmoid", "cycles of a sigmoid, a tangent, an error function and the like", true},
	powers:        {"power", "cycles of a power", true},
	division:      {"division", "cycles of a division or a root", true},
	simple:        {"simple", "cycles of any other operation outside a sum", true},
	nearKiB:       {"near_kib", "KiB of the first level that one nest may count on", false},
	nearLine:      {"near_line", "cycles of a line from the first level, while arithmetic goes on", true},
	secondKiB:     {"second_kib", "KiB of the second level that one nest may count on", false},
	secondLine:    {"second_line", "cycles of a line from the second level", true},
	thirdKiB:      {"third_kib", "KiB of a core's share of the third level", false},
	thirdLine:     {"third_line", "cycles of a line from the third level", true},
	memoryLine:    {"memory_line", "cycles of a line from memory", true},
	overlap:       {"overlap", "the part of the shorter one that arithmetic and memory do not hide of each other", true},
}

// Costs are the constants of the cost model for one target.
type Costs [constants]float64

// costsText is the table. dlc tune-kernels writes it anew from measurements; schedules follow from it, never from a timing.
//
//go:embed costs.txt
var costsText string

// costsOf is the table by target. A target without a column, such as portable Go, takes the first one.
var costsOf, costTargets, costsErr = parseCosts(costsText)

// costs returns the constants of a target.
func costs(target string) *Costs {
	if c := costsOf[target]; c != nil {
		return c
	}
	return costsOf[costTargets[0]]
}

// parseCosts reads a table: a line with the names of the targets behind "constant", then a line a constant, its values in the same order.
// A # starts a comment.
func parseCosts(text string) (table map[string]*Costs, targets []string, err error) {
	table = map[string]*Costs{}
	var seen [constants]bool
	for i, line := range strings.Split(text, "\n") {
		line, _, _ = strings.Cut(line, "#")
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		if targets == nil {
			if f[0] != "constant" || len(f) < 2 {
				return nil, nil, fmt.Errorf("costs.txt:%d:1: error: the first line names the targets: constant avx2 …", i+1)
			}
			targets = f[1:]
			for _, t := range targets {
				table[t] = new(Costs)
			}
			continue
		}
		row := slices.IndexFunc(constantRows[:], func(r constantRow) bool { return r.name == f[0] })
		if row < 0 || seen[row] {
			return nil, nil, fmt.Errorf("costs.txt:%d:1: error: %s is no constant of the cost model, or stands here twice", i+1, f[0])
		}
		seen[row] = true
		if len(f) != 1+len(targets) {
			return nil, nil, fmt.Errorf("costs.txt:%d:1: error: %s has %d values for %d targets", i+1, f[0], len(f)-1, len(targets))
		}
		for k, t := range targets {
			v, err := strconv.ParseFloat(f[1+k], 64)
			if err != nil || !(v >= 0 && v < 1e9) {
				return nil, nil, fmt.Errorf("costs.txt:%d:1: error: %s of %s is %q, which is no number from 0 up", i+1, f[0], t, f[1+k])
			}
			table[t][row] = v
		}
	}
	if row := slices.Index(seen[:], false); row >= 0 {
		return nil, nil, fmt.Errorf("costs.txt:1:1: error: there is no row %s", constantRows[row].name)
	}
	return table, targets, nil
}

// CostsText writes the table with other constants for one target: what costs.txt should hold then.
func CostsText(target string, c *Costs) string {
	var b strings.Builder
	b.WriteString("# The constants of the cost model, which schedules follow from. Cycles are those in which the multiply-adds reach their peak. dlc tune-kernels measures\n" +
		"# kernels, fits them and writes this table; go test ./avo/kernel checks it.\n")
	fmt.Fprintf(&b, "%-15s", "constant")
	targets := costTargets
	if !slices.Contains(targets, target) && c != nil {
		targets = append(targets[:len(targets):len(targets)], target)
	}
	for _, t := range targets {
		fmt.Fprintf(&b, "%9s", t)
	}
	b.WriteString("\n")
	for i, r := range constantRows {
		fmt.Fprintf(&b, "%-15s", r.name)
		for _, t := range targets {
			v := costs(t)[i]
			if t == target && c != nil {
				v = c[i]
			}
			fmt.Fprintf(&b, "%9s", strconv.FormatFloat(asWritten(v), 'g', -1, 64))
		}
		fmt.Fprintf(&b, "   # %s\n", r.doc)
	}
	return b.String()
}

// asWritten is v with the three digits that the table has.
func asWritten(v float64) float64 {
	if v == math.Trunc(v) {
		return v
	}
	r, _ := strconv.ParseFloat(strconv.FormatFloat(v, 'g', 3, 64), 64)
	return r
}
