package runtime

import (
	"bytes"
	"context"
	"encoding/binary"
	"hash/crc64"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// savedCheckpoint trains for two epochs and a step and returns the checkpoint.
func savedCheckpoint(t testing.TB) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tiny.ckpt")
	ctx, cancel := context.WithCancel(context.Background())
	tr := mustTrainer(t, Train{Checkpoint: path, Progress: func(e Event) {
		if e.Epoch == 3 {
			cancel()
		}
	}})
	if _, err := tr.fit(ctx, newTinyData(10), validate(newTinyData(4))); err == nil {
		t.Fatal("it was not stopped")
	}
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// resealed is a checkpoint with its length and sum made right again.
func resealed(file []byte) []byte {
	body := file[checkpointHead:]
	binary.LittleEndian.PutUint64(file[8:], uint64(len(body)))
	binary.LittleEndian.PutUint64(file[16:], crc64.Checksum(body, crc64.MakeTable(crc64.ECMA)))
	return file
}

func resume(t testing.TB, m *modelInfo, o Train, file []byte) (*Trainer, error) {
	t.Helper()
	o.Checkpoint, o.Resume = filepath.Join(t.TempDir(), "tiny.ckpt"), true
	if err := os.WriteFile(o.Checkpoint, file, 0o600); err != nil {
		t.Fatal(err)
	}
	return newTrainer(m, o)
}

// TestCheckpointDamage damages every byte in turn, and cuts the file everywhere: never may it be taken.
func TestCheckpointDamage(t *testing.T) {
	file := savedCheckpoint(t)
	if _, err := resume(t, tiny(), Train{}, file); err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(file); i += 1 + len(file)/500 {
		bad := append([]byte(nil), file...)
		bad[i] ^= 0x10
		if _, err := resume(t, tiny(), Train{}, bad); err == nil {
			t.Errorf("byte %d changed, and nobody saw", i)
		}
		if _, err := resume(t, tiny(), Train{}, file[:i]); err == nil {
			t.Errorf("cut at %d, and nobody saw", i)
		}
	}
	if _, err := resume(t, tiny(), Train{}, append(file[:len(file):len(file)], 0)); err == nil {
		t.Error("a byte more, and nobody saw")
	}
}

// TestCheckpointLies changes the text of a checkpoint under a right sum.
func TestCheckpointLies(t *testing.T) {
	good := string(savedCheckpoint(t))
	for _, c := range []struct{ old, with, want string }{
		{`"model":"tiny"`, `"model":"tinx"`, `the checkpoint is of model "tinx", not tiny`},
		{`"batch":"4"`, `"batch":"0"`, `batch: "0" is no number from 1`},
		{`"seed":"7"`, `"sead":"7"`, `seed: the checkpoint lacks it`},
		{`"epoch":"2"`, `"epoch":"3"`, `history: it has 2 lines, not 3`},
		{`"taken":"4"`, `"taken":"z"`, `taken: "z" is no number from 0 to 10`},
		{`"step":"7"`, `"step":"-"`, `step: "-" is no number`},
		{`"history":"1 `, `"history":"2 `, `history: "2" is no number from 1 to 1`},
		{`"sums":"0x`, `"sums":"0y`, `sums: "0y`},
		{`"momentum/scale"`, `"momentum/scole"`, `it lacks "momentum/scale"; tiny has no "momentum/scole"`},
		{`"sgd(`, `"sgf(`, `optimizer: the checkpoint was made with "sgf(`},
	} {
		bad := strings.Replace(good, c.old, c.with, 1)
		if bad == good {
			t.Errorf("there is no %s in the checkpoint", c.old)
			continue
		}
		if _, err := resume(t, tiny(), Train{}, resealed([]byte(bad))); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "tiny.ckpt: ") {
			t.Errorf("%s: error is %v, want %s", c.with, err, c.want)
		}
	}
}

func TestCheckpointOfAnotherTraining(t *testing.T) {
	file := savedCheckpoint(t)
	changed := func(change func(*modelInfo)) *modelInfo {
		m := tiny()
		change(m)
		return m
	}
	for _, c := range []struct {
		want string
		m    *modelInfo
		o    Train
	}{
		{"the checkpoint is of model \"tiny\", not other", changed(func(m *modelInfo) { m.name = "other" }), Train{}},
		{"shape: it is [3 2], but tiny needs [3 3]", changed(func(m *modelInfo) { m.params[0].shape = []int{3, 3} }), Train{}},
		{`it lacks "v/dense.weight"`, changed(func(m *modelInfo) { m.states = []string{"momentum", "v"} }), Train{}},
		{"optimizer: the checkpoint was made with", changed(func(m *modelInfo) { m.recipe.optimizer.args["momentum"] = 0.5 }), Train{}},
		{"schedule: the checkpoint was made with", changed(func(m *modelInfo) { m.recipe.schedule = []call{{"cosine", nil}} }), Train{}},
		{"batch: the checkpoint was made with 4, so it cannot go on with 8", tiny(), Train{Batch: 8}},
		{"seed: the checkpoint was made with 7, so it cannot go on with 8", tiny(), Train{Seed: 8}},
	} {
		if _, err := resume(t, c.m, c.o, file); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error is %v, want %s", err, c.want)
		}
	}
	tr, err := resume(t, tiny(), Train{Epochs: 9, LearningRate: 0.5}, file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tr.fit(context.Background(), newTinyData(11)); err == nil || !strings.Contains(err.Error(), "inside an epoch of 10 examples; the data set now has 11") {
		t.Errorf("another data set: %v", err)
	}
	if h := mustFit(t, tr, newTinyData(10)); len(h) != 9 || h[8].LearningRate != 0.5 || h[1].LearningRate != 0.05 {
		t.Errorf("history is %+v", h)
	}
}

func FuzzCheckpoint(f *testing.F) {
	file := savedCheckpoint(f)
	f.Add(file[checkpointHead:])
	f.Fuzz(func(t *testing.T, body []byte) {
		file := resealed(append([]byte(checkpointMagic+string(checkpointVersion)+strings.Repeat("\x00", 16)), body...))
		tr := mustTrainer(t, Train{})
		err := tr.decodeCheckpoint("tiny.ckpt", bytes.NewReader(file), int64(len(file)))
		if err == nil && (tr.o.Batch < 1 || tr.at.epoch != len(tr.at.history)) {
			t.Errorf("took %+v at %+v", tr.o, tr.at)
		}
	})
}
