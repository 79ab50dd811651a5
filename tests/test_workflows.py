"""The workflows keep the rules, the linters are content, and their scripts do what they should.

Every rule and both linters are shown a planted fault.
"""

from __future__ import annotations

import base64
import gzip
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from publish import webhook
from publish.outdated import Outdated, UpstreamMinor
from publish.policy import channels
from publish.policy.schedule import DueRelease
from report import feed
from runner import records
from runner.home import REPOSITORY
from tests import workflow_rules as rules
from tests.workflow_rules import RULES, Rule, actions, workflows

BIN = Path(sys.executable).parent


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_workflows_keep_the_rule(rule: Rule) -> None:
    assert not known(rule)


def test_there_are_workflows() -> None:
    """A rule about none would hold."""
    assert set(workflows(REPOSITORY)) == {
        f"{name}.yml" for name in ("ci", "release", "monthly", "quarterly", "rescan", "update")
    }
    assert set(actions(REPOSITORY)) == {"prepare", "report"}


def test_a_release_by_hand_goes_where_there_are_channels() -> None:
    inputs = workflows(REPOSITORY)["release.yml"]["on"]["workflow_dispatch"]["inputs"]
    assert set(inputs["channel"]["options"]) == set(channels.load().channels)
    assert set(inputs["kind"]["options"]) == set(channels.KINDS)


CHECKOUT = "actions/checkout@de0fac2e4500dabe0009e67214ff5f5447ce83dd"

