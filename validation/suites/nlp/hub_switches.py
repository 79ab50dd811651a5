"""Variables of the environment that huggingface_hub documents: each has its effect."""

from __future__ import annotations

import os
import runpy
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from huggingface_hub import constants  # type: ignore[import-not-found] # inside the image only

from .. import new_python

NOWHERE = "http://127.0.0.1:9"
ASK = f"import huggingface_hub as hub; hub.HfApi(endpoint='{NOWHERE}').model_info('a/b')"
REFUSAL = "OfflineModeIsEnabled"

TRUE = ("1", "TRUE", "yes", "on")
OTHERS: dict[str, tuple[str, dict[str, Any]]] = {
    "TRANSFORMERS_OFFLINE": ("1", {"HF_HUB_OFFLINE": True}),
    "DISABLE_TELEMETRY": ("1", {"HF_HUB_DISABLE_TELEMETRY": True}),
    "DO_NOT_TRACK": ("1", {"HF_HUB_DISABLE_TELEMETRY": True}),
    "HF_HUB_DISABLE_PROGRESS_BARS": ("1", {"HF_HUB_DISABLE_PROGRESS_BARS": True}),
    "HF_ENDPOINT": (f"{NOWHERE}/", {"ENDPOINT": NOWHERE}),
    "XDG_CACHE_HOME": ("/a", {"HF_HOME": "/a/huggingface"}),
    "HF_HOME": ("/a", {"HF_HUB_CACHE": "/a/hub", "HF_ASSETS_CACHE": "/a/assets",
                       "HF_TOKEN_PATH": "/a/token"}),
    "HF_HUB_CACHE": ("/a", {"HF_HUB_CACHE": "/a"}),
    "HF_ASSETS_CACHE": ("/a", {"HF_ASSETS_CACHE": "/a"}),
    "HF_TOKEN_PATH": ("/a", {"HF_TOKEN_PATH": "/a"}),
    "HF_XET_CACHE": ("/a", {"HF_XET_CACHE": "/a"}),
}  # fmt: skip
"""Variables, a value, and what it makes of constants. Those that are true, false or a whole number
have the name of their variable, and are found in the library.
"""


def find_switch_faults(folder: Path) -> Iterator[str]:
    """Yield each variable that is not read, and how a process that is offline asks the network."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
    clean = {key: value for key, value in kept.items() if key not in OTHERS}
    cases = [(name, text, wanted) for name, (text, wanted) in OTHERS.items()]
    for name, default in read_constants(clean).items():
        if name.startswith("HF_") and isinstance(default, bool):
            cases += [(name, text, {name: True}) for text in TRUE] + [(name, "0", {name: False})]
        elif name.startswith("HF_") and isinstance(default, int):
            cases.append((name, "77", {name: 77}))
    for name, text, constants_wanted in cases:
        found = read_constants({**clean, name: text})
        for constant, wanted in constants_wanted.items():
            if found[constant] != wanted:
                wrong = f"{found[constant]}, not {wanted}"
                yield f"{name}={text} makes {constant} of huggingface_hub {wrong}"
    for variables in ({"HF_HUB_OFFLINE": "1"}, {"TRANSFORMERS_OFFLINE": "1"}, {}):
        ended = new_python.run_python(["-c", ASK], folder, {**clean, **variables})
        if (REFUSAL in str(ended)) is not bool(variables):
            wanted = REFUSAL if variables else "an error of the network"
            yield f"a process with {variables} that asks the hub {ended}, not {wanted}"


def read_constants(environment: Mapping[str, str]) -> dict[str, Any]:
    """Return the constants of huggingface_hub as a process with these variables has them."""
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(environment)
    try:
        return runpy.run_path(constants.__file__, run_name="constants")
    finally:
        os.environ.clear()
        os.environ.update(before)
