"""Defects that the environment suite must catch."""

from __future__ import annotations

from tests.defects.defect import Defect

DEFECTS: tuple[Defect, ...] = ()
