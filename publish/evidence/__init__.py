"""Signed statements about the digest of an image, and how a stranger verifies them."""
