package driver

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
)

// StepTime is what dlc bench --profile --json says of one step: its fastest time, and how near that is to the least that its operations and its
// memory allow.
type StepTime struct {
	Step    string  `json:"step"`
	Ms      float64 `json:"ms"`
	Flops   float64 `json:"flops"`
	Bytes   float64 `json:"bytes"`
	Bound   string  `json:"bound"` // "FMA" or "memory"
	OfBound float64 `json:"of_bound"`
}

// Profile is what it says of a program.
type Profile struct {
	Steps    []StepTime
	Peak     float64 // GFLOP/s of all threads
	Examples int     // of one run: a session may run a batch in parts
	ISA      string
}

// Step returns what is known of a step, or nil.
func (p *Profile) Step(name string) *StepTime {
	for i := range p.Steps {
		if p.Steps[i].Step == name {
			return &p.Steps[i]
		}
	}
	return nil
}

// String says it in a few words.
func (s *StepTime) String() string {
	return fmt.Sprintf("%.4f ms, %.0f%% of what %s allows", s.Ms, 100*s.OfBound, map[string]string{"FMA": "the peak", "memory": "memory"}[s.Bound])
}

// ReadProfile reads what dlc bench --profile --json printed.
func ReadProfile(r io.Reader) (*Profile, error) {
	p := &Profile{}
	lines := bufio.NewScanner(io.LimitReader(r, SourceLimit))
	for lines.Scan() {
		var row struct {
			StepTime
			Peak     float64 `json:"peak_gflops"`
			Examples int     `json:"examples"`
			ISA      string  `json:"isa"`
		}
		if err := json.Unmarshal(lines.Bytes(), &row); err != nil {
			return nil, fmt.Errorf("this is not what dlc bench --profile --json prints: %w", err)
		}
		switch {
		case row.Step != "":
			p.Steps = append(p.Steps, row.StepTime)
		case row.Peak > 0:
			p.Peak, p.Examples = row.Peak, row.Examples
		case row.ISA != "":
			p.ISA = row.ISA
		}
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	if len(p.Steps) == 0 || p.Peak == 0 {
		return nil, fmt.Errorf("it holds no profile: dlc bench M.dl --profile --json prints one")
	}
	return p, nil
}

// ReadProfileFile is ReadProfile of a file.
func ReadProfileFile(file string) (*Profile, error) {
	data, err := readBounded(file, SourceLimit)
	if err != nil {
		return nil, err
	}
	p, err := ReadProfile(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return p, nil
}

// RunProfile times a program by its own command: a call, or a step of training where mode is "train", of so many examples.
func RunProfile(program, mode, isa string, batch int) (*Profile, error) {
	cmd := exec.Command(program, "bench", "--profile", "--json", "--mode="+mode, fmt.Sprintf("--batch=%d", batch))
	cmd.Env, cmd.Stderr = os.Environ(), os.Stderr
	if isa != "" {
		cmd.Env = append(cmd.Env, "DLC_ISA="+isa)
	}
	out, err := cmd.Output()
	if err != nil {
		return nil, err
	}
	return ReadProfile(bytes.NewReader(out))
}
