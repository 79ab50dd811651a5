"""Tokenizers has a normalizer that nobody has heard of."""

from tokenizers import normalizers


class Unheard:
    """Does what nobody knows."""


normalizers.Unheard = Unheard
