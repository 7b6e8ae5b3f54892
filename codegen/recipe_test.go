package codegen_test

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/dlc-ml/dlc/codegen"
	"github.com/dlc-ml/dlc/dsl"
	"github.com/dlc-ml/dlc/ir/ops"
	"github.com/dlc-ml/dlc/passes"
	"github.com/dlc-ml/dlc/passes/pass"
	"github.com/dlc-ml/dlc/runtime"
)

// settings are a line for every schedule and callback. The language and the support code have a table each of what there is; here they meet.
var settings = map[string]string{
	"constant": "schedule = constant(steps=5) |> constant", "step": "schedule = step(3)", "multi_step": "schedule = multi_step([2, 5])",
	"exponential": "schedule = exponential(0.9)", "polynomial": "schedule = polynomial()", "inverse_time": "schedule = inverse_time(0.1)",
	"cosine": "schedule = cosine", "cosine_restarts": "schedule = cosine_restarts(3)", "warmup": "schedule = warmup(3) |> constant",
	"cyclic": "schedule = cyclic(1, 5)", "one_cycle": "schedule = one_cycle", "reduce_on_plateau": "schedule = reduce_on_plateau",
	"early_stopping": "callbacks = early_stopping", "best": "callbacks = best", "last": "callbacks = last", "csv": "callbacks = csv",
	"jsonl": "callbacks = jsonl", "tensorboard": "callbacks = tensorboard",
}

func TestSettings(t *testing.T) {
	names := slices.Sorted(maps.Keys(settings))
	if known := runtime.SettingNames(); !slices.Equal(known, names) {
		t.Fatalf("the support code knows %v, the test %v", known, names)
	}
	for _, name := range names {
		src := fmt.Sprintf("model m {\n input x: f32[2]\n target y: f32[1]\n output out = x |> dense(1)\n train {\n loss = mse(out, y)\n %s\n }\n}\n", settings[name])
		m, err := dsl.Compile("m.dl", []byte(src), dsl.Options{})
		if err != nil {
			t.Errorf("%s: %v", settings[name], err)
			continue
		}
		u, err := passes.Run(m, &pass.Config{})
		if err != nil {
			t.Fatal(err)
		}
		files, err := codegen.Generate(u, codegen.Options{Source: "m.dl"})
		if err != nil {
			t.Errorf("%s: %v", settings[name], err)
		} else if text := string(files["m.go"]); !strings.Contains(text, fmt.Sprintf("name: %q", name)) {
			t.Errorf("%s is not in the package", name)
		}
	}
}

// TestStepScalars compares the support code's formulas with what they mean, for every optimizer and sample.
func TestStepScalars(t *testing.T) {
	seen := 0
	for _, o := range ops.All() {
		if o.Scalars == nil {
			continue
		}
		for _, sample := range o.Samples {
			attrs, err := ops.Complete(o.Attrs, sample.Attrs)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range o.Scalars(attrs) {
				for _, update := range []int{1, 2, 3, 6, 7, 50, 1000} {
					seen++
					if got, want := runtime.StepScalar(s.Formula, update, 0.85), s.At(update, 0.85); !(math.Abs(got-want) <= 1e-11*math.Abs(want)) {
						t.Errorf("%s, %s = %s: %v at update %d, want %v", o.Name, s.Name, s.Formula, got, update, want)
					}
				}
			}
		}
	}
	if seen < 100 {
		t.Errorf("only %d values were compared", seen)
	}
}
