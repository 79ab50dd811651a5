"""What a release needs cannot be written down as less than everything, and no alias says more than
is true.
"""

from __future__ import annotations

import datetime
from itertools import product
from pathlib import Path

import pytest

from images.catalog import Version
from publish.policy import channels
from publish.policy.channels import CHANNELS, EVIDENCE, Channels
from publish.tags.journal import list_tags_of
from runner.errors import ConfigError
from runner.verdict import Verdict

DAY = datetime.date(2026, 11, 21)
VERSION = Version("2.6", 3)
RELEASING = ("monthly", "quarterly", "production", "production-multi-gpu")


def edited(tmp_path: Path, old: str, new: str) -> Path:
    """The shipped file with one thing changed."""
    text = CHANNELS.read_text()
    assert text.count(old) >= 1, old
    path = tmp_path / "channels.yaml"
    path.write_text(text.replace(old, new, 1))
    return path


def test_what_is_shipped(shipped: Channels) -> None:
    assert [name for name, channel in shipped.channels.items() if channel.is_releasing] == list(
        RELEASING
    )
    assert shipped.find_channel("monthly").kinds == ("patch",)
    assert set(shipped.find_channel("quarterly").kinds) == {"patch", "feature"}


@pytest.mark.parametrize("name", RELEASING)
def test_a_release_is_proven_in_full(shipped: Channels, name: str) -> None:
    demands = shipped.find_demands(name)
    assert set(demands.evidence) == set(EVIDENCE)
    assert demands.suites == demands.scan == (Verdict.PASS,)
    assert demands.gpus == ("any",)
    assert {"one-gpu-gloo", "one-gpu-nccl"} <= set(demands.levels)
    assert demands.database_days is not None


def test_a_candidate_asks_for_no_gpu_and_takes_nothing_that_failed(shipped: Channels) -> None:
    demands = shipped.find_demands("candidate")
    assert demands.gpus == ()
    assert set(demands.evidence) == set(EVIDENCE)
    taken = {*demands.suites, *demands.scan}
    assert taken == {Verdict.PASS, Verdict.NOT_RUN, Verdict.INCONCLUSIVE}


@pytest.mark.parametrize(
    ("name", "image", "aliases"),
    [
        ("candidate", "cv", "v2.6.3-candidate-cv v2.6-candidate-cv"),
        ("monthly", "cv-nlp", "v2.6-cv-nlp v2.6-monthly-cv-nlp 2026.11-cv-nlp latest-cv-nlp"),
        (
            "monthly",
            "base",
            "v2.6 v2.6-base v2.6-monthly v2.6-monthly-base 2026.11 2026.11-base latest latest-base",
        ),
        (
            "quarterly",
            "rl",
            "v2.6-rl v2.6-monthly-rl v2.6-quarterly-rl 2026.11-rl 2026q4-rl latest-rl",
        ),
    ],
)
def test_names(shipped: Channels, name: str, image: str, aliases: str) -> None:
    channel = shipped.find_channel(name)
    assert " ".join(channels.aliases_of(channel, VERSION, image, DAY, newest_line=True)) == aliases


def test_an_older_line_moves_no_alias_that_all_lines_share(shipped: Channels) -> None:
    for name in RELEASING:
        moved = channels.aliases_of(
            shipped.find_channel(name), VERSION, "cv", DAY, newest_line=False
        )
        assert moved
        assert all(alias.startswith("v2.6") for alias in moved)


def test_latest_moves_last_and_only_with_releases(shipped: Channels) -> None:
    for name, channel in shipped.channels.items():
        assert ("latest" in channel.aliases) == (name in RELEASING)
        assert "latest" not in channel.aliases[:-1]


def test_who_follows_the_months_is_never_behind_who_follows_the_quarters(shipped: Channels) -> None:
    assert set(shipped.find_channel("monthly").aliases) <= set(
        shipped.find_channel("quarterly").aliases
    )


