package ops

import (
	"github.com/dlc-ml/dlc/ir"
)

// SpaceToDepth moves the image into channels.
var SpaceToDepth = Register(&Operator{
	Name:     "space_to_depth",
	Doc:      "Makes of each square of block times block pixels one pixel with all their channels: [N,H,W,C] becomes [N,H/block,W/block,C*block²]. depth_to_space in mode DCR undoes it.",
	Formula:  "y[n, h, w, (bh*b + bw)*C + c] = x[n, h*b + bh, w*b + bw, c]",
	Example:  "small = space_to_depth(image, 2)",
	Category: "tensor",
	Args:     []Arg{{Name: "x", Doc: "[N,H,W,C]"}},
	Attrs:    []AttrDef{{Name: "block", Doc: "the side of the square; it divides height and width", Kind: 0}},
	Expand: func(b *Builder, args []*ir.Value, a ir.Attrs) ([]*ir.Value, error) {
		x, n := args[0], a.Int("block")
		if err := wantBlock("space_to_depth", x.Type, n); err != nil {
			return nil, err
		}
		s := x.Type.Shape
		h, w, c := s[1].Size, s[2].Size, s[3].Size
		if h%n != 0 || w%n != 0 {
			return nil, WithNote("pad or crop the image first", "space_to_depth cannot cut %s into squares of %d", x.Type, n)
		}
		if _, ok := (ir.Shape{ir.D(n), ir.D(n), ir.D(c)}).Elems(); !ok {
			return nil, WithNote("take smaller squares", "space_to_depth of %s with block=%d would have too many channels", x.Type, n)
		}
		blocks := b.reshapeTo("blocks", x, append(ir.Shape{s[0]}, ir.S(h/n, n, w/n, n, c)...))
		moved := b.Must("transpose", "blocks", []*ir.Value{blocks}, ir.Attr{Name: "perm", Value: []int{0, 1, 3, 2, 4, 5}})
		return b.reshaped(moved, append(ir.Shape{s[0]}, ir.S(h/n, w/n, n*n*c)...))
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		x, n := args[0], a.Int("block")
		y, at := NewTensor(x.Elem, x.Shape[0], x.Shape[1]/n, x.Shape[2]/n, x.Shape[3]*n*n), 0
		eachIndex(x.Shape, func(ix []int) {
			h, w := ix[1], ix[2]
			y.Data[y.at([]int{ix[0], h / n, w / n, (h%n*n+w%n)*x.Shape[3] + ix[3]})] = x.Data[at]
			at++
		})
		return []*Tensor{y}
	},
	ONNX: ONNX{Name: "SpaceToDepth", Min: 1, Max: 25, Attrs: map[string]string{"block": "blocksize"}, Note: "channels are the last axis here"},
	Samples: []Sample{
		{Args: f32Types(ir.NS(4, 6, 3)), Attrs: ir.Attrs{{Name: "block", Value: 2}}},
		{Args: f32Types(ir.NS(3, 6, 1)), Attrs: ir.Attrs{{Name: "block", Value: 3}}, Batch: 1},
		{Args: f32Types(ir.S(2, 2, 2, 2)), Attrs: ir.Attrs{{Name: "block", Value: 1}}},
	},
})
