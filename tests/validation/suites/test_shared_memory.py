"""Shared memory that is too small, or is not used, is reported."""

from __future__ import annotations

import os
from types import SimpleNamespace

import pytest

from validation.suites.dataloader import shared_memory


def _shm(monkeypatch: pytest.MonkeyPatch, free_mb: int) -> None:
    stat = SimpleNamespace(f_blocks=64, f_bfree=free_mb, f_bavail=free_mb, f_frsize=10**6)
    monkeypatch.setattr(os, "statvfs", lambda _: stat)


def test_small_shared_memory_is_the_runners_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    _shm(monkeypatch, free_mb=60)
    with pytest.raises(
        pytest.fail.Exception,
        match="infra: /dev/shm is too small: 60 MB free of 64 MB, 61 MB needed",
    ):
        shared_memory.require_free(61_000_000)
    shared_memory.require_free(60_000_000)


def test_shared_memory_that_never_fills(monkeypatch: pytest.MonkeyPatch) -> None:
    _shm(monkeypatch, free_mb=54)
    assert (
        shared_memory.wait_until_used(above=3_000_000, wanted=64_000_000, seconds=0.1) == 7_000_000
    )
