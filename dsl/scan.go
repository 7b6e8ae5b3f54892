// Package dsl is the language of model files: scanner, parser, formatter, and the checker that lowers a model to the tensor IR.
// docs/language.md defines it.
package dsl

import (
	"unicode/utf8"

	"github.com/dlc-ml/dlc/diag"
)

// The limits of a source file. They bound time and memory for any input.
const (
	maxSource = 1 << 20 // bytes
	maxDepth  = 200     // nested brackets and blocks
)

// kind is the kind of a token.
type kind uint8

const (
	tEOF     kind = iota
	tNewline      // the end of a statement
	tName
	tNumber
	tString
	tPunct // text is one of ( ) [ ] { } , : = + - * / |>
)

// token is one word of the source.
type token struct {
	kind kind
	text string // of a string: its value
	pos  diag.Pos
	len  int
	at   int // byte offset
}

// comment is a comment and where it stands.
type comment struct {
	text string
	pos  diag.Pos
	at   int
	own  bool // nothing but space precedes it on its line
}

// scanner turns a source into tokens.
type scanner struct {
	file     string
	src      []byte
	at       int
	line     int
	lineAt   int // offset of the line's first byte
	fresh    bool
	tokens   []token
	comments []comment
	errs     *diag.List
}

// scan returns the tokens and comments of a source. A newline is a token only where a statement can end: not inside ( ) or [ ], not behind
// an operator or comma, and not before |>.
func scan(file string, src []byte, errs *diag.List) ([]token, []comment) {
	s := &scanner{file: file, src: src, line: 1, fresh: true, errs: errs}
	if len(src) > maxSource {
		errs.Addf(diag.Pos{File: file, Line: 1, Col: 1}, 0, "the file has %d bytes; a model may have %d", len(src), maxSource)
		s.src = nil
	} else if i := invalidUTF8(src); i >= 0 {
		errs.Addf(diag.Pos{File: file, Line: 1, Col: 1}, 0, "byte %d is not UTF-8 text", i)
		s.src = nil
	}
	for s.next() {
	}
	s.put(tEOF, "", s.at, 0)
	return joinLines(s.tokens), s.comments
}

func invalidUTF8(src []byte) int {
	for i := 0; i < len(src); {
		r, n := utf8.DecodeRune(src[i:])
		if r == utf8.RuneError && n <= 1 {
			return i
		}
		i += n
	}
	return -1
}

func (s *scanner) pos(at int) diag.Pos {
	return diag.Pos{File: s.file, Line: s.line, Col: at - s.lineAt + 1}
}

func (s *scanner) put(k kind, text string, at, n int) {
	s.tokens = append(s.tokens, token{k, text, s.pos(at), n, at})
	s.fresh = false
}

// next scans one token or comment and reports whether there may be more.
func (s *scanner) next() bool {
	for s.at < len(s.src) && (s.src[s.at] == ' ' || s.src[s.at] == '\t' || s.src[s.at] == '\r') {
		s.at++
	}
	if s.at >= len(s.src) {
		return false
	}
	at := s.at
	switch c := s.src[at]; {
	case c == '\n':
		s.put(tNewline, "\n", at, 1)
		s.at++
		s.newLine()
	case c == '/' && s.peek(1) == '/':
		for s.at < len(s.src) && s.src[s.at] != '\n' {
			s.at++
		}
		s.comments = append(s.comments, comment{string(s.src[at:s.at]), s.pos(at), at, s.fresh})
	case c == '/' && s.peek(1) == '*':
		s.blockComment()
	case letter(c):
		for s.at < len(s.src) && (letter(s.src[s.at]) || digit(s.src[s.at])) {
			s.at++
		}
		s.put(tName, string(s.src[at:s.at]), at, s.at-at)
	case digit(c) || c == '.' && digit(s.peek(1)):
		s.number()
	case c == '"':
		s.str()
	case c == '|' && s.peek(1) == '>':
		s.at += 2
		s.put(tPunct, "|>", at, 2)
	case c == '<' && s.peek(1) == '=':
		s.at += 2
		s.put(tPunct, "<=", at, 2)
	case isPunct(c):
		s.at++
		s.put(tPunct, string(c), at, 1)
	default:
		r, n := utf8.DecodeRune(s.src[at:])
		s.errs.Addf(s.pos(at), n, "%q has no meaning here", string(r))
		s.at += n
	}
	return true
}

func (s *scanner) newLine() {
	s.line++
	s.lineAt = s.at
	s.fresh = true
}

