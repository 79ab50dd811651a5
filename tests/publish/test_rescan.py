"""What is already out is judged again, and compared, from what the registry holds: no image is
pulled.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, timedelta
from pathlib import Path

import pytest

from images import catalog
from images.catalog import Catalog, Version
from images.record import BuildRecord
from images.support import find_last_day
from oci import referrers
from oci.copying import require_manifest
from oci.manifest import image_manifest
from oci.registry import Registry, file_sha256
from publish.compare import compare_versions
from publish.evidence.attest import EvidenceSigner, list_carried_artifacts
from publish.image_assessor import ImageAssessor
from publish.released.published import (
    CANDIDATE,
    PRODUCTION,
    find_previous,
    find_published,
    list_published,
)
from publish.rescan import NO_SBOM, rescan_images
from publish.tags.promotion_plan import ApprovedImage, TagSet
from publish.tags.rollback import yank_version
from publish.tags.transaction import promote_tags
from runner import records
from runner.errors import ConfigError, EnvironmentFailed
from runner.verdict import Verdict
from scan import assess, store, trivy
from scan.assess import AssessmentContext
from scan.canaries import load_canaries
from scan.history import History
from scan.policy import load_policy
from scan.record import Sbom
from tests.fakes.cyclonedx import sbom
from tests.fakes.osv import FakeOsv, advisory, serving
from tests.fakes.registry import FakeRegistry
from tests.fakes.trivy_db import DebianAdvisory, PipAdvisory, Vulnerability, write
from tests.publish.moving import at
from tests.publish.signed import P256, findings_seal, trust
from tests.publish.stage_records import scanned, staged
from tests.scan.samples import CANARIES, TODAY, finding

JINJA2 = PipAdvisory("CVE-2026-2", "jinja2", ("< 3.1.5",), ("3.1.5",))
ELSEWHERE = (
    DebianAdvisory("CVE-2026-9", "zsh", "9"),
    PipAdvisory("CVE-2026-8", "unrelated", ("< 1",), ("1",)),
)
DAY = datetime.datetime(TODAY.year, TODAY.month, TODAY.day, tzinfo=UTC)

Release = Callable[..., BuildRecord]


pytestmark = pytest.mark.usefixtures("without_lock_wait")


@pytest.fixture
def shipped() -> Catalog:
    return catalog.load_catalog()


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.docker)])
def registry(request: pytest.FixtureRequest, home: Path) -> Iterator[Registry]:
    """The fake one, and a real distribution registry."""
    if request.param == "real":
        yield Registry(request.getfixturevalue("registry_host"))
        return
    with FakeRegistry() as started:
        yield Registry(started.host)


@pytest.fixture
def own(registry: Registry, shipped: Catalog, tmp_path: Path) -> Catalog:
    """The catalogue with repositories of this test alone: the real registry is shared by all."""
    names = shipped.repositories
    mine = {
        name: f"{tmp_path.name.lower().replace('_', '-')}/{name}"
        for name in ("production", "records", "journal")
    }
    return replace(shipped, repositories=replace(names, staging="staging", **mine))


@pytest.fixture
def release(registry: Registry, own: Catalog, tmp_path: Path) -> Release:
    """Releases an image with a bill of materials of four packages, jinja2 in the version asked
    for.
    """

    def made(
        version: str,
        image: str,
        *,
        jinja2: str = "3.1.4",
        channel: str = PRODUCTION,
        listed: bool = True,
    ) -> BuildRecord:
        build, _ = staged(registry, f"{image} {version} of {tmp_path.name}")
        build = replace(build, version=version, image=image)
        if listed:
            document = {**sbom(), "metadata": {"timestamp": f"{TODAY}T00:00:00Z"}}
            (tmp_path / trivy.SBOM).write_text(json.dumps(document).replace("3.1.4", jinja2))
            found = Sbom(trivy.SBOM, file_sha256(tmp_path / trivy.SBOM), trivy.SPDX, {})
            EvidenceSigner(registry, P256, "a test").attest_scan(
                build, replace(scanned(build), sbom=found), tmp_path
            )
        tags = TagSet(version, (image,), (), candidate=channel == CANDIDATE)
        subject = registry.read_manifest(build.repository, build.digest)
        assert subject is not None
        about = subject.descriptor
        decision = referrers.attach_artifact(
            registry, build.repository, about, "decision", [("text/plain", b"yes")], {}
        )
        goes = (decision.digest, *list_carried_artifacts(registry, build, trust(P256)).every)
        approved = [ApprovedImage(image, build.digest, build.repository, decision.digest, goes)]
        promote_tags(at(registry, "a test", own.repositories), tags, approved)
        return build

    return made


@pytest.fixture
def context(tmp_path: Path, home: Path) -> AssessmentContext:
    known = [Vulnerability(each.id, severity="CRITICAL") for each in (JINJA2, *ELSEWHERE)]
    write(tmp_path / "db", [JINJA2, *ELSEWHERE], known, updated_at=DAY)
    held = trivy.obtain_database(str(tmp_path / "db"), None)
    return AssessmentContext(load_policy(), (), held, History({}), TODAY, CANARIES)


def test_published_images_are_found_by_their_tags(
    registry: Registry, own: Catalog, release: Release
) -> None:
    build = release("v2.6.0", "base")
    release("v2.6.1", "cv")
    release("v2.6.10", "base")
    release("v2.6.2", "nlp", channel=CANDIDATE)
    manifest = registry.read_manifest("staging", build.digest)
    assert manifest is not None
    registry.put_manifest(own.repositories.production, "latest", manifest)
    found = [
        (str(each.version), each.image)
        for each in list_published(registry, own, PRODUCTION, trust(P256))
    ]
    assert found == [("v2.6.10", "base"), ("v2.6.1", "cv"), ("v2.6.0", "base")]
    assert [each.image for each in list_published(registry, own, CANDIDATE, trust(P256))] == ["nlp"]


def test_the_newest_release_that_is_refused_makes_a_patch_due(
    registry: Registry, own: Catalog, release: Release, context: AssessmentContext
) -> None:
    release("v2.6.0", "base", jinja2="3.1.6")
    release("v2.6.1", "base")
    release("v2.6.1", "cv", jinja2="3.1.6")
    judged = rescan_images(
        ImageAssessor(registry, own, trust(P256), context, lambda: P256), PRODUCTION
    )
    verdicts = {(each.version, each.image): each.verdict for each in judged.judgements}
    assert verdicts == {
        ("v2.6.0", "base"): Verdict.PASS,
        ("v2.6.1", "base"): Verdict.FAIL,
        ("v2.6.1", "cv"): Verdict.PASS,
    }
    assert [(due.line, due.newest, due.next) for due in judged.due] == [("2.6", "v2.6.1", "v2.6.2")]
    assert "base: 1 finding blocks, first CVE-2026-2" in judged.due[0].reasons[0]


def test_the_newest_release_that_its_users_are_on_decides(
    registry: Registry, own: Catalog, release: Release, context: AssessmentContext
) -> None:
    """And a number is never given twice."""
    release("v2.6.0", "base")
    release("v2.6.1", "base", jinja2="3.1.6")
    yank_version(at(registry, "a test", own.repositories), "v2.6.1", "it loses data")
    judged = rescan_images(
        ImageAssessor(registry, own, trust(P256), context, lambda: P256), PRODUCTION
    )
    assert [(due.newest, due.next) for due in judged.due] == [("v2.6.0", "v2.6.2")]
    assert (judged.newest, judged.verdict, judged.outdated_judgements) == (
        ("v2.6.0",),
        Verdict.FAIL,
        (),
    )


def test_an_old_release_that_is_refused_is_told_and_makes_nothing_due(
    registry: Registry, own: Catalog, release: Release, context: AssessmentContext
) -> None:
    release("v2.6.0", "base")
    release("v2.6.1", "base", jinja2="3.1.6")
    judged = rescan_images(
        ImageAssessor(registry, own, trust(P256), context, lambda: P256), PRODUCTION
    )
    assert [each.verdict for each in judged.judgements] == [Verdict.PASS, Verdict.FAIL]
    assert judged.due == ()
    assert (judged.newest, judged.verdict) == (("v2.6.1",), Verdict.PASS)
    assert [(each.version, each.image) for each in judged.outdated_judgements] == [
        ("v2.6.0", "base")
    ]


def test_a_database_of_today_that_misses_the_canaries_proves_nothing(
    registry: Registry, own: Catalog, release: Release, context: AssessmentContext
) -> None:
    release("v2.6.0", "base", jinja2="3.1.6")
    strict = replace(context, canaries=load_canaries())
    assessor = ImageAssessor(registry, own, trust(P256), strict, lambda: P256)
    judged = rescan_images(assessor, PRODUCTION)
    assert (judged.verdict, judged.due) == (Verdict.INCONCLUSIVE, ())
    assert "does not know CVE-2026-24747 in torch 2.9.1" in judged.judgements[0].reason


def test_a_second_opinion_is_listed_and_decides_nothing(
    registry: Registry, own: Catalog, release: Release, context: AssessmentContext
) -> None:
    release("v2.6.0", "base", jinja2="3.1.6")
    assessor = ImageAssessor(registry, own, trust(P256), context, lambda: P256)
    only = advisory("PYSEC-2026-1", "torch", ["2.6.0"], "2.10.0", aliases=["CVE-2026-24747"])
    with serving(FakeOsv([only])) as address:
        judged = rescan_images(assessor, PRODUCTION, address)
    assert (judged.verdict, judged.due) == (Verdict.PASS, ())
    assert judged.second_opinion is not None
    named = [(each.id, each.images) for each in judged.second_opinion.advisories]
    assert named == [("CVE-2026-24747", ("v2.6.0 base",))]
    assert records.to_plain(judged)["second_opinion"]["advisories"][0]["id"] == "CVE-2026-24747"


@pytest.mark.parametrize("answer", [b"", b"{}", b"[" * 99])
def test_a_second_opinion_that_fails_changes_no_verdict(
    registry: Registry, own: Catalog, release: Release, context: AssessmentContext, answer: bytes
) -> None:
    release("v2.6.0", "base")
    assessor = ImageAssessor(registry, own, trust(P256), context, lambda: P256)
    with serving(FakeOsv(answer=answer)) as address:
        judged = rescan_images(assessor, PRODUCTION, address)
    assert judged.verdict is Verdict.FAIL
    assert judged.second_opinion is not None
    assert "it gave none" in judged.second_opinion.problem


def test_history_grows_by_what_is_new(
    registry: Registry, own: Catalog, release: Release, context: AssessmentContext
) -> None:
    release("v2.6.0", "base")
    for _ in range(2):
        before = store.read_history(registry, own.repositories.records, findings_seal(P256), TODAY)
        rescan_images(
            ImageAssessor(
                registry, own, trust(P256), replace(context, history=before), lambda: P256
            ),
            PRODUCTION,
        )
    kept = store.read_history(registry, own.repositories.records, findings_seal(P256), TODAY)
    assert [(each.date, each.verdict) for each in kept.judgements] == [
        (TODAY.isoformat(), Verdict.FAIL)
    ]
    assert list(kept.seen) == ["CVE-2026-2 pkg:pypi/jinja2"]


def test_an_image_without_a_stored_bill_is_not_proven(
    registry: Registry, own: Catalog, release: Release, context: AssessmentContext
) -> None:
    release("v2.6.0", "base", listed=False)
    judged = rescan_images(
        ImageAssessor(registry, own, trust(P256), context, lambda: P256), PRODUCTION
    )
    assert [(each.verdict, each.reason) for each in judged.judgements] == [
        (Verdict.INCONCLUSIVE, NO_SBOM)
    ]
    assert judged.verdict is Verdict.INCONCLUSIVE
    release("v2.6.1", "base", jinja2="3.1.6")
    assert (
        rescan_images(
            ImageAssessor(registry, own, trust(P256), context, lambda: P256), PRODUCTION
        ).verdict
        is Verdict.PASS
    )
    release("v2.6.2", "base", listed=False)
    assert (
        rescan_images(
            ImageAssessor(registry, own, trust(P256), context, lambda: P256), PRODUCTION
        ).verdict
        is Verdict.INCONCLUSIVE
    )


def test_a_scanner_that_fails_on_the_newest_decides_and_on_an_older_one_does_not(
    registry: Registry,
    own: Catalog,
    release: Release,
    context: AssessmentContext,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def assessed(path: Path, *given: object) -> assess.Assessment:
        if bad[-1] in path.read_text():
            raise EnvironmentFailed("trivy ended with 1")
        return whole(path, *given)  # type: ignore[arg-type] # handed on as they are

    whole, bad = assess.assess_sbom, list[str]()
    monkeypatch.setattr(assess, "assess_sbom", assessed)
    release("v2.6.0", "base", jinja2="3.1.5")
    release("v2.6.1", "base", jinja2="3.1.6")
    for days, (broken, verdict) in enumerate((("3.1.5", Verdict.PASS), ("3.1.6", Verdict.INFRA))):
        bad.append(broken)
        night = replace(context, today=TODAY + timedelta(days=days))
        assert (
            rescan_images(
                ImageAssessor(registry, own, trust(P256), night, lambda: P256), PRODUCTION
            ).verdict
            is verdict
        )


def test_nothing_that_is_out_is_nothing_proven(
    registry: Registry, own: Catalog, context: AssessmentContext
) -> None:
    judged = rescan_images(
        ImageAssessor(registry, own, trust(P256), context, lambda: P256), PRODUCTION
    )
    assert (judged.newest, judged.verdict) == ((), Verdict.INCONCLUSIVE)


def test_a_line_past_its_support_is_left_alone(
    registry: Registry, own: Catalog, release: Release, context: AssessmentContext
) -> None:
    release("v2.6.0", "base")
    last = find_last_day(own.lines["2.6"].support)
    assert last is not None
    after = last + timedelta(days=1)
    assert (
        rescan_images(
            ImageAssessor(registry, own, trust(P256), replace(context, today=after)), PRODUCTION
        ).judgements
        == ()
    )


def test_two_releases_are_compared(
    registry: Registry, own: Catalog, release: Release, context: AssessmentContext
) -> None:
    release("v2.6.0", "base")
    release("v2.6.1", "base", jinja2="3.1.6")
    changed = compare_versions(
        ImageAssessor(registry, own, trust(P256), context, lambda: P256),
        "base",
        (Version("2.6", 0), Version("2.6", 1)),
    )
    assert [
        (each.name, each.before, each.after, each.how, each.security) for each in changed.changed
    ] == [("jinja2", "3.1.4", "3.1.6", "security", ("CVE-2026-2",))]
    assert changed.layers.after_bytes > 0


def test_a_release_that_is_not_there_is_wrong_usage(registry: Registry, own: Catalog) -> None:
    with pytest.raises(ConfigError, match=r"v2.6.7 base is not in .*release.py release v2.6.7"):
        find_published(registry, own, Version("2.6", 7), "base", trust(P256))


def test_histories_written_by_two_are_merged(registry: Registry, own: Catalog) -> None:
    one = History({}).with_findings([finding(id_="CVE-2026-1")], TODAY)
    two = History({}).with_findings([finding(id_="CVE-2026-2")], TODAY)
    for history in (one, two):
        store.store_history(registry, own.repositories.records, history, findings_seal(P256), TODAY)
    assert (
        len(store.read_history(registry, own.repositories.records, findings_seal(P256), TODAY).seen)
        == 2
    )


def test_a_release_whose_tag_was_moved_away_is_judged_all_the_same(
    registry: Registry,
    own: Catalog,
    release: Release,
    context: AssessmentContext,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The journal that we signed says what it is, and the tag is only compared with it."""
    release("v2.6.0", "cv", jinja2="3.1.6")
    build = release("v2.6.1", "cv", jinja2="3.1.6")
    junk = image_manifest(registry.push_bytes(own.repositories.production, b"{}", "x/y"), [])
    registry.put_manifest(own.repositories.production, "v2.6.1-cv", junk)
    assessor = ImageAssessor(registry, own, trust(P256), context)
    judged = rescan_images(assessor, PRODUCTION)
    assert judged.judgements[0].digest == build.digest
    assert judged.verdict is Verdict.INCONCLUSIVE
    assert "but the signed journal says" in capsys.readouterr().err
    version = own.require_version("v2.6.2")
    before = find_previous(registry, own, version, "cv", trust(P256))
    assert before is not None
    assert (before.version.patch, before.digest, before.is_moved) == (1, build.digest, True)
    registry.put_manifest(
        own.repositories.production,
        "v2.6.1-cv",
        require_manifest(registry, build.repository, build.digest),
    )
    assert rescan_images(assessor, PRODUCTION).verdict is Verdict.PASS
