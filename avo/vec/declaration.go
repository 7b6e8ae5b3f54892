package vec

import "strings"

// GoSignature returns the parameters of the function in Go: "(x, y *float32, n int)".
func (f *Func) GoSignature() string {
	var list []string
	if len(f.Ptrs) > 0 {
		list = append(list, strings.Join(f.Ptrs, ", ")+" *float32")
	}
	if len(f.Counts) > 0 {
		list = append(list, strings.Join(f.Counts, ", ")+" int")
	}
	return "(" + strings.Join(list, ", ") + ")"
}

// GoComment returns the documentation comment of the function as gofmt has it: its name and the loop nest that it computes.
func (f *Func) GoComment() string {
	if f.Doc == "" {
		return "// " + f.Name + " is a kernel.\n"
	}
	var b strings.Builder
	b.WriteString("// " + f.Name + " computes\n//\n")
	for line := range strings.Lines(f.Doc) {
		b.WriteString(strings.TrimRight("//\t"+line, " \t\n") + "\n")
	}
	return b.String()
}
