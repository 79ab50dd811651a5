"""Programs with Transformers."""
