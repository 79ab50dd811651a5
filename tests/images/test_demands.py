"""Which requirement holds a package back: of others, of an extra, or its own."""

from __future__ import annotations

from packaging.requirements import Requirement

from images.demands import ResolvedLine
from images.index import OfferedWheel, WheelNeeds, parse_needs


def offer(name: str, version: str) -> OfferedWheel:
    return OfferedWheel(name, version, f"{name}-{version}-py3-none-any.whl", "", "", 1, None)


def resolve(wanted: list[str], needs: dict[str, list[str]]) -> ResolvedLine:
    """Return a resolution of wheels, `NAME VERSION`, with what each needs."""
    wheels = {each.split()[0]: offer(*each.split()) for each in needs}
    held = {
        offer(*each.split()).file: WheelNeeds(tuple(map(Requirement, texts)), "")
        for each, texts in needs.items()
    }
    return ResolvedLine("3.11", tuple(map(Requirement, wanted)), wheels, held)


def reasons(line: ResolvedLine, wheel: OfferedWheel, needs: WheelNeeds | None = None) -> list[str]:
    return [each.reason for each in line.find_holders(wheel, needs)]


def test_the_holder_is_named_with_its_requirement() -> None:
    found = resolve(["numba"], {"numba 0.60.0": ["numpy<2.1,>=1.22"], "numpy 2.0.2": []})
    assert reasons(found, offer("numpy", "2.3.5")) == ["numba 0.60.0 (numpy<2.1,>=1.22)"]


def test_the_requirements_of_the_stacks_hold_too() -> None:
    found = resolve(["torch==2.6.0"], {"torch 2.6.0": []})
    assert reasons(found, offer("torch", "2.7.0")) == ["requirements.in (torch==2.6.0)"]


def test_a_requirement_for_another_platform_or_python_does_not_count() -> None:
    needs = ["low<2; sys_platform == 'win32'", "low<3; python_version >= '3.12'", "low<4"]
    found = resolve(["top"], {"top 1": needs, "low 1": []})
    assert not reasons(found, offer("low", "3.5"))
    assert reasons(found, offer("low", "4")) == ["top 1 (low<4)"]


def test_a_requirement_of_an_extra_counts_if_somebody_asks_for_the_extra() -> None:
    kit = {"kit 13": ["blas==13.4.*; extra == 'blas'"], "blas 13.4.1": []}
    asked = resolve(["torch"], {"torch 2": ["kit[blas]==13"], **kit})
    assert reasons(asked, offer("blas", "13.5")) == ["kit 13 (blas==13.4.*)"]
    assert not resolve(["torch"], {"torch 2": ["kit==13"], **kit}).find_holders(
        offer("blas", "13.5"), None
    )


def test_the_needs_of_the_candidate_itself_are_the_reason_if_nobody_else_has_one() -> None:
    found = resolve(["sb3"], {"sb3 2.8.0": [], "torch 2.6.0": []})
    needs = WheelNeeds((Requirement("torch<3,>=2.8"), Requirement("other>9")), "")
    assert reasons(found, offer("sb3", "2.9.2"), needs) == [
        "its own need of torch<3,>=2.8: the line has 2.6.0"
    ]
    assert not reasons(found, offer("sb3", "2.9.2"))


def test_hostile_metadata_stops_nothing_and_is_shown_on_one_line() -> None:
    """An index may serve anything as the metadata of a wheel."""
    texts = [
        "low<2",
        "not a requirement at all",
        "low" + "(" * 5000,
        f"low<{'9' * 5000}",
        "low<3; nothing == 'x'",
        "low===\x1b[31m1",
        f"low{','.join(f'!=1.{number}' for number in range(400))}",
    ]
    metadata = "Metadata-Version: 2.1\nName: top\nVersion: 1\n"
    needs = parse_needs((metadata + "".join(f"Requires-Dist: {each}\n" for each in texts)).encode())
    wheels = {"top": offer("top", "1"), "low": offer("low", "1")}
    found = ResolvedLine("3.11", (), wheels, {wheels["top"].file: needs})
    shown = reasons(found, offer("low", "2.5"))
    assert "top 1 (low<2)" in shown
    assert all(each.isprintable() and len(each) <= 200 for each in shown)
    assert parse_needs(b"\xff\x00" * 1000).requires == ()
