"""What the commands about releases that are out say, and how they end."""

from __future__ import annotations

import datetime
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from commands import released
from commands.parser import parse
from images.catalog import load_catalog
from images.support import describe_support
from images.version import Version
from publish.evidence import keys
from publish.policy.schedule import PublishedRelease
from publish.rescan import LineDue, RescanResult, UnfixableLine
from runner import records
from runner.errors import ConfigError
from runner.verdict import Verdict
from scan import store
from scan.history import History, RescanVerdict
from scan.line_fixes import OutsideFix
from scan.second_opinion import OtherAdvisory, SecondOpinion
from scan.store import StoredHistory
from tests.fakes.refusal import refused
from tests.report import samples

OLD = RescanVerdict("2026-11-21", "v2.6.0", "base", "sha256:0", Verdict.FAIL, "CVE-2026-1", 0.1)
V261, JUST_OUT = Version("2.6", 1), datetime.date(2026, 12, 15)
DAY = datetime.date(2026, 11, 27)
DUE = LineDue("2.6", "v2.6.1", "v2.6.2", ("base: CVE-2026-1",))


@pytest.mark.parametrize(
    ("verdict", "code"),
    [(Verdict.PASS, 0), (Verdict.FAIL, 1), (Verdict.INFRA, 3), (Verdict.INCONCLUSIVE, 4)],
)
def test_a_rescan_ends_as_the_newest_releases_stand(
    verdict: Verdict,
    code: int,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    due = (DUE,) if verdict is Verdict.FAIL else ()
    only = OtherAdvisory("CVE-2026-9", (), "torch", "2.6.0", "2.10.0", "bad", ("v2.6.1 base",))
    opinion = SecondOpinion("https://osv.example.org", 7, (only,))
    judged = RescanResult("2026-11-21", None, (OLD,), ("v2.6.1",), verdict, due, 0.1, opinion)
    monkeypatch.setenv("PYTORCH_CUDA_IMAGES_REGISTRY", "registry.example.com")
    monkeypatch.setattr(released, "rescan_images", lambda *_: judged)
    monkeypatch.setattr(released, "_make_assessor", lambda *_: None)
    asked = parse(["rescan"])
    assert asked.run(asked) == code
    said = capsys.readouterr().err
    assert "v2.6.0 base is refused; a newer release replaces it: CVE-2026-1" in said
    assert "on 7 Python packages: only it knows CVE-2026-9 in torch 2.6.0, fixed in 2.10.0" in said
    assert ("line 2.6 needs the release v2.6.2" in said) is (code == 1)


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_what_is_due_is_an_answer(
    form: tuple[str, ...],
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("PYTORCH_CUDA_IMAGES_REGISTRY", "registry.example.com")
    monkeypatch.setattr(released, "list_releases", lambda *_: ())
    monkeypatch.setattr(store, "read_stored", lambda *_: StoredHistory(History({})))
    public = keys.generate_pair(home, "mine")[1]
    asked = parse(["due", "--key", str(public), "--date", "2026-12-15", *form])
    assert asked.run(asked) == 0
    said = capsys.readouterr()
    assert said.out == ("[]\n" if form else "nothing is due on 2026-12-15\n")
    lines = ", ".join(load_catalog().lines)
    assert (f"no release yet, so nothing can be due: {lines}\n" in said.err) is (not form)


@pytest.mark.parametrize(
    ("problem", "channel", "code"),
    [("", "monthly", 0), ("nobody signed it", "monthly", 4), ("", "", 4)],
)
def test_what_is_due_says_what_is_not_known(  # noqa: PLR0917 - cases and fixtures
    problem: str,
    channel: str,
    code: int,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Whoever removes the signature of the history removes the refusals in it."""
    out = PublishedRelease(Version("2.6", 0), channel, datetime.date(2026, 12, 14))
    monkeypatch.setenv("PYTORCH_CUDA_IMAGES_REGISTRY", "registry.example.com")
    monkeypatch.setattr(released, "list_releases", lambda *_: (out,))
    monkeypatch.setattr(store, "read_stored", lambda *_: StoredHistory(History({}), problem))
    public = keys.generate_pair(home, "mine")[1]
    asked = parse(["due", "--key", str(public), "--date", "2026-12-15"])
    assert asked.run(asked) == code
    assert ("not known which images the scan refuses" in capsys.readouterr().err) is bool(problem)


@pytest.mark.parametrize("form", [(), ("--json",)])
@pytest.mark.parametrize(
    ("unread", "code"),
    [
        pytest.param(PublishedRelease(V261, "", datetime.date(2026, 8, 17)), 0, id="old"),
        pytest.param(PublishedRelease(V261, "", JUST_OUT, withdrawn=True), 0, id="withdrawn"),
        pytest.param(PublishedRelease(V261, "", JUST_OUT), 4, id="of this month"),
        pytest.param(PublishedRelease(V261, "", JUST_OUT, outage="no answer"), 3, id="outage"),
        pytest.param(PublishedRelease(Version("1.0", 0), "", JUST_OUT), 0, id="old line"),
    ],
)
def test_a_release_whose_channel_is_not_known_ends_nothing(  # noqa: PLR0917 - cases and fixtures
    unread: PublishedRelease,
    code: int,
    form: tuple[str, ...],
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What is due is shown all the same, and the line is named if its calendar may be wrong."""
    known = PublishedRelease(Version("2.9", 0), "production", datetime.date(2026, 9, 1))
    monkeypatch.setenv("PYTORCH_CUDA_IMAGES_REGISTRY", "registry.example.com")
    monkeypatch.setattr(released, "list_releases", lambda *_: (unread, known))
    monkeypatch.setattr(store, "read_stored", lambda *_: StoredHistory(History({})))
    public = keys.generate_pair(home, "mine")[1]
    asked = parse(["due", "--key", str(public), "--date", "2026-12-15", *form])
    assert asked.run(asked) == code
    said = capsys.readouterr()
    assert "v2.9.1" in said.out
    assert not form or isinstance(json.loads(said.out), list)
    assert ("line 2.6: the channel of v2.6.1 is not known" in said.err) is (code != 0)


@pytest.mark.parametrize(
    ("plant", "said"),
    [
        pytest.param(os.mkfifo, "a named pipe", id="fifo"),
        pytest.param(lambda path: path.write_bytes(b"\xff\xfe"), "not UTF-8", id="binary"),
        pytest.param(lambda path: path.symlink_to("/etc/hostname"), "a symbolic link", id="link"),
        pytest.param(lambda path: path.mkdir(), "a folder", id="folder"),
        pytest.param(
            lambda path: path.write_bytes(bytes(records.TEXT_BYTES + 1)), "more than", id="large"
        ),
    ],
)
def test_notes_of_an_earlier_release_that_cannot_be_read(
    plant: Callable[[Path], None], said: str, tmp_path: Path
) -> None:
    folder = tmp_path / "v2.6.0"
    records.write_record(folder / "release.json", samples.release())
    (folder / "notes.md").write_text("# One\n")
    assert [each.notes for each in released._released_notes(tmp_path)] == ["# One\n"]
    (folder / "notes.md").unlink()
    plant(folder / "notes.md")
    with refused(ConfigError, "v2.6.0/notes.md: ", said):
        released._released_notes(tmp_path)


def test_due_and_rescan_say_what_a_line_cannot_fix_once_and_how_it_is_supported(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said = "2.6 cannot be fixed inside the line: CVE-2026-24747, fixed in 2.10.0; move to 2.15"
    fix = OutsideFix("CVE-2026-24747", "torch", "2.6.0", "2.10.0", "2027-05-26")
    found = tuple(
        replace(OLD, image=image, digest=image, verdict=Verdict.PASS, reason="", outside=(fix,))
        for image in ("base", "cv", "nlp", "rl")
    )
    unfixable = UnfixableLine("2.6", "v2.6.0", said, (fix,))
    judged = RescanResult(
        "2026-11-27", None, found, ("v2.6.0",), Verdict.PASS, (), 0.1, unfixable=(unfixable,)
    )
    monkeypatch.setenv("PYTORCH_CUDA_IMAGES_REGISTRY", "registry.example.com")
    monkeypatch.setattr(released, "rescan_images", lambda *_: judged)
    monkeypatch.setattr(released, "_make_assessor", lambda *_: None)
    asked = parse(["rescan"])
    assert asked.run(asked) == 0
    assert capsys.readouterr().err.count(said) == 1

    out = PublishedRelease(Version("2.6", 0), "production", datetime.date(2026, 11, 20))
    history = StoredHistory(History({}, found))
    monkeypatch.setattr(released, "list_releases", lambda *_: (out,))
    monkeypatch.setattr(store, "read_stored", lambda *_: history)
    public = keys.generate_pair(home, "mine")[1]
    asked = parse(["due", "--key", str(public), "--date", "2026-11-27"])
    assert asked.run(asked) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"{said} (there is an exception until 2027-05-26)",
        f"line 2.6: {describe_support(load_catalog().lines['2.6'].support, DAY)}",
    ]
