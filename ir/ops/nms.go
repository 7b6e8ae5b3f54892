package ops

import (
	"fmt"
	"math"
	"slices"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// NMS is non-maximum suppression.
var NMS = Register(&Operator{
	Name: "nms",
	Doc: "Non-maximum suppression: of boxes [N,B,4] with scores [N,C,B] in C classes, the numbers of those that stay, [N,C,K] as i32, best first. Time after time the box with the highest score, of " +
		"equal scores the first, is taken, and all that overlap it by more than iou_threshold are dropped. A compiled program has fixed shapes, so K is max_output; what is left over is -1. The " +
		"second result is how many boxes stay. A score that is NaN counts as none.",
	Formula:  "iou(a, b) = area(a ∩ b) / area(a ∪ b)",
	Example:  "kept, count = nms(boxes, scores, max_output=100, iou_threshold=0.5)",
	Category: "tensor",
	Args: []Arg{
		{Name: "boxes", Doc: "f32[N,B,4]: two opposite corners y, x, y, x; or x and y of the centre, width, height"},
		{Name: "scores", Doc: "f32[N,C,B]"},
	},
	Attrs: []AttrDef{
		{Name: "max_output", Doc: "how many boxes of a class may stay", Kind: 0},
		{Name: "iou_threshold", Doc: "the share of their union that two boxes may have in common", Default: 0.0},
		{Name: "score_threshold", Doc: "boxes whose score is not greater are left out from the start", Default: math.Inf(-1)},
		{Name: "center_point_box", Doc: "boxes are given by centre and size", Default: false},
	},
	Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
		boxes, scores := args[0], args[1]
		if err := wantElem("nms", "boxes", boxes, ir.F32); err != nil {
			return nil, err
		}
		if err := wantElem("nms", "scores", scores, ir.F32); err != nil {
			return nil, err
		}
		b, s := boxes.Shape, scores.Shape
		if len(b) != 3 || b[2] != ir.D(4) || !b[1].Static() {
			return nil, WithNote("a box is four numbers", "nms wants boxes f32[N,B,4], not %s", boxes)
		}
		if len(s) != 3 || s[0] != b[0] || s[2] != b[1] || !s[1].Static() {
			return nil, WithNote("each class has a score for each box", "nms of boxes %s wants scores f32[%s,C,%s], not %s", boxes, b[0], b[1], scores)
		}
		k := a.Int("max_output")
		if k < 1 || k > b[1].Size {
			return nil, WithNote("it is how many boxes of a class may stay, and at most how many there are", "nms cannot have max_output=%d for %s boxes", k, b[1])
		}
		kept := slices.Concat(s[:2], ir.S(k))
		if _, ok := kept.Elems(); !ok {
			return nil, fmt.Errorf("nms would give %s, more than %d elements", kept, ir.MaxElems)
		}
		return []ir.Type{ir.T(ir.I32, kept), ir.T(ir.I32, s[:2])}, nil
	},
	Eval:   evalNMS,
	NoGrad: "its results are whole numbers",
	Lower:  lowerNMS,
	ONNX: ONNX{Name: "NonMaxSuppression", Min: 10, Max: 25, Attrs: map[string]string{"center_point_box": "center_point_box"},
		Note: "the thresholds and max_output_boxes_per_class must be constants; ONNX lists rows of batch, class and box, here they are the place and the number in [N,C,K]"},
	Samples: nmsSamples(),
})

