"""Findings, packages and policies of tests, and shorthands for them."""

from __future__ import annotations

import datetime
from collections.abc import Mapping

from scan.canaries import Canaries, Canary
from scan.judge import TriageRules
from scan.policy import PolicyException
from scan.record import Finding, Package

TODAY = datetime.date(2026, 11, 21)
PURL = "pkg:pypi/jinja2@3.1.4"
CANARIES = Canaries(
    {},
    tuple(
        Canary(id_, package, fixed, datetime.date(2026, 1, 2), "https://example.org/advisory")
        for id_, package, fixed in (
            ("CVE-2026-9", "pkg:deb/debian/zsh@8?distro=debian-12", "9"),
            ("CVE-2026-8", "pkg:pypi/unrelated@0.9", "1"),
        )
    ),
)
"""What the databases of tests know beside the advisories of a test."""
GRACE: Mapping[str, int] = {"critical": 14, "high": 28, "medium": 180}


def finding(
    severity: str = "CRITICAL",
    fixed: str = "3.1.6",
    published: str = "2026-01-01",
    id_: str = "CVE-2026-1",
) -> Finding:
    return Finding(id_, PURL, "jinja2", "3.1.4", fixed, severity, "sandbox breakout", published)


def package(
    purl: str = PURL,
    licences: tuple[str, ...] = ("BSD-3-Clause",),
    path: str = "jinja2.dist-info/METADATA",
) -> Package:
    kind, _, named = purl.removeprefix("pkg:").partition("/")
    name, _, version = named.rpartition("/")[2].partition("@")
    return Package(purl, kind, name, version.partition("?")[0], "", licences, "sha256:0", path)


def excuse(
    *,
    id_: str = "CVE-2026-1",
    package_: str = PURL,
    expires: datetime.date = TODAY + datetime.timedelta(days=30),
    stack: str = "base",
) -> PolicyException:
    return PolicyException(
        id_, package_, "2.6", stack, "affected", "not reachable", "maintainers@example.org", expires
    )


def rules(*excuses: PolicyException, fixed_on: datetime.date | None = None) -> TriageRules:
    def published(found: Finding) -> datetime.date:
        return fixed_on or datetime.date.fromisoformat(found.published)

    return TriageRules(GRACE, excuses, 180, TODAY, published)
