package kernel

import "github.com/dlc-ml/dlc/avo/vec"

// fits reports, as an error, that f holds more values at once than its target has registers.
func (b *Builder) fits(f *vec.Func) error {
	_, err := vec.Allocate(f)
	return err
}