PLANTED: dict[Rule, list[tuple[str, str, str]]] = {
    rules.registries_know_the_login: [
        ("actions/report/action.yml", "        DOCKER_CONFIG: ${{ runner.temp }}/docker\n", ""),
        ("workflows/rescan.yml", "DOCKER_CONFIG: ${{ runner.temp }}/docker", "OTHER: 1"),
        ("workflows/monthly.yml", "DOCKER_CONFIG: ${{ runner.temp }}", "DOCKER_CONFIG: /tmp"),
    ],
    rules.actions_are_pinned: [
        ("workflows/ci.yml", CHECKOUT, "actions/checkout@v6"),
        ("workflows/ci.yml", CHECKOUT, f"actions/checkout@{'0' * 40}"),
        ("workflows/ci.yml", f"{CHECKOUT} # v6.0.2", CHECKOUT),
        ("workflows/ci.yml", f"uses: {CHECKOUT}", "'uses': actions/checkout@v6"),
        ("actions/report/action.yml", "# v7.0.1", "# v7"),
        ("workflows/rescan.yml", "./.github/actions/prepare", "./.github/actions/prepared"),
        ("workflows/rescan.yml", "./.github/actions/prepare", "docker://alpine:3"),
    ],
    rules.jobs_end: [
        ("workflows/ci.yml", "    timeout-minutes: 15\n", ""),
        ("workflows/release.yml", "timeout-minutes: 240", "timeout-minutes: 2400"),
    ],
    rules.tokens_do_little: [
        ("workflows/ci.yml", "permissions: {}", "permissions: read-all"),
        ("workflows/ci.yml", "permissions: {}\n", ""),
        ("workflows/ci.yml", "    permissions:\n      contents: read\n", ""),
        ("workflows/ci.yml", "contents: read", "contents: write"),
        ("workflows/rescan.yml", "contents: read", "contents: read\n      id-token: write"),
        ("workflows/release.yml", "contents: write", "contents: write\n      packages: write"),
    ],
    rules.who_may_write_runs_no_code: [
        (
            "workflows/update.yml",
            "          handed=$(realpath",
            "          make setup\n          handed=$(realpath",
        ),
        (
            "workflows/release.yml",
            "          if gh release view",
            "          ./release.py plan\n          if gh release view",
        ),
        (
            "workflows/release.yml",
            "      - uses: actions/download-artifact@",
            "      - uses: ./.github/actions/prepare\n      - uses: actions/download-artifact@",
        ),
        ("workflows/ci.yml", "contents: read", "contents: write"),
        (
            "workflows/release.yml",
            "      - uses: actions/download-artifact@",
            "      - uses: ./.github/actions/report\n      - uses: actions/download-artifact@",
        ),
    ],
    rules.trust_is_set_as_a_whole: [
        (
            "workflows/rescan.yml",
            "      PYTORCH_CUDA_IMAGES_DECISION_KEYS: ${{ vars.DECISION_KEYS }}\n",
            "",
        ),
        (
            "workflows/monthly.yml",
            "IMAGES_DECISION_KEYS: ${{ vars.DECISION_KEYS }}",
            "IMAGES_DECISION_KEYS: ${{ vars.TRUSTED_KEYS }}",
        ),
        (
            "workflows/release.yml",
            "          PYTORCH_CUDA_IMAGES_SIGNING_KEY: ${{ secrets.DECISION_KEY }}",
            "          PYTORCH_CUDA_IMAGES_TRUSTED_KEYS: ${{ vars.OTHER }}",
        ),
        (
            "workflows/quarterly.yml",
            "".join(
                f"      PYTORCH_CUDA_IMAGES_{name}: ${{{{ vars.{name} }}}}\n"
                for name in ("TRUSTED_KEYS", "DECISION_KEYS", "REVOKED_KEYS", "TRUSTED_IDENTITIES")
            ),
            "",
        ),
    ],
    rules.checkouts_keep_no_token: [
        ("workflows/update.yml", "persist-credentials: false", "persist-credentials: true"),
        ("workflows/ci.yml", "        with:\n          persist-credentials: false\n", ""),
    ],
    rules.strangers_reach_no_runner_of_ours: [
        ("workflows/ci.yml", "runs-on: ubuntu-24.04", "runs-on: [self-hosted, gpu]"),
        ("workflows/ci.yml", "runs-on: ubuntu-24.04", "runs-on: gpu"),
        ("workflows/ci.yml", "runs-on: ubuntu-24.04", "runs-on: ${{ vars.RUNNER }}"),
        ("workflows/ci.yml", "runs-on: ubuntu-24.04", "runs-on: {group: gpu}"),
        (
            "workflows/ci.yml",
            "jobs:\n",
            "jobs:\n  planted:\n    uses: ./.github/workflows/release.yml\n",
        ),
        ("workflows/release.yml", "  workflow_call:\n", "  pull_request:\n  workflow_call:\n"),
        ("workflows/monthly.yml", "  workflow_dispatch:\n", "  pull_request_target:\n"),
        ("workflows/quarterly.yml", "  workflow_dispatch:\n", "  issue_comment:\n"),
    ],
    rules.secrets_are_where_they_are_needed: [
        ("workflows/ci.yml", "- run: make fast", "- run: echo ${{ secrets.STAGING_PASSWORD }}"),
        ("workflows/release.yml", "secrets.EVIDENCE_KEY", "secrets.DECISION_KEY"),
        (
            "workflows/release.yml",
            "KIND: ${{ inputs.kind }}",
            "KIND: ${{ secrets.WEBHOOK_SECRET }}",
        ),
        ("workflows/release.yml", "environment: production", "environment: staging"),
        ("workflows/rescan.yml", "    environment: staging\n", ""),
        ("workflows/rescan.yml", "secrets.STAGING_USER", "toJSON(secrets)"),
        ("workflows/rescan.yml", "secrets.STAGING_USER", "secrets['STAGING_USER']"),
        (
            "workflows/release.yml",
            "env:\n  VERSION:",
            "env:\n  KEY: ${{ secrets.KEY }}\n  VERSION:",
        ),
        (
            "workflows/monthly.yml",
            "PRODUCTION_USER: from the environment",
            "PRODUCTION_USER: ${{ secrets.USER }}",
        ),
        ("workflows/monthly.yml", "    secrets: #", "    secrets: inherit\n    x: #"),
    ],
    rules.callers_hand_on_every_name: [
        ("workflows/monthly.yml", "      WEBHOOK: from the environment\n", ""),
        ("workflows/quarterly.yml", "DECISION_KEY: from the environment", "DECISION_KEY: none"),
        (
            "workflows/release.yml",
            "      WEBHOOK_SECRET:\n",
            "      ANOTHER:\n        required: true\n      WEBHOOK_SECRET:\n",
        ),
    ],
    rules.placeholders_are_no_values: [
        (
            "workflows/release.yml",
            "secrets.WEBHOOK != 'from the environment' && secrets.WEBHOOK || ''",
            "secrets.WEBHOOK",
        ),
        ("workflows/release.yml", "secrets.WEBHOOK_SECRET || ''", "secrets.WEBHOOK || ''"),
        (
            "workflows/release.yml",
            "secrets.WEBHOOK != 'from the environment'",
            "secrets.WEBHOOK != 'none'",
        ),
        (
            "workflows/release.yml",
            "sign with\n        required: true",
            "sign with\n        required: false",
        ),
    ],
    rules.only_logins_and_signatures_see_secrets: [
        (
            "workflows/release.yml",
            "IMAGES: ${{ needs.",
            "KEY: ${{ secrets.EVIDENCE_KEY }}\n      IMAGES: ${{ needs.",
        ),
    ],
    rules.who_has_a_secret_uses_no_action_of_others: [
        (
            "workflows/release.yml",
            "      - uses: ./.github/actions/prepare",
            f"      - uses: somebody/action@{'0' * 40} # v1.0.0\n"
            "      - uses: ./.github/actions/prepare",
        ),
        (
            "actions/prepare/action.yml",
            "  steps:\n",
            f"  steps:\n    - uses: somebody/action@{'0' * 40} # v1.0.0\n",
        ),
        ("actions/report/action.yml", "using: composite", "using: node24\n  main: index.js"),
    ],
    rules.a_step_with_a_secret_runs_our_code_alone: [
        (
            "actions/prepare/action.yml",
            "      run: make setup\n",
            "      env: {P: '${{ inputs.password }}'}\n      run: make setup\n",
        ),
        (
            "actions/prepare/action.yml",
            'python-version: "3.11"',
            "token: ${{ inputs.password }}",
        ),
        (
            "actions/prepare/action.yml",
            "      run: printf",
            '      run: echo "P=$PASSWORD" >> "$GITHUB_ENV"; printf',
        ),
        ("actions/prepare/action.yml", "docker login", "docker run evil"),
        ("workflows/rescan.yml", "./release.py rescan", "make setup; ./release.py rescan"),
        (
            "workflows/release.yml",
            "          mkdir feeds\n",
            "          npx something\n",
        ),
    ],
    rules.scripts_hold_no_expressions: [
        (
            "workflows/release.yml",
            '"$VERSION" --images base',
            "${{ inputs.version }} --images base",
        ),
        ("actions/report/action.yml", 'report "$VERSION"', "report ${{ inputs.version }}"),
    ],
    rules.scripts_stop_at_the_first_error: [
        ("workflows/rescan.yml", "    shell: bash\n", "    shell: sh\n"),
        ("actions/prepare/action.yml", "      shell: bash\n", "      shell: sh\n"),
    ],
    rules.runs_do_not_cross: [
        ("workflows/release.yml", "cancel-in-progress: false", "cancel-in-progress: true"),
        (
            "workflows/update.yml",
            "concurrency:\n  group: update\n  cancel-in-progress: false\n",
            "",
        ),
    ],
    rules.failures_leave_records: [
        ("workflows/release.yml", "- if: failure()", "- if: success()"),
        ("workflows/rescan.yml", "      - if: ${{ !cancelled() }}\n        uses:", "      - uses:"),
    ],
    rules.times_are_those_of_the_docs: [
        ("workflows/rescan.yml", "23 2 * * *", "24 2 * * *"),
        ("workflows/rescan.yml", '  schedule:\n    - cron: "23 2 * * *"\n', ""),
        (
            "workflows/ci.yml",
            "  pull_request:\n",
            '  pull_request:\n  schedule: [{cron: "0 0 * * *"}]\n',
        ),
    ],
    rules.databases_come_from_the_mirror: [
        (f"workflows/{file}.yml", "TRIVY_DB_REPOSITORY:", "DB_REPOSITORY:")
        for file in ("release", "rescan", "update")
    ],
    rules.settings_are_documented: [
        ("workflows/rescan.yml", "vars.REGISTRY", "vars.MIRROR"),
    ],
    rules.commands_are_ones_a_person_can_type: [
        ("workflows/release.yml", "--device cuda", "--device gpu"),
        ("workflows/release.yml", 'scan "$VERSION"', 'scna "$VERSION"'),
        ("workflows/release.yml", '--images "$IMAGE"\n', '--image-names "$IMAGE"\n'),
        ("workflows/rescan.yml", "rescan --json", "rescan --json --channel $WHERE"),
        ("workflows/ci.yml", "make fast", "make quick"),
    ],
}


