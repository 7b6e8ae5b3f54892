package ops

// MeanIoU is the usual metric of segmentation.
var MeanIoU = Register(counting{
	Operator: Operator{
		Name: "mean_iou",
		Doc: "The overlap of the places that were given a class with those that have it, over all places of all examples, as the mean over the classes that occur: " +
			"the metric of segmentation (Jaccard index). With yes-or-no scores, such as a mask f32[N,H,W,1], the questions take the place of classes.",
		Formula: "y = mean_c hits_c / (hits_c + false_c + missed_c)",
		Example: "metric = mean_iou(logits, label, ignore=255)",
	},
}.operator())
