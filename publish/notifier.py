"""The interface of all notifiers of a release. The webhook is one of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from publish.released.record import ReleaseRecord


@dataclass(frozen=True)
class Delivery:
    """Whether the receiver accepted the message, and one line about it for a person."""

    delivered: bool
    line: str


class Notifier(Protocol):
    """A receiver of releases."""

    def notify(self, release: ReleaseRecord, notes: str, *, dry_run: bool = False) -> Delivery:
        """Tell the receiver of a release; `notes` is the address of its notes.

        With `dry_run` nothing is sent. Raises nothing for errors on the way: they are in the line.
        """
