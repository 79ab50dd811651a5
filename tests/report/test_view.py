from __future__ import annotations

from dataclasses import replace

import pytest

from publish.released.record import PromotedTag
from report import build_view, scan_view, validation_view, view
from report.model import ImageRecords, ImageView, Mark
from runner.reason_cause import ReasonCause
from runner.verdict import Verdict
from scan.difference import LayerSize, Snapshot, compare_snapshots
from scan.record import ComparedContents, Finding, Origin, ScanProblem, TriagedFinding, TriageStatus
from tests.publish.stage_records import ddp_checks
from tests.report import samples
from tests.scan.samples import package
from validation.record import GpuSample, SuiteResult


def only(records: ImageRecords) -> ImageView:
    return view.image_view(samples.release(), records)


def base() -> ImageRecords:
    return samples.proven()[1][0]


def test_pass_needs_every_stage() -> None:
    assert only(base()).mark == Mark(Verdict.PASS)
    full = base()
    for partial in (
        replace(full, build=None),
        replace(full, validation=None),
        replace(full, scan=None),
    ):
        assert only(partial).mark == Mark(Verdict.INCONCLUSIVE)


@pytest.mark.parametrize(
    ("channel", "gpus", "mark"),
    [
        ("production", 1, Verdict.PASS),
        ("candidate", 1, Verdict.INCONCLUSIVE),
        ("", 1, Verdict.INCONCLUSIVE),
        ("production", 0, Verdict.INCONCLUSIVE),
    ],
)
def test_what_the_gate_left_to_other_machines_is_shown_and_no_reason(
    channel: str, gpus: int, mark: Verdict
) -> None:
    """A release of one GPU is a release; its report says what that GPU could not test."""
    full = base()
    assert full.validation is not None
    ddp = SuiteResult("ddp", Verdict.NOT_RUN, "1 GPU", 1.0, ddp_checks(gpus), "")
    where = samples.environment(*["NVIDIA L4"] * gpus)
    tested = replace(
        full.validation, verdict=Verdict.INCONCLUSIVE, suites=(ddp,), environment=where
    )
    shown = view.image_view(
        replace(samples.release(), channel=channel), replace(full, validation=tested)
    )
    assert (shown.mark, shown.validation.mark) == (Mark(mark), Mark(Verdict.INCONCLUSIVE))
    said = "transport between GPUs: not tested" if gpus else "gradient sync on a GPU: not tested"
    assert said in shown.proof


def test_an_image_no_stage_reached_is_not_run() -> None:
    image = only(ImageRecords("rl", None, None, None))
    assert {
        image.mark.word,
        image.build.mark.word,
        image.validation.mark.word,
        image.scan.mark.word,
    } == {"not run"}
    assert (image.digest, image.pull, image.size, image.layers, image.suites) == (
        "",
        "",
        "",
        (),
        (),
    )


@pytest.mark.parametrize(
    "verdict", [Verdict.FAIL, Verdict.INFRA, Verdict.INCONCLUSIVE, Verdict.NOT_RUN]
)
def test_a_claim_of_pass_falls_with_one_check(verdict: Verdict) -> None:
    suite = samples.suite(
        "ddp", samples.check("one"), samples.check("two", verdict, "why"), verdict=Verdict.PASS
    )
    record = samples.validation("base", Verdict.PASS, suite)
    expected = Verdict.INCONCLUSIVE if verdict is Verdict.NOT_RUN else verdict
    assert validation_view.suite_view(suite).mark == Mark(expected)
    assert validation_view.validation_stage(record).mark == Mark(expected)


def test_a_suite_that_ran_nothing_is_not_pass() -> None:
    assert validation_view.validation_stage(samples.validation("base", Verdict.PASS)).mark == Mark(
        Verdict.INCONCLUSIVE
    )
    assert validation_view.suite_view(samples.suite("empty", verdict=Verdict.PASS)).mark == Mark(
        Verdict.INCONCLUSIVE
    )


def test_a_verdict_other_than_pass_is_shown_as_recorded() -> None:
    suite = samples.suite("ddp", samples.check("one"), verdict=Verdict.INFRA)
    assert validation_view.suite_view(suite).mark == Mark(Verdict.INFRA)


def test_a_record_about_other_bytes_proves_nothing() -> None:
    other = samples.digest("the build before")
    given = base()
    assert given.validation is not None and given.scan is not None
    image = only(replace(given, validation=replace(given.validation, digest=other)))
    assert (image.validation.mark.word, image.suites) == ("not run", ())
    assert any(other[:19] in note for note in image.notes)
    image = only(replace(given, scan=replace(given.scan, digest=other)))
    assert (image.scan.mark.word, image.findings.assessed) == ("not run", False)
    assert any("scan" in note for note in image.notes)


