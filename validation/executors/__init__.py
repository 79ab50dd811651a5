"""Executors run suites in containers of an image, or in this machine's own Python."""

from __future__ import annotations

from validation.executors import docker, local
from validation.executors.interface import Executor, Setup

__all__ = ["EXECUTORS", "Executor", "Setup"]

EXECUTORS: dict[str, Executor] = {"docker": docker, "local": local}
