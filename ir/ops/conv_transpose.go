package ops

import (
	"fmt"
	"math"
	"slices"

	"github.com/dlc-ml/dlc/ir"
)

// ConvTranspose is the convolution run backwards.
var ConvTranspose = Register(&Operator{
	Name: "conv_transpose",
	Doc: "Transposed convolution of an image [N,H,W,C] with a kernel [kh,kw,filters/groups,C], giving [N,H',W',filters], or of a sequence [N,L,C] or a volume " +
		"[N,D,H,W,C] with a kernel of one or three sides: each element adds its multiple of the kernel to the output, stride apart. It is the " +
		"gradient of a convolution with respect to its input, and as large as that input: without a border (size-1)*stride + kernel, with padding=\"same\" " +
		"size*stride. The border is cut off; output_padding is added behind.",
	Formula:  "y[n,i,j,f] = bias[f] + Σ x[n,p,q,c] * w[u,v,f,c] over all p*stride + u*dilation - top = i, q*stride + v*dilation - left = j",
	Example:  "image = features |> conv_transpose(16, kernel=4, stride=2, padding=\"same\")",
	Category: "layer",
	Args: []Arg{
		{Name: "x", Doc: "f32[N,H,W,C], f32[N,L,C] or f32[N,D,H,W,C]"}, {Name: "w", Doc: "the kernel, f32[kh,kw,filters/groups,C]"},
		{Name: "bias", Doc: "f32[filters]", Optional: true},
	},
	Attrs:  convTransposeAttrs,
	Eval:   evalConvTranspose,
	Expand: expandConvTranspose,
	Layer: &Layer{
		Doc: "makes the parameters weight [kh,kw,filters/groups,C], uniform in ±sqrt(6/(kh*kw*C/groups)) at the start, and, unless bias=false, bias [filters], zero",
		Attrs: append([]AttrDef{
			{Name: "filters", Doc: "number of output channels", Kind: 0},
			{Name: "kernel", Doc: "side of the kernel: one number, or one for each axis", Default: []int{3}},
		}, append(slices.Clone(convTransposeAttrs), AttrDef{Name: "bias", Doc: "whether to add a learned number to each filter", Default: true})...),
		Build: buildConvTranspose,
	},
	ONNX: ONNX{Name: "ConvTranspose", Min: 1, Max: 22,
		Attrs: map[string]string{"stride": "strides", "pads": "pads", "dilation": "dilations", "groups": "group", "padding": "auto_pad", "output_padding": "output_padding"},
		Note:  "one to three spatial axes; NCHW and IOHW are transposed to NHWC and [kh,kw,O,I]; output_shape becomes pads"},
	Samples: []Sample{
		{Args: f32Types(ir.NS(3, 4, 2), ir.S(3, 2, 3, 2), ir.S(3)), Batch: 1},
		{Args: f32Types(ir.NS(3, 2, 4), ir.S(3, 3, 1, 4), ir.S(2)), Attrs: ir.Attrs{{Name: "stride", Value: 2}, {Name: "padding", Value: "same"}, {Name: "groups", Value: 2}}},
		{Args: f32Types(ir.NS(3, 3, 1), ir.S(2, 3, 2, 1)), Attrs: ir.Attrs{{Name: "stride", Value: []int{3, 2}}, {Name: "pads", Value: []int{1, 0, 0, 2}}, {Name: "output_padding", Value: []int{2, 1}}, {Name: "dilation", Value: []int{1, 2}}}},
		{Args: f32Types(ir.NS(5, 3), ir.S(4, 2, 3), ir.S(2)), Attrs: ir.Attrs{{Name: "stride", Value: 3}, {Name: "padding", Value: "same_lower"}}, Batch: 2},
		{Args: f32Types(ir.NS(4, 2), ir.S(1, 3, 2)), Attrs: ir.Attrs{{Name: "stride", Value: 2}, {Name: "padding", Value: "same"}}, Batch: 1},
		{Args: f32Types(ir.NS(2, 2, 3, 2), ir.S(2, 3, 2, 2, 2), ir.S(2)), Attrs: ir.Attrs{{Name: "stride", Value: []int{2, 1, 1}}}, Batch: 1},
	},
})

var convTransposeAttrs = append(slices.Clone(convAttrs),
	AttrDef{Name: "output_padding", Doc: "elements added behind each axis, fewer than the stride: one number, or one for each axis", Default: []int{0}})

