package ops

import (
	"errors"
	"strings"
	"testing"

	"github.com/dlc-ml/dlc/ir"
)

// TestMisuse gives every operand of every operator another element type, another shape and a scalar in turn. Where that is refused, the error is a
// sentence of its own that names an operator, and nothing is left in the function; nothing panics.
func TestMisuse(t *testing.T) {
	for _, o := range All() {
		if o.Internal || len(o.Samples) == 0 {
			continue
		}
		s := o.Samples[0]
		for _, more := range o.Samples {
			if len(more.Args) > len(s.Args) {
				s = more
			}
		}
		refused := 0
		for k := range s.Args {
			for _, wrong := range []ir.Type{ir.T(ir.Bool, s.Args[k].Shape), ir.T(ir.U8, s.Args[k].Shape), ir.T(s.Args[k].Elem, ir.S(7, 13)), ir.T(s.Args[k].Elem, nil),
				ir.T(s.Args[k].Elem, ir.NS(2, 2, 2, 2, 2))} {
				args := append([]ir.Type{}, s.Args...)
				args[k] = wrong
				err := misused(t, o.Name, args, s.Attrs)
				if err == nil {
					continue
				}
				refused++
				if text := err.Error(); len(text) < 20 || len(text) > 300 || strings.Contains(text, "%!") || strings.ContainsAny(text, "\n") {
					t.Errorf("%s%v: error %q", o.Name, args, text)
				}
				var note *Note
				if errors.As(err, &note) && note.Note == "" {
					t.Errorf("%s%v: %q has an empty note", o.Name, args, err)
				}
			}
		}
		if refused == 0 && len(s.Args) > 1 && o.Category != "optimizer" {
			t.Errorf("%s takes anything", o.Name)
		}
	}
}

// misused applies an operator to inputs and returns its error.
func misused(t *testing.T, kind string, types []ir.Type, attrs ir.Attrs) (err error) {
	t.Helper()
	f := ir.NewFunc("f", ir.Symbol{Name: "N"})
	b := &Builder{Module: &ir.Module{}, Func: f}
	var args []*ir.Value
	for _, typ := range types {
		args = append(args, f.Input("x", typ, b.Pos))
	}
	defer func() {
		if r := recover(); r != nil {
			t.Errorf("%s%v %v: panic: %v", kind, types, attrs, r)
		} else if err != nil && len(f.Ops) > 0 {
			t.Errorf("%s%v %v: %v, but operators were added", kind, types, attrs, err)
		}
	}()
	_, err = b.Ops(kind, "y", args, attrs...)
	return err
}

