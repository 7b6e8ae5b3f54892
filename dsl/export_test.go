package dsl

// MostWork is how many parts of expressions a compilation evaluates at most: four functions and the settings.
const MostWork = 5 * maxSteps

// Work returns how many Compile evaluates.
func Work(src []byte) int {
	c, _, _ := compile("in.dl", src, Options{})
	if c == nil {
		return 0
	}
	return c.work + c.steps
}