def test_no_two_channels_or_images_ask_for_one_name_as_tag_and_alias(shipped: Channels) -> None:
    for image, one, other in product(
        ("base", "cv"), shipped.channels.values(), shipped.channels.values()
    ):
        fixed = list_tags_of(str(VERSION), image) if one.is_releasing else ()
        assert not set(fixed) & set(
            channels.aliases_of(other, VERSION, image, DAY, newest_line=True)
        )


@pytest.mark.parametrize(
    ("month", "quarter"), [(month, (month - 1) // 3 + 1) for month in range(1, 13)]
)
def test_quarters(month: int, quarter: int) -> None:
    assert channels.quarter_of(datetime.date(2026, month, 28)) == quarter


def test_an_unknown_channel_is_an_error_that_names_the_known(shipped: Channels) -> None:
    with pytest.raises(
        ConfigError, match=r"unknown channel `weekly`.*candidate, monthly, quarterly, production"
    ):
        shipped.find_demands("weekly")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        pytest.param(
            "suites: [pass]",
            "suites: [pass, not run]",
            "suites may end with more than `pass`",
            id="not run",
        ),
        pytest.param(
            "suites: [pass]", "suites: []", "suites may end with more than `pass`", id="no suites"
        ),
        pytest.param(
            "scan: [pass]",
            "scan: [pass, inconclusive]",
            "scans may end with more than `pass`",
            id="scan",
        ),
        pytest.param("gpus: [any]", "gpus: []", "no GPU family", id="no GPU"),
        pytest.param("gpus: [any]", "gpus: [[]]", "no GPU family", id="an empty set of GPUs"),
        pytest.param(
            "levels: [one-gpu-gloo, one-gpu-nccl]",
            "levels: []",
            "no level of proof",
            id="no level",
        ),
        pytest.param(
            "database_days: 7",
            "database_days: null",
            "no limit on the age of the database",
            id="no database",
        ),
        pytest.param(
            "demands: proven",
            "demands: built",
            "must demand more than `built`",
            id="a candidate's demands",
        ),
        *(
            pytest.param(
                f"      {each}: {days}", "      # gone", f"no {each} in evidence", id=f"no {each}"
            )
            for each, days in (
                ("provenance", 30),
                ("tests", 30),
                ("sbom", 30),
                ("vulnerabilities", 3),
            )
        ),
    ],
)
def test_what_a_release_needs_is_never_loosened(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    with pytest.raises(
        ConfigError, match=r"channels\.yaml:\d+: a channel with `tags` must demand more"
    ) as refused:
        channels.load(edited(tmp_path, old, new))
    assert said in str(refused.value)


@pytest.mark.parametrize("verdict", ["fail", "infra", "flaky", "passed"])
@pytest.mark.parametrize("field", ["suites", "scan"])
def test_no_channel_can_take_what_failed(tmp_path: Path, field: str, verdict: str) -> None:
    line = {"suites": "[pass, not run, inconclusive]", "scan": "[pass, inconclusive]"}[field]
    with pytest.raises(ConfigError, match=rf"channels\.yaml:\d+: `demands\.built\.{field}"):
        channels.load(edited(tmp_path, f"{field}: {line}", f"{field}: [{verdict}]"))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        pytest.param(
            "announce_days: 90", "announce_day: 90", "unknown key `announce_day`", id="misspelled"
        ),
        pytest.param(
            "    kinds: [patch]\n", "", "missing key `channels.monthly.kinds`", id="missing"
        ),
        pytest.param("kinds: [patch]", "kinds: []", "channels.monthly.kinds", id="no kind"),
        pytest.param(
            "kinds: [patch]", "kinds: [hotfix]", "channels.monthly.kinds.0", id="unknown kind"
        ),
        pytest.param("provenance: 30", "provenances: 30", "provenances", id="unknown evidence"),
        pytest.param("provenance: 30", "provenance: -1", "provenance", id="negative age"),
        pytest.param(
            "gpus: [any]", "gpus: [Hoper]", "unknown GPU family `Hoper`", id="unknown family"
        ),
        pytest.param(
            "gpus: [any]",
            "gpus: [[Ada, Hoper]]",
            "unknown GPU family `Hoper`",
            id="unknown family in a set",
        ),
        pytest.param(
            "levels: [one-gpu-gloo, one-gpu-nccl]",
            "levels: [two-gpus]",
            "levels",
            id="unknown level",
        ),
        pytest.param("floor: [measured, provisional]", "floor: []", "floor", id="no floor"),
        pytest.param("floor: [measured, provisional]", "floor: [low]", "floor", id="unknown floor"),
        pytest.param("Volta: [V100]", "Volta: []", "families.Volta", id="empty family"),
        pytest.param(
            "demands: proven", "demands: prove", "unknown demands `prove`", id="unknown demands"
        ),
        pytest.param("day: 15", "day: 29", "calendar.day", id="not in every month"),
        pytest.param("day: 1}", "day: 0}", "calendar.day", id="day 0"),
        pytest.param("[1, 4, 7, 10]", "[1, 4, 7, 13]", "calendar.months.3", id="month 13"),
        pytest.param("[1, 4, 7, 10]", "[]", "calendar.months", id="no month"),
        pytest.param(
            '"{line}-candidate"',
            '"{branch}-candidate"',
            "the only placeholders are",
            id="placeholder",
        ),
        pytest.param(
            '"{line}-candidate"', '"{}-candidate"', "the only placeholders are", id="no name"
        ),
        pytest.param('"{line}-candidate"', '"{line"', "the only placeholders are", id="open brace"),
        pytest.param('"{line}-candidate"', '"a candidate"', "not a valid tag", id="space"),
        pytest.param('"{line}-candidate"', '"-candidate"', "not a valid tag", id="first character"),
        pytest.param(
            '"{line}-candidate"',
            '"{line}"',
            "`{line}` belongs to channels with `tags`",
            id="alias",
        ),
        pytest.param(
            '"{line}-candidate"', "latest", "`latest` belongs to channels with `tags`", id="latest"
        ),
        pytest.param(
            '"{line}-candidate"', '"{version}"', "`{version}` belongs to channels with", id="a tag"
        ),
        pytest.param(
            'aliases: ["{line}",', 'aliases: ["{version}",', "`{version}` belongs to", id="own tag"
        ),
        pytest.param(
            'tags: ["{version}"]', 'tags: ["{line}"]', "never moves", id="a tag that would move"
        ),
        pytest.param(
            'tags: ["{version}"]',
            'tags: ["{version}", "{version}-lts"]',
            "never moves",
            id="two tags",
        ),
        pytest.param(
            '["{version}-candidate", "{line}-',
            '["{line}-',
            "a channel without `tags`",
            id="candidate's tag",
        ),
        pytest.param(
            'tags: ["{version}"]', "tags: []", "a channel without `tags`", id="not released"
        ),
    ],
)
def test_a_wrong_file_is_refused_with_its_line(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    with pytest.raises(ConfigError, match=r"channels\.yaml:\d+: ") as refused:
        channels.load(edited(tmp_path, old, new))
    assert said in str(refused.value)


def test_the_line_in_an_error_is_where_it_is(tmp_path: Path) -> None:
    path = edited(tmp_path, "gpus: [any]", "gpus: [Hoper]")
    number = path.read_text()[: path.read_text().index("Hoper")].count("\n") + 1
    with pytest.raises(ConfigError, match=rf"channels\.yaml:{number}: unknown GPU family"):
        channels.load(path)


def test_there_is_one_sort_of_candidates(tmp_path: Path) -> None:
    head, aliases = (
        "  nightly:\n    demands: built\n    kinds: [patch]\n    tags: []\n",
        '    aliases: ["{version}-candidate"]\n',
    )
    nightly = f"{head}{aliases}  monthly:\n"
    with pytest.raises(ConfigError, match=r"channels\.yaml:\d+: `candidate` has no `tags` either"):
        channels.load(edited(tmp_path, "  monthly:\n", nightly))
