package runtime

import (
	"errors"
	"fmt"
	"math"
	stdruntime "runtime"
	"unsafe"
)

// Session runs a model. It owns the memory that this takes, allocated once for its largest batch; inputs and outputs are views into it.
// One goroutine at a time may use a session; each of several makes its own.
type Session struct {
	model *Model
	x     *exec
	pool  *pool
	batch int
	part  int                       // examples that run at a time
	crew  []*exec                   // of each thread, where threads run parts of a batch by themselves; x is the first
	each  int                       // examples of such a part in this call
	whole int                       // examples of this call
	alone func(x *exec, lo, hi int) // runs such parts
	wide  [][]float32               // where that is not all of them: inputs, then outputs, for the whole batch; else nil
	err   error                     // what was wrong with the options; Run returns it
}

// SessionOption changes what NewSession makes.
type SessionOption func(*sessionOptions)

type sessionOptions struct {
	batch   int
	threads int
}

// Batch makes room for up to n examples a call. Without it there is room for one.
func Batch(n int) SessionOption { return func(o *sessionOptions) { o.batch = n } }

// WithThreads makes a session run on n threads, of which its own goroutine is one. Without it a session runs on one. The results are the
// same bits whatever the number. The other threads live until Close, or until the session is garbage.
func WithThreads(n int) SessionOption { return func(o *sessionOptions) { o.threads = n } }

// maxThreads bounds the goroutines of one pool.
const maxThreads = 1024

// NewSession allocates a session for one example a call on one thread, unless the options say otherwise. The first one also computes what depends on
// the weights alone, for all sessions of the model. An option out of range makes a session for one example whose Run returns the error.
func (m *Model) NewSession(opts ...SessionOption) *Session {
	o := sessionOptions{batch: 1, threads: 1}
	for _, set := range opts {
		set(&o)
	}
	s := &Session{model: m}
	if o.threads < 1 || o.threads > maxThreads {
		s.err = fmt.Errorf("%s: WithThreads(%d): the number of threads must be 1 to %d", m.info.name, o.threads, maxThreads)
		o.threads = 1
	}
	err := checkBatch(m.info.infer, o.batch)
	if err == nil && o.batch > 1 && m.info.single {
		err = errors.New("the model has no batch; it takes one example a call")
	}
	if err != nil {
		s.err = fmt.Errorf("%s: Batch(%d): %w", m.info.name, o.batch, err)
		o.batch = 1
	}
	s.batch = o.batch
	if o.threads > 1 {
		s.pool = newPool(o.threads)
		stdruntime.AddCleanup(s, func(p *pool) { go p.close() }, s.pool)
	}
	s.arrange(o.threads)
	m.once.Do(func() {
		s.x.prepare()
		m.prepared = s.x.prepared
	})
	s.x.prepared = m.prepared
	for _, x := range s.crew {
		x.prepared = m.prepared
	}
	s.fullLengths()
	return s
}

// arrange makes what runs the program: one exec for all threads, which share every step of a few examples. A large batch, where no example meets another, is
// better run by each thread for itself, part by part; but where weights are seldom used again, threads that share them read less.
func (s *Session) arrange(threads int) {
	infer := s.model.info.infer
	s.part = s.batch
	if infer.part > 0 && s.batch > infer.part*threads {
		s.part = infer.part * threads
	}
	apart := infer.part > 0 && threads > 1 && s.batch >= apartFrom*threads && infer.flops >= manyUses*s.model.info.arena
	if apart {
		s.part = min(s.batch, max(infer.part, apartFrom*threads-1))
	}
	s.x = newExec(infer, s.part, s.model.weights, s.pool)
	if apart {
		s.crew = []*exec{s.x}
		for range threads - 1 {
			s.crew = append(s.crew, newExec(infer, min(infer.part, (s.batch+threads-1)/threads), s.model.weights, nil))
		}
		s.alone = s.runAlone
	}
	if apart || s.part < s.batch {
		for _, p := range s.ports() {
			s.wide = append(s.wide, alignedFloats(s.batch*p.elems()))
		}
	}
}

const (
	apartFrom = 2  // examples for each thread, from which on they are run apart
	manyUses  = 16 // operations for each weight and example, that make reading weights cheap
)

// ports are the inputs, then the outputs.
func (s *Session) ports() []*portInfo {
	var list []*portInfo
	for i := range s.model.info.inputs {
		list = append(list, &s.model.info.inputs[i])
	}
	for i := range s.model.info.outputs {
		list = append(list, &s.model.info.outputs[i])
	}
	return list
}

// maxArena bounds the elements of one program's arena: 16 GiB, or what an int holds.
const maxArena = min(1<<32, math.MaxInt/8)

// checkBatch says whether p can run with that batch.
func checkBatch(p *program, batch int) error {
	if batch < 1 {
		return errors.New("the batch must be at least 1")
	}
	room := int64(maxArena - p.fixed - slack)
	if most := room / int64(max(p.perExample, 1)); int64(batch) > most {
		return fmt.Errorf("an example takes %d bytes of memory, so the batch can be at most %d", 4*int64(p.perExample), most)
	}
	return nil
}

