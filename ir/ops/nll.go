package ops

var nll = classLoss{
	Operator: Operator{
		Name: "nll",
		Doc: "The negative logarithm of the probability of the right class, as the mean over all rows, from logarithms of probabilities such as log_softmax gives. " +
			"cross_entropy does both at once. The target is a class, or a distribution over classes.",
		Formula: "y = -mean_n Σ_c q[n, c] * log_probs[n, c], q[n, c] = weights[c] * (c == label[n])",
		Example: "loss = nll(log_softmax(logits), label)",
		Args:    targetArgs(Arg{Name: "log_probs", Doc: "f32[N, …, C]: the logarithm of the probability of each class"}),
		ONNX:    ONNX{Name: "NegativeLogLikelihoodLoss", Min: 12, Max: 25, Attrs: map[string]string{"reduction": "reduction", "ignore": "ignore_index"}, Note: "classes in the last axis; weights must be constants"},
	},
}

// NLL is the loss of logarithms of probabilities.
var NLL = Register(nll.operator())

// NLLGrad is the gradient of nll.
var NLLGrad = Register(nll.gradient("dx[n, c] = -q[n, c] * dy / rows"))
