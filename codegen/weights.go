package codegen

import (
	"github.com/dlc-ml/dlc/ir/ops"
	"github.com/dlc-ml/dlc/runtime"
)

// packWeights fills the embedded weights and keeps their values for the sample.
func (g *generator) packWeights() error {
	var params []runtime.Parameter
	for _, pl := range g.unit.Places {
		p := pl.Param
		r := runtime.Parameter{Name: p.Name, Elem: p.Type.Elem.String(), Strides: g.strides(pl), Panel: pl.Panel, Offset: pl.Offset, Init: p.Init.Kind, Scale: p.Init.Scale, Mean: p.Init.Mean, Trainable: p.Trainable}
		r.Shape = sizes(p.Type.Shape)
		params = append(params, r)
	}
	seed := 1
	if t := g.unit.Module.Train; t != nil {
		seed = t.Seed
	}
	packed, values, err := runtime.PackWeights(g.Model.Name, g.opt.WeightsName, params, g.unit.ArenaLen, seed, g.opt.Weights)
	if err != nil {
		return err
	}
	g.packed, g.values = packed, map[string]*ops.Tensor{}
	for _, pl := range g.unit.Places {
		t := ops.NewTensor(pl.Param.Type.Elem, sizes(pl.Param.Type.Shape)...)
		copy(t.Data, values[pl.Param.Name])
		g.values[pl.Param.Name] = t
	}
	return nil
}
