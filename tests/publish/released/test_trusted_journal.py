"""Who may write the repository of the journal, and holds no key, tells nobody what is out and what
should be used.
"""

from __future__ import annotations

import datetime
import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest
import requests
from pydantic import TypeAdapter

from images.record import BuildRecord
from oci import document
from oci.manifest import canonical_json
from oci.registry import Registry
from publish.released import trusted_journal
from publish.released.promotions import find_last_promotion, list_releases
from publish.released.published import find_previous
from publish.tags import confirm, journal
from publish.tags.confirm import confirm_stored
from publish.tags.journal import Journal, StoredJournal, Transaction
from publish.tags.rollback import roll_back, yank_version
from runner.errors import ConfigError, GateRefused
from runner.verdict import Verdict
from tests.fakes.refusal import refused
from tests.fakes.registry import FakeRegistry, Fault
from tests.publish.line import FIRST, MONTHLY, Line, line_of_one

DAY = "2026-11-21T12:00:00Z"


pytestmark = pytest.mark.usefixtures("without_lock_wait")


@pytest.fixture
def builds(line: Line) -> tuple[BuildRecord, BuildRecord]:
    """Two releases."""
    first, second = line.prepare("v2.6.0"), line.prepare("v2.6.1", jinja2="3.1.5")
    line.promote(first, FIRST)
    line.promote(second)
    return first, second


def kept(line: Line) -> Journal:
    """The journal, signed."""
    stored = journal.read_journal(
        line.registry, line.catalog.repositories.journal, line.production.seal
    )
    assert stored.problem == ""
    return stored.journal


def put(line: Line, body: bytes) -> None:
    repository = line.catalog.repositories.journal
    manifest = document.push_document(line.registry, repository, journal.KIND, body, None)
    line.registry.put_manifest(repository, journal.TAG, manifest)


def forge(line: Line, *transactions: Transaction) -> None:
    """Put a journal that nobody signed in place of the one that is there."""
    put(line, TypeAdapter(Journal).dump_json(Journal(transactions)))


def move(line: Line, tag: str, build: BuildRecord) -> None:
    repository = line.catalog.repositories.production
    manifest = line.registry.read_manifest(repository, build.digest)
    assert manifest is not None
    line.registry.put_manifest(repository, tag, manifest)


def forged_yank(line: Line, state: str) -> Transaction:
    own = kept(line).own_entries("v2.6.0")
    entries = tuple(replace(each, old=each.new, state=state) for each in own)  # type: ignore[arg-type] # a table of fields, of any type
    return Transaction("yank", "v2.6.0", "mallory", DAY, entries, reason="forged")


# verify


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        pytest.param(
            lambda line, signed: forge(line, *signed[:1]), "nobody signed it", id="cut short"
        ),
        pytest.param(lambda line, _: put(line, b"rubbish"), "is not a journal", id="rubbish"),
        pytest.param(
            lambda line, _: put(line, canonical_json({"transactions": [{}]})),
            "nobody signed it",
            id="odd",
        ),
    ],
)
def test_a_tag_that_moves_is_not_verified_without_a_signed_journal(
    line: Line,
    builds: tuple[BuildRecord, BuildRecord],
    spoil: Callable[[Line, tuple[Transaction, ...]], None],
    why: str,
) -> None:
    assert line.verify("latest").verdict is Verdict.PASS
    move(line, "latest", builds[0])
    spoil(line, kept(line).transactions)
    found = line.verify("latest")
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "latest moves, and it is not known what it should point to" in found.reasons[0]
    assert why in found.reasons[0]
    own = line.verify("v2.6.0")
    assert (own.verdict, own.reasons) == (Verdict.PASS, ()), (
        "an own tag says what its decision says"
    )
    assert why in own.lines[2]


def test_an_alias_that_a_signed_journal_does_not_know_is_not_verified(
    line: Line, builds: tuple[BuildRecord, BuildRecord]
) -> None:
    repositories = replace(line.catalog.repositories, journal="another")
    other = replace(line, catalog=replace(line.catalog, repositories=repositories))
    found = other.verify("latest")
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "there is no journal at" in found.reasons[0]
    assert other.verify("v2.6.1").verdict is Verdict.PASS


