"""Prepares every Python of an image when it starts: `image_start.pth` calls this module.

A file that was edited takes effect, the home can be written, and no import asks the network.
"""

from __future__ import annotations

import _imp
import os
import stat
from collections.abc import MutableMapping

HOME_OF_THE_IMAGE = "/home/mluser"


def prepare_start(environ: MutableMapping[str, str]) -> None:
    """Set what a program needs before its first import."""
    # The bytecode of the packages has a hash of its source, which Python compares only if it is
    # told to. Without this line an edited or mounted file is ignored, and nobody is told.
    _imp.check_hash_based_pycs = "always"
    # albumentations asks PyPI for a newer version when it is imported.
    environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
    home = environ.get("HOME") or home_of_the_account()
    if not is_writable(home):
        home = HOME_OF_THE_IMAGE if is_writable(HOME_OF_THE_IMAGE) else make_home(environ) or home
    if environ.get("HOME") != home:
        environ["HOME"] = home


def is_writable(folder: str) -> bool:
    """Return whether this user can make files in a folder."""
    return os.path.isdir(folder) and os.access(folder, os.W_OK | os.X_OK)


def home_of_the_account() -> str:
    """Return the home that the account of this user has; `/` if it has none."""
    import pwd  # noqa: PLC0415 - HOME is nearly always set

    try:
        return pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:
        return "/"


def make_home(environ: MutableMapping[str, str]) -> str:
    """Return a folder of this user alone below the temporary folder; empty if there can be none.

    One that is somebody else's, or that others may write, is not used: its files could be theirs.
    """
    path = f"{environ.get('TMPDIR') or '/tmp'}/home-{os.getuid()}"
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        pass
    except OSError:
        return ""
    found = os.lstat(path)
    is_own = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()
    return path if is_own and not found.st_mode & 0o077 else ""
