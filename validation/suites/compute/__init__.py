"""Training steps, kernels, compilation and saved models against references."""
