"""docs/settings.md: `python -m runner.settings_page` writes it from the lists of variables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from runner import child_variables, settings

PAGE = Path(__file__).resolve().parent.parent / "docs" / "settings.md"


def format_page() -> str:
    """Return docs/settings.md."""
    return "\n".join((
        "# Settings",
        "",
        "Written by `.venv/bin/python -m runner.settings_page` from `runner/settings.py` and"
        " `runner/child_variables.py`: change those files.",
        "",
        *_list_settings(),
        "",
        *_list_for_programs(),
        "",
    ))  # fmt: skip


def _list_settings() -> list[str]:
    heads = ("variable", "meaning", "if it is not set", "secret")
    rows = [
        (f"`{each.name}`", each.meaning, each.default, "yes" if each.secret else "")
        for each in settings.SETTINGS
    ]
    return [
        "## Variables that the harness reads",
        "",
        "No other program gets the value of a secret. A variable that begins with"
        f" `{settings.OWN}` and is not in this table is a mistake: no command runs with it (exit"
        " code 2). Until then it counts as a secret.",
        "",
        "A relative path means the folder that the command is typed in, also for the programs that"
        " it starts: they get absolute paths in their variables (`PATHS` in `runner/settings.py`)."
        " Paths inside the configuration files of pip and uv must be absolute.",
        "",
        *_format_table(heads, rows),
    ]


def _list_for_programs() -> list[str]:
    secrets = [
        (_format_patterns((each.pattern,)), each.meaning, each.programs or "none")
        for each in settings.FOREIGN_SECRETS
    ]
    allowed = [
        (each.programs, _format_patterns(each.names), _format_patterns(each.families))
        for each in child_variables.LISTS
    ]
    return [
        "## Secrets of other programs",
        "",
        "By a regular expression of their names. Only the programs that are named get them.",
        "",
        *_format_table(("variables", "what they hold", "programs that get them"), secrets),
        "",
        "## Variables that other programs get",
        "",
        "By a regular expression of their names. A program gets no other variable: what it never"
        " had, it cannot repeat. Of a family it gets those whose names do not say that they hold a"
        " secret. A credential helper that needs another variable gets it if you name it in"
        f" `{settings.HELPER_VARIABLES}`.",
        "",
        *_format_table(("programs", "variables", "families of variables"), allowed),
    ]


def _format_patterns(patterns: Sequence[str]) -> str:
    return "<br>".join(f"`{each}`".replace("|", "\\|") for each in patterns) or "none"


def _format_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = (heads, ["---"] * len(heads), *rows)
    return [f"| {' | '.join(cells)} |" for cells in lines]


if __name__ == "__main__":
    PAGE.write_text(format_page(), encoding="utf-8")
