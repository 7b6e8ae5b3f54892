package ops

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// Table makes a buffer of constant data of type t, named after the operator's first result. The elements of a floating-point type are
// rounded to f32.
func (l *Lowering) Table(suffix string, t ir.Type, data []float64) *loop.Buffer {
	words := make([]uint32, len(data))
	for i, x := range data {
		if words[i] = math.Float32bits(float32(x)); t.Elem.Cell() == ir.I32 {
			words[i] = uint32(int32(x))
		}
	}
	name := l.op.Results[0].Name
	if suffix != "" {
		name += "." + suffix
	}
	return l.Func.NewTable(name, t, words, l.op.Pos)
}

// bind makes b the buffer of v, or copies b to where v must lie.
func (l *Lowering) bind(v *ir.Value, b *loop.Buffer) {
	if l.bufs[v] == nil {
		l.bufs[v] = b
		return
	}
	l.copyFactored(l.bufs[v], b, v.Type.Shape)
}
