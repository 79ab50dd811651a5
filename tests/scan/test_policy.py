"""The policy and the exceptions are loaded strictly, and the shipped ones load."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.errors import ConfigError
from scan import policy

ENTRY = """exceptions:
  - id: CVE-2026-1
    package: pkg:pypi/jinja2@3.1.4
    line: "2.6"
    stack: base
    status: affected
    reason: r
    owner: o
    expires: 2026-12-31
"""


def test_the_shipped_files_load() -> None:
    assert policy.load_policy().grace_for("2.6", ("base",)) == {
        "critical": 14,
        "high": 28,
        "medium": 180,
        "unknown": 28,
    }
    assert policy.load_exceptions() == ()
    assert {(each.line, each.id) for each in policy.load_line_exceptions()} == {
        ("2.6", "CVE-2026-24747"),
        ("2.9", "CVE-2026-24747"),
    }


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("critical: 14", "critical: -1", "greater than or equal to 0"),
        ("critical: 14", "crytical: 14", "crytical"),
        ("critical: 14", "critical: soon", "critical"),
        ("database_days", "database_day", "unknown key `database_day`"),
        ("unknown_counts_as: high", "unknown_counts_as: some", "unknown_counts_as"),
        ("unknown_counts_as: high\n", "", "unknown_counts_as"),
        ("exception_days: 180", "exception_days:", "exception_days"),
    ],
)
def test_a_wrong_policy_names_its_line(tmp_path: Path, old: str, new: str, says: str) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(policy.POLICY.read_text().replace(old, new, 1))
    with pytest.raises(ConfigError, match=f"policy.yaml:[0-9]+: .*{says}"):
        policy.load_policy(path)


def test_what_is_written_for_a_stack_counts_only_there(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    override = 'overrides: [{line: "2.6", stack: nlp, grace_days: {critical: 7, low: 365}}]'
    path.write_text(policy.POLICY.read_text().replace("overrides: []", override))
    loaded = policy.load_policy(path)
    assert loaded.grace_for("2.6", ("base", "nlp")) == {
        "critical": 7,
        "high": 28,
        "medium": 180,
        "low": 365,
        "unknown": 28,
    }
    assert (
        loaded.grace_for("2.6", ("base", "cv"))["critical"]
        == loaded.grace_for("2.9", ("base", "nlp"))["critical"]
        == 14
    )


@pytest.mark.parametrize(
    ("counts_as", "own", "days"),
    [
        ("critical", "", 14),
        ("medium", "", 180),
        ("low", "", None),
        ("nothing", "", None),
        ("critical", "unknown: 5", 5),
    ],
)
def test_unknown_severity_counts_as_the_policy_says(
    tmp_path: Path, counts_as: str, own: str, days: int | None
) -> None:
    path = tmp_path / "policy.yaml"
    text = policy.POLICY.read_text().replace("counts_as: high", f"counts_as: {counts_as}")
    path.write_text(text.replace("  medium: 180\n", f"  medium: 180\n  {own}\n"))
    assert policy.load_policy(path).grace_for("2.6", ("base",)).get("unknown") == days


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("jinja2@3.1.4", "jinja2", "too broad"),
        ("jinja2@3.1.4", "'*@3.1.4'", "package"),
        ("pkg:pypi/jinja2@3.1.4", "jinja2", "package"),
        ("id: CVE-2026-1", "id: everything", "id"),
        ("reason: r", "reason: ''", "reason"),
        ("    owner: o\n", "", "missing key"),
        ("owner: o", "owners: o", "unknown key"),
        ("expires: 2026-12-31", "expires: never", "expires"),
        ("    expires: 2026-12-31\n", "", "missing key"),
        ("status: affected", "status: not_affected", "justification"),
        ("status: affected", "status: fixed", "status"),
        ("reason: r", "reason: r\n    justification: component_not_present", "justification"),
    ],
)
def test_a_wrong_exception_names_its_line(tmp_path: Path, old: str, new: str, says: str) -> None:
    path = tmp_path / "exceptions.yaml"
    path.write_text(ENTRY)
    assert len(policy.load_exceptions(path)) == 1
    path.write_text(ENTRY.replace(old, new, 1))
    with pytest.raises(ConfigError, match=f"exceptions.yaml:[0-9]+: .*{says}"):
        policy.load_exceptions(path)
