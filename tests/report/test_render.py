from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from images import catalog
from publish.released.record import ReleaseRecord
from report import escape, render
from report.model import ImageRecords
from runner.errors import EnvironmentFailed
from runner.home import REPOSITORY
from runner.verdict import Verdict
from scan.record import TriagedFinding, TriageStatus
from tests.report import samples
from tests.report.page import Page

Records = tuple[ReleaseRecord, tuple[ImageRecords, ...]]


def full() -> Records:
    return samples.release(), samples.images()


def nothing() -> Records:
    return replace(
        samples.release(), promotions=(), stages=(), reason="build: disk full", channel=""
    ), ()


def hostile() -> Records:
    """Every text of every record of cv replaced."""
    return spoiled(replace(samples.release(), images=("cv",))), (spoiled(samples.images()[1]),)


def spoiled(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return replace(
            value, **{field.name: spoiled(getattr(value, field.name)) for field in fields(value)}
        )
    if isinstance(value, tuple):
        return tuple(map(spoiled, value))
    if isinstance(value, dict):
        return dict.fromkeys([samples.HOSTILE], 1)
    return samples.HOSTILE if isinstance(value, str) and not isinstance(value, Enum) else value


COUNTED = re.compile(
    r"(?<![\d.])0 (?:critical|high|medium|low|unknown|findings)|\*\*0\*\*|critical|no findings"
)
PROVEN = (
    "resnet50_training",
    "images/s",
    "CVE-2026-0003",
    "no fix yet",
    "No fix",
    "TEMP-0517018-A83CE6",
    "2027-03-29",
    "lengths of strangers",
    "the image runs as root",
    "AWS Access Key ID",
    "ghcr.io/aquasecurity/trivy-db:2",
    "1 day old at the scan",
    f"sha256:{samples.DATABASE.sha256[:12]}",
    "cv/sbom.cdx.json",
    "cv/sbom.spdx.json",
    "cv/vex.openvex.json",
    "libgomp1",
    "6.1.0-28-amd64",
    "1 GiB",
    "767 MB",
    "reused",
    "./release.py validate v2.6.0 --images cv",
    "1 failed, 2 passed",
)
EVERY = pytest.mark.parametrize("case", [full, nothing, hostile, samples.proven])


def part(text: str, image: str) -> str:
    """What a page says about one image."""
    pages = [
        Page(f"<body><section>{each}")
        for each in re.split(r'<section class="image"[^>]*>', text)[1:]
    ]
    return next(page.text for page in pages if page.text.split()[0] == image)


@EVERY
def test_the_page_is_well_formed_and_loads_nothing(case: Callable[[], Records]) -> None:
    page = Page(render.render_html(*case()))
    assert page.problems == []
    assert page.external == []


@pytest.mark.parametrize("case", [full, nothing, samples.proven])
def test_every_landmark_has_a_name_of_its_own(case: Callable[[], Records]) -> None:
    names = Page(render.render_html(*case())).landmarks
    assert all(names)
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    "planted",
    [
        "<p>", "</div>", "<br/>", ('<i id="a"></i><i '
        'id="a"></i>'), '<a href="#nowhere"></a>', '<i id="a" id="b"></i>',
        "<script></script>", ('<img '
        'src="https://example.invalid/x.png">'), '<a href="https://example.invalid"></a>',
        ("<style>@import "
        "'x.css';</style>"), "<style>a { background: url(x.png) }</style>", '<p onclick="x"></p>',
        '<link rel="stylesheet" href="style.css">', '<p style="background: url(x)"></p>',
    ],
)  # fmt: skip
def test_a_planted_defect_is_seen(planted: str) -> None:
    page = Page(render.render_html(*full()).replace("</main>", f"{planted}</main>"))
    assert page.problems + page.external


def test_the_browser_is_told_to_load_nothing() -> None:
    assert "default-src 'none'; style-src 'unsafe-inline'" in render.render_html(*full())


@pytest.mark.parametrize("verdict", list(Verdict))
def test_the_first_line_is_the_verdict_and_the_reason(verdict: Verdict) -> None:
    release, images = samples.proven()
    release = replace(
        release,
        verdict=verdict,
        reason="" if verdict is Verdict.PASS else "cv: NCCL is there twice",
    )
    expected = f"{verdict}: {release.reason or 'every image passed every gate'}"
    assert Page(render.render_html(release, images)).text.startswith(
        expected.replace(": ", " : ", 1)
    )
    assert render.render_markdown(release, images).partition("\n")[0].endswith(expected)


