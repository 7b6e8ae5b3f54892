package verify

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/dlc-ml/dlc/onnx"
)

// inField applies f to the messages in a field of a message, and leaves all others as they are.
func inField(t *testing.T, message []byte, field protowire.Number, f func(inner []byte) []byte) []byte {
	var out []byte
	for len(message) > 0 {
		num, typ, size := protowire.ConsumeTag(message)
		length := protowire.ConsumeFieldValue(num, typ, message[max(size, 0):])
		if size < 0 || length < 0 {
			t.Fatal("the model is damaged")
		}
		if num == field {
			inner, _ := protowire.ConsumeBytes(message[size:])
			out = protowire.AppendBytes(protowire.AppendTag(out, num, typ), f(inner))
		} else {
			out = append(out, message[:size+length]...)
		}
		message = message[size+length:]
	}
	return out
}

// TestAdamEpsilon shows what is wrong with the data of test_adam_multiple: with the epsilon of 1e-2 that it was made with, which the node does not say, the case passes.
func TestAdamEpsilon(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles a program with the Go command")
	}
	folder := "/usr/share/libonnx-testdata/data/node/test_adam_multiple"
	text, err := os.ReadFile(filepath.Join(folder, "model.onnx"))
	if err != nil {
		if os.Getenv("DLC_CI") == "1" {
			t.Fatal(err)
		}
		t.Skipf("install libonnx-testdata: %v", err)
	}
	var epsilon []byte // an AttributeProto
	epsilon = protowire.AppendString(protowire.AppendTag(epsilon, 1, protowire.BytesType), "epsilon")
	epsilon = protowire.AppendFixed32(protowire.AppendTag(epsilon, 2, protowire.Fixed32Type), math.Float32bits(1e-2))
	epsilon = protowire.AppendVarint(protowire.AppendTag(epsilon, 20, protowire.VarintType), 1)
	stated := inField(t, text, 7, func(graph []byte) []byte {
		return inField(t, graph, 1, func(node []byte) []byte {
			return protowire.AppendBytes(protowire.AppendTag(slices.Clone(node), 5, protowire.BytesType), epsilon)
		})
	})
	dir := filepath.Join(t.TempDir(), "test_adam_multiple")
	if err := os.CopyFS(dir, os.DirFS(folder)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "model.onnx"), stated, 0o666); err != nil {
		t.Fatal(err)
	}
	v := &Checker{Tolerance: onnx.Tolerance{Rel: 1e-3, Abs: 1e-7}}
	list, err := v.Run(context.Background(), []string{dir, folder})
	if err != nil {
		t.Fatal(err)
	}
	if list[0].Result != Pass || list[1].Result != Fail {
		t.Errorf("with epsilon %s: %s; as it is %s", list[0].Result, list[0].Detail, list[1].Result)
	}
}
