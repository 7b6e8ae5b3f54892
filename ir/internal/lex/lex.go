// Package lex reads the tokens that the text forms of both IRs share, and writes names so that they read back.
package lex

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/dlc-ml/dlc/diag"
)

// MaxText bounds the text of one program, in bytes.
const MaxText = 64 << 20

// Kind is the class of a token.
type Kind uint8

// The classes of tokens.
const (
	EOF    Kind = iota
	Ident       // letters, digits, _ . $, beginning with none of the digits
	Int         // decimal, or hexadecimal behind 0x; a sign is a token of its own
	Float       // decimal, with a point or an exponent
	String      // in double quotes; Text is what it means
	Value       // % and a name; Text is the name
	Param       // @ and a name; Text is the name
	Punct       // anything else
)

// Token is one token and where it stands.
type Token struct {
	Kind Kind
	Text string
	Line int
	Col  int
	// First tells that nothing stands before it on its line.
	First bool
	// Trail is the text of the comment that ends the token's line, where no token follows before it.
	Trail string
}

// Error is what is wrong with a text and where.
type Error struct {
	Pos diag.Pos
	Msg string
}

// Error returns "file:line:col: message".
func (e *Error) Error() string { return e.Pos.String() + ": " + e.Msg }

// scanner reads tokens one by one.
type scanner struct {
	src       string
	at        int
	line      int
	lineStart int
	fresh     bool // no token on this line yet
}

// scan returns the next token, with any comment behind it. msg tells what is wrong.
func (s *scanner) scan() (t Token, msg string) {
	s.skip()
	t = Token{Line: s.line, Col: s.at - s.lineStart + 1, First: s.fresh}
	s.fresh = false
	if s.at >= len(s.src) {
		return t, ""
	}
	start := s.at
	switch c := s.src[s.at]; {
	case (c == '%' || c == '@') && s.at+1 < len(s.src) && (isName(s.src[s.at+1]) || s.src[s.at+1] == '"'):
		t.Kind = Value
		if c == '@' {
			t.Kind = Param
		}
		s.at++
		if s.src[s.at] == '"' {
			t.Text, msg = s.quoted()
			break
		}
		t.Text = s.run(isName)
	case c == '"':
		t.Kind = String
		t.Text, msg = s.quoted()
	case isDigit(c):
		t.Kind = s.number()
		t.Text = s.src[start:s.at]
	case isName(c) && c != '.':
		t.Kind = Ident
		t.Text = s.run(isName)
	case c < 0x20 || c > 0x7e:
		return t, fmt.Sprintf("character %q has no place outside quotes", c)
	default:
		t.Kind = Punct
		s.at++
		if s.at < len(s.src) {
			switch s.src[start : s.at+1] {
			case "->", "<=", "==", "!=", "<<", ">>":
				s.at++
			}
		}
		t.Text = s.src[start:s.at]
	}
	if msg == "" {
		t.Trail = s.trail()
	}
	return t, msg
}

// skip passes white space and whole comments.
func (s *scanner) skip() {
	for s.at < len(s.src) {
		switch c := s.src[s.at]; {
		case c == '\n':
			s.at++
			s.line++
			s.lineStart = s.at
			s.fresh = true
		case c == ' ' || c == '\t' || c == '\r':
			s.at++
		case strings.HasPrefix(s.src[s.at:], "//"):
			s.toLineEnd()
		default:
			return
		}
	}
}

func (s *scanner) toLineEnd() {
	if n := strings.IndexByte(s.src[s.at:], '\n'); n >= 0 {
		s.at += n
		return
	}
	s.at = len(s.src)
}

// trail takes the comment that ends this line, if nothing else stands before it.
func (s *scanner) trail() string {
	for s.at < len(s.src) && (s.src[s.at] == ' ' || s.src[s.at] == '\t') {
		s.at++
	}
	if !strings.HasPrefix(s.src[s.at:], "//") {
		return ""
	}
	start := s.at + 2
	s.toLineEnd()
	return strings.TrimSpace(s.src[start:s.at])
}

func (s *scanner) run(ok func(byte) bool) string {
	start := s.at
	for s.at < len(s.src) && ok(s.src[s.at]) {
		s.at++
	}
	return s.src[start:s.at]
}

func (s *scanner) quoted() (text, msg string) {
	start := s.at
	for s.at++; s.at < len(s.src) && s.src[s.at] != '\n'; s.at++ {
		switch s.src[s.at] {
		case '\\':
			s.at++
		case '"':
			s.at++
			text, err := strconv.Unquote(s.src[start:s.at])
			if err != nil {
				return "", "bad escape in quotes"
			}
			return text, ""
		}
	}
	return "", "quotes are not closed on their line"
}

// number reads 12, 0x1f, 1.5 or 1e-05. Letters behind it are a token of their own: 100N is 100, then N.
func (s *scanner) number() Kind {
	if strings.HasPrefix(s.src[s.at:], "0x") && s.at+2 < len(s.src) && isHex(s.src[s.at+2]) {
		s.at += 2
		s.run(isHex)
		return Int
	}
	kind := Int
	s.run(isDigit)
	if s.at+1 < len(s.src) && s.src[s.at] == '.' && isDigit(s.src[s.at+1]) {
		kind = Float
		s.at++
		s.run(isDigit)
	}
	if e := s.at; e < len(s.src) && s.src[e] == 'e' {
		e++
		if e < len(s.src) && (s.src[e] == '-' || s.src[e] == '+') {
			e++
		}
		if e < len(s.src) && isDigit(s.src[e]) {
			kind = Float
			s.at = e
			s.run(isDigit)
		}
	}
	return kind
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isHex(c byte) bool { return isDigit(c) || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F' }

func isName(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || isDigit(c) || c == '_' || c == '.' || c == '$'
}
