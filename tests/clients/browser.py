"""A real browser: Debian's Chromium without a window, driven over the protocol of WebDriver."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests

ANSWER_S, WAIT_S = 60, 90
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
"""The key of an element's identifier, as the specification of WebDriver (W3C) fixes it."""

SHIFT, ENTER = "\ue008", "\ue007"
ARGUMENTS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1400,1000"]


@dataclass(frozen=True)
class Browser:
    """A session of a browser; `address` is where the driver takes its commands."""

    address: str

    def command(self, path: str, **body: Any) -> Any:
        """Send a command, and return what the driver answers."""
        answer = requests.post(f"{self.address}{path}", json=body, timeout=ANSWER_S)
        assert answer.ok, answer.text[:500]
        return answer.json()["value"]

    def open_page(self, url: str) -> None:
        """Open a page and wait until it is loaded."""
        self.command("/url", url=url)

    def evaluate(self, script: str) -> Any:
        """Return the value of a JavaScript expression in the page."""
        return self.command("/execute/sync", script=f"return {script}", args=[])

    def wait_for(self, script: str) -> Any:
        """Return the value of an expression as soon as it is true; fail after WAIT_S."""
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline:
            if found := self.evaluate(script):
                return found
            time.sleep(0.3)
        shown = self.evaluate("document.body.innerText.slice(-1500)")
        raise AssertionError(f"not in the page after {WAIT_S} s: {script}; it shows: {shown}")

    def click(self, selector: str) -> None:
        """Click on the first element of a CSS selector."""
        found = self.command("/element", using="css selector", value=selector)[ELEMENT]
        self.command(f"/element/{found}/click")

    def press(self, *keys: str) -> None:
        """Press keys together, and let them go."""
        actions = [{"type": "keyDown", "value": key} for key in keys]
        actions += [{"type": "keyUp", "value": key} for key in reversed(keys)]
        self.command("/actions", actions=[{"type": "key", "id": "keys", "actions": actions}])


@contextlib.contextmanager
def open_browser(free_port: Callable[[], int]) -> Iterator[Browser]:
    """Yield a browser without cookies; the test is skipped on a machine that has none."""
    program = shutil.which("chromedriver")
    if program is None:
        pytest.skip("no browser is here: apt-get install chromium chromium-driver")
    port = free_port()
    plain = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    driver = subprocess.Popen(
        [program, f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=plain
    )
    address = f"http://127.0.0.1:{port}"
    try:
        _await_driver(address)
        wanted = {"browserName": "chrome", "goog:chromeOptions": {"args": ARGUMENTS}}
        session = Browser(address).command("/session", capabilities={"alwaysMatch": wanted})
        browser = Browser(f"{address}/session/{session['sessionId']}")
        yield browser
        requests.delete(browser.address, timeout=ANSWER_S)
    finally:
        driver.terminate()
        driver.wait()


def _await_driver(address: str) -> None:
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        with contextlib.suppress(requests.ConnectionError):
            if requests.get(f"{address}/status", timeout=ANSWER_S).json()["value"]["ready"]:
                return
        time.sleep(0.1)
    raise AssertionError("the driver of the browser does not answer")
