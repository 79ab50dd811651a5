"""The webhook: what is told, that it is signed, and that trouble on the way is one line and nothing
more.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from publish import webhook
from publish.notifier import Delivery, Notifier
from publish.released.record import PromotedTag, ReleaseRecord
from publish.webhook import (
    ADDRESS,
    SECRET,
    Webhook,
    make_message,
    post_message,
    read_webhook,
    sign_body,
)
from runner.errors import ConfigError
from runner.verdict import Verdict

DIGEST = "sha256:" + "a" * 64
RELEASE = ReleaseRecord(
    version="v2.6.1",
    images=("base", "cv"),
    verdict=Verdict.PASS,
    reason="",
    channel="monthly",
    registry="registry.example.org",
    promotions=(
        PromotedTag("base", "pytorch-cuda", "v2.6.1", DIGEST),
        PromotedTag("cv", "pytorch-cuda", "v2.6.1-cv", "sha256:" + "b" * 64),
        PromotedTag("base", "pytorch-cuda", "latest", DIGEST),
    ),
    stages=(),
    command="./release.py release v2.6.1",
    finished_at="2026-12-15T03:00:00+00:00",
)
NOTES = "https://example.org/images/releases/tag/v2.6.1"


class Team(ThreadingHTTPServer):
    """A receiver that answers with each of `answers` in turn, the last one for good: a status, and
    headers.

    Status 0 cuts the connection, -1 is silence.
    """

    def __init__(self, *answers: tuple[int, dict[str, str]]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers = list(answers)
        self.got: list[tuple[str, dict[str, str], bytes]] = []
        self.over = threading.Event()

    @property
    def hook(self) -> Webhook:
        return Webhook(f"http://127.0.0.1:{self.server_address[1]}/hidden-token", b"secret")


class _Handler(BaseHTTPRequestHandler):
    server: Team

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.path, dict(self.headers), body))
        status, headers = (
            self.server.answers[0] if len(self.server.answers) == 1 else self.server.answers.pop(0)
        )
        if status <= 0:
            self.server.over.wait(10 if status else 0)
            return
        self.send_response(status)
        for name, value in {**headers, "Content-Length": "0"}.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Nothing: the test's own words are enough."""


@contextmanager
def team(*answers: tuple[int, dict[str, str]]) -> Iterator[Team]:
    with Team(*answers) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield server
        server.over.set()
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """No waits between attempts, and no proxy on the way to loopback."""
    monkeypatch.setattr(webhook, "BACKOFF_S", 0.0)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def test_what_is_told() -> None:
    assert make_message(RELEASE, NOTES) == {
        "event": "release",
        "version": "v2.6.1",
        "channel": "monthly",
        "verdict": "pass",
        "reason": "",
        "registry": "registry.example.org",
        "finished_at": "2026-12-15T03:00:00+00:00",
        "notes": NOTES,
        "text": f"v2.6.1 promoted to monthly: pass; {NOTES}",
        "images": [
            {
                "image": "base",
                "reference": f"registry.example.org/pytorch-cuda@{DIGEST}",
                "digest": DIGEST,
                "tags": ["v2.6.1", "latest"],
            },
            {
                "image": "cv",
                "reference": f"registry.example.org/pytorch-cuda@sha256:{'b' * 64}",
                "digest": f"sha256:{'b' * 64}",
                "tags": ["v2.6.1-cv"],
            },
        ],
    }


def test_a_refusal_is_told_with_its_reason() -> None:
    refused = replace(RELEASE, verdict=Verdict.FAIL, reason="cv: no", channel="", promotions=())
    told = make_message(refused)
    assert (told["text"], told["images"]) == ("v2.6.1 not promoted: fail; cv: no", [])


def test_it_arrives_signed_and_once() -> None:
    with team((204, {})) as receiver:
        delivery = post_message(receiver.hook, make_message(RELEASE))
    ((path, headers, body),) = receiver.got
    assert delivery == Delivery(True, "webhook: 127.0.0.1 was notified")
    assert path == "/hidden-token"
    assert json.loads(body) == make_message(RELEASE)
    assert headers["Content-Type"] == "application/json"
    assert (
        headers["X-Hub-Signature-256"]
        == "sha256=" + hmac.new(b"secret", body, hashlib.sha256).hexdigest()
    )
    assert headers["Idempotency-Key"] == hashlib.sha256(body).hexdigest()


def test_a_webhook_is_a_notifier() -> None:
    with team((204, {})) as receiver:
        notifier: Notifier = receiver.hook
        assert not notifier.notify(RELEASE, NOTES, dry_run=True).delivered
        assert not receiver.got
        assert notifier.notify(RELEASE, NOTES).delivered
    ((_, _, body),) = receiver.got
    assert json.loads(body) == make_message(RELEASE, NOTES)


def test_the_signature_is_github_s() -> None:
    """The example of GitHub's documentation, "Validating webhook deliveries"."""
    expected = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    assert sign_body(b"It's a Secret to Everybody", b"Hello, World!") == expected


@pytest.mark.parametrize("trouble", [429, 500, 502, 503, 504, 0])
def test_what_passes_is_tried_again_with_the_same_bytes(trouble: int) -> None:
    with team((trouble, {}), (trouble, {}), (200, {})) as receiver:
        assert post_message(receiver.hook, make_message(RELEASE)).delivered
    assert len(receiver.got) == 3
    assert len({(headers["Idempotency-Key"], body) for _, headers, body in receiver.got}) == 1


