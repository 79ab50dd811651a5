"""Reading a page strictly: what is open must be closed, and what would be loaded from elsewhere is
listed.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser

VOID = {"meta", "link", "br", "hr", "img", "input", "wbr"}
LOADS = {"src", "srcset", "href", "xlink:href", "data", "poster", "action", "background"}
ACTIVE = {"script", "iframe", "object", "embed", "base", "form"}


class Page(HTMLParser):
    """A parsed page; `problems` is what is not well-formed, `external` what it would load or
    run, `landmarks` the names of its sections.
    """

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.problems: list[str] = []
        self.external: list[str] = []
        self.texts: list[str] = []
        self.ids: list[str] = []
        self.targets: list[str] = []
        self.landmarks: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        self.problems += [f"never closed: {tag}" for tag in self._open]
        self.problems += [
            f"id given twice: {one}" for one in sorted(set(self.ids)) if self.ids.count(one) > 1
        ]
        self.problems += [f"leads nowhere: #{one}" for one in self.targets if one not in self.ids]

    @property
    def text(self) -> str:
        """All words of the body, white space collapsed."""
        return " ".join(" ".join(self.texts).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        if len(names) != len(set(names)):
            self.problems.append(f"attribute given twice: {tag}")
        if tag in ACTIVE or any(name.startswith("on") for name in names):
            self.external.append(tag)
        if tag == "section":
            said = dict(attrs)
            self.landmarks.append(said.get("aria-label") or said.get("aria-labelledby") or "")
        for name, value in attrs:
            self._attribute(name, value or "")
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.problems.append(f"closes itself: {tag}")

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            self.problems.append(f"closed out of turn: {tag}")

    def handle_data(self, data: str) -> None:
        if self._open[-1:] == ["style"]:
            self.external += re.findall(r"@import.*|url\([^)]*\)|@font-face", data)
        elif "body" in self._open:
            self.texts.append(data)

    def _attribute(self, name: str, value: str) -> None:
        if name == "id":
            self.ids.append(value)
        elif name in LOADS and value.startswith("#"):
            self.targets.append(value[1:])
        elif (name in LOADS and value != "data:,") or (name == "style" and "url" in value):
            self.external.append(value)
