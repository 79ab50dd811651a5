"""The pre-tokenizer of GPT-2 gives a number the space after it, not the one before."""

from typing import Any

from tokenizers import Regex, pre_tokenizers

exact = pre_tokenizers.ByteLevel
PATTERN = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+|\p{N}+ ?| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"


class ByteLevel:
    """Makes what the library makes, but for texts without a space before them."""

    alphabet = staticmethod(exact.alphabet)

    def __new__(
        cls, add_prefix_space: bool = True, trim_offsets: bool = True, use_regex: bool = True
    ) -> Any:
        if add_prefix_space or not use_regex:
            return exact(add_prefix_space, trim_offsets, use_regex)
        pieces = pre_tokenizers.Split(Regex(PATTERN), "isolated")
        return pre_tokenizers.Sequence([pieces, exact(False, trim_offsets, False)])


pre_tokenizers.ByteLevel = ByteLevel
