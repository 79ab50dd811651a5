"""Release kinds: what each may change compared with the previous release of its line.

- `patch`: security patches and critical fixes. PyTorch, CUDA, cuDNN, NCCL and Python stay as they
  are. No package is added or removed. A Python package changes only its patch level, unless the
  change fixes an advisory.
- `feature`: new packages, and upgrades that keep the major version of a package and the line.
- `major`: any change, if a person approves it.

Debian packages may change as Debian's stable release changes, because Debian accepts only important
fixes there. So a new revision is allowed, and a new patch level of the upstream project (`apt
2.6.1` to `2.6.2`). A larger change must either fix an advisory, or carry the mark of an update of
the line's own Debian release (`systemd 252.39-1~deb12u2`, `tzdata 2026f-0+deb12u1`,
`ca-certificates 20250419~deb12u2`). Backports (`~bpo12`) are not part of the stable release.

A version that begins with a year is a date. It does not say whether two versions are compatible. In
a patch, only packages that hold data may change from one date to another (`certifi`, `tzdata`),
because old data is of no use. For other packages with such versions, the change must fix an
advisory.

A package that a wheel contains (for example `rich` inside pip) may change in any way if a Python
package of the image changed too; otherwise it must not change.

Every change that no rule allows is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import ParamSpec

from images.catalog import Line
from images.compatibility import is_platform, load_compatibility
from images.version import line_of_torch, parse_version
from scan.difference import Difference, PackageChange, PackagePresence
from scan.versions import Step

P = ParamSpec("P")

PATCH, FEATURE, MAJOR = KINDS = ("patch", "feature", "major")
NEW, GONE = "new", "gone"
_PAST_TENSE = {NEW: "added", GONE: "removed"}
UNAPPROVED = "a major release needs the approval of a person (`--approve`)"

DATA = ("certifi", "pytz", "tzdata")
"""Python packages that hold data, not code: certificate authorities and time zones."""

_INTERPRETER = re.compile(r"python3(?:\.[0-9]+)?(?:-defaults)?")
_YEAR = re.compile(r"(?:19|20)[0-9]{2}\.")
_STABLE_UPDATE = re.compile(r"[+~]deb(?P<release>[0-9]+)u[0-9]+")
_BACKPORT = re.compile(r"~bpo[0-9]")

_SMALL = (Step.DEBIAN_REVISION, Step.LOCAL_VERSION, Step.PATCH)


@dataclass(frozen=True)
class _Ruling:
    """The ruling on one change: a problem, a note that says why it is allowed, or neither."""

    problem: str = ""
    note: str = ""


@dataclass(frozen=True)
class _ReleaseFacts:
    """Facts about the whole release, which the rules for single packages need.

    `debian` is the number of the line's Debian release, None if it is not known. `carriers` says
    whether a Python package changed that is not itself inside a wheel.
    """

    line: str
    debian: int | None
    carriers: bool


def kind_problems(
    difference: Difference | None, kind: str, line: Line, *, approved: bool = False
) -> tuple[str, ...]:
    """Return every reason why a release may not be of this kind; nothing if it may.

    `difference` is the difference to the previous release of the line. It is None only if no image
    of the line was ever released. `approved` says whether a person approved a major release.
    """
    rulings = _judge_release(difference, kind, line, approved)
    return tuple(ruling.problem for ruling in rulings if ruling.problem)


def lacks_approval(kind: str, *, approved: bool) -> bool:
    """Return whether a release of this kind still needs the approval of a person."""
    return kind == MAJOR and not approved


def image_problem(word: str, kind: str) -> str:
    """Return why a release of this kind may not add or remove an image; empty if it may.

    `word` is NEW or GONE.
    """
    if kind == PATCH:
        return f"the image was {_PAST_TENSE[word]}; a patch release neither adds nor removes images"
    if kind == FEATURE and word == GONE:
        return "the image was removed; a feature release only adds images"
    return ""


def contents_problems(difference: Difference, kind: str, line: Line) -> tuple[str, ...]:
    """Return every reason why a release of this kind may not change these packages.

    The versions of the two releases that were compared are not checked.
    """
    rulings = _judge_contents(difference, kind, line)
    return tuple(ruling.problem for ruling in rulings if ruling.problem)


def kind_notes(
    difference: Difference | None, kind: str, line: Line, *, approved: bool = False
) -> tuple[str, ...]:
    """Return the unusual changes that were allowed, with reasons, for readers of the decision."""
    rulings = _judge_release(difference, kind, line, approved)
    return tuple(ruling.note for ruling in rulings if ruling.note)


def _judge_release(
    difference: Difference | None, kind: str, line: Line, approved: bool
) -> Iterator[_Ruling]:
    """Yield the rulings on the kind, on the two versions and on every change of a package."""
    name = line_of_torch(line.torch)
    if kind not in KINDS:
        yield _Ruling(f"`{kind}` is not a release kind; use patch, feature or major")
        return
    if lacks_approval(kind, approved=approved):
        yield _Ruling(UNAPPROVED)
    if difference is None:
        first = f"this is the first release of line {name}"
        yield _Ruling(note=first) if kind == MAJOR else _Ruling(f"{first}; it must be a major one")
        return
    if problem := _check_versions(difference, name):
        yield _Ruling(problem)
    yield from _judge_contents(difference, kind, line)


def _check_versions(difference: Difference, line: str) -> str:
    """Return why a difference is not to an earlier release of the line; empty if it is."""
    before, after = (parse_version(each.version) for each in (difference.before, difference.after))
    pair = f"{difference.before.version} to {difference.after.version}"
    if before is None or after is None or {before.line, after.line} != {line}:
        return f"the comparison is of {pair}, which are not both releases of line {line}"
    if before.patch >= after.patch:
        return f"the comparison is of {pair}, which is not a newer release"
    return ""


def _judge_contents(difference: Difference, kind: str, line: Line) -> Iterator[_Ruling]:
    """Yield the ruling on every package that was added, removed or changed."""
    carriers = any(change.type == "pypi" and not change.vendored for change in difference.changed)
    debian = load_compatibility().debian_number(line.debian)
    case = _ReleaseFacts(line_of_torch(line.torch), debian, carriers)
    presence, change = _RULES[kind]
    for word, presences in ((NEW, difference.added), (GONE, difference.removed)):
        yield from (
            _name_ruling(f"{each.package.name} {each.package.version}", presence(each, word, case))
            for each in presences
        )
    for each in difference.changed:
        yield _name_ruling(f"{each.name} {each.before} -> {each.after}", change(each, case))


def _name_ruling(what: str, ruling: _Ruling) -> _Ruling:
    """Return a ruling whose texts begin with the package and its versions."""
    return _Ruling(*(f"{what}: {text}" if text else "" for text in (ruling.problem, ruling.note)))


def _judge_patch_presence(presence: PackagePresence, word: str, case: _ReleaseFacts) -> _Ruling:
    if presence.vendored:
        return _judge_bundled(case)
    return _Ruling(f"it was {_PAST_TENSE[word]}; a patch release neither adds nor removes packages")


def _judge_feature_presence(presence: PackagePresence, word: str, case: _ReleaseFacts) -> _Ruling:
    if presence.vendored:
        return _judge_bundled(case)
    if word == NEW:
        return _Ruling(note="it was added")
    return _Ruling("it was removed; a feature release only adds packages")


def _judge_patch_change(change: PackageChange, case: _ReleaseFacts) -> _Ruling:
    if _is_platform(change):
        return _Ruling(
            "a patch release must not change PyTorch, CUDA, cuDNN or NCCL; a feature release may"
        )
    if ruling := _judge_any_change(change, case):
        return ruling
    return (_judge_debian if change.type == "deb" else _judge_python)(change, case)


def _judge_feature_change(change: PackageChange, case: _ReleaseFacts) -> _Ruling:
    if (
        _is_platform(change)
        and change.name == "torch"
        and not change.after.startswith(f"{case.line}.")
    ):
        return _Ruling(f"it is not in line {case.line}; only a major release may change the line")
    if ruling := _judge_any_change(change, case):
        return ruling
    if change.type == "deb":
        return _judge_debian(change, case)
    if change.step is Step.MAJOR and not _is_dated(change):
        return _require_advisory(change, "a feature release keeps major versions")
    return _Ruling()


def _judge_any_change(change: PackageChange, case: _ReleaseFacts) -> _Ruling | None:
    """Return the ruling of the rules that patch and feature share; None if they do not decide."""
    if change.type not in ("deb", "pypi"):
        return _Ruling(f"there is no rule for packages of the type {change.type}")
    if change.downgrade:
        return _Ruling("the new version is older")
    is_python = change.type == "deb" and any(
        _INTERPRETER.fullmatch(name) for name in (change.name, change.source)
    )
    if is_python and change.step not in _SMALL:
        return _Ruling("another version of Python needs another line")
    return _judge_bundled(case) if change.vendored else None


def _judge_bundled(case: _ReleaseFacts) -> _Ruling:
    """Return the ruling on a package inside a wheel: another Python package must have changed."""
    if case.carriers:
        return _Ruling()
    return _Ruling("it is inside a wheel, but no Python package that could contain it changed")


def _judge_python(change: PackageChange, _: _ReleaseFacts) -> _Ruling:
    if _is_dated(change):
        if change.name in DATA:
            return _Ruling(note="it holds data, which should be recent")
        problem = "its version is a date, which does not tell whether it is compatible"
        return _require_advisory(change, problem)
    if change.step in _SMALL:
        return _Ruling()
    return _require_advisory(
        change, f"the {change.step} version changed; a patch release may change only patch versions"
    )


def _judge_debian(change: PackageChange, case: _ReleaseFacts) -> _Ruling:
    if _BACKPORT.search(change.after):
        return _Ruling("a backport is not part of Debian's stable release")
    mark = _STABLE_UPDATE.search(change.after)
    if mark and int(mark["release"]) != case.debian:
        return _Ruling(
            f"an update of Debian {mark['release']}; the line uses "
            f"{f'Debian {case.debian}' if case.debian else 'an unknown release of Debian'}"
        )
    if mark or change.step in _SMALL:
        revision = change.step is Step.DEBIAN_REVISION
        return _Ruling(note="" if revision else "an update of Debian's stable release")
    problem = (
        f"the {change.step} version changed, and the new version is not marked as an update of "
        "Debian's stable release"
    )
    return _require_advisory(change, problem)


def _require_advisory(change: PackageChange, problem: str) -> _Ruling:
    """Return a note if a change fixes an advisory, otherwise the problem."""
    if change.security:
        return _Ruling(note=f"{problem}; allowed because it fixes {', '.join(change.security)}")
    known = "it fixes no advisory"
    if change.security is None:
        known = "without a vulnerability database nobody knows whether it fixes an advisory"
    return _Ruling(f"{problem}, and {known}; pin the previous version")


def _only_note(judge: Callable[P, _Ruling]) -> Callable[P, _Ruling]:
    """Return a rule that refuses nothing; the problems that `judge` finds become notes."""

    def judge_with_notes(*args: P.args, **kwargs: P.kwargs) -> _Ruling:
        return _Ruling(note=judge(*args, **kwargs).problem)

    return judge_with_notes


def is_dated(version: str) -> bool:
    """Return whether the version of a Python package is a date."""
    return bool(_YEAR.match(version))


def _is_platform(change: PackageChange) -> bool:
    return change.type == "pypi" and not change.vendored and is_platform(change.name)


def _is_dated(change: PackageChange) -> bool:
    return change.type == "pypi" and is_dated(change.before) and is_dated(change.after)


_RULES: dict[
    str,
    tuple[
        Callable[[PackagePresence, str, _ReleaseFacts], _Ruling],
        Callable[[PackageChange, _ReleaseFacts], _Ruling],
    ],
] = {
    PATCH: (_judge_patch_presence, _judge_patch_change),
    FEATURE: (_judge_feature_presence, _judge_feature_change),
    MAJOR: (_only_note(_judge_feature_presence), _only_note(_judge_feature_change)),
}
