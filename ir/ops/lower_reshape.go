package ops

import (
	"slices"
	"sort"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// copyReshaped copies src into dst, which has the same elements in the same row-major order. One nest suffices where the extents of
// either side divide into common factors ([6,4] and [6,2,2], or [2,12] and [2,3,4]); else the copy goes through a flat buffer.
// Pass layout makes a view of it where nothing moves.
func (l *Lowering) copyReshaped(dst, src *loop.Buffer) {
	if factors := commonFactors(src.Shape, dst.Shape); factors != nil {
		l.copyFactored(dst, src, factors)
		return
	}
	flat, n := ir.Shape{}, 1
	for _, d := range src.Shape {
		if n *= d.Size; !d.Static() {
			flat = ir.Shape{{Size: 1, Sym: d.Sym}}
		}
	}
	between := l.Temp("flat", ir.T(src.Elem, append(flat, ir.D(n))))
	l.copyFactored(between, src, apart(src.Shape))
	l.copyFactored(dst, between, apart(dst.Shape))
}

// copyFactored emits one copy nest over axes of the given extents, of which the dimensions of both buffers are products.
func (l *Lowering) copyFactored(dst, src *loop.Buffer, factors ir.Shape) {
	factors = slices.DeleteFunc(slices.Clone(factors), func(d ir.Dim) bool { return d == ir.D(1) })
	l.Emit(&loop.Nest{
		Form: loop.Copy, Name: dst.Name, Axes: axesOf(factors), Fold: loop.FoldNone,
		Stores: []loop.Store{storeAt(dst, loop.Read(src, factored(src.Shape, factors)...), factored(dst.Shape, factors)...)},
	})
}

// apart is s with a symbolic extent such as 100N, which leads, as two: N and 100.
func apart(s ir.Shape) ir.Shape {
	if len(s) == 0 || s[0].Static() || s[0].Size == 1 {
		return s
	}
	return append(ir.Shape{{Size: 1, Sym: s[0].Sym}, ir.D(s[0].Size)}, s[1:]...)
}

// commonFactors returns extents of which the dimensions of both shapes are products of runs, or nil where there are none. A
// symbol leads both.
func commonFactors(a, b ir.Shape) ir.Shape {
	list := ir.Shape{}
	if a, b = apart(a), apart(b); len(a) > 0 && !a[0].Static() {
		list, a, b = append(list, a[0]), a[1:], b[1:]
	}
	cuts := append(suffixProducts(a), suffixProducts(b)...)
	sort.Sort(sort.Reverse(sort.IntSlice(cuts)))
	cuts = slices.Compact(cuts)
	for i := 1; i < len(cuts); i++ {
		if cuts[i-1]%cuts[i] != 0 {
			return nil
		}
		list = append(list, ir.D(cuts[i-1]/cuts[i]))
	}
	return list
}

// suffixProducts returns the strides of a dense tensor, led by the number of its elements.
func suffixProducts(s ir.Shape) []int {
	list := []int{1}
	for i := len(s) - 1; i >= 0; i-- {
		list = append(list, list[len(list)-1]*s[i].Size)
	}
	slices.Reverse(list)
	return list
}

// factored indexes a tensor by loops over factors of its dimensions, in order; the symbol of a leading dimension is the first of them.
func factored(s, factors ir.Shape) []loop.Affine {
	ix := make([]loop.Affine, len(s))
	at := len(factors) - 1
	for i := len(s) - 1; i >= 0; i-- {
		stride := 1
		for ; stride < s[i].Size; at-- {
			ix[i] = ix[i].Plus(at, stride, 0)
			stride *= factors[at].Size
		}
		if !s[i].Static() {
			ix[i] = ix[i].Plus(0, stride, 0)
		}
	}
	return ix
}
