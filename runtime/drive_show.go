package runtime

import (
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// progress shows training on a terminal: one line that is drawn again, at most ten times a second, and stays when the epoch is over.
type progress struct {
	w     io.Writer
	width int
	drawn time.Time
	now   func() time.Time
	open  bool // the line on the screen is not ended
}

// newProgress reads the width of the terminal from COLUMNS.
func newProgress(w io.Writer) *progress {
	width, err := strconv.Atoi(os.Getenv("COLUMNS"))
	if err != nil || width < 20 || width > 1000 {
		width = 80
	}
	return &progress{w: w, width: width, now: time.Now}
}

// event draws what happened.
func (p *progress) event(e Event) {
	now := p.now()
	if !e.EpochDone && now.Sub(p.drawn) < 100*time.Millisecond {
		return
	}
	p.drawn = now
	head, tail := progressText(e)
	line := head + tail
	if !e.EpochDone {
		// The bar takes what the numbers leave, where that is enough to see something.
		if room := p.width - 1 - utf8.RuneCountInString(line) - 3; room >= 8 {
			room = min(room, 32)
			full := room
			if e.Steps > 0 {
				full = room * e.Step / e.Steps
			}
			line = head + " [" + strings.Repeat("=", full) + strings.Repeat(" ", room-full) + "]" + tail
		}
	}
	fmt.Fprint(p.w, "\r\x1b[K"+cut(line, p.width-1))
	p.open = true
	if e.EpochDone {
		p.end()
	}
}

// end leaves the line on the screen and starts a new one.
func (p *progress) end() {
	if p.open {
		fmt.Fprintln(p.w)
		p.open = false
	}
}

// progressText is the line without the bar, in what stands before it and behind: a step of an epoch, or its end.
func progressText(e Event) (head, tail string) {
	var b strings.Builder
	head = fmt.Sprintf("epoch %*d/%d", len(strconv.Itoa(e.Epochs)), e.Epoch, e.Epochs)
	if !e.EpochDone {
		percent := 100
		if e.Steps > 0 {
			percent = 100 * e.Step / e.Steps
		}
		fmt.Fprintf(&b, "  %3d%%  %s/s  ETA %s", percent, count(e.PerSecond), clock(e.ETA))
	}
	b.WriteString(numbersOf("", e.Metrics))
	if e.EpochDone {
		b.WriteString(numbersOf("val_", e.ValMetrics))
		fmt.Fprintf(&b, "  %s/s", count(e.PerSecond))
	}
	return head, b.String()
}

// numbersOf prints the metrics that are one number.
func numbersOf(prefix string, list Metrics) string {
	var b strings.Builder
	for _, m := range list {
		if m.Table == nil {
			fmt.Fprintf(&b, "  %s%s %s", prefix, m.Name, number(m.Value))
		}
	}
	return b.String()
}

// tableText prints a table of counts with numbered rows and columns, each as wide as it needs.
func tableText(table [][]float64) string {
	var b strings.Builder
	columns := 0
	for _, row := range table {
		columns = max(columns, len(row))
	}
	widths := make([]int, columns)
	for c := range widths {
		widths[c] = len(strconv.Itoa(c))
		for _, row := range table {
			if c < len(row) {
				widths[c] = max(widths[c], len(strconv.FormatFloat(row[c], 'f', -1, 64)))
			}
		}
	}
	first := len(strconv.Itoa(max(0, len(table)-1)))
	fmt.Fprintf(&b, "  %*s", first, "")
	for c, w := range widths {
		fmt.Fprintf(&b, "  %*d", w, c)
	}
	b.WriteByte('\n')
	for r, row := range table {
		fmt.Fprintf(&b, "  %*d", first, r)
		for c, v := range row {
			fmt.Fprintf(&b, "  %*s", widths[c], strconv.FormatFloat(v, 'f', -1, 64))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// number prints a loss or a metric short but with its meaning.
func number(v float64) string {
	switch a := math.Abs(v); {
	case a == 0 || a >= 0.001 && a < 1000:
		return strconv.FormatFloat(v, 'f', 4, 64)
	default:
		return strconv.FormatFloat(v, 'g', 4, 64)
	}
}

// count prints a rate with three digits.
func count(v float64) string {
	switch {
	case v >= 1e6:
		return strconv.FormatFloat(v/1e6, 'f', 2, 64) + "M"
	case v >= 1e4:
		return strconv.FormatFloat(v/1e3, 'f', 1, 64) + "k"
	case v >= 100:
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'f', 1, 64)
}

// clock prints a duration as 0:07, 12:34 or 1:02:03.
func clock(d time.Duration) string {
	s := int(d.Round(time.Second) / time.Second)
	if s < 3600 {
		return fmt.Sprintf("%d:%02d", s/60, s%60)
	}
	return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
}

// cut shortens a line to n characters.
func cut(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}
