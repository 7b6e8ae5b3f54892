package runtime

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"
	"runtime/debug"
	"slices"
	"unsafe"
)

// suiteCase is one program of a suite: many programs in one process, which runs them on request. Tests of generated code are made of it.
type suiteCase struct {
	number  int // by which it is asked for
	name    string
	prog    *program
	arena   int // elements of the parameter arena
	states  int // how many arenas of optimizer state it has
	inputs  []suitePort
	outputs []suitePort
}

// suitePort is an input or output: its buffer, and its elements, for each example where it is scaled.
type suitePort struct {
	buffer, elems int
	scaled        bool
}

// suiteRequest is what a request starts with, as little-endian words. The parameter arena and the inputs follow, in words too.
type suiteRequest struct {
	Number, Batch, Threads, Seed, Step uint32
	Repeat                             uint32 // how often the program runs, from step to step; at least once
	Rate                               float32
}

// serve answers requests until the input ends. An answer is a word, the length of an error or 0; then the error, or the outputs, the
// parameter arena and the arena of gradients. With the argument "isas" it prints the instruction sets that can run here instead. It returns
// the exit status.
func serve(cases []suiteCase, r io.Reader, w io.Writer) int {
	if len(os.Args) == 2 && os.Args[1] == "isas" {
		fmt.Fprintln(w, isaNames(canISA))
		return 0
	}
	if errISA != nil {
		fmt.Fprintln(os.Stderr, errISA)
		return 2
	}
	byNumber := map[int]*suiteCase{}
	for i := range cases {
		byNumber[cases[i].number] = &cases[i]
	}
	in, out := bufio.NewReaderSize(r, 1<<16), bufio.NewWriterSize(w, 1<<16)
	for {
		var q suiteRequest
		if err := binary.Read(in, binary.LittleEndian, &q); err == io.EOF {
			return 0
		} else if err != nil {
			fmt.Fprintln(os.Stderr, "request:", err)
			return 1
		}
		c := byNumber[int(q.Number)]
		if c == nil {
			fmt.Fprintf(os.Stderr, "request: there is no case %d\n", q.Number)
			return 1
		}
		if err := c.answer(q, in, out); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", c.name, err)
			return 1
		}
		if err := out.Flush(); err != nil {
			return 1
		}
	}
}

// answer runs one case.
func (c *suiteCase) answer(q suiteRequest, in io.Reader, out io.Writer) error {
	var p *pool
	if q.Threads > 1 {
		p = newPool(int(q.Threads))
		defer p.close()
	}
	prog := *c.prog
	prog.cycles = 0 // so that small programs run on all threads too
	x := newExec(&prog, max(1, int(q.Batch)), newArena(c.arena), p)
	x.n = int(q.Batch)
	x.grads = newArena(c.arena)
	for range c.states {
		x.states = append(x.states, newArena(c.arena))
	}
	if err := binary.Read(in, binary.LittleEndian, x.weights[:c.arena]); err != nil {
		return err
	}
	for _, t := range c.inputs {
		// The words are taken as they are: an f32 load could change the bits of a NaN.
		if err := binary.Read(in, binary.LittleEndian, asInts(t.of(x))); err != nil {
			return err
		}
	}
	untouched := slices.Clone(x.arena[:c.prog.perExample*x.max])
	msg := c.attempt(x, q)
	if msg == "" && x.n == 0 && !slices.EqualFunc(untouched, x.arena[:c.prog.perExample*x.max], sameBits) {
		msg = "a batch of no example is written to"
	}
	if msg != "" {
		if err := binary.Write(out, binary.LittleEndian, uint32(len(msg))); err != nil {
			return err
		}
		_, err := io.WriteString(out, msg)
		return err
	}
	results := [][]int32{{0}}
	for _, t := range c.outputs {
		results = append(results, asInts(t.of(x)))
	}
	results = append(results, asInts(x.weights[:c.arena]), asInts(x.grads[:c.arena]))
	for _, r := range results {
		if err := binary.Write(out, binary.LittleEndian, r); err != nil {
			return err
		}
	}
	return nil
}

// sameBits compares floats bit by bit.
func sameBits(a, b float32) bool { return math.Float32bits(a) == math.Float32bits(b) }

// attempt runs the program and returns what went wrong, were it a panic.
func (c *suiteCase) attempt(x *exec, q suiteRequest) (msg string) {
	defer func() {
		if e := recover(); e != nil {
			msg = fmt.Sprintf("panic: %v\n%s", e, debug.Stack())
		}
	}()
	for k := range max(1, int(q.Repeat)) {
		step := int(q.Step) + k
		x.prepare()
		x.setScalars(scalars{batch: x.n, lr: float64(q.Rate), seed: int(q.Seed), step: step, update: step})
		x.run()
	}
	return ""
}

// of returns the elements of a port for the examples of a call.
func (t suitePort) of(x *exec) []float32 {
	if t.buffer < 0 {
		return nil
	}
	n := t.elems
	if t.scaled {
		n *= x.n
	}
	return unsafe.Slice(unsafe.SliceData(x.arena[x.base[t.buffer]:]), n)
}
