from __future__ import annotations

from dataclasses import replace

import pytest

from publish.record import Promotion
from report import build_view, scan_view, validation_view, view
from report.model import ImageRecords, ImageView, Mark
from runner.verdict import Verdict
from scan.record import Sbom
from scan.run import packages_by_kind
from tests.report import samples
from validation.record import GpuSample


def only(records: ImageRecords) -> ImageView:
    return view.image_view(samples.release(), records)


def base() -> ImageRecords:
    return samples.proven()[1][0]


def test_pass_needs_every_stage() -> None:
    assert only(base()).mark == Mark(Verdict.PASS)
    full = base()
    for partial in (replace(full, build=None), replace(full, validation=None), replace(full, scan=None)):
        assert only(partial).mark == Mark(Verdict.INCONCLUSIVE)


def test_an_image_no_stage_reached_is_not_run() -> None:
    image = only(ImageRecords("rl", None, None, None))
    assert {image.mark.word, image.build.mark.word, image.validation.mark.word, image.scan.mark.word} == {"not run"}
    assert (image.digest, image.pull, image.size, image.layers, image.suites) == ("", "", "", (), ())


@pytest.mark.parametrize("verdict", [Verdict.FAIL, Verdict.INFRA, Verdict.INCONCLUSIVE, Verdict.NOT_RUN])
def test_a_claim_of_pass_falls_with_one_check(verdict: Verdict) -> None:
    suite = samples.suite("ddp", samples.check("one"), samples.check("two", verdict, "why"), verdict=Verdict.PASS)
    record = samples.validation("base", Verdict.PASS, suite)
    expected = Verdict.INCONCLUSIVE if verdict is Verdict.NOT_RUN else verdict
    assert validation_view.suite_view(suite).mark == Mark(expected)
    assert validation_view.validation_stage(record).mark == Mark(expected)


def test_a_suite_that_ran_nothing_is_not_pass() -> None:
    assert validation_view.validation_stage(samples.validation("base", Verdict.PASS)).mark == Mark(Verdict.INCONCLUSIVE)
    assert validation_view.suite_view(samples.suite("empty", verdict=Verdict.PASS)).mark == Mark(Verdict.INCONCLUSIVE)


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
    stray = Promotion("base", "pytorch-cuda", "latest", samples.digest("older"))
    release = replace(samples.release(), promotions=(stray,))
    image = view.image_view(release, base())
    assert image.tags == ()
    assert image.pull.startswith(f"docker pull {samples.REGISTRY}/pytorch-cuda-staging@sha256:")
    assert any("pytorch-cuda:latest" in note for note in image.notes)


def test_pulled_by_digest_from_where_it_was_promoted() -> None:
    assert only(base()).pull == f"docker pull {samples.REGISTRY}/pytorch-cuda@{samples.digest('base')}"


def test_a_release_recorded_as_pass_falls_with_one_image() -> None:
    release, images = samples.proven()
    shown = view.page(release, (replace(images[0], scan=None),))
    assert shown.mark == Mark(Verdict.INCONCLUSIVE)
    assert "base is inconclusive" in shown.reason
    assert view.page(release, images).mark == Mark(Verdict.PASS)
    assert view.page(replace(release, images=()), ()).mark == Mark(Verdict.INCONCLUSIVE)


def test_the_headline_says_that_there_was_no_gpu_and_says_it_once() -> None:
    def headline(reason: str) -> str:
        return view.page(replace(samples.release(), reason=reason), samples.images()).reason

    assert headline("the scan found one critical") == "the scan found one critical (validated without a GPU)"
    assert headline("no GPU: device was not run") == "no GPU: device was not run"
    assert headline("the GPU is lost").endswith("(validated without a GPU)")
    assert "GPU" not in view.page(*samples.proven()).reason


def test_a_cpu_run_on_a_machine_with_a_gpu_counts_as_without() -> None:
    release, (records,) = samples.proven()
    assert records.validation is not None
    on_cpu = replace(records.validation, environment=replace(records.validation.environment, device="cpu"))
    image = view.image_view(release, replace(records, validation=on_cpu))
    assert "Xeon" in image.measured_on
    assert "without a GPU" in view.page(release, (replace(records, validation=on_cpu),)).reason


def test_no_reason_recorded_is_said() -> None:
    assert view.page(replace(samples.release(), reason=""), ()).reason == "the records give no reason"


