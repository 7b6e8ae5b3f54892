package passes

import (
	"fmt"
	"os"
	"testing"

	"github.com/dlc-ml/dlc/diag"
	"github.com/dlc-ml/dlc/ir"
	"github.com/dlc-ml/dlc/passes/autodiff"
	"github.com/dlc-ml/dlc/passes/fusion"
	"github.com/dlc-ml/dlc/passes/lower"
	"github.com/dlc-ml/dlc/passes/pass"
	"github.com/dlc-ml/dlc/passes/simplify"
)

func TestZZLook(t *testing.T) {
	for _, fn := range []string{"infer", "train"} {
		u := &pass.Unit{Module: lenet(t, fn, 28, 10, 20, 50)}
		cfg := &pass.Config{Note: func(p diag.Pos, s string) { fmt.Println(p, s) }}
		for _, p := range []pass.Pass{simplify.Pass, autodiff.Pass, lower.Pass, fusion.Pass} {
			if err := p.Run(u, cfg); err != nil {
				t.Fatal(err)
			}
			s := ir.Print(u.Module)
			if u.Loops != nil {
				s = u.Loops[0].String()
			}
			os.WriteFile("/tmp/w/passes/look/"+fn+"-"+p.Name+".ir", []byte(s), 0o666)
		}
	}
}
