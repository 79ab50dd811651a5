"""Programs with Pillow."""