@cache
def known(rule: Rule) -> frozenset[str]:
    """What a rule says of the workflows as they are."""
    return frozenset(rule(REPOSITORY))


def planted(folder: Path, file: str, old: str, new: str) -> Path:
    """A copy of the workflows and their documentation in which `new` stands for the first `old`."""
    for part in (".github", "docs"):
        shutil.copytree(REPOSITORY / part, folder / part)
    (
        folder / ".git"
    ).mkdir()  # only in a repository does actionlint look into what a workflow calls
    path = folder / ".github" / file
    text = path.read_text()
    assert old in text, f"{file} no longer says {old!r}"
    path.write_text(text.replace(old, new, 1))
    return folder


@pytest.mark.parametrize(
    ("rule", "file", "old", "new"),
    [(rule, *change) for rule, changes in PLANTED.items() for change in changes],
)
def test_a_planted_fault_is_found(
    rule: Rule, file: str, old: str, new: str, tmp_path: Path
) -> None:
    assert set(rule(planted(tmp_path, file, old, new))) - known(rule), (
        f"{rule.__name__} does not see it"
    )


def test_every_rule_has_a_planted_fault() -> None:
    assert set(PLANTED) == set(RULES)


# The linters


def actionlint(root: Path) -> str:
    tools = ["-shellcheck", str(BIN / "shellcheck"), "-pyflakes", ""]
    return _said([str(BIN / "actionlint"), "-oneline", *tools], root)


def zizmor(root: Path) -> str:
    return _said(
        [
            str(BIN / "zizmor"),
            "--offline",
            "--quiet",
            "--no-progress",
            "--strict-collection",
            ".github",
        ],
        root,
    )


def _said(command: list[str], root: Path) -> str:
    """What a linter complains of; empty where it is content."""
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else f"{done.stdout}\n{done.stderr}"


@pytest.mark.parametrize("linter", [actionlint, zizmor])
def test_the_linter_is_content(linter: Callable[[Path], str]) -> None:
    assert not linter(REPOSITORY)


LINTED = {
    "syntax-check": (actionlint, "ci.yml", "runs-on", "run-on"),
    "job-needs": (actionlint, "release.yml", "needs: plan", "needs: plans"),
    "expression": (actionlint, "release.yml", "inputs.kind", "inputs.kinds"),
    "events": (actionlint, "rescan.yml", "23 2 * * *", "23 25 * * *"),
    "runner-label": (actionlint, "ci.yml", "ubuntu-24.04", "ubuntu-2404"),
    "workflow-call": (actionlint, "monthly.yml", "channel: monthly", "chanel: monthly"),
    "action": (actionlint, "rescan.yml", "          user:", "          usr:"),
    "SC2086": (actionlint, "release.yml", '"$VERSION" --images base', "$VERSION --images base"),
    "dangerous-triggers": (zizmor, "ci.yml", "  pull_request:", "  pull_request_target:"),
    "unpinned-uses": (zizmor, "ci.yml", CHECKOUT, "actions/checkout@v6"),
    "artipacked": (zizmor, "ci.yml", "persist-credentials: false", "fetch-depth: 1"),
    "excessive-permissions": (
        zizmor,
        "ci.yml",
        "permissions:\n      contents: read",
        "permissions: write-all",
    ),
    "secrets-inherit": (zizmor, "monthly.yml", "    secrets: #", "    secrets: inherit\n    x: #"),
    "template-injection": (zizmor, "ci.yml", "run: make fast", "run: echo ${{ github.head_ref }}"),
}
"""By the finding: what is planted."""


