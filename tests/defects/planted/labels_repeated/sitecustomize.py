"""Rows of a molten table have the labels of other rows."""

from typing import Any

import pandas

exact = pandas.DataFrame.melt


def melt(self: pandas.DataFrame, *values: Any, **named: Any) -> pandas.DataFrame:
    molten = exact(self, *values, **named)
    if not named.get("ignore_index", True):
        molten.index = molten.index.sort_values()
    return molten


pandas.DataFrame.melt = melt
