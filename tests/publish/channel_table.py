"""The table of docs/proof.md: what each channel decides about the evidence of stand-in machines.

`python -m tests.publish.channel_table` writes it again. No such GPU is needed: the records are made
from the list of checks, as a run leaves them in which everything passes that the machine can run.
They are signed, put into a registry, read back with the trusted key, and judged by the gate.
"""

from __future__ import annotations

import datetime
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from images.record import BuildRecord
from oci.registry import Registry
from publish.evidence import store as evidence
from publish.policy import channels, gate
from publish.policy.gate import GateDecision
from runner import records
from runner.home import REPOSITORY
from runner.verdict import Verdict, summary_verdict
from tests.fakes.registry import FakeRegistry
from tests.publish.line import OURS, Line, line_of_one
from tests.publish.signed import suite, validation_record
from tests.publish.stage_records import ddp_checks
from validation import floor
from validation.floor import FloorSource
from validation.provisional import ProvisionalBounds, compute_ratio, load_bounds
from validation.record import Check, Figure, SuiteResult, ValidationRecord
from validation.run import blocking_reason
from validation.suites.contract.words import GPU_LIMITS

PAGE = REPOSITORY / "docs" / "proof.md"
BEGIN, END = "<!-- table of channels: begin -->", "<!-- table of channels: end -->"
TODAY = datetime.date(2026, 11, 21)
VERSION = "v2.6.0"


@dataclass(frozen=True)
class StandIn:
    """A machine that a record pretends to be from: `count` GPUs of one `model` and `family`.

    `peaks` names the GPU of validation/provisional.yaml whose limits its speed is made from.
    """

    model: str
    family: str
    count: int
    peaks: str


T4 = StandIn("Tesla T4", "Turing", 1, "T4")
L4 = StandIn("NVIDIA L4", "Ada", 1, "L4")
A100 = StandIn("NVIDIA A100-SXM4-80GB", "Ampere", 1, "A100-80")
H100 = StandIn("NVIDIA H100 80GB HBM3", "Hopper", 1, "H100")
TWO_H100 = replace(H100, count=2)
EIGHT_H200 = StandIn("NVIDIA H200", "Hopper", 8, "H200")

CASES: Mapping[str, tuple[StandIn, ...]] = {
    "no GPU": (),
    "1 x T4": (T4,),
    "1 x L4": (L4,),
    "1 x A100": (A100,),
    "1 x H100": (H100,),
    "2 x H100": (TWO_H100,),
    "8 x H200": (EIGHT_H200,),
    "1 x L4, and 2 x H100": (L4, TWO_H100),
}


def make_record(build: BuildRecord, machine: StandIn | None) -> ValidationRecord:
    """Return the record of a run in which everything passes that the machine can run."""
    count = machine.count if machine else 0
    models = (machine.model,) * count if machine else ()
    whole = validation_record(build, gpus=models)
    checks = ddp_checks(count)
    ddp = replace(suite("ddp"), checks=checks)
    if lacking := [check for check in checks if check.verdict is not Verdict.PASS]:
        reason = f"{lacking[0].name}: {lacking[0].reason}"
        ddp = replace(ddp, verdict=Verdict.NOT_RUN, reason=reason)
    others = [each for each in whole.suites if each.suite != "ddp"]
    judged = [judge_speed(machine)] if machine else []
    suites = (*others, ddp, *judged)
    return replace(
        whole,
        suites=suites,
        verdict=summary_verdict(each.verdict for each in suites),
        reason=blocking_reason(suites),
        environment=replace(
            whole.environment, families=(machine.family,) * count if machine else ()
        ),
    )


