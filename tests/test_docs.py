"""Pages: every link between them leads to a page and a heading, and every record has its number."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from runner.home import REPOSITORY

PAGES = sorted(
    [
        *REPOSITORY.glob("*.md"),
        *(REPOSITORY / "docs").glob("*.md"),
        *(REPOSITORY / "docs" / "images").glob("*.md"),
    ],
    key=lambda page: page.name,
)
CODE = r"runner|oci|images|validation|scan|publish|report|commands|tests|benchmarks|docs|\.github"
STATUS = r"accepted(?:, limited by \d+)?|replaced by \d+"


def links(page: Path) -> list[tuple[Path, str]]:
    """Return the files and anchors that a page links to, without web addresses."""
    found = re.findall(r"\]\(([^)#\s]*)(?:#([\w-]+))?\)", page.read_text(encoding="utf-8"))
    return [
        ((page.parent / target) if target else page, anchor)
        for target, anchor in found
        if "://" not in target
    ]


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub makes of the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for target, anchor in links(page):
        assert target.exists(), target
        assert not anchor or anchor in anchors(target), f"{target.name}#{anchor}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_that_is_named_exists(page: Path) -> None:
    """Words in capitals stand for a name: `images/STACK/LINE.lock`."""
    found = re.findall(rf"`((?:{CODE})/[^`\s]+)`", page.read_text(encoding="utf-8"))
    named = [each for each in found if not re.search(r"[A-Z]{3}|[{*]|/2\.9", each)]
    assert not [each for each in named if not (REPOSITORY / each).exists()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_of_ours_is_typed_with_our_python(page: Path) -> None:
    """Another Python lacks the packages of `requirements.lock`, and the command cannot start."""
    text = page.read_text(encoding="utf-8")
    assert not re.findall(rf"(?<!\.venv/bin/)\bpython3? -m (?:{CODE})\b.*", text)


def test_every_container_that_is_shown_has_shared_memory() -> None:
    """Docker gives 64 MB, in which the workers of a DataLoader end with a bus error."""
    shown = [*PAGES, *(REPOSITORY / "report" / "templates").iterdir()]
    commands = [
        command
        for page in shown
        for command in re.findall(
            r"^ *(docker run .+)$", page.read_text(encoding="utf-8"), re.MULTILINE
        )
    ]
    assert commands
    assert not [each for each in commands if "--shm-size=" not in each and "--ipc=host" not in each]


def test_every_page_is_linked() -> None:
    linked = {target.resolve() for page in PAGES for target, _ in links(page)}
    assert {page for page in PAGES if page.parent != REPOSITORY} <= linked


def test_decisions_have_numbers_days_and_a_status() -> None:
    text = (REPOSITORY / "docs" / "decisions.md").read_text(encoding="utf-8")
    titles = re.findall(r"^### (.+)$", text, re.MULTILINE)
    found = [
        re.fullmatch(rf"(\d+)\. .+ \(\d{{4}}-\d\d-\d\d, (?:{STATUS})\)", each) for each in titles
    ]
    assert all(found), [title for title, match in zip(titles, found, strict=True) if not match]
    assert sorted(int(match[1]) for match in found if match) == list(range(1, len(titles) + 1))
