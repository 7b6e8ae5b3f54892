package ops

import "github.com/dlc-ml/dlc/ir"

// naiveAxis is the geometry of one side as the evaluation sees it: found by walking, not by the formulas that [newWindow] uses.
type naiveAxis struct{ size, kernel, out, stride, dilation, before, after int }

// newNaiveAxis walks a window over side i of so many until it leaves the border.
func newNaiveAxis(size, kernel, i, sides int, a ir.Attrs) naiveAxis {
	of := func(name string) int {
		v, ok := a.Get(name).([]int)
		switch {
		case !ok || len(v) == 0:
			return 1
		case len(v) == sides:
			return v[i]
		}
		return v[0]
	}
	g := naiveAxis{size: size, kernel: kernel, stride: of("stride"), dilation: of("dilation")}
	padding, _ := a.Get("padding").(string)
	if p, ok := a.Get("pads").([]int); ok && len(p) > 0 {
		g.before, g.after = p[i], p[i+sides]
	} else if padding == "same" || padding == "same_lower" {
		// The smallest border that lets a window start at every stride-th element; of an odd one the larger half comes last, or first.
		for last := (size - 1) / g.stride * g.stride; last+(kernel-1)*g.dilation >= size+g.before+g.after; {
			if g.after > g.before || g.after == g.before && padding == "same_lower" {
				g.before++
			} else {
				g.after++
			}
		}
	}
	ceil, _ := a.Get("ceil_mode").(bool)
	end := 0 // of the window before, counted from the first element of the border
	for at := -g.before; ; at += g.stride {
		inside := at+(kernel-1)*g.dilation < size+g.after
		if !inside && !(ceil && end < g.before+size+g.after && at < size) {
			return g
		}
		g.out++
		end = at + g.before + (kernel-1)*g.dilation + 1
	}
}

// input is the place that tap u of output o looks at; outside of the image it is in the border.
func (g naiveAxis) input(o, u int) int { return o*g.stride - g.before + u*g.dilation }

// naiveWindow is the geometry of all sides.
type naiveWindow []naiveAxis

func newNaiveWindow(sides, kernel []int, a ir.Attrs) naiveWindow {
	var w naiveWindow
	for i := range sides {
		w = append(w, newNaiveAxis(sides[i], kernel[i], i, len(sides), a))
	}
	return w
}

// outs are the sides of the result.
func (w naiveWindow) outs() []int {
	var list []int
	for _, g := range w {
		list = append(list, g.out)
	}
	return list
}

// input fills place with what taps look at in the window of output out, and reports whether that lies in the image.
func (w naiveWindow) input(out, taps, place []int) bool {
	inside := true
	for i, g := range w {
		place[i] = g.input(out[i], taps[i])
		inside = inside && place[i] >= 0 && place[i] < g.size
	}
	return inside
}
