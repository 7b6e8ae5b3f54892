package runtime

import (
	"encoding/json"
	"errors"
	"io/fs"
	"math"
	"os"
	"strconv"
	"strings"
)

// logFormat is how a history is written: a first line of the columns' names, where there is one, and a line an epoch.
type logFormat struct {
	head func(columns []string) string
	line func(columns []string, e *EpochResult) string
}

// logTo appends the last epoch to a callback's file. The first epoch that it is told, and one with more columns than those before, makes it write
// the whole history: a training that goes on has its earlier epochs in the file, whatever became of them there.
func (r *fitRun) logTo(c *callback, ending string, format logFormat) error {
	path := r.beside(c, "file", ending)
	if path == "" {
		return nil
	}
	last := &r.at.history[len(r.at.history)-1]
	if len(logFields(last)) <= len(c.columns) {
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
		if err == nil {
			_, err = f.WriteString(format.line(c.columns, last))
			return errors.Join(err, f.Close())
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	c.columns = logColumns(r.at.history)
	return writeFile(path, func(f *os.File) error {
		_, err := f.WriteString(format.all(c.columns, r.at.history))
		return err
	})
}

// all is a whole history.
func (l logFormat) all(columns []string, h History) string {
	var b strings.Builder
	b.WriteString(l.head(columns))
	for i := range h {
		b.WriteString(l.line(columns, &h[i]))
	}
	return b.String()
}

// logColumns are the names of the fields of the epoch that has the most.
func logColumns(h History) (names []string) {
	for i := range h {
		if f := logFields(&h[i]); len(f) > len(names) {
			names = names[:0]
			for _, x := range f {
				names = append(names, x.name)
			}
		}
	}
	return names
}

// logField is one number of an epoch by its name.
type logField struct {
	name  string
	value float64
}

// logFields are an epoch's numbers. Those of the validation set have val_ before their names.
func logFields(e *EpochResult) []logField {
	list := []logField{{"epoch", float64(e.Epoch)}, {"learning_rate", e.LearningRate}, {"seconds", e.Seconds}}
	for _, m := range e.Metrics {
		list = append(list, logField{m.Name, m.Value})
	}
	for _, m := range e.ValMetrics {
		list = append(list, logField{"val_" + m.Name, m.Value})
	}
	return list
}

// shortest writes a number so that it reads back to the same bits.
func shortest(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

// csvLog is comma-separated values below a line of names. An epoch without validation leaves its fields empty.
var csvLog = logFormat{
	head: func(columns []string) string { return strings.Join(columns, ",") + "\n" },
	line: func(columns []string, e *EpochResult) string {
		row := make([]string, len(columns))
		for k, f := range logFields(e) {
			row[k] = shortest(f.value)
		}
		return strings.Join(row, ",") + "\n"
	},
}

// jsonLog is one JSON object a line. What is no number in JSON is null.
var jsonLog = logFormat{
	head: func([]string) string { return "" },
	line: func(_ []string, e *EpochResult) string {
		var b strings.Builder
		for k, f := range logFields(e) {
			name, _ := json.Marshal(f.name)
			value := shortest(f.value)
			if math.IsNaN(f.value) || math.IsInf(f.value, 0) {
				value = "null"
			}
			b.WriteString(map[bool]string{true: "{", false: ","}[k == 0] + string(name) + ":" + value)
		}
		b.WriteString("}\n")
		return b.String()
	},
}
