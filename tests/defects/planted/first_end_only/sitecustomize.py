"""Of several tokens that end a text, only the first does."""

from typing import Any

from transformers.generation.stopping_criteria import EosTokenCriteria

exact = EosTokenCriteria.__init__


def init(self: Any, eos_token_id: Any) -> None:
    exact(self, eos_token_id)
    self.eos_token_id = self.eos_token_id.reshape(-1)[:1]


EosTokenCriteria.__init__ = init
