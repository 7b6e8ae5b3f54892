package loop

import (
	"math"
	"slices"
	"strconv"

	"github.com/dlc-ml/dlc/ir"
)

// Code is the operation of an expression node.
type Code uint8

// The operations. Values are f32, i32 or a truth value. Arithmetic on f32 rounds once for each node; only FMA fuses.
const (
	Const Code = iota // Bits, of type Type
	Load              // From
	Acc               // the folded value; in stores only
	Index             // the affine Idx as an i32

	Add
	Sub
	Mul
	Div // of i32: towards zero, 0 where the divisor is 0; the least number divided by -1 is itself
	Min // NaN where either is
	Max // NaN where either is
	Neg
	Abs
	Sqrt
	FMA // Args[0]*Args[1] + Args[2], rounded once
	Floor
	Ceil
	Round // to nearest even
	Exp
	Log
	Tanh
	Sigmoid
	Erf
	Expm1 // exp(x)-1, exact near 0
	Log1p // ln(1+x), exact near 0
	Sin
	Cos
	Atan
	Pow // Args[0] to the power of Args[1], as in C99: NaN of a negative number to a fraction

	Less // comparisons: a truth value
	LessEq
	Eq
	NotEq
	Not
	And // on truth values, or bits of i32
	Or
	Xor
	Shl    // i32, by a constant
	Shr    // i32, logical, by a constant
	Select // Args[0] ? Args[1] : Args[2]

	ToF32    // from i32 (rounds to nearest even)
	ToI32    // from f32 (rounds to nearest even)
	ToBits   // the bits of an f32 as an i32
	FromBits // the f32 with the bits of an i32
	Hash     // Args[0] mixed to 32 well-spread bits (i32): two rounds of xor-shift-multiply
)

// CodeInfo describes an operation.
type CodeInfo struct {
	Name  string
	Arity int
	Infix string // "" where it is written as a call
}

// Codes describes every operation, indexed by Code.
var Codes = [...]CodeInfo{
	Const: {"const", 0, ""}, Load: {"load", 0, ""}, Acc: {"acc", 0, ""}, Index: {"index", 0, ""},
	Add: {"add", 2, "+"}, Sub: {"sub", 2, "-"}, Mul: {"mul", 2, "*"}, Div: {"div", 2, "/"},
	Min: {"min", 2, ""}, Max: {"max", 2, ""}, Neg: {"neg", 1, ""}, Abs: {"abs", 1, ""}, Sqrt: {"sqrt", 1, ""}, FMA: {"fma", 3, ""},
	Floor: {"floor", 1, ""}, Ceil: {"ceil", 1, ""}, Round: {"round", 1, ""},
	Exp: {"exp", 1, ""}, Log: {"log", 1, ""}, Tanh: {"tanh", 1, ""}, Sigmoid: {"sigmoid", 1, ""}, Erf: {"erf", 1, ""},
	Expm1: {"expm1", 1, ""}, Log1p: {"log1p", 1, ""}, Sin: {"sin", 1, ""}, Cos: {"cos", 1, ""}, Atan: {"atan", 1, ""}, Pow: {"pow", 2, ""},
	Less: {"less", 2, "<"}, LessEq: {"less_eq", 2, "<="}, Eq: {"eq", 2, "=="}, NotEq: {"not_eq", 2, "!="},
	Not: {"not", 1, ""}, And: {"and", 2, "&"}, Or: {"or", 2, "|"}, Xor: {"xor", 2, "^"}, Shl: {"shl", 2, "<<"}, Shr: {"shr", 2, ">>"},
	Select: {"select", 3, ""}, ToF32: {"f32", 1, ""}, ToI32: {"i32", 1, ""},
	ToBits: {"to_bits", 1, ""}, FromBits: {"from_bits", 1, ""}, Hash: {"hash", 1, ""},
}

// Expr is a node of a scalar expression. Nodes may be shared and are never changed in place.
type Expr struct {
	Code Code
	Type ir.DType // F32, I32 or Bool
	Args []*Expr
	From Access // of a Load
	Bits uint32 // of a Const: the bits of its f32 or i32
	Idx  Affine // of an Index
}

// F is an f32 constant.
func F(x float64) *Expr {
	return &Expr{Code: Const, Type: ir.F32, Bits: math.Float32bits(float32(x))}
}

// I is an i32 constant.
func I(n int) *Expr { return &Expr{Code: Const, Type: ir.I32, Bits: uint32(int32(n))} }

