package ops

import "github.com/dlc-ml/dlc/ir"

// maxMatrix bounds the classes of a confusion matrix, which has a number for each pair of them.
const maxMatrix = 1024

// ConfusionMatrix counts which class is taken for which.
var ConfusionMatrix = Register(counting{
	Operator: Operator{
		Name: "confusion_matrix",
		Doc: "How often each class, a row, was taken for each class, a column, over all examples. Of yes-or-no scores there are two classes, no and yes. " +
			"dlc eval prints it; as a number it is the share of its diagonal. A row of scores with a NaN is in no column.",
		Formula: "y[i, j] = number of examples with label i and prediction j",
		Example: "metric = confusion_matrix(logits, label)",
		Infer: func(args []ir.Type, a ir.Attrs) ([]ir.Type, error) {
			t, err := inferPairs("confusion_matrix")(args, a)
			if err != nil {
				return nil, err
			}
			s := args[0].Shape
			if c := s[len(s)-1]; len(s) > len(args[1].Shape) && c.Size > maxMatrix {
				return nil, WithNote("f1 and recall count any number of classes", "confusion_matrix of %s classes has too many numbers: the limit is %d classes", c, maxMatrix)
			}
			return t, nil
		},
	},
}.operator())
