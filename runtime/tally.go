package runtime

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math"
	"strings"
)

// tallies accumulate the results of a program, in float64 and in the order of the batches.
type tallies struct {
	of    []tally
	infos []metricInfo
}

// newTallies makes room for the results of m.
func newTallies(m *modelInfo) tallies {
	t := tallies{of: make([]tally, len(m.results)), infos: m.metrics}
	if t.infos == nil {
		t.infos = make([]metricInfo, len(m.results))
	}
	for i := range t.of {
		switch x := &t.infos[i]; x.reduce {
		case "":
			t.of[i].sums = make([]float64, 1)
		case "sum":
			t.of[i].sums = make([]float64, x.elems)
		case "rows":
			t.of[i].sums = make([]float64, x.finisher.size(x))
		}
	}
	return t
}

func (a *tallies) reset() {
	for i := range a.of {
		t := &a.of[i]
		clear(t.sums)
		t.rows, t.examples = t.rows[:0], 0
	}
}

// add counts the results of one call over n examples.
func (a *tallies) add(x *exec, n int) {
	for i, b := range x.prog.results {
		t, m := &a.of[i], &a.infos[i]
		t.examples += n
		switch m.reduce {
		case "":
			t.sums[0] += float64(float64(x.floats(b, 1)[0]) * float64(n))
		case "sum":
			for k, v := range x.floats(b, m.elems) {
				t.sums[k] += float64(v)
			}
		case "rows":
			rows := x.floats(b, n*m.elems)
			for at := 0; at < len(rows); at += m.elems {
				m.finisher.fold(m, t, rows[at:at+m.elems])
			}
		case "collect":
			t.rows = append(t.rows, x.floats(b, n*m.elems)...)
		}
	}
}

// quick reports whether a metric is one number that is cheap to have after every step.
func (m *metricInfo) quick() bool {
	return m.finisher == nil || m.reduce != "collect" && m.finisher.table == nil
}

// value is the metric of what was accumulated so far.
func (m *metricInfo) value(t *tally) float64 {
	switch {
	case t.examples == 0:
		return 0
	case m.finisher != nil:
		return m.finisher.finish(m, t)
	}
	return t.sums[0] / float64(t.examples)
}

// read writes the metrics so far to list, which has an entry for each result.
func (a *tallies) read(list Metrics) {
	for i := range list {
		m, t := &a.infos[i], &a.of[i]
		list[i].Value, list[i].Table = m.value(t), nil
		if m.finisher != nil && m.finisher.table != nil {
			list[i].Table = m.finisher.table(m, t)
		}
	}
}

// readQuick is read without what needs a whole epoch; list has no entries for it. It allocates nothing.
func (a *tallies) readQuick(list Metrics) {
	at := 0
	for i := range a.of {
		if m := &a.infos[i]; m.quick() {
			list[at].Value = m.value(&a.of[i])
			at++
		}
	}
}

// quickMetrics returns the entries that readQuick fills.
func (a *tallies) quickMetrics(names []string) Metrics {
	var list Metrics
	for i, name := range names {
		if a.infos[i].quick() {
			list = append(list, Metric{Name: name})
		}
	}
	return list
}

// copy makes a what from is, sharing nothing that changes.
func (a *tallies) copy(from *tallies) {
	a.infos = from.infos
	if len(a.of) != len(from.of) {
		a.of = make([]tally, len(from.of))
	}
	for i := range a.of {
		t, f := &a.of[i], &from.of[i]
		t.sums, t.rows, t.examples = append(t.sums[:0], f.sums...), append(t.rows[:0], f.rows...), f.examples
	}
}

// text writes the tallies for a checkpoint, exactly: a line a result, of its sums or, in base64, its rows.
func (a *tallies) text() string {
	var b strings.Builder
	for i := range a.of {
		if t := &a.of[i]; a.infos[i].reduce == "collect" {
			raw := make([]byte, 0, 4*len(t.rows))
			for _, v := range t.rows {
				raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
			}
			b.WriteString(base64.StdEncoding.EncodeToString(raw))
		} else {
			for k, v := range t.sums {
				if k > 0 {
					b.WriteByte(' ')
				}
				b.WriteString(hexFloat(v))
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// parse reads what text wrote, of a training that is so many examples into its epoch.
func (a *tallies) parse(text string, examples int) error {
	lines := strings.Split(text, "\n")
	if len(lines) != len(a.of)+1 || lines[len(a.of)] != "" {
		return fmt.Errorf("it has %d lines, not %d", strings.Count(text, "\n"), len(a.of))
	}
	for i := range a.of {
		t, m := &a.of[i], &a.infos[i]
		t.examples = examples
		if m.reduce == "collect" {
			raw, err := base64.StdEncoding.DecodeString(lines[i])
			if err != nil || len(raw) != 4*examples*m.elems {
				return fmt.Errorf("line %d does not hold %d rows of %d numbers", i+1, examples, m.elems)
			}
			t.rows = t.rows[:0]
			for ; len(raw) > 0; raw = raw[4:] {
				t.rows = append(t.rows, math.Float32frombits(binary.LittleEndian.Uint32(raw)))
			}
			continue
		}
		fields := strings.Fields(lines[i])
		if len(fields) != len(t.sums) {
			return fmt.Errorf("line %d has %d fields, not %d", i+1, len(fields), len(t.sums))
		}
		for k, f := range fields {
			v, err := parseHexFloat(f)
			if err != nil {
				return err
			}
			t.sums[k] = v
		}
	}
	return nil
}

// lessIsBetter reports whether a result should fall: the loss, and metrics such as an error.
func (m *modelInfo) lessIsBetter(result string) bool {
	for i, name := range m.results {
		if name == result {
			return i == 0 || m.metrics != nil && m.metrics[i].falls
		}
	}
	return false
}
