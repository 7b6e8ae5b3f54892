package runtime

import (
	stdruntime "runtime"
	"sync"
)

// Model is a network with its weights. It does not change, and is safe for use by many goroutines at once; each works through a
// [Session] of its own.
type Model struct {
	info    *modelInfo
	weights []float32

	once     sync.Once
	prepared []float32 // what infer computes from the weights alone, once the first session was made

	mu   sync.Mutex
	idle []*Session // of batch 1, for Predict
}

// newModel is New of generated packages: the model with the weights that the package embeds (see [embeddedWeights]).
func newModel(info *modelInfo, blob string) (*Model, error) {
	if errISA != nil {
		return nil, errISA
	}
	weights, err := embeddedWeights(info, blob)
	if err != nil {
		return nil, err
	}
	return &Model{info: info, weights: weights}, nil
}

// loadModel is Load of generated packages: the model with the weights of a safetensors file.
func loadModel(info *modelInfo, path string) (*Model, error) {
	if errISA != nil {
		return nil, errISA
	}
	weights, err := loadWeights(info, path)
	if err != nil {
		return nil, err
	}
	return &Model{info: info, weights: weights}, nil
}

// newModelOf is the model with an arena of weights.
func newModelOf(info *modelInfo, weights []float32) (*Model, error) {
	if errISA != nil {
		return nil, errISA
	}
	return &Model{info: info, weights: weights}, nil
}

// untrainedModel is the model as training starts it, for measurements and tests.
func untrainedModel(info *modelInfo, seed int) (*Model, error) {
	if errISA != nil {
		return nil, errISA
	}
	weights, err := initialWeights(info, seed)
	if err != nil {
		return nil, err
	}
	return &Model{info: info, weights: weights}, nil
}

// Save writes the weights to a safetensors file: float32, or int32 where they are whole numbers, by their names, each in its logical shape and row-major. The file is there
// whole or not at all: a failure leaves an older one as it was.
func (m *Model) Save(path string) error { return saveWeights(m.info, path, m.weights) }

// acquire returns a session of batch 1 for a short use, one that release gave back where there is one.
func (m *Model) acquire() *Session {
	m.mu.Lock()
	defer m.mu.Unlock()
	if n := len(m.idle); n > 0 {
		s := m.idle[n-1]
		m.idle = m.idle[:n-1]
		return s
	}
	return m.NewSession()
}

// release gives back what acquire returned. As many are kept as can run at once.
func (m *Model) release(s *Session) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.idle) < stdruntime.GOMAXPROCS(0) {
		m.idle = append(m.idle, s)
	}
}
