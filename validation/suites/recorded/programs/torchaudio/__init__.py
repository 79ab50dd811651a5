"""Programs with TorchAudio."""
