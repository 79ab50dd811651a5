"""Programs with SciPy."""
