"""Gradients of ranks on two nodes are those of one process."""