def test_a_tag_on_another_digest_is_not_among_the_tags() -> None:
    stray = PromotedTag("base", "pytorch-cuda", "latest", samples.digest("older"))
    release = replace(samples.release(), promotions=(stray,))
    image = view.image_view(release, base())
    assert image.tags == ()
    assert image.pull.startswith(f"docker pull {samples.REGISTRY}/pytorch-cuda-staging@sha256:")
    assert any("pytorch-cuda:latest" in note for note in image.notes)


def test_pulled_by_digest_from_where_it_was_promoted() -> None:
    assert (
        only(base()).pull == f"docker pull {samples.REGISTRY}/pytorch-cuda@{samples.digest('base')}"
    )


def test_a_release_recorded_as_pass_falls_with_one_image() -> None:
    release, images = samples.proven()
    shown = view.build_page(release, (replace(images[0], scan=None),))
    assert shown.mark == Mark(Verdict.INCONCLUSIVE)
    assert "base is inconclusive" in shown.reason
    assert view.build_page(release, images).mark == Mark(Verdict.PASS)
    assert view.build_page(replace(release, images=()), ()).mark == Mark(Verdict.INCONCLUSIVE)


def test_the_headline_says_that_there_was_no_gpu_and_says_it_once() -> None:
    def headline(reason: str, cause: ReasonCause = ReasonCause.UNKNOWN) -> str:
        release = replace(samples.release(), reason=reason, cause=cause)
        return view.build_page(release, samples.images()).reason

    assert (
        headline("the scan found one critical")
        == "the scan found one critical (validated without a GPU)"
    )
    assert headline("any text", ReasonCause.NO_GPU) == "any text"
    assert headline("the GPU is lost").endswith("(validated without a GPU)")
    assert "GPU" not in view.build_page(*samples.proven()).reason


def test_a_cpu_run_on_a_machine_with_a_gpu_counts_as_without() -> None:
    release, (records,) = samples.proven()
    assert records.validation is not None
    on_cpu = replace(
        records.validation, environment=replace(records.validation.environment, device="cpu")
    )
    image = view.image_view(release, replace(records, validation=on_cpu))
    assert "Xeon" in image.measured_on
    assert (
        "without a GPU" in view.build_page(release, (replace(records, validation=on_cpu),)).reason
    )


def test_no_reason_recorded_is_said() -> None:
    assert (
        view.build_page(replace(samples.release(), reason=""), ()).reason
        == "the records give no reason"
    )


@pytest.mark.parametrize(
    ("findings", "database", "sourced", "assessed"),
    [
        ((), True, True, True),
        ((), True, False, False),
        ((), False, True, False),
        (None, True, True, False),
        (None, False, False, False),
        (samples.findings(), False, False, True),
    ],
)
def test_assessed_means_a_database_judged(
    findings: tuple[TriagedFinding, ...] | None, database: bool, sourced: bool, assessed: bool
) -> None:
    record = samples.scan("base", (), Verdict.INCONCLUSIVE)
    record = replace(record, findings=findings, database=record.database if database else None)
    found = scan_view.findings_view(replace(record, origins=samples.origins(sourced)))
    stage = scan_view.scan_stage(replace(record, origins=samples.origins(sourced)))
    assert found.assessed is assessed
    assert bool(found.counts) is bool(findings)
    assert (stage.mark.word == "not assessed") is (not assessed)
    assert ("0 findings" in stage.line) is (assessed and not findings)


def test_a_scanner_that_failed_stays_infra() -> None:
    stage = scan_view.scan_stage(samples.scan("base", None, Verdict.INFRA))
    assert (stage.mark.word, stage.line) == ("infra", "vulnerabilities not assessed")


def standing(name: TriageStatus) -> tuple[TriagedFinding, ...]:
    return tuple(each for each in samples.findings() if each.standing is name)


@pytest.mark.parametrize(
    ("found", "wrong", "word"),
    [
        ((), (), "pass"),
        (standing(TriageStatus.GRACE), (), "pass"),
        (standing(TriageStatus.BLOCKS), (), "fail"),
        ((), samples.problems()[:1], "fail"),
        (None, samples.problems()[:1], "fail"),
        (None, (), "not assessed"),
    ],
)
def test_a_scan_that_claims_pass_falls_with_what_it_found(
    found: tuple[TriagedFinding, ...] | None, wrong: tuple[ScanProblem, ...], word: str
) -> None:
    assert scan_view.scan_stage(samples.scan("base", found, Verdict.PASS, wrong)).mark.word == word


