package runtime

import (
	"context"
	"encoding/binary"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// tinyWith returns tiny with callbacks.
func tinyWith(calls ...call) *modelInfo {
	m := tiny()
	m.recipe.callbacks = calls
	return m
}

// fitWith trains it.
func fitWith(t *testing.T, m *modelInfo, o Train, src examples) *Trainer {
	t.Helper()
	tr, err := newTrainer(m, o)
	if err != nil {
		t.Fatal(err)
	}
	mustFit(t, tr, src, validate(newTinyData(11)))
	return tr
}

// patient is early stopping that no epoch satisfies but the first: nothing gets better by 10.
func patient(n float64, restore bool) call {
	return call{"early_stopping", map[string]any{"patience": n, "min_delta": 10.0, "restore": restore}}
}

// TestEarlyStopping stops at the right epoch and brings the best weights back, also over a resume, and keeps the last where they should stay.
func TestEarlyStopping(t *testing.T) {
	data := newTinyData(13)
	one := fitWith(t, tiny(), Train{Epochs: 1}, data)
	four := fitWith(t, tiny(), Train{Epochs: 4}, data)
	for _, c := range []struct {
		restore bool
		want    *Trainer
	}{{true, one}, {false, four}} {
		done := 0
		tr := fitWith(t, tinyWith(patient(3, c.restore)), Train{Epochs: 20, Progress: func(e Event) {
			if e.Done {
				done++
			}
		}}, data)
		if len(tr.at.history) != 4 || !tr.at.stopped || done != 1 {
			t.Errorf("restore %t: %d epochs, stopped %t, %d last events", c.restore, len(tr.at.history), tr.at.stopped, done)
		}
		if !slices.Equal(tr.Model().weights, c.want.weights) {
			t.Errorf("restore %t: the weights are not those of epoch %d", c.restore, len(c.want.at.history))
		}
		if h := mustFit(t, tr, data, validate(newTinyData(11))); len(h) != 4 {
			t.Errorf("restore %t: a training that has stopped went on to %d epochs", c.restore, len(h))
		}
	}
	path := filepath.Join(t.TempDir(), "tiny.ckpt")
	ctx, cancel := context.WithCancel(context.Background())
	tr, err := newTrainer(tinyWith(patient(3, true)), Train{Epochs: 20, Checkpoint: path, Progress: func(e Event) {
		if e.Epoch == 3 {
			cancel()
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tr.fit(ctx, data, validate(newTinyData(11))); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	tr = fitWith(t, tinyWith(patient(3, true)), Train{Checkpoint: path, Resume: true}, data)
	if len(tr.at.history) != 4 || !slices.Equal(tr.Model().weights, one.weights) {
		t.Errorf("resumed: %d epochs, or not the best weights", len(tr.at.history))
	}
	tr = fitWith(t, tinyWith(patient(3, true)), Train{Checkpoint: path, Resume: true, Epochs: 25}, data)
	if len(tr.at.history) != 5 {
		t.Errorf("resumed with more epochs: %d epochs, not one more", len(tr.at.history))
	}
}

// TestBestAndLast compares the files with the weights of the epochs that they should be of.
func TestBestAndLast(t *testing.T) {
	folder := t.TempDir()
	data := newTinyData(13)
	m := tinyWith(call{"best", map[string]any{"monitor": "loss"}}, call{"best", map[string]any{"monitor": "loss", "mode": "max", "file": "worst.safetensors"}}, call{"last", nil})
	tr := fitWith(t, m, Train{Epochs: 5, LearningRate: 0.01, Folder: folder}, data)
	best, worst := 0, 0
	for i, e := range tr.History() {
		if e.Loss < tr.History()[best].Loss {
			best = i
		}
		if e.Loss > tr.History()[worst].Loss {
			worst = i
		}
	}
	for file, epochs := range map[string]int{"tiny.best.safetensors": best + 1, "worst.safetensors": worst + 1, "tiny.last.safetensors": 5} {
		got, err := loadModel(tiny(), filepath.Join(folder, file))
		if err != nil {
			t.Fatal(err)
		}
		if want := fitWith(t, tiny(), Train{Epochs: epochs, LearningRate: 0.01}, data); !slices.Equal(got.weights, want.weights) {
			t.Errorf("%s has not the weights of epoch %d", file, epochs)
		}
	}
	quiet := t.TempDir()
	t.Chdir(quiet)
	fitWith(t, tinyWith(call{"last", nil}, call{"csv", nil}, call{"jsonl", nil}, call{"tensorboard", nil}), Train{Epochs: 1}, data)
	if files, _ := os.ReadDir(quiet); len(files) > 0 {
		t.Errorf("without a folder there are files: %v", files)
	}
}

// TestLogs reads both logs back, after a training that was stopped and went on.
func TestLogs(t *testing.T) {
	folder := t.TempDir()
	m := func() *modelInfo { return tinyWith(call{"csv", map[string]any{"file": "log.csv"}}, call{"jsonl", nil}) }
	o := Train{Epochs: 2, Folder: folder, Checkpoint: filepath.Join(folder, "tiny.ckpt")}
	data := newTinyData(13)
	fitWith(t, m(), o, data)
	o.Epochs, o.Resume = 4, true
	h := fitWith(t, m(), o, data).History()
	file, err := os.Open(filepath.Join(folder, "log.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	rows, err := csv.NewReader(file).ReadAll()
	if err != nil || len(rows) != 5 || strings.Join(rows[0], " ") != "epoch learning_rate seconds loss accuracy val_loss val_accuracy" {
		t.Fatalf("%v, %v", rows, err)
	}
	text, err := os.ReadFile(filepath.Join(folder, "tiny.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	if len(lines) != 4 {
		t.Fatalf("%d lines of JSON", len(lines))
	}
	for i, e := range h {
		var got map[string]float64
		if err := json.Unmarshal([]byte(lines[i]), &got); err != nil {
			t.Fatal(err)
		}
		if fmt.Sprint(e.ValLoss) != rows[i+1][5] || got["epoch"] != float64(e.Epoch) || got["val_loss"] != e.ValLoss || got["accuracy"] != e.Metrics[1].Value || len(got) != 7 {
			t.Errorf("epoch %d: %v and %v", i+1, rows[i+1], got)
		}
	}
	if got := jsonLog.all(nil, History{{Epoch: 1, Metrics: Metrics{{Name: "loss", Value: math.Inf(1)}}}}); got != "{\"epoch\":1,\"learning_rate\":0,\"seconds\":0,\"loss\":null}\n" {
		t.Errorf("infinity is written as %s", got)
	}
}

// TestLogsAppend leaves a mark in a log between two epochs, which must stay: an epoch adds a line and no more.
func TestLogsAppend(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "tiny.csv")
	fitWith(t, tinyWith(call{"csv", nil}), Train{Epochs: 3, Folder: folder, Progress: func(e Event) {
		if !e.EpochDone || e.Epoch != 1 {
			return
		}
		f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		f.WriteString("# here\n")
		f.Close()
	}}, newTinyData(13))
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if lines := strings.Split(string(text), "\n"); len(lines) != 6 || lines[2] != "# here" || !strings.HasPrefix(lines[4], "3,") {
		t.Errorf("the log is\n%s", text)
	}
}

// TestEventFile reads an event file by the description of its format: records, then messages field by field.
func TestEventFile(t *testing.T) {
	folder := t.TempDir()
	h := fitWith(t, tinyWith(call{"tensorboard", nil}), Train{Epochs: 3, Folder: folder}, newTinyData(13)).History()
	files, _ := filepath.Glob(filepath.Join(folder, "tiny.events", "events.out.tfevents.*"))
	if len(files) != 1 {
		t.Fatalf("the event files are %v", files)
	}
	data, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	records := readRecords(t, data)
	if len(records) != 4 || string(readMessage(t, records[0])[3][0].bytes) != "brain.Event:2" {
		t.Fatalf("%d records", len(records))
	}
	last := 0.0
	for i, e := range h {
		event := readMessage(t, records[i+1])
		if now := math.Float64frombits(event[1][0].number); now < last || now < 1.7e9 || event[2][0].number != uint64(e.Epoch) {
			t.Errorf("epoch %d: time %v, step %d", e.Epoch, now, event[2][0].number)
		} else {
			last = now
		}
		want := map[string]float64{"learning_rate": e.LearningRate, "loss/train": e.Loss, "loss/validation": e.ValLoss,
			"accuracy/train": e.Metrics[1].Value, "accuracy/validation": e.ValMetrics[1].Value}
		values := readMessage(t, event[5][0].bytes)[1]
		for _, v := range values {
			f := readMessage(t, v.bytes)
			tag := string(f[1][0].bytes)
			if got := math.Float32frombits(uint32(f[2][0].number)); got != float32(want[tag]) {
				t.Errorf("epoch %d: %s is %g, not %g", e.Epoch, tag, got, want[tag])
			}
			delete(want, tag)
		}
		if len(want) > 0 {
			t.Errorf("epoch %d lacks %v", e.Epoch, want)
		}
	}
}

// TestMaskedSum has the published check value of CRC-32C.
func TestMaskedSum(t *testing.T) {
	if got := maskedSum([]byte("123456789")); got != unmaskedCheck(0xe3069283) {
		t.Errorf("%#x", got)
	}
}

func unmaskedCheck(crc uint64) uint32 { return uint32(((crc>>15 | crc<<17) & 0xffffffff) + 0xa282ead8) }

// readRecords cuts a file into its messages and checks their sums, which it computes bit by bit.
func readRecords(t *testing.T, data []byte) (list [][]byte) {
	t.Helper()
	sum := func(data []byte) uint32 {
		crc := ^uint32(0)
		for _, b := range data {
			crc ^= uint32(b)
			for range 8 {
				if crc&1 == 1 {
					crc = crc>>1 ^ 0x82f63b78
				} else {
					crc >>= 1
				}
			}
		}
		return unmaskedCheck(uint64(^crc))
	}
	for len(data) > 0 {
		n := int(binary.LittleEndian.Uint64(data))
		if sum(data[:8]) != binary.LittleEndian.Uint32(data[8:]) || sum(data[12:12+n]) != binary.LittleEndian.Uint32(data[12+n:]) {
			t.Fatalf("a sum of record %d is wrong", len(list))
		}
		list = append(list, data[12:12+n])
		data = data[16+n:]
	}
	return list
}

// protoField is one field of a message.
type protoField struct {
	number uint64
	bytes  []byte
}

// readMessage returns the fields of a message by their numbers.
func readMessage(t *testing.T, data []byte) map[int][]protoField {
	t.Helper()
	fields := map[int][]protoField{}
	varint := func() uint64 {
		v, n := binary.Uvarint(data)
		if n <= 0 {
			t.Fatalf("no varint: % x", data)
		}
		data = data[n:]
		return v
	}
	for len(data) > 0 {
		tag := varint()
		var f protoField
		switch tag & 7 {
		case 0:
			f.number = varint()
		case 1:
			f.number, data = binary.LittleEndian.Uint64(data), data[8:]
		case 2:
			n := varint()
			f.bytes, data = data[:n], data[n:]
		case 5:
			f.number, data = uint64(binary.LittleEndian.Uint32(data)), data[4:]
		default:
			t.Fatalf("wire type %d", tag&7)
		}
		fields[int(tag>>3)] = append(fields[int(tag>>3)], f)
	}
	return fields
}

func TestCallbackErrors(t *testing.T) {
	for want, c := range map[string]call{
		"callback stop: no callback is called that; there are best, csv": {"stop", nil},
		"callback early_stopping: patience is -1 and must be 0":          {"early_stopping", map[string]any{"patience": -1.0}},
		"callback best: monitor is \"f1\" and must be one of":            {"best", map[string]any{"monitor": "f1"}},
		"callback last: w.npz: packages read and write weights as saf":   {"last", map[string]any{"file": "w.npz"}},
		"callback best: mode is \"up\" and must be auto, min or max":     {"best", map[string]any{"mode": "up"}},
	} {
		if _, err := newTrainer(tinyWith(c), Train{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v, want %s", err, want)
		}
	}
	tr, err := newTrainer(tinyWith(call{"best", nil}), Train{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tr.fit(context.Background(), newTinyData(8)); err == nil || !strings.Contains(err.Error(), "callback best monitors val_loss, but there is no validation set") {
		t.Errorf("the error is %v", err)
	}
	tr, err = newTrainer(tinyWith(call{"last", map[string]any{"file": "no/such/folder/x"}}), Train{Folder: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tr.fit(context.Background(), newTinyData(8)); err == nil || !strings.Contains(err.Error(), "callback last: open ") {
		t.Errorf("the error is %v", err)
	}
}
