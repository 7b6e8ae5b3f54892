package runtime

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strings"
)

// numbers is the content of an input file: one example, or the bytes of one that still go through the recipe's steps.
type numbers struct {
	dims   []int // nil where the format does not tell
	values []float64
	raw    bool // values are pixels from 0 to 255, to which the recipe's steps apply
}

// readNumbers reads an example for a port from a file, by the file's extension: .png, .jpg, .jpeg and .gif are pictures, .npy is NumPy's format,
// .json nested lists, .f32 and .bin little-endian float32, .i32 int32. Pictures and .npy files of bytes are pixels; numbers of other files are taken as they are.
func readNumbers(path string, p portInfo) (*numbers, error) {
	f, size, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	name := filepath.Base(path)
	ext := strings.ToLower(filepath.Ext(path))
	if ext == ".png" || ext == ".jpg" || ext == ".jpeg" || ext == ".gif" {
		return readPicture(f, name, p.shape)
	}
	// 64 characters a number are more than any format takes.
	limit := 1<<20 + 64*int64(p.elems())
	if size > limit {
		return nil, fmt.Errorf("%s: it is far larger than the %d numbers of input %s", name, p.elems(), p.name)
	}
	data, err := io.ReadAll(io.LimitReader(f, limit))
	if err != nil {
		return nil, err
	}
	var n *numbers
	switch ext {
	case ".npy":
		n, err = parseNPY(data)
	case ".json":
		n, err = parseJSON(data)
	case ".f32", ".bin":
		n, err = parseRaw(data)
	case ".i32":
		n, err = parseWhole(data)
	default:
		return nil, fmt.Errorf("%s: an input is a .png, .jpg, .gif, .npy, .json, .f32 or .i32 file, or test:NUMBER for an example of the test set", name)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	want := p.shape
	if row := p.elems() / max(1, p.shape0()); p.lengths > 0 && len(n.values) <= p.elems() && len(n.values) > 0 && len(n.values)%row == 0 {
		want = append([]int{len(n.values) / row}, p.shape[1:]...) // fewer steps
	}
	if len(n.values) != product(want) || n.dims != nil && !sameExtents(n.dims, want) {
		have := fmt.Sprint(n.dims)
		if n.dims == nil {
			have = fmt.Sprint(len(n.values), " numbers")
		}
		return nil, fmt.Errorf("%s: it holds %s, but input %s takes %v", name, have, p.name, p.shape)
	}
	return n, nil
}

// shape0 is the first extent of an example; 1 for a single number.
func (p portInfo) shape0() int {
	if len(p.shape) == 0 {
		return 1
	}
	return p.shape[0]
}

// parseRaw reads little-endian float32.
func parseRaw(data []byte) (*numbers, error) {
	if len(data)%4 != 0 {
		return nil, fmt.Errorf("%d bytes are no whole number of float32", len(data))
	}
	n := &numbers{values: make([]float64, len(data)/4)}
	for i := range n.values {
		n.values[i] = float64(math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:])))
	}
	return n, nil
}

// parseWhole reads little-endian int32.
func parseWhole(data []byte) (*numbers, error) {
	if len(data)%4 != 0 {
		return nil, fmt.Errorf("%d bytes are no whole number of int32", len(data))
	}
	n := &numbers{values: make([]float64, len(data)/4)}
	for i := range n.values {
		n.values[i] = float64(int32(binary.LittleEndian.Uint32(data[4*i:])))
	}
	return n, nil
}

// parseJSON reads a number, or lists of them nested to one depth with equal lengths.
func parseJSON(data []byte) (*numbers, error) {
	n := &numbers{dims: []int{}}
	dec := json.NewDecoder(bytes.NewReader(data))
	depth := 0
	var counts []int // items so far of each open list
	leaf := -1       // the depth of the numbers
	for first := true; first || depth > 0; first = false {
		tok, err := dec.Token()
		if err == io.EOF {
			return nil, io.ErrUnexpectedEOF
		}
		if err != nil {
			return nil, err
		}
		if depth > 0 && tok != json.Delim(']') {
			counts[depth-1]++
		}
		if yes, ok := tok.(bool); ok {
			if tok = 0.0; yes {
				tok = 1.0
			}
		}
		switch t := tok.(type) {
		case json.Delim:
			switch t {
			case '[':
				if depth == 16 || leaf >= 0 && depth == leaf {
					return nil, fmt.Errorf("its lists are not nested evenly")
				}
				depth++
				counts = append(counts, 0)
			case ']':
				depth--
				if depth >= len(n.dims) {
					n.dims = append(n.dims, make([]int, depth+1-len(n.dims))...)
				}
				if d := n.dims[depth]; d != 0 && d != counts[depth] || counts[depth] == 0 {
					return nil, fmt.Errorf("its lists at depth %d differ in length, or are empty", depth+1)
				}
				n.dims[depth] = counts[depth]
				counts = counts[:depth]
			default:
				return nil, fmt.Errorf("it holds an object; wanted are lists of numbers")
			}
		case float64:
			if leaf >= 0 && leaf != depth {
				return nil, fmt.Errorf("its lists are not nested evenly")
			}
			leaf = depth
			n.values = append(n.values, t)
		default:
			return nil, fmt.Errorf("it holds %v; wanted are numbers, or true and false", tok)
		}
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, fmt.Errorf("something follows the list")
	}
	return n, nil
}

// whole is an element of a port of whole numbers, and checks it.
func (p portInfo) whole(v float64) (int32, error) {
	if low, high := elemRange(p.elem); v != math.Trunc(v) || !(v >= float64(low) && v <= float64(high)) {
		return 0, fmt.Errorf("is %s and takes whole numbers from %d to %d, not %v", p.elem, low, high, v)
	}
	if p.classes > 0 && (v < 0 || int(v) >= p.classes) && !slices.Contains(p.ignored, int32(v)) {
		return 0, fmt.Errorf("takes the classes 0 to %d, not %v", p.classes-1, v)
	}
	return int32(v), nil
}

// fill writes what was read into an example of p.
func (n *numbers) fill(p portInfo, steps *pixelMap, floats []float32, ints []int32) error {
	channels := channelsOf(p.shape)
	for i, v := range n.values {
		switch {
		case wholeElem(p.elem):
			if n.raw {
				v = math.RoundToEven(v) // a picture that was scaled
			}
			var err error
			if ints[i], err = p.whole(v); err != nil {
				return fmt.Errorf("input %s %w", p.name, err)
			}
		case n.raw && steps != nil:
			floats[i] = steps.number(v, i%channels)
		default:
			floats[i] = float32(v)
		}
	}
	return nil
}