@pytest.mark.parametrize(
    ("status", "headers", "attempts", "said"),
    [
        (503, {}, 4, "it answered 503"),
        (400, {}, 1, "it answered 400"),
        (401, {}, 1, "it answered 401"),
        (404, {}, 1, "it answered 404"),
        (302, {"Location": "/elsewhere"}, 1, "it answered 302, and redirects are not followed"),
        (0, {}, 4, "the connection broke (ConnectionError)"),
    ],
)
def test_what_stays_wrong_is_one_line(
    status: int, headers: dict[str, str], attempts: int, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    """And no library's log adds the address to it."""
    with team((status, headers)) as receiver:
        delivery = post_message(receiver.hook, make_message(RELEASE))
    assert delivery == Delivery(
        False, f"webhook: 127.0.0.1 was not notified: {said}; the release stays valid"
    )
    assert len(receiver.got) == attempts
    assert "hidden-token" not in "".join(
        each.getMessage() for each in caplog.records if each.levelno >= logging.INFO
    )


def test_silence_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "TIMEOUT_S", (0.2, 0.2))
    monkeypatch.setattr(webhook, "RETRIES", 1)
    with team((-1, {})) as receiver:
        delivery = post_message(receiver.hook, make_message(RELEASE))
        receiver.over.set()
    assert (
        delivery.line
        == "webhook: 127.0.0.1 was not notified: no answer in 0.2 s; the release stays valid"
    )
    assert len(receiver.got) == 2


@pytest.mark.parametrize(
    ("asked", "waited"),
    [("7", 7), ("3600", 30), ("Fri, 01 Jan 2100 00:00:00 GMT", 30), ("soon", 0.25), ("-1", 0.25)],
)
def test_the_other_side_says_when_to_come_back(
    asked: str, waited: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook, "BACKOFF_S", 0.25)
    waits: list[float] = []
    monkeypatch.setattr(time, "sleep", waits.append)
    with team((429, {"Retry-After": asked}), (503, {}), (200, {})) as receiver:
        assert post_message(receiver.hook, make_message(RELEASE)).delivered
    assert waits == [waited, 2 * webhook.BACKOFF_S]


def test_nobody_there() -> None:
    with team((200, {})) as receiver:
        gone = receiver.hook
    delivery = post_message(gone, make_message(RELEASE))
    assert (
        delivery.line
        == "webhook: 127.0.0.1 was not notified: Connection refused; the release stays valid"
    )


@pytest.mark.parametrize("host", ["a" * 70 + ".example.org", "xn--a.example.org"])
def test_a_host_that_cannot_be(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "RETRIES", 0)
    monkeypatch.setenv("NO_PROXY", "*")
    delivery = post_message(Webhook(f"https://{host}/hidden-token", b"secret"), {})
    assert not delivery.delivered
    assert "hidden-token" not in delivery.line
    assert "\n" not in delivery.line


def test_a_dry_run_sends_nothing() -> None:
    with team((200, {})) as receiver:
        delivery = post_message(receiver.hook, {"a": 1}, dry_run=True)
    assert delivery == Delivery(False, "webhook: 7 bytes would be posted to 127.0.0.1")
    assert not receiver.got


def test_address_and_secret_come_from_the_environment_and_are_never_shown() -> None:
    found = read_webhook(
        {ADDRESS: "https://chat.example.org/T0/hidden-token", SECRET: "hidden-secret"}
    )
    assert found is not None
    assert (found.address, found.secret) == (
        "https://chat.example.org/T0/hidden-token",
        b"hidden-secret",
    )
    assert "hidden" not in repr(found)
    assert found.host_name == "chat.example.org"


def test_no_address_is_no_webhook() -> None:
    assert read_webhook({}) is None
    assert read_webhook({ADDRESS: "", SECRET: "secret"}) is None


def test_an_address_without_a_secret_is_refused() -> None:
    with pytest.raises(ConfigError, match=f"{ADDRESS} is set, but {SECRET} is not"):
        read_webhook({ADDRESS: "https://example.org/x"})


def test_a_secret_that_is_not_text_is_refused() -> None:
    with pytest.raises(ConfigError, match=f"{SECRET} is not text"):
        read_webhook({ADDRESS: "https://example.org/x", SECRET: "\udcff"})


@pytest.mark.parametrize(
    "address",
    [
        *(
            "http://example.org/token",
            "example.org/token",
            "ftp://example.org/token",
            "https:///token",
        ),
        *(
            "https://[/token",
            "https://example.org/\n::error::token",
            "https://example.org\\@evil.example/token",
        ),
        *(
            "https://example.org/ token",
            "https://example.org/\udcfftoken",
            "https://example.org/t\u00f6ken",
        ),
    ],
)
def test_an_address_that_is_not_safe_is_refused_and_not_shown(address: str) -> None:
    with pytest.raises(ConfigError, match="is not an HTTPS address") as refused:
        read_webhook({ADDRESS: address, SECRET: "secret"})
    assert "token" not in str(refused.value)


def test_loopback_needs_no_tls() -> None:
    assert read_webhook({ADDRESS: "http://127.0.0.1:8080/x", SECRET: "secret"}) is not None


@pytest.mark.parametrize("kind", ["account", "pipe"])
def test_no_account_of_a_netrc_is_sent(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "netrc"
    if kind == "pipe":
        os.mkfifo(path)
    else:
        path.write_text("default login u password S3cret\n")
    monkeypatch.setenv("NETRC", str(path))
    with team((204, {})) as receiver:
        assert post_message(receiver.hook, {"event": "test"}).delivered
        assert "Authorization" not in receiver.got[0][1]


def test_the_account_of_the_address_itself_is_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NETRC", str(tmp_path / "none"))
    with team((204, {})) as receiver:
        address = receiver.hook.address.replace("//", "//u:p@")
        assert post_message(replace(receiver.hook, address=address), {"event": "test"}).delivered
        assert receiver.got[0][1]["Authorization"] == "Basic dTpw"
