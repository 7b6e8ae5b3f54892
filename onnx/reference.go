package onnx

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// intro is what stands above the table.
const intro = `
ONNX models of opset 1 to %d are read and imported as tensor programs.

    dlc import M.onnx -o DIR       a source M.dl, and its weights M.safetensors, on which every other command works
                                   (--weights npz: with the weights as M.npz)
                                   (--simplify=false: with a line for each node, also those that do nothing or are computed from constants)
    dlc build M.onnx -o DIR        a package; dlc run and dlc bench take a model as it is, too
    dlc train M.onnx --with FILE   the network learns on from its weights, as FILE says; dlc train M.dl --from M.safetensors does the same with an imported source
    dlc export M.dl -o M.onnx      the other way: an ONNX model of a source, its weights inside
    dlc verify DIR                 compiled code against recorded results, in the form of ONNX's backend tests

The first axis of extent 1 of each input, or a first one that has a name, is the batch; a state [2,1,128] has it in second place in the file, and in front in a
package. Where an operator would mix the examples of a batch, the package takes one example a call, and there is no source. Extents that the file leaves open are given with --shape x=1x3x224x224.

FILE has what a source says of learning: a target and a train block, which name the inputs and outputs as dlc import does. For a network of digits:

    target digit: class[10]
    train {
        data      = mnist("train", validation=0.1)
        loss      = cross_entropy(logits, digit)
        metric    = accuracy(logits, digit)
        optimizer = adam(lr=0.0005)
        epochs    = 3
    }

What it learns goes to M.safetensors beside the model, or where -o says, and dlc build M.onnx --weights M.safetensors makes a package of it.

Pieces that a network repeats with weights of their own, such as residual layers, become blocks of the source; their weights are then called after what the names of the file
have in common, fire2.squeeze_w, or after what the block's call defines. Other names are those of the file.

Reading and importing a file takes at most twice its size and 64 MB of memory, however it is made. Networks whose constants or weights
unfold to far more are refused with a message; --max-memory 4GB allows more. dlc build, dlc run and dlc bench hold the weights too, and
what compiling takes.

All extents are fixed when a model is compiled. What depends on known values only is computed then, so the arithmetic on shapes that exporters write disappears.
Where the data says how many results there are (NonZero, NonMaxSuppression, Unique), an output has room for the most there can be, and an output NAME_count
beside it says how many there are; what lies behind them may be anything. Such results may go through Identity, Cast, Transpose, Squeeze, Slice, and operators that work
element by element on one operand, and be the indices of Gather and GatherND; every other operator refuses them.
Numbers lie in cells of 32 bits: DOUBLE is computed as f32, and whole numbers that do not fit 32 bits are refused. Types of 2, 4 and 8 bits are read, and cast and
quantized to, as the standard says (not to FLOAT8E8M0, a format of scales); large constants of these stay packed while a model is imported. Strings, and sequences and optionals as
inputs or outputs, are not supported; inside a model sequences are. Loops are unrolled, so how often they run must be known. Of a branch whose condition is
computed both sides are, and one is taken. Data outside the file must lie in its folder, in files that are no links.

dlc export writes opset %d. Inputs and outputs keep the source's names and order of axes, so images have their channels last; transposes stand only where a
convolution or pooling needs the other order. The batch is the dimension N. Layers that ONNX has no operator for in that opset are written as what they are
composed of. Operators that have no form (nms, nonzero, unique, roi_align, shifts of signed numbers, losses) are listed at once, with their places in
the source. Where ONNX leaves the result open, or ends with an error, dlc goes on: an index out of range there is the nearest row here, x / 0 of whole numbers is 0, whole
numbers of 64 bits wrap at 32, and gelu and silu of -∞ are 0 and not NaN.

## Operators

A node test counts for every operator that its model holds.

`

// Document is docs/onnx.md. cases is what bench/conformance wrote of the backend tests, a line for each case that does not pass, and counts a line for each
// operator.
func Document(cases, counts string) (string, error) {
	tests := map[string][2]int{}
	for line := range strings.Lines(counts) {
		var name string
		var n [2]int
		if _, err := fmt.Sscanf(line, "%s\t%d\t%d", &name, &n[0], &n[1]); err != nil {
			return "", fmt.Errorf("%q is no count of tests: %w", line, err)
		}
		tests[name] = n
	}
	head, rest, _ := strings.Cut(strings.TrimSpace(cases), "\n")
	var b strings.Builder
	b.WriteString("# ONNX\n\n<!-- Made of the rows of package onnx and what bench/conformance found. After a change of rows: go test ./onnx -run TestReference -update; after one of what passes: go run ./bench/conformance -->\n")
	fmt.Fprintf(&b, intro, NewestOpset, ExportOpset)
	b.WriteString(operatorTable(tests))
	fmt.Fprintf(&b, "\n## Backend tests\n\nOf ONNX's own backend tests (1.12: node, pytorch-converted, pytorch-operator and simple), %s, by compiled code and at the standard's tolerance. The others:\n\n| case | | reason |\n|---|---|---|\n", strings.TrimPrefix(head, "# "))
	for line := range strings.Lines(rest) {
		if fields := strings.SplitN(strings.TrimSpace(line), "\t", 3); len(fields) == 3 {
			fmt.Fprintf(&b, "| %s | %s | %s |\n", fields[0], fields[1], strings.ReplaceAll(fields[2], "|", "\\|"))
		}
	}
	return b.String(), nil
}

