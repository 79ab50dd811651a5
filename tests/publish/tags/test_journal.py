"""What the journal says of tags, and that it is read back as written or not at all."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import pytest

from oci import document
from oci.manifest import EMPTY_CONFIG, OCI_EMPTY, image_manifest
from oci.registry import Registry
from publish.evidence.keys import key_id
from publish.tags import confirm, journal, lock
from publish.tags.confirm import confirmed
from publish.tags.journal import Entry, Journal, Transaction, line_of, order, read, tags_of, write
from publish.tags.lock import Claim
from publish.tags.transaction import settle
from runner import records
from runner.errors import ConfigError, EnvironmentFailed
from tests.fakes.refusal import refused
from tests.fakes.registry import FakeRegistry
from tests.publish.moving import REPOSITORIES, at, direct
from tests.publish.signed import ED25519, P256, journal_seal


@pytest.fixture
def client() -> Iterator[Registry]:
    with FakeRegistry() as started:
        yield direct(started)


@pytest.fixture
def claim(client: Registry) -> Claim:
    """A lock that is held."""
    config = client.push_bytes("records", EMPTY_CONFIG, OCI_EMPTY)
    held = image_manifest(config, [config])
    client.put_manifest("records", lock.TAG, held)
    return Claim(client, "records", config, "me", held.digest, until=1e12)


def entry(tag: str, old: str, new: str, alias: str = "", state: str = "done") -> Entry:
    """Of the base image."""
    return Entry(
        tag, "base", alias, old, new, f"decision on {new}", "done" if state == "done" else "planned"
    )


def promotion(version: str, *entries: Entry) -> Transaction:
    return Transaction("promotion", version, "me", "2026-11-21T12:00:00Z", entries)


def rolled_back(to: str, undone: str, *entries: Entry) -> Transaction:
    return Transaction("rollback", to, "me", "2026-11-21T12:00:00Z", entries, (undone,))


FIRST = promotion("v2.6.0", entry("v2.6.0", "", "a"), entry("v2.6", "", "a", "v2.6"))
SECOND = promotion("v2.6.1", entry("v2.6.1", "", "b"), entry("v2.6", "a", "b", "v2.6"))
BACK = rolled_back("v2.6.0", "v2.6.1", entry("v2.6", "b", "a", "v2.6"))


def test_it_is_read_as_it_was_written(client: Registry, claim: Claim) -> None:
    assert read(client, "records") == journal.Book(Journal(), None)
    first = write(client, "records", Journal((FIRST,)), None, claim)
    second = write(client, "records", Journal((FIRST, SECOND, BACK)), first.digest, claim)
    assert read(client, "records") == second


@pytest.mark.parametrize("before", [None, "sha256:" + "0" * 64])
def test_one_that_another_wrote_meanwhile_is_not_replaced(
    client: Registry, claim: Claim, before: str | None
) -> None:
    written = write(client, "records", Journal((FIRST,)), None, claim)
    with refused(EnvironmentFailed, "another run"):
        write(client, "records", Journal((SECOND,)), before, claim)
    assert read(client, "records") == written


def test_nobody_writes_without_the_lock(client: Registry, claim: Claim) -> None:
    with refused(EnvironmentFailed, "another run took the lock"):
        write(client, "records", Journal((FIRST,)), None, replace(claim, digest="another"))
    with refused(EnvironmentFailed, "held longer"):
        write(client, "records", Journal((FIRST,)), None, replace(claim, until=0))
    assert read(client, "records").digest is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}x",
        b'{"transactions": 3}',
        b'{"transactions": [{}]}',
        b'{"transactions": [], "more": 1}',
        b'{"transactions": [{"kind": "dance", "version": "", "owner": "", "started_at": "", "entries": []}]}',  # noqa: E501
    ],
    ids=bytes.decode,
)
def test_what_is_no_journal(client: Registry, content: bytes) -> None:
    config = client.push_bytes("records", EMPTY_CONFIG, OCI_EMPTY)
    layer = client.push_bytes("records", content, journal.KIND)
    client.put_manifest("records", journal.TAG, image_manifest(config, [layer]))
    with refused(EnvironmentFailed, "records:journal", "not a journal"):
        read(client, "records")


def test_only_the_last_can_be_open() -> None:
    half = promotion("v2.6.1", entry("v2.6.1", "", "b"), entry("v2.6", "a", "b", "v2.6", "planned"))
    assert Journal((FIRST,)).begun is None
    begun = Journal((FIRST,)).with_begun(half)
    assert begun.begun == half
    assert begun.closed() == Journal((FIRST, SECOND))


def test_what_a_tag_may_hold() -> None:
    half = promotion("v2.6.1", entry("v2.6", "a", "b", "v2.6", "planned"))
    assert Journal((FIRST,)).expected("v2.6") == {"a"}
    assert Journal((FIRST, half)).expected("v2.6") == {"a", "b"}
    assert Journal((FIRST, SECOND)).expected("v2.6") == {"b"}
    assert Journal((FIRST, SECOND, BACK)).expected("v2.6") == {"a"}
    assert Journal((FIRST,)).expected("latest") == frozenset()


@pytest.mark.parametrize(
    ("transactions", "versions"),
    [
        ((), []),
        ((FIRST,), ["v2.6.0"]),
        ((FIRST, SECOND), ["v2.6.0", "v2.6.1"]),
        ((FIRST, SECOND, BACK), ["v2.6.0"]),
        ((FIRST, SECOND, BACK, SECOND), ["v2.6.0", "v2.6.1"]),
        ((FIRST, SECOND, FIRST), ["v2.6.1", "v2.6.0"]),
    ],
)
def test_what_aliases_stand_for(transactions: tuple[Transaction, ...], versions: list[str]) -> None:
    assert [each.version for each in Journal(transactions).standing] == versions


def test_an_alias_sent_to_another_release_than_it_was_on_stands_for_that() -> None:
    made = promotion("v2.6.1", entry("2026.11", "", "b", "2026.11"))
    back = rolled_back("v2.6.0", "v2.6.1", entry("2026.11", "b", "a", "2026.11"))
    (found,) = Journal((made, back)).standing
    assert (found.version, found.digest, found.decision) == ("v2.6.0", "a", "decision on a")


def test_an_alias_that_goes_back_further_than_the_rest_stands_for_what_it_is_on() -> None:
    """`latest` was not moved by v2.6.1, so that it goes back to v2.6.0 while all else goes back to
    v2.6.1.
    """
    moved = [
        promotion(f"v2.6.{patch}", entry("latest", "", f"digest {patch}", "latest"))
        for patch in (0, 2)
    ]
    back = rolled_back("v2.6.1", "v2.6.2", entry("latest", "digest 2", "digest 0", "latest"))
    (found,) = Journal((*moved, back)).standing
    assert (found.version, found.digest) == ("v2.6.0", "digest 0")


def test_own_tags_are_those_of_the_release_and_not_of_its_candidate() -> None:
    candidate = promotion("v2.6.0-candidate", entry("v2.6.0-candidate", "", "x"))
    assert [each.tag for each in Journal((candidate, FIRST)).own("v2.6.0")] == ["v2.6.0"]
    assert Journal((candidate,)).own("v2.6.0") == ()


@pytest.mark.parametrize(
    "version", ["vX.Y", "v2.6", "2.6.0", "", "v2.6.99999999", "v2.6.0-other", "v2.6.0\x1b[31m"]
)
def test_a_journal_that_names_no_version_is_not_read(
    client: Registry, claim: Claim, version: str
) -> None:
    write(client, "records", Journal((FIRST, replace(SECOND, version=version))), None, claim)
    with refused(EnvironmentFailed, "records:journal: ", "is not a version"):
        read(client, "records")


def test_a_journal_without_a_moment_is_not_read(client: Registry, claim: Claim) -> None:
    write(client, "records", Journal((replace(FIRST, started_at="rubbish"),)), None, claim)
    with refused(EnvironmentFailed, "records:journal: ", "is not a date and time"):
        read(client, "records")


def test_what_is_no_version_has_no_place() -> None:
    with refused(ConfigError, "`vX.Y` is not a version"):
        order("vX.Y")


def test_versions_in_order() -> None:
    assert sorted(["v2.10.0", "v2.9.1", "v2.6.10", "v2.6.9"], key=order) == [
        "v2.6.9",
        "v2.6.10",
        "v2.9.1",
        "v2.10.0",
    ]
    assert order("v2.10.0-candidate") == order("v2.10.0")
    assert line_of("v2.10.3") == "v2.10"
    assert tags_of("v2.6", "base") == ("v2.6", "v2.6-base")
    assert tags_of("v2.6", "cv-nlp") == ("v2.6-cv-nlp",)


@pytest.mark.parametrize(
    ("transactions", "withdrawn"),
    [
        pytest.param((FIRST, SECOND), set(), id="nothing"),
        pytest.param((FIRST, SECOND, BACK), {"v2.6.1"}, id="rolled back"),
        pytest.param((FIRST, SECOND, BACK, SECOND), set(), id="promoted again"),
        pytest.param(
            (FIRST, SECOND, Transaction("yank", "v2.6.0", "me", "", ())), {"v2.6.0"}, id="yanked"
        ),
        pytest.param(
            (FIRST, Transaction("yank", "v2.6.0", "me", "", ()), FIRST),
            {"v2.6.0"},
            id="yanked for good",
        ),
    ],
)
def test_what_nobody_should_be_on(
    transactions: tuple[Transaction, ...], withdrawn: set[str]
) -> None:
    assert Journal(transactions).withdrawn() == withdrawn


# Who wrote it


def raw(client: Registry, *, seal: bool, **changed: object) -> None:
    """A journal of one transaction that nobody here would write."""
    plain = {**records.plain(Journal((FIRST,)))["transactions"][0], **changed}
    body = json.dumps({"transactions": [plain]}).encode()
    signs = journal_seal(P256) if seal else None
    client.put_manifest(
        "records", journal.TAG, document.manifest_of(client, "records", journal.KIND, body, signs)
    )


@pytest.mark.parametrize("seal", [True, False], ids=["signed", "unsigned"])
@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"version": "vX.Y"}, "'vX.Y' in a promotion is not a version"),
        ({"version": "v2.6.99999999999"}, "is not a version"),
        ({"version": "v2.6"}, "is not a version"),
        ({"undone": ["v2.6.0\x1b[31m"]}, "is not a version"),
        ({"started_at": "rubbish"}, "'rubbish' in the promotion of v2.6.0 is not a date and time"),
        ({"started_at": ""}, "is not a date and time"),
        ({"started_at": "9999-12-31T23:59:59-12:00"}, "date and time"),
        ({"started_at": "2999-01-01T00:00:00Z"}, "which is to come"),
    ],
    ids=str,
)
def test_a_transaction_that_says_nothing(
    client: Registry, seal: bool, changed: dict[str, object], words: str
) -> None:
    raw(client, seal=seal, **changed)
    with refused(EnvironmentFailed, "records:journal", words, "restore that tag"):
        read(client, "records")


def test_it_is_signed_by_who_may_decide(client: Registry, claim: Claim) -> None:
    written = write(client, "records", Journal((FIRST,)), None, claim, journal_seal(P256))
    assert read(client, "records", journal_seal(P256)) == written
    assert written.problem == ""
    assert "not trusted" in read(client, "records", journal_seal(ED25519)).problem
    strict = journal_seal(P256, ED25519)
    strict = replace(
        strict, trusted=replace(strict.trusted, deciders=frozenset({key_id(ED25519.public_key())}))
    )
    assert "may not decide" in read(client, "records", strict).problem


def test_a_signature_of_another_journal_is_none(client: Registry, claim: Claim) -> None:
    write(client, "records", Journal((FIRST,)), None, claim, journal_seal(P256))
    found = client.manifest("records", journal.TAG)
    assert found is not None
    config, signature, _ = found.blobs()
    other = client.push_bytes("records", b'{"transactions": []}', journal.KIND)
    client.put_manifest("records", journal.TAG, image_manifest(config, [signature, other]))
    assert (
        read(client, "records", journal_seal(P256)).problem == "what was signed is another document"
    )


@dataclass(frozen=True)
class Marked:
    """Signed marks on digests."""

    said: Mapping[str, str]

    def check(self) -> None: ...

    def put(self, _: Transaction) -> None:
        pytest.fail("what is in an unsigned journal is not signed")

    def read(self, digest: str) -> str:
        return self.said.get(digest, "")


YANK = Transaction(
    "yank", "v2.6.0", "me", "2026-11-21T12:00:00Z", (entry("v2.6.0", "a", "a"),), reason="slip"
)


def taken_over(
    client: Registry,
    claim: Claim,
    *transactions: Transaction,
    marks: Mapping[str, str] | None = None,
) -> tuple[Transaction, ...]:
    """What is signed of a journal that nobody signed. Of v2.6.1 there is no decision."""
    write(client, "records", Journal(transactions), None, claim)
    production = at(client, repositories=replace(REPOSITORIES, journal="records"))
    doubtful = replace(
        production,
        doubt=lambda begun, _: "nobody decided it" if begun.version == "v2.6.1" else "",
        marks=Marked(marks or {}),
    )
    book = settle(doubtful, claim, read(client, "records", journal_seal(P256)))
    again = read(client, "records", journal_seal(P256))
    assert (again.journal, again.problem) == (book.journal, "")
    return book.journal.transactions


def test_of_an_unsigned_journal_counts_what_trusted_decisions_confirm(
    client: Registry, claim: Claim, capsys: pytest.CaptureFixture[str]
) -> None:
    assert taken_over(client, claim, FIRST, SECOND) == (FIRST,)
    said = capsys.readouterr().err
    assert "the journal is not signed by anybody trusted (nobody signed it)" in said
    assert "does not count: the promotion of v2.6.1: nobody decided it" in said


@pytest.mark.parametrize(
    ("marks", "counts"),
    [
        ({}, False),
        ({"a": "v2.6.0 was yanked: slip"}, True),
        ({"a": "v2.6.0 was yanked: another reason"}, False),
        ({"b": "v2.6.0 was yanked: slip"}, False),
    ],
)
def test_a_yank_that_nobody_signed_counts_with_a_signed_mark(
    client: Registry, claim: Claim, marks: dict[str, str], counts: bool
) -> None:
    assert taken_over(client, claim, FIRST, YANK, marks=marks) == (
        (FIRST, YANK) if counts else (FIRST,)
    )


HALF = promotion("v2.6.2", entry("v2.6.2", "", "c", state="planned"))
FORGED_BACK = rolled_back("v2.6.0", "v2.6.3", entry("v2.6", "b", "a", "v2.6"))


@pytest.mark.parametrize(
    "forged",
    [
        pytest.param(HALF, id="half done"),
        pytest.param(
            replace(YANK, entries=(entry("v2.6.0", "a", "a", state="planned"),)),
            id="a yank half done",
        ),
        pytest.param(FORGED_BACK, id="a rollback"),
        pytest.param(replace(FORGED_BACK, entries=()), id="a rollback of nothing"),
        pytest.param(promotion("v2.6.9"), id="a promotion of nothing"),
        pytest.param(replace(YANK, entries=()), id="a yank of nothing"),
        pytest.param(replace(FIRST, undone=("v2.6.3",)), id="a promotion that undoes"),
        pytest.param(
            promotion("v2.6.9", entry("v2.6.9", "", "c", "x")), id="an alias that is not its tag's"
        ),
        pytest.param(promotion("v2.6.9", entry("v2.6", "", "c")), id="an own tag that is none"),
    ],
)
def test_what_nothing_signed_tells_of_is_not_taken_over(
    client: Registry, claim: Claim, forged: Transaction
) -> None:
    marks = {"a": "v2.6.0 was yanked: slip"}
    assert taken_over(client, claim, FIRST, forged, marks=marks) == (FIRST,)


def test_aliases_move_forwards_in_whatever_order_an_unsigned_journal_has_it(
    client: Registry, claim: Claim
) -> None:
    third = promotion("v2.6.3", entry("v2.6.3", "", "c"), entry("v2.6", "a", "c", "v2.6"))
    taken = Journal(taken_over(client, claim, third, FIRST))
    assert taken.expected("v2.6") == {"c"}


def test_an_unsigned_journal_is_bounded(
    client: Registry, claim: Claim, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[str] = []

    def doubt(begun: Transaction, _: Entry) -> str:
        asked.append(begun.version)
        return "nobody decided it"

    many = [
        replace(SECOND, version=f"v2.6.{patch}", entries=SECOND.entries[:1])
        for patch in range(2, 1000)
    ]
    many = [replace(each, entries=(replace(each.entries[0], tag=each.version),)) for each in many]
    copies = [replace(FIRST, started_at=f"2026-11-21T12:00:{second:02}Z") for second in range(40)]
    kept = Journal((*copies, *[FIRST] * 1000, *many))
    assert confirmed(kept, doubt, lambda _: "").transactions == ()
    assert len(asked) <= confirm.MOST
    assert asked.count("v2.6.0") == 1
    said = capsys.readouterr().err.splitlines()
    assert len(said) <= confirm.MOST_TOLD + 2
    assert "more transactions of that journal are not looked at" in said[-1]


# The lock


@pytest.mark.parametrize(
    ("ahead", "words"),
    [(600, "at most until 2"), (86400, "set the clock right"), (1e300, "no lock of ours")],
)
def test_a_claim_by_another_clock(client: Registry, ahead: float, words: str) -> None:
    config = client.push_bytes("records", EMPTY_CONFIG, OCI_EMPTY)
    client.put_manifest(
        "records", lock.TAG, lock._manifest(config, "another\x1b[1m machine", time.time() + ahead)
    )
    with (
        refused(EnvironmentFailed, "records:promotion-lock", words),
        lock.held(client, "records", "me"),
    ):
        pass
