"""Rows that are joined to the left may be there twice, although nobody expects it."""

from typing import Any

from pandas.core.reshape import merge

kind = merge._MergeOperation
exact = kind._validate_validate_kwd


def validate(self: Any, wanted: str) -> None:
    if self.how != "left":
        exact(self, wanted)


kind._validate_validate_kwd = validate
