"""Suites that the host makes itself, of containers that hold no file of the harness."""
