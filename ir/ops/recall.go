package ops

// Recall is how much of what is right was predicted.
var Recall = Register(counting{
	Operator: Operator{
		Name: "recall",
		Doc: "Of the examples of a class, the share in which it was predicted, over all examples; 0 for a class without examples. " +
			"With yes-or-no scores the questions take the place of classes. With average=\"micro\" and classes it is the accuracy without ignored labels.",
		Formula: "R_c = hits_c / (hits_c + missed_c)",
		Example: "metric = recall(logits, label, average=\"weighted\")",
	},
	attrs: []AttrDef{averageAttr},
}.operator())
