"""Sizes, times, rates and digests as text, in the same form everywhere in a report."""

from __future__ import annotations

from runner.moments import parse_moment

SHORT_HEX = 12


def format_size(count: float) -> str:
    """Return bytes in decimal units, as registries count them: `2.41 GB`."""
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= scale:
            return f"{_format_three_digits(count / scale)} {unit}"
    return f"{count:.0f} B"


def format_memory(count: float) -> str:
    """Return bytes in binary units, as memory and /dev/shm are set: `64 MiB`."""
    for unit, scale in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if count >= scale:
            return f"{count / scale:.4g} {unit}"
    return f"{count:.0f} B"


def format_duration(seconds: float) -> str:
    """Return seconds as `0.04 s`, `12.3 s`, `3 min 04 s` or `1 h 02 min`."""
    if seconds < 59.95:
        return f"{seconds:.2f} s" if seconds < 1 else f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def format_number(value: float) -> str:
    """Return three significant digits below 1000, a whole number with separators above."""
    return f"{value:,.0f}" if abs(value) >= 1000 else _format_three_digits(value)


def percent_of(part: float, whole: float) -> float:
    """Return `part` in percent of `whole`, or 0 if `whole` is not positive."""
    return 100 * part / whole if whole > 0 else 0.0


def format_share(percent: float) -> str:
    """Return a percentage as text; a small share is `< 0.1 %`, not `0.0 %`."""
    return "< 0.1 %" if 0 < percent < 0.1 else f"{percent:.1f} %"


def shorten_digest(full: str) -> str:
    """Return `sha256:` and the first 12 digits of a digest, or the whole text if it is none."""
    algorithm, colon, value = full.partition(":")
    return f"{algorithm}:{value[:SHORT_HEX]}" if colon else full


def format_time(iso: str) -> str:
    """Return an ISO 8601 time as `2026-11-21 02:07 UTC`, and any other text unchanged.

    A time without a zone is taken as UTC.
    """
    try:
        return parse_moment(iso).strftime("%Y-%m-%d %H:%M UTC")
    except ValueError:
        return iso


def days_between(before: str, after: str) -> int | None:
    """Return the calendar days between two ISO 8601 times, or None if one is not a time."""
    try:
        return (parse_moment(after).date() - parse_moment(before).date()).days
    except ValueError:
        return None


def _format_three_digits(value: float) -> str:
    if abs(value) >= 100:
        return f"{value:.0f}"
    if abs(value) >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}" if abs(value) >= 1 else f"{value:.3g}"
