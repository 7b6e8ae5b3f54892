package runtime

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc64"
	"io"
	"io/fs"
	"math"
	"os"
	"strconv"
	"strings"
)

// A checkpoint file is a head of 24 bytes, [checkpointMagic], the length and the CRC-64 (ECMA) of the rest as little-endian uint64; the
// rest is a safetensors file: the parameters by their names, the optimizer state by "momentum/" and their names, and the rest
// of the training's state as text in its metadata, where floats are hexadecimal and so exact.
const (
	checkpointMagic = "dlcckpt" // and the version, one byte
	checkpointHead  = 24
)

// checkpointVersion is the last byte of the magic number.
const checkpointVersion = '2'

// writeCheckpoint writes the state of the training to path, whole or not at all.
func (t *Trainer) writeCheckpoint(path string) error {
	return writeFile(path, func(f *os.File) error {
		if _, err := f.Write(make([]byte, checkpointHead)); err != nil {
			return err
		}
		sum := crc64.New(crc64.MakeTable(crc64.ECMA))
		if err := writeTensors(io.MultiWriter(f, sum), t.info, t.checkpointArenas(), t.metadata()); err != nil {
			return err
		}
		end, err := f.Seek(0, io.SeekCurrent)
		if err != nil {
			return err
		}
		head := append([]byte(checkpointMagic), checkpointVersion)
		head = binary.LittleEndian.AppendUint64(head, uint64(end-checkpointHead))
		head = binary.LittleEndian.AppendUint64(head, sum.Sum64())
		_, err = f.WriteAt(head, 0)
		return err
	})
}

// checkpointArenas is what of a checkpoint is tensors.
func (t *Trainer) checkpointArenas() []namedArena {
	list := []namedArena{{"", t.weights}}
	for i, s := range t.states {
		list = append(list, namedArena{t.info.states[i] + "/", s})
	}
	if t.best != nil {
		list = append(list, namedArena{"best/", t.best})
	}
	return list
}

// metadata is what of a checkpoint is text.
func (t *Trainer) metadata() map[string]string {
	var history, plateaus strings.Builder
	for _, e := range t.at.history {
		fmt.Fprintf(&history, "%d %s %s%s%s\n", e.Epoch, hexFloat(e.LearningRate), hexFloat(e.Seconds), hexMetrics(e.Metrics), hexMetrics(e.ValMetrics))
	}
	for _, p := range t.watch {
		fmt.Fprintf(&plateaus, "%t %s %d %d %s\n", p.seen, hexFloat(p.best), p.bad, p.wait, hexFloat(p.factor))
	}
	return map[string]string{
		"model":         t.info.name,
		"optimizer":     describe([]call{t.info.recipe.optimizer}, "lr"),
		"schedule":      describe(t.info.recipe.schedule, ""),
		"treatment":     t.treatment(),
		"watching":      describe(watching(t.info.recipe.callbacks), ""),
		"results":       strings.Join(t.info.results, " "),
		"epochs":        strconv.Itoa(t.o.Epochs),
		"batch":         strconv.Itoa(t.o.Batch),
		"seed":          strconv.Itoa(t.o.Seed),
		"learning_rate": hexFloat(t.o.LearningRate),
		"step":          strconv.Itoa(t.at.step),
		"updates":       strconv.Itoa(t.at.updates),
		"pending":       strconv.Itoa(t.at.pending),
		"summed":        strconv.Itoa(t.at.summed),
		"epoch":         strconv.Itoa(t.at.epoch),
		"taken":         strconv.Itoa(t.at.taken),
		"examples":      strconv.Itoa(t.at.examples),
		"seconds":       hexFloat(t.at.seconds),
		"sums":          t.at.sums.text(),
		"plateaus":      plateaus.String(),
		"stopped":       strconv.FormatBool(t.at.stopped),
		"history":       history.String(),
	}
}

// treatment is how gradients become updates, besides the optimizer.
func (t *Trainer) treatment() string {
	rc := &t.info.recipe
	return fmt.Sprintf("%d batches; %s; %s", t.accumulate(), describe(rc.rules, ""), describe(rc.average, ""))
}

func hexFloat(v float64) string { return strconv.FormatFloat(v, 'x', -1, 64) }

func parseHexFloat(s string) (float64, error) {
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return 0, fmt.Errorf("%s is no number", quoted(s))
	}
	return v, nil
}

// hexMetrics writes a field a metric: its value, and behind it each row of its table, as /a,b,c.
func hexMetrics(m Metrics) string {
	var b strings.Builder
	for _, x := range m {
		b.WriteString(" " + hexFloat(x.Value))
		for _, row := range x.Table {
			for k, v := range row {
				b.WriteString("/,"[min(k, 1):min(k, 1)+1] + hexFloat(v))
			}
		}
	}
	return b.String()
}

// readCheckpoint sets the trainer to the state that the file holds, and completes the options from it.
func (t *Trainer) readCheckpoint(path string) error {
	f, size, err := openRegular(path)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s: nothing to resume: %w; train without Resume first", t.info.name, err)
		}
		return err
	}
	defer f.Close()
	return t.decodeCheckpoint(path, f, size)
}

// decodeCheckpoint is readCheckpoint of an open file of size bytes.
func (t *Trainer) decodeCheckpoint(path string, f io.ReaderAt, size int64) error {
	body, err := checkpointBody(path, f, size)
	if err != nil {
		return err
	}
	tensors, err := readTensorHeader(path, body, body.Size())
	if err != nil {
		return err
	}
	r := &metadataReader{file: path, text: tensors.metadata}
	if err := t.checkSameTraining(r); err != nil {
		return err
	}
	if err := readTensors(t.info, tensors, t.checkpointArenas()); err != nil {
		return err
	}
	return t.restore(r)
}

