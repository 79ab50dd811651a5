"""Defects that the guest suite must catch, and those of its kind that libraries catches."""

from __future__ import annotations

from tests.defects.defect import Defect, with_environment, with_layer
from tests.defects.of_environment import PACKAGES

SHARED = "/usr/local/lib/python3.11/dist-packages"

DEFECTS = (
    Defect(
        "a working folder for mluser alone",
        "guest",
        (("folders_can_be_written", "working: /workspace/validation-"),),
        with_layer("RUN chmod 755 /workspace"),
    ),
    Defect(
        "a cache of matplotlib that belongs to root",
        "guest",
        (("folders_can_be_written", "matplotlib: /opt/matplotlib"),),
        with_environment(MPLCONFIGDIR="/opt/matplotlib"),
    ),
    Defect(
        "a cache of the compiler that belongs to root",
        "guest",
        (
            ("folders_can_be_written", "inductor: /opt/inductor"),
            ("inductor_cache", "Permission denied"),
        ),
        with_environment(TORCHINDUCTOR_CACHE_DIR="/opt/inductor"),
    ),
    Defect(
        "login shells with Debian's PATH",
        "guest",
        (
            ("login_shells[bash]", "`bash -lc` finds no python, expected /opt/venv/bin/python"),
            ("login_shells[sh]", "`sh -lc` finds no python, expected /opt/venv/bin/python"),
        ),
        with_layer("RUN rm /etc/profile.d/image.sh"),
    ),
    Defect(
        "virtual environments that do not see torch",
        "guest",
        (("virtual_environments[with_packages]", "pip and torch are there: False False"),),
        with_layer(f"RUN rm {SHARED}/virtual_environments.pth"),
    ),
    Defect(
        "no ensurepip for virtual environments",
        "guest",
        (("virtual_environments[alone]", "`python -m venv` ends in"),),
        with_layer("RUN rm -r /usr/lib/python3.11/ensurepip"),
    ),
    Defect(
        "a Python that prepares nothing for its user",
        "guest",
        (
            ("edited_file", "an edited file says as it was, expected as it is now"),
            ("foreign_user", "uid 12345 has no account: 'getpwuid(): uid not found: 12345'"),
            ("folders_can_be_written", "Permission denied"),
            ("inductor_cache", "getpwuid(): uid not found: 12345"),
        ),
        with_layer(f"RUN rm {PACKAGES}/image_start.pth", 'ENTRYPOINT ["/usr/bin/tini", "--"]'),
        representative=True,
    ),
    Defect(
        "no home with a read-only root",
        "libraries",
        (("home_on_a_read_only_root", "Read-only file system"),),
        with_layer(f"RUN rm {PACKAGES}/image_start.pth", 'ENTRYPOINT ["/usr/bin/tini", "--"]'),
    ),
    Defect(
        "a package that asks the network when it is imported",
        "libraries",
        (("imports_ask_no_network", "albumentations"),),
        with_environment(NO_ALBUMENTATIONS_UPDATE=""),
        image="cv",
    ),
)
