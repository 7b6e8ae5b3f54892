package lex

import (
	"math"
	"strconv"
	"strings"

	"github.com/dlc-ml/dlc/diag"
)

// Name writes a name: as it is where it is an identifier, else in quotes. Keywords are put in quotes too.
func Name(s string, keywords ...string) string {
	for _, k := range keywords {
		if s == k {
			return strconv.Quote(s)
		}
	}
	if s == "" || isDigit(s[0]) || s[0] == '.' {
		return strconv.Quote(s)
	}
	return SigilName(s)
}

// SigilName writes a name that stands behind % or @, where it may begin with a digit.
func SigilName(s string) string {
	for i := range len(s) {
		if !isName(s[i]) {
			return strconv.Quote(s)
		}
	}
	if s == "" {
		return `""`
	}
	return s
}

// Symbol writes a symbol that stands right behind a number, as in 100N: in quotes where it could be taken for part of the number.
func Symbol(s string) string {
	if s != "" && strings.IndexByte("exEX._", s[0]) >= 0 {
		return strconv.Quote(s)
	}
	return Name(s)
}

// FloatText writes a number with a point or an exponent, so that it is no int and reads back to the same bits.
func FloatText(x float64, bits int) string {
	switch {
	case math.IsInf(x, 1):
		return "inf"
	case math.IsInf(x, -1):
		return "-inf"
	case x != x:
		return "nan"
	}
	s := strconv.FormatFloat(x, 'g', -1, bits)
	if !strings.ContainsAny(s, ".e") {
		s += ".0"
	}
	return s
}

// Pos writes the comment that names a position, with a blank before it, or nothing.
func Pos(p diag.Pos) string {
	if !p.Valid() {
		return ""
	}
	return " // " + PosText(p)
}

// PosText writes file:line:col, the file in quotes where it has odd characters; "-" is no position.
func PosText(p diag.Pos) string {
	if !p.Valid() {
		return "-"
	}
	file := p.File
	for i := range len(file) {
		if c := file[i]; !isName(c) && strings.IndexByte("/-+ ", c) < 0 {
			file = strconv.Quote(p.File)
			break
		}
	}
	if file == "" || strings.TrimSpace(file) != file {
		file = strconv.Quote(p.File)
	}
	return file + ":" + strconv.Itoa(p.Line) + ":" + strconv.Itoa(p.Col)
}

// ParsePos reads what [PosText] wrote; ok is false where s is something else, such as a remark.
func ParsePos(s string) (p diag.Pos, ok bool) {
	if s == "-" {
		return diag.Pos{}, true
	}
	rest, col, ok1 := cutLast(s)
	file, line, ok2 := cutLast(rest)
	if !ok1 || !ok2 || line <= 0 {
		return diag.Pos{}, false
	}
	if strings.HasPrefix(file, `"`) {
		f, err := strconv.Unquote(file)
		if err != nil {
			return diag.Pos{}, false
		}
		file = f
	} else if file == "" || strings.ContainsAny(file, "\";,:") {
		return diag.Pos{}, false
	}
	return diag.Pos{File: file, Line: line, Col: col}, true
}

func cutLast(s string) (before string, n int, ok bool) {
	i := strings.LastIndexByte(s, ':')
	if i < 0 {
		return "", 0, false
	}
	n, err := strconv.Atoi(s[i+1:])
	return s[:i], n, err == nil
}
