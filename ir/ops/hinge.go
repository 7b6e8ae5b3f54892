package ops

// Hinge is the loss of support vector machines (Crammer, Singer, 2001; Weston, Watkins, 1999).
var Hinge = Register(margins{
	Operator: Operator{
		Name: "hinge",
		Doc: "The loss of support vector machines, which costs nothing where the right answer is ahead by margin. Of classes, the costs of all wrong ones are summed and divided by their number C; " +
			"of yes-or-no questions, the answers are 1 and -1.",
		Formula: "y = mean_n Σ_{c != label[n]} max(0, margin - scores[n, label[n]] + scores[n, c]) / C, or mean(max(0, margin - label * scores))",
		Example: "loss = hinge(scores, label)",
	},
}.operator())
