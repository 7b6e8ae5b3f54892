// Bench compares dlc with its peers on this machine: it runs a peer's measurement and dlc's in turns, and prints the median of the
// ratios of each pair (the peer's time by dlc's: larger is better), so that what else the machine does falls on both alike. The peers are PyTorch and ONNX Runtime: their
// programs, in bench/peers, print one JSON object a measurement.
//
//	go run ./bench setup                 # installs the peers; setup onnxruntime installs that alone
//	go run ./bench                       # every model of bench/models
//	go run ./bench -rounds 9 lenet
//	go run ./bench gc lenet              # how long the garbage collector waits for kernels
//	go run ./bench onnx                  # imported networks beside ONNX Runtime; folders or files of some may follow
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// measurement is one line that a peer or dlc bench prints.
type measurement struct {
	Peer   string  `json:"peer"`
	Mode   string  `json:"mode"`
	Model  string  `json:"model"`
	Batch  int     `json:"batch"`
	Ms     float64 `json:"ms"`
	Allocs int     `json:"allocs"`
	ISA    string  `json:"isa"`
}

// key names what is measured.
type key struct {
	mode  string
	batch int
	peer  string
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("bench: ")
	rounds := flag.Int("rounds", 5, "pairs of measurements")
	threads := flag.Int("threads", 1, "threads of both")
	names := flag.String("peers", "onnxruntime,torch", "the peers to measure")
	modes := flag.String("mode", "infer,train", "what to measure")
	record := flag.String("json", "", "also write the results to this file")
	flag.Parse()
	models := flag.Args()
	verb := ""
	if len(models) > 0 && slices.Contains([]string{"setup", "gc", "onnx"}, models[0]) {
		verb, models = models[0], models[1:]
	}
	if verb == "setup" {
		if err := setup(slices.Equal(models, []string{"onnxruntime"})); err != nil {
			log.Fatal(err)
		}
		return
	}
	if len(models) == 0 && verb != "onnx" {
		files, err := filepath.Glob("bench/models/*.dl")
		if err != nil || len(files) == 0 {
			log.Fatal("no models in bench/models; run this from the root of the repository")
		}
		for _, f := range files {
			models = append(models, strings.TrimSuffix(filepath.Base(f), ".dl"))
		}
	}
	dlc, err := build()
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(filepath.Dir(dlc))
	installed, err := findPeers(filepath.Dir(dlc))
	if err != nil {
		log.Fatal(err)
	}
	var subjects []subject
	switch verb {
	case "gc":
		if err := collector(dlc, models, *threads); err != nil {
			log.Fatal(err)
		}
		return
	case "onnx":
		*modes = "infer"
		if subjects, err = networks(installed, models); err != nil {
			log.Fatal(err)
		}
	default:
		for _, model := range models {
			subjects = append(subjects, subject{name: model, dlc: []string{filepath.Join("bench", "models", model+".dl")},
				peers: func(mode string, threads int) ([]*exec.Cmd, error) {
					return installed.commands(strings.Split(*names, ","), mode, threads, model)
				}})
		}
	}
	var results []result
	for _, s := range subjects {
		for _, mode := range strings.Split(*modes, ",") {
			list, err := compare(dlc, s, mode, *threads, *rounds)
			if err != nil {
				log.Fatal(err)
			}
			results = append(results, list...)
		}
	}
	printMeans(results)
	if *record != "" {
		data, err := json.MarshalIndent(results, "", "\t")
		if err == nil {
			err = os.WriteFile(*record, append(data, '\n'), 0o644)
		}
		if err != nil {
			log.Fatal(err)
		}
	}
}

// result is one model in one mode at one batch beside one peer: the medians of all rounds, and the median of the ratios of each round.
type result struct {
	Model   string  `json:"model"`
	Mode    string  `json:"mode"`
	Batch   int     `json:"batch"`
	Threads int     `json:"threads"`
	ISA     string  `json:"isa"`
	Ms      float64 `json:"ms"`
	Peer    string  `json:"peer"`
	PeerMs  float64 `json:"peer_ms"`
	Ratio   float64 `json:"ratio"` // the peer's time divided by dlc's: larger is better
	Allocs  int     `json:"allocs"`
}

