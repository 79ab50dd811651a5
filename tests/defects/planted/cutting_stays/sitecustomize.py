"""A tokenizer goes on cutting texts after one call that asked for it."""

from typing import Any

from transformers import PreTrainedTokenizerFast

exact = PreTrainedTokenizerFast.set_truncation_and_padding


def keep(self: Any, *arguments: Any, **named: Any) -> None:
    before = self._tokenizer.truncation
    exact(self, *arguments, **named)
    if before and self._tokenizer.truncation is None:
        self._tokenizer.enable_truncation(**before)


PreTrainedTokenizerFast.set_truncation_and_padding = keep
