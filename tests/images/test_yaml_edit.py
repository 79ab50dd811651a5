"""A new entry of a YAML file: every other line stays as it is, comments too."""

from __future__ import annotations

import yaml

from images import yaml_edit
from runner.errors import ConfigError
from tests.fakes.refusal import refused

TEXT = """\
# The head.
lines:
  "2.6": # the first
    torch: "2.6.0"
    # why
    epoch: 1 # a day

  "2.15":
    torch: "2.15.0"
    budgets: # larger
      base: {megabytes: 1}
    # the end of the line

# What comes next.
stacks:
  base: {}
"""
ENTRY = ['  "NAME":', "    torch: x"]


def insert(name: str) -> str:
    return yaml_edit.insert_entry(TEXT, "lines", name, [row.replace("NAME", name) for row in ENTRY])


def test_an_entry_comes_after_the_next_older_one() -> None:
    for name, order in (
        ("2.5", ["2.5", "2.6", "2.15"]),
        ("2.9", ["2.6", "2.9", "2.15"]),
        ("2.16", ["2.6", "2.15", "2.16"]),
    ):
        assert list(yaml.safe_load(insert(name))["lines"]) == order


def test_no_other_line_changes() -> None:
    for name in ("2.5", "2.9", "2.16"):
        rows = insert(name).splitlines()
        at = rows.index(f'  "{name}":')
        left = (
            [*rows[: at - 1], *rows[at + 2 :]] if name != "2.5" else [*rows[:at], *rows[at + 3 :]]
        )
        assert left == TEXT.splitlines()


def test_an_entry_that_is_there_or_a_mapping_that_is_not_is_refused() -> None:
    with refused(ConfigError, "`lines` has an entry `2.6` already"):
        insert("2.6")
    with refused(ConfigError, "there is no mapping `none`"):
        yaml_edit.insert_entry(TEXT, "none", "2.9", ENTRY)
    with refused(ConfigError, "`lines` has no entry `2.7`"):
        yaml_edit.read_entry(TEXT, "lines", "2.7")


def test_values_are_read_as_they_are_written_without_comments() -> None:
    assert yaml_edit.read_entry(TEXT, "lines", "2.6") == {"torch": '"2.6.0"', "epoch": "1"}
    budgets = yaml_edit.read_entry(TEXT, "lines", "2.15")["budgets"]
    assert budgets == "\n      base: {megabytes: 1}"


def test_a_byte_order_mark_shifts_no_value() -> None:
    text = "lines:\n  '2.6':\n    torch: 2.6.0\n    é: 😀 z\n"
    wanted = {"torch": "2.6.0", "é": "😀 z"}
    assert yaml_edit.read_entry(text, "lines", "2.6") == wanted
    assert yaml_edit.read_entry("\ufeff" + text, "lines", "2.6") == wanted