// transposedGeometry returns the sides of the result and the border of the convolution whose gradient it is.
func transposedGeometry(x, k ir.Type, a ir.Attrs) (size, pads []int, err error) {
	const kind = "conv_transpose"
	axes := len(x.Shape) - 2
	if axes < 1 || axes > 3 {
		return nil, nil, WithNote("reshape brings other tensors into one of these forms",
			"%s needs a sequence f32[N,L,C], an image f32[N,H,W,C] or a volume f32[N,D,H,W,C], but its input is %v", kind, x)
	}
	if err := spatial(kind, x, axes); err != nil {
		return nil, nil, err
	}
	if len(k.Shape) != axes+2 || !k.Shape[axes].Static() || k.Shape[axes+1] != x.Shape[axes+1] {
		return nil, nil, fmt.Errorf("%s of %v needs a kernel with %d sides, filters/groups and %v channels, not %v", kind, x, axes, x.Shape[axes+1], k)
	}
	ones := make([]int, axes)
	m := motion{kernel: kernelSides(k), stride: a.Ints("stride"), dilation: a.Ints("dilation")}
	// The border of the input is none: only the numbers are checked here.
	w := window{in: ones}
	if w.kernel, err = perAxis(kind, "kernel", m.kernel, axes); err != nil {
		return nil, nil, err
	}
	if w.stride, err = perAxis(kind, "stride", m.stride, axes); err != nil {
		return nil, nil, err
	}
	if w.dilation, err = perAxis(kind, "dilation", m.dilation, axes); err != nil {
		return nil, nil, err
	}
	more := a.Ints("output_padding")
	if len(more) == 1 {
		more = slices.Repeat(more, axes)
	}
	given := a.Ints("pads")
	if len(more) != axes || len(given) != 0 && len(given) != 2*axes {
		return nil, nil, WithNote("pads has a number before each axis and then one behind each", "%s over %d axes takes as many numbers as output_padding and twice as many as pads, not %d and %d", kind, axes, len(more), len(given))
	}
	pads = make([]int, 2*axes)
	copy(pads, given)
	for i := range axes {
		full := (int64(x.Shape[1+i].Size)-1)*int64(w.stride[i]) + (int64(w.kernel[i])-1)*int64(w.dilation[i]) + 1
		if more[i] < 0 || more[i] >= w.stride[i] {
			return nil, nil, WithNote("it makes up for what the stride leaves over", "%s needs an output_padding of at least 0 and less than the stride %d, not %d", kind, w.stride[i], more[i])
		}
		if full > ir.MaxElems/2 || pads[i] < 0 || pads[i+axes] < 0 || pads[i] > ir.MaxElems/2 || pads[i+axes] > ir.MaxElems/2 {
			return nil, nil, fmt.Errorf("%s would have a side of %d, or has a border of %d and %d, beyond the limits", kind, full, pads[i], pads[i+axes])
		}
		n := int(full)
		if padding := a.Str("padding"); padding != "valid" && len(given) == 0 {
			want := x.Shape[1+i].Size * w.stride[i]
			total := max(n-want, 0)
			pads[i] = total / 2
			if padding == "same_lower" {
				pads[i] = total - total/2
			}
			pads[i+axes] = total - pads[i]
			size = append(size, want)
			continue
		}
		if n += more[i] - pads[i] - pads[i+axes]; n < 1 {
			return nil, nil, WithNote("use a smaller border", "%s would cut everything off: %d elements and a border of %d and %d", kind, int(full)+more[i], pads[i], pads[i+axes])
		}
		size = append(size, n)
	}
	return size, pads, nil
}

func expandConvTranspose(b *Builder, args []*ir.Value, a ir.Attrs) ([]*ir.Value, error) {
	size, pads, err := transposedGeometry(args[0].Type, args[1].Type, a)
	if err != nil {
		return nil, err
	}
	y, err := b.Op(convName(len(size))+"_grad_input", "conv_transpose", args[:2],
		ir.Attr{Name: "size", Value: size}, ir.Attr{Name: "stride", Value: a.Ints("stride")}, ir.Attr{Name: "pads", Value: pads},
		ir.Attr{Name: "dilation", Value: a.Ints("dilation")}, ir.Attr{Name: "groups", Value: a.Int("groups")})
	if err != nil || len(args) < 3 {
		return []*ir.Value{y}, err
	}
	y, err = b.Op("bias_add", "conv_transpose", []*ir.Value{y, args[2]})
	return []*ir.Value{y}, err
}

