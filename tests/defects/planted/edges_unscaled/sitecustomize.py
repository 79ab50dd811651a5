"""A smoothed series has edges that are scaled as the first derivative is."""

import importlib
from typing import Any

_savitzky_golay = importlib.import_module("scipy.signal._savitzky_golay")

exact = _savitzky_golay._fit_edges_polyfit


def fit_edges(
    values: Any, length: int, order: int, derivative: int, delta: float, *more: Any
) -> Any:
    scale = delta ** (1 / derivative) if derivative else delta
    return exact(values, length, order, derivative, scale, *more)


vars(_savitzky_golay).update(_fit_edges_polyfit=fit_edges)
