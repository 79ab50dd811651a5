"""Fixtures that several files of this folder use."""

from __future__ import annotations

from tests.fakes.fixtures import client, fake

__all__ = ["client", "fake"]
