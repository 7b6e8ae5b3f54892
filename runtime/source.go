package runtime

import (
	"bytes"
	"embed"
	"encoding/binary"
	"io/fs"
	"maps"
	"math"
	"slices"
	"strings"
)

// File is one file of this package.
type File struct {
	Name string
	Data []byte
}

//go:embed *.go *.s
var files embed.FS

// Files returns the files that generated packages are made from, by name: all but tests and source*.go. What these export is for
// the compiler, and not part of a generated package's API.
func Files() ([]File, error) {
	var list []File
	entries, err := fs.ReadDir(files, ".")
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "source") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		data, err := files.ReadFile(e.Name())
		if err != nil {
			return nil, err
		}
		list = append(list, File{e.Name(), data})
	}
	return list, nil
}

// Parameter places one parameter for [PackWeights], as paramInfo does in a generated package.
type Parameter struct {
	Name, Elem     string
	Shape, Strides []int
	Panel          int
	Offset         int
	Init           string
	Scale, Mean    float64
	Trainable      bool
}

// PackWeights returns the weights of a model as its package embeds them: packed, ready to be used where they lie. They come from a
// safetensors file, called file in errors, or where data is empty from the seed. values holds each parameter's elements, row-major.
func PackWeights(model, file string, params []Parameter, arena, seed int, data []byte) (packed []byte, values map[string][]float64, err error) {
	info := &modelInfo{name: model, arena: arena}
	for _, p := range params {
		info.params = append(info.params, paramInfo{name: p.Name, elem: p.Elem, shape: p.Shape, strides: p.Strides, panel: p.Panel, offset: p.Offset, init: p.Init,
			scale: p.Scale, mean: p.Mean, trainable: p.Trainable})
	}
	var weights []float32
	if len(data) == 0 {
		weights, err = initialWeights(info, seed)
	} else {
		weights, err = decodeWeights(info, file, bytes.NewReader(data), int64(len(data)))
	}
	if err != nil {
		return nil, nil, err
	}
	packed = make([]byte, packedHead, packedHead+4*(arena+slack))
	copy(packed, packedMagic)
	binary.LittleEndian.PutUint64(packed[8:], uint64(arena))
	for _, x := range weights {
		packed = binary.LittleEndian.AppendUint32(packed, math.Float32bits(x))
	}
	packed = append(packed, make([]byte, 4*slack)...)
	values = map[string][]float64{}
	for i := range info.params {
		p := &info.params[i]
		row, v := make([]float32, p.elems()), make([]float64, p.elems())
		p.unpack(row, weights)
		for e, x := range row {
			if v[e] = float64(x); wholeElem(p.elem) {
				v[e] = float64(asInts(row)[e])
			}
		}
		values[p.name] = v
	}
	return packed, values, nil
}

// Call is a call of the train block, as call in a generated package.
type Call struct {
	Name string
	Args map[string]any
}

// CheckSchedule returns what is wrong with the schedules of a train block whose function eval has some results.
func CheckSchedule(calls []Call, results []string) error {
	_, err := newSchedule(internal(calls), &modelInfo{results: results})
	return err
}

// CheckCallbacks returns what is wrong with its callbacks.
func CheckCallbacks(calls []Call, results []string) error {
	_, err := newCallbacks(internal(calls), &modelInfo{results: results}, make([]plateau, len(calls)))
	return err
}

func internal(calls []Call) []call {
	var list []call
	for _, c := range calls {
		list = append(list, call{c.Name, c.Args})
	}
	return list
}

// SettingNames are the schedules and the callbacks that there are, by name.
func SettingNames() []string {
	list := slices.AppendSeq(slices.Collect(maps.Keys(scheduleKinds)), maps.Keys(callbackKinds))
	slices.Sort(list)
	return list
}

// StepScalar is the value of an operator's scalar at an update, from 1, with the given momentum, as a generated package computes it.
func StepScalar(text string, update int, momentum float64) float64 {
	f := newFormula(text)
	f.momentum = momentum
	return f.of(update)
}
