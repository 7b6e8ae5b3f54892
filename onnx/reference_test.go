package onnx

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/onnx.md")

// intro is what stands above the table.
const intro = `
ONNX models of opset 1 to %d are read and imported as tensor programs.

    dlc import M.onnx -o DIR       a source M.dl, and its weights M.safetensors, on which every other command works
                                   (--simplify=false: with a line for each node, also those that do nothing or are computed from constants)
    dlc build M.onnx -o DIR        a package; dlc run and dlc bench take a model as it is, too
    dlc train M.dl --from M.safetensors
                                   with a train block in the source the network learns on from the imported weights
    dlc export M.dl -o M.onnx      the other way: an ONNX model of a source, its weights inside
    dlc verify DIR                 compiled code against recorded results, in the form of ONNX's backend tests

The first axis of extent 1 of each input, or a first one that has a name, is the batch; a state [2,1,128] has it in second place in the file, and in front in a
package. Where an operator would mix the examples of a batch, the package takes one example a call, and there is no source. Extents that the file leaves open are given with --shape x=1x3x224x224.

All extents are fixed when a model is compiled. What depends on known values only is computed then, so the arithmetic on shapes that exporters write disappears.
Numbers lie in cells of 32 bits: DOUBLE is computed as f32, and whole numbers that do not fit 32 bits are refused. Strings, and sequences and optionals as
inputs or outputs, are not supported; inside a model sequences are. Loops are unrolled, so how often they run must be known. Of a branch whose condition is
computed both sides are, and one is taken. Data outside the file must lie in its folder, in files that are no links.

dlc export writes opset %d. Inputs and outputs keep the source's names and order of axes, so images have their channels last; transposes stand only where a
convolution or pooling needs the other order. The batch is the dimension N. Layers that ONNX has no operator for in that opset are written as what they are
composed of. Operators that have no form (nms, nonzero, unique, roi_align, shifts of signed numbers, losses) are listed at once, with their places in
the source. Where ONNX leaves the result open, or ends with an error, dlc goes on: an index out of range there is the nearest row here, x / 0 of whole numbers is 0, whole
numbers of 64 bits wrap at 32, and gelu and silu of -∞ are 0 and not NaN.

## Operators

`

// TestReference holds docs/onnx.md against the rows and the list of cases that do not pass.
func TestReference(t *testing.T) {
	list, err := os.ReadFile("../internal/verify/testdata/conformance.txt")
	if err != nil {
		t.Fatal(err)
	}
	head, rest, _ := strings.Cut(strings.TrimSpace(string(list)), "\n")
	var b strings.Builder
	b.WriteString("# ONNX\n\n<!-- Made from the rows of package onnx and the list of cases. To bring it up to date: go test ./onnx -run TestReference -update -->\n")
	fmt.Fprintf(&b, intro, NewestOpset, ExportOpset)
	b.WriteString(Reference())
	fmt.Fprintf(&b, "\n## Backend tests\n\nOf ONNX's own backend tests (1.12: node, pytorch-converted, pytorch-operator and simple), %s, by compiled code and at the standard's tolerance. The others:\n\n| case | | reason |\n|---|---|---|\n", strings.TrimPrefix(head, "# "))
	for line := range strings.Lines(rest) {
		fields := strings.SplitN(strings.TrimSpace(line), "\t", 3)
		if len(fields) == 3 {
			fmt.Fprintf(&b, "| %s | %s | %s |\n", fields[0], fields[1], strings.ReplaceAll(fields[2], "|", "\\|"))
		}
	}
	const file = "../docs/onnx.md"
	if *update {
		if err := os.WriteFile(file, []byte(b.String()), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(file)
	if err != nil || string(have) != b.String() {
		t.Errorf("%s is not up to date (%v): run go test ./onnx -run TestReference -update", file, err)
	}
}
