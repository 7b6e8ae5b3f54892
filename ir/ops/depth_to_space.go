package ops

import (
	"github.com/dlc-ml/dlc/ir"
)

// DepthToSpace moves channels into the image.
var DepthToSpace = Register(&Operator{
	Name: "depth_to_space",
	Doc: "Makes of each pixel a square of block times block pixels, whose values stood in its channels: [N,H,W,C*block²] becomes [N,H*block,W*block,C]. In mode DCR " +
		"row bh and column bw of the square stand in channel (bh*block + bw)*C + c, in mode CRD in channel (c*block + bh)*block + bw.",
	Formula:  "y[n, h*b + bh, w*b + bw, c] = x[n, h, w, (bh*b + bw)*C + c]",
	Example:  "large = depth_to_space(x, 2)",
	Category: "tensor",
	Args:     []Arg{{Name: "x", Doc: "[N,H,W,C]"}},
	Attrs: []AttrDef{
		{Name: "block", Doc: "the side of the square", Kind: 0},
		{Name: "mode", Doc: "the order of channels: DCR, the place in the square first; CRD, the channel of the result first", Default: "DCR", Values: []string{"DCR", "CRD"}},
	},
	Expand: func(b *Builder, args []*ir.Value, a ir.Attrs) ([]*ir.Value, error) {
		return b.shuffle("depth_to_space", args[0], a.Int("block"), a.Str("mode"))
	},
	Eval: func(args []*Tensor, a ir.Attrs) []*Tensor {
		return []*Tensor{evalShuffle(args[0], a.Int("block"), a.Str("mode") == "CRD")}
	},
	ONNX: ONNX{Name: "DepthToSpace", Min: 1, Max: 25, Attrs: map[string]string{"block": "blocksize", "mode": "mode"}, Note: "channels are the last axis here"},
	Samples: []Sample{
		{Args: f32Types(ir.NS(2, 3, 8)), Attrs: ir.Attrs{{Name: "block", Value: 2}}},
		{Args: f32Types(ir.NS(2, 3, 8)), Attrs: ir.Attrs{{Name: "block", Value: 2}, {Name: "mode", Value: "CRD"}}, Batch: 1},
		{Args: f32Types(ir.NS(1, 2, 9)), Attrs: ir.Attrs{{Name: "block", Value: 3}}},
		{Args: f32Types(ir.S(2, 1, 2, 5)), Attrs: ir.Attrs{{Name: "block", Value: 1}}},
	},
})

// wantBlock checks the operand of an operator that cuts an image into squares.
func wantBlock(kind string, x ir.Type, n int) error {
	if err := wantAny(kind, "x", x); err != nil {
		return err
	}
	if len(x.Shape) != 4 {
		return WithNote("an image is [height, width, channels]; reshape brings other tensors into that form", "%s needs an image [N,H,W,C], but its input is %s", kind, x)
	}
	if n < 1 || n > 1<<15 {
		return WithNote("write a whole number from 1 up", "%s cannot have squares of a side of %d", kind, n)
	}
	return nil
}

// shuffle moves channels into squares of n times n pixels.
func (b *Builder) shuffle(kind string, x *ir.Value, n int, mode string) ([]*ir.Value, error) {
	if err := wantBlock(kind, x.Type, n); err != nil {
		return nil, err
	}
	s := x.Type.Shape
	h, w, c := s[1].Size, s[2].Size, s[3].Size
	if c%(n*n) != 0 {
		return nil, WithNote("the layer before it should have a multiple of that many channels", "%s needs channels in groups of %d, but its input is %s", kind, n*n, x.Type)
	}
	inner, perm := ir.S(h, w, n, n, c/(n*n)), []int{0, 1, 3, 2, 4, 5}
	if mode == "CRD" {
		inner, perm = ir.S(h, w, c/(n*n), n, n), []int{0, 1, 4, 2, 5, 3}
	}
	blocks := b.reshapeTo("blocks", x, append(ir.Shape{s[0]}, inner...))
	moved := b.Must("transpose", "blocks", []*ir.Value{blocks}, ir.Attr{Name: "perm", Value: perm})
	return b.reshaped(moved, append(ir.Shape{s[0]}, ir.S(h*n, w*n, c/(n*n))...))
}

func evalShuffle(x *Tensor, n int, channelFirst bool) *Tensor {
	c := x.Shape[3] / (n * n)
	y, at := NewTensor(x.Elem, x.Shape[0], x.Shape[1]*n, x.Shape[2]*n, c), 0
	eachIndex(y.Shape, func(ix []int) {
		i, j := ix[1]%n, ix[2]%n
		from := (i*n+j)*c + ix[3]
		if channelFirst {
			from = (ix[3]*n+i)*n + j
		}
		y.Data[at] = x.Data[x.at([]int{ix[0], ix[1] / n, ix[2] / n, from})]
		at++
	})
	return y
}
