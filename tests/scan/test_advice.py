"""Remedies for a refused image."""

from __future__ import annotations

from datetime import timedelta

import pytest

from runner import yaml_files
from scan import advice
from scan.assess import CatalogPlace
from scan.policy import Exceptions
from scan.record import Finding
from tests.scan.samples import TODAY, finding

PLACE = CatalogPlace("2.6", ("base", "cv", "nlp"))


def of(purl: str) -> Finding:
    return Finding("CVE-2026-1", purl, "p", "1", "2", "HIGH", "", "")


def test_the_ready_entry_is_one_that_loads_once_it_has_reason_and_owner() -> None:
    filled = (
        advice.exception_entry(finding(), PLACE, TODAY)
        .replace("reason:\n", "reason: r\n")
        .replace("owner:\n", "owner: o\n")
    )
    loaded = yaml_files.parse_yaml(
        Exceptions, f"exceptions:\n{filled}\n", "exceptions.yaml"
    ).exceptions[0]
    assert (loaded.id, loaded.package, loaded.line, loaded.stack) == (
        "CVE-2026-1",
        finding().purl,
        "2.6",
        "base",
    )
    assert loaded.expires == TODAY + timedelta(days=30)
    assert loaded.covers_finding(finding())


@pytest.mark.parametrize(
    ("purl", "stack"),
    [
        ("pkg:pypi/torch@2.6.0", "base"),
        ("pkg:pypi/transformers@4.0", "nlp"),
        ("pkg:pypi/albumentations@2.0", "cv"),
        ("pkg:pypi/vendored-somewhere@1", "base"),
        ("pkg:deb/debian/bash@5?arch=amd64", "base"),
    ],
)
def test_the_stack_that_brings_a_package(purl: str, stack: str) -> None:
    assert advice.stack_of(of(purl), PLACE) == stack