def test_a_scan_in_one_line() -> None:
    stage = scan_view.scan_stage(
        samples.scan("cv", samples.findings(), Verdict.FAIL, samples.problems())
    )
    assert stage.line == (
        "9 problems; 2 blocking, 1 in grace, 1 excused, 2 without a fix, 2 tolerated,"
        " 1 of them of unknown severity; 287 more without an advisory source"
    )
    stage = scan_view.scan_stage(samples.scan("base", (), Verdict.PASS))
    assert stage.line == "0 findings in 139 packages assessed; 287 more without an advisory source"
    doubted = replace(samples.scan("base", (), Verdict.INCONCLUSIVE), reason="no torch in it")
    assert scan_view.scan_stage(doubted).line.startswith(
        "0 findings in 139 packages assessed, which proves nothing: no torch in it"
    )


@pytest.mark.parametrize(
    ("sources", "known", "line"),
    [
        (
            ("tracker", "advisories"),
            (),
            "31 Debian, 97 PyPI assessed; 14 NVIDIA wheels: no advisory source",
        ),
        (("tracker", ""), (), "31 Debian assessed; 97 PyPI, 14 NVIDIA wheels: no advisory source"),
        (("", ""), (), "31 Debian, 97 PyPI, 14 NVIDIA wheels: not assessed"),
        (("tracker", "advisories"), None, "31 Debian, 97 PyPI, 14 NVIDIA wheels: not assessed"),
    ],
)
def test_what_no_source_can_assess_is_counted_by_origin(
    sources: tuple[str, str], known: tuple[TriagedFinding, ...] | None, line: str
) -> None:
    origins = (
        Origin("Debian", 31, sources[0]),
        Origin("PyPI", 97, sources[1]),
        Origin("NVIDIA wheels", 14, ""),
    )
    found = scan_view.findings_view(
        replace(samples.scan("base", ()), findings=known, origins=origins)
    )
    assert found.coverage == line
    assert [origin.assessed for origin in found.origins] == [
        bool(source) and known is not None for source in (*sources, "")
    ]


def test_findings_by_standing_what_blocks_first_and_the_most_severe_first_in_each() -> None:
    standings = scan_view.findings_view(samples.scan("cv", samples.findings())).standings
    assert [(view.title, view.line, view.folded) for view in standings] == [
        ("Blocks", "1 critical, 1 high", False),
        ("In grace", "1 medium", False),
        ("Excused", "1 high", True),
        ("No fix", "1 critical, 1 medium", True),
        ("Tolerated", "1 low, 1 unknown", True),
    ]
    assert [[row.mark.word for row in view.rows] for view in standings] == [
        ["critical", "high"],
        ["medium"],
        ["high"],
        ["critical", "medium"],
        ["low", "unknown"],
    ]


def test_findings_are_counted_by_standing_and_severity() -> None:
    counts = scan_view.findings_view(samples.scan("cv", samples.findings())).counts
    assert [(row.title, row.counts, row.total) for row in counts] == [
        ("Blocks", (1, 1, 0, 0, 0), 2),
        ("In grace", (0, 0, 1, 0, 0), 1),
        ("Excused", (0, 1, 0, 0, 0), 1),
        ("No fix", (1, 0, 1, 0, 0), 2),
        ("Tolerated", (0, 0, 0, 1, 1), 2),
        ("All", (2, 2, 2, 1, 1), 8),
    ]


def test_each_standing_says_what_it_asks_for() -> None:
    found = scan_view.findings_view(samples.scan("cv", samples.findings())).standings
    (expat, jinja), (grace,), (excused,) = (view.rows for view in found[:3])
    assert (
        expat.note == "cut the next patch release: a new OS layer takes libexpat1 2.5.0-1+deb12u1"
    )
    assert jinja.note.endswith("write `jinja2>=3.1.6` into the stack's requirements.in")
    assert jinja.why == "fixed since 2026-09-30, 28 days of grace, ended on 2026-10-28"
    assert grace.note == "2027-03-29"
    assert (excused.note, excused.why) == (
        "2027-01-31",
        "the loss is not called with lengths of strangers (images@example.org)",
    )
    assert [view.note for view in found] == ["What to do", "Until", "Until", "", ""]
    assert {row.fixed for row in found[3].rows} == {"no fix yet"}


