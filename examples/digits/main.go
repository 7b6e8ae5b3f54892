// Digits reads image files of handwritten digits and says which digit each one shows. The network is the package
// examples/digits/digits, which dlc generated from digits.dl: it is compiled into this program, weights and all.
//
//	go run ./examples/digits examples/digits/testdata/seven.png
package main

import (
	"flag"
	"fmt"
	"image"
	"image/color"
	_ "image/gif"
	_ "image/jpeg"
	_ "image/png"
	"log"
	"os"

	"golang.org/x/image/draw"

	"github.com/dlc-ml/dlc/examples/digits/digits"
)

//go:generate go run ../../cmd/dlc build digits.dl -o digits

// The network was trained on white digits on black, scaled to 0 … 1 and then to mean 0 and deviation 1: see the data line of digits.dl.
const (
	mean      = 0.1307
	deviation = 0.3081
	side      = 28
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("digits: ")
	invert := flag.Bool("invert", false, "the image shows a dark digit on a light ground")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: digits [-invert] image ...")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() == 0 {
		flag.Usage()
		os.Exit(2)
	}
	model, err := digits.New()
	if err != nil {
		log.Fatal(err)
	}
	for _, file := range flag.Args() {
		pixels, err := read(file, *invert)
		if err != nil {
			log.Fatal(err)
		}
		out, err := model.Predict(pixels)
		if err != nil {
			log.Fatal(err)
		}
		best := 0
		for d, p := range out.Probs {
			if p > out.Probs[best] {
				best = d
			}
		}
		fmt.Printf("%s: %d (%.1f %%)\n", file, best, 100*out.Probs[best])
	}
}

// read returns an image file as the network wants it: 28 by 28 grey pixels, normalized.
func read(file string, invert bool) ([]float32, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	img, _, err := image.Decode(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	grey := image.NewGray(image.Rect(0, 0, side, side))
	draw.CatmullRom.Scale(grey, grey.Bounds(), img, img.Bounds(), draw.Src, nil)
	pixels := make([]float32, side*side)
	for i := range pixels {
		v := grey.At(i%side, i/side).(color.Gray).Y
		if invert {
			v = 255 - v
		}
		pixels[i] = (float32(v)/255 - mean) / deviation
	}
	return pixels, nil
}
