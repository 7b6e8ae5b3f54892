package dsl

import (
	"bytes"
	"strings"

	"github.com/dlc-ml/dlc/diag"
)

// Format returns a source in the one style: four spaces for each level, one space around operators, a declaration a line, and the
// equals signs of neighbouring lines one below the other. Comments and blank lines stay, of several blank lines one. A source that does
// not parse is an error, a *diag.List.
func Format(file string, src []byte) ([]byte, error) {
	errs := &diag.List{Source: src}
	m, comments := parse(file, src, errs)
	if err := errs.Err(); err != nil || m == nil {
		return nil, err
	}
	f := &formatter{src: src, comments: comments}
	f.model(m)
	return f.render(), nil
}

// line is one output line. Lines whose key is not empty, and that stand together, have what follows it aligned.
type line struct {
	depth   int
	key     string // "features"
	sep     string // "=", or "" behind input, target, param and buffer
	rest    string
	comment string // behind the code
	blank   bool
	raw     bool // a comment of several lines: printed as it is
}

type formatter struct {
	src      []byte
	comments []comment
	lines    []line
	last     int // offset up to which the source is printed
}

func (f *formatter) model(m *model) {
	f.before(m.at, 0)
	f.put(line{rest: "model " + m.name.text + " {"})
	f.last = f.brace(m.at)
	type item struct {
		at, end int
		print   func()
	}
	var items []item
	for _, d := range m.decls {
		items = append(items, item{d.at, d.endAt, func() { f.decl(d, 1) }})
	}
	if s := m.train; s != nil {
		items = append(items, item{s.at, s.endAt + 1, func() { f.section(s) }})
	}
	for i := range items { // by position: train may stand anywhere
		for j := i; j > 0 && items[j].at < items[j-1].at; j-- {
			items[j], items[j-1] = items[j-1], items[j]
		}
	}
	for _, it := range items {
		f.before(it.at, 1)
		it.print()
		f.last = max(f.last, it.end)
	}
	f.before(m.endAt, 1)
	f.trimBlank()
	f.put(line{rest: "}"})
	f.last = m.endAt + 1
	f.before(len(f.src), 0)
	f.trimBlank()
}

// brace is the offset behind the next opening brace.
func (f *formatter) brace(at int) int {
	if i := bytes.IndexByte(f.src[at:], '{'); i >= 0 {
		return at + i + 1
	}
	return at
}

func (f *formatter) put(l line) { f.lines = append(f.lines, l) }

func (f *formatter) trimBlank() {
	for len(f.lines) > 0 && f.lines[len(f.lines)-1].blank {
		f.lines = f.lines[:len(f.lines)-1]
	}
}

// before prints the comments and blank lines that stand before offset at.
func (f *formatter) before(at, depth int) {
	for len(f.comments) > 0 && f.comments[0].at < at {
		c := f.comments[0]
		f.comments = f.comments[1:]
		if c.at < f.last && len(f.lines) > 0 || !c.own && len(f.lines) > 0 {
			// Behind or inside the code of the line above.
			l := &f.lines[len(f.lines)-1]
			if strings.HasPrefix(l.comment, "//") || strings.Contains(c.text, "\n") {
				f.lines = append(f.lines, line{depth: depth, rest: c.text, raw: true})
			} else {
				l.comment = strings.TrimSpace(l.comment + " " + c.text)
			}
			f.last = max(f.last, c.at+len(c.text))
			continue
		}
		f.blank(c.at)
		f.lines = append(f.lines, line{depth: depth, rest: strings.TrimRight(c.text, " \t\r"), raw: true})
		f.last = c.at + len(c.text)
	}
	f.blank(at)
}

// blank prints one blank line where the source has some between what is printed and offset at.
func (f *formatter) blank(at int) {
	if f.last >= at || len(f.lines) == 0 {
		return
	}
	if l := f.lines[len(f.lines)-1]; l.blank || strings.HasSuffix(l.rest, "{") && !l.raw {
		return
	}
	if bytes.Count(f.src[f.last:at], []byte("\n")) > 1 {
		f.lines = append(f.lines, line{blank: true})
	}
}

func (f *formatter) decl(d *decl, depth int) {
	key := d.name.text
	if d.kind != dDef {
		key = string(d.kind) + " " + key
	}
	switch d.kind {
	case dInput, dTarget, dParam, dBuffer:
		t := d.typ.text
		if d.dims != nil {
			t += "[" + exprs(d.dims) + "]"
		}
		if d.value != nil {
			t += " = " + text(d.value, pipeLevel)
		}
		f.put(line{depth: depth, key: string(d.kind), rest: d.name.text + ": " + t})
	case dBlock:
		var names []string
		for _, p := range d.params {
			names = append(names, p.text)
		}
		key += "(" + strings.Join(names, ", ") + ")"
		if d.body != nil {
			f.block(d, key)
			break
		}
		f.put(line{depth: depth, rest: key + " = " + text(d.value, 0)})
	default:
		for _, n := range d.more {
			key += ", " + n.text
		}
		f.put(line{depth: depth, key: key, sep: "=", rest: text(d.value, 0)})
	}
}

