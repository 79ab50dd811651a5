"""A page for each stack, `docs/images/STACK.md`: `.venv/bin/python -m report.image_pages`.

A page has what the catalogue and the locks say, and nothing that changes with a release.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from packaging.utils import canonicalize_name

from images import catalog, layer_lock, line_locks, names
from images.catalog import IMAGES, Catalog, OsPart
from images.layer_lock import LockedLayer
from images.locks import Lock
from report.escape import escape_markdown
from report.units import format_size
from runner import records

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "images"
_MADE = (
    "<!-- Written by `.venv/bin/python -m report.image_pages` from the catalogue and the locks; "
    "do not edit. -->"
)
_NOT_THERE = (
    "Some functions of them need another package: "
    "[what is not there](../running.md#what-is-not-there)."
)
LIST = "README.md"
_DIRECT = re.compile(r"^([A-Za-z0-9][\w.-]*)", re.MULTILINE)


def render_page(shipped: Catalog, stack: str, root: Path = IMAGES) -> str:
    """Return the page of the image of one stack.

    Raises ConfigError if a lock of the stack is missing or wrong.
    """
    parts = shipped.stacks_of(stack)
    locks = {line: line_locks.locks_of(shipped, line, parts, root) for line in shipped.lines}
    layers = {
        line: [
            each
            for part in parts
            for each in layer_lock.read_layer_lock(
                layer_lock.layer_lock_path(root, part, line), line
            )
        ]
        for line in shipped.lines
    }
    version = f"v{next(iter(shipped.lines))}.0"
    sections = (
        f"# {escape_markdown(stack)}\n\n{_MADE}",
        f"{escape_markdown(shipped.stacks[stack].title)}. {_render_stacks(stack, parts)}",
        f"## Lines\n\n{_render_lines(shipped, layers)}",
        f"## Packages\n\n{_render_packages(shipped, stack, locks, root)}",
        f"## How it runs\n\n{_render_os(shipped.os_part_of(stack))}",
        f"## Tags\n\n{_render_tags(stack, version)}",
        f"## Run it\n\n{_render_command(shipped, stack, version)}",
    )
    return "\n\n".join(sections) + "\n"


def render_list(shipped: Catalog) -> str:
    """Return the list of all pages, with links."""
    rows = [
        f"- [{stack}]({stack}.md): {escape_markdown(each.title)}"
        for stack, each in shipped.stacks.items()
    ]
    return "\n".join([f"# The images\n\n{_MADE}\n", *rows, ""])


def write_pages(shipped: Catalog, folder: Path = FOLDER, root: Path = IMAGES) -> None:
    """Write the page of each stack and their list, and remove those of stacks that are no more."""
    folder.mkdir(exist_ok=True)
    for page in folder.glob("*.md"):
        if page.stem not in shipped.stacks:
            page.unlink()
    records.write_text(folder / LIST, render_list(shipped))
    for stack in shipped.stacks:
        records.write_text(folder / f"{stack}.md", render_page(shipped, stack, root))


def _render_stacks(stack: str, parts: Sequence[str]) -> str:
    below = [each for each in parts if each != stack]
    on_top = f"It is on top of {', '.join(below)}. " if below else ""
    if stack in ("base", "cv"):
        return f"{on_top}Other stacks can be combined with it."
    return (
        f"{on_top}Combine it with other stacks as in `--images {names.join_stacks(('cv', stack))}`."
    )


def _render_lines(shipped: Catalog, layers: Mapping[str, Sequence[LockedLayer]]) -> str:
    heads = ("line", "PyTorch", "CUDA", "Python", "oldest driver", "Python layers", "compressed")
    rows = [
        (
            name,
            line.torch,
            line.cuda,
            line.python,
            line.driver_floor,
            len(layers[name]),
            format_size(sum(each.blob.size for each in layers[name])),
        )
        for name, line in shipped.lines.items()
    ]
    note = (
        "Layers and size are those of the layer locks. An image has one layer more, with Debian "
        "and Python, which is made anew for each release."
    )
    return f"{_render_table(heads, rows)}\n\n{note}"


def _render_packages(
    shipped: Catalog, stack: str, locks: Mapping[str, Mapping[str, Lock]], root: Path
) -> str:
    text = records.read_text(root / stack / "requirements.in")
    direct = list(dict.fromkeys(map(canonicalize_name, _DIRECT.findall(text))))
    found = [
        (
            package,
            *(
                wheel.version if (wheel := locks[line][stack].find_wheel(package)) else "none"
                for line in shipped.lines
            ),
        )
        for package in direct
    ]
    count = ("all packages", *(len(locks[line][stack].wheels) for line in shipped.lines))
    table = _render_table(("package", *shipped.lines), [*found, count])
    return f"{table}\n\n{_NOT_THERE}"


def _render_os(part: OsPart) -> str:
    command = f"`{escape_markdown(json.dumps(part.command or ('bash',)))}`"
    ports = ", ".join(map(str, part.ports)) or "none"
    health = "a request to its own port" if part.health_check else "none"
    rows = [
        ("command", command.replace("\\", "")),
        ("TCP ports", ports),
        ("health check", health),
        ("user", "mluser (uid 1000), and any other"),
        ("folder", "/workspace"),
    ]
    lines = [f"| {name} | {value} |" for name, value in rows]
    return "\n".join(["| what | value |", "|---|---|", *lines])


def _render_tags(stack: str, version: str) -> str:
    tags = [
        *names.image_tags(version, stack),
        *names.image_tags(names.candidate_stem(version), stack),
    ]
    own = ", ".join(f"`{tag}`" for tag in tags)
    moving = "[Making a release](../releasing.md) has the moving tags."
    return f"Of a release such as {version}: {own}. {moving}"


def _render_command(shipped: Catalog, stack: str, version: str) -> str:
    ports = "".join(f" -p 127.0.0.1:{port}:{port}" for port in shipped.os_part_of(stack).ports)
    tag = names.image_tag(version, stack)
    image = f"registry.example.org/pytorch-cuda:{tag}"
    options = f'--gpus all --shm-size=8g{ports} -v "$PWD:/workspace"'
    return (
        "```\n"
        f"docker run --rm -it {options} {image}\n"
        "```\n\n"
        "[Using the images](../using.md) has Compose, Kubernetes, Slurm and others; "
        "[running the images](../running.md) explains users and folders."
    )


def _render_table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    cells = [f"| {' | '.join(str(escape_markdown(str(each))) for each in row)} |" for row in rows]
    return "\n".join([f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}", *cells])


if __name__ == "__main__":
    write_pages(catalog.load_catalog())