// lowerNMS emits a scan whose steps take one box each. Scores are kept in a tensor in which those of boxes that are taken or dropped become
// minus infinity.
func lowerNMS(l *Lowering, op *ir.Op) {
	boxes, scores, kept, count := l.Buf(op.Args[0]), l.Buf(op.Args[1]), l.Buf(op.Results[0]), l.Buf(op.Results[1])
	shape := scores.Shape
	e, f := loop.E, loop.F
	left := l.Temp("left", ir.T(ir.F32, shape))
	score := loop.Read(scores, plainIndex(3)...)
	l.mapOver(left, e(loop.Select, e(loop.Less, f(op.Attrs.Float("score_threshold")), score), score, f(math.Inf(-1))))
	edges := l.boxEdges(boxes, op.Attrs.Bool("center_point_box"))
	top, best := l.Temp("top", ir.T(ir.F32, shape[:2])), l.Temp("best", ir.T(ir.I32, shape[:2]))

	// In the body axis 0 is the step; the axes of the nests follow.
	n, c, i := loop.Ax(1), loop.Ax(2), loop.Ax(3)
	outer := axesOf(shape)[:2]
	fold := func(to *loop.Buffer, how loop.Fold, v *loop.Expr) *loop.Nest {
		return &loop.Nest{Form: loop.Reduce, Name: to.Name, Axes: outer, Red: []loop.Axis{axis("box", shape[2].Size)}, Fold: how, Value: v,
			Stores: []loop.Store{storeAt(to, loop.Total(v.Type), n, c)}}
	}
	mine, none := loop.Read(left, n, c, i), loop.I(math.MaxInt32)
	isTop := e(loop.And, e(loop.Eq, mine, loop.Read(top, n, c)), e(loop.Less, f(math.Inf(-1)), mine))
	taken := loop.Read(best, n, c)
	drop := e(loop.Or, e(loop.Eq, loop.IndexOf(i), taken), edges.overlap(n, i, taken, op.Attrs.Float("iou_threshold")))
	body := []*loop.Nest{
		fold(top, loop.FoldMax, mine),
		fold(best, loop.FoldMin, e(loop.Select, isTop, loop.IndexOf(i), none)),
		{Form: loop.Map, Name: kept.Name, Axes: outer,
			Stores: []loop.Store{storeAt(kept, e(loop.Select, e(loop.Eq, taken, none), loop.I(-1), taken), n, c, loop.Ax(0))}},
		{Form: loop.Gather, Name: left.Name, Axes: axesOf(shape), Stores: []loop.Store{storeAt(left, e(loop.Select, drop, f(math.Inf(-1)), mine), n, c, i)}},
	}
	for _, b := range body {
		b.Lanes, b.Pos, b.Ops = 1, l.op.Pos, []string{l.op.Kind}
	}
	l.Emit(&loop.Nest{Form: loop.Scan, Name: kept.Name, Axes: []loop.Axis{axis("step", kept.Shape[2].Size)}, Body: body})
	l.foldOne(count, kept.Shape, 2, false, loop.FoldSum, asIs, func(at []loop.Affine) *loop.Expr {
		return e(loop.Select, e(loop.Less, loop.Read(kept, at...), loop.I(0)), loop.I(0), loop.I(1))
	})
}

// boxEdges are the least and greatest coordinates of boxes and their areas, [N,B] each.
type boxEdges struct{ top, left, bottom, right, area *loop.Buffer }

// boxEdges emits the nest that computes them.
func (l *Lowering) boxEdges(boxes *loop.Buffer, center bool) boxEdges {
	e := loop.E
	t := ir.T(ir.F32, boxes.Shape[:2])
	b := boxEdges{l.Temp("box.top", t), l.Temp("box.left", t), l.Temp("box.bottom", t), l.Temp("box.right", t), l.Temp("box.area", t)}
	at := plainIndex(2)
	k := func(i int) *loop.Expr { return loop.Read(boxes, append(plainIndex(2), loop.At(i))...) }
	y1, x1, y2, x2 := e(loop.Min, k(0), k(2)), e(loop.Min, k(1), k(3)), e(loop.Max, k(0), k(2)), e(loop.Max, k(1), k(3))
	if center {
		halfW, halfH := e(loop.Mul, k(2), loop.F(0.5)), e(loop.Mul, k(3), loop.F(0.5))
		x1, x2, y1, y2 = e(loop.Sub, k(0), halfW), e(loop.Add, k(0), halfW), e(loop.Sub, k(1), halfH), e(loop.Add, k(1), halfH)
	}
	l.Emit(&loop.Nest{Form: loop.Map, Name: b.area.Name, Axes: axesOf(t.Shape), Stores: []loop.Store{
		storeAt(b.top, y1, at...), storeAt(b.left, x1, at...), storeAt(b.bottom, y2, at...), storeAt(b.right, x2, at...),
		storeAt(b.area, e(loop.Mul, e(loop.Sub, y2, y1), e(loop.Sub, x2, x1)), at...)}})
	return b
}

// overlap is whether box i and the box with a computed number, both of image n, have more than a share of their union in common.
func (b boxEdges) overlap(n, i loop.Affine, other *loop.Expr, threshold float64) *loop.Expr {
	e, f := loop.E, loop.F
	pair := func(buf *loop.Buffer) (mine, its *loop.Expr) {
		return loop.Read(buf, n, i), readAt(loop.Access{Buf: buf, Index: []loop.Affine{n, {}}, Dyn: []*loop.Expr{nil, other}})
	}
	side := func(lo, hi *loop.Buffer) *loop.Expr {
		a, b := pair(lo)
		c, d := pair(hi)
		return e(loop.Max, e(loop.Sub, e(loop.Min, c, d), e(loop.Max, a, b)), f(0))
	}
	common := e(loop.Mul, side(b.top, b.bottom), side(b.left, b.right))
	mine, its := pair(b.area)
	union := e(loop.Sub, e(loop.Add, mine, its), common)
	iou := e(loop.Select, e(loop.Less, f(0), union), e(loop.Div, common, union), f(0))
	return e(loop.Less, f(threshold), iou)
}

