// Ort times ONNX Runtime, called from Go through cgo, on models in folders of the form of ONNX's backend tests: model.onnx, and recorded inputs in
// test_data_set_0. A model may also be a file alone, where its inputs are of f32 and it says their extents.
//
//	ort LIBRARY THREADS FOLDER|FILE.onnx...
//
// It prints one JSON object a model; ms is the median time of one call whose inputs and outputs lie where they lay in the call before.
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/dlc-ml/dlc/onnx"
	ort "github.com/yalue/onnxruntime_go"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("ort: ")
	if len(os.Args) < 4 {
		log.Fatal("usage: ort LIBRARY THREADS FOLDER|FILE.onnx...")
	}
	threads, err := strconv.Atoi(os.Args[2])
	check(err)
	ort.SetSharedLibraryPath(os.Args[1])
	check(ort.InitializeEnvironment())
	defer ort.DestroyEnvironment()
	for _, folder := range os.Args[3:] {
		batch, ms := bench(folder, threads)
		line, err := json.Marshal(map[string]any{"peer": "onnxruntime-" + ort.GetVersion(), "mode": "infer", "model": filepath.Base(folder),
			"batch": batch, "threads": threads, "ms": ms, "per_s": float64(batch) / ms * 1e3})
		check(err)
		fmt.Println(string(line))
	}
}

// bench returns the first extent of the first input, and the median milliseconds of one call.
func bench(folder string, threads int) (batch int64, ms float64) {
	file := folder
	recorded := filepath.Ext(folder) != ".onnx"
	if recorded {
		file = filepath.Join(folder, "model.onnx")
	}
	ins, outs, err := ort.GetInputOutputInfo(file)
	check(err)
	var inNames, outNames []string
	var inputs []ort.Value
	for i, in := range ins {
		t := ramp(in.Dimensions)
		if recorded {
			t, err = onnx.ReadTensor(filepath.Join(folder, "test_data_set_0", "input_"+strconv.Itoa(i)+".pb"))
			check(err)
		}
		v, err := value(t)
		check(err)
		defer v.Destroy()
		inNames, inputs = append(inNames, in.Name), append(inputs, v)
	}
	for _, out := range outs {
		outNames = append(outNames, out.Name)
	}
	o, err := ort.NewSessionOptions()
	check(err)
	defer o.Destroy()
	check(o.SetIntraOpNumThreads(threads))
	check(o.SetInterOpNumThreads(1))
	check(o.SetGraphOptimizationLevel(ort.GraphOptimizationLevelEnableAll))

	// The first call makes the outputs, whose shapes the file may leave open.
	first, err := ort.NewDynamicAdvancedSession(file, inNames, outNames, o)
	check(err)
	outputs := make([]ort.Value, len(outs))
	check(first.Run(inputs, outputs))
	check(first.Destroy())
	for _, v := range outputs {
		defer v.Destroy()
	}
	s, err := ort.NewAdvancedSession(file, inNames, outNames, inputs, outputs, o)
	check(err)
	defer s.Destroy()
	return inputs[0].GetShape()[0], median(func() { check(s.Run()) })
}

// median times calls for a second, after a tenth of it, as dlc bench does.
func median(call func()) (ms float64) {
	const whole = time.Second
	for end := time.Now().Add(whole / 10); time.Now().Before(end); {
		call()
	}
	var times []time.Duration
	for end := time.Now().Add(whole); len(times) < 5 || time.Now().Before(end); {
		t := time.Now()
		call()
		times = append(times, time.Since(t))
	}
	slices.Sort(times)
	return float64(times[len(times)/2].Nanoseconds()) / 1e6
}

// ramp makes numbers from 0 to 1.
func ramp(dims []int64) *onnx.Tensor {
	n := ort.Shape(dims).FlattenedSize()
	list, shape := make([]float32, max(n, 0)), make([]int, len(dims))
	for i := range list {
		list[i] = float32(i) / float32(n)
	}
	for i, d := range dims {
		shape[i] = int(d)
	}
	return onnx.FloatTensor(shape, list)
}

// value makes a tensor of ONNX Runtime of a recorded one.
func value(t *onnx.Tensor) (ort.Value, error) {
	list, err := t.Numbers()
	if err != nil {
		return nil, err
	}
	switch t.Type {
	case onnx.Float:
		return tensor[float32](t.Dims, list)
	case onnx.Int32:
		return tensor[int32](t.Dims, list)
	case onnx.Int64:
		return tensor[int64](t.Dims, list)
	case onnx.Uint8:
		return tensor[uint8](t.Dims, list)
	}
	return nil, fmt.Errorf("inputs of type %v cannot be given to ONNX Runtime yet", t.Type)
}

func tensor[T float32 | int32 | int64 | uint8](dims []int64, list []float64) (ort.Value, error) {
	data := make([]T, len(list))
	for i, x := range list {
		data[i] = T(x)
	}
	return ort.NewTensor(dims, data)
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
