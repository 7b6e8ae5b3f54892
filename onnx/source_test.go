package onnx

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dlc-ml/dlc/dsl"
	"github.com/dlc-ml/dlc/ir"
)

// TestBlocks imports networks with and without blocks: their sources are the same program on the same weights, and the blocks are there.
func TestBlocks(t *testing.T) {
	dir := modelFolder(t)
	for name, lines := range map[string][]string{
		"onnx-light/light_resnet50": {"block res(x, n, n_2) {", `r25 = res(r15, 256, 64, name="gpu_0_res2_1")`, "return relu("},
		"onnx-light/light_squeezenet": {"block fire(x, n, n_2, n_3) {", `r31 = fire(r24, 256, 32, 128, name="fire5")`, "param  squeeze1x1_w_0: f32[1, 1, n, n_2]",
			"return concat("},
		"onnx-light/light_densenet121":                           {`r37 = conv(r22, 96, name="conv2_2")`},
		"onnx-light/light_inception_v1":                          {`name="inception_3a"`},
		"onnx-light/light_inception_v2":                          {"block "},
		"onnx-light/light_shufflenet":                            {"r77 = layer(r65)"},
		"onnx-light/light_vgg19":                                 {"block layer(x, n, n_2) {"},
		"onnx/test_mujoco__go1_policy/model":                     {"block "},
		"onnx/test_yunet__yunet_n_320_320/model":                 {"block "},
		"onnx/test_ultraface__version-slim-320_simplified/model": {"block "},
		"onnx/test_mnist__burn-mnist/model":                      nil,
	} {
		m, err := Read(filepath.Join(dir, name+".onnx"))
		if err != nil {
			t.Error(err)
			continue
		}
		imp, err := m.Import(Options{Name: "m", Batch: true})
		if err != nil {
			t.Error(err)
			continue
		}
		flat, err := imp.source("", false)
		if err != nil {
			t.Error(name, err)
			continue
		}
		want := form(t, name, flat, imp)
		text, err := imp.Source("")
		if err != nil {
			t.Error(name, err)
			continue
		}
		if got := form(t, name, text, imp); !slices.Equal(got, want) {
			for i := range min(len(got), len(want)) {
				if got[i] != want[i] {
					t.Errorf("%s: step %d is %s, without blocks %s", name, i, got[i], want[i])
					break
				}
			}
			t.Errorf("%s: %d steps, without blocks %d", name, len(got), len(want))
		}
		for _, l := range lines {
			if !strings.Contains(text, l) {
				t.Errorf("%s lacks %s", name, l)
			}
		}
		if lines != nil && len(text) > len(flat)*9/10 {
			t.Errorf("%s: the blocks make %d bytes of %d", name, len(text), len(flat))
		}
		for _, p := range imp.Module.Params {
			if imp.Weights[p.Name].Len() == 0 {
				t.Errorf("%s: %s has no weights", name, p.Name)
			}
		}
	}
}

// modelFolder is the folder of the shared networks, without which a test is left out.
func modelFolder(t *testing.T) string {
	t.Helper()
	root := os.Getenv("DLC_TESTDATA")
	if root == "" {
		root = filepath.Join("..", "..", "shared")
	}
	dir := filepath.Join(root, "models")
	if _, err := os.Stat(dir); err != nil {
		if os.Getenv("DLC_CI") == "1" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	return dir
}

// form is what a source computes, a line an operator, with parameters by where their weights lie.
func form(t *testing.T, name, text string, imp *Import) []string {
	m, err := dsl.Compile("m.dl", []byte(text), dsl.Options{})
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	f := m.Func(ir.FuncInfer)
	ids := map[*ir.Value]string{}
	for i, v := range f.Inputs {
		ids[v] = fmt.Sprintf("input%d", i)
	}
	for _, p := range m.Params {
		w := imp.Weights[p.Name]
		if w.Len() == 0 {
			t.Fatalf("%s: there are no weights %s", name, p.Name)
		}
		ids[f.ParamValue(p)] = fmt.Sprintf("%p:%v:%v", w.c, p.Type, p.Trainable)
	}
	var lines []string
	for i, op := range f.Ops {
		line := fmt.Sprintf("%s %v", op.Kind, op.Attrs)
		for _, a := range op.Args {
			if a == nil {
				line += " -"
			} else {
				line += " " + ids[a]
			}
		}
		for k, r := range op.Results {
			ids[r] = fmt.Sprintf("%d.%d", i, k)
			line += " " + r.Type.String()
		}
		lines = append(lines, line)
	}
	for _, r := range f.Results {
		lines = append(lines, r.Name+" = "+ids[r.Value])
	}
	return lines
}