// printMeans prints the geometric mean of the ratios to each peer in each mode, and the least.
func printMeans(results []result) {
	type group struct{ mode, peer string }
	var order []group
	ratios := map[group][]float64{}
	for _, r := range results {
		g := group{r.Mode, r.Peer}
		if ratios[g] == nil {
			order = append(order, g)
		}
		ratios[g] = append(ratios[g], r.Ratio)
	}
	for _, g := range order {
		sum := 0.0
		for _, r := range ratios[g] {
			sum += math.Log(r)
		}
		fmt.Printf("%-6s %-20s geometric mean of %d ratios %.2f, least %.2f\n", g.mode, g.peer, len(ratios[g]),
			math.Exp(sum/float64(len(ratios[g]))), slices.Min(ratios[g]))
	}
}

// testdata is the folder with shared data.
func testdata() string {
	if d := os.Getenv("DLC_TESTDATA"); d != "" {
		return d
	}
	return "../shared"
}

// build compiles dlc itself.
func build() (string, error) {
	dir, err := os.MkdirTemp("", "dlc-bench")
	if err != nil {
		return "", err
	}
	out := filepath.Join(dir, "dlc")
	if msg, err := exec.Command("go", "build", "-o", out, "./cmd/dlc").CombinedOutput(); err != nil {
		return "", fmt.Errorf("building dlc: %w\n%s", err, msg)
	}
	return out, nil
}

// subject is one model that is measured.
type subject struct {
	name  string
	dlc   []string                                            // its file and what else dlc bench needs to know of it
	peers func(mode string, threads int) ([]*exec.Cmd, error) // the measurements of the peers
}

// compare measures one model in one mode, in turns, and prints a line for each peer and batch.
func compare(dlc string, s subject, mode string, threads, rounds int) ([]result, error) {
	theirs, ours := map[key][]float64{}, map[key][]float64{}
	allocs, isa := 0, ""
	for range rounds {
		commands, err := s.peers(mode, threads)
		if err != nil {
			return nil, err
		}
		var list []measurement
		for _, c := range commands {
			part, err := measure(c)
			if err != nil {
				return nil, err
			}
			list = append(list, part...)
		}
		mine := map[int]float64{}
		for _, m := range list {
			if _, ok := mine[m.Batch]; !ok {
				own, err := measure(exec.Command(dlc, append([]string{"bench", "--mode", mode,
					"--batch", strconv.Itoa(m.Batch), "--threads", strconv.Itoa(threads), "--json"}, s.dlc...)...))
				if err != nil {
					return nil, err
				}
				last := own[len(own)-1]
				isa = last.ISA
				mine[m.Batch] = last.Ms
				allocs = max(allocs, last.Allocs)
			}
			k := key{mode, m.Batch, m.Peer}
			theirs[k] = append(theirs[k], m.Ms)
			ours[k] = append(ours[k], mine[m.Batch])
		}
	}
	var results []result
	for _, k := range sorted(theirs) {
		var ratios []float64
		for i := range theirs[k] {
			ratios = append(ratios, theirs[k][i]/ours[k][i])
		}
		r := result{Model: s.name, Mode: mode, Batch: k.batch, Threads: threads, ISA: isa, Ms: median(ours[k]), Peer: k.peer, PeerMs: median(theirs[k]),
			Ratio: median(ratios), Allocs: allocs}
		fmt.Printf("%-27s %-6s batch %-4d dlc %9.4f ms   %-20s %9.4f ms   ratio %.2f   allocs %d\n",
			s.name, mode, k.batch, r.Ms, k.peer, r.PeerMs, r.Ratio, allocs)
		results = append(results, r)
	}
	return results, nil
}

// measure runs a command and reads the JSON lines that it prints.
func measure(cmd *exec.Cmd) ([]measurement, error) {
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, errs.Bytes())
	}
	var list []measurement
	for s := bufio.NewScanner(bytes.NewReader(out)); s.Scan(); {
		var m measurement
		if err := json.Unmarshal(s.Bytes(), &m); err == nil && m.Ms > 0 {
			list = append(list, m)
		}
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("%s printed no measurement", strings.Join(cmd.Args, " "))
	}
	return list, nil
}

func median(list []float64) float64 {
	s := slices.Sorted(slices.Values(list))
	n := len(s)
	return (s[(n-1)/2] + s[n/2]) / 2
}

func sorted(m map[key][]float64) []key {
	var keys []key
	for k := range m {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b key) int {
		if a.batch != b.batch {
			return a.batch - b.batch
		}
		return strings.Compare(a.peer, b.peer)
	})
	return keys
}
