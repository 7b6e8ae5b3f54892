package runtime

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func sampleEvent(step int) Event {
	return Event{Epoch: 2, Epochs: 10, Step: step, Steps: 100, PerSecond: 71234, ETA: 83 * time.Second,
		Metrics: Metrics{{Name: "loss", Value: 0.12345678}, {Name: "accuracy", Value: 0.9876}}}
}

func TestProgress(t *testing.T) {
	t.Setenv("COLUMNS", "100")
	var b bytes.Buffer
	p := newProgress(&b)
	clockTime := time.Unix(1000, 0)
	p.now = func() time.Time { return clockTime }
	for step := range 100 {
		p.event(sampleEvent(step + 1))
		clockTime = clockTime.Add(20 * time.Millisecond)
	}
	if n := strings.Count(b.String(), "\r"); n != 20 {
		t.Errorf("drawn %d times in two seconds", n)
	}
	for _, line := range strings.Split(b.String(), "\r\x1b[K")[1:] {
		if n := utf8.RuneCountInString(line); n > 99 {
			t.Errorf("%d columns: %q", n, line)
		}
		for _, part := range []string{"epoch  2/10", "71.2k/s", "ETA 1:23", "loss 0.1235", "accuracy 0.9876", " ["} {
			if !strings.Contains(line, part) {
				t.Errorf("%q lacks %q", line, part)
			}
		}
	}
	b.Reset()
	e := sampleEvent(100)
	e.EpochDone, e.ValMetrics = true, Metrics{{Name: "loss", Value: 0.5}, {Name: "accuracy", Value: 0.75}}
	p.event(e)
	if got := b.String(); !strings.HasSuffix(got, "val_loss 0.5000  val_accuracy 0.7500  71.2k/s\n") {
		t.Errorf("the end of an epoch is %q", got)
	}
}

// TestProgressNarrow checks that a narrow terminal gets one line, cut, and no bar.
func TestProgressNarrow(t *testing.T) {
	t.Setenv("COLUMNS", "30")
	var b bytes.Buffer
	newProgress(&b).event(sampleEvent(50))
	line := strings.TrimPrefix(b.String(), "\r\x1b[K")
	if utf8.RuneCountInString(line) > 29 || strings.Contains(line, "[") {
		t.Errorf("%q", line)
	}
}

func TestClockAndNumbers(t *testing.T) {
	for want, got := range map[string]string{
		"0:07": clock(7 * time.Second), "12:34": clock(754 * time.Second), "1:02:03": clock(3723 * time.Second),
		"0.9884": number(0.98842), "1.2e-05": number(1.2e-5), "1234": number(1234.2), "NaN": number(math.NaN()), "0.0000": number(0),
		"999": count(999.4), "12.3k": count(12345), "1.23M": count(1234567), "3.5": count(3.5),
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// TestObject checks that members keep their order and that NaN is not lost.
func TestObject(t *testing.T) {
	data, err := json.Marshal(append(object{{"event", "done"}, {"epochs", 3}}, metricMembers("val_", Metrics{{Name: "loss", Value: math.NaN()}, {Name: "accuracy", Value: 0.5}})...))
	if want := `{"event":"done","epochs":3,"val_loss":"NaN","val_accuracy":0.5}`; err != nil || string(data) != want {
		t.Errorf("got %s, %v", data, err)
	}
}
