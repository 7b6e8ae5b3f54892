package onnx

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Reference is the table of operators for the documentation: the opsets in which each is supported, or why it is not.
func Reference() string {
	lines := map[string]string{}
	for key, list := range rows {
		domain, name, _ := strings.Cut(key, ":")
		var spans, notes []string
		for _, r := range list {
			spans = append(spans, opsetSpan(r.min, r.max))
			if r.note != "" && !slices.Contains(notes, r.note) {
				notes = append(notes, r.note)
			}
		}
		lines[full(domain, name)] = fmt.Sprintf("| %s | %s | supported |%s |", full(domain, name), strings.Join(spans, ", "), spaced(strings.Join(notes, "; ")))
	}
	for name, o := range literals {
		if lines[name] == "" {
			lines[name] = fmt.Sprintf("| %s | %s | supported | |", name, opsetSpan(first(o), 0))
		}
	}
	for name, reason := range refusedOps {
		lines[name] = fmt.Sprintf("| %s | | refused | %s |", name, reason)
	}
	for _, name := range unknown {
		if lines[name] == "" {
			lines[name] = fmt.Sprintf("| %s | | not supported | |", name)
		}
	}
	var b strings.Builder
	b.WriteString("| operator | opsets | status | |\n|---|---|---|---|\n")
	for _, name := range slices.SortedFunc(maps.Keys(lines), func(a, b string) int { return strings.Compare(strings.ToLower(a), strings.ToLower(b)) }) {
		b.WriteString(lines[name] + "\n")
	}
	return b.String()
}

// spaced puts a blank before what is not empty.
func spaced(s string) string {
	if s == "" {
		return s
	}
	return " " + s
}

func full(domain, name string) string {
	if domain == "" {
		return name
	}
	return domain + "." + name
}

func opsetSpan(min, max int64) string {
	if max == 0 {
		max = NewestOpset
	}
	return fmt.Sprintf("%d to %d", min, max)
}

// unknown are operators of the standard's domain ai.onnx that may have no row.
var unknown = []string{"AffineGrid", "Attention", "BitCast", "CenterCropPad", "Col2Im", "DeformConv", "MaxRoiPool", "RotaryEmbedding", "TensorScatter"}
