"""Release notes say what the records support, once, and text of others stays text."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from images.catalog import Line
from images.support import SupportPhase, SupportStatus
from report import notes
from report.model import ImageRecords
from report.notes import LIMIT, ImageNotes, Notes, render_notes
from runner.verdict import Verdict
from scan.difference import Difference, LayerSize, Snapshot, compare_snapshots
from scan.record import Finding, Package, TriagedFinding, TriageStatus
from tests.publish.stage_records import ddp_checks
from tests.report import samples
from validation.record import SuiteResult, ValidationRecord

LINE = Line(
    torch="2.6.0",
    torchvision="0.21.0",
    torchaudio="2.6.0",
    cuda="12.4",
    python="3.11",
    debian="bookworm",
    base_image="",
    epoch=0,
    driver_floor="525",
    support=(
        SupportPhase(SupportStatus.ACTIVE, date(2025, 1, 29), "torch 2.6.0 was released"),
        SupportPhase(SupportStatus.SECURITY, date(2026, 7, 1), "upstream no longer fixes it"),
        SupportPhase(SupportStatus.ENDED, date(2027, 7, 1), "newer lines replace it"),
    ),
)
WHEELS = {
    "torch": "2.6.0+cu124",
    "torchvision": "0.21.0",
    "TorchAudio": "2.6.0",
    "nvidia-cuda-runtime-cu12": "12.4.127",
    "nvidia_cudnn_cu12": "9.1.0.70",
    "nvidia-nccl-cu12": "2.21.5",
    "nvidia-cublas-cu12": "12.4.5.8",
}


def bill(**other: str) -> dict[str, Any]:
    """A CycloneDX document as Trivy writes it; `other` wheels move."""
    wheels = {**WHEELS, **{name.replace("_", "-"): version for name, version in other.items()}}
    metadata = [{"name": "aquasecurity:trivy:FilePath", "value": "opt/venv/x.dist-info/METADATA"}]
    components = [
        {
            "name": name,
            "version": version,
            "purl": f"pkg:pypi/{name}@{version}",
            "properties": metadata,
        }
        for name, version in wheels.items()
    ]
    python = {
        "name": "python3.11",
        "version": "3.11.2-6+deb12u9",
        "purl": "pkg:deb/debian/python3.11@3.11.2",
    }
    vendored = {"name": "torch", "version": "1.0", "purl": "pkg:pypi/torch@1.0"}
    debian = {"type": "operating-system", "name": "debian", "version": "12.15"}
    return {"components": [*components, python, vendored, debian]}


def package(kind: str, name: str, version: str, source: str = "") -> Package:
    return Package(f"pkg:{kind}/{name}@{version}", kind, name, version, source, (), "", "x")


def judged(advisory: str, about: Package, fixed: str) -> TriagedFinding:
    finding = Finding(
        advisory, about.purl, about.name, about.version, fixed, "HIGH", samples.HOSTILE, ""
    )
    return TriagedFinding(finding, TriageStatus.TOLERATED, "", "")


JINJA, SSL, CRYPTO, CV = (
    package("pypi", "jinja2", "3.1.5"),
    package("deb", "libssl3", "3.0-1", "openssl"),
    package("deb", "openssl", "3.0-1", "openssl"),
    package("pypi", "opencv", "5.0.0"),
)
BEFORE = Snapshot(
    "v2.5.9",
    samples.digest("before"),
    (JINJA, SSL, CRYPTO),
    (judged("CVE-2026-0001", JINJA, "3.1.6"), judged("CVE-2026-0009", SSL, "")),
    (LayerSize(samples.digest("torch"), 700_000_000), LayerSize(samples.digest("os"), 30_000_000)),
)


def moved(image: str, *more: tuple[Package, Package]) -> Difference:
    """jinja2 gets a fix, Debian a revision; `more` packages move in this image only."""
    packages: tuple[Package, ...] = (
        replace(JINJA, version="3.1.6"),
        replace(SSL, version="3.0-2"),
        replace(CRYPTO, version="3.0-2"),
    )
    before = replace(BEFORE, packages=(*BEFORE.packages, *(old for old, _ in more)))
    layers = (BEFORE.layers[0], LayerSize(samples.digest("new os"), 31_000_000))
    packages += tuple(new for _, new in more)
    after = Snapshot(
        "v2.6.0", samples.digest(image), packages, (judged("CVE-2026-0009", SSL, ""),), layers
    )
    return compare_snapshots(before, after)


def on_gpu(image: str, *gpus: str) -> ValidationRecord:
    return replace(
        samples.validation(image, Verdict.PASS, samples.passing()),
        environment=samples.environment(*gpus),
    )


def image_notes(
    name: str,
    found: Difference | None = None,
    findings: tuple[TriagedFinding, ...] | None = (),
    *gpus: str,
) -> ImageNotes:
    scan = samples.scan(name, findings, Verdict.INCONCLUSIVE if findings is None else Verdict.PASS)
    return ImageNotes(
        ImageRecords(name, samples.build(name), on_gpu(name, *gpus), scan), bill(), found
    )


def given(*images: ImageNotes, channel: str = "monthly", verdict: Verdict = Verdict.PASS) -> Notes:
    names = tuple(each.records.image for each in images)
    return Notes(replace(samples.release(verdict), images=names, channel=channel), LINE, images)


def patched() -> Notes:
    """Base and cv, proven on a GPU, both patched; OpenCV goes back in cv."""
    back = moved("cv", (CV, replace(CV, version="4.9.0")))
    return given(
        image_notes("base", moved("base"), (), "NVIDIA H200", "NVIDIA H200"),
        image_notes("cv", back, samples.findings()[6:7], "NVIDIA H200", "NVIDIA H200"),
    )


def lines(text: str) -> list[str]:
    return text.splitlines()


def under(text: str, title: str) -> list[str]:
    """What stands between a title and the next, without empty lines and heads of tables."""
    after = lines(text)[lines(text).index(title) + 1 :]
    end = next((place for place, line in enumerate(after) if line.startswith("#")), len(after))
    kept = [line for line in after[:end] if line]
    heads = {
        place + step
        for place, line in enumerate(kept)
        if line.startswith("| ---")
        for step in (-1, 0)
    }
    return [line for place, line in enumerate(kept) if place not in heads]


def test_the_first_line_says_how_far_it_went_and_why() -> None:
    assert lines(render_notes(patched()))[0] == (
        "**Promoted to monthly.** ✅ pass: every image passed every gate · 2026-11-21 02:18 UTC"
    )


@pytest.mark.parametrize(
    ("channel", "standing"),
    [("candidate", "Candidate only, not for production"), ("", "Not promoted")],
)
def test_what_is_not_released_is_set_apart(channel: str, standing: str) -> None:
    text = render_notes(given(image_notes("base"), channel=channel, verdict=Verdict.FAIL))
    assert lines(text)[0].startswith(
        f"> **{standing}.** ❌ fail: cv: versions/nccl: a second copy of NCCL is loaded"
    )


def test_a_pass_that_the_records_do_not_bear_out_is_none() -> None:
    unscanned = given(image_notes("base", None, None, "NVIDIA H200"))
    assert lines(render_notes(unscanned))[0].startswith(
        "> **Promoted to monthly.** 🔶 inconclusive: the release is recorded as pass"
    )


def test_contents_are_those_of_the_bill_of_materials() -> None:
    rows = under(render_notes(patched()), "## Contents")
    assert rows[:9] == [
        "| PyTorch | 2.6.0+cu124 |",
        "| CUDA | 12.4.127 |",
        "| cuDNN | 9.1.0.70 |",
        "| NCCL | 2.21.5 |",
        "| TorchVision | 0.21.0 |",
        "| TorchAudio | 2.6.0 |",
        "| Python | 3.11.2-6+deb12u9 |",
        "| Debian | 12.15 bookworm |",
        "| NVIDIA driver needed | 525 or newer |",
    ]


def test_images_that_differ_in_a_component_are_told_apart_in_place() -> None:
    base, cv = patched().images
    rows = under(
        render_notes(given(base, replace(cv, cyclonedx=bill(nvidia_nccl_cu12="2.22.0")))),
        "## Contents",
    )
    assert rows[3:5] == ["| NCCL | 2.21.5 (base) |", "| NCCL | 2.22.0 (cv) |"]


def test_without_a_bill_of_materials_nothing_is_known() -> None:
    rows = under(render_notes(given(replace(image_notes("base"), cyclonedx=None))), "## Contents")
    assert rows[0] == "| PyTorch | not known |"
    assert rows[7] == "| Debian | not known |"


def test_each_image_has_its_size_packages_digest_and_tags() -> None:
    assert under(render_notes(patched()), "## Contents")[9:] == [
        f"| **base** | base | 3.08 GB | 104 Debian, 49 Python | `{samples.digest('base')}` | "
        "`v2.6.0-candidate` `v2.6.0-base-candidate` |",
        (
            f"| **cv** | base, cv | 3.18 GB | 104 Debian, 49 Python | `{samples.digest('cv')}` | "
            "none "
            "|"
        ),
    ]


def test_changes_are_counted_for_each_image() -> None:
    text = render_notes(patched())
    counted = "advisories: 1 fixed, 1 still open; 31.0 MB to pull of 731 MB (+1.00 MB)."
    assert under(text, "## Changes since v2.5.9") == [
        f"- **base**: 3 packages changed (1 for security); {counted}",
        f"- **cv**: 4 packages changed (1 for security, 1 downgraded); {counted}",
    ]


def test_what_moved_is_said_once_security_first_and_then_what_went_back() -> None:
    text = render_notes(patched())
    assert under(text, "### Security") == [
        "| `jinja2` (Python) | `3.1.5` | `3.1.6` | security, patch: CVE-2026-0001 | all |"
    ]
    assert under(text, "### Other changes") == [
        "| `opencv` (Python) | `5.0.0` | `4.9.0` | **downgrade**, major | cv |",
        "| `libssl3` `openssl` (Debian) | `3.0-1` | `3.0-2` | debian revision | all |",
    ]
    assert text.index("### Security") < text.index("### Other changes")


def test_advisories_fixed_have_package_and_fixed_version() -> None:
    assert under(render_notes(patched()), "## Advisories fixed") == [
        "| CVE-2026-0001 | high | `jinja2` | `3.1.5` | `3.1.6` | all |"
    ]


def test_what_was_not_assessed_is_not_none() -> None:
    blind = replace(moved("base"), advisories=None)
    text = render_notes(given(image_notes("base", blind, None, "NVIDIA H200")))
    assert under(text, "## Advisories fixed") == [
        "> **Not assessed: all.** It is not known which advisories were fixed there."
    ]
    assert under(text, "## Known exceptions")[0] == (
        "> **Not assessed: all.** It is not known whether these images have vulnerabilities."
    )
    assert "None" not in text


def test_a_line_without_an_earlier_release_has_nothing_to_compare_with() -> None:
    text = render_notes(given(image_notes("base"), image_notes("cv")))
    assert under(text, "## Changes") == [
        "- **all**: this line has no earlier release to compare with."
    ]
    assert "## Advisories fixed" not in text


def test_a_new_image_of_an_old_line() -> None:
    text = render_notes(given(image_notes("base", moved("base")), image_notes("nlp")))
    assert (
        under(text, "## Changes since v2.5.9")[-1]
        == "- **nlp**: this line has no earlier release to compare with."
    )
    assert under(text, "### Security")[0].endswith("| base |")


def test_why_an_image_could_not_be_compared_is_told() -> None:
    without = replace(image_notes("cv"), incomparable="no bill of materials of v2.5.9 cv is stored")
    text = render_notes(given(image_notes("base", moved("base")), without))
    assert (
        "- **cv**: the changes since the previous release are not known: no bill of materials "
        "of v2.5.9 cv is stored."
    ) in lines(text)
    assert "this line has no earlier release" not in text


def test_a_difference_about_other_bytes_counts_for_nothing() -> None:
    text = render_notes(given(image_notes("base", moved("cv"))))
    short = samples.digest("cv")[:19]
    assert (
        f"> **Another digest.** base: The difference is about <code>{short}</code>, so it "
        "does not count." in lines(text)
    )
    assert "CVE-2026-0001" not in text


def test_packages_that_came_and_went() -> None:
    came = replace(moved("base"), added=(), removed=())
    after = Snapshot("v2.6.0", samples.digest("base"), (JINJA, SSL, CV), (), BEFORE.layers)
    text = render_notes(given(image_notes("base", compare_snapshots(BEFORE, after))))
    assert under(text, "### Added packages") == ["| `opencv` | `5.0.0` | Python | all |"]
    assert under(text, "### Removed packages") == ["| `openssl` | `3.0-1` | Debian | all |"]
    assert "### Added packages" not in render_notes(given(image_notes("base", came)))


def test_exceptions_have_the_day_they_end_and_their_reason() -> None:
    assert under(render_notes(patched()), "## Known exceptions")[:2] == [
        "| CVE-2026-0007 | high | `torch` | `2.6.0` | 2027-01-31 | "
        "the loss is not called with lengths of strangers (images<code>@example</code>.org) | cv |",
        "Results of the scans:",
    ]


def test_no_exception_is_said_of_what_was_assessed() -> None:
    text = render_notes(given(image_notes("base", None, ()), image_notes("cv", None, None)))
    assert under(text, "## Known exceptions")[:2] == [
        "> **Not assessed: cv.** It is not known whether these images have vulnerabilities.",
        "None: no finding is excused.",
    ]


def test_gpus_that_everything_passed_on() -> None:
    assert under(render_notes(patched()), "## Validated on GPUs") == [
        "| 2 × NVIDIA H200 | 550.54.15 | all |",
        "- **all**: gradient sync on a GPU: not tested",
    ]


def test_one_gpu_is_enough_for_notes_and_what_it_did_not_test_is_named() -> None:
    """Only checks that need a second GPU were not run, and the gate took that."""
    one = image_notes("base", None, (), "NVIDIA L4")
    assert one.records.validation is not None
    checks = ddp_checks(1)
    ddp = SuiteResult("ddp", Verdict.NOT_RUN, "nccl_gradients: 1 GPU", 1.0, checks, "")
    tested = replace(one.records.validation, verdict=Verdict.INCONCLUSIVE, suites=(ddp,))
    shown = render_notes(given(replace(one, records=replace(one.records, validation=tested))))
    assert under(shown, "## Validated on GPUs") == [
        "| 1 × NVIDIA L4 | 550.54.15 | all |",
        "- **all**: gradient sync proven with NCCL on one NVIDIA L4 over sockets; transport "
        "between GPUs: not tested; transport between machines: not tested",
    ]
    told = replace(one.records, validation=tested, proof="gradient sync proven on two machines")
    shown = render_notes(given(replace(one, records=told)))
    assert "gradient sync proven on two machines" in shown


def failed(record: ValidationRecord) -> ValidationRecord:
    return replace(record, verdict=Verdict.FAIL, reason="ddp: gradients differ")


def local(record: ValidationRecord) -> ValidationRecord:
    return replace(record, environment=replace(record.environment, executor="local"))


def elsewhere(record: ValidationRecord) -> ValidationRecord:
    return replace(record, digest=samples.digest("other"))


def empty(record: ValidationRecord) -> ValidationRecord:
    return replace(record, suites=())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (failed, "fail on 1 × NVIDIA H200: ddp: gradients differ"),
        (local, "pass on a Python of this machine, which proves nothing about the image"),
        (elsewhere, "not run: the stage was not reached"),
        (empty, "inconclusive on 1 × NVIDIA H200"),
    ],
)
def test_what_stands_for_no_gpu(change: Any, said: str) -> None:
    one = image_notes("base", None, (), "NVIDIA H200")
    assert one.records.validation is not None
    records = replace(one.records, validation=change(one.records.validation))
    rows = under(render_notes(given(replace(one, records=records))), "## Validated on GPUs")
    assert rows == [
        "**None.** No image of this release was validated on a GPU, so the release is only a "
        "candidate.",
        f"- **all**: {said}",
    ]


def test_some_images_on_a_gpu_and_some_on_none() -> None:
    rows = under(
        render_notes(given(image_notes("base", None, (), "NVIDIA H200"), image_notes("cv"))),
        "## Validated on GPUs",
    )
    assert rows == [
        "| 1 × NVIDIA H200 | 550.54.15 | base |",
        "- **base**: gradient sync on a GPU: not tested",
        "Not validated on a GPU:",
        "- **cv**: pass on the CPU: Intel(R) Xeon(R) Processor @ 2.60GHz, 2 CPUs",
    ]


def test_pull_commands_name_digests_where_they_were_promoted() -> None:
    text = render_notes(patched())
    assert under(text, "## Pull by digest") == [
        "```text",
        f"docker pull localhost:5000/pytorch-cuda@{samples.digest('base')}  # base",
        f"docker pull localhost:5000/pytorch-cuda-staging@{samples.digest('cv')}  # cv",
        "```",
    ]


def test_an_image_without_records_is_not_run() -> None:
    alone = given(image_notes("base"))
    text = render_notes(
        replace(alone, release=replace(alone.release, images=("base", "rl"), promotions=()))
    )
    assert "| **rl** | not run | not run | not run | not run | none |" in lines(text)
    assert "# rl" not in text


def test_a_release_without_images() -> None:
    text = render_notes(given())
    assert "**None.** No image of this release was validated on a GPU" in text
    assert "docker pull" not in text


def test_foreign_text_stays_text() -> None:
    hostile = (package("pypi", "a", "1.0"), package("pypi", "a", "1.1"))
    found = moved("base", hostile)
    changed = tuple(
        replace(each, name=samples.HOSTILE, after=samples.HOSTILE) for each in found.changed
    )
    excuse = replace(samples.findings()[6], why=samples.HOSTILE, until=samples.HOSTILE)
    notes_ = given(
        image_notes("base", replace(found, changed=changed), (excuse,)), verdict=Verdict.FAIL
    )
    text = render_notes(
        replace(
            notes_, release=replace(notes_.release, reason=samples.HOSTILE, channel=samples.HOSTILE)
        )
    )
    html = MarkdownIt("commonmark", {"html": True}).enable("table").render(text)
    assert "alert(1)" in html
    assert "<script" not in text
    assert "<script" not in html
    assert "\x1b" not in text
    assert {
        row.count("<td") for row in html.split("<tr>") if "alert(1)" in row and "td" in row
    } <= {5, 7}


def large(count: int) -> Difference:
    pairs = (
        (package("pypi", f"package-{number}", "1.0"), package("pypi", f"package-{number}", "1.1"))
        for number in range(count)
    )
    return moved("base", *pairs)


@pytest.mark.parametrize(("packages", "shown"), [(999, 1000), (3000, 1000)])
def test_long_tables_are_cut_and_the_rest_is_counted(packages: int, shown: int) -> None:
    text = render_notes(given(image_notes("base", large(packages), (), "NVIDIA H200")))
    rows = [line for line in under(text, "### Other changes") if line.startswith("|")]
    left = f"… and {packages + 1 - shown:,} more: see `difference.json` of each image."
    assert len(rows) == shown
    assert (left in lines(text)) is (packages + 1 > shown)
    assert "## Pull by digest" in lines(text)


def test_the_limit_is_github_s() -> None:
    """Tables of a thousand rows would be over it: fewer are shown."""
    names = [f"{'long-name-' * 8}{number}" for number in range(2000)]
    pairs = ((package("pypi", name, "1.0"), package("pypi", name, "1.1")) for name in names)
    text = render_notes(given(image_notes("base", moved("base", *pairs), (), "NVIDIA H200")))
    assert len([line for line in under(text, "### Other changes") if line.startswith("|")]) == 200
    assert len(text) <= LIMIT == 125_000


def test_what_cannot_be_cut_is_left_out_whole() -> None:
    """Thousands of images, each with a difference about other bytes."""
    one = image_notes("base", moved("cv"))
    names = [f"image-{number}" for number in range(1500)]
    images = tuple(replace(one, records=replace(one.records, image=name)) for name in names)
    text = render_notes(given(*images))
    assert len(text) <= LIMIT
    assert lines(text) == [
        "**Promoted to monthly.** ✅ pass: every image passed every gate (validated without a GPU)",
        "",
        "The notes are too long to show here. See the report of v2.6.0.",
    ]


def test_same_records_same_bytes() -> None:
    assert render_notes(patched()) == render_notes(patched())


def test_the_release_in_one_line() -> None:
    assert (
        notes.summarize_release(patched())
        == "v2.6.0: Promoted to monthly. pass: every image passed every gate"
    )


def test_notes_are_written_beside_the_records(tmp_path: Path) -> None:
    path = notes.write_notes(tmp_path, patched())
    assert path == tmp_path / "notes.md"
    assert path.read_text(encoding="utf-8") == render_notes(patched())
    assert "\n\n\n" not in path.read_text(encoding="utf-8")


def test_the_first_lines_say_how_the_line_is_supported_and_what_stands_by_an_exception() -> None:
    release, images = samples.proven()
    excused = TriagedFinding(
        Finding("CVE-2026-7", "pkg:pypi/torch@2.6.0", "torch", "2.6.0", "2.10.0", "HIGH", "", ""),
        TriageStatus.EXCUSED,
        "2027-05-26",
        "no fix here; mitigation: use <b>safetensors</b> (us)",
        "2027-05-26",
    )
    scans = [replace(one.scan, findings=(excused,)) if one.scan else None for one in images]
    known = [replace(one, scan=scan) for one, scan in zip(images, scans, strict=True)]
    text = render_notes(Notes(release, LINE, tuple(ImageNotes(one, None, None) for one in known)))
    first = text.partition("## Contents")[0]
    assert first.count("exception until 2027-05-26: CVE-2026-7 in torch 2.6.0") == 1
    assert "<b>" not in first
    assert "**Support** security since 2026-07-01: upstream no longer fixes it" in first
    assert "(last day: 2027-06-30)" in first