def test_a_signed_mark_counts_whatever_an_unsigned_journal_says(
    line: Line, builds: tuple[BuildRecord, BuildRecord]
) -> None:
    before = kept(line).transactions
    yank_version(line.production, "v2.6.0", "it loses data")
    forge(line, *before)
    found = line.verify("v2.6.0")
    assert (found.verdict, found.reasons) == (Verdict.FAIL, ("v2.6.0 was yanked: it loses data",))


def test_a_yank_in_a_signed_journal_counts_by_version(
    line: Line, builds: tuple[BuildRecord, BuildRecord]
) -> None:
    """Also on a digest that was hidden while the marks were put."""
    hidden = replace(forged_yank(line, "done"), entries=(), reason="it loses data")
    seal, repository = line.production.seal, line.catalog.repositories.journal
    body = TypeAdapter(Journal).dump_json(kept(line).with_transaction(hidden))
    manifest = document.push_document(line.registry, repository, journal.KIND, body, seal)
    line.registry.put_manifest(repository, journal.TAG, manifest)
    found = line.verify("v2.6.0")
    assert (found.verdict, found.reasons) == (Verdict.FAIL, ("v2.6.0 was yanked: it loses data",))
    assert line.verify("v2.6.1").verdict is Verdict.PASS


# What is signed of it


@pytest.mark.parametrize("state", ["planned", "done"])
def test_a_forged_yank_is_never_signed(
    line: Line, builds: tuple[BuildRecord, BuildRecord], state: str
) -> None:
    forge(line, *kept(line).transactions, forged_yank(line, state))
    assert line.verify("v2.6.0").verdict is Verdict.PASS
    line.promote(line.prepare("v2.6.2", jinja2="3.1.6"))
    assert kept(line).yank_reason("v2.6.0") == ""
    assert line.production.marks.read_reason(builds[0].digest) == ""
    assert line.verify("v2.6.0").verdict is Verdict.PASS


def test_a_real_yank_outlives_a_journal_that_was_forged(
    line: Line, builds: tuple[BuildRecord, BuildRecord]
) -> None:
    yank_version(line.production, "v2.6.0", "it loses data")
    forge(line, *kept(line).transactions)
    line.promote(line.prepare("v2.6.2", jinja2="3.1.6"))
    assert kept(line).yank_reason("v2.6.0") == "v2.6.0 was yanked: it loses data"


@pytest.mark.parametrize("kind", ["yank", "promotion"])
@pytest.mark.parametrize("digest", ["rubbish", "../x", "sha256:" + "0" * 64])
def test_what_a_forged_journal_names_stops_nothing(
    line: Line,
    builds: tuple[BuildRecord, BuildRecord],
    kind: Literal["yank", "promotion"],
    digest: str,
) -> None:
    signed = kept(line).transactions
    entry = replace(signed[0].entries[0], new=digest, decision=digest)
    forge(line, *signed, Transaction(kind, "v2.6.0", "mallory", DAY, (entry,)))
    assert len(list_releases(line.registry, line.catalog, line.trusted)) == 2
    assert yank_version(line.production, "v2.6.0", "it loses data").entries
    assert kept(line).yank_reason("v2.6.0") == "v2.6.0 was yanked: it loses data"


@pytest.mark.parametrize("with_entries", [True, False])
def test_a_forged_rollback_does_not_stand_for_a_real_one(
    line: Line, builds: tuple[BuildRecord, BuildRecord], with_entries: bool
) -> None:
    signed = kept(line).transactions
    moved = tuple(each for each in signed[0].entries if each.alias and with_entries)
    forge(
        line, *signed, Transaction("rollback", "v2.6.0", "mallory", DAY, moved, undone=("v2.6.1",))
    )
    rolled = roll_back(line.production, "v2.6", lambda _: ())
    assert rolled.entries
    assert line.tags()["v2.6"] == line.tags()["latest"] == builds[0].digest
    assert line.verify("v2.6").verdict is Verdict.PASS


def test_nothing_of_a_forged_journal_is_told_as_fact(
    line: Line, builds: tuple[BuildRecord, BuildRecord], capsys: pytest.CaptureFixture[str]
) -> None:
    forge(line, *kept(line).transactions, forged_yank(line, "planned"))
    line.promote(line.prepare("v2.6.2", jinja2="3.1.6"))
    said = capsys.readouterr().err
    assert "mallory" not in said
    assert "because it is not confirmed: the yank of v2.6.0: it is half done" in said


