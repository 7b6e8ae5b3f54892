package ops

// CharacterErrorRate is token_error_rate by the name that it has where symbols are characters.
var CharacterErrorRate = Register(errorRate{
	Operator: Operator{
		Name:    "character_error_rate",
		Doc:     "token_error_rate by the name that it has in speech and handwriting, where symbols are characters: edits over characters, of all examples.",
		Formula: "y = Σ_n edits(predicted[n], right[n]) / Σ_n length(right[n])",
		Example: "metric = character_error_rate(logits, text, frames, length)",
	},
}.operator())
