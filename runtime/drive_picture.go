package runtime

import (
	"fmt"
	"image"
	"image/color"
	_ "image/gif"
	_ "image/jpeg"
	_ "image/png"
	"io"
	"math"
)

// pictureLimit bounds the pixels of a picture that is read.
const pictureLimit = 1 << 26

// readPicture decodes a picture and brings it to the shape of an input: [H,W], or [H,W,C] with 1 (grey), 3 (red, green, blue) or 4 (and
// alpha) channels. It is stretched where its size is another. A flat input takes a grey picture of exactly as many pixels. What is
// transparent becomes black, unless alpha is among the channels.
func readPicture(f io.ReadSeeker, name string, shape []int) (*numbers, error) {
	cfg, _, err := image.DecodeConfig(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if cfg.Width <= 0 || cfg.Height <= 0 || cfg.Width > pictureLimit/cfg.Height {
		return nil, fmt.Errorf("%s: %dx%d pixels are too many, or none", name, cfg.Width, cfg.Height)
	}
	h, w, channels := cfg.Height, cfg.Width, 1
	switch {
	case len(shape) == 1 && shape[0] == h*w:
	case len(shape) == 2:
		h, w = shape[0], shape[1]
	case len(shape) == 3 && (shape[2] == 1 || shape[2] == 3 || shape[2] == 4):
		h, w, channels = shape[0], shape[1], shape[2]
	default:
		return nil, fmt.Errorf("%s: a picture of %dx%d cannot feed an input of %v", name, cfg.Width, cfg.Height, shape)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	img, _, err := image.Decode(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return &numbers{dims: append([]int{}, shape...), values: stretch(img, channels, h, w), raw: true}, nil
}

// pixelRow writes the channels of row y, 0 to 255.
func pixelRow(img image.Image, y, channels int, into []float64) {
	b := img.Bounds()
	for x := range b.Dx() {
		p := into[x*channels : (x+1)*channels]
		switch c := img.At(b.Min.X+x, b.Min.Y+y); channels {
		case 1:
			p[0] = float64(color.GrayModel.Convert(c).(color.Gray).Y)
		case 3:
			r, g, bl, _ := c.RGBA()
			p[0], p[1], p[2] = float64(r>>8), float64(g>>8), float64(bl>>8)
		default:
			n := color.NRGBAModel.Convert(c).(color.NRGBA)
			p[0], p[1], p[2], p[3] = float64(n.R), float64(n.G), float64(n.B), float64(n.A)
		}
	}
}

// stretch resamples a picture to h x w pixels: along each axis with a triangle filter as wide as the scale, which interpolates linearly
// when growing and averages when shrinking. An axis that keeps its length keeps its values. Beyond the decoded picture it takes the memory
// of one axis' result.
func stretch(img image.Image, channels, h, w int) []float64 {
	b := img.Bounds()
	row := w * channels
	line := make([]float64, b.Dx()*channels)
	wide := make([]float64, b.Dy()*row)
	across, down := triangle(b.Dx(), w), triangle(b.Dy(), h)
	for y := range b.Dy() {
		pixelRow(img, y, channels, line)
		for x, t := range across {
			for c := range channels {
				sum := 0.0
				for k, weight := range t.weights {
					sum += float64(weight * line[(t.first+k)*channels+c])
				}
				wide[y*row+x*channels+c] = sum
			}
		}
	}
	out := make([]float64, h*row)
	for y, t := range down {
		for i := range row {
			sum := 0.0
			for k, weight := range t.weights {
				sum += float64(weight * wide[(t.first+k)*row+i])
			}
			out[y*row+i] = sum
		}
	}
	return out
}

// tap is the weights, which sum to 1, of the neighbouring source pixels that make one pixel.
type tap struct {
	first   int
	weights []float64
}

// triangle returns the weights that resample n pixels to m.
func triangle(n, m int) []tap {
	if n == m {
		same := make([]tap, n)
		for i := range same {
			same[i] = tap{i, []float64{1}}
		}
		return same
	}
	scale := float64(n) / float64(m)
	support := math.Max(1, scale)
	taps := make([]tap, m)
	for i := range taps {
		center := (float64(i) + 0.5) * scale
		first := max(0, int(math.Floor(center-support)))
		last := min(n-1, int(math.Ceil(center+support)))
		weights := make([]float64, last-first+1)
		sum := 0.0
		for k := range weights {
			weights[k] = math.Max(0, 1-math.Abs(float64(first+k)+0.5-center)/support)
			sum += weights[k]
		}
		for k := range weights {
			weights[k] /= sum
		}
		taps[i] = tap{first, weights}
	}
	return taps
}
