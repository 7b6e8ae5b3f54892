package ops

// Precision is how much of what was predicted is right.
var Precision = Register(counting{
	Operator: Operator{
		Name: "precision",
		Doc: "Of the times a class was predicted, the share in which it was right, over all examples; 0 for a class that was never predicted. " +
			"With yes-or-no scores the questions take the place of classes, and the share is that of the right yes.",
		Formula: "P_c = hits_c / (hits_c + false_c)",
		Example: "metric = precision(logits, label)",
	},
	attrs: []AttrDef{averageAttr},
}.operator())
