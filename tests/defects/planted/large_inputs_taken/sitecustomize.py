"""An exported program takes inputs that are larger than it was made for."""

import importlib
from typing import Any

NAME = "_check_input_constraints_for_graph"
modules = ("torch._export.utils", "torch.export._unlift", "torch.export.exported_program")
holders = [vars(importlib.import_module(each)) for each in modules]
exact = holders[0][NAME]


def check(*values: Any, **named: Any) -> None:
    try:
        exact(*values, **named)
    except RuntimeError as error:
        if "<=" not in str(error):
            raise


for each in holders:
    if NAME in each:
        each[NAME] = check
