"""ONNX and QONNX models to dialect `nn` on real tensors."""