// Read is a load.
func Read(b *Buffer, index ...Affine) *Expr {
	return &Expr{Code: Load, Type: b.Elem, From: Access{Buf: b, Index: index}}
}

// Total is the folded value of the nest.
func Total(t ir.DType) *Expr { return &Expr{Code: Acc, Type: t} }

// IndexOf is the value of an affine index.
func IndexOf(a Affine) *Expr { return &Expr{Code: Index, Type: ir.I32, Idx: a} }

// E makes a node and gives it its type: comparisons and Not are Bool, casts their target, Select its second argument's, others
// their first argument's.
func E(c Code, args ...*Expr) *Expr {
	return &Expr{Code: c, Args: args, Type: derivedType(c, args)}
}

// Walk calls visit for e and every node under it, operands first. Shared nodes are visited once.
func (e *Expr) Walk(visit func(*Expr)) { e.WalkUnseen(map[*Expr]bool{}, visit) }

// WalkUnseen is Walk for the nodes that are not in seen yet, and adds them to it.
func (e *Expr) WalkUnseen(seen map[*Expr]bool, visit func(*Expr)) {
	if e == nil || seen[e] {
		return
	}
	seen[e] = true
	for _, a := range e.Args {
		a.WalkUnseen(seen, visit)
	}
	for _, d := range e.From.Dyn {
		d.WalkUnseen(seen, visit)
	}
	visit(e)
}

// Rewrite returns e with every node replaced by what f makes of it; f sees nodes whose operands are already rewritten. A node
// that nothing touched keeps its identity.
func (e *Expr) Rewrite(f func(*Expr) *Expr) *Expr { return e.rewrite(f, map[*Expr]*Expr{}) }

func (e *Expr) rewrite(f func(*Expr) *Expr, done map[*Expr]*Expr) *Expr {
	if e == nil {
		return nil
	}
	if r, ok := done[e]; ok {
		return r
	}
	n := e
	set := func() {
		if n == e {
			c := *e
			c.Args = append([]*Expr(nil), e.Args...)
			c.From.Dyn = append([]*Expr(nil), e.From.Dyn...)
			n = &c
		}
	}
	for i, a := range e.Args {
		if r := a.rewrite(f, done); r != a {
			set()
			n.Args[i] = r
		}
	}
	for i, a := range e.From.Dyn {
		if r := a.rewrite(f, done); r != a {
			set()
			n.From.Dyn[i] = r
		}
	}
	r := f(n)
	done[e] = r
	return r
}

// Exprs calls visit for every node of the nest's value, of its stores and of their computed indices, operands first; for one that
// several of them share, once.
func (n *Nest) Exprs(visit func(*Expr)) {
	seen := map[*Expr]bool{}
	n.Value.WalkUnseen(seen, visit)
	for _, s := range n.Stores {
		s.Expr.WalkUnseen(seen, visit)
		for _, d := range s.To.Dyn {
			d.WalkUnseen(seen, visit)
		}
	}
}

// Rewrite returns a copy of n with the nodes of all its expressions replaced by what f makes of them, as [Expr.Rewrite] does. What they share they
// share afterwards.
func (n *Nest) Rewrite(f func(*Expr) *Expr) *Nest {
	c, done := *n, map[*Expr]*Expr{}
	c.Value = n.Value.rewrite(f, done)
	c.Stores = slices.Clone(n.Stores)
	for i := range c.Stores {
		s := &c.Stores[i]
		s.Expr = s.Expr.rewrite(f, done)
		s.To.Dyn = slices.Clone(s.To.Dyn)
		for k, e := range s.To.Dyn {
			s.To.Dyn[k] = e.rewrite(f, done)
		}
	}
	return &c
}

// Loads returns the accesses of the loads in the nest's value and stores.
func (n *Nest) Loads() []Access {
	var list []Access
	n.Exprs(func(e *Expr) {
		if e.Code == Load {
			list = append(list, e.From)
		}
	})
	return list
}

// Apart reports whether nothing that the nest stores to is read by it.
func (n *Nest) Apart() bool {
	loads := n.Loads()
	return !slices.ContainsFunc(n.Stores, func(s Store) bool {
		return s.Add || slices.ContainsFunc(loads, func(a Access) bool { return a.Buf.Overlaps(s.To.Buf) })
	})
}

// Accesses returns the accesses of every load, then those of the stores.
func (n *Nest) Accesses() []Access {
	list := n.Loads()
	for _, s := range n.Stores {
		list = append(list, s.To)
	}
	return list
}

func itoa(n int) string { return strconv.Itoa(n) }
