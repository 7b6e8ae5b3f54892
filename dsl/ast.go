package dsl

import "github.com/dlc-ml/dlc/diag"

// model is a parsed file.
type model struct {
	name  ident
	decls []*decl
	train *section
	end   diag.Pos // of the closing brace
	endAt int
	at    int // offset of the word model
}

// ident is a name and where it stands.
type ident struct {
	text string
	pos  diag.Pos
}

// declKind is the word that a declaration starts with.
type declKind string

const (
	dInput  declKind = "input"
	dTarget declKind = "target"
	dParam  declKind = "param"
	dBuffer declKind = "buffer"
	dConst  declKind = "const"
	dBlock  declKind = "block"
	dOutput declKind = "output"
	dLength declKind = "length" // the name of a bounded extent: an input that the port it stands in brings with it
	dDef    declKind = ""
)

// decl is one declaration.
type decl struct {
	kind   declKind
	name   ident
	more   []ident // of a definition that names several results: the names behind the first
	params []ident // of a block
	body   *body   // of a block in braces
	typ    ident   // of an input, target, param or buffer: the word before the bracket
	dims   []expr  // of these
	value  expr    // of all others; of a param or buffer: how it starts, or nil
	at     int     // offset of its first token
	endAt  int     // offset behind its last

	// Of a name in a definition of several: the definition, and which of its results the name is.
	of     *decl
	result int
}

// body is what stands in the braces of a block before its return, whose value is the declaration's.
type body struct {
	decls    []*decl // param, buffer and definitions
	byName   map[string]*decl
	returnAt int // offset of the word return
}

// names lists what the declaration defines.
func (d *decl) names() []ident { return append([]ident{d.name}, d.more...) }

// section is a block of settings: train.
type section struct {
	pos      diag.Pos
	settings []*setting
	at       int
	endAt    int // offset of the closing brace
}

// setting is one line of a section.
type setting struct {
	name  ident
	value expr
	at    int
	endAt int
}

// expr is an expression.
type expr interface{ span() (diag.Pos, int) }

type (
	// numberLit is a number as written.
	numberLit struct {
		text string
		pos  diag.Pos
	}
	// stringLit is a string.
	stringLit struct {
		text string
		pos  diag.Pos
	}
	// nameRef is a name: of a definition, a constant, or a call without arguments.
	nameRef struct{ ident }
	// listLit is [a, b].
	listLit struct {
		items []expr
		pos   diag.Pos
	}
	// callExpr is f(a, k=v).
	callExpr struct {
		fn   ident
		args []arg
		bare bool // written without parentheses, behind |>
	}
	// pipeExpr is x |> f(a).
	pipeExpr struct {
		x    expr
		call *callExpr
	}
	// binaryExpr is a + b.
	binaryExpr struct {
		op   string
		x, y expr
		pos  diag.Pos // of the operator
	}
	// unaryExpr is -a.
	unaryExpr struct {
		x   expr
		pos diag.Pos
	}
	// parenExpr is (a); kept for the formatter.
	parenExpr struct {
		x   expr
		pos diag.Pos
	}
	// boundExpr is T<=200, an extent.
	boundExpr struct {
		name ident
		max  expr
	}
	// badExpr stands where no expression could be read.
	badExpr struct{ pos diag.Pos }
)

// arg is one argument of a call.
type arg struct {
	name  ident // empty where positional
	value expr
}

func (e *numberLit) span() (diag.Pos, int) { return e.pos, len(e.text) }
func (e *stringLit) span() (diag.Pos, int) { return e.pos, len(e.text) + 2 }
func (e *nameRef) span() (diag.Pos, int)   { return e.pos, len(e.text) }
func (e *listLit) span() (diag.Pos, int)   { return e.pos, 1 }
func (e *callExpr) span() (diag.Pos, int)  { return e.fn.pos, len(e.fn.text) }
func (e *pipeExpr) span() (diag.Pos, int)  { return e.call.span() }
func (e *binaryExpr) span() (diag.Pos, int) {
	return e.pos, 1
}
func (e *unaryExpr) span() (diag.Pos, int) { return e.pos, 1 }
func (e *parenExpr) span() (diag.Pos, int) { return e.x.span() }
func (e *boundExpr) span() (diag.Pos, int) {
	return e.name.pos, len(e.name.text)
}
func (e *badExpr) span() (diag.Pos, int) { return e.pos, 1 }
