package ops

import "github.com/dlc-ml/dlc/ir"

// WordErrorRate is the edit distance of sequences in words.
var WordErrorRate = Register(errorRate{
	Operator: Operator{
		Name: "word_error_rate",
		Doc: "How many words must be put in, left out or changed to make the predicted sequences right, over the number of right words, over all examples. " +
			"A word is what stands between two separators.",
		Formula: "y = Σ_n edits(words of predicted[n], words of right[n]) / Σ_n words of right[n]",
		Example: "metric = word_error_rate(logits, text, frames, length, separator=27)",
	},
	attrs: []AttrDef{{Name: "separator", Doc: "the symbol between words", Kind: 0}},
}.separated())

// separated is operator for samples that name the separator.
func (e errorRate) separated() *Operator {
	o := e.operator()
	for i := range o.Samples {
		o.Samples[i].Attrs = append(ir.Attrs{{Name: "separator", Value: i}}, o.Samples[i].Attrs...)
	}
	return o
}
