package fusion

import "github.com/dlc-ml/dlc/ir/loop"

// prologue computes what map i stores in a temporary where it is read, so that the temporary goes. Sums of products and windows are
// left alone, since their loads are what their kernels are about; their stores are not. A part of a tensor they can load as well as a whole one.
func (u *fuser) prologue(i int) bool {
	p := u.f.Nests[i]
	if p.Form != loop.Map && (p.Form != loop.Copy || reshapes(p) && !shifts(p)) || !plainStores(p) || len(p.Red) > 0 {
		return false
	}
	for _, s := range p.Stores {
		t := s.To.Buf
		if t.Space != loop.Temp || u.outside[t] {
			continue
		}
		if w, _ := u.writer(t); w == p && u.inline(i, t) {
			return true
		}
	}
	return false
}

// inline puts the expression that nest i stores in t in place of every load of t.
func (u *fuser) inline(i int, t *loop.Buffer) bool {
	p := u.f.Nests[i]
	st := p.Stores[storeTo(p, t)]
	dim, ok := plain(p, t, st.To.Index)
	if !ok || st.Expr.Type != t.Elem || loop.Meets(u.touch(p).Reads, t) {
		return false
	}
	readers := u.readers(t)
	if len(readers) == 0 || readers[0] <= i {
		return false
	}
	cost := price(st.Expr)
	extra, saved := 0, 0
	for _, j := range readers {
		c := u.f.Nests[j]
		if why := u.takes(c, t, p, st.Expr); why != "" {
			return u.refuse(p, "%s", why)
		}
		for _, a := range c.Loads() {
			if a.Buf == t && !sameStep(p, st.To.Index, c, a.Index) {
				return u.refuse(p, "%s reads %s of another step", c.Name, t.Name)
			}
		}
		for k := i + 1; k <= j; k++ {
			if b := loop.Clash(u.touch(p).Reads, u.touch(u.f.Nests[k]).Writes); b != nil {
				return u.refuse(p, "%s changes before %s reads %s", b.Name, c.Name, t.Name)
			}
		}
		if len(union(u.touch(p), u.touch(c))) > most {
			return u.refuse(p, "with it %s would touch more than %d tensors", c.Name, most)
		}
		n := evaluations(c, t)
		extra += n * cost
		saved += n
	}
	whole := points(p.Axes)
	if extra-whole*cost > saved+2*whole {
		return u.refuse(p, "computing %s again at each of its uses would cost more than keeping it", t.Name)
	}
	if !u.cfg.Rewrite("inline " + p.Name + " where " + t.Name + " is read") {
		return false
	}
	for _, j := range readers {
		u.note(p.Pos, "%s is computed where %s reads it", p.Name, u.f.Nests[j].Name)
		u.f.Nests[j] = inlined(u.f.Nests[j], p, st.Expr, t, dim)
	}
	u.dead()
	return true
}

// takes returns why nest c cannot compute t, which nest p does as e, itself, or "".
func (u *fuser) takes(c *loop.Nest, t *loop.Buffer, p *loop.Nest, e *loop.Expr) string {
	if c.Form == loop.Scan {
		return c.Name + " is a scan"
	}
	dyn, inValue := false, false
	check := func(in bool) func(x *loop.Expr) {
		return func(x *loop.Expr) {
			if x.Code == loop.Load && x.From.Buf.Overlaps(t) {
				dyn = dyn || dynamic(x.From) || x.From.Buf != t
				inValue = inValue || in
			}
		}
	}
	c.Value.Walk(check(true))
	for _, s := range c.Stores {
		s.Expr.Walk(check(false))
		for _, d := range s.To.Dyn {
			d.Walk(check(false))
		}
	}
	switch {
	case dyn:
		return c.Name + " reads " + t.Name + " at indices that it computes"
	case inValue && c.Form != loop.Reduce && !shifts(p):
		return c.Name + " is a " + c.Form.String()
	case inValue && c.Fold == loop.FoldSum && c.Value.Code == loop.Load && e.Code == loop.Mul:
		return c.Name + " would become a chain of fused multiply-adds, which rounds otherwise"
	}
	return ""
}

// inlined is c with every load of t replaced by e, an expression over the axes of map p, which walk the dimensions dim of t.
func inlined(c, p *loop.Nest, e *loop.Expr, t *loop.Buffer, dim []int) *loop.Nest {
	at := func(x *loop.Expr) *loop.Expr {
		if x.Code != loop.Load || x.From.Buf != t {
			return x
		}
		axes := make([]loop.Affine, len(p.Axes))
		for a, d := range dim {
			if d >= 0 {
				axes[a] = x.From.Index[d]
			} else if isStep(p, a) {
				axes[a] = loop.Ax(a)
			}
		}
		return onAxes(e, axes, nil)
	}
	n := c.Rewrite(at)
	n.Ops = append(append([]string(nil), p.Ops...), c.Ops...)
	reform(n, 0)
	return n
}

// guess stands for a symbol in costs: a usual batch.
const guess = 64

// points is how many points some axes span, for a usual batch.
func points(axes []loop.Axis) int {
	n := 1
	for _, a := range axes {
		n *= a.Extent.Size
		if !a.Extent.Static() {
			n *= guess
		}
	}
	return n
}

// evaluations is how often c loads t.
func evaluations(c *loop.Nest, t *loop.Buffer) int {
	n, each := 0, points(c.Axes)
	count := func(times int) func(*loop.Expr) {
		return func(e *loop.Expr) {
			if e.Code == loop.Load && e.From.Buf == t {
				n += times
			}
		}
	}
	c.Value.Walk(count(each * points(c.Red)))
	for _, s := range c.Stores {
		s.Expr.Walk(count(each))
		for _, d := range s.To.Dyn {
			d.Walk(count(each))
		}
	}
	return n
}

// price is about what one evaluation of e costs, in simple vector instructions.
func price(e *loop.Expr) int {
	n := 0
	e.Walk(func(e *loop.Expr) {
		switch e.Code {
		case loop.Const, loop.Index, loop.ToBits, loop.FromBits:
		case loop.Div, loop.Sqrt:
			n += 5
		case loop.Exp, loop.Log, loop.Expm1, loop.Log1p:
			n += 12
		case loop.Tanh, loop.Sigmoid, loop.Erf, loop.Sin, loop.Cos, loop.Atan:
			n += 20
		case loop.Pow:
			if e.Args[1].Code == loop.Const {
				n += 5 // mostly a square or a root
				return
			}
			n += 50
		case loop.Hash:
			n += 7
		default:
			n++
		}
	})
	return n
}