// Run computes the outputs of the first n examples of the inputs; n is at least 1 and at most the session's batch. What the outputs hold
// behind them is undefined.
func (s *Session) Run(n int) error {
	if s.err != nil {
		return s.err
	}
	if n < 1 || n > s.batch {
		return fmt.Errorf("%s: Run(%d): this session takes 1 to %d examples; Batch makes room for more", s.model.info.name, n, s.batch)
	}
	for i := range s.model.info.inputs {
		p := &s.model.info.inputs[i]
		if p.bound > 0 {
			if err := p.checkLengths(s.inputInts(i)[:n]); err != nil {
				return fmt.Errorf("%s: Run(%d): %w", s.model.info.name, n, err)
			}
		}
		if p.infer >= 0 && narrowElem(p.elem) {
			if err := settle(p.elem, s.input(i)[:n*p.elems()]); err != nil {
				return fmt.Errorf("%s: Run(%d): input %s: %w", s.model.info.name, n, p.name, err)
			}
		}
	}
	if s.crew != nil && n >= apartFrom*len(s.crew) && s.x.pool != nil && s.x.watch == nil {
		s.runApart(n)
	} else {
		each := evenPart(n, s.part)
		for from := 0; from < n; from += each {
			s.runPart(s.x, from, min(each, n-from))
		}
	}
	stdruntime.KeepAlive(s) // its cleanup must not end the threads before
	return nil
}

// evenPart is how many of n examples run at a time, at most part and at most n: parts of about the same size, of whole tiles of eight rows where these fit.
func evenPart(n, part int) int {
	each := even(n, part)
	if tiles := (each + 7) &^ 7; tiles <= min(n, part) {
		return tiles
	}
	return each
}

// even is the size of the parts of n examples that are fewest and about the same, of at most part each.
func even(n, part int) int {
	parts := (n + part - 1) / part
	return (n + parts - 1) / parts
}

// runApart has each thread run parts of the batch by itself.
func (s *Session) runApart(n int) {
	threads := len(s.crew)
	s.whole = n
	s.each = evenPart((n+threads-1)/threads, s.model.info.infer.part)
	s.pool.begin(0)
	s.x.pool = nil
	s.pool.runCrew(s.crew, (n+s.each-1)/s.each, s.alone)
	s.x.pool = s.pool
	s.pool.end()
}

// runAlone computes parts lo to hi-1 on one thread.
func (s *Session) runAlone(x *exec, lo, hi int) {
	for i := lo; i < hi; i++ {
		s.runPart(x, i*s.each, min(s.each, s.whole-i*s.each))
	}
}

// runPart computes with x the outputs of n examples from the given one on, at most part.
func (s *Session) runPart(x *exec, from, n int) {
	inputs, outputs := s.model.info.inputs, s.model.info.outputs
	for i := range inputs {
		if p := &inputs[i]; s.wide != nil && p.infer >= 0 {
			copy(x.floats(p.infer, n*p.elems()), s.wide[i][from*p.elems():])
		}
	}
	x.n = n
	x.setScalars(scalars{batch: n})
	x.run()
	for i := range outputs {
		if p := &outputs[i]; s.wide != nil && p.infer >= 0 {
			copy(s.wide[len(inputs)+i][from*p.elems():(from+n)*p.elems()], x.floats(p.infer, n*p.elems()))
		}
	}
}

// Close ends the session's threads, where it has more than one. It may still be used, on one thread. Close is optional.
func (s *Session) Close() {
	if s.pool != nil {
		s.x.pool = nil
		s.pool.close()
	}
}

// input returns the whole of an f32 input: batch examples, dense and row-major.
func (s *Session) input(i int) []float32 { return s.port(i, &s.model.info.inputs[i]) }

// output returns the whole of an f32 output.
func (s *Session) output(i int) []float32 {
	return s.port(len(s.model.info.inputs)+i, &s.model.info.outputs[i])
}

// inputInts is input for an i32 input.
func (s *Session) inputInts(i int) []int32 { return asInts(s.input(i)) }

// outputInts is output for an i32 output.
func (s *Session) outputInts(i int) []int32 { return asInts(s.output(i)) }

// port is the memory of a port, which is number i of all.
func (s *Session) port(i int, p *portInfo) []float32 {
	if p.infer < 0 {
		return nil
	}
	if s.wide != nil {
		return s.wide[i]
	}
	return s.x.floats(p.infer, s.batch*p.elems())
}

// asInts is the same memory seen as i32.
func asInts(f []float32) []int32 {
	return unsafe.Slice((*int32)(unsafe.Pointer(unsafe.SliceData(f))), len(f))
}

// scalars are the values of the scalar buffers of a call.
type scalars struct {
	batch      int
	lr         float64
	momentum   float64
	seed, step int
	update     int  // from 1
	more       bool // whether gradients are in the sum already
	summed     int  // the examples of the gradients in the sum
}

// setScalars writes those that the program has.
func (x *exec) setScalars(v scalars) {
	for i, s := range x.prog.scalars {
		if s.buffer < 0 { // nothing reads it
			continue
		}
		if f := x.steps[i]; f != nil {
			f.momentum = v.momentum
			x.floats(s.buffer, 1)[0] = float32(f.of(v.update))
			continue
		}
		switch s.name {
		case "batch":
			x.floats(s.buffer, 1)[0] = float32(v.batch)
		case "lr":
			x.floats(s.buffer, 1)[0] = float32(v.lr)
		case "momentum":
			x.floats(s.buffer, 1)[0] = float32(v.momentum)
		case "more":
			x.floats(s.buffer, 1)[0] = 0
			if v.more {
				x.floats(s.buffer, 1)[0] = 1
			}
		case "share":
			x.floats(s.buffer, 1)[0] = float32(1 / float64(max(v.summed, 1)))
		case "seed":
			x.ints(s.buffer, 1)[0] = int32(uint32(v.seed) ^ uint32(uint64(v.seed)>>32))
		case "step":
			x.ints(s.buffer, 1)[0] = int32(v.step)
		}
	}
}
