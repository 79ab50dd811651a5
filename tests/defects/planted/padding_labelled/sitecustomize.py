"""The labels of a language model have the padding in them."""

from typing import Any

from transformers import DataCollatorForLanguageModeling

exact = DataCollatorForLanguageModeling.torch_call


def collate(self: Any, examples: Any) -> Any:
    batch = exact(self, examples)
    return batch if self.mlm else {**batch, "labels": batch["input_ids"].clone()}


DataCollatorForLanguageModeling.torch_call = collate
