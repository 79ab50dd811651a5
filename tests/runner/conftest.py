"""Fixtures that files of this folder share with other folders."""

from __future__ import annotations

from tests.fakes.fixtures import running

__all__ = ["running"]
