"""Release kinds as contracts, held against the software difference to the line's release before.

What each kind may do:

- `patch`: security patches and critical fixes. PyTorch, CUDA, cuDNN, NCCL and Python stay as they
  are; nothing comes or
  goes; a Python package moves by a patch level, further only where the move ends an advisory.
- `feature`: additions, and upgrades that keep a package's major version, inside the line.
- `major`: anything, approved by a person.

Debian's packages move as its stable release does. Debian itself lets only important fixes into a
stable release, so a new revision is taken, and a patch level of upstream's (`apt 2.6.1` to
`2.6.2`). Beyond that a version must carry the mark of the line's own release (`systemd
252.39-1~deb12u2`, `tzdata 2026f-0+deb12u1`, `ca-certificates 20250419~deb12u2`: how Debian names a
new upstream version in a stable update), or end an advisory. Backports (`~bpo12`) are no part of
it.

A version that begins with a year tells a day and nothing of compatibility. In a patch only data may
so move (`certifi`, `tzdata`): it is worth nothing when it is old. Other code with such a version
needs an advisory.

What a wheel carries inside it (pip's own `rich`) moves with a package that moved, however far, and
never by itself.

What is not known to be allowed is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from images.catalog import Line
from images.compatibility import load_compatibility
from images.version import line_of_torch, parse_version
from scan.difference import Change, Difference, Presence
from scan.versions import Step

PATCH, FEATURE, MAJOR = KINDS = ("patch", "feature", "major")
NEW, GONE = "new", "gone"
UNAPPROVED = "a major release needs the explicit approval of a person"

DATA = ("certifi", "pytz", "tzdata")
"""Python packages that are lists of facts, not code: certificate authorities, time zones."""

_PLATFORM = re.compile(r"torch|torchvision|torchaudio|triton|pytorch-triton|(?:nvidia|cuda)-.+")
"""What a tag promises: PyTorch, and CUDA, cuDNN and NCCL, which come as wheels that torch pins."""
_INTERPRETER = re.compile(r"python3(?:\.[0-9]+)?(?:-defaults)?")
_YEAR = re.compile(r"(?:19|20)[0-9]{2}\.")
_STABLE_UPDATE = re.compile(r"[+~]deb(?P<release>[0-9]+)u[0-9]+")
_BACKPORT = re.compile(r"~bpo[0-9]")

_SMALL = (Step.DEBIAN_REVISION, Step.LOCAL_VERSION, Step.PATCH)


@dataclass(frozen=True)
class _Ruling:
    """What a kind makes of one thing: a problem, a note on why it is none, or neither."""

    problem: str = ""
    note: str = ""


@dataclass(frozen=True)
class _Case:
    """What a package is judged with. `carriers`: some Python package of the image itself moved."""

    line: str
    debian: int | None
    carriers: bool


def kind_problems(
    difference: Difference | None, kind: str, line: Line, *, approved: bool = False
) -> tuple[str, ...]:
    """Why a release may not be called `kind`, all of it; empty where it may.

    `difference` is to the newest release of the line before, None only where no image of the line
    was ever released. `approved` is a person's word for a major.
    """
    return tuple(
        ruling.problem for ruling in _rulings(difference, kind, line, approved) if ruling.problem
    )


def image_problem(word: str, kind: str) -> str:
    """Why `kind` may not have an image that is NEW in a line, or that is GONE from it; empty where
    it may.
    """
    if kind == PATCH:
        return f"the image is {word}, and a patch neither adds nor drops one"
    return (
        "the image is gone, and a feature release only adds"
        if (kind, word) == (FEATURE, GONE)
        else ""
    )


def contents_problems(difference: Difference, kind: str, line: Line) -> tuple[str, ...]:
    """Why `kind` may not have these contents, whatever two things they are the difference of."""
    return tuple(ruling.problem for ruling in _contents(difference, kind, line) if ruling.problem)


def kind_notes(
    difference: Difference | None, kind: str, line: Line, *, approved: bool = False
) -> tuple[str, ...]:
    """What a reader of the decision should know though it refuses nothing: what was let through,
    and why.
    """
    return tuple(
        ruling.note for ruling in _rulings(difference, kind, line, approved) if ruling.note
    )


def _rulings(
    difference: Difference | None, kind: str, line: Line, approved: bool
) -> Iterator[_Ruling]:
    name = line_of_torch(line.torch)
    if kind not in KINDS:
        yield _Ruling(f"`{kind}` is no kind of release: patch, feature or major")
        return
    if kind == MAJOR and not approved:
        yield _Ruling(UNAPPROVED)
    if difference is None:
        first = f"the first release of line {name}"
        yield _Ruling(note=first) if kind == MAJOR else _Ruling(f"{first}, which is a major one")
        return
    if wrong := _wrong_pair(difference, name):
        yield _Ruling(wrong)
    yield from _contents(difference, kind, line)


def _wrong_pair(difference: Difference, line: str) -> str:
    """A difference between others than two releases of the line, in order, says nothing about this
    one.
    """
    before, after = (parse_version(each.version) for each in (difference.before, difference.after))
    pair = f"{difference.before.version} to {difference.after.version}"
    if before is None or after is None or {before.line, after.line} != {line}:
        return f"the difference is from {pair}, not between releases of line {line}"
    if before.patch >= after.patch:
        return f"the difference is from {pair}, which is not forward"
    return ""


def _contents(difference: Difference, kind: str, line: Line) -> Iterator[_Ruling]:
    carriers = any(change.type == "pypi" and not change.vendored for change in difference.changed)
    debian = load_compatibility().debian_number(line.debian)
    case = _Case(line_of_torch(line.torch), debian, carriers)
    presence, change = _RULES[kind]
    for word, presences in ((NEW, difference.added), (GONE, difference.removed)):
        yield from (
            _named(f"{each.package.name} {each.package.version}", presence(each, word, case))
            for each in presences
        )
    for each in difference.changed:
        yield _named(f"{each.name} {each.before} -> {each.after}", change(each, case))


def _named(what: str, ruling: _Ruling) -> _Ruling:
    """A ruling that says what it is about."""
    return _Ruling(*(f"{what}: {text}" if text else "" for text in (ruling.problem, ruling.note)))


def _patch_presence(presence: Presence, word: str, case: _Case) -> _Ruling:
    if presence.vendored:
        return _carried(case)
    return _Ruling(f"{word}, and a patch neither adds nor drops a package")


def _feature_presence(presence: Presence, word: str, case: _Case) -> _Ruling:
    if presence.vendored:
        return _carried(case)
    return _Ruling(note="new") if word == NEW else _Ruling("gone, and a feature release only adds")


def _any_presence(presence: Presence, word: str, case: _Case) -> _Ruling:
    return _Ruling(note=_feature_presence(presence, word, case).problem)


def _patch_change(change: Change, case: _Case) -> _Ruling:
    if _is_platform(change):
        return _Ruling(
            "a patch leaves PyTorch, CUDA, cuDNN and NCCL as they are: make it a feature release"
        )
    return _common(change, case) or (_debian if change.type == "deb" else _python)(change, case)


def _feature_change(change: Change, case: _Case) -> _Ruling:
    if (
        _is_platform(change)
        and change.name == "torch"
        and not change.after.startswith(f"{case.line}.")
    ):
        return _Ruling(f"it leaves line {case.line}: that is a major release")
    if ruled := _common(change, case):
        return ruled
    if change.type == "deb":
        return _debian(change, case)
    if change.step is Step.MAJOR and not _is_dated(change):
        return _only_for_security(change, "a feature release keeps major versions")
    return _Ruling()


def _any_change(change: Change, case: _Case) -> _Ruling:
    return _Ruling(note=_feature_change(change, case).problem)


def _common(change: Change, case: _Case) -> _Ruling | None:
    """What holds for a patch and for a feature alike; None where it says nothing."""
    if change.type not in ("deb", "pypi"):
        return _Ruling(f"nothing is known of {change.type} packages")
    if change.downgrade:
        return _Ruling("older than before")
    if _is_interpreter(change) and change.step not in _SMALL:
        return _Ruling("another Python: that is another line")
    return _carried(case) if change.vendored else None


def _carried(case: _Case) -> _Ruling:
    return (
        _Ruling()
        if case.carriers
        else _Ruling("it is inside a wheel, and no Python package moved that could carry it")
    )


def _python(change: Change, _: _Case) -> _Ruling:
    if _is_dated(change):
        why = "its version is a date, which says nothing of compatibility"
        return (
            _Ruling(note="data, kept current")
            if change.name in DATA
            else _only_for_security(change, why)
        )
    if change.step in _SMALL:
        return _Ruling()
    return _only_for_security(change, f"a {change.step} step, and a patch moves by patch levels")


def _debian(change: Change, case: _Case) -> _Ruling:
    if _BACKPORT.search(change.after):
        return _Ruling("a backport is no part of the stable release")
    mark = _STABLE_UPDATE.search(change.after)
    if mark and int(mark["release"]) != case.debian:
        return _Ruling(
            f"an update of Debian {mark['release']}, the line stands on "
            f"{case.debian or 'one not known here'}"
        )
    if mark or change.step in _SMALL:
        return _Ruling(
            note="" if change.step is Step.DEBIAN_REVISION else "an update of the stable release"
        )
    return _only_for_security(
        change, f"a {change.step} step that is not marked as an update of the stable release"
    )


def _only_for_security(change: Change, why: str) -> _Ruling:
    """Allowed where an advisory names it: where the move ends one."""
    if change.security:
        return _Ruling(note=f"{why}; it ends {', '.join(change.security)}")
    known = (
        "no advisory names it"
        if change.security is not None
        else "no database judged whether an advisory names it"
    )
    return _Ruling(f"{why}, and {known}: pin it")


def is_platform(name: str) -> bool:
    """Whether a tag promises this Python package."""
    return bool(_PLATFORM.fullmatch(name))


def is_dated(version: str) -> bool:
    """Whether the version of a Python package tells a day."""
    return bool(_YEAR.match(version))


def _is_platform(change: Change) -> bool:
    return change.type == "pypi" and not change.vendored and is_platform(change.name)


def _is_interpreter(change: Change) -> bool:
    names = (change.name, change.source)
    return change.type == "deb" and any(_INTERPRETER.fullmatch(name) for name in names)


def _is_dated(change: Change) -> bool:
    return change.type == "pypi" and is_dated(change.before) and is_dated(change.after)


_RULES: dict[
    str, tuple[Callable[[Presence, str, _Case], _Ruling], Callable[[Change, _Case], _Ruling]]
] = {
    PATCH: (_patch_presence, _patch_change),
    FEATURE: (_feature_presence, _feature_change),
    MAJOR: (_any_presence, _any_change),
}
