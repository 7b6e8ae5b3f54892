package ops

// targetArgs are the operands of losses that take labels or distributions.
func targetArgs(scores Arg) []Arg {
	return []Arg{scores, {Name: "label", Doc: "i32[N, …]: the right class, 0 … C-1; or f32[N, …, C]: a probability for each class"}}
}

var crossEntropy = classLoss{
	Operator: Operator{
		Name: "cross_entropy",
		Doc: "The loss of classification: how surprised the scores are by the right class, as the mean over all rows (the batch, and positions where there are more axes). " +
			"It takes raw scores and does the softmax itself. The target is a class, or a distribution over classes. Rows with an ignored label count nowhere; where all are ignored the loss is 0. " +
			"Other labels outside 0 … C-1 are refused in the data before they get here.",
		Formula: "y = mean_n Σ_c q[n, c] * (ln Σ_k exp(logits[n, k]) - logits[n, c]), q[n, c] = weights[c] * ((1 - smoothing) * (c == label[n]) + smoothing / C)",
		Example: "loss = cross_entropy(logits, label, smoothing=0.1)",
		Args:    targetArgs(classArgs[0]),
		ONNX:    ONNX{Name: "SoftmaxCrossEntropyLoss", Min: 12, Max: 25, Attrs: map[string]string{"reduction": "reduction", "ignore": "ignore_index"}, Note: "classes in the last axis; weights must be constants"},
	},
	softmax: true,
}

// CrossEntropy is the usual loss of classification.
var CrossEntropy = Register(crossEntropy.operator())

// CrossEntropyGrad is the gradient of cross_entropy for its logits.
var CrossEntropyGrad = Register(crossEntropy.gradient("dx[n, c] = (softmax(logits)[n, c] * Σ_k q[n, k] - q[n, c]) * dy / rows"))
