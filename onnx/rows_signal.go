package onnx

import (
	"math"

	"github.com/dlc-ml/dlc/ir"
)

var _ = register("",
	window("HannWindow", 0.5, 0.5, 0), window("HammingWindow", 25.0/46, 21.0/46, 0), window("BlackmanWindow", 0.42, 0.5, 0.08),
	opRow{name: "MelWeightMatrix", min: 17, raw: true, run: melWeights},
	opRow{name: "DFT", min: 17, heavy: true, run: func(n *call) []*value {
		a := 1
		if n.opset < 20 {
			a = n.int("axis", 1)
		} else if a = -2; n.has(2) {
			a = int(n.one(2, "the axis"))
		}
		x := n.f32(n.v(0))
		rank := len(x.Type.Shape)
		a = axis(a, rank)
		if a == rank-1 {
			refuse("the last axis holds real and imaginary parts")
		}
		length := x.Type.Shape[a].Size
		if n.has(1) {
			length = int(n.one(1, "the length"))
		}
		perm := append(append(seq(0, a), seq(a+1, rank-1)...), a, rank-1)
		y := n.fourier(n.transpose(x, perm...), length, n.bool("inverse", false), n.bool("onesided", false))
		return n.results(n.back(n.transpose(y, inverse(perm)...)))
	}},
	opRow{name: "STFT", min: 17, heavy: true, run: stft},
)

// window is a + b times the cosine and c times that of the double angle, over a length that must be known.
func window(name string, a, b, c float64) opRow {
	return opRow{name: name, min: 17, raw: true, run: func(n *call) []*value {
		size := int(n.one(0, "the length"))
		t := DataType(n.int("output_datatype", int(Float)))
		elemFor(t)
		turns := float64(size)
		if !n.bool("periodic", true) {
			turns--
		}
		if size < 1 || n.im.take(size) != nil {
			refuse("a window of %d elements is not supported", size)
		}
		w := &constant{t: t, shape: []int{size}}
		for i := range size {
			angle := 2 * math.Pi * float64(i) / turns
			w.data = append(w.data, a-b*math.Cos(angle)+c*math.Cos(2*angle))
		}
		return []*value{{t: t, c: w}}
	}}
}

// melWeights is the matrix that brings the bins of a spectrum to the mel scale, as the standard defines it.
func melWeights(n *call) []*value {
	bins, length, rate := int(n.one(0, "the number of bins")), n.one(1, "the length"), n.one(2, "the rate")
	low, high := n.one(3, "the lower edge"), n.one(4, "the upper edge")
	t := DataType(n.int("output_datatype", int(Float)))
	elemFor(t)
	rows := int(length)/2 + 1
	if bins < 1 || rows < 1 || bins > 1<<20 || rows > 1<<20 || rate <= 0 || n.im.take(bins*rows) != nil {
		refuse("a matrix of %d by %d is not supported", rows, bins)
	}
	mel := func(hz float64) float64 { return 2595 * math.Log10(1+hz/700) }
	step := (mel(high) - mel(low)) / float64(bins+2)
	edge := func(i int) int {
		hz := 700 * (math.Pow(10, (float64(i)*step+mel(low))/2595) - 1)
		return max(0, min(rows, int(math.Floor((length+1)*hz/rate))))
	}
	w := &constant{t: t, shape: []int{rows, bins}, data: make([]float64, rows*bins)}
	for i := range bins {
		lower, center, upper := edge(i), edge(i+1), edge(i+2)
		if lower == center && center < rows {
			w.data[center*bins+i] = 1
		}
		for k := lower; k <= center && k < rows && center > lower; k++ {
			w.data[k*bins+i] = float64(k-lower) / float64(center-lower)
		}
		for k := center; k < upper && upper > center; k++ {
			w.data[k*bins+i] = float64(upper-k) / float64(upper-center)
		}
	}
	return []*value{{t: t, c: w}}
}

// fourier is the discrete Fourier transform over the axis before the last one of x, which holds real and imaginary parts, or real ones alone. It is
// a product with the matrix of all roots.
func (n *call) fourier(x *ir.Value, length int, back, onesided bool) *ir.Value {
	s := x.Type.Shape
	rank, have, parts := len(s), s[len(s)-2].Size, s[len(s)-1].Size
	if length < 1 || parts > 2 || length*2 > math.MaxInt32/max(1, have*2) || n.im.take(4*length*have) != nil {
		refuse("a transform of %d elements of %d parts is not supported", length, parts)
	}
	bins, sign, scale := length, -1.0, 1.0
	if onesided {
		bins = length/2 + 1
	}
	if back {
		sign, scale = 1, 1/float64(length)
	}
	rows := min(have, length) // what is beyond the length is cut off, and what is missing is 0
	// One matrix takes the parts of all elements to the parts of all bins.
	m := &constant{t: Float, shape: []int{have * parts, bins * 2}, data: make([]float64, have*parts*bins*2)}
	for i := range rows {
		for k := range bins {
			angle := sign * 2 * math.Pi * float64(i*k%length) / float64(length)
			re, im := scale*math.Cos(angle), scale*math.Sin(angle)
			m.data[i*parts*bins*2+k*2], m.data[i*parts*bins*2+k*2+1] = re, im
			if parts == 2 {
				m.data[(i*2+1)*bins*2+k*2], m.data[(i*2+1)*bins*2+k*2+1] = -im, re
			}
		}
	}
	var lead []int
	for _, d := range s[:rank-2] {
		lead = append(lead, d.Size)
	}
	flat := n.reshape(x, product(lead), have*parts)
	y := n.op("dense", []*ir.Value{flat, n.im.materialize(m)})
	return n.reshape(y, append(lead, bins, 2)...)
}

// stft transforms pieces of a signal, each times a window.
func stft(n *call) []*value {
	dims := n.dims(0)
	x := n.f32(n.v(0))
	if len(dims) == 2 {
		dims = append(dims, 1)
		x = n.reshape(x, dims...)
	}
	step, length := int(n.one(1, "the step")), 0
	switch {
	case n.has(3):
		length = int(n.one(3, "the length"))
	case n.has(2):
		length = n.dims(2)[0]
	}
	if len(dims) != 3 || step < 1 || length < 1 || length > dims[1] {
		refuse("frames of %d elements every %d of %v are not supported", length, step, dims)
	}
	frames := (dims[1]-length)/step + 1
	at := &constant{t: Int64, shape: []int{frames, length}}
	if n.im.take(frames*length) != nil {
		refuse("the constants are too large")
	}
	for f := range frames {
		for i := range length {
			at.data = append(at.data, float64(f*step+i))
		}
	}
	x = n.op("gather", []*ir.Value{x, n.im.materialize(at)}, at1("axis", 1))
	if n.has(2) {
		x = n.apply("mul", x, n.reshape(n.f32(n.v(2)), length, 1))
	}
	return n.results(n.back(n.fourier(x, length, false, n.bool("onesided", true))))
}