def test_the_first_line_says_that_there_was_no_gpu() -> None:
    first = render.render_markdown(*full()).partition("\n")[0]
    assert (
        first
        == "# ❌ fail: cv: versions/nccl: a second copy of NCCL is loaded (validated without a GPU)"
    )
    assert "GPU" not in render.render_markdown(*samples.proven()).partition("\n")[0]


def test_hostile_text_is_shown_as_itself_and_runs_nothing() -> None:
    text = render.render_html(*hostile())
    assert "<script" not in text
    assert "alert(1)" in text
    assert escape.one_line(samples.HOSTILE) in Page(text).text


@EVERY
def test_nothing_is_escaped_twice(case: Callable[[], Records]) -> None:
    assert not re.search(r"&(?:lt|gt|amp|quot|#\d+);", Page(render.render_html(*case())).text)
    assert not re.search(
        r"&amp;(?:lt|gt|amp|quot|#\d+);|&lt;/?code", render.render_markdown(*case())
    )


def test_twice_escaped_text_would_be_caught() -> None:
    assert "&lt;" in Page("<body><p>&amp;lt;</p></body>").text


@EVERY
def test_no_control_character_reaches_a_page(case: Callable[[], Records]) -> None:
    for text in (render.render_html(*case()), render.render_markdown(*case())):
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", text)


@EVERY
def test_every_row_of_a_markdown_table_has_the_cells_of_its_header(
    case: Callable[[], Records],
) -> None:
    lines = render.render_markdown(*case()).splitlines()
    tables = [
        list(rows) for is_row, rows in groupby(lines, lambda line: line.startswith("|")) if is_row
    ]
    assert tables
    for table in tables:
        assert {row.count("|") for row in table} == {table[0].count("|")}
        assert set(table[1]) <= set("| -:")


@EVERY
def test_markdown_holds_no_html_but_its_own(case: Callable[[], Records]) -> None:
    tokens = (
        MarkdownIt("commonmark", {"html": True})
        .enable("table")
        .parse(render.render_markdown(*case()))
    )
    flat = [inner for token in tokens for inner in (token, *(token.children or ()))]
    html = " ".join(token.content for token in flat if token.type in {"html_block", "html_inline"})
    assert set(re.findall(r"</?([a-z!]+)", html)) <= {"details", "summary", "code"}
    assert html.count("<details>") == html.count("</details>")


def test_values_side_by_side_stay_apart() -> None:
    text = render.render_markdown(*full())
    row = next(line for line in text.splitlines() if line.startswith("| **base**"))
    (inline,) = MarkdownIt("commonmark").parseInline(row)
    spans = [token.content for token in inline.children or () if token.type == "code_inline"]
    assert spans[1:] == ["v2.6.0-candidate", "v2.6.0-base-candidate"]
    assert "v2.6.0 · **Promoted as** candidate · " in text
    assert "104 Debian, 49 Python packages" in text


def test_missing_stages_are_not_run_and_never_pass() -> None:
    text = part(render.render_html(*full()), "rl")
    assert text.count("not run") >= 4
    assert not re.search(r"\bpass\b", text)
    row = next(
        line for line in render.render_markdown(*full()).splitlines() if line.startswith("| **rl**")
    )
    assert row.count("not run") == 5
    assert "pass" not in row


@pytest.mark.parametrize("image", ["nlp", "rl"])
def test_a_missing_scan_never_shows_as_zero(image: str) -> None:
    said = (
        part(render.render_html(*full()), image),
        render.render_markdown(*full()).partition(f"\n## {image}: ")[2].partition("\n## ")[0],
    )
    for text in said:
        assert not COUNTED.search(text)
        assert "It is not known whether this image has vulnerabilities" in text
    assert ("not assessed" if image == "nlp" else "not run") in said[0]


def test_an_assessed_image_without_findings_does_show_zero() -> None:
    for text in (part(render.render_html(*full()), "base"), render.render_markdown(*full())):
        assert "0 findings in 139 packages assessed" in text
        assert COUNTED.search(text)


