package dsl

import (
	"strings"
	"testing"

	"github.com/dlc-ml/dlc/ir"
)

// TestBlockBodies expands a block with parameters and definitions of its own.
func TestBlockBodies(t *testing.T) {
	const src = `model m {
    input x: f32[8]

    // A residual layer.
    block layer(x, width) {
        param  w: f32[8, width] = normal(0.02) // in
        param  v: f32[width, 8]
        buffer unused: i32[2]

        // the gate comes later
        y    = h*gate
        gate = sigmoid(h)
        h, _ = split(dense(x, w), parts=2)
        return dense(y, v[]) + x // back
        // the end
    }

    a        = layer(x, 16)
    output b = a |> layer(width=4, name="last.one") |> layer(4)

    train {
        loss = reduce_mean(square(b))
    }
}
`
	good := strings.Replace(src, "v[]", "slice(v, starts=[0], ends=[width/2], axes=[0])", 1)
	m, err := Compile("m.dl", []byte(good), Options{})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, p := range m.Params {
		names = append(names, p.Name+": "+p.Type.String())
	}
	if got, want := strings.Join(names, ", "), "a.layer.w: f32[8,16], a.layer.v: f32[16,8], a.layer.unused: i32[2], "+
		"last.one.w: f32[8,4], last.one.v: f32[4,8], last.one.unused: i32[2], b.layer.w: f32[8,4], b.layer.v: f32[4,8], b.layer.unused: i32[2]"; got != want {
		t.Errorf("the parameters are %s,\nwant %s", got, want)
	}
	if p := m.Param("a.layer.unused"); p.Trainable || m.Func(ir.FuncTrain) == nil {
		t.Error("the buffer is trained")
	}
	formatted, err := Format("m.dl", []byte(good))
	if err != nil || string(formatted) != good {
		t.Errorf("the style is %v\n%s", err, formatted)
	}
	for i := range good { // cut off, and with a piece left out: errors, and nothing worse
		for _, bad := range []string{good[:i], good[:i] + good[min(len(good), i+1+i%13):]} {
			Compile("m.dl", []byte(bad), Options{})
			Format("m.dl", []byte(bad))
		}
	}
	for want, change := range map[string][2]string{
		"m.dl:5:11: error: block layer has no return":                  {"        return dense(y, v[]) + x // back\n", ""},
		"m.dl:11:9: error: y is defined by itself":                     {"h*gate", "h*y"},
		"gate is defined twice":                                        {"y    = h*gate", "gate = h"},
		"width is defined twice":                                       {"gate = sig", "width = sig"},
		"gat is not defined":                                           {"h*gate", "h*gat"},
		"nothing may follow the return of a block":                     {"// the end", "z = x"},
		"output cannot stand in a block":                               {"gate =", "output gate ="},
		`two layers are called last.one`:                               {"|> layer(4)", `|> layer(4, name="last.one")`},
		`"a b" is no name for parameters`:                              {"last.one", "a b"},
		"func is a word of Go":                                         {"gate =", "func ="},
		"return is a word of Go":                                       {"a        = layer(x, 16)", "return = x"},
		"block layer contains itself":                                  {"h*gate", "layer(h, 2)"},
		`expected "}" at the end of the block, found the end of the f`: {"    }\n\n    a        = layer(x, 16)\n    output b = a |> layer(width=4, name=\"last.one\") |> layer(4)\n\n    train {\n        loss = reduce_mean(square(b))\n    }\n}\n", ""},
	} {
		bad := strings.Replace(strings.Replace(src, change[0], change[1], 1), "v[]", "slice(v, starts=[0], ends=[width/2], axes=[0])", 1)
		if _, err := Compile("m.dl", []byte(bad), Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want %s", err, want)
		}
	}
}
