package kernel

import (
	"github.com/dlc-ml/dlc/avo/vec"
	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
)

// loadKey names one distinct load of a step.
type loadKey struct {
	group, disp, lanes int
	offset             vec.Reg // of a computed index
}

// cache holds the loads of one step, shared by all points of the tile.
type cache struct {
	loads map[loadKey]vec.Reg
	step  bool // of the reduction: what the steps behind it read is announced
}

// value evaluates expressions at one point.
type value struct {
	e     *emitter
	p     *point
	c     *cache
	lanes int
	memo  map[*loop.Expr]vec.Reg
}

func (e *emitter) at(p *point, c *cache) *value {
	if c.loads == nil {
		c.loads = map[loadKey]vec.Reg{}
	}
	return &value{e: e, p: p, c: c, lanes: p.lanes, memo: map[*loop.Expr]vec.Reg{}}
}

// disp is the byte displacement of an access from its pointer.
func (v *value) disp(r ref) int {
	d := r.at - v.e.base[r.group]
	for a, c := range v.e.fm.groups[r.group].coef {
		x := v.e.off[a]
		if a < v.e.fm.par {
			x += v.p.off[a]
		}
		d += c * x
	}
	return 4 * d
}

// eval returns a register with the value of x in every lane in use.
func (v *value) eval(x *loop.Expr) vec.Reg {
	if r, ok := v.e.fixed[x]; ok {
		return r
	}
	if r, ok := v.memo[x]; ok {
		return r
	}
	var r vec.Reg
	switch x.Code {
	case loop.Const:
		r = v.e.f.Const(x.Bits)
	case loop.Load:
		r = v.load(v.e.fm.loads[x])
	case loop.Acc:
		r = v.p.acc[0]
	case loop.Index:
		r = v.index(v.e.fm.index[x])
	case loop.NotEq:
		if t := cellTruth(x); t != nil {
			r = v.eval(t)
			break
		}
		r = apply(v.e.f, x, []vec.Reg{v.eval(x.Args[0]), v.eval(x.Args[1])})
	default:
		args := make([]vec.Reg, len(x.Args))
		for i, a := range x.Args {
			args[i] = v.eval(a)
		}
		r = apply(v.e.f, x, args)
	}
	v.memo[x] = r
	return r
}

// load reads an operand: once in every lane where it does not vary along the lanes, else a run or a strided run.
func (v *value) load(r ref) vec.Reg {
	d := v.disp(r)
	key := loadKey{r.group, d, v.lanes, v.offset(r.dyn)}
	if x, ok := v.c.loads[key]; ok {
		return x
	}
	stride := v.stride(r)
	var x vec.Reg
	f := v.e.f
	switch {
	case r.dyn != nil && v.e.s.lane < 0:
		x = f.LoadAt(vec.Ptr(r.group), d, key.offset, 1)
	case r.dyn != nil && stride == 0:
		x = f.SplatAt(vec.Ptr(r.group), d, key.offset)
	case r.dyn != nil:
		x = f.LoadAt(vec.Ptr(r.group), d, key.offset, v.lanes)
	case v.e.s.lane < 0:
		x = f.LoadPart(vec.Ptr(r.group), d, 1)
	case stride == 0:
		x = f.Splat(vec.Ptr(r.group), d)
	default:
		x = f.LoadStride(vec.Ptr(r.group), d, stride, v.lanes)
		if v.c.step {
			v.e.announce(r.group, d)
		}
	}
	v.c.loads[key] = x
	return x
}

// stride is how far neighbouring lanes of an access lie apart.
func (v *value) stride(r ref) int {
	switch l := v.e.s.lane; {
	case l < 0:
		return 0
	case v.e.s.fold && v.lanes == 1 && v.e.f.Target.Lanes > 1:
		return 1 // behind a fold only one lane is left, and the folded axis is gone
	default:
		return v.e.fm.groups[r.group].coef[l]
	}
}

