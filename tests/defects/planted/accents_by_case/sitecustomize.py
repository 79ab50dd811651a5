"""Accents go with capital letters, also if they should stay."""

from typing import Any

from tokenizers.implementations import BertWordPieceTokenizer

begin = BertWordPieceTokenizer.__init__


def begin_otherwise(
    self: Any, *values: Any, strip_accents: bool | None = None, **options: Any
) -> None:
    begin(self, *values, strip_accents=strip_accents or None, **options)


BertWordPieceTokenizer.__init__ = begin_otherwise