@pytest.mark.parametrize("finding", LINTED)
def test_the_linter_finds_a_planted_fault(finding: str, tmp_path: Path) -> None:
    linter, file, old, new = LINTED[finding]
    assert finding in linter(planted(tmp_path, f"workflows/{file}", old, new))


# Without a key, as docs/workflows.md says it is switched to


def test_who_opens_a_pull_request_takes_no_value_from_the_job_that_ran_code_of_others() -> None:
    opens = workflows(REPOSITORY)["update.yml"]["jobs"]["open"]
    resolves = workflows(REPOSITORY)["update.yml"]["jobs"]["resolve"]
    assert ".outputs." not in str(opens)
    assert opens["env"]["KIND"] == resolves["env"]["KIND"]


def switched(folder: Path) -> Path:
    """A copy of the workflows in which the jobs that sign may ask who they are, and do."""
    root = planted(folder, "workflows/release.yml", "name: release\n", "name: release\n")
    for file, permission in (("release", "read"), ("monthly", "write"), ("quarterly", "write")):
        path = root / f".github/workflows/{file}.yml"
        before, *jobs_ = re.split(r"^(?=  [a-z]+:\n)", path.read_text(), flags=re.MULTILINE)
        signing = re.compile(
            rf"      contents: {permission}\b.*\n(?=(?:.*\n)*.*(?:EVIDENCE|DECISION)_KEY)"
        )
        text = before + "".join(
            signing.sub(r"\g<0>      id-token: write # who signs\n", job) for job in jobs_
        )
        path.write_text(re.sub(r"\$\{\{ secrets\.(EVIDENCE|DECISION)_KEY \}\}", "keyless", text))
    return root


def test_who_switches_to_keyless_changes_two_tables_and_breaks_no_other_rule(
    tmp_path: Path,
) -> None:
    root = switched(tmp_path)
    told = {rule: set(rule(root)) for rule in RULES if set(rule(root))}
    assert set(told) == {rules.tokens_do_little, rules.secrets_are_where_they_are_needed}
    assert {each.partition(":")[0] for each in told[rules.tokens_do_little]} == {
        *(f"release.yml {job}" for job in ("shared", "build", "validate", "scan", "promote")),
        *(f"{file}.yml release" for file in ("monthly", "quarterly")),
    }
    assert not any("_KEY" in each for each in told[rules.secrets_are_where_they_are_needed])
    assert not actionlint(root)
    assert not zizmor(root)


# What scripts do, run as GitHub runs them


def script(file: str, job: str, containing: str) -> str:
    """The one script of a job (or of an action, its name for `file`) that contains these words."""
    holder = (
        actions(REPOSITORY)[file]["runs"] if not job else workflows(REPOSITORY)[file]["jobs"][job]
    )
    (found,) = [str(step["run"]) for step in holder["steps"] if containing in step.get("run", "")]
    return found


def ran(script: str, cwd: Path, folder: Path, **environment: str) -> tuple[int, str, str]:
    """Exit code, outputs and summary of a script in `cwd`; `folder` holds its files and comes first
    on PATH.
    """
    outputs, summary = folder / "outputs", folder / "summary"
    for file in (outputs, summary):
        file.touch()
    files = {
        "GITHUB_OUTPUT": str(outputs),
        "GITHUB_STEP_SUMMARY": str(summary),
        "GITHUB_REF_NAME": "main",
    }
    path = {"PATH": f"{folder}:{os.environ['PATH']}"}
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
    done = subprocess.run(
        command, cwd=cwd, env={**os.environ, **environment, **files, **path}, check=False
    )
    return done.returncode, outputs.read_text(), summary.read_text()


def stub(path: Path, body: str) -> Path:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


def with_jq() -> None:
    if shutil.which("jq") is None:
        pytest.skip("NOT RUN (jq): GitHub's runners have it, this machine does not")


def test_the_plan_becomes_a_matrix(home: Path, tmp_path: Path) -> None:
    with_jq()
    step = script("release.yml", "plan", "--format github")
    code, outputs, _ = ran(step, REPOSITORY, tmp_path, VERSION="v2.6.0", IMAGES="cv,nlp")
    said = dict(line.split("=", 1) for line in outputs.splitlines())
    assert (code, said["images"]) == (0, "cv,nlp")
    assert json.loads(said["matrix"]) == {
        "include": [{"version": "v2.6.0", "image": each} for each in ("cv", "nlp")]
    }


def test_a_plan_that_fails_stops_the_release(home: Path, tmp_path: Path) -> None:
    step = script("release.yml", "plan", "--format github")
    assert ran(step, REPOSITORY, tmp_path, VERSION="v9.9.0", IMAGES="")[:2] == (2, "")


@pytest.mark.parametrize(("renew", "options"), [("yes", " --renew"), ("", "")])
def test_a_new_run_takes_the_packages_of_its_day(renew: str, options: str, tmp_path: Path) -> None:
    stub(tmp_path / "release.py", 'echo "$*" >> called')
    step = script("release.yml", "shared", "build")
    assert ran(step, tmp_path, tmp_path, VERSION="v2.6.3", RENEW=renew)[0] == 0
    assert (tmp_path / "called").read_text() == f"build v2.6.3 --images base{options}\n"


