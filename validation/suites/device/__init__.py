"""GPUs are there, are the planned ones, and compute what they should."""
