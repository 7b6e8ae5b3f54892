package ops

// SquaredHinge is hinge with its costs squared.
var SquaredHinge = Register(margins{
	Operator: Operator{
		Name:    "squared_hinge",
		Doc:     "hinge with each cost squared: smooth, and harder on answers that are far off.",
		Formula: "y = mean_n Σ_{c != label[n]} max(0, margin - scores[n, label[n]] + scores[n, c])^2 / C, or mean(max(0, margin - label * scores)^2)",
		Example: "loss = squared_hinge(scores, label)",
	},
	squared: true,
}.operator())
