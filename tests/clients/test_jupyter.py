"""A person with a browser: the token of the log lets in, a cell imports torch and shows a plot."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import requests

from tests.clients.browser import ENTER, SHIFT, Browser, open_browser
from tests.clients.containers import await_health, await_log, docker, logs_of, port_of, running

pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.thorough]

CELL = """import torch, matplotlib.pyplot as plt
print("sum", int(torch.arange(8).sum()))
plt.plot(torch.arange(8) ** 2)
plt.show()"""
KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
EDITOR = ".jp-NotebookPanel .jp-Notebook .jp-CodeCell .cm-content"
PICTURE = "document.querySelector('.jp-OutputArea-output img')"
PRINTED = r"/lab\?token=([0-9a-f]{32,})"


@pytest.fixture
def lab(image_with: Callable[[str], str]) -> Iterator[str]:
    """Return the name of a container that runs the image's own command, when it is healthy."""
    options = ["--publish=127.0.0.1::8888", "--health-interval=1s"]
    with running(image_with("jupyter"), options) as name:
        await_health(name)
        yield name


def test_browser_runs_a_cell(lab: str, free_port: Callable[[], int]) -> None:
    address, token = f"http://127.0.0.1:{port_of(lab, 8888)}", await_log(lab, PRINTED)
    _save_notebook(address, token)
    with open_browser(free_port) as browser:
        browser.open_page(f"{address}/lab/tree/plot.ipynb")
        assert "/login" in browser.evaluate("location.pathname")
        assert browser.wait_for("document.querySelector('#password_input') !== null")
        browser.open_page(f"{address}/lab/tree/plot.ipynb?token={token}")
        _run_first_cell(browser)
        width = browser.wait_for(f"{PICTURE} && {PICTURE}.naturalWidth")
        assert width > 200
        assert browser.evaluate(f"{PICTURE}.src").startswith("data:image/png;base64,")
        text = "document.querySelector('.jp-OutputArea-output pre').innerText"
        assert browser.evaluate(text).strip() == "sum 28"
    files = docker("exec", lab, "ls", "/workspace").split()
    assert "plot.ipynb" in files


def test_stranger_is_refused(lab: str) -> None:
    address = f"http://127.0.0.1:{port_of(lab, 8888)}"
    for headers in ({}, {"Authorization": "token wrong"}):
        answer = requests.get(f"{address}/api/contents", headers=headers, timeout=60)
        assert answer.status_code == 403
    assert requests.post(f"{address}/api/kernels", timeout=60).status_code == 403


def test_stop_ends_it_at_once(lab: str) -> None:
    """`docker stop` kills a program that does not end in time (137). A kernel runs."""
    address, token = f"http://127.0.0.1:{port_of(lab, 8888)}", await_log(lab, PRINTED)
    started = requests.post(f"{address}/api/kernels?token={token}", timeout=60)
    assert started.status_code == 201, started.text
    docker("stop", "--time=3", lab)
    assert docker("inspect", "--format={{.State.ExitCode}}", lab).strip() == "0"
    assert "Shutting down 1 kernel" in logs_of(lab)


def _save_notebook(address: str, token: str) -> None:
    cell = {"cell_type": "code", "source": CELL, "metadata": {}, "outputs": [], "id": "plot"}
    content = {
        "cells": [{**cell, "execution_count": None}],
        "metadata": KERNEL,
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    answer = requests.put(
        f"{address}/api/contents/plot.ipynb",
        json={"type": "notebook", "content": content},
        headers={"Authorization": f"token {token}"},
        timeout=60,
    )
    assert answer.status_code == 201, answer.text


def _run_first_cell(browser: Browser) -> None:
    editor = f"document.querySelector('{EDITOR}')"
    browser.wait_for(f"{editor} && {editor}.getBoundingClientRect().height > 0")
    browser.wait_for("document.querySelector('#main-splash') === null")  # it covers the page
    # Before the kernel is there, a cell that is run asks which kernel to start.
    browser.wait_for("document.body.innerText.includes('Python 3 (ipykernel) | Idle')")
    browser.click(EDITOR)
    browser.press(SHIFT, ENTER)
