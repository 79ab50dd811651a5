"""Which tags a digest may carry, and putting them there."""