func (s *scanner) peek(n int) byte {
	if s.at+n < len(s.src) {
		return s.src[s.at+n]
	}
	return 0
}

func (s *scanner) blockComment() {
	at, pos, own := s.at, s.pos(s.at), s.fresh
	for s.at += 2; ; s.at++ {
		if s.at >= len(s.src) {
			s.errs.Add(pos, 2, "this comment never ends", "close it with */")
			return
		}
		if s.src[s.at] == '*' && s.peek(1) == '/' {
			s.at += 2
			break
		}
		if s.src[s.at] == '\n' {
			s.at++
			s.newLine()
			s.at--
		}
	}
	s.comments = append(s.comments, comment{string(s.src[at:s.at]), pos, at, own})
}

// number scans 12, 1.5, .5, 1e-3 and the like; what they are worth is decided where they are used.
func (s *scanner) number() {
	at := s.at
	digits := func() {
		for s.at < len(s.src) && digit(s.src[s.at]) {
			s.at++
		}
	}
	digits()
	if s.at < len(s.src) && s.src[s.at] == '.' {
		s.at++
		digits()
	}
	if c := s.peek(0); c == 'e' || c == 'E' {
		n := 1
		if d := s.peek(1); d == '+' || d == '-' {
			n = 2
		}
		if digit(s.peek(n)) {
			s.at += n
			digits()
		}
	}
	if s.at < len(s.src) && letter(s.src[s.at]) {
		for s.at < len(s.src) && (letter(s.src[s.at]) || digit(s.src[s.at])) {
			s.at++
		}
		s.errs.Addf(s.pos(at), s.at-at, "%s is neither a number nor a name", diag.Quote(string(s.src[at:s.at])))
	}
	s.put(tNumber, string(s.src[at:s.at]), at, s.at-at)
}

// str scans a string: no escapes, no line breaks.
func (s *scanner) str() {
	at := s.at
	for s.at++; s.at < len(s.src) && s.src[s.at] != '"' && s.src[s.at] != '\n'; s.at++ {
	}
	text := string(s.src[at+1 : s.at])
	if s.at >= len(s.src) || s.src[s.at] != '"' {
		s.errs.Add(s.pos(at), s.at-at, "this string does not end on its line", `close it with "`)
	} else {
		s.at++
	}
	s.put(tString, text, at, s.at-at)
}

func letter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' }
func digit(c byte) bool  { return c >= '0' && c <= '9' }

func isPunct(c byte) bool {
	switch c {
	case '(', ')', '[', ']', '{', '}', ',', ':', '=', '+', '-', '*', '/':
		return true
	}
	return false
}

// joinLines drops the newlines at which no statement ends.
func joinLines(in []token) []token {
	var out []token
	depth := 0 // of ( and [; a { starts a new count
	var outer []int
	for i, t := range in {
		if t.kind == tPunct {
			switch t.text {
			case "(", "[":
				depth++
			case ")", "]":
				depth = max(0, depth-1)
			case "{":
				outer = append(outer, depth)
				depth = 0
			case "}":
				if n := len(outer); n > 0 {
					depth, outer = outer[n-1], outer[:n-1]
				}
			}
		}
		if t.kind == tNewline {
			if depth > 0 && startsStatement(out, in[i+1:]) {
				depth = 0 // a bracket was forgotten: let the error end with its line
			}
			if depth > 0 || len(out) == 0 || continues(out[len(out)-1]) || startsContinuation(in[i+1:]) {
				continue
			}
		}
		out = append(out, t)
	}
	return out
}

// continues reports whether a statement cannot end behind t.
func continues(t token) bool {
	if t.kind == tNewline {
		return true
	}
	if t.kind != tPunct {
		return false
	}
	switch t.text {
	case "+", "-", "*", "/", "=", ",", ":", "|>", "<=", "{":
		return true
	}
	return false
}

// startsStatement reports whether a line inside brackets must be a new statement: it starts with a word of the language or "name =", and
// the line before it did not end in a comma or operator.
func startsStatement(before, rest []token) bool {
	if len(before) == 0 || len(rest) < 2 || rest[0].kind != tName {
		return false
	}
	if last := before[len(before)-1]; continues(last) || last.kind == tPunct && (last.text == "(" || last.text == "[") {
		return false
	}
	return contains(words, rest[0].text) || rest[1].kind == tPunct && rest[1].text == "="
}

func startsContinuation(rest []token) bool {
	for _, t := range rest {
		if t.kind == tNewline {
			continue
		}
		return t.kind == tPunct && t.text == "|>"
	}
	return false
}
