"""Programs with TorchVision."""
