// Package diag holds source positions and diagnostics: what went wrong, where, and the way out. Diagnostics are values;
// they are rendered in one place, [Diagnostic.Render].
package diag

import "strconv"

// Pos is a place in a source file. Line and Col count from 1; Col counts bytes, as Go's compiler does. The zero Pos is
// "no position".
type Pos struct {
	File string
	Line int
	Col  int
}

// Valid reports whether p names a place.
func (p Pos) Valid() bool { return p.Line > 0 }

// String returns "file:line:col", the form editors jump to, or "-" for no position.
func (p Pos) String() string {
	if !p.Valid() {
		return "-"
	}
	return p.File + ":" + strconv.Itoa(p.Line) + ":" + strconv.Itoa(p.Col)
}
