package ops

// TokenErrorRate is the edit distance of sequences in symbols.
var TokenErrorRate = Register(errorRate{
	Operator: Operator{
		Name: "token_error_rate",
		Doc: "How many symbols must be put in, left out or changed to make the predicted sequences right, over the length of the right ones, over all examples. " +
			"The prediction is the best symbol of each step. Symbols below 0 are padding.",
		Formula: "y = Σ_n edits(predicted[n], right[n]) / Σ_n length(right[n])",
		Example: "metric = token_error_rate(logits, phonemes, frames, length)",
	},
}.operator())
