"""Small changes of functions: which there are, and that they take effect."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from validation.suites.recorded import mutations

SOURCE = '''
import functools

def wrapped(function):
    @functools.wraps(function)
    def inner(*values, **options):
        return function(*values, **options)
    return inner

@wrapped
def scale(value, factor=2, *, shift=0, kind=None):
    """Return a number, changed."""
    print(f"{value} is {1 + 1}")
    if value < 0 and kind is None:
        raise ValueError(1)
    value = abs(value)
    return value * factor + shift

class Base:
    def total(self):
        return 1

class Child(Base):
    def total(self, more=1):
        self.last = more
        return super().total() + more

class Alone(Base):
    def total(self):
        super().total()
        return 2

def grow(value):
    logger.log(20, value + 3)
    return math.log(value + 1)
'''
ALONE = "without `super().total()`"


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    (tmp_path / "scaled.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module("scaled")
    sys.modules.pop("scaled")


def change(key: mutations.Key, words: str) -> mutations.Mutation:
    """Return the change that has these words."""
    made = (mutations.make_mutation(key, place) for place in range(mutations.count_changes(key)))
    return next(each for each in made if each and each.what == words)


def put(mutation: mutations.Mutation) -> None:
    """Let the functions of this process have the change."""
    assert mutation.fits()
    mutation.apply()


def test_each_option_can_be_ignored(package: ModuleType) -> None:
    key = mutations.key_of(package.scale.__wrapped__.__code__)
    assert mutations.count_options(key) == 3
    assert package.scale(3, 5, shift=1) == 16
    put(change(key, "factor is ignored"))
    assert package.scale(3, 5, shift=1) == 7


@pytest.mark.parametrize(
    ("words", "value", "wanted"),
    [
        ("without `value = abs(value)`", -3, -6),
        ("`value * factor + shift` by Sub", 3, 5),
        ("`value * factor` by Div", 3, 2.5),
        ("`0` is 1", 0.5, "ValueError"),
        ("`value < 0 and kind is None` by Or", 3, "ValueError"),
        ("`if value < 0 and kind is None:` always True", 3, "ValueError"),
        ("`value < 0` by LtE", 0, "ValueError"),
    ],
)
def test_a_change_takes_effect(
    package: ModuleType, words: str, value: float, wanted: object
) -> None:
    put(change(mutations.key_of(package.scale.__wrapped__.__code__), words))
    options = {"kind": "other"} if value == -3 else {"shift": 1}
    try:
        given = package.scale(value, **options)
    except ValueError:
        given = "ValueError"
    assert given == wanted


def test_a_method_keeps_its_class(package: ModuleType) -> None:
    key = mutations.key_of(package.Child.total.__code__)
    put(change(key, "without `self.last = more`"))
    child = package.Child()
    assert child.total(4) == 5
    assert not hasattr(child, "last")


def test_a_function_that_cannot_have_the_code_is_told(package: ModuleType) -> None:
    """Without its only `super()` it does not know its class any more."""
    assert not change(mutations.key_of(package.Alone.total.__code__), ALONE).fits()


def test_a_logarithm_is_no_message(package: ModuleType) -> None:
    key = mutations.key_of(package.grow.__code__)
    places = range(mutations.count_changes(key))
    told = [each.what for place in places if (each := mutations.make_mutation(key, place))]
    assert told == ["`value + 1` by Sub", "`1` is 2"]


def test_what_only_tells_a_person_something_is_not_changed(package: ModuleType) -> None:
    key = mutations.key_of(package.scale.__wrapped__.__code__)
    count = mutations.count_changes(key)
    told = [each.what for each in map(mutations.make_mutation, [key] * count, range(count)) if each]
    assert len(told) == count
    assert not any("print" in each or "1 + 1" in each or "`1`" in each for each in told)


def test_a_function_whose_source_is_not_there_has_no_changes(package: ModuleType) -> None:
    file, name, first = mutations.key_of(package.scale.__code__)
    assert mutations.count_changes((file, name, first + 100)) == 0
    assert mutations.count_options((file, "other", first)) == 0