def test_every_run_renews_unless_told_otherwise_and_its_other_jobs_only_assemble() -> None:
    release = workflows(REPOSITORY)["release.yml"]
    for trigger in ("workflow_dispatch", "workflow_call"):
        assert release["on"][trigger]["inputs"]["renew"]["default"] is True
    renewing = [name for name, job in release["jobs"].items() if "--renew" in json.dumps(job)]
    assert renewing == ["shared"]


@pytest.mark.parametrize(
    ("kind", "word"), [("patch", ""), ("feature", ""), ("major", " --approve")]
)
def test_who_lets_a_major_release_into_production_approves_it(
    kind: str, word: str, tmp_path: Path
) -> None:
    assert workflows(REPOSITORY)["release.yml"]["jobs"]["promote"]["environment"] == "production"
    stub(tmp_path / "release.py", 'echo "$*" >> called')
    given = {
        "VERSION": "v2.6.0",
        "IMAGES": "base,cv",
        "CHANNEL": "production",
        "KIND": kind,
        "approved": "yes",
    }
    assert ran(script("release.yml", "promote", "promote"), tmp_path, tmp_path, **given)[0] == 0
    assert (tmp_path / "called").read_text().splitlines() == [
        "build v2.6.0 --images base,cv",
        f"promote v2.6.0 --images base,cv --channel production --kind {kind}{word}",
    ]


DUE = (
    DueRelease(
        "release",
        "2.6",
        "v2.6.2",
        "v2.6.3",
        "monthly",
        "patch",
        "2026-11-16",
        ("the calendar says 2026-11-16",),
    ),
    DueRelease(
        "release",
        "2.6",
        "v2.6.2",
        "v2.6.4",
        "quarterly",
        "feature",
        "2026-10-01",
        ("the calendar says 2026-10-01",),
    ),
    DueRelease("announce", "2.6", "v2.6.2", "", "", "", "2026-11-16", ("its support ends",)),
)


@pytest.mark.parametrize(
    ("file", "version", "kind"),
    [("monthly", "v2.6.3", "patch"), ("quarterly", "v2.6.4", "feature")],
)
def test_what_is_due_becomes_releases(file: str, version: str, kind: str, tmp_path: Path) -> None:
    with_jq()
    (tmp_path / "due.json").write_text(records.to_json(DUE))
    stub(tmp_path / "release.py", "cat due.json")
    code, outputs, summary = ran(script(f"{file}.yml", "due", "due --json"), tmp_path, tmp_path)
    assert (code, json.loads(outputs.removeprefix("releases="))) == (
        0,
        [{"version": version, "kind": kind}],
    )
    assert "- 2.6 announce : its support ends" in summary


HOSTILE = (
    "x\n::error::planted\n```\n# Heading <img src=x> "
    "\x1b[31m##[error]planted\u2028::warning::y\nreleases=[1]"
)


