// Conformance runs ONNX's own backend tests through the compiler and writes what came of it: cases.txt has every case that does not pass with the
// reason, operators.txt how many node tests of each operator pass, and docs/onnx.md is made of both.
//
//	go run ./bench/conformance [-data /usr/share/libonnx-testdata/data]
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/dlc-ml/dlc/internal/verify"
	"github.com/dlc-ml/dlc/onnx"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("conformance: ")
	data := flag.String("data", "/usr/share/libonnx-testdata/data", "the folder of the tests; Debian's package is libonnx-testdata")
	jobs := flag.Int("jobs", 1, "how many programs to compile and run at a time")
	flag.Parse()
	c, err := verify.Conform(context.Background(), *data, *jobs)
	if err != nil {
		log.Fatal(err)
	}
	document, err := onnx.Document(c.Cases(), c.Counts())
	if err != nil {
		log.Fatal(err)
	}
	for file, text := range map[string]string{
		filepath.Join("bench", "conformance", "cases.txt"):     c.Cases(),
		filepath.Join("bench", "conformance", "operators.txt"): c.Counts(),
		filepath.Join("docs", "onnx.md"):                       document,
	} {
		if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Printf("%d of %d pass\n", c.Passed, len(c.Verdicts))
}
