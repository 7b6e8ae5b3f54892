package passes

import (
	"strings"
	"testing"
)

// TestOrder checks that the pipeline meets every constraint that a pass states, and that each states it well.
func TestOrder(t *testing.T) {
	at := map[string]int{}
	for i, p := range Pipeline {
		if _, ok := at[p.Name]; ok {
			t.Errorf("pass %s stands in the pipeline twice", p.Name)
		}
		at[p.Name] = i
	}
	for i, p := range Pipeline {
		for _, r := range p.Requires {
			j, ok := at[r.Before]
			if !ok {
				t.Errorf("%s requires %s, which is no pass", p.Name, r.Before)
			} else if j >= i {
				t.Errorf("%s must run after %s: %s", p.Name, r.Before, r.Reason)
			}
			if len(r.Reason) < 20 {
				t.Errorf("%s gives no reason why it runs after %s", p.Name, r.Before)
			}
		}
	}
}

// TestDoc checks that each pass says what it does, in a sentence that begins with its name.
func TestDoc(t *testing.T) {
	for _, p := range Pipeline {
		if p.Name == "" || p.Run == nil {
			t.Errorf("pass %q is incomplete", p.Name)
			continue
		}
		if want := strings.ToUpper(p.Name[:1]) + p.Name[1:] + " "; !strings.HasPrefix(p.Doc, want) || !strings.HasSuffix(p.Doc, ".") {
			t.Errorf("the doc of %s must be sentences and begin with %q: %q", p.Name, want, p.Doc)
		}
	}
}
