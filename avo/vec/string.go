package vec

import (
	"fmt"
	"math"
	"strings"
)

// String returns the text form: the signature with reaches, then one verb a line, indented by loop. It is the same for the same
// verbs on every machine.
func (f *Func) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "func %s(%s) %s {\n", f.Name, f.signature(), f.Target.Name)
	f.body(&b, func(p Ptr) string { return f.Ptrs[p] }, func(c int) string { return f.Counts[c] })
	b.WriteString("}\n")
	return b.String()
}

// Key returns the text form without any name and without Doc. Two functions with equal keys are the same code.
func (f *Func) Key() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %d %d\n", f.Target.Name, len(f.Ptrs), len(f.Counts))
	f.body(&b, func(p Ptr) string { return fmt.Sprintf("p%d", p) }, func(c int) string { return fmt.Sprintf("c%d", c) })
	return b.String()
}

func (f *Func) signature() string {
	var s []string
	for _, p := range f.Ptrs {
		s = append(s, p+" *float32")
	}
	for _, c := range f.Counts {
		s = append(s, c+" int")
	}
	return strings.Join(s, ", ")
}

func (f *Func) body(b *strings.Builder, ptr func(Ptr) string, count func(int) string) {
	for i, r := range f.Reach {
		fmt.Fprintf(b, "\treach %s %d", ptr(Ptr(i)), r.Fixed)
		for c, per := range r.PerCount {
			if per != 0 {
				fmt.Fprintf(b, " + %d*(%s-1)", per, count(c))
			}
		}
		b.WriteByte('\n')
	}
	depth := 1
	for i := range f.Ops {
		o := &f.Ops[i]
		if o.Code == LoopEnd {
			depth--
		}
		b.WriteString(strings.Repeat("\t", max(depth, 1)))
		o.text(b, ptr, count)
		b.WriteByte('\n')
		if o.Code == LoopBegin {
			depth++
		}
	}
}

// text writes one verb.
func (o *Op) text(b *strings.Builder, ptr func(Ptr) string, count func(int) string) {
	switch o.Code {
	case LoopBegin:
		n := fmt.Sprint(o.Count.N)
		if o.Count.Param >= 0 {
			n = count(o.Count.Param)
		}
		fmt.Fprintf(b, "loop %s", n)
		for _, u := range o.Bumps {
			fmt.Fprintf(b, " %s%+d", ptr(u.Ptr), u.Bytes)
		}
		b.WriteString(" {")
		return
	case LoopEnd:
		b.WriteByte('}')
		return
	case AddPtr:
		fmt.Fprintf(b, "%s %+d", ptr(o.Ptr), o.Disp)
		if o.K == 1 {
			fmt.Fprintf(b, " * %s", count(o.Count.Param))
		}
		return
	}
	v := verbs[o.Code]
	if v.use&writeD != 0 {
		fmt.Fprintf(b, "v%d = ", o.D)
	}
	b.WriteString(v.name)
	if o.Code.Addresses() {
		fmt.Fprintf(b, " %s[%d]", ptr(o.Ptr), o.Disp)
	}
	if o.Code == Const {
		fmt.Fprintf(b, " 0x%08x", o.Imm)
		if x := math.Float32frombits(o.Imm); x == x && (x == 0 || math.Abs(float64(x)) > 1e-30) {
			fmt.Fprintf(b, " (%g)", x)
		}
	}
	for i, r := range [3]Reg{o.A, o.B, o.C} {
		if v.use&(readA<<i) != 0 {
			fmt.Fprintf(b, " v%d", r)
		}
	}
	if o.N != 0 {
		fmt.Fprintf(b, " n=%d", o.N)
	}
	if o.K != 0 {
		fmt.Fprintf(b, " k=%d", o.K)
	}
	if o.Need != 0 {
		fmt.Fprintf(b, " need=%d", o.Need)
	}
	for _, t := range o.Tmp {
		if t != 0 {
			fmt.Fprintf(b, " tmp=v%d", t)
		}
	}
}
