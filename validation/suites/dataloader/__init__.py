"""Samples arrive whole, once, in order; workers that die are seen."""
