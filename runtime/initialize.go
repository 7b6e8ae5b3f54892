package runtime

import (
	"fmt"
	"hash/fnv"
	"math"
)

// initialWeights returns a new arena with the parameters as they start. Element e of parameter p depends on the seed, the name of p and e
// alone, and has the same bits everywhere.
func initialWeights(m *modelInfo, seed int) ([]float32, error) {
	arena := newArena(m.arena)
	for i := range m.params {
		p := &m.params[i]
		start := initializers[p.init]
		if start == nil {
			return nil, fmt.Errorf("%s: parameter %s: no initialisation is called %q", m.name, p.name, p.init)
		}
		h := fnv.New64a()
		h.Write([]byte(p.name))
		row := make([]float32, p.elems())
		if wholeElem(p.elem) {
			whole := asInts(row)
			for e := range whole {
				whole[e] = p.firstWhole()
			}
		} else {
			start(p, randomKey(seed, useInit, int(h.Sum64())), row)
		}
		if err := settle(p.elem, row); err != nil {
			return nil, fmt.Errorf("%s: parameter %s: %w", m.name, p.name, err)
		}
		p.pack(arena, row)
	}
	return arena, nil
}

// firstWhole is what every element of a parameter of whole numbers starts as.
func (p *paramInfo) firstWhole() int32 {
	switch p.init {
	case "ones":
		return 1
	case "constant":
		return int32(p.scale)
	}
	return 0
}

// initializers fill a parameter, row-major, from a random key. The scale and the mean are those of paramInfo.
var initializers = map[string]func(p *paramInfo, key uint64, row []float32){
	"zeros":    func(p *paramInfo, key uint64, row []float32) {},
	"ones":     func(p *paramInfo, key uint64, row []float32) { fillWith(row, func(int) float64 { return 1 }) },
	"constant": func(p *paramInfo, key uint64, row []float32) { fillWith(row, func(int) float64 { return p.scale }) },
	"uniform": func(p *paramInfo, key uint64, row []float32) { // in mean ± scale
		fillWith(row, func(e int) float64 { return p.mean + float64(randomUnit(key, uint64(e))*p.scale) })
	},
	"normal": func(p *paramInfo, key uint64, row []float32) { // of deviation scale
		fillWith(row, func(e int) float64 { return p.mean + float64(randomNormal(key, uint64(e))*p.scale) })
	},
	"truncated_normal": func(p *paramInfo, key uint64, row []float32) { // likewise, without what lies further than two deviations from the mean
		fillWith(row, func(e int) float64 { return p.mean + float64(randomTruncated(key, uint64(e))*p.scale) })
	},
	"orthogonal": orthogonal,
	"identity":   identity,
}

func fillWith(row []float32, value func(e int) float64) {
	for e := range row {
		row[e] = float32(value(e))
	}
}

// randomNormal is number n of the sequence of a key with the normal distribution (Box and Muller, A Note on the Generation of Random
// Normal Deviates, 1958).
func randomNormal(key, n uint64) float64 {
	const unit = 1.0 / (1 << 53)
	a := float64(randomBits(key, 2*n)>>11+1) * unit // above 0
	b := float64(randomBits(key, 2*n+1)>>11) * unit
	turn := 2 * b
	if turn > 1 {
		turn = 2 - turn // the cosine is the same
	}
	return math.Sqrt(-2*logOf(a)) * cosPi(turn)
}

// randomTruncated draws again what lies beyond two deviations.
func randomTruncated(key, n uint64) float64 {
	for try := 0; ; try++ {
		if x := randomNormal(randomKey(int(key), try), n); x >= -2 && x <= 2 {
			return x
		}
	}
}

// orthogonal makes the matrix of the last axis by all others, whose rows or columns, whichever are fewer, are orthonormal, times the scale
// (Saxe, McClelland and Ganguli, Exact Solutions to the Nonlinear Dynamics of Learning, 2014): the columns of a normal matrix, made
// orthogonal by Gram's and Schmidt's method, twice for its rounding.
func orthogonal(p *paramInfo, key uint64, row []float32) {
	cols := 1
	if n := len(p.shape); n > 0 {
		cols = p.shape[n-1]
	}
	if len(row) == 0 {
		return
	}
	rows := len(row) / cols
	long, short := max(rows, cols), min(rows, cols)
	vectors := make([]float64, short*long)
	for e := range vectors {
		vectors[e] = randomNormal(key, uint64(e))
	}
	for i := range short {
		v := vectors[i*long : (i+1)*long]
		for range 2 {
			for j := range i {
				u := vectors[j*long : (j+1)*long]
				d := dot(u, v)
				for k, x := range u {
					v[k] -= float64(d * x)
				}
			}
		}
		d := math.Sqrt(dot(v, v))
		for k := range v {
			v[k] /= d
		}
	}
	for e := range row {
		r, c := e/cols, e%cols
		if rows >= cols {
			r, c = c, r // the vectors are columns
		}
		row[e] = float32(vectors[r*long+c] * p.scale)
	}
}

func dot(a, b []float64) float64 {
	s := 0.0
	for i, x := range a {
		s += float64(x * b[i])
	}
	return s
}

// identity passes each input on to the output of its number: the scale on the diagonal of the last two axes, in the middle of those before
// them (a convolution's window).
func identity(p *paramInfo, key uint64, row []float32) {
	n := len(p.shape)
	if n < 2 {
		fillWith(row, func(int) float64 { return p.scale })
		return
	}
	ins, outs := p.shape[n-2], p.shape[n-1]
	middle := 0
	for _, d := range p.shape[:n-2] {
		middle = middle*d + d/2
	}
	for i := range min(ins, outs) {
		if at := middle*ins*outs + i*outs + i; at < len(row) {
			row[at] = float32(p.scale)
		}
	}
}
