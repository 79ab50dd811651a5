from __future__ import annotations

import pytest

from report import units


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.00 kB"),
        (31_482_112, "31.5 MB"),
        (766_674_512, "767 MB"),
        (3.23e9, "3.23 GB"),
    ],
)
def test_sizes_are_decimal(count: int, shown: str) -> None:
    assert units.format_size(count) == shown


@pytest.mark.parametrize(
    ("count", "shown"),
    [(0, "0 B"), (2**26, "64 MiB"), (2**30, "1 GiB"), (3 * 2**29, "1.5 GiB"), (2048, "2 KiB")],
)
def test_memory_is_binary(count: int, shown: str) -> None:
    assert units.format_memory(count) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, ("0.00 "
    "s")), (0.042, ("0.04 "
    "s")), (12.34, "12.3 s"), (59.94, "59.9 s"), (59.96, "1 min 00 s"), (184, "3 min 04 s"),
     (3599.6, "1 h 00 min"), (3720, "1 h 02 min")],
)  # fmt: skip
def test_durations_never_show_sixty(seconds: float, shown: str) -> None:
    assert units.format_duration(seconds) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, "0"), (0.874, "0.874"), (1.912, "1.91"), (23.46, "23.5"), (999.4, "999"),
     (2616.3, "2,616"), (2.2e-16, "2.2e-16"),
     (-1500, "-1,500")],
)  # fmt: skip
def test_numbers_keep_three_digits(value: float, shown: str) -> None:
    assert units.format_number(value) == shown


def test_percent_of_nothing_is_nothing() -> None:
    assert units.percent_of(1, 0) == 0
    assert units.percent_of(1, 4) == 25


@pytest.mark.parametrize(
    ("percent", "shown"), [(0, "0.0 %"), (0.04, "< 0.1 %"), (0.1, "0.1 %"), (24.94, "24.9 %")]
)
def test_a_small_share_is_not_shown_as_nothing(percent: float, shown: str) -> None:
    assert units.format_share(percent) == shown


def test_digests_are_shortened_and_other_texts_are_not() -> None:
    assert units.shorten_digest("sha256:" + "ab" * 32) == "sha256:abababababab"
    assert units.shorten_digest("unknown") == "unknown"


@pytest.mark.parametrize(
    ("iso", "shown"),
    [("2026-11-20T18:31:00Z", ("2026-11-20 18:31 "
    "UTC")), ("2026-11-20T18:31:00+02:00", "2026-11-20 16:31 UTC"),
     ("2026-11-20T18:31:00", "2026-11-20 18:31 UTC"), ("yesterday", "yesterday"), ("", "")],
)  # fmt: skip
def test_moments_are_utc(iso: str, shown: str) -> None:
    assert units.format_time(iso) == shown
