"""Gradients of several ranks are those of one process."""