// TestMisuseMessages has a mistake that is easily made for each family of operators, with the words that explain it and the way out.
func TestMisuseMessages(t *testing.T) {
	f32, i32 := func(dims ...int) ir.Type { return ir.T(ir.F32, ir.NS(dims...)) }, func(dims ...int) ir.Type { return ir.T(ir.I32, ir.NS(dims...)) }
	fixed := func(dims ...int) ir.Type { return ir.T(ir.F32, ir.S(dims...)) }
	with := func(pairs ...any) ir.Attrs {
		var list ir.Attrs
		for i := 0; i < len(pairs); i += 2 {
			list = append(list, ir.Attr{Name: pairs[i].(string), Value: pairs[i+1]})
		}
		return list
	}
	for _, c := range []struct {
		kind      string
		args      []ir.Type
		attrs     ir.Attrs
		err, note string
	}{
		{"batch_norm", []ir.Type{f32(4), fixed(4), fixed(4), fixed(4), fixed(5)}, nil, "takes a variance f32[4], not f32[5]", ""},
		{"layer_norm", []ir.Type{f32(4)}, with("axis", 2), "axis", ""},
		{"group_norm", []ir.Type{f32(2, 2, 6)}, with("groups", 4), "4 groups", ""},
		{"instance_norm", []ir.Type{f32(6)}, nil, "instance_norm", ""},
		{"rms_norm", []ir.Type{f32(4), fixed(3)}, nil, "takes a scale f32[4], not f32[3]", ""},
		{"lrn", []ir.Type{f32(2, 2, 3)}, with("size", 0), "lrn of 3 channels cannot look at 0", ""},
		{"dropout", []ir.Type{f32(3)}, with("rate", 1.0), "rate", ""},
		{"spatial_dropout", []ir.Type{f32(3)}, with("rate", -0.5), "spatial_dropout", ""},
		{"gaussian_noise", []ir.Type{f32(3)}, with("deviation", -1.0), "deviation", ""},
		{"embedding", []ir.Type{f32(3), fixed(9, 2)}, nil, "embedding wants i32 or i64", "declare the input as i32"},
		{"conv1d", []ir.Type{f32(4, 4, 1), fixed(3, 1, 2)}, nil, "conv1d needs a sequence", ""},
		{"conv2d", []ir.Type{f32(4, 4, 3), fixed(3, 3, 2, 2)}, nil, "channels", ""},
		{"conv3d", []ir.Type{f32(4, 4, 3), fixed(3, 3, 3, 3, 2)}, nil, "conv3d needs a volume", ""},
		{"conv2d", []ir.Type{f32(4, 4, 3), fixed(3, 3, 3, 2)}, with("stride", 0), "stride", ""},
		{"conv_transpose", []ir.Type{f32(4, 4, 3), fixed(3, 3, 2, 3)}, with("output_padding", []int{3}), "output_padding", ""},
		{"depthwise_conv2d", []ir.Type{f32(4, 4, 3), fixed(3, 3, 3, 2)}, nil, "conv2d", ""},
		{"separable_conv2d", []ir.Type{f32(4, 4, 3), fixed(3, 3, 1, 3), fixed(1, 1, 4, 5)}, nil, "conv2d", ""},
		{"max_pool", []ir.Type{f32(4, 4, 3)}, with("size", 5), "5", ""},
		{"avg_pool", []ir.Type{f32(4)}, with("size", 2), "avg_pool needs a sequence f32[N,L,C], an image", "reshape"},
		{"lp_pool", []ir.Type{f32(4, 4, 3)}, with("size", 2, "p", 0), "p", ""},
		{"global_max_pool", []ir.Type{i32(4, 4, 3)}, nil, "needs features f32", "cast"},
		{"lstm", []ir.Type{f32(5, 3), fixed(3, 16), fixed(1, 4, 15)}, nil, "recurrent matrix", ""},
		{"gru", []ir.Type{f32(3), fixed(3, 9), fixed(1, 3, 9)}, nil, "needs sequences f32[N,T,features]", "reshape"},
		{"rnn", []ir.Type{f32(5, 3), fixed(3, 4), fixed(2, 4, 4)}, nil, "rnn", ""},
		{"attention", []ir.Type{f32(3, 2, 5), f32(4, 2, 6), f32(4, 2, 3)}, nil, "another size", ""},
		{"multi_head_attention", []ir.Type{f32(3, 4), f32(3, 4), fixed(4, 4), fixed(4, 4), fixed(4, 4), fixed(4, 4)}, with("heads", 3), "cannot divide 4 columns among 3 heads", ""},
		{"learned_positions", []ir.Type{f32(5, 4), fixed(6, 4)}, nil, "a table of the shape of one example", ""},
		{"matmul", []ir.Type{f32(2, 3), f32(4, 5)}, nil, "matmul", ""},
		{"gemm", []ir.Type{fixed(2, 3), fixed(4, 5)}, nil, "3", ""},
		{"einsum", []ir.Type{f32(2, 3), fixed(4, 5)}, with("equation", "nij,jk->nik"), "j", ""},
		{"concat", []ir.Type{f32(2, 3), f32(4, 5)}, nil, "cannot join", "same extents"},
		{"stack", []ir.Type{f32(2), f32(3)}, nil, "stack", ""},
		{"split", []ir.Type{f32(7)}, with("parts", 9), "split", ""},
		{"slice", []ir.Type{f32(7)}, with("starts", []int{1, 2, 3}), "slice", ""},
		{"squeeze", []ir.Type{f32(7)}, with("axes", []int{1}), "squeeze", ""},
		{"unsqueeze", []ir.Type{f32(7)}, with("axes", []int{5}), "unsqueeze", ""},
		{"tile", []ir.Type{f32(7)}, with("repeats", []int{0}), "tile", ""},
		{"pad", []ir.Type{f32(7)}, with("before", []int{0, 1, 8}, "mode", "reflect"), "pad", ""},
		{"crop", []ir.Type{f32(4, 4, 3)}, with("pads", 2), "would bring axis 1 of f32[N,4,4,3] to 0 elements", ""},
		{"gather", []ir.Type{f32(7), f32(2)}, with("axis", 1), "gather", ""},
		{"gather_elements", []ir.Type{f32(4), i32(4, 4)}, with("axis", 1), "gather_elements", ""},
		{"gather_nd", []ir.Type{f32(4), i32(4)}, with("batch_dims", 1), "too long", ""},
		{"scatter_elements", []ir.Type{f32(4), i32(3), f32(2)}, with("axis", 1), "wants updates f32[N,3]", ""},
		{"scatter_nd", []ir.Type{f32(3, 4), i32(3, 2), f32(4)}, with("batch_dims", 1), "wants updates", ""},
		{"one_hot", []ir.Type{i32()}, with("depth", 0), "vectors of 0 elements", ""},
		{"topk", []ir.Type{f32(4)}, with("k", 5), "5", ""},
		{"argmax", []ir.Type{f32(4)}, with("axis", 2), "argmax has no axis 2", ""},
		{"cumsum", []ir.Type{f32(4)}, with("axis", 0), "known only at run time", ""},
		{"sort", []ir.Type{f32(4)}, with("axis", 3), "no axis 3", ""},
		{"nonzero", []ir.Type{f32(4)}, with("size", 0), "size", ""},
		{"trilu", []ir.Type{f32()}, nil, "trilu", ""},
		{"diagonal", []ir.Type{f32(3, 4)}, nil, "one known extent, not 3 and 4", "slice"},
		{"range", nil, with("start", 0, "limit", 5, "delta", 0), "range", ""},
		{"literal", nil, with("data", []float64{1, 2}, "shape", []int{3}), "literal", ""},
		{"depth_to_space", []ir.Type{f32(4, 4, 3)}, with("block", 2), "3", ""},
		{"space_to_depth", []ir.Type{f32(5, 4, 3)}, with("block", 2), "5", ""},
		{"pixel_shuffle", []ir.Type{f32(4, 4, 3)}, with("factor", 2), "3", ""},
		{"upsample", []ir.Type{f32(4, 4, 3)}, with("scale", 0), "upsample", ""},
		{"resize", []ir.Type{f32(4, 4, 3)}, with("sizes", []int{0, 3}), "resize", ""},
		{"grid_sample", []ir.Type{f32(4, 4, 3), f32(2, 2, 3)}, nil, "grid_sample", ""},
		{"roi_align", []ir.Type{f32(4, 4, 3), f32(2, 3)}, with("size", 2), "roi_align", ""},
		{"nms", []ir.Type{f32(6, 3), f32(1, 6)}, with("max_output", 3), "nms", ""},
		{"reduce_all", []ir.Type{f32(4)}, nil, "reduce_all wants bool", ""},
		{"reduce_log_sum_exp", []ir.Type{i32(4)}, nil, "wants f32", ""},
		{"bce_logits", []ir.Type{f32(4), f32(3)}, nil, "bce_logits", ""},
		{"cosine", []ir.Type{f32(4), f32(3)}, nil, "cosine", ""},
		{"triplet", []ir.Type{f32(4), f32(4), f32(3)}, nil, "triplet", ""},
		{"contrastive", []ir.Type{f32(4), f32(4), f32(4)}, nil, "contrastive", ""},
		{"focal", []ir.Type{f32(4), i32(2)}, nil, "focal", ""},
		{"hinge", []ir.Type{f32(4), i32(2)}, nil, "hinge", ""},
		{"kl", []ir.Type{f32(4), f32(3)}, nil, "kl", ""},
		{"huber", []ir.Type{f32(4), f32(4)}, with("delta", 0.0), "delta", ""},
		{"dice", []ir.Type{f32(4), i32(4)}, nil, "dice wants f32", ""},
		{"ctc", []ir.Type{f32(5, 4), i32(2)}, with("blank", 4), "blank", ""},
		{"top_k_accuracy", []ir.Type{f32(4), i32()}, with("k", 9), "9", ""},
		{"f1", []ir.Type{f32(4), i32(2)}, nil, "f1", ""},
		{"roc_auc", []ir.Type{f32(4), i32(2)}, nil, "roc_auc", ""},
		{"confusion_matrix", []ir.Type{i32(4), i32()}, nil, "wants f32 for scores", ""},
		{"token_error_rate", []ir.Type{i32(5, 3), i32(2)}, nil, "scores f32[N,T,C] or symbols i32[N,T]", "steps come before symbols"},
		{"r2", []ir.Type{f32(2), f32(3)}, nil, "r2", ""},
		{"sequence_mean", []ir.Type{f32(4, 3), f32()}, nil, "i32[N]", ""},
		{"sequence_mask", []ir.Type{i32()}, with("steps", 0), "steps", ""},
		{"reverse_sequence", []ir.Type{f32(4, 3), i32(2)}, nil, "reverse_sequence", ""},
		{"bitwise_shift", []ir.Type{i32(2), f32(2)}, with("direction", "left"), "bitwise_shift", ""},
		{"mod", []ir.Type{i32(2), f32(2)}, nil, "one element type", "cast"},
		{"thresholded_relu", []ir.Type{i32(2)}, nil, "thresholded_relu", ""},
	} {
		err := misused(t, c.kind, c.args, c.attrs)
		var note *Note
		switch {
		case err == nil:
			t.Errorf("%s%v %v is accepted; want an error with %q", c.kind, c.args, c.attrs, c.err)
		case !strings.Contains(err.Error(), c.err):
			t.Errorf("%s%v %v: error\n\t%s\nwant one with\n\t%s", c.kind, c.args, c.attrs, err, c.err)
		case c.note != "" && (!errors.As(err, &note) || !strings.Contains(note.Note, c.note)):
			t.Errorf("%s: note %v; want one with %q", err, note, c.note)
		}
	}
}