# What is out


EMPTY = Transaction("promotion", "v2.6.5", "mallory", DAY, ())


def test_a_promotion_of_nothing_is_none(
    line: Line, builds: tuple[BuildRecord, BuildRecord]
) -> None:
    forge(line, *kept(line).transactions, EMPTY, replace(EMPTY, version="v2.6.5-candidate"))
    out = list_releases(line.registry, line.catalog, line.trusted)
    assert [str(each.version) for each in out] == ["v2.6.0", "v2.6.1"]
    version = line.catalog.require_version("v2.6.5")
    assert find_last_promotion(line.registry, line.catalog, version, lambda: line.trusted) is None


def test_a_release_that_is_forged_is_left_out_and_said(
    line: Line, builds: tuple[BuildRecord, BuildRecord], capsys: pytest.CaptureFixture[str]
) -> None:
    signed = kept(line).transactions
    entry = replace(signed[0].entries[0], tag="v2.6.5", decision="sha256:" + "0" * 64)
    forge(line, *signed, replace(EMPTY, entries=(entry,)))
    out = list_releases(line.registry, line.catalog, line.trusted)
    assert [str(each.version) for each in out] == ["v2.6.0", "v2.6.1"]
    assert "because it is not confirmed: the promotion of v2.6.5" in capsys.readouterr().err
    version = line.catalog.require_version("v2.6.5")
    assert find_last_promotion(line.registry, line.catalog, version, lambda: line.trusted) is None


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"started_at": "9999-12-31T23:59:59-14:00"},
        {"started_at": "0001-01-01T00:00:00+14:00"},
        {"version": "vX"},
    ],
    ids=str,
)
def test_an_invented_release_alone_stops_nothing(
    line: Line,
    builds: tuple[BuildRecord, BuildRecord],
    capsys: pytest.CaptureFixture[str],
    changed: dict[str, str],
) -> None:
    entry = replace(
        kept(line).transactions[0].entries[0], tag="v2.6.5", decision="sha256:" + "0" * 64
    )
    forge(line, replace(replace(EMPTY, entries=(entry,)), **changed))  # type: ignore[arg-type] # a table of fields, of any type
    out = list_releases(line.registry, line.catalog, line.trusted)
    assert [str(each.version) for each in out] == ["v2.6.0", "v2.6.1"], "what production has"
    said = capsys.readouterr().err
    assert "because it is not confirmed" in said or "so this is left out" in said
    line.promote(line.prepare("v2.6.2", jinja2="3.1.6"))
    assert [each.version for each in kept(line).transactions] == ["v2.6.0", "v2.6.1", "v2.6.2"]


def test_no_text_of_a_forged_journal_is_signed(
    line: Line, builds: tuple[BuildRecord, BuildRecord]
) -> None:
    """Its decisions are genuine, and its words are somebody's, as often as they like."""
    genuine = kept(line).transactions[0]
    tomorrow = datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=20)
    forge(
        line,
        *(
            replace(
                genuine, owner=f"mallory\x1b[2J{number}", reason="::error::mallory", started_at=at
            )
            for number in range(250)
            for at in (DAY, tomorrow.isoformat())
        ),
    )
    line.promote(line.prepare("v2.6.2", jinja2="3.1.6"))
    signed = kept(line).transactions
    assert [each.version for each in signed] == ["v2.6.0", "v2.6.1", "v2.6.2"], (
        "what aliases are on is found, though the journal leaves it out"
    )
    assert "mallory" not in str(signed)
    assert {entry.tag for entry in signed[0].entries} == {each.tag for each in genuine.entries}
    assert signed[0].started_at == "2026-11-21T12:00:00Z"  # the moment of the decision


def test_a_yank_that_a_forged_journal_leaves_out_counts(
    line: Line, builds: tuple[BuildRecord, BuildRecord]
) -> None:
    before = kept(line).transactions
    yank_version(line.production, "v2.6.0", "it loses data")
    forge(line, *before, replace(forged_yank(line, "done"), reason=""))
    line.promote(line.prepare("v2.6.2", jinja2="3.1.6"))
    assert [each.reason for each in kept(line).yank_transactions] == ["it loses data"]


