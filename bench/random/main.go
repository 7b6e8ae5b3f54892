// Random runs random models through the whole compiler and prints what is wrong, with the program of each: a find becomes a case in
// golden/random.
//
//	go run ./bench/random -n 10000
//	go run ./bench/random -from 125 -n 1
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"

	"github.com/dlc-ml/dlc/internal/randmodel"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("random: ")
	n := flag.Int("n", 1000, "how many models")
	from := flag.Uint64("from", 0, "the seed of the first")
	size := flag.Int("suite", 100, "models in one program")
	show := flag.Bool("show", false, "print the operators of every model")
	flag.Parse()
	found, done := 0, 0
	for seed, end := *from, *from+uint64(*n); seed < end; {
		var models []*randmodel.Model
		for ; len(models) < *size && seed < end; seed++ {
			m, err := randmodel.New(seed)
			if err != nil {
				found++
				fmt.Printf("seed %d: %v\n", seed, err)
				continue
			}
			if *show {
				fmt.Printf("seed %d: %v\n", seed, m.Kinds)
			}
			models = append(models, m)
		}
		finds, err := check(models)
		if err != nil {
			log.Fatal(err)
		}
		for _, f := range finds {
			fmt.Printf("seed %d: %v\n%s\n", f.Model.Seed, f.Err, f.Text)
		}
		found += len(finds)
		done += len(models)
		fmt.Fprintf(os.Stderr, "%d models, %d finds\n", done, found)
	}
	if found > 0 {
		os.Exit(1)
	}
}

// check runs one suite in a folder of its own.
func check(models []*randmodel.Model) ([]randmodel.Find, error) {
	dir, err := os.MkdirTemp("", "dlc-random-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	return randmodel.Check(context.Background(), dir, models)
}
