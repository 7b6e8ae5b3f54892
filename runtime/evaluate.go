package runtime

import (
	"context"
	"errors"
	"fmt"
	"math"
	stdruntime "runtime"
)

// evaluator runs program eval over a data set.
type evaluator struct {
	info    *modelInfo
	x       *exec
	view    *batchView
	batch   int
	sums    tallies
	metrics Metrics
}

func newEvaluator(info *modelInfo, batch int, weights []float32, p *pool) *evaluator {
	x := newExec(info.eval, batch, weights, p)
	return &evaluator{
		info: info, x: x, batch: batch,
		view:    newBatchView(info, x, func(p portInfo) int { return p.eval }),
		sums:    newTallies(info),
		metrics: newMetrics(info.results),
	}
}

// run returns the loss and the metrics over src. They stay as they are until the next run.
func (e *evaluator) run(ctx context.Context, src examples) (Metrics, error) {
	e.sums.reset()
	for total, at := src.Len(), 0; at < total; {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		n := min(e.batch, total-at)
		for i := range n {
			if err := e.view.fill(src, at+i, i); err != nil {
				return nil, err
			}
		}
		e.x.n = n
		e.x.setScalars(scalars{batch: n})
		e.x.run()
		e.sums.add(e.x, n)
		at += n
	}
	e.sums.read(e.metrics)
	return e.metrics, nil
}

// checkExamples refuses a data set that cannot be gone through.
func checkExamples(src examples) error {
	if src == nil {
		return errors.New("the data set is nil")
	}
	if n := src.Len(); n < 1 || n > math.MaxInt32 {
		return fmt.Errorf("the data set has %d examples; it must have 1 to %d", n, math.MaxInt32)
	}
	return nil
}

// evaluate is Evaluate of generated packages: the loss and the metrics of the model over a data set. It uses all threads that the
// process may use, and gives the same bits with any number. The only error besides those of the data set is that ctx is done.
func (m *Model) evaluate(ctx context.Context, src examples) (Metrics, error) {
	if m.info.eval == nil {
		return nil, fmt.Errorf("%s has no train block, so it has no loss", m.info.name)
	}
	if err := checkExamples(src); err != nil {
		return nil, fmt.Errorf("%s: %w", m.info.name, err)
	}
	batch := m.info.recipe.batch
	if err := checkBatch(m.info.eval, batch); err != nil {
		return nil, fmt.Errorf("%s: batch is %d: %w", m.info.name, batch, err)
	}
	if ctx == nil {
		ctx = context.Background()
	}
	p := newPool(min(stdruntime.GOMAXPROCS(0), maxThreads))
	defer p.close()
	return newEvaluator(m.info, batch, m.weights, p).run(ctx, src)
}
