"""The causes of reasons that code acts on, so that no code looks for words in a text."""

from __future__ import annotations

from enum import StrEnum


class ReasonCause(StrEnum):
    """The cause of a reason. Records keep it beside the text that people read.

    A record of an older version has no cause, and one of a newer version may have a cause that is
    not in this list: both are `UNKNOWN`.
    """

    UNKNOWN = ""
    NO_GPU = "no GPU"
    NO_DATABASE = "no vulnerability database"
    NO_EXCEPTION = "no exception for the line"
    NOT_APPROVED = "not approved"

    @classmethod
    def _missing_(cls, value: object) -> ReasonCause | None:
        """Return UNKNOWN for any other text, so that records of newer versions can be read."""
        return cls.UNKNOWN if isinstance(value, str) else None
