package codegen

import (
	"strconv"
	"strings"
)

// exported turns a name of the source ("conv.grad_weight") into an exported Go name ("ConvGradWeight").
func exported(s string) string {
	var b strings.Builder
	up := true
	for _, r := range s {
		switch {
		case r >= 'a' && r <= 'z':
			if up {
				r -= 'a' - 'A'
			}
			b.WriteRune(r)
			up = false
		case r >= 'A' && r <= 'Z' || r >= '0' && r <= '9':
			b.WriteRune(r)
			up = false
		default:
			up = true
		}
	}
	name := b.String()
	if name == "" || name[0] >= '0' && name[0] <= '9' {
		name = "X" + name
	}
	return name
}

// unexported turns a name of the source into an unexported Go name that is no keyword and shadows nothing predeclared.
func unexported(s string) string {
	name := exported(s)
	return strings.ToLower(name[:1]) + name[1:]
}

// fresh returns name, or name2, name3 …, whichever is free, and takes it.
func fresh(taken map[string]bool, name string) string {
	free := name
	for i := 2; taken[free]; i++ {
		free = name + strconv.Itoa(i)
	}
	taken[free] = true
	return free
}

// methods are the names of a session's and a record's own methods and fields, which a port may not take.
var methods = map[string]bool{"Run": true, "Close": true, "Batch": true, "Model": true}

// portName is the Go name of an input, target or output.
func portName(s string) string {
	n := exported(s)
	if methods[n] {
		n += "Tensor"
	}
	return n
}