// checkpointBody checks the head and the sum of a checkpoint and returns what they speak of.
func checkpointBody(path string, f io.ReaderAt, size int64) (*io.SectionReader, error) {
	var head [checkpointHead]byte
	if n, err := f.ReadAt(head[:], 0); n < checkpointHead {
		if err != io.EOF {
			return nil, fmt.Errorf("%s: head: %w", path, err)
		}
		return nil, fmt.Errorf("%s: head: the file has %d bytes and is no checkpoint", path, size)
	}
	if string(head[:7]) != checkpointMagic {
		return nil, fmt.Errorf("%s: magic number: this is no checkpoint", path)
	}
	if head[7] != checkpointVersion {
		return nil, fmt.Errorf("%s: version: this package reads checkpoints of version %c, not %q", path, checkpointVersion, head[7])
	}
	if n := binary.LittleEndian.Uint64(head[8:]); n != uint64(size-checkpointHead) {
		return nil, fmt.Errorf("%s: length: the head says %d bytes, but %d follow: the file is cut short or damaged", path, n, size-checkpointHead)
	}
	body := io.NewSectionReader(f, checkpointHead, size-checkpointHead)
	sum := crc64.New(crc64.MakeTable(crc64.ECMA))
	if _, err := io.Copy(sum, body); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if got, want := sum.Sum64(), binary.LittleEndian.Uint64(head[16:]); got != want {
		return nil, fmt.Errorf("%s: checksum: it is %016x and should be %016x: the file is damaged", path, got, want)
	}
	return body, nil
}

// checkSameTraining refuses the checkpoint of another model or another training.
func (t *Trainer) checkSameTraining(r *metadataReader) error {
	if name := r.get("model"); r.err == nil && name != t.info.name {
		return fmt.Errorf("%s: the checkpoint is of model %s, not %s", r.file, quoted(name), t.info.name)
	}
	for _, same := range [][2]string{
		{"optimizer", describe([]call{t.info.recipe.optimizer}, "lr")},
		{"schedule", describe(t.info.recipe.schedule, "")},
		{"treatment", t.treatment()},
		{"watching", describe(watching(t.info.recipe.callbacks), "")},
		{"results", strings.Join(t.info.results, " ")},
	} {
		if got := r.get(same[0]); r.err == nil && got != same[1] {
			return fmt.Errorf("%s: %s: the checkpoint was made with %s, but the model now has %s: restore that, or start anew from the saved weights (Train.From)",
				r.file, same[0], quoted(got), quoted(same[1]))
		}
	}
	batch, seed := r.int("batch", 1, math.MaxInt32), r.int("seed", math.MinInt, math.MaxInt)
	epochs, lr := r.int("epochs", 1, math.MaxInt32), r.float("learning_rate")
	switch {
	case r.err != nil:
		return r.err
	case t.o.Batch != 0 && t.o.Batch != batch:
		return fmt.Errorf("%s: batch: the checkpoint was made with %d, so it cannot go on with %d", r.file, batch, t.o.Batch)
	case t.o.Seed != 0 && t.o.Seed != seed:
		return fmt.Errorf("%s: seed: the checkpoint was made with %d, so it cannot go on with %d", r.file, seed, t.o.Seed)
	}
	// One that stopped early goes on when more epochs are asked for.
	t.at.stopped = r.get("stopped") == "true" && t.o.Epochs <= epochs
	t.complete(epochs, batch, seed, lr)
	return r.err
}

// restore reads the position.
func (t *Trainer) restore(r *metadataReader) error {
	t.at.step = r.int("step", 0, math.MaxInt32)
	t.at.updates = r.int("updates", 0, t.at.step)
	t.at.pending = r.int("pending", 0, t.accumulate()-1)
	t.at.summed = r.int("summed", 0, math.MaxInt32)
	t.at.epoch = r.int("epoch", 0, math.MaxInt32)
	t.at.examples = r.int("examples", 0, math.MaxInt32)
	t.at.taken = r.int("taken", 0, t.at.examples)
	t.at.seconds = r.float("seconds")
	if err := t.at.sums.parse(r.get("sums"), t.at.taken); err != nil {
		r.fail("sums", "%v", err)
	}
	for i, f := range r.lines("plateaus", len(t.watch), 5, 5) {
		t.watch[i] = plateau{f[0] == "true", r.parseFloat("plateaus", f[1]), r.parseInt("plateaus", f[2], 0, math.MaxInt32),
			r.parseInt("plateaus", f[3], 0, math.MaxInt32), r.parseFloat("plateaus", f[4])}
	}
	n := len(t.info.results)
	for i, f := range r.lines("history", t.at.epoch, 3+n, 3+2*n) {
		e := EpochResult{Epoch: r.parseInt("history", f[0], i+1, i+1), LearningRate: r.parseFloat("history", f[1]), Seconds: r.parseFloat("history", f[2])}
		e.Metrics = r.metrics(t.info.results, f[3:3+n])
		e.Loss = e.Metrics[0].Value
		if len(f) == 3+2*n {
			e.ValMetrics = r.metrics(t.info.results, f[3+n:])
			e.ValLoss = e.ValMetrics[0].Value
		}
		t.at.history = append(t.at.history, e)
	}
	return r.err
}
