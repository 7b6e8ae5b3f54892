package ops

import (
	"fmt"
	"math"
	"slices"

	"github.com/dlc-ml/dlc/ir"
)

// recurrentKind is what rnn, lstm and gru differ in as layers.
type recurrentKind struct {
	name   string
	gates  int
	states int      // 1, or 2 where there is a cell beside the output
	copied []string // attributes of the layer that its operator has too
}

// recurrentAttrs are the attributes of a recurrent layer before those of its kind.
var recurrentAttrs = []AttrDef{
	{Name: "units", Doc: "H, the number of outputs in each direction", Kind: 0},
	{Name: "bidirectional", Doc: "whether a second layer of the same size walks the steps from the end; its outputs stand behind the first's", Default: false},
	{Name: "reverse", Doc: "whether the steps are walked from the end", Default: false},
	{Name: "layers", Doc: "how many layers stand on each other", Default: 1},
	{Name: "return", Doc: "what the first result is: the outputs of all steps, or the last of each direction", Default: "sequence", Values: []string{"sequence", "last"}},
	{Name: "bias", Doc: "whether the gates have biases: one beside the input's matrix and one beside the recurrent one, as in PyTorch and ONNX", Default: true},
	{Name: "dropout", Doc: "the probability with which an output of each layer but the last is set to zero in training, on its way to the next layer", Default: 0.0},
}

// recurrentOperands are the operands of a recurrent layer; initial_c only where there are cells.
var recurrentOperands = []Arg{
	{Name: "x", Doc: "f32[N,T,features], T steps of each example"},
	{Name: "lengths", Doc: "i32[N], how many steps of each example count; the others give zeros and leave the state as it is", Optional: true},
	{Name: "initial_h", Doc: "f32[N,D*H], the outputs before the first step, with more layers one after another; zeros where left out", Optional: true},
	{Name: "initial_c", Doc: "f32[N,D*H], the cells before the first step", Optional: true},
}

// recurrentLayerDoc describes the parameters, with PyTorch's and ONNX's beside them.
func recurrentLayerDoc(gates int, order, onnx, more string) string {
	blocks := ""
	if gates > 1 {
		blocks = fmt.Sprint(gates)
	}
	return fmt.Sprintf("makes the parameters weight [features,D·%[1]sH] (PyTorch's weight_ih_l0, transposed, and behind it weight_ih_l0_reverse), recurrent_weight [D,H,%[1]sH] "+
		"(weight_hh_l0, transposed, and weight_hh_l0_reverse), both uniform in ±1/sqrt(H) at the start, and, unless bias=false, bias [D·%[1]sH] (bias_ih_l0) and "+
		"recurrent_bias [D·%[1]sH] (bias_hh_l0), zero. D is the number of directions. The blocks of H are %[2]s, as in PyTorch; ONNX has %[3]s in W, R and B, each transposed here. "+
		"With layers=2 the names begin with l0 and l1%[4]s", blocks, order, onnx, more)
}

// build applies the layer: a stack of the operator that it is named after.
func (k recurrentKind) build(b *Builder, x []*ir.Value, a ir.Attrs) ([]*ir.Value, error) {
	given := make([]*ir.Value, 4)
	copy(given, x)
	in := given[0].Type
	if in.Elem != ir.F32 || len(in.Shape) != 3 || !in.Shape[1].Static() || !in.Shape[2].Static() {
		return nil, WithNote("an input of sequences is declared as f32[100, 13]: 100 steps of 13 features", "%s needs sequences f32[N,T,features], but its input is %v", k.name, in)
	}
	units, layers := a.Int("units"), a.Int("layers")
	if units < 1 || units > 1<<14 {
		return nil, WithNote("the first argument is the number of outputs: "+k.name+"(128)", "%s cannot have %d units", k.name, units)
	}
	if layers < 1 || layers > 64 {
		return nil, WithNote("layers=1 is one layer", "%s cannot have %d layers", k.name, layers)
	}
	if rate := a.Float("dropout"); !(rate >= 0 && rate < 1) || rate > 0 && layers == 1 {
		return nil, WithNote("dropout=0.2 goes with layers=2 or more; |> dropout(0.2) is for the outputs of the last",
			"%s has %d layers, between which it cannot drop a share of %v", k.name, layers, rate)
	}
	direction := "forward"
	switch {
	case a.Bool("bidirectional") && a.Bool("reverse"):
		return nil, WithNote("bidirectional=true walks both ways", "%s cannot be bidirectional and reverse", k.name)
	case a.Bool("bidirectional"):
		direction = "bidirectional"
	case a.Bool("reverse"):
		direction = "reverse"
	}
	attrs := ir.Attrs{{Name: "direction", Value: direction}}
	for _, name := range k.copied {
		attrs = append(attrs, ir.Attr{Name: name, Value: a.Get(name)})
	}
	states, err := k.split(b, given[2:2+k.states], layers, units*len(directions(attrs)))
	if err != nil {
		return nil, err
	}
	y, scope := given[0], b.Scope
	defer func() { b.Scope = scope }()
	last := make([][]*ir.Value, k.states)
	for i := range layers {
		if layers > 1 {
			b.Scope = fmt.Sprintf("%s.l%d", scope, i)
		}
		args, err := k.parameters(b, y, units, len(directions(attrs)), a)
		if err != nil {
			return nil, err
		}
		args = slices.Insert(args, 5, append([]*ir.Value{given[1]}, states[i]...)...)
		results, err := b.Ops(k.name, k.name, args, attrs...)
		if err != nil {
			return nil, err
		}
		if y = results[0]; i < layers-1 {
			if y, err = b.dropped(k.name, y, a.Float("dropout")); err != nil {
				return nil, err
			}
		}
		for s := range last {
			last[s] = append(last[s], results[1+s])
		}
	}
	return k.results(b, y, last, a.Str("return") == "last")
}

