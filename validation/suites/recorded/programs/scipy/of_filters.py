"""Programs with filters, moves and marks of scipy.ndimage."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from ... import pool
from .. import telling
from ..families import Family

CHOICES = """
mode='constant',cval=2.0 mode='wrap' mode='nearest' mode='mirror' origin=1 axes=(0,) order=1
truncate=1.5 axis=0
"""

FILTERS = telling.fill_lines(
    "home.NAME, OPTIONS)",
    NAME="""gaussian_filter(picture,1.2 uniform_filter(picture,3 median_filter(picture,3
    maximum_filter(picture,3 minimum_filter(picture,3 rank_filter(picture,2,3
    percentile_filter(picture,30,3 gaussian_laplace(picture,1.2 sobel(picture laplace(picture
    gaussian_gradient_magnitude(picture,1.2 grey_erosion(picture,3 grey_dilation(picture,3
    white_tophat(picture,3 morphological_gradient(picture,3""",
    OPTIONS=CHOICES,
)

MOVES = telling.fill_lines(
    """
home.zoom(picture, (0.5, 1.3), order=ORDER, OPTIONS)
home.rotate(picture, 25, order=ORDER, OPTIONS)
home.shift(picture, (1.5, -2), order=ORDER, OPTIONS)
home.affine_transform(picture, [[0.9, 0.1], [0, 1.1]], 1.0, order=ORDER, OPTIONS)
home.map_coordinates(picture, [[0.5, 3.2], [1.1, 20]], order=ORDER, OPTIONS)
""",
    ORDER="0 3",
    OPTIONS="mode='constant' mode='reflect' prefilter=False cval=3.0 mode='grid-wrap'",
)

ERODED = telling.fill_lines(
    "home.binary_NAME(dots, OPTIONS)",
    NAME="erosion dilation opening closing fill_holes",
    OPTIONS="""structure=None iterations=2 structure=np.ones((3,3)) mask=picture>1 border_value=1
    origin=1""",
)

MEASURED = telling.fill_lines(
    "home.NAME(picture, labels, [1, 2])",
    NAME="""sum mean variance maximum minimum_position center_of_mass extrema median
    standard_deviation maximum_position""",
)

LABELS = """
labels
home.find_objects(labels)
home.label(dots)
home.histogram(picture, 0, 5, 4)
home.iterate_structure(home.generate_binary_structure(2, 1), 2)
home.distance_transform_edt(dots)
home.distance_transform_edt(dots, sampling=[2, 0.5])
home.distance_transform_edt(dots, return_indices=True)
home.distance_transform_bf(dots, "taxicab")
home.distance_transform_cdt(dots, "chessboard")
home.convolve(picture, np.arange(9.0).reshape(3, 3), mode="wrap")
home.correlate1d(picture, [1, 2, 4], 0)
home.generic_filter(picture, np.max, 2)
"""

LISTS = {"filters": FILTERS, "moves": MOVES, "labels": "\n".join((ERODED, MEASURED, LABELS))}


def filter_pictures(name: str) -> Any:
    """Return what functions of scipy.ndimage give with their options."""
    home = importlib.import_module("scipy.ndimage")
    picture = np.asarray(pool.make_value("$gray"), dtype="f8") / 50
    dots = picture > 2
    labels, _ = home.label(dots, structure=home.generate_binary_structure(2, 2))
    names = {"np": np, "home": home, "picture": picture, "dots": dots, "labels": labels}
    return telling.tell_exactly(telling.play_lines(LISTS[name], **names))


OF_SCIPY = (Family(filter_pictures, lambda: [*LISTS], lambda _: None),)