@pytest.mark.parametrize(
    ("findings", "database", "assessed"),
    [
        ((), True, True),
        ((), False, False),
        (None, True, False),
        (None, False, False),
        (samples.findings(), False, True),
    ],
)
def test_assessed_means_a_database_judged(findings: tuple[()] | None, database: bool, assessed: bool) -> None:
    record = samples.scan("base", (), Verdict.PASS)
    record = replace(record, findings=findings, database=record.database if database else None)
    found = scan_view.findings_view(record)
    assert found.assessed is assessed
    assert bool(found.counts) is assessed
    assert (scan_view.scan_stage(record).mark.word == "not assessed") is not assessed


def test_a_scanner_that_failed_stays_infra() -> None:
    stage = scan_view.scan_stage(samples.scan("base", None, Verdict.INFRA))
    assert (stage.mark.word, stage.line) == ("infra", "vulnerabilities not assessed")


def test_findings_are_sorted_and_counted_by_severity() -> None:
    odd = replace(samples.findings()[0], severity="NEGLIGIBLE")
    found = scan_view.findings_view(samples.scan("cv", (*samples.findings(), odd)))
    assert [row.mark.word for row in (*found.urgent, *found.others)] == ["critical", "high", "medium", "low", "unknown"]
    assert {mark.word: count for mark, count in found.counts} == dict.fromkeys(scan_view.SEVERITIES, 1)
    assert [row.fixed for row in found.urgent] == ["no fix yet", "3.1.6"]


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
        ("os", "1 layer"), ("wheel", "12 layers"), ("pool", "1 layer"), ("bytecode", "1 layer")]  # fmt: skip


def test_checks_are_sorted_from_the_worst_and_rates_are_kept_apart() -> None:
    suites = samples.suites()
    assert [check.mark.word for check in validation_view.suite_view(suites[3]).checks] == ["fail", "pass", "pass"]
    assert validation_view.suite_view(suites[1]).checks[0].figures == ("in_flight 201 MB",)
    assert [(rate.value, rate.unit) for rate in validation_view.throughput(suites)] == [
        ("1.91", "images/s"),
        ("0.874", "sequences/s"),
    ]


def test_shared_layers_are_counted_once() -> None:
    facts = {fact.label: fact.value for fact in view.page(samples.release(), samples.images()).facts}
    assert facts["Size in registry"] == "3.23 GB"


def test_images_come_in_the_order_of_the_release_and_none_is_dropped() -> None:
    extra = ImageRecords("cv-nlp", None, None, None)
    shown = view.page(samples.release(), (extra, *reversed(samples.images())))
    assert [image.name for image in shown.images] == ["base", "cv", "nlp", "rl", "cv-nlp"]


def test_the_kinds_a_scan_counts_have_names_for_people() -> None:
    urls = ("pkg:deb/debian/bash@5.2", "pkg:pypi/torch@2.6.0")
    counted = packages_by_kind({"components": [{"purl": url} for url in urls]})
    assert [fact.label for fact in scan_view.package_facts(Sbom("sbom.cdx.json", "0" * 64, counted))] == [
        "Debian",
        "Python",
    ]


def test_cause_attempts_and_gpus_are_shown() -> None:
    """Two readings of one GPU, one of them slowed down."""
    reading = GpuSample(0.0, 0, 1755, 2619, 640.2, 61, 99, 40_000, ())
    samples_ = (reading, replace(reading, at_s=1.0, sm_clock_mhz=1655, temperature_c=64, throttled=("power cap",)))
    refused = replace(samples.check("a", Verdict.FAIL, "found 1, expected 2"), cause="a wrong kernel")
    suite = replace(samples.suite("ddp", refused, verdict=Verdict.FAIL), attempts=2, samples=samples_)
    shown = validation_view.suite_view(suite)
    assert (shown.attempts, shown.checks[0].cause) == ("2 attempts", "a wrong kernel")
    assert shown.gpus == (
        "GPU 0: 1705 MHz in the middle, at most 64 °C, at most 640 W, of 2 readings throttled: power cap in 1",
    )
    untold = (replace(reading, power_w=-1, temperature_c=-1),)
    assert validation_view.gpu_lines(untold) == ("GPU 0: 1755 MHz in the middle, of 1 reading throttled: none",)


def test_a_suite_s_own_cause_is_shown_where_no_check_has_it() -> None:
    hung = replace(samples.suite("ddp", samples.check("a"), verdict=Verdict.FAIL), cause="a rank waits for another")
    assert validation_view.suite_view(hung).cause == "a rank waits for another"
    told = replace(hung, checks=(replace(samples.check("a", Verdict.FAIL, "x"), cause=hung.cause),))
    assert validation_view.suite_view(told).cause == ""
