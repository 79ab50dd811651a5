"""How a person can end a refusal: the fix of a finding, or the exception that lets it stand."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from pathlib import Path

from packageurl import PackageURL

from images.catalog import BASE, IMAGES
from images.locks import read_lock
from scan.assess import CatalogPlace
from scan.judge import suggest_fix
from scan.line_fixes import find_outside_fix
from scan.policy import EXCEPTIONS, split_purl
from scan.record import Finding, ScanRecord, TriageStatus

PROPOSED_DAYS = 30


def list_remedies(record: ScanRecord, place: CatalogPlace, today: datetime.date) -> Iterator[str]:
    """Yield one line for each problem and each blocking finding.

    The line of a finding is followed by the entry for exceptions.yaml that would let it stand.
    """
    for problem in record.problems:
        yield f"{problem.kind}: {problem.where}: {problem.what} -> {problem.way_out}"
    for judged in record.findings or ():
        if judged.standing is TriageStatus.BLOCKS:
            found = judged.finding
            severity = found.severity.lower()
            yield (
                f"{found.id} ({severity}) in {found.package} {found.installed_version}, "
                f"{judged.why} -> {suggest_fix(found)}"
            )
            key = "line_exceptions" if find_outside_fix(found) else "exceptions"
            yield (
                f"  or let it stand for a while: add to `{key}` in {EXCEPTIONS.name}\n"
                f"{exception_entry(found, place, today)}"
            )


def exception_entry(finding: Finding, place: CatalogPlace, today: datetime.date) -> str:
    """Return an entry for exceptions.yaml, complete except for what a person must write."""
    purl = PackageURL(*split_purl(finding.purl)).to_string()
    expires = today + datetime.timedelta(days=PROPOSED_DAYS)
    if find_outside_fix(finding):
        return (
            f'  - id: {finding.id}\n    package: {purl}\n    line: "{place.line}"\n    reason:\n'
            f"    mitigation:\n    owner:\n    granted: {today}\n    expires: {expires}"
        )
    return (
        f'  - id: {finding.id}\n    package: {purl}\n    line: "{place.line}"\n    stack: '
        f"{stack_of(finding, place)}\n"
        f"    status: affected\n    reason:\n    owner:\n    expires: {expires}"
    )


def stack_of(finding: Finding, place: CatalogPlace, root: Path = IMAGES) -> str:
    """Return the stack whose lock names the package; Debian packages come with `base`."""
    kind, _, name, _ = split_purl(finding.purl)
    stacks = place.stacks if kind == "pypi" else ()
    return next(
        (
            stack
            for stack in stacks
            if read_lock(root / stack / f"{place.line}.lock").find_wheel(name)
        ),
        BASE,
    )
