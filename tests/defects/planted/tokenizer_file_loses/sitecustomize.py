"""A tokenizer read from its file has forgotten its last merges."""

import json
from pathlib import Path

import tokenizers

exact = tokenizers.Tokenizer


class Forgetful:
    """Makes tokenizers as the library does, but for `from_file`."""

    def __new__(cls, *arguments: object) -> tokenizers.Tokenizer:
        return exact(*arguments)

    @staticmethod
    def from_file(path: str) -> tokenizers.Tokenizer:
        whole = json.loads(Path(path).read_text(encoding="utf-8"))
        whole["model"]["merges"] = whole["model"]["merges"][:-200]
        return exact.from_str(json.dumps(whole))


tokenizers.Tokenizer = Forgetful