// parameters makes those of one layer and returns the operands of its operator without lengths and states.
func (k recurrentKind) parameters(b *Builder, x *ir.Value, units, dirs int, a ir.Attrs) ([]*ir.Value, error) {
	in, columns := x.Type.Shape[2].Size, dirs*k.gates*units
	uniform := ir.Init{Kind: "uniform", Scale: 1 / math.Sqrt(float64(units))}
	type param struct {
		name  string
		shape ir.Shape
		init  ir.Init
		want  bool
	}
	list := []param{
		{"weight", ir.S(in, columns), uniform, true},
		{"recurrent_weight", ir.S(dirs, units, k.gates*units), uniform, true},
		{"bias", ir.S(columns), ir.Init{Kind: "zeros"}, a.Bool("bias")},
		{"recurrent_bias", ir.S(columns), ir.Init{Kind: "zeros"}, a.Bool("bias")},
	}
	if k.states == 2 {
		list = append(list, param{"peephole", ir.S(dirs, 3*units), ir.Init{Kind: "zeros"}, a.Bool("peepholes")})
	}
	args := []*ir.Value{x}
	for _, p := range list {
		if !p.want {
			args = append(args, nil)
			continue
		}
		if _, ok := p.shape.Elems(); !ok {
			return nil, WithNote("use fewer units", "%s would have a parameter %s of %v, more than %d elements", k.name, p.name, p.shape, ir.MaxElems)
		}
		v, err := b.Param(p.name, ir.T(ir.F32, p.shape), p.init)
		if err != nil {
			return nil, err
		}
		args = append(args, v)
	}
	return args, nil
}

// split cuts the initial states into those of each layer.
func (k recurrentKind) split(b *Builder, initial []*ir.Value, layers, width int) ([][]*ir.Value, error) {
	list := make([][]*ir.Value, layers)
	for i := range list {
		list[i] = make([]*ir.Value, k.states)
		for s, v := range initial {
			if v == nil || layers == 1 {
				list[i][s] = v
				continue
			}
			t := v.Type
			if t.Elem != ir.F32 || len(t.Shape) != 2 || t.Shape[1] != ir.D(layers*width) {
				return nil, WithNote("the states of the layers stand one after another", "%s with %d layers needs initial states f32[N,%d], not %v", k.name, layers, layers*width, t)
			}
			list[i][s] = b.cut(v.Name, v, 1, i*width, (i+1)*width)
		}
	}
	return list, nil
}

// results are those of the layer: the outputs or the last one, then the states at the end, those of all layers one after another.
func (k recurrentKind) results(b *Builder, y *ir.Value, last [][]*ir.Value, onlyLast bool) ([]*ir.Value, error) {
	if onlyLast {
		y = last[0][len(last[0])-1]
	}
	results := []*ir.Value{y}
	for _, list := range last {
		v := list[0]
		if len(list) > 1 {
			var err error
			if v, err = b.Op("concat", "states", list, ir.Attr{Name: "axis", Value: 1}); err != nil {
				return nil, err
			}
		}
		results = append(results, v)
	}
	return results, nil
}

// sums is what the input and the biases add to the gates of all steps: one product.
func (b *Builder) sums(x, weight *ir.Value, biases ...*ir.Value) (*ir.Value, error) {
	args := []*ir.Value{x, weight}
	if biases[0] != nil {
		args = append(args, biases[0])
	}
	y, err := b.Op("dense", "sums", args)
	if err != nil {
		return nil, err
	}
	for _, v := range biases[1:] {
		if v == nil {
			continue
		}
		if want := ir.T(ir.F32, ir.Shape{y.Type.Shape[2]}); !v.Type.Equal(want) {
			return nil, fmt.Errorf("the recurrent bias is %v, but should be %v", v.Type, want)
		}
		if y, err = b.Op("add", "sums", []*ir.Value{y, v}); err != nil {
			return nil, err
		}
	}
	return y, nil
}

// evalSums is sums in float64.
func evalSums(x, weight *Tensor, biases ...*Tensor) *Tensor {
	in, units := weight.Shape[0], weight.Shape[1]
	y := NewTensor(ir.F32, x.Shape[0], x.Shape[1], units)
	for i := range y.Data {
		for k := range in {
			y.Data[i] += x.Data[i/units*in+k] * weight.Data[k*units+i%units]
		}
		for _, v := range biases {
			if v != nil {
				y.Data[i] += v.Data[i%units]
			}
		}
	}
	return y
}

// wantSequences checks the input of a recurrent operator, which dense would take in other shapes too.
func wantSequences(kind string, x *ir.Value) error {
	if len(x.Type.Shape) != 3 {
		return WithNote("reshape gives each example the form f32[T,features]", "%s needs sequences f32[N,T,features], not %v", kind, x.Type)
	}
	return nil
}

// recurrentArgs are the operands of a recurrent operator.
func recurrentArgs(gates int) []Arg {
	g := fmt.Sprint(gates)
	if gates == 1 {
		g = ""
	}
	return []Arg{
		{Name: "x", Doc: "f32[N,T,features]"},
		{Name: "weight", Doc: "f32[features,D*" + g + "H]"},
		{Name: "recurrent_weight", Doc: "f32[D,H," + g + "H]"},
		{Name: "bias", Doc: "f32[D*" + g + "H], beside the input's matrix", Optional: true},
		{Name: "recurrent_bias", Doc: "f32[D*" + g + "H], beside the recurrent matrix", Optional: true},
		{Name: "lengths", Doc: "i32[N], how many steps of each example count", Optional: true},
		{Name: "initial_h", Doc: "f32[N,D*H], the outputs before the first step", Optional: true},
	}
}
