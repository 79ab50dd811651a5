"""Shipped text into a small BERT."""
