"""Who may do what in a fake registry: one account, by Basic, or by tokens that hold for one
repository and purpose.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qs

SERVICE = "fake, with a comma"


@dataclass
class Guard:
    """Lets one account in. `scheme` is Basic or Bearer.

    `refresh` is an identity token taken instead of the password, `open_to_all` gives tokens without
    either, and `lifetime` is how many requests a token holds for.
    """

    scheme: str
    user: str = "me"
    password: str = "pass:word"  # noqa: S105 - of a fake
    refresh: str = ""
    open_to_all: bool = False
    lifetime: int = 1_000_000
    issued: int = 0
    uses: dict[str, int] = field(default_factory=dict)

    @property
    def basic(self) -> str:
        """The account as a header."""
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()

    def challenge(self, method: str, path: str, authorization: str, realm: str) -> str:
        """What is asked of a request that does not bring it; empty where it does."""
        if self.scheme == "Basic":
            return "" if authorization == self.basic else 'Basic realm="fake"'
        scope = _scope(method, path)
        token = authorization.removeprefix("Bearer ")
        if token in self.uses and token.partition("|")[2] in (scope, f"{scope},push"):
            self.uses[token] += 1
            if self.uses[token] <= self.lifetime:
                return ""
        return f'Bearer realm="{realm}",service="{SERVICE}",scope="{scope}"'

    def token(
        self, query: Mapping[str, Sequence[str]], form: bytes, authorization: str
    ) -> tuple[int, bytes]:
        """Status and body of the token service's answer."""
        asked = {
            name: values[0] for name, values in (parse_qs(form.decode()) if form else query).items()
        }
        known = asked.get("refresh_token") == self.refresh if form else authorization == self.basic
        if asked.get("service") != SERVICE or not (
            known or (self.open_to_all and not authorization)
        ):
            return 401, b"{}"
        self.issued += 1
        token = f"{self.issued}|{asked.get('scope', '')}"
        self.uses[token] = 0
        return 200, json.dumps({"access_token" if form else "token": token}).encode()


def _scope(method: str, path: str) -> str:
    match = re.match(r"/v2/(.+?)/(?:manifests|blobs|tags|referrers)/", path)
    what = "pull" if method in ("GET", "HEAD") else "pull,push"
    return f"repository:{match[1]}:{what}" if match else ""
