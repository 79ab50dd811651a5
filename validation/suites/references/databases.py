"""torch's own databases of operators, layers and optimizers, with samples of their options."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import types
from typing import Any

import torch


def _load_database(module: str) -> Any:
    """Import a module of torch's tests.

    They import the builder of C++ extensions, which needs setuptools, and use none of it here. An
    image without setuptools is whole, so an empty module takes its place.
    """
    name = "torch.utils.cpp_extension"
    if name not in sys.modules and importlib.util.find_spec("setuptools") is None:
        sys.modules[name] = torch.utils.cpp_extension = types.ModuleType(name)
    tools = importlib.import_module("torch.testing._internal.common_utils")
    # They look through all frames of the stack for the test that asks for samples. Nobody wants to
    # know it here, and below pytest this takes ten times as long as all operators.
    vars(tools).update(extract_test_fn=lambda: None)
    return importlib.import_module(f"torch.testing._internal.{module}")


def list_operators() -> Any:
    """Return torch's operators, each with samples of its arguments."""
    return _load_database("common_methods_invocations").op_db


def list_python_references() -> dict[tuple[str, str], Any]:
    """Return definitions of operators by simpler ones of torch, by name and variant."""
    return {
        (each.torch_opinfo_name, getattr(each, "torch_opinfo_variant_name", "")): each
        for each in getattr(_load_database("common_methods_invocations"), "python_ref_db", ())
    }


def list_layers() -> Any:
    """Return torch's layers and losses, each with samples of its options."""
    return _load_database("common_modules").module_db


def list_optimizers() -> Any:
    """Return torch's optimizers, each with samples of its options."""
    return _load_database("common_optimizers").optim_db


def tolerance_types() -> tuple[type, ...]:
    """Return the decorators of the databases that only widen a tolerance."""
    types = _load_database("common_device_type")
    return (types.toleranceOverride, types.precisionOverride)
