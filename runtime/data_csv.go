package runtime

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// csvTable is a data set in memory: the elements of every input and target of all examples, as they lie in a batch.
type csvTable struct {
	name    string
	n       int
	inputs  [][]float32 // by the number of the port; whole numbers are int32
	targets [][]float32
	rows    []int32 // the examples that belong to the set; nil: all of them
}

// Len returns the number of examples.
func (t *csvTable) Len() int {
	if t.rows != nil {
		return len(t.rows)
	}
	return t.n
}

func (t *csvTable) row(i int) int {
	if t.rows != nil {
		return int(t.rows[i])
	}
	return i
}

// load writes example i to place at of a batch.
func (t *csvTable) load(i, at int, b *batchView) error {
	r := t.row(i)
	for k, cells := range t.inputs {
		place := b.input(k, at)
		copy(place, cells[r*len(place):])
	}
	for k, cells := range t.targets {
		place := b.target(k, at)
		copy(place, cells[r*len(place):])
	}
	return nil
}

// show writes example i to an input of a session. It has the label that the first target gives it, where that is a class.
func (t *csvTable) show(s *Session, port, i int) (label int) {
	r := t.row(i)
	place := s.input(port)
	place = place[:s.model.info.inputs[port].elems()]
	copy(place, t.inputs[port][r*len(place):])
	if targets := s.model.info.targets; len(targets) > 0 && targets[0].classes > 0 && targets[0].elems() == 1 {
		return int(asInts(t.targets[0])[r])
	}
	return -1
}

func (t *csvTable) split(fraction float64) (train, held dataPart, err error) {
	a, b := *t, *t
	if a.rows, b.rows, err = heldOut(t.Len(), fraction, t.row); err != nil {
		return nil, nil, err
	}
	b.name = "validation"
	return &a, &b, nil
}

// csvReader reads one file.
type csvReader struct {
	file   string // its name, for messages
	header []string
	width  int // fields of a record
	ports  []csvPort
}

// csvPort is where an input or target finds its elements.
type csvPort struct {
	info    *portInfo
	columns []int
	steps   *pixelMap // of an f32 input, else nil
	cells   []float32
}

// openCSV reads a file of comma-separated values: a record for each example, the first of which names the columns unless it holds numbers. Columns
// are given by the source's arguments, one named after each input and target; one without has the column of its name. steps apply to the inputs
// that are f32.
func openCSV(name string, m *modelInfo, source call, path string, steps []call) (dataPart, error) {
	f, _, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r := &csvReader{file: filepath.Base(path)}
	t, err := r.read(m, source, f, steps)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.file, err)
	}
	t.name = name
	return t, nil
}

func (r *csvReader) read(m *modelInfo, source call, from io.Reader, steps []call) (*csvTable, error) {
	records := csv.NewReader(from)
	records.ReuseRecord, records.TrimLeadingSpace = true, true
	first, err := records.Read()
	if err == io.EOF {
		return nil, errors.New("the file is empty")
	} else if err != nil {
		return nil, err
	}
	r.width = len(first)
	number := func(s string) bool { _, err := strconv.ParseFloat(strings.TrimSpace(s), 64); return err == nil }
	named := !slices.ContainsFunc(first, number)
	if named {
		for _, h := range first {
			r.header = append(r.header, strings.TrimSpace(strings.TrimPrefix(h, "\ufeff")))
		}
	}
	if err := r.choose(m, source, steps); err != nil {
		return nil, err
	}
	t := &csvTable{}
	record := first
	if named {
		record, err = records.Read()
	}
	for ; err == nil; record, err = records.Read() {
		if err := r.example(record); err != nil {
			line, _ := records.FieldPos(0)
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
		if t.n++; t.n > math.MaxInt32 {
			return nil, errors.New("it has more than 2^31 examples")
		}
	}
	switch {
	case err != io.EOF:
		return nil, err
	case t.n == 0:
		return nil, errors.New("no example follows the names of the columns")
	}
	for i := range r.ports {
		if i < len(m.inputs) {
			t.inputs = append(t.inputs, r.ports[i].cells)
		} else {
			t.targets = append(t.targets, r.ports[i].cells)
		}
	}
	return t, nil
}

// choose finds the columns of every port.
func (r *csvReader) choose(m *modelInfo, source call, steps []call) error {
	add := func(p *portInfo, input bool) error {
		if p.bound > 0 || p.lengths > 0 {
			return fmt.Errorf("examples of different length do not come from columns, but %s of %s has them", p.name, m.name)
		}
		q := csvPort{info: p}
		spec := argWord(source, p.name, "")
		if spec == "" {
			spec = p.name
		}
		var err error
		if q.columns, err = r.columns(spec); err != nil {
			return fmt.Errorf("%s: %w; columns are given as in csv(\"…\", %s=\"a, b\")", p.name, err, p.name)
		}
		if len(q.columns) != p.elems() {
			return fmt.Errorf("%s has %d elements, but %d columns: %s", p.name, p.elems(), len(q.columns), spec)
		}
		if input && p.elem == "f32" && len(steps) > 0 {
			channels := 1
			if n := len(p.shape); n > 0 {
				channels = p.shape[n-1]
			}
			if q.steps, err = newPixelMap(steps, channels); err != nil {
				return err
			}
		}
		r.ports = append(r.ports, q)
		return nil
	}
	for i := range m.inputs {
		if err := add(&m.inputs[i], true); err != nil {
			return err
		}
	}
	for i := range m.targets {
		if err := add(&m.targets[i], false); err != nil {
			return err
		}
	}
	return nil
}

// columns reads a list such as "age, height, 5-8": names of columns, and their numbers from 1.
func (r *csvReader) columns(spec string) ([]int, error) {
	var list []int
	for _, part := range strings.Split(spec, ",") {
		part = strings.TrimSpace(part)
		if i := slices.Index(r.header, part); i >= 0 {
			list = append(list, i)
			continue
		}
		from, to, isRange := strings.Cut(part, "-")
		a, err := strconv.Atoi(strings.TrimSpace(from))
		b := a
		if isRange && err == nil {
			b, err = strconv.Atoi(strings.TrimSpace(to))
		}
		switch {
		case err != nil && r.header == nil:
			return nil, fmt.Errorf("the columns have no names, so %s is none of 1 to %d", strconv.Quote(part), r.width)
		case err != nil:
			return nil, fmt.Errorf("no column is called %s; there are %s", strconv.Quote(part), listed(r.header))
		case a < 1 || b < a || b > r.width:
			return nil, fmt.Errorf("column %s is none of 1 to %d", part, r.width)
		}
		for k := a; k <= b; k++ {
			list = append(list, k-1)
		}
	}
	return list, nil
}

// example appends one record to the ports.
func (r *csvReader) example(record []string) error {
	for i := range r.ports {
		p := &r.ports[i]
		for k, c := range p.columns {
			v, err := strconv.ParseFloat(strings.TrimSpace(record[c]), 64)
			if err != nil {
				return fmt.Errorf("column %d is %s, and %s takes numbers", c+1, quoted(record[c]), p.info.name)
			}
			if p.steps != nil {
				v = float64(p.steps.number(v, k%len(p.steps.tables)))
			}
			cell := float32(v)
			if wholeElem(p.info.elem) {
				whole, err := p.info.whole(v)
				if err != nil {
					return fmt.Errorf("column %d: %s %w", c+1, p.info.name, err)
				}
				cell = math.Float32frombits(uint32(whole))
			}
			p.cells = append(p.cells, cell)
		}
	}
	return nil
}
