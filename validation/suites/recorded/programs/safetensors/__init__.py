"""Programs with safetensors."""
