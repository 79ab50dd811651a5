"""An exported program takes inputs that are larger than it was made for."""

from typing import Any

from torch.export import exported_program

name = "_check_input_constraints_for_graph"
exact = getattr(exported_program, name)


def check(*values: Any, **named: Any) -> None:
    try:
        exact(*values, **named)
    except RuntimeError as error:
        if "<=" not in str(error):
            raise


setattr(exported_program, name, check)
