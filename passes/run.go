package passes

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/ir/loop"
	"github.com/dlc-ml/dlc/ir/ops"
	"github.com/dlc-ml/dlc/passes/pass"
)

// Run takes m, which it changes, through the pipeline, verifying the program before it and after every pass. A nil cfg is the zero one. With
// cfg.Dump it writes the program before the first pass to 00-source.ir in that folder and after each pass to its number and name;
// the first line of a file says where a pass changed nothing. Errors are those of the model, with a source position, and internal ones,
// which name the pass after which the program was no longer legal.
func Run(m *ir.Module, cfg *pass.Config) (*pass.Unit, error) {
	if cfg == nil {
		cfg = &pass.Config{}
	}
	if _, ok := Lookup(cfg.StopAfter); !ok && cfg.StopAfter != "" {
		return nil, fmt.Errorf("no pass is called %s: they are %s", cfg.StopAfter, strings.Join(Names(), ", "))
	}
	if err := ops.Verify(m); err != nil {
		return nil, err
	}
	u := &pass.Unit{Module: m}
	d, err := newDump(cfg.Dump, u)
	if err != nil {
		return nil, err
	}
	cfg.Timings = cfg.Timings[:0]
	for i, p := range Pipeline {
		start := time.Now()
		if err := p.Run(u, cfg); err != nil {
			return nil, err
		}
		t := pass.Timing{Pass: p.Name, Took: time.Since(start)}
		if err := verify(u); err != nil {
			return nil, fmt.Errorf("internal error: pass %s made an illegal program: %w", p.Name, err)
		}
		if t.Changed, err = d.after(i+1, p.Name, u); err != nil {
			return nil, err
		}
		cfg.Timings = append(cfg.Timings, t)
		if p.Name == cfg.StopAfter {
			break
		}
	}
	return u, nil
}

// verify checks the program that u stands for now.
func verify(u *pass.Unit) error {
	if u.Loops == nil {
		return ops.Verify(u.Module)
	}
	for _, f := range u.Loops {
		if err := loop.Verify(f); err != nil {
			return err
		}
	}
	return nil
}

// dump writes the program after each pass to a folder.
type dump struct {
	dir  string // "" writes nothing
	last string
}

func newDump(dir string, u *pass.Unit) (*dump, error) {
	d := &dump{dir: dir}
	if dir == "" {
		return d, nil
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	_, err := d.after(0, "source", u)
	return d, err
}

// after writes the program after pass i and reports whether its text is another than before.
func (d *dump) after(i int, name string, u *pass.Unit) (changed bool, err error) {
	if d.dir == "" {
		return false, nil
	}
	text := Text(u)
	head := "// after " + name
	if i == 0 {
		head = "// the source's tensor program"
	} else if text == d.last {
		head += ": unchanged"
	}
	changed = text != d.last
	d.last = text
	file := filepath.Join(d.dir, fmt.Sprintf("%02d-%s.ir", i, name))
	return changed, os.WriteFile(file, []byte(head+"\n\n"+text), 0o666)
}

// Text prints the program that u stands for now: its tensor functions until pass lower, then its loop functions. It parses back.
func Text(u *pass.Unit) string {
	if u.Loops == nil {
		return ir.Print(u.Module)
	}
	var b strings.Builder
	for i, f := range u.Loops {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(f.String())
	}
	return b.String()
}
