"""A proxy whose address holds a password, planted where Docker's clients look; what the engine says
of containers.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from docker.errors import DockerException

from runner import engine

PASSWORD = "planted-proxy-password-0815"  # noqa: S105 - none
ADDRESS = f"http://user:{PASSWORD}@proxy.invalid:3128"


def plant(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the proxy in the environment and in a configuration of Docker in a new folder."""
    folder.mkdir()
    proxies = {"default": dict.fromkeys(("httpProxy", "httpsProxy", "ftpProxy"), ADDRESS)}
    (folder / "config.json").write_text(json.dumps({"proxies": proxies}))
    monkeypatch.setenv("DOCKER_CONFIG", str(folder))
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY"):
        monkeypatch.setenv(name, ADDRESS)
        monkeypatch.setenv(name.lower(), ADDRESS)


@contextlib.contextmanager
def inspected(mounted: Path) -> Iterator[list[str]]:
    """Collect `docker inspect` of each container that runs meanwhile and has something of the
    folder `mounted`.
    """
    found: dict[str, str] = {}
    texts: list[str] = []
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(0.05):
            with contextlib.suppress(DockerException):
                for container in engine.connect_engine().containers.list(
                    all=True, ignore_removed=True
                ):
                    said = json.dumps(container.attrs)
                    if str(mounted) in said:
                        name = str(container.name)
                        found[name] = found.get(name, "") + said

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield texts
    finally:
        ended.set()
        watcher.join()
        texts.extend(found.values())
