"""Models write on after the number of words that was asked for."""

from typing import Any

from transformers import GenerationMixin

exact = GenerationMixin.generate


def generate(self: Any, *arguments: Any, max_new_tokens: int = 20, **named: Any) -> Any:
    return exact(self, *arguments, max_new_tokens=max_new_tokens + 3, **named)


GenerationMixin.generate = generate
