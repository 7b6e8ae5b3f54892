package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
)

// gcStop is what dlc bench --gc prints.
type gcStop struct {
	Stops  int     `json:"stops"`
	Median float64 `json:"stop_ms"`
	P99    float64 `json:"stop_p99_ms"`
	Max    float64 `json:"stop_max_ms"`
	// The longest call of a kernel, in processor time of its thread, and all kernels with a call of more than a millisecond.
	Call     float64  `json:"call_max_ms"`
	CallStep string   `json:"call_max_step"`
	Over     []string `json:"calls_over_1_ms"`
}

// collector measures how long the garbage collector waits for the kernels of each model: it collects all the while that the model runs. What else
// the machine does adds to the waits, but not to the longest call of a kernel.
func collector(dlc string, models []string, threads int) error {
	for _, model := range models {
		for _, run := range []struct {
			mode  string
			batch int
		}{{"infer", 32}, {"train", 64}} {
			out, err := exec.Command(dlc, "bench", filepath.Join("bench", "models", model+".dl"), "--mode", run.mode, "--batch", strconv.Itoa(run.batch),
				"--threads", strconv.Itoa(threads), "--gc", "--json").Output()
			if err != nil {
				return fmt.Errorf("%s: %w", model, err)
			}
			lines := bytes.Split(bytes.TrimSpace(out), []byte("\n"))
			var s gcStop
			if err := json.Unmarshal(lines[len(lines)-1], &s); err != nil {
				return fmt.Errorf("%s: %w", model, err)
			}
			fmt.Printf("%-12s %-6s batch %-3d %6d stops, wait %.3f ms (median), %.3f ms (99 of 100), %.3f ms (longest); longest kernel %.3f ms: %s\n",
				model, run.mode, run.batch, s.Stops, s.Median, s.P99, s.Max, s.Call, s.CallStep)
			for _, name := range s.Over {
				fmt.Println("    longer than 1 ms:", name)
			}
		}
	}
	return nil
}