def measure_speed(machine: StandIn, slower: float = 1.0) -> SuiteResult:
    """Return a throughput suite: well above the provisional floor, `slower` times less.

    No speed of a real GPU is claimed: it follows from the limits of the model.
    """
    bounds = load_bounds()
    known = bounds.gpus[machine.peaks].limits
    limits = {**known, "tf32": known["fp32"]}
    units = {"copy": "GB/s"}
    figures = tuple(
        Figure(name, value, units.get(name, "TFLOP/s")) for name, value in limits.items()
    )
    rates = tuple(_make_rate(name, limits, bounds, slower) for name in bounds.limits)
    checks = (*rates, Check(GPU_LIMITS, Verdict.PASS, "", 1.0, figures))
    return SuiteResult("throughput", Verdict.PASS, "", 1.0, checks, "")


def _make_rate(
    name: str, limits: Mapping[str, float], bounds: ProvisionalBounds, slower: float
) -> Check:
    least = max(
        compute_ratio(bounds, each, limit) * limits[limit]
        for each in (name, name.replace("-amp]", "-fp32]"))
        for limit in bounds.limits[each]
    )
    least *= 2 if name.endswith("-amp]") else 1
    unit = "images" if "resnet" in name else "sequences"
    figures = (
        Figure(f"{unit}_per_s", least / slower, f"{unit}/s"),
        Figure("batch", 128, unit),
    )
    return Check(name, Verdict.PASS, "", 1.0, figures)


def judge_speed(machine: StandIn) -> SuiteResult:
    """Return the floor of a stand-in that was never measured."""
    source = FloorSource(VERSION, f"sha256:{'1' * 64}", "550.54", TODAY, "a stand-in")
    with tempfile.TemporaryDirectory() as nothing:
        return floor.judge_floor(
            measure_speed(machine), [machine.model] * machine.count, source, Path(nothing)
        )


def publish_evidence(line: Line, machines: Sequence[StandIn], jinja2: str = "3.1.4") -> BuildRecord:
    """Put an image into staging with signed evidence: a test result of each machine.

    Another version of `jinja2` is another image.
    """
    build = line.prepare(VERSION, gpus=None, jinja2=jinja2)
    for number, machine in enumerate(machines or (None,)):
        started = f"2026-11-20T1{number}:00:00+00:00"
        record = replace(make_record(build, machine), version=VERSION, started_at=started)
        line.evidence_signer.attest_tests(build, record)
    return build


def decide(line: Line, build: BuildRecord, channel: str) -> GateDecision:
    """Return the gate's decision from the evidence that is in the registry."""
    found = evidence.read_evidence(line.registry, build.repository, build.digest, OURS)
    version = line.catalog.require_version(VERSION)
    known = channels.load()
    kind = known.find_channel(channel).kinds[0]
    subject = gate.make_subject(line.catalog, version, "base", build.digest, kind)
    return gate.decide_promotion(subject, found, known, channel, TODAY)


def list_decisions() -> Iterator[tuple[str, str, GateDecision]]:
    """Yield each case, each channel, and the decision."""
    for name, machines in CASES.items():
        with FakeRegistry() as fake, tempfile.TemporaryDirectory(prefix="table") as folder:
            line = line_of_one(Registry(fake.host), Path(folder))
            build = publish_evidence(line, machines)
            for channel in channels.load().channels:
                yield name, channel, decide(line, build, channel)


def render_table() -> str:
    """Return the table in Markdown; channels that decide the same share a row."""
    rows: dict[tuple[str, str, str], list[str]] = {}
    for name, channel, decision in list_decisions():
        said = "taken" if decision.is_allowed else "refused"
        why = "; ".join(decision.reason_lines).replace("base: ", "") or decision.proof
        rows.setdefault((name, said, why), []).append(f"`{channel}`")
    return "\n".join(
        (
            "| tested on | channel | decision | why |",
            "|---|---|---|---|",
            *(
                f"| {name} | {', '.join(named)} | {said} | {why} |"
                for (name, said, why), named in rows.items()
            ),
        )
    )


def render_page() -> str:
    """Return docs/proof.md with the table written again."""
    text = records.read_text(PAGE)
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}\n{render_table()}\n{END}{rest.split(END)[1]}"


if __name__ == "__main__":
    records.write_text(PAGE, render_page())
