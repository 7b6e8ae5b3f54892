package driver

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	goruntime "runtime"
	"slices"
	"strings"

	"github.com/dlc-ml/dlc/codegen"
	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
	"github.com/dlc-ml/dlc/ir/ops"
)

// Suite is a program made of many compiled functions, built with the Go command, which runs them on request.
type Suite struct {
	// Refused says of each case why it could not be compiled; nil for those that can run.
	Refused []error

	cases   []codegen.Case
	machine Machine
	dir     string
	cmd     *exec.Cmd
	in      io.WriteCloser
	out     io.Reader
	log     *bytes.Buffer
}

// Call is what one run of a case gets.
type Call struct {
	Batch, Threads int
	Seed, Step     int
	Repeat         int // how often it runs, from step to step, with the state of the optimizer: once where it is 0
	Rate           float32
	Weights        []uint32   // the parameter arena; nil for zeros
	Inputs         [][]uint32 // one for each buffer of space Input, in order
}

// Outcome is what one run of a case leaves.
type Outcome struct {
	Outputs        [][]uint32 // one for each buffer of space Output, in order
	Weights, Grads []uint32   // the arenas
}

// Machine is what a suite runs on: the GOARCH that it is built for, and the command that starts its program, if it is not started by itself.
type Machine struct {
	Arch   string
	Runner []string
}

// NewSuite compiles the cases into one program in dir, for this machine.
func NewSuite(ctx context.Context, dir string, cases []codegen.Case) (*Suite, error) {
	return NewSuiteFor(ctx, Machine{Arch: goruntime.GOARCH}, dir, cases)
}

// NewSuiteFor is NewSuite for another machine, with kernels for more targets than those of the machine.
func NewSuiteFor(ctx context.Context, m Machine, dir string, cases []codegen.Case, more ...string) (*Suite, error) {
	files, refused, err := codegen.Suite(cases, append(codegen.HostTargets(m.Arch), more...))
	if err != nil {
		return nil, err
	}
	s := &Suite{Refused: refused, cases: cases, dir: dir, machine: m}
	return s, buildProgram(ctx, files, s.program(), m.Arch)
}

func (s *Suite) program() string { return filepath.Join(s.dir, "suite") }

// command is a run of the program.
func (s *Suite) command(args ...string) *exec.Cmd {
	line := slices.Concat(s.machine.Runner, []string{s.program()}, args)
	return exec.Command(line[0], line[1:]...)
}

// ISAs lists the instruction sets whose kernels can run here, as DLC_ISA names them, the best first.
func (s *Suite) ISAs() ([]string, error) {
	out, err := s.command("isas").Output()
	if err != nil {
		return nil, err
	}
	return strings.Split(strings.TrimSpace(string(out)), ", "), nil
}

// Start runs the program; a second call starts it anew. env is added to the process's own environment, such as "DLC_ISA=go".
func (s *Suite) Start(env ...string) error {
	s.Close()
	s.cmd = s.command()
	s.cmd.Env = append(os.Environ(), env...)
	s.log = &bytes.Buffer{}
	s.cmd.Stderr = s.log
	var err error
	if s.in, err = s.cmd.StdinPipe(); err != nil {
		return err
	}
	if s.out, err = s.cmd.StdoutPipe(); err != nil {
		return err
	}
	return s.cmd.Start()
}

// Running reports whether the program is there: it ends with a panic of the generated code that it cannot catch.
func (s *Suite) Running() bool { return s.cmd != nil }

// Close ends the program.
func (s *Suite) Close() {
	if s.cmd == nil {
		return
	}
	s.in.Close()
	s.cmd.Wait()
	s.cmd = nil
}

// Run runs case number i. The error is a panic of the generated code, or the end of the program, with what it said.
func (s *Suite) Run(i int, c Call) (*Outcome, error) {
	if s.Refused[i] != nil {
		return nil, s.Refused[i]
	}
	var q bytes.Buffer
	write := func(v any) { binary.Write(&q, binary.LittleEndian, v) } // into memory: it cannot fail
	write([]uint32{uint32(i), uint32(c.Batch), uint32(c.Threads), uint32(c.Seed), uint32(c.Step), uint32(c.Repeat)})
	write(c.Rate)
	arena := s.cases[i].Unit.ArenaLen
	if len(c.Weights) == 0 {
		c.Weights = make([]uint32, arena)
	}
	write(c.Weights[:arena])
	n := 0
	for _, b := range s.cases[i].Func.Buffers {
		if b.Space != loop.Input {
			continue
		}
		if n >= len(c.Inputs) || len(c.Inputs[n]) != words(b, c.Batch) {
			return nil, fmt.Errorf("%s: input %s takes %d words", s.cases[i].Name, b.Name, words(b, c.Batch))
		}
		write(c.Inputs[n])
		n++
	}
	if _, err := s.in.Write(q.Bytes()); err != nil {
		return nil, s.ended(i, err)
	}
	return s.answer(i, c.Batch, arena)
}

// answer reads what the program says.
func (s *Suite) answer(i, batch, arena int) (*Outcome, error) {
	var status uint32
	if err := binary.Read(s.out, binary.LittleEndian, &status); err != nil {
		return nil, s.ended(i, err)
	}
	if status > 0 {
		msg := make([]byte, status)
		if _, err := io.ReadFull(s.out, msg); err != nil {
			return nil, s.ended(i, err)
		}
		return nil, fmt.Errorf("%s: %s", s.cases[i].Name, msg)
	}
	o := &Outcome{}
	for _, b := range s.cases[i].Func.Buffers {
		if b.Space == loop.Output {
			o.Outputs = append(o.Outputs, make([]uint32, words(b, batch)))
		}
	}
	o.Weights, o.Grads = make([]uint32, arena), make([]uint32, arena)
	for _, to := range append(append([][]uint32{}, o.Outputs...), o.Weights, o.Grads) {
		if err := binary.Read(s.out, binary.LittleEndian, to); err != nil {
			return nil, s.ended(i, err)
		}
	}
	return o, nil
}

// ended says that the program is gone, with what it said last.
func (s *Suite) ended(i int, err error) error {
	s.in.Close()
	s.cmd.Wait()
	s.cmd = nil
	return fmt.Errorf("%s: the program ended: %v: %s", s.cases[i].Name, err, strings.TrimSpace(s.log.String()))
}

// words is the storage of a buffer for a batch.
func words(b *loop.Buffer, batch int) int {
	if b.Scaled() {
		return b.Size() * batch
	}
	return b.Size()
}

// Bits are the words of a tensor's elements, as a call takes them.
func Bits(x *ops.Tensor) []uint32 {
	list := make([]uint32, len(x.Data))
	for i, v := range x.Data {
		if x.Elem.Cell() == ir.F32 {
			list[i] = math.Float32bits(float32(v))
		} else {
			list[i] = uint32(int32(v))
		}
	}
	return list
}

// Same says where what an earlier run left differs from o in a bit; NaNs are alike.
func (o *Outcome) Same(before *Outcome) error {
	same := func(what string, was, is []uint32) error {
		for k, x := range was {
			y := is[k]
			if f, g := math.Float32frombits(x), math.Float32frombits(y); x != y && !(f != f && g != g) {
				return fmt.Errorf("%s element %d: %g (%#x) here, %g (%#x) before", what, k, g, y, f, x)
			}
		}
		return nil
	}
	for i := range before.Outputs {
		if err := same(fmt.Sprint("result ", i), before.Outputs[i], o.Outputs[i]); err != nil {
			return err
		}
	}
	return errors.Join(same("weight", before.Weights, o.Weights), same("gradient", before.Grads, o.Grads))
}
