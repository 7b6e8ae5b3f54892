package runtime

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// run feeds inputs to the model and prints what it says.
func (d *driver) run(args []string) error {
	place := d.dataFlags()
	weights := d.flags.String("weights", "", "the `file` with the weights, .safetensors, .npz or .npy")
	top := d.flags.Int("top", 3, "how many of the largest classes to print")
	invert := d.flags.Bool("invert", false, "swap black and white of pictures")
	threads := d.flags.Int("threads", 1, "how many threads to use")
	if err := d.parse(args, true); err != nil {
		return err
	}
	if d.flags.NArg() == 0 {
		return d.usage("an input is missing: a file, or test:NUMBER")
	}
	calls, err := d.inputsOf(d.flags.Args())
	if err != nil {
		return err
	}
	model, err := d.model(*weights)
	if err != nil {
		return err
	}
	s := model.NewSession(WithThreads(*threads))
	defer s.Close()
	feed := feeder{m: d.m, place: *place, invert: *invert, parts: map[string]dataPart{}}
	for _, c := range calls {
		label := -1
		for i, p := range d.m.inputs { // what is fed says how long it is
			if p.bound > 0 {
				s.inputInts(i)[0] = 0
			}
		}
		for i, source := range c.sources {
			if d.m.inputs[i].bound > 0 {
				continue
			}
			l, err := feed.input(s, i, source)
			if err != nil {
				return err
			}
			label = max(label, l)
		}
		for i, p := range d.m.inputs {
			if p.bound > 0 && s.inputInts(i)[0] == 0 {
				s.inputInts(i)[0] = int32(p.bound)
			}
		}
		if err := s.Run(1); err != nil {
			return err
		}
		if err := d.printOutputs(s, c.title, label, *top, len(calls) > 1); err != nil {
			return err
		}
	}
	return nil
}

// runCall is one call of the model: a source for each input, in the model's order.
type runCall struct {
	title   string
	sources []string
}

// inputsOf sorts the arguments of run by input: a model with one takes any number of sources in turn, one with several name=source for each.
func (d *driver) inputsOf(args []string) ([]runCall, error) {
	var names []string // of the inputs that are fed: lengths follow from the others
	var numbers []int
	for i, p := range d.m.inputs {
		if p.bound == 0 {
			names, numbers = append(names, p.name), append(numbers, i)
		}
	}
	if len(names) == 1 {
		var calls []runCall
		for _, a := range args {
			a = strings.TrimPrefix(a, names[0]+"=")
			c := runCall{a, make([]string, len(d.m.inputs))}
			c.sources[numbers[0]] = a
			calls = append(calls, c)
		}
		return calls, nil
	}
	c := runCall{title: strings.Join(args, " "), sources: make([]string, len(d.m.inputs))}
	for _, a := range args {
		name, source, ok := strings.Cut(a, "=")
		i := slices.Index(names, name)
		if !ok || i < 0 || c.sources[numbers[i]] != "" {
			return nil, d.usage("%s has the inputs %s: give each once, as name=file", d.m.name, strings.Join(names, ", "))
		}
		c.sources[numbers[i]] = source
	}
	for i, name := range names {
		if c.sources[numbers[i]] == "" {
			return nil, d.usage("input %s is missing: give %s=file", name, name)
		}
	}
	return []runCall{c}, nil
}

// feeder brings sources to inputs. The parts of the data set that are asked for are read once.
type feeder struct {
	m      *modelInfo
	place  dataPlace
	invert bool
	parts  map[string]dataPart
}

// input fills input i of a session from a file, or from an example such as "test:17", whose label it returns; -1 where it has none.
func (f *feeder) input(s *Session, i int, source string) (label int, err error) {
	p := f.m.inputs[i]
	if part, at, ok := strings.Cut(source, ":"); ok && slices.Contains([]string{"train", "validation", "test"}, part) {
		n, err := strconv.Atoi(at)
		if err != nil {
			return -1, fmt.Errorf("%s: an example is given by its number, such as test:17", source)
		}
		t, err := f.part(part)
		if err != nil {
			return -1, err
		}
		if n < 0 || n >= t.Len() {
			return -1, fmt.Errorf("%s: the examples of the %s set are 0 to %d", source, part, t.Len()-1)
		}
		return t.show(s, i, n), nil
	}
	read, err := readNumbers(source, p)
	if err != nil {
		return -1, err
	}
	var steps *pixelMap
	if read.raw {
		if steps, err = f.steps(p); err != nil {
			return -1, err
		}
		if f.invert {
			read.invert(channelsOf(p.shape))
		}
	}
	var ints []int32
	if wholeElem(p.elem) {
		ints = s.inputInts(i)
	}
	if err := read.fill(p, steps, s.input(i), ints); err != nil || p.lengths == 0 {
		return -1, err
	}
	n, row := len(read.values), p.elems()/p.shape[0]
	return -1, takeSteps(p.name, s.input(i), s.input(i)[:n], row, &s.inputInts(p.lengths - 1)[0])
}

// invert swaps black and white; an alpha channel stays.
func (n *numbers) invert(channels int) {
	for i := range n.values {
		if channels != 4 || i%4 != 3 {
			n.values[i] = 255 - n.values[i]
		}
	}
}