// block prints a block in braces.
func (f *formatter) block(d *decl, head string) {
	f.put(line{depth: 1, rest: head + " {"})
	f.last = f.brace(d.at)
	for _, l := range d.body.decls {
		f.before(l.at, 2)
		f.decl(l, 2)
		f.last = max(f.last, l.endAt)
	}
	f.before(d.body.returnAt, 2)
	f.put(line{depth: 2, rest: "return " + text(d.value, 0)})
	f.last = max(f.last, d.body.returnAt)
	f.before(d.endAt-1, 2)
	f.trimBlank()
	f.put(line{depth: 1, rest: "}"})
}

func (f *formatter) section(s *section) {
	f.put(line{depth: 1, rest: "train {"})
	f.last = f.brace(s.at)
	for _, st := range s.settings {
		f.before(st.at, 2)
		f.put(line{depth: 2, key: st.name.text, sep: "=", rest: text(st.value, 0)})
		f.last = max(f.last, st.endAt)
	}
	f.before(s.endAt, 2)
	f.trimBlank()
	f.put(line{depth: 1, rest: "}"})
}

// render aligns and joins the lines.
func (f *formatter) render() []byte {
	var b bytes.Buffer
	for i := 0; i < len(f.lines); {
		j := i
		width := 0
		for j < len(f.lines) && f.lines[j].key != "" && f.lines[j].depth == f.lines[i].depth && f.lines[j].sep == f.lines[i].sep {
			width = max(width, len(f.lines[j].key))
			j++
		}
		for _, l := range f.lines[i:max(j, i+1)] {
			f.write(&b, l, width)
		}
		i = max(j, i+1)
	}
	return b.Bytes()
}

func (f *formatter) write(b *bytes.Buffer, l line, width int) {
	if l.blank {
		b.WriteByte('\n')
		return
	}
	b.WriteString(strings.Repeat("    ", l.depth))
	if l.key != "" {
		b.WriteString(l.key + strings.Repeat(" ", width-len(l.key)) + " ")
		if l.sep != "" {
			b.WriteString(l.sep + " ")
		}
	}
	b.WriteString(l.rest)
	if l.comment != "" {
		b.WriteString(" " + l.comment)
	}
	b.WriteByte('\n')
}

// The binding strengths of operators.
const (
	pipeLevel = iota
	sumLevel
	productLevel
	unaryLevel
)

// text prints an expression. Brackets of the source stay; none need be added, since the tree came from a source.
func text(x expr, level int) string {
	switch x := x.(type) {
	case *numberLit:
		return x.text
	case *stringLit:
		return `"` + x.text + `"`
	case *nameRef:
		return x.text
	case *parenExpr:
		return "(" + text(x.x, pipeLevel) + ")"
	case *listLit:
		return "[" + exprs(x.items) + "]"
	case *unaryExpr:
		return "-" + text(x.x, unaryLevel)
	case *binaryExpr:
		at, sep := sumLevel, " "
		if x.op == "*" || x.op == "/" {
			at = productLevel
			if level > pipeLevel || simple(x.x) && simple(x.y) {
				sep = ""
			}
		}
		return text(x.x, at) + sep + x.op + sep + text(x.y, at)
	case *pipeExpr:
		return text(x.x, pipeLevel) + " |> " + text(x.call, pipeLevel)
	case *boundExpr:
		return x.name.text + "<=" + text(x.max, sumLevel)
	case *callExpr:
		if x.bare {
			return x.fn.text
		}
		var args []string
		for _, a := range x.args {
			if a.name.text != "" {
				args = append(args, a.name.text+"="+text(a.value, pipeLevel))
			} else {
				args = append(args, text(a.value, pipeLevel))
			}
		}
		return x.fn.text + "(" + strings.Join(args, ", ") + ")"
	}
	return ""
}

// simple reports whether x is a number or a name.
func simple(x expr) bool {
	switch x.(type) {
	case *numberLit, *nameRef:
		return true
	}
	return false
}

func exprs(list []expr) string {
	var parts []string
	for _, x := range list {
		parts = append(parts, text(x, pipeLevel))
	}
	return strings.Join(parts, ", ")
}