def test_what_no_source_knows_stands_beside_the_findings() -> None:
    text = part(render.render_html(*full()), "base")
    assert "14 NVIDIA wheels no advisory source" in text
    assert "104 Debian Debian Security Tracker" in text
    assert (
        "104 Debian, 27 PyPI, 8 vendored in wheels assessed; 14 NVIDIA wheels, 61 cargo packages "
        "inside wheels, "
        "212 shared libraries inside wheels: no advisory source"
    ) in render.render_markdown(*full())


def test_what_blocks_is_open_with_its_pin_and_what_is_tolerated_is_folded() -> None:
    text, summary = render.render_html(*full()), render.render_markdown(*full())
    assert re.search(
        r'<details class="standing blocks" open>.*?<code>jinja2&gt;=3.1.6</code>', text, re.DOTALL
    )
    assert '<details class="standing tolerated">' in text
    assert "write <code>jinja2&gt;=3.1.6</code> into the stack's requirements.in" in summary
    assert summary.index("**Blocks**: 1 critical, 1 high") < summary.index("**In grace**: 1 medium")
    assert "<details><summary>Tolerated: 1 low, 1 unknown</summary>" in summary


def test_problems_are_shown_by_kind_with_their_way_out() -> None:
    (details,) = re.findall(r"<summary>secret.*?</details>", render.render_html(*full()), re.DOTALL)
    shown = Page(f"<body><details>{details}").text
    assert shown.startswith("secret 1 problem")
    assert shown.endswith("revoke it: who pulled the layer has it; then build without it")
    kinds = re.findall(
        r"^\| ([a-z ]+) \| .*? \|",
        render.render_markdown(*full()).partition("| Kind |")[2],
        re.MULTILINE,
    )
    assert kinds[:9] == [problem.kind for problem in samples.problems()]
    assert '<details class="problems" open>' in render.render_html(*full())
    assert "None. (Vulnerabilities are listed under Findings.)" in part(
        render.render_html(*full()), "base"
    )
    assert "None. (Vulnerabilities are listed under Findings.)" not in part(
        render.render_html(*full()), "rl"
    )


def test_what_was_proven_is_on_the_page() -> None:
    release, images = full()
    for text in (
        part(render.render_html(release, images), "cv"),
        render.render_markdown(release, images),
    ):
        assert samples.digest("cv") in text
        assert f"docker pull {samples.REGISTRY}/pytorch-cuda-staging@{samples.digest('cv')}" in text
        for shown in PROVEN:
            assert shown in text


def test_everything_that_kept_it_out_of_production_is_listed() -> None:
    release, images = full()
    for text in (render.render_html(release, images), render.render_markdown(release, images)):
        assert "Reasons that block production" in text
        for reason in samples.REFUSED:
            assert reason in text
    allowed = replace(release, refusal=None)
    for text in (render.render_html(allowed, images), render.render_markdown(allowed, images)):
        assert "Reasons that block production" not in text


def test_why_there_is_no_difference_is_on_both_pages() -> None:
    release, images = full()
    without = (
        replace(images[0], incomparable="no bill of materials of v2.5.9 base is stored"),
        *images[1:],
    )
    for text in (render.render_html(release, without), render.render_markdown(release, without)):
        assert "not known: no bill of materials of v2.5.9 base is stored." in text


def test_same_records_same_bytes_in_any_process() -> None:
    code = "import sys; from report import render; from tests.report import samples; "
    code += (
        "r = samples.release(), samples.images(); sys.stdout.write(render.render_html(*r) + "
        "render.render_markdown(*r))"
    )
    texts = set()
    for seed in ("1", "2"):
        env = {
            **os.environ,
            "PYTHONPATH": str(REPOSITORY),
            "PYTHONHASHSEED": seed,
            "TZ": f"XXX{seed}",
        }
        texts.add(
            subprocess.run(
                [sys.executable, "-c", code], env=env, capture_output=True, check=True
            ).stdout
        )
    assert len(texts) == 1


def test_a_summary_keeps_within_its_limit_and_says_what_it_left_out() -> None:
    release, images = full()
    cv = images[1]
    assert cv.scan is not None and cv.validation is not None
    blocking = samples.findings()[1]
    many = tuple(
        replace(blocking, finding=replace(blocking.finding, id=f"CVE-{number}", title="|" * 5000))
        for number in range(5000)
    )
    loud = samples.suite("ddp", verdict=Verdict.FAIL, last_output="x" * 2_000_000 + "the end")
    images = (
        replace(
            cv,
            scan=replace(cv.scan, findings=many),
            validation=replace(cv.validation, suites=(loud,)),
        ),
    )
    text = render.render_markdown(release, images)
    assert len(text.encode()) <= render.MARKDOWN_LIMIT
    assert re.search(r"… and [\d,]+ more findings, in `report.html`", text)
    assert "the end" in text
    assert "CVE-4999" in render.render_html(release, images)