// steps returns what the recipe does to pixels. A model without one takes them as they are.
func (f *feeder) steps(p portInfo) (*pixelMap, error) {
	var calls []call
	if len(f.m.recipe.data) > 0 {
		calls = f.m.recipe.data[1:]
	}
	return newPixelMap(calls, channelsOf(p.shape))
}

// part returns one part of the data set.
func (f *feeder) part(name string) (dataPart, error) {
	if t := f.parts[name]; t != nil {
		return t, nil
	}
	wanted := name
	if name == "validation" {
		wanted = "train"
	}
	sets, err := openData(f.m, f.place, wanted)
	if err != nil {
		return nil, err
	}
	t, err := sets.part(name)
	if err != nil {
		return nil, err
	}
	f.parts[name] = t
	return t, nil
}

// part returns a part of a data set by its name; one that it does not have is an error.
func (s dataSets) part(name string) (dataPart, error) {
	switch {
	case name == "train" && s.train != nil:
		return s.train, nil
	case name == "validation" && s.held != nil:
		return s.held, nil
	case name == "test" && s.test != nil:
		return s.test, nil
	}
	return nil, fmt.Errorf("the data has no %s set", name)
}

// outputValues returns an output of the first example as float64.
func outputValues(s *Session, i int, p portInfo) []float64 {
	out := make([]float64, p.elems())
	if wholeElem(p.elem) {
		for k, v := range s.outputInts(i)[:len(out)] {
			out[k] = float64(v)
		}
		return out
	}
	for k, v := range s.output(i)[:len(out)] {
		out[k] = float64(v)
	}
	return out
}

// printOutputs prints every output by its name; of one that is a distribution over classes, the largest.
func (d *driver) printOutputs(s *Session, title string, label, top int, several bool) error {
	if d.json {
		return d.printOutputsJSON(s, title, label)
	}
	if several {
		fmt.Fprintf(d.stdout, "%s\n", title)
	}
	if label >= 0 {
		fmt.Fprintf(d.stdout, "label  %d\n", label)
	}
	for i, p := range d.m.outputs {
		v := outputValues(s, i, p)
		if isDistribution(v) && len(p.shape) == 1 {
			fmt.Fprintf(d.stdout, "%s ", p.name)
			for _, k := range largest(v, top) {
				fmt.Fprintf(d.stdout, "  %d: %.2f%%", k, 100*v[k])
			}
			fmt.Fprintln(d.stdout)
			continue
		}
		fmt.Fprintf(d.stdout, "%s ", p.name)
		const most = 64
		for _, x := range v[:min(len(v), most)] {
			fmt.Fprintf(d.stdout, " %s", strconv.FormatFloat(x, 'g', 6, 64))
		}
		if len(v) > most {
			fmt.Fprintf(d.stdout, " … (%d numbers of %v; --json prints all)", len(v), p.shape)
		}
		fmt.Fprintln(d.stdout)
	}
	return nil
}

// printOutputsJSON prints {"input":…,"label":…,"outputs":{name: numbers}} on one line. What JSON has no number for is a word.
func (d *driver) printOutputsJSON(s *Session, title string, label int) error {
	line := object{{"input", title}}
	if label >= 0 {
		line = append(line, member{"label", label})
	}
	var outputs object
	for i, p := range d.m.outputs {
		v := outputValues(s, i, p)
		list := make([]any, len(v))
		for k, x := range v {
			if list[k] = jsonNumber(x); !wholeElem(p.elem) && list[k] == x {
				list[k] = float32(x) // prints as short as its type allows
			}
		}
		outputs = append(outputs, member{p.name, list})
	}
	return d.printJSON(append(line, member{"outputs", outputs}))
}

// isDistribution reports whether the numbers are from 0 to 1 and sum to 1: at least two of them.
func isDistribution(v []float64) bool {
	sum := 0.0
	for _, x := range v {
		if !(x >= 0 && x <= 1) {
			return false
		}
		sum += x
	}
	return len(v) > 1 && math.Abs(sum-1) < 1e-3
}

// largest returns the places of the n largest numbers, the first of equals first.
func largest(v []float64, n int) []int {
	order := make([]int, len(v))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case v[a] > v[b]:
			return -1
		case v[a] < v[b]:
			return 1
		}
		return 0
	})
	return order[:max(0, min(n, len(order)))]
}

// object is a JSON object whose members keep their order.
type object []member

type member struct {
	name  string
	value any
}

// MarshalJSON writes the members in order.
func (o object) MarshalJSON() ([]byte, error) {
	b := []byte{'{'}
	for i, m := range o {
		if i > 0 {
			b = append(b, ',')
		}
		name, err := json.Marshal(m.name)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(m.value)
		if err != nil {
			return nil, err
		}
		b = append(append(append(b, name...), ':'), value...)
	}
	return append(b, '}'), nil
}

// printJSON prints one object on a line of its own.
func (d *driver) printJSON(o object) error {
	data, err := json.Marshal(o)
	if err != nil {
		return err
	}
	_, err = d.stdout.Write(append(data, '\n'))
	return err
}

// jsonNumber returns v, or a word where JSON has no such number.
func jsonNumber(v float64) any {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return fmt.Sprint(v)
	}
	return v
}
