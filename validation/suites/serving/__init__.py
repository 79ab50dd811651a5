"""The inference server, as the image starts it, with real models."""
