package runtime

import "fmt"

// pixelMap is what the recipe's steps make of a byte: a table for each channel. The steps work in float64 and round once, at the
// end; so a byte that a table maps and the same number that [pixelMap.number] maps give the same bits.
type pixelMap struct {
	steps  []pixelStep
	tables [][256]float32
}

// pixelStep is one step: for channel c, value*mul[c] - sub[c], divided by div[c]. A list of one stands for every channel.
type pixelStep struct {
	mul, sub, div []float64
}

// newPixelMap compiles the steps of a recipe for data of that many channels.
func newPixelMap(steps []call, channels int) (*pixelMap, error) {
	m := &pixelMap{}
	for _, c := range steps {
		s, err := newPixelStep(c, channels)
		if err != nil {
			return nil, fmt.Errorf("data step %s: %w", c.name, err)
		}
		m.steps = append(m.steps, s)
	}
	m.tables = make([][256]float32, channels)
	for ch := range m.tables {
		for b := range m.tables[ch] {
			m.tables[ch][b] = m.number(float64(b), ch)
		}
	}
	return m, nil
}

// newPixelStep checks one step: scale(factor) or normalize(mean, std).
func newPixelStep(c call, channels int) (pixelStep, error) {
	one, zero := []float64{1}, []float64{0}
	switch c.name {
	case "scale":
		f, err := c.perChannel("factor", channels)
		return pixelStep{f, zero, one}, err
	case "normalize":
		mean, err := c.perChannel("mean", channels)
		if err != nil {
			return pixelStep{}, err
		}
		std, err := c.perChannel("std", channels)
		if err != nil {
			return pixelStep{}, err
		}
		for _, s := range std {
			if s == 0 {
				return pixelStep{}, fmt.Errorf("std is 0")
			}
		}
		return pixelStep{one, mean, std}, nil
	}
	return pixelStep{}, fmt.Errorf("no data step is called that; there are scale and normalize")
}

// number maps one value of channel ch.
func (m *pixelMap) number(x float64, ch int) float32 {
	for _, s := range m.steps {
		x = float64(x * ofChannel(s.mul, ch)) // the conversion keeps compilers from fusing, which would change bits
		x = (x - ofChannel(s.sub, ch)) / ofChannel(s.div, ch)
	}
	return float32(x)
}

func ofChannel(list []float64, ch int) float64 {
	if len(list) == 1 {
		return list[0]
	}
	return list[ch]
}

// bytes maps src, whose last axis is the channel, into dst, which is as long. It allocates nothing.
func (m *pixelMap) bytes(dst []float32, src []byte) {
	dst = dst[:len(src)]
	if len(m.tables) == 1 {
		table := &m.tables[0]
		for i, b := range src {
			dst[i] = table[b]
		}
		return
	}
	ch := 0
	for i, b := range src {
		dst[i] = m.tables[ch][b]
		if ch++; ch == len(m.tables) {
			ch = 0
		}
	}
}

// perChannel returns a number, or a list of one for each channel.
func (c call) perChannel(name string, channels int) ([]float64, error) {
	switch v := c.args[name].(type) {
	case float64:
		return []float64{v}, nil
	case []float64:
		if len(v) == 1 || len(v) == channels {
			return v, nil
		}
		return nil, fmt.Errorf("%s has %d numbers for %d channels", name, len(v), channels)
	}
	return nil, fmt.Errorf("%s wants a number, or a list of one for each channel", name)
}