func buildConvTranspose(b *Builder, x []*ir.Value, a ir.Attrs) ([]*ir.Value, error) {
	t := x[0].Type
	axes := len(t.Shape) - 2
	filters, groups := a.Int("filters"), a.Int("groups")
	if filters < 1 || filters > ir.MaxElems {
		return nil, WithNote("the first argument is the number of filters: conv_transpose(16)", "conv_transpose cannot have %d filters", filters)
	}
	if axes < 1 || axes > 3 {
		_, _, err := transposedGeometry(t, t, a)
		return nil, err
	}
	if err := spatial("conv_transpose", t, axes); err != nil {
		return nil, err
	}
	kernel, err := perAxis("conv_transpose", "kernel", a.Ints("kernel"), axes)
	if err != nil {
		return nil, err
	}
	channels := t.Shape[axes+1].Size
	if err := checkGroups("conv_transpose", channels, filters, groups); err != nil {
		return nil, err
	}
	k := ir.T(ir.F32, ir.S(append(slices.Clone(kernel), filters/groups, channels)...))
	n, ok := k.Shape.Elems()
	if !ok {
		return nil, WithNote("use fewer filters or a smaller kernel", "conv_transpose would have a kernel %v of more than %d elements", k, ir.MaxElems)
	}
	size, _, err := transposedGeometry(t, k, a)
	if err != nil {
		return nil, err
	}
	if _, ok := spanned(t.Shape[0], size, ir.D(filters)).Elems(); !ok {
		return nil, WithNote("use fewer filters or a smaller stride", "conv_transpose would give more than the %d elements that a tensor may have", ir.MaxElems)
	}
	w, err := b.Param("weight", k, ir.Init{Kind: "uniform", Scale: math.Sqrt(6 * float64(filters) / float64(n.Size))})
	if err != nil {
		return nil, err
	}
	args := []*ir.Value{x[0], w}
	if a.Bool("bias") {
		v, err := b.Param("bias", ir.T(ir.F32, ir.S(filters)), ir.Init{Kind: "zeros"})
		if err != nil {
			return nil, err
		}
		args = append(args, v)
	}
	var attrs []ir.Attr
	for _, d := range convTransposeAttrs {
		attrs = append(attrs, ir.Attr{Name: d.Name, Value: a.Get(d.Name)})
	}
	return b.Ops("conv_transpose", "conv_transpose", args, attrs...)
}

// evalConvTranspose adds each element's multiple of the kernel to a full output, and then cuts it.
func evalConvTranspose(args []*Tensor, a ir.Attrs) []*Tensor {
	x, k := args[0], args[1]
	axes := len(x.Shape) - 2
	each := func(name string, i int) int {
		if v := a.Ints(name); len(v) == axes {
			return v[i]
		}
		return a.Ints(name)[0]
	}
	groups, perGroup := a.Int("groups"), k.Shape[axes]
	full, from, size := []int{x.Shape[0]}, []int{}, []int{x.Shape[0]}
	for i := range axes {
		n := (x.Shape[1+i]-1)*each("stride", i) + (k.Shape[i]-1)*each("dilation", i) + 1
		before, want := 0, n+each("output_padding", i)
		if p := a.Ints("pads"); len(p) > 0 {
			before, want = p[i], want-p[i]-p[i+axes]
		} else if a.Str("padding") != "valid" {
			want = x.Shape[1+i] * each("stride", i)
			cut := max(n-want, 0)
			if before = cut / 2; a.Str("padding") == "same_lower" {
				before = (cut + 1) / 2
			}
		}
		full, from, size = append(full, max(n, before+want)), append(from, before), append(size, want)
	}
	filters := perGroup * groups
	whole, y := NewTensor(ir.F32, append(full, filters)...), NewTensor(ir.F32, append(size, filters)...)
	eachIndex(x.Shape, func(ix []int) {
		c := ix[axes+1]
		eachIndex(k.Shape[:axes+1], func(t []int) {
			at := []int{ix[0]}
			for i := range axes {
				at = append(at, ix[1+i]*each("stride", i)+t[i]*each("dilation", i))
			}
			f := c/(x.Shape[axes+1]/groups)*perGroup + t[axes]
			whole.Data[whole.at(append(at, f))] += x.Data[x.at(ix)] * k.Data[k.at(append(slices.Clone(t), c))]
		})
	})
	eachIndex(y.Shape, func(ix []int) {
		at := slices.Clone(ix)
		for i := range axes {
			at[1+i] += from[i]
		}
		y.Data[y.at(ix)] = whole.Data[whole.at(at)]
		if len(args) > 2 {
			y.Data[y.at(ix)] += args[2].Data[ix[axes+1]]
		}
	})
	return []*Tensor{y}
}
