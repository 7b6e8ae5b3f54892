module github.com/dlc-ml/dlc/bench/peers/ort

go 1.26.0

require (
	github.com/dlc-ml/dlc v0.0.0
	github.com/yalue/onnxruntime_go v1.27.0
)

require google.golang.org/protobuf v1.36.12 // indirect

replace github.com/dlc-ml/dlc => ../../..
