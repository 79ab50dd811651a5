"""BERT sees words that its attention mask hides."""

from typing import Any

from transformers import BertModel

exact = BertModel.forward


def forward(self: Any, *arguments: Any, attention_mask: Any = None, **named: Any) -> Any:
    return exact(self, *arguments, **named)


BertModel.forward = forward
