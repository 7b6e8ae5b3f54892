package diag

import (
	"cmp"
	"encoding/json"
	"fmt"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Diagnostic is one finding: what is wrong at a place of the source, and the way out.
type Diagnostic struct {
	Pos   Pos
	Len   int // bytes that the carets underline; 0 for the name that stands there, or for one
	Msg   string
	Notes []string
}

// maxShown bounds what a list prints: one mistake early in a file can cause hundreds.
const maxShown = 20

// List is the findings of one run. It is an error where it is not empty.
type List struct {
	Items []Diagnostic
	// Source is the text of the file that the findings are in, from which the lines under them are shown; it may be nil.
	Source []byte
}

// Errorf returns one finding as an error, for code that stops at the first. Whoever knows the source sets it.
func Errorf(pos Pos, format string, args ...any) error {
	l := &List{}
	l.Addf(pos, 0, format, args...)
	return l
}

// Add appends a finding.
func (l *List) Add(pos Pos, length int, msg string, notes ...string) {
	l.Items = append(l.Items, Diagnostic{pos, length, msg, notes})
}

// Addf appends a finding without notes.
func (l *List) Addf(pos Pos, length int, format string, args ...any) {
	l.Add(pos, length, fmt.Sprintf(format, args...))
}

// Err returns the list sorted by position, each place and message once, or nil where it is empty.
func (l *List) Err() error {
	if len(l.Items) == 0 {
		return nil
	}
	sort.SliceStable(l.Items, func(i, j int) bool {
		a, b := l.Items[i].Pos, l.Items[j].Pos
		if a.Line != b.Line {
			return a.Line < b.Line
		}
		return a.Col < b.Col
	})
	kept := l.Items[:0]
	for i, d := range l.Items {
		if i == 0 || d.Pos != kept[len(kept)-1].Pos || d.Msg != kept[len(kept)-1].Msg {
			kept = append(kept, d)
		}
	}
	l.Items = kept
	return l
}

// Error renders every finding with its source line.
func (l *List) Error() string {
	var b strings.Builder
	for i, d := range l.Items {
		if i == maxShown {
			fmt.Fprintf(&b, "… and %d more errors\n", len(l.Items)-i)
			break
		}
		b.WriteString(d.Render(l.Source))
	}
	return strings.TrimRight(b.String(), "\n")
}

// Render returns the finding as a user reads it:
//
//	cifar.dl:11:28: error: dense needs features in one axis, but its input is f32[N,13,13,64]
//	   11 |     hidden = features |> dense(64)
//	      |                          ^^^^^
//	      note: put flatten before it
func (d Diagnostic) Render(src []byte) string {
	var b strings.Builder
	if d.Pos.Valid() || d.Pos.File != "" {
		b.WriteString(d.Pos.place() + ": ")
	}
	fmt.Fprintf(&b, "error: %s\n", d.Msg)
	line, ok := lineOf(src, d.Pos.Line)
	if ok {
		fmt.Fprintf(&b, "%5d | %s\n", d.Pos.Line, line)
		fmt.Fprintf(&b, "      | %s\n", carets(line, d.Pos.Col, cmp.Or(d.Len, word(line, d.Pos.Col))))
	}
	for _, n := range d.Notes {
		fmt.Fprintf(&b, "      note: %s\n", n)
	}
	return b.String()
}

// place is the position as editors read it; a file alone where there is no line.
func (p Pos) place() string {
	if !p.Valid() {
		return p.File
	}
	return p.String()
}

// MarshalJSON gives an object with file, line, col, message and notes.
func (d Diagnostic) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Severity string   `json:"severity"`
		File     string   `json:"file"`
		Line     int      `json:"line"`
		Col      int      `json:"col"`
		Message  string   `json:"message"`
		Notes    []string `json:"notes,omitempty"`
	}{"error", d.Pos.File, d.Pos.Line, d.Pos.Col, d.Msg, d.Notes})
}

// maxLine is how much of a line is shown.
const maxLine = 240

// lineOf returns line n of src, counted from 1, cut to what fits a screen and with control characters shown as spaces.
func lineOf(src []byte, n int) (string, bool) {
	if n < 1 || src == nil {
		return "", false
	}
	s := string(src)
	for ; n > 1; n-- {
		i := strings.IndexByte(s, '\n')
		if i < 0 {
			return "", false
		}
		s = s[i+1:]
	}
	s, _, _ = strings.Cut(s, "\n")
	s = strings.TrimRight(s, "\r")
	if len(s) > maxLine {
		s = strings.ToValidUTF8(s[:maxLine], "") + " …"
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' || r == 0x7f {
			return ' '
		}
		return r
	}, s), true
}

// word returns the length of the name that begins at column col, 0 where none does.
func word(line string, col int) int {
	n := 0
	for i := col - 1; i >= 0 && i < len(line); i++ {
		if c := line[i]; c != '_' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
			break
		}
		n++
	}
	return n
}

// carets returns the line that underlines length bytes from column col. Tabs are kept, so that the carets stand below the text.
func carets(line string, col, length int) string {
	var b strings.Builder
	at := 1
	for _, r := range line {
		if at >= col {
			break
		}
		if r == '\t' {
			b.WriteByte('\t')
		} else {
			b.WriteByte(' ')
		}
		at += utf8.RuneLen(r)
	}
	end := min(max(0, col-1)+max(1, length), len(line))
	width := 1
	if col-1 < end && col >= 1 {
		width = max(1, utf8.RuneCountInString(line[col-1:end]))
	}
	return b.String() + strings.Repeat("^", width)
}

// Nearest returns the candidate that a misspelt name most likely means, or "": at most a third of its letters may be wrong.
func Nearest(name string, candidates []string) string {
	best, least := "", max(1, len(name)/3)+1
	for _, c := range candidates {
		if len(c) > 64 || len(name) > 64 || c == name {
			continue
		}
		if d := distance(name, c); d < least || d == least && best != "" && c < best {
			best, least = c, d
		}
	}
	return best
}

// Suggest returns a note that names the nearest candidate, or lists them where there are few; "" where it can say nothing.
func Suggest(name string, candidates []string) string {
	if n := Nearest(name, candidates); n != "" {
		return "did you mean " + n + "?"
	}
	if len(candidates) > 0 && len(candidates) <= 12 {
		c := append([]string(nil), candidates...)
		sort.Strings(c)
		return "there are " + strings.Join(c, ", ")
	}
	return ""
}

// distance counts the letters to insert, delete, replace or swap with their neighbour (optimal string alignment).
func distance(a, b string) int {
	two, prev, cur := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		cur[0] = i
		for j := 1; j <= len(b); j++ {
			d := prev[j-1]
			if a[i-1] != b[j-1] {
				d++
			}
			d = min(d, prev[j]+1, cur[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d = min(d, two[j-2]+1)
			}
			cur[j] = d
		}
		two, prev, cur = prev, cur, two
	}
	return prev[len(b)]
}

// Quote shows a piece of source in a message: quoted, and cut where it is long.
func Quote(s string) string {
	if len(s) > 40 {
		s = strings.ToValidUTF8(s[:40], "") + "…"
	}
	return strconv.Quote(s)
}
