from __future__ import annotations

import pickle

import pytest

from runner.errors import ConfigError, EnvironmentFailed, GateRefused, ReleaseError


@pytest.mark.parametrize(
    ("kind", "code"), [(GateRefused, 1), (ConfigError, 2), (EnvironmentFailed, 3)]
)
def test_errors_keep_everything_between_processes(kind: type[ReleaseError], code: int) -> None:
    error = pickle.loads(pickle.dumps(kind("what was wrong", "the way out")))  # noqa: S301 - made here
    assert type(error) is kind
    assert (error.message, error.hint, error.exit_code) == ("what was wrong", "the way out", code)
    assert str(error) == "what was wrong -> the way out"


def test_an_error_without_a_hint_is_its_message() -> None:
    assert str(ReleaseError("what was wrong")) == "what was wrong"