def test_a_forged_rollback_withdraws_nothing(
    line: Line, builds: tuple[BuildRecord, BuildRecord]
) -> None:
    forge(
        line,
        *kept(line).transactions,
        replace(EMPTY, kind="rollback", version="v2.6.0", undone=("v2.6.1",)),
    )
    out = list_releases(line.registry, line.catalog, line.trusted)
    assert [each.withdrawn for each in out] == [False, False]


# Whoever writes or deletes the journal hides nothing


def delete_journal(line: Line) -> None:
    address = f"http://{line.registry.host}/v2/{line.catalog.repositories.journal}"
    assert requests.delete(f"{address}/manifests/{journal.TAG}", timeout=60).status_code == 202


def test_what_counts_does_not_depend_on_the_hints(
    line: Line, builds: tuple[BuildRecord, BuildRecord]
) -> None:
    """Nor on their order, nor on whether there is a journal at all."""
    yank_version(line.production, "v2.6.0", "it loses data")
    signed = kept(line).transactions
    invented = [replace(EMPTY, version=f"v2.6.{patch}") for patch in range(5, 9)]
    subsets = [
        every for count in range(len(signed) + 1) for every in itertools.combinations(signed, count)
    ]
    counted = []
    for every in [None, *subsets, (*invented, *reversed(signed))]:
        if every is None:
            delete_journal(line)
        else:
            forge(line, *every)
        registry = Registry(line.registry.host)
        counted.append(
            trusted_journal.read_confirmed(registry, line.catalog.repositories, line.trusted, ())
        )
    assert all(each.problem for each in counted)
    assert {each.journal for each in counted} == {counted[0].journal}
    assert [(each.kind, each.version) for each in counted[0].journal.transactions] == [
        ("promotion", "v2.6.0"),
        ("yank", "v2.6.0"),
        ("promotion", "v2.6.1"),
    ]


@pytest.mark.parametrize("how", ["empty", "deleted"])
def test_a_journal_that_is_emptied_is_signed_again_with_all_that_counts(
    line: Line, builds: tuple[BuildRecord, BuildRecord], how: str
) -> None:
    yank_version(line.production, "v2.6.0", "it loses data")
    if how == "empty":
        forge(line)
    else:
        delete_journal(line)
    assert line.verify("v2.6.0").reasons == ("v2.6.0 was yanked: it loses data",)
    line.promote(line.prepare("v2.6.2", jinja2="3.1.6"))
    assert [each.version for each in kept(line).yank_transactions] == ["v2.6.0"]
    assert kept(line).withdrawn_versions() == {"v2.6.0"}
    out = list_releases(line.registry, line.catalog, line.trusted)
    assert [str(each.version) for each in out] == ["v2.6.0", "v2.6.1", "v2.6.2"]
    assert roll_back(line.production, "v2.6", lambda _: ()).entries


