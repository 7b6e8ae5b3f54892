package tune

import (
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/dlc-ml/dlc/avo/kernel"
	"github.com/dlc-ml/dlc/ir/loop"
)

// Report prints a row a kernel (what was measured, what the table predicts and what the fitted constants would, and its share of what bounds it), a row a form (how far
// predictions are off: of half of the kernels at most, and of nine tenths), and how many tiles the fitted constants would change.
func (r *Result) Report(w io.Writer) error {
	p := &printer{w: w}
	p.line("%-9s %12s %10s %10s %5s %-7s %s", "form", "measured", "predicted", "fitted", "bound", "", "kernel (cycles of "+r.Target.Name+")")
	for _, s := range r.Samples {
		p.line("%-9s %12.0f %10.2f %10.2f %4.0f%% %-7s %s: %s", s.Form(), s.Cycles, s.Predicted(r.Table)/s.Cycles, s.Predicted(r.Fitted)/s.Cycles, 100*s.Time.OfBound, s.Time.Bound, s.Name+", "+shape(s.Kernel.Nest), s.Tiling())
	}
	p.line("")
	p.line("%-9s %8s %24s %24s", "form", "kernels", "error of the table", "error after the fit")
	for from := 0; from < len(r.Samples); {
		to := from
		for to < len(r.Samples) && r.Samples[to].Form() == r.Samples[from].Form() {
			to++
		}
		r.errors(p, r.Samples[from].Form(), r.Samples[from:to])
		from = to
	}
	r.errors(p, "all", r.Samples)
	changed := 0
	for _, s := range r.Samples {
		tiling, err := s.Retiled(r.Fitted)
		if err != nil {
			return err
		}
		if tiling != s.Tiling() {
			changed++
		}
	}
	p.line("\nby the fitted constants %d of %d kernels would get another tile", changed, len(r.Samples))
	return p.err
}

// shape is the extents of a nest: "Nx56x56x64 over 3x3x64".
func shape(n *loop.Nest) string {
	text := extents(n.Axes)
	if len(n.Red) > 0 {
		text += " over " + extents(n.Red)
	}
	return text
}

func extents(axes []loop.Axis) string {
	var list []string
	for _, a := range axes {
		list = append(list, a.Extent.String())
	}
	return strings.Join(list, "x")
}

// errors prints the row of one form: the median error and that of nine tenths, in per cent, by the table and after the fit.
func (r *Result) errors(p *printer, form string, list []*Sample) {
	text := func(c *kernel.Costs) string {
		median, p90 := kernel.Misfit(measured(list), c)
		return fmt.Sprintf("%.0f%%, nine tenths %.0f%%", 100*(math.Exp2(median)-1), 100*(math.Exp2(p90)-1))
	}
	p.line("%-9s %8d %24s %24s", form, len(list), text(r.Table), text(r.Fitted))
}

// Costs is the text of the table with the fitted constants.
func (r *Result) Costs() string { return kernel.CostsText(r.Target.Name, r.Fitted) }

// printer keeps the first error of a series of writes.
type printer struct {
	w   io.Writer
	err error
}

func (p *printer) line(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format+"\n", args...)
	}
}
