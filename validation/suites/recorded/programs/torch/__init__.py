"""Programs with PyTorch."""
