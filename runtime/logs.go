package runtime

import (
	"encoding/json"
	"math"
	"os"
	"strconv"
	"strings"
)

// logTo writes the whole history to a callback's file, so that the file is right after a resume too.
func (r *fitRun) logTo(c *callback, ending string, lines func(History) string) error {
	path := r.beside(c, "file", ending)
	if path == "" {
		return nil
	}
	return writeFile(path, func(f *os.File) error {
		_, err := f.WriteString(lines(r.at.history))
		return err
	})
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

// csvLines is the history as comma-separated values below a line of names. An epoch without validation leaves its fields empty.
func csvLines(h History) string {
	var names []string
	for i := range h {
		if f := logFields(&h[i]); len(f) > len(names) {
			names = names[:0]
			for _, x := range f {
				names = append(names, x.name)
			}
		}
	}
	var b strings.Builder
	b.WriteString(strings.Join(names, ",") + "\n")
	for i := range h {
		row := make([]string, len(names))
		for k, f := range logFields(&h[i]) {
			row[k] = shortest(f.value)
		}
		b.WriteString(strings.Join(row, ",") + "\n")
	}
	return b.String()
}

// jsonLines is the history as one JSON object a line. What is no number in JSON is null.
func jsonLines(h History) string {
	var b strings.Builder
	for i := range h {
		for k, f := range logFields(&h[i]) {
			name, _ := json.Marshal(f.name)
			value := shortest(f.value)
			if math.IsNaN(f.value) || math.IsInf(f.value, 0) {
				value = "null"
			}
			b.WriteString(map[bool]string{true: "{", false: ","}[k == 0] + string(name) + ":" + value)
		}
		b.WriteString("}\n")
	}
	return b.String()
}