def test_a_finding_of_a_broken_package_url_is_shown_all_the_same() -> None:
    broken = TriagedFinding(
        Finding("CVE-1", "no url", "x", "1", "2", "HIGH", "", ""),
        TriageStatus.BLOCKS,
        "2026-01-01",
        "why",
    )
    (blocking,) = scan_view.findings_view(samples.scan("cv", (broken,))).standings
    assert blocking.rows[0].note == "update x to 2"


def test_problems_of_a_kind_are_together() -> None:
    first, *others = samples.problems()
    groups = scan_view.problem_groups((first, *others, first))
    assert [(group.kind, len(group.problems)) for group in groups][:2] == [
        ("bill of materials", 2), ("configuration", 3)]  # fmt: skip
    assert sum(len(group.problems) for group in groups) == len(others) + 2
    assert scan_view.problem_groups((first, replace(first, count=30)))[0].number == 31
    assert [scan_view.problem_groups([first] * count)[0].folded for count in (20, 21)] == [
        False,
        True,
    ]


@pytest.mark.parametrize(
    ("updated", "scanned", "said"),
    [
        (
            "2026-11-20T18:31:00Z",
            "2026-11-21T02:09:40+00:00",
            "2026-11-20 18:31 UTC, 1 day old at the scan",
        ),
        (
            "2026-11-21T00:00:00Z",
            "2026-11-21T02:09:40+00:00",
            "2026-11-21 00:00 UTC, 0 days old at the scan",
        ),
        ("2026-11-20T18:31:00Z", "", "2026-11-20 18:31 UTC"),
        ("some day", "2026-11-21T02:09:40+00:00", "some day"),
    ],
)
def test_the_database_by_source_age_and_digest(updated: str, scanned: str, said: str) -> None:
    record = replace(
        samples.scan("base", ()), database=replace(samples.DATABASE, updated_at=updated)
    )
    facts = {
        fact.label: fact.value
        for fact in scan_view.findings_view(replace(record, started_at=scanned)).facts
    }
    assert facts == {
        "Scanner": "trivy 0.76.0",
        "Database": "ghcr.io/aquasecurity/trivy-db:2",
        "Updated": said,
        "Database digest": f"sha256:{samples.DATABASE.sha256[:12]}",
    }


@pytest.mark.parametrize(
    ("compared", "says"),
    [
        (None, None),
        (
            ComparedContents(21, 0, 1, 6534),
            "21 layers as locked or built, 6,534 paths compared one by one",
        ),
        (
            ComparedContents(21, 2, 23, 9),
            "21 layers as locked or built, 2 of none, 9 paths compared one by one",
        ),
    ],
)
def test_how_much_was_compared(compared: ComparedContents | None, says: str | None) -> None:
    record = replace(samples.scan("base", ()), contents=compared)
    facts = {fact.label: fact.value for fact in scan_view.findings_view(record).facts}
    assert facts.get("Contents") == says


def test_documents_and_openvex_only_where_something_is_excused() -> None:
    def listed(found: tuple[TriagedFinding, ...]) -> list[tuple[str, str]]:
        return [
            (each.kind, each.path) for each in scan_view.list_documents(samples.scan("cv", found))
        ]

    always = [("CycloneDX", "cv/sbom.cdx.json"), ("SPDX", "cv/sbom.spdx.json")]
    assert listed(()) == always
    assert listed(samples.findings()) == [*always, ("OpenVEX", "cv/vex.openvex.json")]
    assert scan_view.list_documents(replace(samples.scan("cv", ()), sbom=None)) == ()


def test_layers_fill_the_bar_without_gaps() -> None:
    layers = build_view.layer_views(samples.build("cv").layers)
    ends = [float(layer.start) + float(layer.width) for layer in layers]
    assert ends[:-1] == pytest.approx([float(layer.start) for layer in layers[1:]], abs=0.02)
    assert ends[-1] == pytest.approx(100, abs=0.02)


def test_layers_of_no_size_and_of_an_unknown_kind_are_shown() -> None:
    (only_layer,) = build_view.layer_views((samples.layer("empty", "x' onload='", 0),))
    assert (only_layer.css, only_layer.width) == ("other", "0.00")


def test_layers_by_kind() -> None:
    kinds = build_view.kind_views(samples.build("base").layers)
    assert [(kind.css, kind.layers) for kind in kinds] == [
        ("os", "1 layer"),
        ("wheel", "12 layers"),
        ("pool", "1 layer"),
        ("bytecode", "1 layer"),
    ]


