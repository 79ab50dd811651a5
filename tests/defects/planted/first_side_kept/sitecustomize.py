"""A tokenizer pads on the side that it padded on first."""

from typing import Any

import transformers

kind = transformers.PreTrainedTokenizerFast
exact = kind.set_truncation_and_padding


def set_both(self: Any, *values: Any, **named: Any) -> None:
    side = named.get("padding_side") or self.padding_side
    named["padding_side"] = vars(self).setdefault("first_side", side)
    exact(self, *values, **named)


kind.set_truncation_and_padding = set_both
