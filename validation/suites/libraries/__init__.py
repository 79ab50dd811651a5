"""Compiled, installed and loaded libraries agree, and every one of them loads."""
