"""Results of public functions and classes, recorded from the locked wheels of a line."""