def test_checks_are_sorted_from_the_worst_and_rates_are_kept_apart() -> None:
    suites = samples.suites()
    assert [check.mark.word for check in validation_view.suite_view(suites[3]).checks] == [
        "fail",
        "pass",
        "pass",
    ]
    assert validation_view.suite_view(suites[1]).checks[0].figures == ("in_flight 201 MB",)
    assert [(rate.value, rate.unit) for rate in validation_view.throughput_rates(suites)] == [
        ("1.91", "images/s"),
        ("0.874", "sequences/s"),
    ]


def test_rates_of_gpu_models_stand_side_by_side() -> None:
    (given,) = samples.proven()[1]
    h200, l4 = given.by_model
    slower = [
        replace(
            suite,
            checks=tuple(
                replace(
                    check,
                    figures=tuple(replace(one, value=one.value / 4) for one in check.figures),
                )
                for check in suite.checks
            ),
        )
        for suite in l4.suites
    ]
    other = replace(h200, digest=samples.digest("cv"))
    models = (h200, replace(l4, suites=tuple(slower)), other)
    first, second = only(replace(given, by_model=models)).comparisons
    assert (first.unit, second.unit) == ("images/s", "sequences/s")
    assert [(bar.label, bar.value, bar.percent) for bar in first.bars] == [
        ("1 × NVIDIA H200", "1.91", "100.00"),
        ("1 × NVIDIA L4", "0.478", "25.00"),
    ]
    assert only(replace(given, by_model=(h200,))).comparisons == ()


def test_shared_layers_are_counted_once() -> None:
    facts = {
        fact.label: fact.value
        for fact in view.build_page(samples.release(), samples.images()).facts
    }
    assert facts["Size in registry"] == "3.23 GB"


def test_images_come_in_the_order_of_the_release_and_none_is_dropped() -> None:
    extra = ImageRecords("cv-nlp", None, None, None)
    shown = view.build_page(samples.release(), (extra, *reversed(samples.images())))
    assert [image.name for image in shown.images] == ["base", "cv", "nlp", "rl", "cv-nlp"]


def test_the_kinds_a_scan_counts_have_names_for_people() -> None:
    assert [(fact.label, fact.value) for fact in only(base()).packages] == [
        ("Debian", "104"),
        ("Python", "49"),
    ]


def test_cause_attempts_and_gpus_are_shown() -> None:
    """Two readings of one GPU, one of them slowed down."""
    reading = GpuSample(0.0, 0, 1755, 2619, 640.2, 61, 99, 40_000, ())
    samples_ = (
        reading,
        replace(reading, at_s=1.0, sm_clock_mhz=1655, temperature_c=64, throttled=("power cap",)),
    )
    refused = replace(
        samples.check("a", Verdict.FAIL, "found 1, expected 2"), cause="a wrong kernel"
    )
    suite = replace(
        samples.suite("ddp", refused, verdict=Verdict.FAIL), attempts=2, samples=samples_
    )
    shown = validation_view.suite_view(suite)
    assert (shown.attempts, shown.checks[0].cause) == ("2 attempts", "a wrong kernel")
    assert shown.gpus == (
        (
            "GPU 0: 1705 MHz (median), at most 64 °C, at most 640 W, 2 readings, throttled: "
            "power cap in 1"
        ),
    )
    untold = (replace(reading, power_w=-1, temperature_c=-1),)
    assert validation_view.gpu_lines(untold) == (
        "GPU 0: 1755 MHz (median), 1 reading, never throttled",
    )


def test_a_suite_s_own_cause_is_shown_where_no_check_has_it() -> None:
    hung = replace(
        samples.suite("ddp", samples.check("a"), verdict=Verdict.FAIL),
        cause="a rank waits for another",
    )
    assert validation_view.suite_view(hung).cause == "a rank waits for another"
    told = replace(hung, checks=(replace(samples.check("a", Verdict.FAIL, "x"), cause=hung.cause),))
    assert validation_view.suite_view(told).cause == ""


def test_what_changed_since_the_release_before_is_one_sentence() -> None:
    layers = (LayerSize("sha256:1", 1_000_000),)
    before, after = (
        Snapshot(version, "sha256:0", (package(),), (), layers) for version in ("v2.6.0", "v2.6.1")
    )
    shown = only(replace(base(), difference=compare_snapshots(before, after)))
    assert shown.since.startswith("Since v2.6.0: no package changed")
    assert only(base()).since == ""


def test_a_difference_that_could_not_be_made_is_told() -> None:
    shown = only(replace(base(), incomparable="no bill of materials of v2.6.0 base is stored"))
    assert shown.since == (
        "The changes since the previous release are not known: no bill of materials of v2.6.0 base "
        "is stored."
    )
