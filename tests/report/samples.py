"""Records as the stages write them, for a release without a GPU and for the corners around it.

The shapes and magnitudes are real, the numbers are made up.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace

from images.record import BuildRecord, BuiltLayer, DebianPackage
from publish.released.record import GateRefusal, PromotedTag, ReleaseRecord, StageTime
from report.model import ImageRecords
from runner.verdict import Verdict
from scan.record import (
    Database,
    Finding,
    Origin,
    Sbom,
    ScanProblem,
    ScanRecord,
    TriagedFinding,
    TriageStatus,
)
from validation.record import Check, Environment, Figure, SuiteResult, ValidationRecord

VERSION = "v2.6.0"
DATABASE = Database(
    "ghcr.io/aquasecurity/trivy-db:2",
    hashlib.sha256(b"database").hexdigest(),
    "2026-11-20T18:31:00Z",
)
REGISTRY = "localhost:5000"
REFUSED = (
    "cv: test result: suite versions: fail",
    "a release has all images, and rl are not among them",
)
HOSTILE = (
    '<script>alert(1)</script> a|b `tick` \\| *bold*\nsecond & "line" </pre> '
    "\x1b[31mred\x1b[0m \x00 \u202edesrever"
)

_BIG_WHEELS = (
    ("nvidia-cudnn-cu12 9.1.0.70", 664_752_741),
    ("nvidia-cublas-cu12 12.4.5.8", 363_438_805),
    ("nvidia-cusparse-cu12 12.3.1.170", 207_454_763),
    ("nvidia-cufft-cu12 11.2.1.3", 211_459_117),
    ("nvidia-nccl-cu12 2.21.5", 188_654_414),
    ("triton 3.2.0", 166_682_132),
    ("nvidia-cusparselt-cu12 0.6.2", 150_057_751),
    ("nvidia-cusolver-cu12 11.6.1.9", 127_937_407),
    ("nvidia-curand-cu12 10.3.5.147", 56_349_618),
    ("nvidia-cuda-nvrtc-cu12 12.4.127", 24_646_306),
    ("nvidia-nvjitlink-cu12 12.4.127", 21_066_810),
    ("torch 2.6.0", 766_674_512),
)
_DEBIAN = (
    "apt base-files bash ca-certificates coreutils dash libc6 libgomp1 libssl3 libstdc++6 "
    "openssl tini tzdata zlib1g"
)


def digest(text: str) -> str:
    """A digest that stands for `text`."""
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def layer(name: str, kind: str, size: int, stack: str = "base", made: str = "reused") -> BuiltLayer:
    return BuiltLayer(
        name,
        kind,
        stack,
        digest(f"key {name}"),
        digest(name),
        digest(f"tar {name}"),
        size,
        made,
        0.4,
    )


def base_layers() -> tuple[BuiltLayer, ...]:
    return (
        layer("debian bookworm", "os", 31_482_112, made="built"),
        *(layer(name, "wheel", size) for name, size in _BIG_WHEELS),
        layer("base, 14 small wheels", "pool", 38_120_550, made="built"),
        layer("base, compiled", "bytecode", 61_904_331, made="built"),
    )


def build(image: str) -> BuildRecord:
    own: tuple[BuiltLayer, ...] = ()
    if image == "cv":
        own = (layer("opencv-python-headless 4.11.0.86", "wheel", 50_002_414, "cv", "built"),)
    if image != "base":
        own += (layer(f"{image}, small wheels", "pool", 48_201_002, image, "built"),)
    return BuildRecord(
        version=VERSION,
        image=image,
        stacks=("base",) if image == "base" else ("base", image),
        repository="pytorch-cuda-staging",
        digest=digest(image),
        media_type="application/vnd.oci.image.manifest.v1+json",
        content_key=digest(f"content {image}"),
        layers=base_layers() + own,
        torch="2.6.0",
        cuda="12.4",
        python="3.11",
        base_source="mmdebstrap bookworm",
        debian_packages=tuple(DebianPackage(name, "1:2.3-4+deb12u1") for name in _DEBIAN.split()),
        created_at="2026-11-21T02:07:31+00:00",
        seconds=41.2,
    )


def check(name: str, verdict: Verdict = Verdict.PASS, reason: str = "", *figures: Figure) -> Check:
    return Check(name, verdict, reason, 1.37, figures)


def suite(
    name: str, *checks: Check, verdict: Verdict, reason: str = "", last_output: str = ""
) -> SuiteResult:
    return SuiteResult(
        name, verdict, reason, sum(one.seconds for one in checks), checks, last_output
    )


def suites() -> tuple[SuiteResult, ...]:
    """Every verdict once at least."""
    no_gpu = "no GPU on this runner"
    rate = check("resnet50_training", Verdict.PASS, "", Figure("images_per_s", 1.912, "images/s"))
    bert = check(
        "bert_base_training", Verdict.PASS, "", Figure("sequences_per_s", 0.874, "sequences/s")
    )
    broken = (
        "torch.cuda.nccl.version() is (2, 21, 5), expected (2, 21, 6): a second copy of NCCL "
        "is loaded"
    )
    shm = "fork: [Errno 28] No space left on device: /dev/shm is 64 MiB, the suite needs 256 MiB"
    worker = (
        check("every_gpu_is_seen", Verdict.NOT_RUN, no_gpu),
        check("driver_against_floor", Verdict.NOT_RUN, no_gpu),
    )
    return (
        suite("device", *worker, verdict=Verdict.NOT_RUN, reason=no_gpu),
        suite(
            "dataloader",
            check(
                "workers_fill_shared_memory", Verdict.INFRA, shm, Figure("in_flight", 201.3, "MB")
            ),
            check("order_is_exact"),
            verdict=Verdict.INFRA,
        ),
        suite(
            "ddp",
            check(
                "gradients_of_two_ranks",
                Verdict.PASS,
                "",
                Figure("difference", 2.2e-16, "relative"),
            ),
            verdict=Verdict.PASS,
        ),
        suite(
            "versions",
            check("torch"),
            check("nccl", Verdict.FAIL, broken),
            check("cuda"),
            verdict=Verdict.FAIL,
            last_output=(
                "\x1b[31mE   AssertionError\x1b[0m: (2, 21, 5) != (2, 21, 6)\n1 failed, 2 "
                "passed in 4.11s\n"
            ),
        ),
        suite(
            "throughput",
            rate,
            bert,
            check("peak_memory", Verdict.INCONCLUSIVE, "not measured on this CPU yet"),
            verdict=Verdict.INCONCLUSIVE,
        ),
    )


def environment(*gpus: str) -> Environment:
    return Environment(
        executor="docker",
        device="cuda" if gpus else "cpu",
        gpus=gpus,
        driver="550.54.15" if gpus else "",
        cpu="Intel(R) Xeon(R) Processor @ 2.60GHz",
        cpus=2,
        memory_bytes=8 * 2**30,
        shm_bytes=2**30,
        kernel="6.1.0-28-amd64",
        engine="20.10.24+dfsg1",
    )


def validation(
    image: str, verdict: Verdict = Verdict.INCONCLUSIVE, *found: SuiteResult
) -> ValidationRecord:
    return ValidationRecord(
        version=VERSION,
        image=image,
        digest=digest(image),
        key="0" * 64,
        verdict=verdict,
        reason=""
        if verdict is Verdict.PASS
        else "no GPU on this runner: the device checks were not run",
        suites=found,
        environment=environment(),
        command=f"./release.py validate {VERSION} --images {image} --device cpu",
        started_at="2026-11-21T02:08:12+00:00",
        seconds=83.4,
    )


def finding(id_: str, purl: str, fixed: str, severity: str, title: str) -> Finding:
    package, _, version = purl.rpartition("/")[2].partition("?")[0].partition("@")
    return Finding(id_, purl, package, version, fixed, severity, title, "2026-09-30")


def findings() -> tuple[TriagedFinding, ...]:
    """Every standing and every severity once at least, not in the order of a report."""
    jinja, debian = "pkg:pypi/jinja2@3.1.5", "pkg:deb/debian/{}?arch=amd64&distro=debian-12"
    timing = finding(
        "CVE-2026-0002",
        debian.format("libssl3@3.0.15-1"),
        "3.0.16-1",
        "LOW",
        "openssl: timing side channel",
    )
    sandbox = finding(
        "CVE-2026-0001", jinja, "3.1.6, 4.0.1", "HIGH", "jinja2: sandbox escape through attr"
    )
    parser = finding(
        "CVE-2026-0005",
        debian.format("libexpat1@2.5.0-1"),
        "2.5.0-1+deb12u1",
        "CRITICAL",
        "expat: XXE",
    )
    glibc = finding(
        "CVE-2026-0004",
        debian.format("libc6@2.36-9"),
        "",
        "MEDIUM",
        "glibc: buffer overflow in assert",
    )
    zlib = finding(
        "CVE-2026-0003", debian.format("zlib1g@1.2.13"), "", "CRITICAL", "zlib: overflow in minizip"
    )
    pillow = finding(
        "CVE-2026-0006", "pkg:pypi/pillow@11.1.0", "11.2.0", "MEDIUM", "pillow: overflow in DDS"
    )
    torch = finding(
        "CVE-2026-0007",
        "pkg:pypi/torch@2.6.0",
        "2.7.1",
        "HIGH",
        "torch: resource shutdown in ctc_loss",
    )
    tar = finding(
        "TEMP-0517018-A83CE6", debian.format("sysvinit-utils@3.06-4"), "", "NEGLIGIBLE", ""
    )
    excuse = "the loss is not called with lengths of strangers (images@example.org)"
    return (
        TriagedFinding(timing, TriageStatus.TOLERATED, "", "low does not block"),
        TriagedFinding(
            sandbox, TriageStatus.BLOCKS, "2026-10-28", "fixed since 2026-09-30, 28 days of grace"
        ),
        TriagedFinding(
            parser, TriageStatus.BLOCKS, "2026-10-14", "fixed since 2026-09-30, 14 days of grace"
        ),
        TriagedFinding(glibc, TriageStatus.UNFIXED, "", "no fixed version is known"),
        TriagedFinding(zlib, TriageStatus.UNFIXED, "", "no fixed version is known"),
        TriagedFinding(
            pillow, TriageStatus.GRACE, "2027-03-29", "fixed since 2026-09-30, 180 days of grace"
        ),
        TriagedFinding(torch, TriageStatus.EXCUSED, "2027-01-31", excuse),
        TriagedFinding(tar, TriageStatus.TOLERATED, "", "negligible does not block"),
    )


def tolerated(count: int) -> tuple[TriagedFinding, ...]:
    """Findings as an image with a compiler has them, in kernel headers that nothing runs."""
    purl, title = (
        "pkg:deb/debian/linux-libc-dev@6.1.158-1",
        "kernel: a driver forgets to check a length",
    )
    found = (
        finding(f"CVE-2026-{10_000 + number}", purl, "", "LOW", title) for number in range(count)
    )
    return tuple(
        TriagedFinding(each, TriageStatus.TOLERATED, "", "low does not block") for each in found
    )


def problems() -> tuple[ScanProblem, ...]:
    """Every kind once at least."""
    clean, pinned = (
        "remove it in the same build step that filled it",
        "take it out, or lock another version",
    )
    return (
        ScanProblem(
            "bill of materials",
            "opencv-python-headless",
            "the bill of materials lists 4.11.0.86, importlib.metadata says 4.11.0",
            "build the image again",
        ),
        ScanProblem(
            "configuration",
            "User",
            "the image runs as root: its user is root",
            "set a user of its own",
        ),
        ScanProblem(
            "configuration",
            "/srv/.cache/pip",
            "a package cache of 218 MB is left in the image",
            clean,
        ),
        ScanProblem(
            "configuration",
            "/usr/bin/gcc-12",
            "a compiler in a runtime image",
            (
                "remove the package, or allow it with its reason: `configuration.compiler` in "
                "scan/policy.yaml"
            ),
        ),
        ScanProblem(
            "secret",
            "/srv/user/.aws/credentials:2",
            "AWS Access Key ID (aws-access-key-id)",
            "revoke it: who pulled the layer has it; then build without it",
        ),
        ScanProblem("licence", "fancy-gpl 1.0", "GPL-3.0-only is not allowed", pinned),
        ScanProblem(
            "dockerfile",
            "images/cv/Dockerfile:7",
            "DL3008: Pin versions in apt get install.",
            "mend the line",
        ),
        ScanProblem(
            "budget",
            "cv",
            "compressed size: 4300 MB, the budget is 4100 MB",
            "take out what is not needed",
        ),
        ScanProblem(
            "exception",
            f"CVE-2025-1 {'pkg:pypi/jinja2@3.1.4'}",
            "expired on 2026-11-01",
            "correct or remove it",
        ),
    )


def origins(sourced: bool = True) -> tuple[Origin, ...]:
    """Packages by origin; without a database none has a source."""
    debian, pypi = (
        ("Debian Security Tracker", "GitHub Security Advisory Pip") if sourced else ("", "")
    )
    return (
        Origin("Debian", 104, debian),
        Origin("NVIDIA wheels", 14, ""),
        Origin("PyPI", 27, pypi),
        Origin("vendored in wheels", 8, pypi),
        Origin("cargo packages inside wheels", 61, ""),
        Origin("shared libraries inside wheels", 212, ""),
    )


def scan(
    image: str,
    found: tuple[TriagedFinding, ...] | None,
    verdict: Verdict = Verdict.INCONCLUSIVE,
    wrong: tuple[ScanProblem, ...] = (),
) -> ScanRecord:
    none = "vulnerabilities not assessed: no vulnerability database could be fetched"
    refused = (
        f"{wrong[0].kind}: {wrong[0].where}: {wrong[0].what}, and {len(wrong) - 1} more problems"
        if wrong
        else ""
    )
    return ScanRecord(
        version=VERSION,
        image=image,
        digest=digest(image),
        verdict=verdict,
        reason=none if found is None else refused,
        scanner="trivy 0.76.0",
        sbom=Sbom(
            "sbom.cdx.json", digest(f"sbom {image}")[7:], "sbom.spdx.json", {"deb": 104, "pypi": 49}
        ),
        database=None if found is None else DATABASE,
        origins=origins(found is not None),
        findings=found,
        problems=wrong,
        started_at="2026-11-21T02:09:40+00:00",
        seconds=21.9,
    )


def passing() -> SuiteResult:
    return suite("versions", check("torch"), check("cuda"), verdict=Verdict.PASS)


def images() -> tuple[ImageRecords, ...]:
    """Base passed what it could, cv has every verdict, nlp was built and scanned only, rl was not
    reached.
    """
    return (
        ImageRecords(
            "base", build("base"), validation("base", Verdict.PASS, passing()), scan("base", ())
        ),
        ImageRecords(
            "cv",
            build("cv"),
            validation("cv", Verdict.FAIL, *suites()),
            scan("cv", findings(), Verdict.FAIL, problems()),
        ),
        ImageRecords("nlp", build("nlp"), None, scan("nlp", None)),
        ImageRecords("rl", None, None, None),
    )


def release(verdict: Verdict = Verdict.FAIL) -> ReleaseRecord:
    reason = "cv: versions/nccl: a second copy of NCCL is loaded"
    return ReleaseRecord(
        version=VERSION,
        images=("base", "cv", "nlp", "rl"),
        verdict=verdict,
        reason="" if verdict is Verdict.PASS else reason,
        channel="candidate",
        registry=REGISTRY,
        promotions=(
            PromotedTag("base", "pytorch-cuda", f"{VERSION}-candidate", digest("base")),
            PromotedTag("base", "pytorch-cuda", f"{VERSION}-base-candidate", digest("base")),
        ),
        stages=(
            StageTime("build", 164.0),
            StageTime("validate", 341.5),
            StageTime("scan", 88.2),
            StageTime("promote", 1.4),
        ),
        command=f"./release.py release {VERSION}",
        finished_at="2026-11-21T02:18:02+00:00",
        refusal=None if verdict is Verdict.PASS else GateRefusal(verdict, REFUSED),
    )


def proven() -> tuple[ReleaseRecord, tuple[ImageRecords, ...]]:
    """A release of one image that passed everything on GPUs of two models."""
    on_gpu = replace(
        validation("base", Verdict.PASS, passing()), environment=environment("NVIDIA H200")
    )
    records = ImageRecords(
        *("base", build("base"), on_gpu, scan("base", (), Verdict.PASS)),
        by_model=tuple(
            replace(validation("base", Verdict.PASS, *suites()), environment=environment(name))
            for name in ("NVIDIA H200", "NVIDIA L4")
        ),
    )
    return replace(release(Verdict.PASS), images=("base",), channel="production"), (records,)
