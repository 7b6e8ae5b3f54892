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
		var spans []string
		for _, r := range list {
			spans = append(spans, opsetSpan(r.min, r.max))
		}
		lines[full(domain, name)] = fmt.Sprintf("| %s | %s | supported |%s |", full(domain, name), strings.Join(spans, ", "), spaced(limits[name]))
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

// extentsKnown is the limit of operators whose operands say extents.
const extentsKnown = "the operands that say extents must be known"

// limits say what operators are not supported in full for, and why.
var limits = map[string]string{
	"Compress": "the condition must be known", "ConstantOfShape": extentsKnown, "Expand": extentsKnown, "OneHot": extentsKnown, "Pad": extentsKnown, "Range": extentsKnown,
	"Reshape": extentsKnown, "Resize": extentsKnown, "Slice": extentsKnown, "Split": extentsKnown, "STFT": extentsKnown, "Tile": extentsKnown, "TopK": extentsKnown,
	"Upsample": extentsKnown, "CumSum": "the axis must be known", "DFT": "a product with the matrix of all roots; the length must be known",
	"Det":     "matrices of up to 3 rows",
	"Dropout": "the identity; in training it draws random numbers, which an import cannot repeat",
	"GRU":     "default activations, no clip", "LSTM": "default activations, no clip, no input_forget", "RNN": "tanh or relu, no clip",
	"If":          "of a condition that is computed both branches are, and must give the same types",
	"Loop":        "unrolled: how often it runs must be known",
	"Scan":        "unrolled",
	"MaxPool":     "Indices with a border in pads only",
	"RoiAlign":    "one image",
	"ConvInteger": "computed in f32", "MatMulInteger": "computed in f32", "QLinearConv": "computed in f32", "QLinearMatMul": "computed in f32",
	"LabelEncoder": "numbers", "LinearClassifier": "classes that are numbers, a row of coefficients for each", "TreeEnsembleClassifier": "classes that are numbers",
	"TfIdfVectorizer": "whole numbers", "TreeEnsembleRegressor": "sums and averages",
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
