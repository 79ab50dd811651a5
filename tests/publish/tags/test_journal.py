"""What the journal says of tags, and that it is read back as written or not at all."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import pytest

from oci import document
from oci.manifest import EMPTY_CONFIG, OCI_EMPTY, image_manifest
from oci.registry import Registry
from publish.evidence.keys import compute_key_id
from publish.tags import confirm, journal, lock, transaction
from publish.tags.decisions import (
    MAX_OTHER_TAGS,
    MAX_VERSIONS,
    LookupBudget,
    TrustedDecision,
    VersionLookup,
)
from publish.tags.journal import (
    Journal,
    JournalEntry,
    StoredJournal,
    Transaction,
    line_alias_of,
    list_tags_of,
    read_journal,
    version_order,
    write_journal,
)
from publish.tags.lock import LockClaim
from publish.tags.transaction import complete_journal
from publish.tags.yank_marker import ReadMarks, YankMark
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
def claim(client: Registry) -> LockClaim:
    """A lock that is held."""
    config = client.push_bytes("records", EMPTY_CONFIG, OCI_EMPTY)
    held = image_manifest(config, [config])
    client.put_manifest("records", lock.TAG, held)
    return LockClaim(client, "records", config, "me", held.digest, until=1e12)


def entry(tag: str, old: str, new: str, alias: str = "", state: str = "done") -> JournalEntry:
    """Of the base image."""
    return JournalEntry(
        tag, "base", alias, old, new, f"decision on {new}", "done" if state == "done" else "planned"
    )


def promotion(version: str, *entries: JournalEntry) -> Transaction:
    return Transaction("promotion", version, "me", "2026-11-21T12:00:00Z", entries)


def rolled_back(to: str, undone: str, *entries: JournalEntry) -> Transaction:
    return Transaction("rollback", to, "me", "2026-11-21T12:00:00Z", entries, (undone,))


FIRST = promotion("v2.6.0", entry("v2.6.0", "", "a"), entry("v2.6", "", "a", "v2.6"))
SECOND = promotion("v2.6.1", entry("v2.6.1", "", "b"), entry("v2.6", "a", "b", "v2.6"))
BACK = rolled_back("v2.6.0", "v2.6.1", entry("v2.6", "b", "a", "v2.6"))


def test_it_is_read_as_it_was_written(client: Registry, claim: LockClaim) -> None:
    assert read_journal(client, "records") == journal.StoredJournal(Journal(), None)
    first = write_journal(client, "records", Journal((FIRST,)), None, claim)
    second = write_journal(client, "records", Journal((FIRST, SECOND, BACK)), first.digest, claim)
    assert read_journal(client, "records") == second


@pytest.mark.parametrize("before", [None, "sha256:" + "0" * 64])
def test_one_that_another_wrote_meanwhile_is_not_replaced(
    client: Registry, claim: LockClaim, before: str | None
) -> None:
    written = write_journal(client, "records", Journal((FIRST,)), None, claim)
    with refused(EnvironmentFailed, "another run"):
        write_journal(client, "records", Journal((SECOND,)), before, claim)
    assert read_journal(client, "records") == written


def test_nobody_writes_without_the_lock(client: Registry, claim: LockClaim) -> None:
    with refused(EnvironmentFailed, "another run took the lock"):
        write_journal(client, "records", Journal((FIRST,)), None, replace(claim, digest="another"))
    with refused(EnvironmentFailed, "held longer"):
        write_journal(client, "records", Journal((FIRST,)), None, replace(claim, until=0))
    assert read_journal(client, "records").digest is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}x",
        b'{"transactions": 3}',
        b'{"transactions": [{}]}',
        b'{"transactions": [], "more": 1}',
        b'{"transactions": [{"kind": "dance", "version": "", "owner": "", "started_at": "", "entries": []}]}',  # noqa: E501 - one line of what another program reads
    ],
    ids=bytes.decode,
)
def test_what_is_no_journal(client: Registry, content: bytes) -> None:
    config = client.push_bytes("records", EMPTY_CONFIG, OCI_EMPTY)
    layer = client.push_bytes("records", content, journal.KIND)
    client.put_manifest("records", journal.TAG, image_manifest(config, [layer]))
    with refused(EnvironmentFailed, "records:journal", "not a journal"):
        read_journal(client, "records")


def test_only_the_last_can_be_open() -> None:
    half = promotion("v2.6.1", entry("v2.6.1", "", "b"), entry("v2.6", "a", "b", "v2.6", "planned"))
    assert Journal((FIRST,)).open_transaction is None
    begun = Journal((FIRST,)).with_transaction(half)
    assert begun.open_transaction == half
    assert begun.with_last_done() == Journal((FIRST, SECOND))


def test_what_a_tag_may_hold() -> None:
    half = promotion("v2.6.1", entry("v2.6", "a", "b", "v2.6", "planned"))
    assert Journal((FIRST,)).expected_digests("v2.6") == {"a"}
    assert Journal((FIRST, half)).expected_digests("v2.6") == {"a", "b"}
    assert Journal((FIRST, SECOND)).expected_digests("v2.6") == {"b"}
    assert Journal((FIRST, SECOND, BACK)).expected_digests("v2.6") == {"a"}
    assert Journal((FIRST,)).expected_digests("latest") == frozenset()


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
    assert [each.version for each in Journal(transactions).alias_moves] == versions


def test_an_alias_sent_to_another_release_than_it_was_on_stands_for_that() -> None:
    made = promotion("v2.6.1", entry("2026.11", "", "b", "2026.11"))
    back = rolled_back("v2.6.0", "v2.6.1", entry("2026.11", "b", "a", "2026.11"))
    (found,) = Journal((made, back)).alias_moves
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
    (found,) = Journal((*moved, back)).alias_moves
    assert (found.version, found.digest) == ("v2.6.0", "digest 0")


def test_own_tags_are_those_of_the_release_and_not_of_its_candidate() -> None:
    candidate = promotion("v2.6.0-candidate", entry("v2.6.0-candidate", "", "x"))
    assert [each.tag for each in Journal((candidate, FIRST)).own_entries("v2.6.0")] == ["v2.6.0"]
    assert Journal((candidate,)).own_entries("v2.6.0") == ()


@pytest.mark.parametrize(
    "version", ["vX.Y", "v2.6", "2.6.0", "", "v2.6.99999999", "v2.6.0-other", "v2.6.0\x1b[31m"]
)
def test_a_journal_that_names_no_version_is_not_read(
    client: Registry, claim: LockClaim, version: str
) -> None:
    write_journal(
        client, "records", Journal((FIRST, replace(SECOND, version=version))), None, claim
    )
    with refused(EnvironmentFailed, "records:journal: ", "is not a version"):
        read_journal(client, "records")


def test_a_journal_without_a_moment_is_not_read(client: Registry, claim: LockClaim) -> None:
    write_journal(client, "records", Journal((replace(FIRST, started_at="rubbish"),)), None, claim)
    with refused(EnvironmentFailed, "records:journal: ", "is not a date and time"):
        read_journal(client, "records")


def test_what_is_no_version_has_no_place() -> None:
    with refused(ConfigError, "`vX.Y` is not a version"):
        version_order("vX.Y")


def test_versions_in_order() -> None:
    assert sorted(["v2.10.0", "v2.9.1", "v2.6.10", "v2.6.9"], key=version_order) == [
        "v2.6.9",
        "v2.6.10",
        "v2.9.1",
        "v2.10.0",
    ]
    assert version_order("v2.10.0-candidate") == version_order("v2.10.0")
    assert line_alias_of("v2.10.3") == line_alias_of("v2.10.3-candidate") == "v2.10"
    with refused(ConfigError, "`v2.10` is not a version"):
        line_alias_of("v2.10")
    assert list_tags_of("v2.6", "base") == ("v2.6", "v2.6-base")
    assert list_tags_of("v2.6", "cv-nlp") == ("v2.6-cv-nlp",)


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
    assert Journal(transactions).withdrawn_versions() == withdrawn


# Who wrote it


def raw(client: Registry, *, seal: bool, **changed: object) -> None:
    """A journal of one transaction that nobody here would write."""
    plain = {**records.to_plain(Journal((FIRST,)))["transactions"][0], **changed}
    body = json.dumps({"transactions": [plain]}).encode()
    signs = journal_seal(P256) if seal else None
    client.put_manifest(
        "records", journal.TAG, document.push_document(client, "records", journal.KIND, body, signs)
    )


NO_TRANSACTIONS = [
    ({"version": "vX.Y"}, "'vX.Y' in a promotion is not a version"),
    ({"version": "v2.6.99999999999"}, "is not a version"),
    ({"version": "v2.6"}, "is not a version"),
    ({"undone": ["v2.6.0\x1b[31m"]}, "is not a version"),
    ({"started_at": "rubbish"}, "'rubbish' in the promotion of v2.6.0 is not a date and time"),
    ({"started_at": ""}, "is not a date and time"),
    ({"started_at": "9999-12-31T23:59:59-14:00"}, "date and time"),
    ({"started_at": "0001-01-01T00:00:00+14:00"}, "date and time"),
    ({"started_at": "2999-01-01T00:00:00Z"}, "which is in the future"),
]


@pytest.mark.parametrize("seal", [True, False], ids=["signed", "not verified"])
@pytest.mark.parametrize(("changed", "words"), NO_TRANSACTIONS, ids=str)
def test_a_transaction_that_says_nothing(
    client: Registry, seal: bool, changed: dict[str, object], words: str
) -> None:
    raw(client, seal=seal, **changed)
    with refused(EnvironmentFailed, "records:journal", words, "move this tag back to the digest"):
        read_journal(client, "records", journal_seal(P256) if seal else None)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        *NO_TRANSACTIONS,
        ({"kind": "dance"}, "not a transaction"),
        ({"entries": 3}, "not a transaction"),
    ],
    ids=str,
)
def test_a_transaction_that_says_nothing_is_dropped_if_nobody_signed_it(
    client: Registry, capsys: pytest.CaptureFixture[str], changed: dict[str, object], words: str
) -> None:
    plain = records.to_plain(Journal((FIRST,)))["transactions"][0]
    body = json.dumps({"transactions": [{**plain, **changed}, plain, 3]}).encode()
    client.put_manifest(
        "records", journal.TAG, document.push_document(client, "records", journal.KIND, body, None)
    )
    stored = read_journal(client, "records", journal_seal(P256))
    assert (stored.journal, stored.problem) == (Journal((FIRST,)), "nobody signed it")
    said = capsys.readouterr().err
    assert said.count("no trusted key signed it, so this is left out") == 1
    assert words in said
    assert ", and 1 more" in said


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"[]", b"null", b'{"transactions": {"a": 1}}', b"[" * 9999),
        b'{"transactions": "%s"}' % (b"a" * 2_000_000),
        b'{"transactions": [%s3]}' % (b"3," * 1_000_000),
    ],
    ids=lambda body: body[:25].decode(),
)
def test_what_is_no_journal_is_an_empty_one_if_nobody_signed_it(
    client: Registry, body: bytes
) -> None:
    made = document.push_document(client, "records", journal.KIND, body, None)
    client.put_manifest("records", journal.TAG, made)
    began = time.process_time()
    stored = read_journal(client, "records", journal_seal(P256))
    assert time.process_time() - began < 3, "it costs little to find out"
    assert (stored.journal, stored.digest) == (Journal(), made.digest)
    assert stored.problem.startswith("nobody signed it")


def test_it_is_signed_by_who_may_decide(client: Registry, claim: LockClaim) -> None:
    written = write_journal(client, "records", Journal((FIRST,)), None, claim, journal_seal(P256))
    assert read_journal(client, "records", journal_seal(P256)) == written
    assert written.problem == ""
    assert "not trusted" in read_journal(client, "records", journal_seal(ED25519)).problem
    strict = journal_seal(P256, ED25519)
    strict = replace(
        strict,
        trusted=replace(strict.trusted, deciders=frozenset({compute_key_id(ED25519.public_key())})),
    )
    assert "may not decide" in read_journal(client, "records", strict).problem


def test_a_signature_of_another_journal_is_none(client: Registry, claim: LockClaim) -> None:
    write_journal(client, "records", Journal((FIRST,)), None, claim, journal_seal(P256))
    found = client.read_manifest("records", journal.TAG)
    assert found is not None
    config, signature, _ = found.parse_blobs()
    other = client.push_bytes("records", b'{"transactions": []}', journal.KIND)
    client.put_manifest("records", journal.TAG, image_manifest(config, [signature, other]))
    assert (
        read_journal(client, "records", journal_seal(P256)).problem
        == "what was signed is another document"
    )


@dataclass(frozen=True)
class Marked:
    """Signed marks on digests."""

    said: Mapping[str, YankMark]

    def require_trusted_signer(self) -> None: ...

    def put_marks(self, _: Transaction) -> None:
        pytest.fail("what is in an unsigned journal is not signed")

    def is_within_reach(self, digest: str) -> bool:
        return False

    def read_reason(self, digest: str) -> str:
        return "yanked" if digest in self.said else ""

    def read_marks(self, digest: str) -> tuple[YankMark, ...]:
        return (self.said[digest],) if digest in self.said else ()


YANK = Transaction(
    "yank", "v2.6.0", "me", "2026-11-21T12:00:00Z", (entry("v2.6.0", "a", "a"),), reason="slip"
)
DAY = "2026-11-20T00:00:00+00:00"


def allowed(version: str, image: str = "base", day: str = DAY) -> TrustedDecision:
    """A decision of that day on an image of a version."""
    tags = [tag for stem in (version, "v2.6", "latest") for tag in list_tags_of(stem, image)]
    return TrustedDecision(version, image, tuple(tags), f"decision on {version} {image}", day)


DECISIONS = {
    "a": (allowed("v2.6.0"),),
    "a of cv": (allowed("v2.6.0", "cv"),),
    "c": (allowed("v2.6.3"),),
}
"""Of v2.6.1 there is none."""


def release(**held: str) -> VersionLookup:
    """Production with these decisions, and tags (`_` for `.`)."""
    tags = {tag.replace("_", "."): digest for tag, digest in held.items()}
    return VersionLookup(
        list(tags), lambda tag: tags.get(tag, ""), lambda digest, _: DECISIONS.get(digest, ())
    )


def taken_over(
    client: Registry,
    claim: LockClaim,
    *transactions: Transaction,
    marks: Mapping[str, YankMark] | None = None,
) -> tuple[Transaction, ...]:
    """What is signed of a journal that nobody signed."""
    write_journal(client, "records", Journal(transactions), None, claim)
    production = at(client, repositories=replace(REPOSITORIES, journal="records"))
    strict = replace(
        production,
        read_decisions=lambda digest, _: DECISIONS.get(digest, ()),
        marks=Marked(marks or {}),
    )
    signed = complete_journal(strict, claim)
    again = read_journal(client, "records", journal_seal(P256))
    assert (again.journal, again.problem) == (signed.journal, "")
    return signed.journal.transactions


def confirmed_first(*digests: str) -> Transaction:
    """v2.6.0 as its decisions tell it."""
    entries = [
        JournalEntry(tag, each.image, alias, "", digest, each.decision, "done")
        for digest in digests or ("a",)
        for each in DECISIONS[digest]
        for alias in ("", "v2.6", "latest")
        for tag in list_tags_of(alias or "v2.6.0", each.image)
    ]
    return Transaction("promotion", "v2.6.0", confirm.OWNER, "2026-11-20T00:00:00Z", tuple(entries))


def what_counts(journal: Journal, lookup: VersionLookup, read_marks: ReadMarks) -> Journal:
    return confirm.confirm_journal(journal, lookup, read_marks).journal


def test_of_an_unsigned_journal_counts_what_trusted_decisions_confirm(
    client: Registry, claim: LockClaim, capsys: pytest.CaptureFixture[str]
) -> None:
    assert taken_over(client, claim, FIRST, SECOND) == (confirmed_first(),)
    said = capsys.readouterr().err
    assert "no trusted key signed the journal (nobody signed it)" in said
    assert (
        "because it is not confirmed: the promotion of v2.6.1: no trusted decision says that b is "
        "v2.6.1" in said
    )


SLIP = YankMark("v2.6.0", "slip", "2026-11-21T12:00:00Z")


@pytest.mark.parametrize("hint", [True, False], ids=["the journal tells it", "it does not"])
@pytest.mark.parametrize(
    ("marks", "reason"),
    [
        ({}, ""),
        ({"a": SLIP}, "slip"),
        ({"a": replace(SLIP, reason="another reason")}, "another reason"),
        ({"a": replace(SLIP, version="v2.6.3")}, ""),
        ({"b": SLIP}, ""),
    ],
    ids=str,
)
def test_a_yank_is_what_a_signed_mark_says(
    client: Registry, claim: LockClaim, marks: dict[str, YankMark], reason: str, hint: bool
) -> None:
    told = [FIRST, replace(YANK, reason="forged")] if hint else [FIRST]
    found = Journal(taken_over(client, claim, *told, marks=marks))
    assert found.transactions[:1] == (confirmed_first(),)
    assert [each.reason for each in found.yank_transactions] == ([reason] if reason else [])
    assert {entry.new for each in found.yank_transactions for entry in each.entries} <= {"a"}


# What a journal leaves out


@pytest.mark.parametrize("image", ["base", "cv"])
def test_a_promotion_that_was_cut_is_completed_from_the_decisions(image: str) -> None:
    """Whoever may write the journal keeps one image of a release: a yank must reach the others."""
    own = {"v2_6_0": "a", "v2_6_0-cv": "a of cv", "v2_6_0-junk": "nobody's", "v2_6_0-x": "c"}
    digest = "a" if image == "base" else "a of cv"
    cut = promotion("v2.6.0", JournalEntry("v2.6.0", image, "", "", digest, "", "done"))
    found = what_counts(Journal((cut,)), release(**own), lambda _: ())
    assert {entry.new for entry in found.own_entries("v2.6.0")} == {"a", "a of cv"}
    assert found.expected_digests("latest-cv") == {"a of cv"}
    found = what_counts(
        Journal((cut,)), release(**own), lambda each: (SLIP,) if each == "a of cv" else ()
    )
    assert {entry.new for entry in found.yank_transactions[0].entries} == {"a", "a of cv"}


def test_nothing_of_the_text_of_an_unsigned_journal_is_taken() -> None:
    forged = [
        replace(FIRST, owner=f"{number}\x1b[31m", started_at=DAY, reason="::error::x")
        for number in range(250)
    ]
    found = what_counts(Journal(tuple(forged)), release(), lambda _: ())
    assert found.transactions == (confirmed_first(),)


@pytest.mark.parametrize("stated", ["2999-01-01T00:00:00+00:00", "rubbish", "", "9999-12-31"])
def test_no_transaction_that_is_confirmed_is_of_tomorrow(
    monkeypatch: pytest.MonkeyPatch, stated: str
) -> None:
    monkeypatch.setitem(DECISIONS, "a", (allowed("v2.6.0", day=stated),))
    found = what_counts(Journal((FIRST,)), release(), lambda _: ())
    assert journal._find_problem(found.transactions[0]) == ""


def test_of_two_digests_of_an_image_the_one_that_production_has_counts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(DECISIONS, "z", (allowed("v2.6.0"),))
    told = promotion("v2.6.0", entry("v2.6.0", "", "z"), entry("v2.6", "", "a", "v2.6"))
    for digest in ("a", "z"):
        found = what_counts(Journal((told,)), release(v2_6_0=digest), lambda _: ())
        assert {each.new for each in found.own_entries("v2.6.0")} == {digest}


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
    client: Registry, claim: LockClaim, forged: Transaction
) -> None:
    assert taken_over(client, claim, FIRST, forged) == (confirmed_first(),)


def test_aliases_move_forwards_in_whatever_order_an_unsigned_journal_has_it(
    client: Registry, claim: LockClaim
) -> None:
    third = promotion("v2.6.3", entry("v2.6.3", "", "c"), entry("v2.6", "a", "c", "v2.6"))
    taken = Journal(taken_over(client, claim, third, FIRST))
    assert taken.expected_digests("v2.6") == {"c"}


def test_an_unsigned_journal_is_bounded(capsys: pytest.CaptureFixture[str]) -> None:
    asked: list[str] = []

    def asks(digest: str, named: Sequence[str]) -> tuple[TrustedDecision, ...]:
        asked.append(digest)
        assert len(named) <= confirm.MAX_DECISIONS
        return ()

    one = entry("v2.6.2", "", "d")
    many = [promotion(f"v2.6.{patch}", one) for patch in range(3, 1000)]
    copies = [
        replace(FIRST, entries=(replace(one, decision=str(number), new=str(number % 100)),))
        for number in range(1000)
    ]
    junk = [f"v2.6.0-{number}" for number in range(1000)]
    production = VersionLookup(junk, lambda tag: f"under {tag}", asks)
    kept = Journal((*copies, *[FIRST] * 1000, *many))
    assert what_counts(kept, production, lambda _: ()).transactions == ()
    assert len(asked) == MAX_VERSIONS - 1 + confirm.MAX_DIGESTS + MAX_OTHER_TAGS
    said = capsys.readouterr().err.splitlines()
    assert len(said) <= confirm.MAX_SHOWN + 3
    assert "not looked up in this journal: " in said[-1]


@pytest.mark.parametrize("spent", ["lookups", "seconds"])
def test_one_budget_bounds_all_that_an_unsigned_journal_names(
    capsys: pytest.CaptureFixture[str], spent: str
) -> None:
    asked: list[str] = []

    def asks(digest: str, _: Sequence[str]) -> tuple[TrustedDecision, ...]:
        asked.append(digest)
        if spent == "seconds":
            budget.ends = 0
        return DECISIONS.get(digest, ())

    invented = [
        promotion(f"v2.5.{patch}", *(entry("v2.5.1", "", f"d{number}") for number in range(50)))
        for patch in range(250)
    ]
    budget = LookupBudget(lookups=200)
    production = VersionLookup(["v2.6.0"], lambda _: "a", asks, (), budget)
    found = what_counts(Journal((*invented, FIRST)), production, lambda _: ())
    assert len(asked) < 200
    assert asked[0] == "a", "what production has tags of comes first"
    assert bool(found.transactions)
    assert "not looked up in this journal: " in capsys.readouterr().err


def test_a_list_of_tags_that_is_cut_hides_no_current_release() -> None:
    """Somebody put so many tags that no list ends, and emptied the journal."""
    decision = TrustedDecision("v2.6.0", "base", ("v2.6.0", "v2.6.0-base", "latest"), "d", DAY)
    held = dict.fromkeys(("v2.6.0", "v2.6.0-base", "latest"), "a")
    lookup = VersionLookup(
        (),
        lambda tag: held.get(tag, ""),
        lambda digest, _: (decision,) if digest == "a" else (),
        ("base",),
        is_cut=True,
    )
    for stored in (StoredJournal(Journal(), None), StoredJournal(Journal(), "j", "nobody")):
        found = confirm.confirm_stored(stored, lambda: lookup, lambda _: ())
        assert [each.version for each in found.journal.transactions] == ["v2.6.0"]
        assert found.problem


def test_versions_that_nobody_released_do_not_hide_that_something_was_not_looked_up() -> None:
    """300 tags of old versions lie before the release, and the journal was deleted."""
    junk = [f"v2.1.{patch}" for patch in range(MAX_VERSIONS + 1)]
    lookup = VersionLookup(
        (*junk, "v2.6.0"), lambda tag: "a" if tag == "v2.6.0" else "junk", lambda *_: (), ("base",)
    )
    found = confirm.confirm_stored(StoredJournal(Journal(), None), lambda: lookup, lambda _: ())
    assert found.journal == Journal()
    assert found.rest == "2 more versions"
    assert found.problem


def test_a_part_of_a_journal_is_not_signed(
    client: Registry, claim: LockClaim, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Signed without the rest, it would hide that for ever."""
    monkeypatch.setattr(transaction, "WHOLE_VERSIONS", 1)
    with refused(EnvironmentFailed, "1 more version", "could not be looked up"):
        taken_over(client, claim, FIRST, SECOND)
    assert read_journal(client, "records", journal_seal(P256)).problem


# The lock


@pytest.mark.parametrize(
    ("ahead", "words"),
    [
        (600, "at most until 2"),
        (86400, "has a wrong clock"),
        (1e300, "not a lock of this program"),
    ],
)
def test_a_claim_by_another_clock(client: Registry, ahead: float, words: str) -> None:
    config = client.push_bytes("records", EMPTY_CONFIG, OCI_EMPTY)
    client.put_manifest(
        "records",
        lock.TAG,
        lock._make_manifest(config, "another\x1b[1m machine", time.time() + ahead),
    )
    with (
        refused(EnvironmentFailed, "records:promotion-lock", words),
        lock.hold_lock(client, "records", "me"),
    ):
        pass
