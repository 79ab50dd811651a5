"""The pages of the images are those that the command writes, and a new stack has one at once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from images import catalog
from images.catalog import IMAGES, OsPart
from report import image_pages
from runner import records

SHIPPED = catalog.load_catalog()


@pytest.mark.parametrize("stack", SHIPPED.stacks)
def test_page_is_up_to_date(stack: str) -> None:
    made = image_pages.render_page(SHIPPED, stack)
    text = records.read_text(image_pages.FOLDER / f"{stack}.md")
    assert made == text, "run: .venv/bin/python -m report.image_pages"


def test_every_page_is_of_a_stack_and_in_the_list() -> None:
    made = {page.stem for page in image_pages.FOLDER.iterdir() if page.name != image_pages.LIST}
    assert made == set(SHIPPED.stacks)
    text = records.read_text(image_pages.FOLDER / image_pages.LIST)
    assert image_pages.render_list(SHIPPED) == text, "run: .venv/bin/python -m report.image_pages"


def test_every_direct_requirement_has_its_version() -> None:
    page = image_pages.render_page(SHIPPED, "nlp")
    for name in ("transformers", "tokenizers"):
        assert f"| {name} | " in page
    assert "none" not in page.partition("## Packages")[2].partition("## How")[0]


def test_new_stack_has_a_page_without_code(tmp_path: Path) -> None:
    """Another stack with the locks of nlp: its own port and command are on its page."""
    root, folder = tmp_path / "images", tmp_path / "pages"
    for stack in ("base", "nlp", "fresh"):
        (root / stack).mkdir(parents=True)
        for file in (IMAGES / ("base" if stack == "base" else "nlp")).glob("*.*"):
            (root / stack / file.name).write_bytes(file.read_bytes())
    os_part = OsPart(ports=(9999,), command=("serve", "--all"), health_check=("true",))
    fresh = replace(SHIPPED.stacks["nlp"], title="A new thing", os=os_part)
    stacks = {name: SHIPPED.stacks[name] for name in ("base", "nlp")}
    changed = replace(SHIPPED, stacks={**stacks, "fresh": fresh}, images=("base",))
    folder.mkdir()
    (folder / "gone.md").write_text("a stack that is no more")
    image_pages.write_pages(changed, folder, root)
    assert {page.name for page in folder.iterdir()} == {
        *("base.md", "nlp.md", "fresh.md", image_pages.LIST)
    }
    page = (folder / "fresh.md").read_text()
    assert "A new thing" in page
    assert '`["serve", "--all"]`' in page
    assert "-p 127.0.0.1:9999:9999" in page
