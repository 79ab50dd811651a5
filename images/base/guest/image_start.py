"""Prepares every Python of an image when it starts: `image_start.pth` calls this module.

A file that was edited takes effect, the user has a name and a home that can be written, and no
import asks the network.
"""

from __future__ import annotations

import _imp
import os
import pwd
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
    home = environ.get("HOME") or find_account_home()
    if not is_writable(home):
        home = HOME_OF_THE_IMAGE if is_writable(HOME_OF_THE_IMAGE) else make_home(environ) or home
    if home and environ.get("HOME") != home:
        environ["HOME"] = home
    if not find_account_home():
        name_user(home or "/")


def is_writable(folder: str) -> bool:
    """Return whether this user can make files in a folder."""
    return os.path.isdir(folder) and os.access(folder, os.W_OK | os.X_OK)


def find_account_home() -> str:
    """Return the home that the account of this user has; empty if the user has no account."""
    try:
        return pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:
        return ""


def name_user(home: str) -> None:
    """Answer for this user, who has no account, when a module asks `pwd`.

    Only Python is told. An NSS module that knows every number would make useradd and groupadd
    refuse each of them as taken, in every derived image.
    """
    user, known = os.getuid(), pwd.getpwuid

    def getpwuid(uid: int, /) -> pwd.struct_passwd:
        try:
            return known(uid)
        except KeyError:
            if uid != user:
                raise
            fields = (f"uid-{user}", "x", user, os.getgid(), "", home, "/bin/bash")
            return pwd.struct_passwd(fields)

    pwd.getpwuid = getpwuid


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
