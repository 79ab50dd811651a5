"""Programs with NumPy."""
