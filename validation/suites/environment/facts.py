"""Print what the interpreter is, one fact a line, and an HMAC of these lines.

The key is read from the standard input.
"""

from __future__ import annotations

import hashlib
import hmac
import sys


def main(key: str) -> None:
    """Print the facts and their HMAC-SHA256 in hexadecimal."""
    facts = [
        f"{sys.implementation.name} {sys.version_info.major}.{sys.version_info.minor}",
        sys.platform,
        sys.byteorder,
    ]
    authenticated = hmac.new(key.encode(), "\n".join(facts).encode(), hashlib.sha256).hexdigest()
    print(*facts, authenticated, sep="\n")


if __name__ == "__main__":
    main(sys.stdin.read())