def test_an_unsigned_journal_is_confirmed_once_in_a_command(
    line: Line, builds: tuple[BuildRecord, BuildRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    forge(line, *kept(line).transactions)
    asked: list[object] = []
    real = confirm_stored

    def confirm(*each: Any) -> StoredJournal:
        asked.append(each)
        return real(*each)

    monkeypatch.setattr(trusted_journal, "confirm_stored", confirm)
    command = replace(line, registry=Registry(line.registry.host))
    for _ in range(5):
        assert len(list_releases(command.registry, command.catalog, command.trusted)) == 2
    assert len(asked) == 1
    forge(line)
    assert len(list_releases(command.registry, command.catalog, command.trusted)) == 2
    assert len(asked) == 2, "another journal is confirmed anew"


@pytest.mark.parametrize("how", ["unsigned", "deleted"])
@pytest.mark.parametrize("dry_run", [True, False])
def test_a_promotion_confirms_the_journal_once(
    line: Line,
    builds: tuple[BuildRecord, BuildRecord],
    how: str,
    dry_run: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Readers and the plan share it; only what is signed is looked up under the lock."""
    build = line.prepare("v2.6.2", jinja2="3.1.6")
    if how == "deleted":
        delete_journal(line)
    else:
        forge(line, *kept(line).transactions)
    looked: list[str] = []
    real = confirm.confirm_journal

    def count(*each: Any) -> confirm.ConfirmedJournal:
        looked.append("confirmed")
        return real(*each)

    monkeypatch.setattr(confirm, "confirm_journal", count)
    command = replace(line, registry=Registry(line.registry.host))
    command.promote(build, replace(MONTHLY, dry_run=dry_run))
    assert len(looked) == 1


@pytest.mark.parametrize("gone", [["v2.6.1"], ["v2.6.1", "v2.6.0"]], ids=len)
def test_a_release_whose_manifest_was_deleted_stops_no_other(
    line: Line,
    builds: tuple[BuildRecord, BuildRecord],
    gone: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """There is nothing to compare with: the release before it is compared, and a line says so."""
    address = f"http://{line.registry.host}/v2/{line.catalog.repositories.production}/manifests"
    for build in builds:
        if build.version in gone:
            assert requests.delete(f"{address}/{build.digest}", timeout=60).status_code == 202
    version = line.catalog.require_version("v2.6.2")
    command = replace(line, registry=Registry(line.registry.host))
    before = find_previous(command.registry, line.catalog, version, "base", line.trusted)
    assert (str(before.version) if before else "") == ("v2.6.0" if len(gone) == 1 else "")
    said = capsys.readouterr().err
    assert all(f"compared with {each} base: restore it" in said for each in gone)
    build = line.prepare("v2.6.2", jinja2="3.1.6")
    if before:
        command.promote(build)
        assert line.tags()["v2.6"] == build.digest
        assert "v2.6 was deleted; the journal says that it pointed to" in capsys.readouterr().err
    else:
        with refused(GateRefused, "was not promoted"):
            command.promote(build)


def test_a_lost_decision_hides_no_release(
    line: Line, builds: tuple[BuildRecord, BuildRecord], capsys: pytest.CaptureFixture[str]
) -> None:
    entry = kept(line).transactions[0].entries[0]
    address = f"http://{line.registry.host}/v2/{line.catalog.repositories.production}"
    gone = requests.delete(f"{address}/manifests/{entry.decision}", timeout=60)
    assert gone.status_code == 202
    out = list_releases(line.registry, line.catalog, line.trusted)
    assert [(str(each.version), each.channel) for each in out] == [
        ("v2.6.0", ""),
        ("v2.6.1", "monthly"),
    ]
    said = capsys.readouterr().err
    assert "the channel of v2.6.0 is not known: no decision on it is in the registry" in said
    version = line.catalog.require_version("v2.6.0")
    with refused(ConfigError, "channel of v2.6.0 is not known"):
        find_last_promotion(line.registry, line.catalog, version, lambda: line.trusted)


@pytest.mark.parametrize("status", [404, 503])
def test_a_decision_that_cannot_be_read_stops_no_other_release(
    tmp_path: Path, home: Path, capsys: pytest.CaptureFixture[str], status: int
) -> None:
    with FakeRegistry() as fake:
        line = line_of_one(Registry(fake.host), tmp_path)
        line.promote(line.prepare("v2.6.0"), FIRST)
        line.promote(line.prepare("v2.6.1", jinja2="3.1.5"))
        decision = kept(line).transactions[0].entries[0].decision
        fake.fail(Fault("GET", f"manifests/{decision}", status=status, times=99))
        command = Registry(fake.host)
        out = list_releases(command, line.catalog, line.trusted)
        fake.requests.clear()
        needed = list_releases(
            command, line.catalog, line.trusted, lambda each: each.version.patch == 1
        )
        assert not fake.count("GET", decision), "what nothing depends on is not read"
    assert [(each.channel, bool(each.outage)) for each in out] == [
        ("", status == 503),
        ("monthly", False),
    ]
    assert [each.channel for each in needed] == ["", "monthly"]
    assert "line 2.6: the channel of v2.6.0 " in capsys.readouterr().err


@pytest.mark.parametrize("how", ["too long", "deleted"])
def test_a_promotion_is_found_without_the_hints_of_a_journal(
    line: Line, builds: tuple[BuildRecord, BuildRecord], how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after so many releases that nobody may read the journal without its signature."""
    if how == "deleted":
        delete_journal(line)
    else:
        monkeypatch.setattr(journal, "MAX_UNSIGNED_BYTES", 100)
    version = line.catalog.require_version("v2.6.1")
    found = find_last_promotion(line.registry, line.catalog, version, lambda: line.trusted)
    assert found is not None
    assert found.channel == "monthly"
