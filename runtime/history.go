package runtime

import "time"

// Metric is one number by its name, such as accuracy. A metric that is more than a number has a table too: the rows of a confusion
// matrix, whose value is then the share of its diagonal.
type Metric struct {
	Name  string
	Value float64
	Table [][]float64
}

// Metrics are the loss first, then the metrics of the train block in its order, over all examples of a data set: some are averages of
// what the batches gave, others are computed from all examples at once.
type Metrics []Metric

// Get returns the value of that name; ok is false where there is none.
func (m Metrics) Get(name string) (value float64, ok bool) {
	for _, x := range m {
		if x.Name == name {
			return x.Value, true
		}
	}
	return 0, false
}

// EpochResult is what one epoch of training gave.
type EpochResult struct {
	Epoch        int     // from 1
	LearningRate float64 // of its last step
	Seconds      float64 // of training, without validation; time before a resume included
	Loss         float64 // the mean over the epoch's examples, each as its step saw it
	Metrics      Metrics // likewise; the loss is the first
	ValLoss      float64 // of the validation set after the epoch; 0 without one
	ValMetrics   Metrics // nil without a validation set; the loss is the first
}

// History is the results of the epochs so far, first to last.
type History []EpochResult

// Event reports progress: after every step, and once more after every epoch, when its validation is done. The receiver must not
// keep the slices: they are used again.
type Event struct {
	Epoch        int           // from 1
	Epochs       int           // that will be trained in all
	Step         int           // of this epoch, from 1
	Steps        int           // of each epoch
	Examples     int           // seen in this epoch
	PerSecond    float64       // examples a second in this epoch
	ETA          time.Duration // to the end of the training, validation not counted
	Loss         float64       // mean of this epoch so far
	Metrics      Metrics       // of this epoch so far; the loss is the first; those that need a whole epoch, such as roc_auc, come at its end
	LearningRate float64       // of this step
	EpochDone    bool          // the epoch is over; the fields below are set where there is a validation set
	ValLoss      float64
	ValMetrics   Metrics
	Done         bool // the last event of a training that went to its end
}

// newMetrics returns a zero for each name.
func newMetrics(names []string) Metrics {
	m := make(Metrics, len(names))
	for i, n := range names {
		m[i].Name = n
	}
	return m
}