def test_thousands_of_tolerated_findings_push_out_nothing_that_blocks() -> None:
    release, images = full()
    cv = images[1]
    assert cv.scan is not None and cv.scan.findings is not None
    blocking = samples.findings()[1]
    many = tuple(
        replace(blocking, finding=replace(blocking.finding, id=f"CVE-2027-{number}"))
        for number in range(300)
    )
    crowded = replace(cv.scan, findings=(*samples.tolerated(20_000), *many))
    text = render.render_markdown(
        release, tuple(replace(cv, image=f"cv{place}", scan=crowded) for place in range(4))
    )
    assert len(text.encode()) <= render.MARKDOWN_LIMIT
    assert [text.count(f"| CVE-2027-{number}: ") for number in range(300)] == [4] * 300
    assert text.count("… and 19,950 more findings, in `report.html`") == 4
    assert "<summary>Tolerated: 20,000 low</summary>" in text


def test_the_verdict_survives_the_tightest_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(render, "MARKDOWN_LIMIT", 300)
    text = render.render_markdown(*full())
    assert text.startswith("# ❌ fail: cv: versions/nccl")
    assert "report.html" in text
    assert len(text.encode()) <= 300


def test_write_puts_every_file(tmp_path: Path) -> None:
    paths = render.write_report(tmp_path / "v2.6.0", *full())
    assert [path.name for path in paths] == [
        *("report.html", "report.md", "report.sarif", "report.junit.xml")
    ]
    assert paths[0].read_text(encoding="utf-8") == render.render_html(*full())
    assert paths[1].read_text(encoding="utf-8") == render.render_markdown(*full())


def test_write_where_nothing_can_be_written_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EnvironmentFailed, match="cannot write"):
        render.write_report(tmp_path / "file" / "v2.6.0", *full())


def test_support_and_exceptions_stand_above_everything_else() -> None:
    release, images = samples.proven()
    excused = TriagedFinding(
        samples.finding("CVE-2026-7", "pkg:pypi/torch@2.6.0", "2.10.0", "HIGH", "loading"),
        TriageStatus.EXCUSED,
        "2027-05-26",
        "no fix here; mitigation: use <b>safetensors</b> (us)",
        "2027-05-26",
    )
    known = [
        replace(one, scan=one.scan and replace(one.scan, findings=(excused,))) for one in images
    ]
    line = catalog.load_catalog().lines["2.6"]
    summary = render.render_markdown(release, known, line)
    said = "exception until 2027-05-26: CVE-2026-7 in torch 2.6.0"
    head = summary.partition("| Image |")[0]
    assert head.splitlines()[2].startswith(f"> {said}")
    assert head.count(said) == 1
    assert "**Support** security since 2026-07-01" in head
    page = Page(render.render_html(release, known, line))
    assert page.problems == []
    head = page.text.partition("Images Image Verdict")[0]
    assert head.count(said) == 1
    assert "Support: security since 2026-07-01" in head
    assert "<b>safetensors" in head, "it is shown as it is, and is no markup"


def test_a_moment_that_cannot_be_read_shows_the_first_status() -> None:
    release, images = samples.proven()
    line = catalog.load_catalog().lines["2.6"]
    summary = render.render_markdown(replace(release, finished_at="soon"), images, line)
    assert "**Support** active since 2025-01-29" in summary


def test_a_secret_that_is_escaped_is_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Markdown would show it whole, and no later search would find it."""
    monkeypatch.setenv("HF_TOKEN", secret := "S3_cret*x[y]<z>&`q\"'|#12")
    release, (images,) = samples.proven()
    assert images.validation is not None
    failed = samples.check("nccl", Verdict.FAIL, f"as was said: {secret}")
    suite = samples.suite("versions", failed, verdict=Verdict.FAIL)
    said = replace(images.validation, reason=f"it was {secret}", suites=(suite,))
    given = replace(release, reason=f"as was said: {secret}"), [replace(images, validation=said)]
    for path in render.write_report(tmp_path, *given):
        text = path.read_text()
        assert "S3" not in text
        assert "as was said: " in text