func evalNMS(args []*Tensor, a ir.Attrs) []*Tensor {
	boxes, scores, k := args[0], args[1], a.Int("max_output")
	shape := scores.Shape
	kept, count := NewTensor(ir.I32, shape[0], shape[1], k), NewTensor(ir.I32, shape[:2]...)
	for i := range kept.Data {
		kept.Data[i] = -1
	}
	corner := func(n, i int) (y1, x1, y2, x2 float64) {
		b := boxes.Data[(n*shape[2]+i)*4:]
		if a.Bool("center_point_box") {
			return b[1] - b[3]/2, b[0] - b[2]/2, b[1] + b[3]/2, b[0] + b[2]/2
		}
		return min(b[0], b[2]), min(b[1], b[3]), max(b[0], b[2]), max(b[1], b[3])
	}
	iou := func(n, i, j int) float64 {
		ay1, ax1, ay2, ax2 := corner(n, i)
		by1, bx1, by2, bx2 := corner(n, j)
		common := max(0, min(ay2, by2)-max(ay1, by1)) * max(0, min(ax2, bx2)-max(ax1, bx1))
		union := (ay2-ay1)*(ax2-ax1) + (by2-by1)*(bx2-bx1) - common
		if union <= 0 {
			return 0
		}
		return common / union
	}
	for row := range count.Data {
		n := row / shape[1]
		s := slices.Clone(scores.Data[row*shape[2] : (row+1)*shape[2]])
		for step := range k {
			best := -1
			for i, v := range s {
				if v > a.Float("score_threshold") && !math.IsInf(v, -1) && (best < 0 || v > s[best]) {
					best = i
				}
			}
			if best < 0 {
				break
			}
			kept.Data[row*k+step] = float64(best)
			count.Data[row]++
			for i := range s {
				if i == best || iou(n, i, best) > a.Float("iou_threshold") {
					s[i] = math.Inf(-1)
				}
			}
		}
	}
	return []*Tensor{kept, count}
}

// nmsSamples have boxes that meet, are equal, and stand apart.
func nmsSamples() []Sample {
	boxes := []float64{0, 0, 1, 1, 0, 0.1, 1, 1.1, 0, -0.1, 1, 0.9, 0, 10, 1, 11, 0, 10.1, 1, 11.1, 0, 100, 1, 101}
	scores := []float64{0.9, 0.75, 0.6, 0.95, 0.5, 0.3}
	flipped := []float64{1, 1, 0, 0, 0, 0.1, 1, 1.1, 0, 0.9, 1, -0.1, 0, 10, 1, 11, 1, 10.1, 0, 11.1, 1, 101, 0, 100}
	center := []float64{0.5, 0.5, 1, 1, 0.5, 0.6, 1, 1, 0.5, 0.4, 1, 1, 0.5, 10.5, 1, 1, 0.5, 10.6, 1, 1, 0.5, 100.5, 1, 1}
	attrs := func(k int, iou float64, more ...ir.Attr) ir.Attrs {
		return append(ir.Attrs{{Name: "max_output", Value: k}, {Name: "iou_threshold", Value: iou}}, more...)
	}
	types := f32Types(ir.NS(6, 4), ir.NS(1, 6))
	return []Sample{
		{Args: types, Attrs: attrs(3, 0.5), Batch: 1, Data: map[int][]float64{0: boxes, 1: scores}},
		{Args: types, Attrs: attrs(6, 0.5, ir.Attr{Name: "score_threshold", Value: 0.375}), Batch: 2,
			Data: map[int][]float64{0: append(slices.Clone(boxes), flipped...), 1: append(slices.Clone(scores), 0.1, 0.2, math.NaN(), 0.41, 0.41, 0.375)}},
		{Args: types, Attrs: attrs(3, 0.5, ir.Attr{Name: "center_point_box", Value: true}), Batch: 1, Data: map[int][]float64{0: center, 1: scores}},
		{Args: f32Types(ir.NS(3, 4), ir.NS(2, 3)), Attrs: attrs(2, 0), Batch: 1,
			Data: map[int][]float64{0: {0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 0, 0}, 1: {1, 1, 1, math.Inf(-1), 3, math.Inf(1)}}},
		{Args: f32Types(ir.NS(20, 4), ir.NS(3, 20)), Attrs: attrs(5, 0.2), Batch: 2},
		{Args: f32Types(ir.S(2, 1, 4), ir.S(2, 1, 1)), Attrs: attrs(1, 0.5)},
	}
}