// store writes x, or adds it to what is there.
func (v *value) store(r ref, s loop.Store, lanes int, x vec.Reg) {
	f, p, d, stride := v.e.f, vec.Ptr(r.group), v.disp(r), 1
	if v.e.s.lane >= 0 && !v.e.s.fold {
		stride = v.e.fm.groups[r.group].coef[v.e.s.lane]
	}
	var at vec.Reg
	if r.dyn != nil {
		at = v.offset(r.dyn)
	}
	if s.Add {
		var old vec.Reg
		if at != 0 {
			old = f.LoadAt(p, d, at, lanes)
		} else {
			old = f.LoadStride(p, d, stride, lanes)
		}
		add := vec.Add
		if s.Expr.Type == ir.I32 {
			add = vec.AddI
		}
		x = f.Binary(add, old, x)
	}
	if at != 0 {
		f.StoreAt(p, d, at, lanes, x)
		return
	}
	f.StoreStride(p, d, stride, lanes, x)
}

// index returns the i32 value of an affine index.
func (v *value) index(l linear) vec.Reg {
	f := v.e.f
	at := l.at
	var sum vec.Reg
	add := func(r vec.Reg) {
		if sum == 0 {
			sum = r
		} else {
			sum = f.Binary(vec.AddI, sum, r)
		}
	}
	times := func(r vec.Reg, c int) vec.Reg {
		if c == 1 {
			return r
		}
		return f.Binary(vec.MulI, r, f.Const(uint32(int32(c))))
	}
	for a, c := range l.coef {
		if c == 0 {
			continue
		}
		at += c * v.e.off[a]
		if a < v.e.fm.par {
			at += c * v.p.off[a]
		}
		if a == v.e.s.lane && f.Target.Lanes > 1 {
			add(times(f.Iota(), c))
		}
		if r, ok := v.e.counter[a]; ok {
			add(times(r, c))
		}
		if a == v.e.b.grid {
			// Rows of the tile stand at constant distance from the first, which off and p.off already count.
			add(times(f.Splat(v.e.table, 0), c))
		}
	}
	for i, c := range l.steps {
		if c != 0 {
			add(times(f.Splat(v.e.stepAt[i], 0), c))
		}
	}
	if sum == 0 {
		return f.Const(uint32(int32(at)))
	}
	if at != 0 {
		sum = f.Binary(vec.AddI, sum, f.Const(uint32(int32(at))))
	}
	return sum
}

// hoist evaluates, once and before every loop, what no axis changes: loads of run-time scalars and arithmetic on them.
func (e *emitter) hoist() {
	still := map[*loop.Expr]bool{}
	visit := func(x *loop.Expr) {
		switch x.Code {
		case loop.Const:
			return
		case loop.Acc, loop.Index:
			still[x] = false
			return
		case loop.Load:
			still[x] = !e.writes(x.From.Buf) && !computed(x.From)
			for _, c := range e.fm.groups[e.fm.loads[x].group].coef {
				still[x] = still[x] && c == 0
			}
			return
		}
		loads := false
		for _, a := range x.Args {
			if a.Code == loop.Const {
				continue
			}
			if !still[a] {
				still[x] = false
				return
			}
			loads = true
		}
		still[x] = loads
	}
	e.fm.nest.Exprs(visit)
	// Only the outermost such nodes need a register; what is below them is used and done with.
	needed := map[*loop.Expr]bool{}
	mark := func(x *loop.Expr) {
		for _, a := range append(x.Args[:len(x.Args):len(x.Args)], x.From.Dyn...) {
			if still[a] && !still[x] {
				needed[a] = true
			}
		}
	}
	e.fm.nest.Exprs(mark)
	for _, s := range e.fm.nest.Stores {
		for _, x := range append(s.To.Dyn[:len(s.To.Dyn):len(s.To.Dyn)], s.Expr) {
			needed[x] = needed[x] || still[x]
		}
	}
	p := &point{off: make([]int, e.fm.par), lanes: e.f.Target.Lanes}
	v := e.at(p, &cache{})
	var order []*loop.Expr
	collect := func(x *loop.Expr) {
		if needed[x] {
			order = append(order, x)
		}
	}
	e.fm.nest.Exprs(collect)
	for _, x := range order {
		if _, ok := e.fixed[x]; !ok && len(e.fixed) < 4 {
			e.fixed[x] = v.eval(x)
		}
	}
}

// writes reports whether the nest stores into b.
func (e *emitter) writes(b *loop.Buffer) bool {
	for _, s := range e.fm.nest.Stores {
		if s.To.Buf == b {
			return true
		}
	}
	return false
}
