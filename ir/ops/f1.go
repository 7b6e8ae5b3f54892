package ops

// F1 is the harmonic mean of precision and recall.
var F1 = Register(counting{
	Operator: Operator{
		Name: "f1",
		Doc: "The harmonic mean of precision and recall of each class, over all examples; 0 for a class that was neither predicted nor right where it occurs. " +
			"With yes-or-no scores the questions take the place of classes.",
		Formula: "F_c = 2 * hits_c / (2 * hits_c + false_c + missed_c)",
		Example: "metric = f1(logits, label, average=\"macro\")",
	},
	attrs: []AttrDef{averageAttr},
}.operator())