// operatorTable is the table of operators: the opsets in which each is supported, how many of the node tests that hold it pass, and what is not supported, or why
// nothing is.
func operatorTable(tests map[string][2]int) string {
	lines := map[string]string{}
	row := func(name, opsets, status, note string) {
		count := ""
		if n := tests[name]; n[1] > 0 {
			count = fmt.Sprintf(" %d of %d", n[0], n[1])
		}
		lines[name] = fmt.Sprintf("| %s |%s | %s |%s |%s |", name, spaced(opsets), status, count, spaced(note))
	}
	for key, list := range rows {
		domain, name, _ := strings.Cut(key, ":")
		var spans []string
		for _, r := range list {
			spans = append(spans, opsetSpan(domain, r.min, r.max))
		}
		row(full(domain, name), strings.Join(spans, ", "), "supported", limits[name])
	}
	for name, o := range literals {
		if lines[name] == "" {
			row(name, opsetSpan("", first(o), 0), "supported", "")
		}
	}
	for name, reason := range refusedOps {
		row(name, "", "refused", reason)
	}
	var b strings.Builder
	b.WriteString("| operator | opsets | status | node tests passed | |\n|---|---|---|---|---|\n")
	for _, name := range slices.SortedFunc(maps.Keys(lines), func(a, b string) int { return strings.Compare(strings.ToLower(a), strings.ToLower(b)) }) {
		b.WriteString(lines[name] + "\n")
	}
	return b.String()
}

// extentsKnown is the limit of operators whose operands say extents.
const extentsKnown = "the operands that say extents must be known"

// countedResults is the limit of operators of which the data says how many results there are.
const countedResults = "room for the most there can be, and a count"

// recurrentLimit is the limit of recurrent layers.
const recurrentLimit = "unrolled, and up to 512 steps, with clip, input_forget or activations of other kinds"

// limits say what operators are not supported in full for, and why.
var limits = map[string]string{
	"NonZero": countedResults, "Unique": countedResults, "NonMaxSuppression": countedResults + "; the thresholds must be known",
	"Compress": countedResults + ", where the condition is computed", "ConstantOfShape": extentsKnown, "Expand": extentsKnown, "OneHot": extentsKnown, "Pad": extentsKnown, "Range": extentsKnown,
	"Reshape": extentsKnown, "Resize": extentsKnown, "Slice": extentsKnown, "Split": extentsKnown, "STFT": extentsKnown, "Tile": extentsKnown, "TopK": extentsKnown,
	"Upsample": extentsKnown, "CumSum": "the axis must be known", "DFT": "a product with the matrix of all roots; the length must be known",
	"Det":     "matrices of up to 64 rows",
	"BitCast": "types of up to 32 bits",
	"Dropout": "the identity; in training it draws random numbers, which an import cannot repeat",
	"GRU":     recurrentLimit, "LSTM": recurrentLimit, "RNN": recurrentLimit,
	"If":          "of a condition that is computed both branches are, and must give the same types",
	"Loop":        "unrolled: how often it runs must be known",
	"Scan":        "unrolled",
	"ConvInteger": "computed in f32", "MatMulInteger": "computed in f32", "QLinearConv": "computed in f32", "QLinearMatMul": "computed in f32",
	"LabelEncoder": "numbers", "LinearClassifier": "classes that are numbers", "OneHotEncoder": "categories that are numbers", "TreeEnsembleClassifier": "classes that are numbers",
	"TfIdfVectorizer": "whole numbers", "SVMClassifier": "classes that are numbers; probabilities are those that fit best, which libraries approach in steps",
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

// newest are the last opsets of the domains beside ai.onnx.
var newest = map[string]int64{"": NewestOpset, "ai.onnx.ml": 5, "ai.onnx.preview.training": 1}

func opsetSpan(domain string, min, max int64) string {
	if max == 0 {
		max = newest[domain]
	}
	return fmt.Sprintf("%d to %d", min, max)
}
