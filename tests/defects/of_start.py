"""Defects that the suite `start` must catch: images that work, but not as a user starts them."""

from __future__ import annotations

import json

from tests.defects.defect import Defect, Plant, patched, with_environment, with_layer

PACKAGES = "/opt/venv/lib/python3.11/site-packages"


def with_entry_point(script: str) -> Plant:
    """A shell script between tini and the command: `"$@"` is the command."""
    words = ["/usr/bin/tini", "--", "/usr/local/lib/image/start", "bash", "-c", script, "--"]
    return with_layer(f"ENTRYPOINT {json.dumps(words)}")


DEFECTS = (
    Defect(
        "an entry point that swallows exit codes",
        "start",
        (
            ("exit_codes", "`bash -c 'exit 7'` ended with 0"),
            ("missing_command", "a missing command ended with 0"),
            ("signals", "a program with a handler"),
        ),
        with_entry_point('"$@"; exit 0'),
        representative=True,
    ),
    Defect(
        "an entry point that ignores SIGTERM",
        "start",
        (("signals", "9 s after SIGTERM a program was still running"),),
        with_entry_point('trap "" TERM; exec "$@"'),
    ),
    Defect(
        "a standard output that is buffered",
        "start",
        (("output_by_line", "a printed line had not arrived 10 s later"),),
        with_environment(PYTHONUNBUFFERED=""),
    ),
    Defect(
        "an entry point that waits",
        "start",
        (("first_line", "it took "),),
        with_entry_point('sleep 4; exec "$@"'),
    ),
    Defect(
        "an import of torch that waits 8 s",
        "start",
        (("import_torch", "modules without bytecode, or something that works or waits"),),
        patched("import_waits"),
    ),
    Defect(
        "an entry point for mluser alone",
        "start",
        (("other_user", "uid 12345 with torch ended with 9"),),
        with_entry_point('[ "$(id -u)" = 1000 ] || exit 9; exec "$@"'),
    ),
    Defect(
        "an entry point that writes into the image",
        "start",
        (("read_only_root", "a read-only root with torch ended with 9"),),
        with_entry_point('touch /workspace/.started || exit 9; exec "$@"'),
    ),
    Defect(
        "login shells without the image's Python",
        "start",
        (("login_shell", "`bash -lc` with torch ended with 127"),),
        with_layer("RUN rm /etc/profile.d/image.sh"),
    ),
    Defect(
        "a volume over the packages",
        "start",
        (
            ("volumes", "a VOLUME over what belongs to the image"),
            ("", "volumes: the engine copies "),
        ),
        with_layer(f"VOLUME {PACKAGES}"),
    ),
    Defect(
        "a json that reads other numbers",
        "start",
        (("challenge", "the answer to `product` "), ("", "challenge: the answer to `")),
        patched("json_wrong"),
    ),
)