@pytest.mark.parametrize("file", ["monthly", "quarterly"])
def test_a_hostile_reason_is_shown_and_commands_nothing(
    file: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with_jq()
    (tmp_path / "due.json").write_text(records.to_json((replace(DUE[0], reasons=(HOSTILE,)),)))
    stub(tmp_path / "release.py", "cat due.json")
    code, outputs, summary = ran(script(f"{file}.yml", "due", "due --json"), tmp_path, tmp_path)
    assert (code, len(outputs.splitlines()), outputs.partition("=")[0]) == (0, 1, "releases")
    for text, start in (
        (capfd.readouterr().out, "- 2.6 release v2.6.3: x "),
        (summary, "    - 2.6 release v2.6.3: x "),
    ):
        (line,) = text.splitlines()
        assert line.startswith(start)
        assert line.isascii()
        assert line.isprintable()
        assert "##[" not in line


@pytest.mark.parametrize("file", ["monthly", "quarterly"])
def test_where_nothing_is_due_nothing_is_released(file: str, tmp_path: Path) -> None:
    with_jq()
    stub(tmp_path / "release.py", "echo '[]'")
    assert ran(script(f"{file}.yml", "due", "due --json"), tmp_path, tmp_path) == (
        0,
        "releases=[]\n",
        "",
    )
    assert (
        workflows(REPOSITORY)[f"{file}.yml"]["jobs"]["release"]["if"]
        == "needs.due.outputs.releases != '[]'"
    )


def test_a_due_that_fails_is_not_nothing(tmp_path: Path) -> None:
    stub(tmp_path / "release.py", "exit 3")
    assert ran(script("monthly.yml", "due", "due --json"), tmp_path, tmp_path)[:2] == (3, "")


RELEASES = """echo "$*" >> "$CALLED"
case "$1 $2" in
  "api "*) [ -z "$API_FAILS" ] || exit 1; printf 'v2.6.1\\nv2.6.0\\n' ;;
  "release download") [ "$3" != "$LOST" ] || exit 1; echo "feed of $3" > "$7" ;;
  "release view") [ "$3" = --json ] && echo "$LATEST" || [ -n "$THERE" ] ;;
esac
"""
"""A `gh` that writes down how it was called."""


def announced(job: str, containing: str, folder: Path, **given: str) -> tuple[int, list[str]]:
    """Exit code and calls of `gh` of a step."""
    stub(folder / "gh", RELEASES)
    called = folder / "called"
    everything = {"API_FAILS": "", "LOST": "", "THERE": "", "LATEST": "v2.6.2", **given}
    step = script("release.yml", job, containing)
    code, _, _ = ran(
        step, folder, folder, VERSION="v2.6.2", GITHUB_SHA="a", CALLED=str(called), **everything
    )
    return code, called.read_text().splitlines() if called.exists() else []


def test_the_feeds_of_earlier_releases_are_fetched(tmp_path: Path) -> None:
    code, called = announced("announce", "gh api", tmp_path, GITHUB_REPOSITORY="owner/images")
    assert code == 0
    assert called[0].startswith(f"api repos/owner/images/releases?per_page={feed.ENTRIES} ")
    assert {path.name: path.read_text() for path in (tmp_path / "feeds").glob("*.atom")} == {
        f"{version}.atom": f"feed of {version}\n" for version in ("v2.6.1", "v2.6.0")
    }


@pytest.mark.parametrize("fault", [{"API_FAILS": "yes"}, {"LOST": "v2.6.0"}])
def test_a_feed_that_could_not_be_fetched_is_not_left_out(
    fault: dict[str, str], tmp_path: Path
) -> None:
    assert (
        announced("announce", "gh api", tmp_path, GITHUB_REPOSITORY="owner/images", **fault)[0] == 1
    )


def test_only_releases_that_have_a_feed_are_asked_for_it() -> None:
    with_jq()
    (asked,) = re.findall("--jq '(.*)'", script("release.yml", "announce", "gh api"))
    assets = {"v2.6.1": ["notes.md", feed.FILE], "v2.6.0": [], "v2.5.0": ["other"]}
    said = json.dumps(
        [
            {"tag_name": tag, "assets": [{"name": each} for each in names]}
            for tag, names in assets.items()
        ]
    )
    done = subprocess.run(
        ["jq", "--raw-output", asked], input=said, capture_output=True, text=True, check=True
    )
    assert done.stdout == "v2.6.1\n"


@pytest.mark.parametrize(
    ("there", "made"), [("", "release create v2.6.2"), ("yes", "release edit v2.6.2")]
)
def test_notes_and_feed_are_published_with_the_release(
    there: str, made: str, tmp_path: Path
) -> None:
    code, called = announced("publish", "gh release create", tmp_path, THERE=there)
    assert code == 0
    assert [call for call in called if call.startswith(made)]
    assert [call for call in called if " upload " in call] == [
        "release upload v2.6.2 notes.md out/releases.atom --clobber"
    ]


def test_the_feed_is_where_it_is_read_also_after_a_patch_of_an_older_line(tmp_path: Path) -> None:
    _, called = announced("publish", "gh release create", tmp_path, LATEST="v2.9.0")
    assert called[-1] == "release upload v2.9.0 out/releases.atom --clobber"


@pytest.mark.parametrize("there", [["scan"], ["scan", "promote"]])
@pytest.mark.parametrize("answer", [0, 1])
def test_the_report_that_got_furthest_becomes_alerts(
    there: list[str], answer: int, tmp_path: Path
) -> None:
    with_jq()
    for job in there:
        folder = tmp_path / f"reports/{job}-attempt-2/v2.6.2"
        folder.mkdir(parents=True)
        (folder / "report.sarif").write_text(f"the report of {job}")
    stub(tmp_path / "gh", f'echo "$@" >> calls; exit {answer}')
    given = {
        "VERSION": "v2.6.2",
        "GITHUB_RUN_ATTEMPT": "2",
        "GITHUB_SHA": "9" * 40,
        "GITHUB_REF": "refs/heads/main",
        "GITHUB_REPOSITORY": "owner/images",
    }
    code, _, _ = ran(script("release.yml", "alerts", "sarifs"), tmp_path, tmp_path, **given)
    assert code == 0, "a repository without code scanning still releases"
    said = json.loads((tmp_path / "upload.json").read_text())
    assert (said["commit_sha"], said["ref"]) == ("9" * 40, "refs/heads/main")
    report = gzip.decompress(base64.b64decode(said["sarif"])).decode()
    assert report == f"the report of {there[-1]}"
    assert (
        (tmp_path / "calls")
        .read_text()
        .startswith("api --method POST repos/owner/images/code-scanning/sarifs")
    )


@pytest.mark.parametrize("address", ["", "https://example.com/hook"])
def test_teams_are_told_where_a_webhook_is_set(address: str, tmp_path: Path) -> None:
    stub(tmp_path / "release.py", "touch told; cat /dev/null")
    given = {
        "VERSION": "v2.6.2",
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_REPOSITORY": "owner/images",
    }
    step = script("release.yml", "tell", "no webhook is set")
    code, _, _ = ran(step, tmp_path, tmp_path, **given, **{webhook.ADDRESS: address})
    assert (code, (tmp_path / "told").exists()) == (0, bool(address))


@pytest.mark.parametrize("size", [10, (1 << 20) - 1, 1 << 20, 3 << 20])
def test_a_summary_is_never_above_its_limit(size: int, tmp_path: Path) -> None:
    (tmp_path / "out/v2.6.0").mkdir(parents=True)
    (tmp_path / "out/v2.6.0/report.md").write_text("x" * size)
    step = script("report", "", "GITHUB_STEP_SUMMARY")
    code, _, summary = ran(step, tmp_path, tmp_path, VERSION="v2.6.0")
    assert (code, len(summary)) == (0, min(size, 1 << 20))


def test_without_a_report_the_summary_says_so(tmp_path: Path) -> None:
    code, _, summary = ran(
        script("report", "", "GITHUB_STEP_SUMMARY"), tmp_path, tmp_path, VERSION="v2.6.0"
    )
    assert code == 0
    assert "No report" in summary


@pytest.mark.parametrize(
    ("channel", "verdict", "code"),
    [
        ("candidate", 0, 0),
        ("candidate", 1, 0),
        ("candidate", 4, 4),
        ("candidate", 3, 3),
        ("monthly", 1, 1),
        ("production", 1, 1),
        ("production", 0, 0),
    ],
)
def test_a_scan_that_refuses_leaves_it_to_the_gate_whether_there_is_a_candidate(
    channel: str, verdict: int, code: int, tmp_path: Path
) -> None:
    stub(tmp_path / "release.py", f'[ "$1" = build ] || exit {verdict}')
    step = script("release.yml", "scan", "release.py scan")
    given = {"VERSION": "v2.6.3", "IMAGES": "base", "CHANNEL": channel}
    assert ran(step, tmp_path, tmp_path, **given)[0] == code


@pytest.mark.parametrize(
    ("place", "options", "labels"),
    [
        ("", "--device cuda", ["self-hosted", "gpu"]),
        ("slurm", "--on slurm", ["self-hosted", "slurm"]),
    ],
)
def test_a_variable_sends_the_suites_to_a_cluster(
    place: str, options: str, labels: list[str], tmp_path: Path
) -> None:
    runner = workflows(REPOSITORY)["release.yml"]["jobs"]["validate"]["runs-on"]
    assert json.dumps(labels) in runner
    stub(tmp_path / "release.py", 'echo "$*" >> called; [ "$1" != validate ] || exit 4')
    given = {"VERSION": "v2.6.3", "IMAGE": "cv", "CHANNEL": "monthly", "VALIDATE_ON": place}
    step = script("release.yml", "validate", "release.py validate")
    assert ran(step, tmp_path, tmp_path, **given)[0] == 0
    assert (tmp_path / "called").read_text().splitlines()[-1] == (
        f"validate v2.6.3 --images cv {options}"
    )


@pytest.mark.parametrize("verdict", [0, 1, 4])
def test_the_nightly_rescan_ends_as_the_command_does(verdict: int, tmp_path: Path) -> None:
    stub(tmp_path / "release.py", f"echo '{{}}'; echo 'line 2.6 needs v2.6.1' >&2; exit {verdict}")
    code, _, _ = ran(script("rescan.yml", "rescan", "rescan --json"), tmp_path, tmp_path)
    assert code == verdict
    assert (tmp_path / "out/rescan.json").read_text() == "{}\n"
    _, _, summary = ran(script("rescan.yml", "rescan", "GITHUB_STEP_SUMMARY"), tmp_path, tmp_path)
    assert "line 2.6 needs v2.6.1" in summary


def test_what_a_rescan_says_stays_inside_its_block(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/rescan.txt").write_text("line 2.6\n```\n# Heading\n" + "x" * (2 << 20))
    code, _, summary = ran(
        script("rescan.yml", "rescan", "GITHUB_STEP_SUMMARY"), tmp_path, tmp_path
    )
    assert code == 0
    assert len(summary) <= 1 << 20
    assert all(line.startswith("    ") for line in summary.splitlines())


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository with one lock and a remote, and beside it a `gh` that writes down how it was
    called.
    """
    made = """
      git init --quiet --bare remote.git
      git init --quiet --initial-branch main checkout && cd checkout
      git config user.name Somebody && git config user.email somebody@example.com
      echo one > a.lock && git add a.lock && git commit --quiet --message first
      git remote add origin ../remote.git && git push --quiet origin main
    """
    subprocess.run(["bash", "-ec", made], cwd=tmp_path, check=True)
    stub(tmp_path / "gh", f'echo "$*" >> {tmp_path}/called; [ "$2" != list ] || echo 0')
    return tmp_path / "checkout"


def opened(checkout: Path) -> tuple[int, str, list[str]]:
    """Exit code, summary and calls of `gh` of update.yml's last step."""
    step = script("update.yml", "open", "gh pr create")
    environment = {"KIND": "patch", "GH_TOKEN": "none"}
    code, _, summary = ran(step, checkout, checkout.parent, **environment)
    called = checkout.parent / "called"
    return code, summary, called.read_text().splitlines() if called.exists() else []


def taken(checkout: Path) -> int:
    """Exit code of update.yml's step that takes the locks which the other job handed over."""
    step = script("update.yml", "open", "HANDED")
    return ran(step, checkout, checkout.parent, HANDED=str(checkout.parent / "handed"))[0]


@pytest.fixture
def handed(checkout: Path) -> Path:
    """What was handed over: the lock with other contents, a lock that is not in the repository, and
    a program.
    """
    folder = checkout.parent / "handed"
    (folder / ".github").mkdir(parents=True)
    for name in ("a.lock", "new.lock", ".github/a.yml"):
        (folder / name).write_text("two\n")
    (folder / "a.lock").chmod(0o755)
    return folder


def test_only_locks_are_taken_from_the_job_that_resolves(checkout: Path, handed: Path) -> None:
    assert taken(checkout) == 0
    assert (checkout / "a.lock").read_text() == "two\n"
    changed = subprocess.run(
        ["git", "status", "--short"], cwd=checkout, capture_output=True, text=True, check=True
    )
    assert changed.stdout == " M a.lock\n"


@pytest.mark.parametrize("how", ["link", "missing", "folder", "large"])
def test_what_is_no_lock_file_is_not_taken(checkout: Path, handed: Path, how: str) -> None:
    file = handed / "a.lock"
    file.unlink()
    if how == "link":
        file.symlink_to("/etc/passwd")
    elif how == "folder":
        file.mkdir()
    elif how == "large":
        file.write_bytes(bytes(6_000_000))
    assert taken(checkout) == 1
    assert (checkout / "a.lock").read_text() == "one\n"


def test_locks_are_handed_over_whole(checkout: Path) -> None:
    (checkout / "deep").mkdir()
    (checkout / "deep/b.lock").write_text("b\n")
    (checkout / "not.txt").write_text("c\n")
    subprocess.run(["git", "add", "."], cwd=checkout, check=True)
    assert ran(script("update.yml", "resolve", "handed"), checkout, checkout.parent)[0] == 0
    made = checkout / "handed"
    assert sorted(str(path.relative_to(made)) for path in made.rglob("*.*")) == [
        "a.lock",
        "deep/b.lock",
    ]


def test_every_resolution_takes_wheels_only() -> None:
    text = "".join(path.read_text() for path in (REPOSITORY / ".github").rglob("*.yml")).replace(
        "\\\n", " "
    )
    resolving = [
        line for line in text.splitlines() if "pip compile" in line or "pip install" in line
    ]
    assert resolving
    assert not [line for line in resolving if "--only-binary :all:" not in line]


def test_locks_that_stay_open_no_pull_request(checkout: Path) -> None:
    code, summary, called = opened(checkout)
    assert (code, called) == (0, [])
    assert "Every lock" in summary


def test_a_new_lock_opens_a_pull_request_and_has_it_checked(checkout: Path) -> None:
    (checkout / "a.lock").write_text("two\n")
    code, _, called = opened(checkout)
    assert (code, [" ".join(call.split()[:2]) for call in called]) == (
        0,
        ["auth setup-git", "pr list", "pr create", "workflow run"],
    )
    pushed = [
        "git",
        "--git-dir",
        str(checkout.parent / "remote.git"),
        "show",
        "update/patch:a.lock",
    ]
    assert subprocess.run(pushed, capture_output=True, text=True, check=True).stdout == "two\n"


TITLE = "Add a line for PyTorch 2.16"


def told(folder: Path, minors: str | None, titles: str = "") -> tuple[int, list[str]]:
    """Exit code and calls of `gh` of update.yml's step that opens issues; `titles` are there."""
    (folder / "upstream").mkdir()
    if minors is not None:
        (folder / "upstream" / "new-minors.txt").write_text(minors)
    stub(folder / "gh", f"echo \"$*\" >> {folder}/called; [ $2 != list ] || echo '{titles}'")
    step = script("update.yml", "tell", "gh issue create")
    code = ran(step, folder, folder, UPSTREAM=str(folder / "upstream"), GH_TOKEN="none")[0]
    called = folder / "called"
    return code, called.read_text().splitlines() if called.exists() else []


def test_a_new_minor_version_opens_one_issue(tmp_path: Path) -> None:
    code, called = told(tmp_path, "2.16\n2.17\n", f"{TITLE}\n{TITLE}.1")
    created = [call for call in called if call.startswith("issue create")]
    assert (code, len(called)) == (0, 3)
    assert created == ["issue create --title Add a line for PyTorch 2.17 --body-file body.txt"]
    assert "two weeks" in (tmp_path / "body.txt").read_text()
    # anybody may open, and close, an issue with such a title
    assert all("--app github-actions " in call for call in called if call not in created)


def test_nothing_new_opens_no_issue(tmp_path: Path) -> None:
    assert told(tmp_path, "") == (0, [])


@pytest.mark.parametrize(
    "minors", ["2.16; id\n", "$(id)\n", "--help\n", "2.16.0\n", "9" * 200, None]
)
def test_only_version_numbers_are_taken_from_the_job_that_asks_the_index(
    tmp_path: Path, minors: str | None
) -> None:
    assert told(tmp_path, minors) == (1, [])


def test_a_link_in_place_of_the_list_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("2.16\n")
    (tmp_path / "upstream").mkdir()
    (tmp_path / "upstream" / "new-minors.txt").symlink_to(tmp_path / "other")
    step = script("update.yml", "tell", "gh issue create")
    assert ran(step, tmp_path, tmp_path, UPSTREAM=str(tmp_path / "upstream"))[0] == 1


def test_the_list_has_the_minor_versions_that_are_newer_than_every_line(tmp_path: Path) -> None:
    """The filter of the workflow on the answer of the command."""
    states = (("2.17", "new"), ("2.16", "new"), ("2.15", "line"), ("2.14", "left out"))
    upstream = tuple(UpstreamMinor(line, f"{line}.0", "", state) for line, state in states)
    (tmp_path / "outdated.json").write_text(records.to_json(Outdated(upstream, ())))
    assert ran(script("update.yml", "compare", "jq "), tmp_path, tmp_path)[0] == 0
    assert (tmp_path / "new-minors.txt").read_text() == "2.17\n2.16\n"
