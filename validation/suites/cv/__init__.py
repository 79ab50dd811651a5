"""Augmented pictures into a network."""
