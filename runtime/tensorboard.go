package runtime

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"os"
	"path/filepath"
	"time"
)

// TensorBoard reads event files: records, each of which is a message Event of TensorFlow's event.proto. A record is the length of its
// message as a little-endian uint64, the masked CRC-32C of these 8 bytes, the message, and the masked CRC-32C of the message
// (tensorflow/core/lib/io/record_writer.h).

// logEvents appends the epoch's numbers to this run's event file. Training and validation lie under one name, such as loss/train and
// loss/validation, so that they share a chart.
func logEvents(r *fitRun, c *callback, _ watched) error {
	folder := r.beside(c, "folder", ".events")
	if folder == "" {
		return nil
	}
	now := float64(time.Now().UnixMicro()) / 1e6
	if r.events == "" {
		if err := os.MkdirAll(folder, 0o777); err != nil {
			return err
		}
		// The time comes first, by which TensorBoard orders the files of a training that was resumed.
		r.events = filepath.Join(folder, fmt.Sprintf("events.out.tfevents.%010d.%s.%d", int64(now), r.info.name, os.Getpid()))
		if err := appendFile(r.events, eventRecord(versionEvent(now))); err != nil {
			return err
		}
	}
	e := &r.at.history[len(r.at.history)-1]
	values := []logField{{"learning_rate", e.LearningRate}}
	for _, m := range e.Metrics {
		values = append(values, logField{m.Name + "/train", m.Value})
	}
	for _, m := range e.ValMetrics {
		values = append(values, logField{m.Name + "/validation", m.Value})
	}
	return appendFile(r.events, eventRecord(summaryEvent(now, e.Epoch, values)))
}

// appendFile appends to a file, which it makes where there is none.
func appendFile(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o666)
	if err != nil {
		return err
	}
	if _, err := f.Write(data); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

// castagnoli is the polynomial of CRC-32C.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// maskedSum is the CRC-32C as records have it: turned and moved, so that the sum of a text that holds sums is none of them.
func maskedSum(data []byte) uint32 {
	c := crc32.Checksum(data, castagnoli)
	return (c>>15 | c<<17) + 0xa282ead8
}

// eventRecord frames a message.
func eventRecord(message []byte) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(message)))
	b = binary.LittleEndian.AppendUint32(b, maskedSum(b))
	b = append(b, message...)
	return binary.LittleEndian.AppendUint32(b, maskedSum(message))
}

// The wire types of protocol buffers.
const (
	wireVarint  = 0
	wireFixed64 = 1
	wireBytes   = 2
	wireFixed32 = 5
)

func protoTag(b []byte, field, wire int) []byte {
	return binary.AppendUvarint(b, uint64(field)<<3|uint64(wire))
}

func protoBytes(b []byte, field int, data []byte) []byte {
	b = binary.AppendUvarint(protoTag(b, field, wireBytes), uint64(len(data)))
	return append(b, data...)
}

// versionEvent is the first event of a file: wall_time (1) and file_version (3).
func versionEvent(now float64) []byte {
	b := binary.LittleEndian.AppendUint64(protoTag(nil, 1, wireFixed64), math.Float64bits(now))
	return protoBytes(b, 3, []byte("brain.Event:2"))
}

// summaryEvent has wall_time (1), step (2) and summary (5), whose values (1) each have a tag (1) and a simple_value (2).
func summaryEvent(now float64, step int, values []logField) []byte {
	var summary []byte
	for _, v := range values {
		value := protoBytes(nil, 1, []byte(v.name))
		value = binary.LittleEndian.AppendUint32(protoTag(value, 2, wireFixed32), math.Float32bits(float32(v.value)))
		summary = protoBytes(summary, 1, value)
	}
	b := binary.LittleEndian.AppendUint64(protoTag(nil, 1, wireFixed64), math.Float64bits(now))
	b = binary.AppendUvarint(protoTag(b, 2, wireVarint), uint64(step))
	return protoBytes(b, 5, summary)
}
