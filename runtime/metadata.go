package runtime

import (
	"fmt"
	"strconv"
	"strings"
)

// metadataReader reads the text of a checkpoint and keeps the first error.
type metadataReader struct {
	file string
	text map[string]string
	err  error
}

func (r *metadataReader) fail(key, format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("%s: %s: %s", r.file, key, fmt.Sprintf(format, args...))
	}
}

func (r *metadataReader) get(key string) string {
	s, ok := r.text[key]
	if !ok {
		r.fail(key, "the checkpoint lacks it")
	}
	return s
}

func (r *metadataReader) int(key string, low, high int) int {
	return r.parseInt(key, r.get(key), low, high)
}

func (r *metadataReader) parseInt(key, s string, low, high int) int {
	n, err := strconv.Atoi(s)
	if err != nil || n < low || n > high {
		r.fail(key, "%s is no number from %d to %d", quoted(s), low, high)
		return low
	}
	return n
}

func (r *metadataReader) float(key string) float64 { return r.parseFloat(key, r.get(key)) }

func (r *metadataReader) parseFloat(key, s string) float64 {
	v, err := parseHexFloat(s)
	if err != nil {
		r.fail(key, "%v", err)
	}
	return v
}

// lines returns the fields of the n lines of a key, each of low or high fields; nil after an error.
func (r *metadataReader) lines(key string, n, low, high int) [][]string {
	text := r.get(key)
	if r.err != nil {
		return nil
	}
	if got := strings.Count(text, "\n"); got != n {
		r.fail(key, "it has %d lines, not %d", got, n)
		return nil
	}
	var list [][]string
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) != low && len(f) != high {
			r.fail(key, "line %d has %d fields", len(list)+1, len(f))
			return nil
		}
		list = append(list, f)
	}
	if len(list) != n {
		r.fail(key, "it does not end with its line %d", n)
		return nil
	}
	return list
}

func (r *metadataReader) metrics(names, values []string) Metrics {
	m := newMetrics(names)
	for i := range m {
		fields := strings.Split(values[i], "/")
		m[i].Value = r.parseFloat("history", fields[0])
		for _, row := range fields[1:] {
			var numbers []float64
			for f := range strings.SplitSeq(row, ",") {
				numbers = append(numbers, r.parseFloat("history", f))
			}
			m[i].Table = append(m[i].Table, numbers)
		}
	}
	return m
}
