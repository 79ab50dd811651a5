"""What GitHub's own rules do not enforce of the workflows.

Each rule tells what breaks it; none tells nothing.
"""

from __future__ import annotations

import contextlib
import io
import re
import shlex
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml

from commands.parser import make_parser
from runner import settings
from runner.home import REPOSITORY

STAGING = frozenset({"STAGING_USER", "STAGING_PASSWORD"})
SIGNED = STAGING | {"EVIDENCE_KEY"}
WEBHOOK = frozenset({"WEBHOOK", "WEBHOOK_SECRET"})
PRODUCTION = frozenset({"PRODUCTION_USER", "PRODUCTION_PASSWORD", "DECISION_KEY"})

SECRETS = {
    "release.yml shared": SIGNED,
    "release.yml build": SIGNED,
    "release.yml validate": SIGNED,
    "release.yml scan": SIGNED,
    "release.yml promote": PRODUCTION,
    "release.yml announce": STAGING,
    "release.yml tell": STAGING | WEBHOOK,
    "monthly.yml due": STAGING,
    "quarterly.yml due": STAGING,
    "rescan.yml rescan": SIGNED,
}
"""The secrets of each job that has any."""

PLACEHOLDER = "from the environment"
"""What callers pass for each secret of the workflow they call; the environment's own value replaces
it.
"""

WRITES = {
    "release.yml publish": {"contents"},
    "release.yml alerts": {"security-events"},
    "monthly.yml release": {"contents", "security-events"},
    "quarterly.yml release": {"contents", "security-events"},
    "update.yml open": {"contents", "pull-requests", "actions"},
    "update.yml tell": {"issues"},
}
"""What the tokens of jobs may write; every other reads the repository, and no more."""

OURS_ALONE = {"schedule", "workflow_dispatch", "workflow_call"}
"""Triggers that nobody without write access can pull."""

RECORDS = {f"release.yml {job}" for job in ("shared", "build", "validate", "scan", "promote")} | {
    "rescan.yml rescan"
}
"""Jobs whose records are kept where they fail."""

NO_REGISTRY = {"plan", "lock", "outdated"}
"""Commands that ask no registry."""

LOGIN_FOLDER = "${{ runner.temp }}/docker"
"""Where the action `prepare` logs in."""
TRUST = {
    settings.TRUSTED_KEYS: "${{ vars.TRUSTED_KEYS }}",
    settings.DECISION_KEYS: "${{ vars.DECISION_KEYS }}",
    settings.REVOKED_KEYS: "${{ vars.REVOKED_KEYS }}",
    settings.TRUSTED_IDENTITIES: "${{ vars.TRUSTED_IDENTITIES }}",
}
"""Who is trusted with what. One of them without the others trusts another circle of people."""

USES_ADVISORIES = {"scan", "rescan", "promote", "lock", "notes"}
"""Commands that download a vulnerability database, or may."""
MIRROR = {settings.TRIVY_DB_REPOSITORY: "${{ vars.TRIVY_DB_REPOSITORY }}"}

MAX_MINUTES = 240

WORDS = {
    "VERSION": "v2.6.0",
    "IMAGE": "cv",
    "IMAGES": "base,cv",
    "CHANNEL": "monthly",
    "KIND": "patch",
    "PYTORCH_CUDA_IMAGES_REGISTRY": "registry.example.com",
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_REPOSITORY": "owner/images",
}
"""What stands for the variables of commands when they are parsed."""

_PIN = re.compile(r"uses: ([\w./-]+@[0-9a-f]{40}) # v\d+\.\d+\.\d+\n")

_COMMAND = re.compile(r"\./release\.py (.+?)\s*(?=\d?[|;&>)]|$)", re.MULTILINE)

_OTHER_CODE = re.compile(
    r"\./\S+|\bmake\b|\.venv\S*|\b(?:python3?|pip|uv|npm|npx|docker|curl|wget|bash|sh|eval|source)\b"
)

Rule = Callable[[Path], Iterator[str]]


def load(path: Path) -> dict[str, Any]:
    """A workflow or an action.

    YAML 1.1 takes the key `on` for true; its triggers may be a word, a list or a map.
    """
    found: dict[Any, Any] = yaml.load(path.read_text(), yaml.CSafeLoader)
    given = found.pop(True, {})
    return found | {
        "on": given
        if isinstance(given, dict)
        else dict.fromkeys([given] if isinstance(given, str) else given)
    }


def workflows(root: Path) -> dict[str, dict[str, Any]]:
    return {path.name: load(path) for path in sorted((root / ".github/workflows").glob("*.y*ml"))}


def actions(root: Path) -> dict[str, dict[str, Any]]:
    """Every action of ours by its folder, however deep."""
    folder = root / ".github/actions"
    return {
        str(path.parent.relative_to(folder)): load(path)
        for path in sorted(folder.rglob("action.y*ml"))
    }


def jobs(root: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every job, as `FILE JOB`."""
    for file, workflow in workflows(root).items():
        yield from ((f"{file} {name}", job) for name, job in workflow["jobs"].items())


def steps(root: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every step of every job and action, with where it is."""
    for where, job in jobs(root):
        yield from ((where, step) for step in job.get("steps", ()))
    for name, action in actions(root).items():
        yield from ((f"action {name}", step) for step in action["runs"].get("steps", ()))


def steps_inside(root: Path, given: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Each step of a job or action, and those of the actions of ours that it uses."""
    for step in given.get("steps", ()):
        yield step
        if called := action_of(step):
            yield from steps_inside(root, actions(root)[called]["runs"])


def action_of(step: dict[str, Any]) -> str:
    """The action of ours that a step uses; empty for any other."""
    used = step.get("uses", "")
    return used.removeprefix("./.github/actions/") if used.startswith("./") else ""


# The rules: each says what breaks it


def actions_are_pinned(root: Path) -> Iterator[str]:
    """By commit, its version beside it, the same everywhere; our own by a path that is there."""
    written = Counter(
        _PIN.findall("".join(path.read_text() for path in (root / ".github").rglob("*.yml")))
    )
    used = Counter(each["uses"] for _, each in [*jobs(root), *steps(root)] if "uses" in each)
    for given, times in used.items():
        if given.startswith("./"):
            if not (root / given).exists():
                yield f"{given} is not there"
        elif written[given] != times:
            yield f"{given}: not by commit everywhere, with its version beside it"
    names = Counter(given.partition("@")[0] for given in used)
    yield from (
        f"{name}: pinned to several commits" for name, commits in names.items() if commits > 1
    )


def jobs_end(root: Path) -> Iterator[str]:
    """A job that calls a workflow has the limits of that one."""
    for where, job in jobs(root):
        minutes = job.get("timeout-minutes", 0)
        if "uses" not in job and not (isinstance(minutes, int) and 0 < minutes <= MAX_MINUTES):
            yield f"{where}: no limit on its time"


def tokens_do_little(root: Path) -> Iterator[str]:
    for file, workflow in workflows(root).items():
        if workflow.get("permissions") != {}:
            yield f"{file}: its token may something where a job does not say so"
    for where, job in jobs(root):
        given = job.get("permissions")
        wanted = {"contents": "read"} | dict.fromkeys(WRITES.get(where, ()), "write")
        if given != wanted:
            yield f"{where}: its token may {given}, not {wanted}"


def who_may_write_runs_no_code(root: Path) -> Iterator[str]:
    """No program, package or action but GitHub's own: any of them could take the token of the job
    it runs in. Also not inside an action of ours.
    """
    for where, job in jobs(root):
        given = {
            name: may for name, may in (job.get("permissions") or {}).items() if name != "id-token"
        }
        if "write" not in given.values():
            continue
        for step in steps_inside(root, job):
            used, run = step.get("uses", ""), step.get("run", "")
            may_use = ("actions/checkout@", "actions/download-artifact@", "./.github/actions/")
            if used and not used.startswith(may_use):
                yield f"{where}: may write, and uses {used}"
            if found := _OTHER_CODE.search(run):
                yield f"{where}: may write, and runs {found[0]}"


def checkouts_keep_no_token(root: Path) -> Iterator[str]:
    for where, step in steps(root):
        checks_out = step.get("uses", "").startswith("actions/checkout@")
        if checks_out and step.get("with", {}).get("persist-credentials") is not False:
            yield f"{where}: leaves its token on disk"


def strangers_reach_no_runner_of_ours(root: Path) -> Iterator[str]:
    """Not by a trigger, and not by a workflow that one of theirs calls."""
    for file, workflow in workflows(root).items():
        if theirs := set(workflow["on"]) - OURS_ALONE:
            for where, runner in _runners(root, file):
                if not re.fullmatch(r"ubuntu-\d\d\.\d\d", str(runner)):
                    yield (
                        f"{where}: {', '.join(sorted(theirs))} of {file} reaches the runner "
                        f"{runner}"
                    )


def _runners(root: Path, file: str) -> Iterator[tuple[str, object]]:
    for name, job in workflows(root)[file]["jobs"].items():
        if "uses" in job:
            yield from _runners(root, Path(job["uses"]).name)
        else:
            yield f"{file} {name}", job["runs-on"]


def secrets_are_where_they_are_needed(root: Path) -> Iterator[str]:
    for file, workflow in workflows(root).items():
        outside = {key: value for key, value in workflow.items() if key not in ("jobs", "on")}
        if "secrets" in yaml.safe_dump(outside):
            yield f"{file}: a secret for every job"
    for where, job in jobs(root):
        found = _secrets(job)
        if found != SECRETS.get(where, frozenset()):
            yield f"{where}: has the secrets {sorted(found)}"
        wanted = "production" if found & PRODUCTION else "staging" if found else None
        if job.get("environment") != wanted:
            yield f"{where}: its environment is {job.get('environment')}, not {wanted}"


def _secrets(job: dict[str, Any]) -> frozenset[str]:
    """Names of secrets a job has; `*` for any way to have all of them."""
    text = yaml.safe_dump(job, width=10_000)
    every = (
        {"*"} if job.get("secrets") == "inherit" or re.search(r"secrets(?!\.\w|:)", text) else set()
    )
    return frozenset(re.findall(r"secrets\.(\w+)", text)) | every


def callers_hand_on_every_name(root: Path) -> Iterator[str]:
    """A name that is not passed is not handed on, and what is passed is a secret of nobody."""
    for where, job in jobs(root):
        if "uses" in job:
            declared = _declared(load(root / job["uses"]))
            if job.get("secrets") != dict.fromkeys(declared, PLACEHOLDER):
                yield (
                    f"{where}: passes {job.get('secrets')}, not `{PLACEHOLDER}` for each of "
                    f"{', '.join(declared)}"
                )


def placeholders_are_no_values(root: Path) -> Iterator[str]:
    """Where the environment has no value of its own, the placeholder stays: what may be absent is
    held against it.
    """
    for file, workflow in workflows(root).items():
        optional = {
            name
            for name, secret in _declared(workflow).items()
            if secret.get("required") is not True
        }
        if not optional <= WEBHOOK:
            yield f"{file}: does without {', '.join(sorted(optional - WEBHOOK))}"
        for text in _texts(workflow["jobs"]):
            for name in optional & set(re.findall(r"secrets\.(\w+)", text)):
                if text != f"${{{{ secrets.{name} != '{PLACEHOLDER}' && secrets.{name} || '' }}}}":
                    yield f"{file}: takes the placeholder of {name} for a value: {text}"


def _declared(workflow: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The secrets that a workflow is called with."""
    return dict((workflow["on"].get("workflow_call") or {}).get("secrets") or {})


def _texts(part: object) -> Iterator[str]:
    """Every text in a part of a workflow."""
    if isinstance(part, str):
        yield part
    for each in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        yield from _texts(each)


def only_logins_and_signatures_see_secrets(root: Path) -> Iterator[str]:
    """Never a whole job: a step of somebody else's would see them."""
    for where, job in jobs(root):
        if "secrets." in yaml.safe_dump(
            {key: value for key, value in job.items() if key != "steps"}
        ):
            yield f"{where}: every step sees a secret"


def who_has_a_secret_uses_no_action_of_others(root: Path) -> Iterator[str]:
    """Only GitHub's own and ours, in the whole job: an action of others could read its memory."""
    for where, job in jobs(root):
        if _secrets(job):
            for step in steps_inside(root, job):
                if not step.get("uses", "./").startswith(("./", "actions/")):
                    yield f"{where}: has a secret, and uses {step['uses']}"
    for name, action in actions(root).items():
        if action["runs"].get("using") != "composite":
            yield f"action {name}: is a program that no rule can read"


def a_step_with_a_secret_runs_our_code_alone(root: Path) -> Iterator[str]:
    """In an action of ours too: an input that a caller fills with a secret is one there.

    Such a step logs in, or runs a command of ours; it leaves nothing for later steps.
    """
    tainted = _secret_inputs(root)
    every = [(where, "", step) for where, job in jobs(root) for step in job.get("steps", ())]
    every += [
        (f"action {name}", name, step)
        for name, action in actions(root).items()
        for step in action["runs"].get("steps", ())
    ]
    for where, action, step in every:
        if not _holds_secret(step, tainted.get(action, frozenset())):
            continue
        if (used := step.get("uses", "")) and not action_of(step):
            yield f"{where}: hands a secret to {used}"
        run = _OURS_WITH_SECRET.sub("", step.get("run", ""))
        if found := _OTHER_CODE.search(run):
            yield f"{where}: has a secret, and runs {found[0]}"
        if found := re.search(r"GITHUB_(?:ENV|PATH|OUTPUT|STATE)\b", run):
            yield f"{where}: has a secret, and leaves something in {found[0]}"


_OURS_WITH_SECRET = re.compile(r"\./release\.py\b|\bdocker login\b")
_SECRET_EXPRESSION = re.compile(
    r"\bsecrets\b|\bgithub\.token\b|\btoJSON\(github\)|\bgithub\[|\binputs\["
)


def _holds_secret(part: object, inputs: frozenset[str]) -> bool:
    """Whether an expression in a part of a step is a secret, or one of these inputs."""
    text = " ".join(re.findall(r"\$\{\{(.*?)\}\}", yaml.safe_dump(part, width=10_000), re.DOTALL))
    named = any(re.search(rf"\binputs\.{re.escape(each)}(?![\w-])", text) for each in inputs)
    return named or _SECRET_EXPRESSION.search(text) is not None


def _secret_inputs(root: Path) -> dict[str, frozenset[str]]:
    """The inputs of each action of ours that some caller fills with a secret, also through
    another action.
    """
    found: dict[str, frozenset[str]] = {}
    callers = [("", job) for _, job in jobs(root)]
    callers += [(name, action["runs"]) for name, action in actions(root).items()]
    for _ in range(len(callers)):  # at most as often as actions call each other
        for caller, given in callers:
            for step in given.get("steps", ()):
                if called := action_of(step):
                    mine = found.get(caller, frozenset())
                    more = {
                        name
                        for name, value in step.get("with", {}).items()
                        if _holds_secret(value, mine)
                    }
                    found[called] = found.get(called, frozenset()) | more
    return found


def scripts_hold_no_expressions(root: Path) -> Iterator[str]:
    """What GitHub fills in there would be run as code, whoever wrote it."""
    for where, step in steps(root):
        if "${{" in step.get("run", ""):
            yield f"{where}: an expression inside a script"


def scripts_stop_at_the_first_error(root: Path) -> Iterator[str]:
    """GitHub's own default lets a pipe's first command fail; `shell: bash`, named, does not."""
    for file, workflow in workflows(root).items():
        if workflow.get("defaults") != {"run": {"shell": "bash"}}:
            yield f"{file}: its scripts go on after an error"
    for name, action in actions(root).items():
        if any(
            "run" in step and step.get("shell") != "bash"
            for step in action["runs"].get("steps", ())
        ):
            yield f"action {name}: its scripts go on after an error"


def runs_do_not_cross(root: Path) -> Iterator[str]:
    """And only checks are given up for newer ones: a release that waits is never killed by the
    next.
    """
    for file, workflow in workflows(root).items():
        given = workflow.get("concurrency", {})
        if not given.get("group") or given.get("cancel-in-progress") is not (file == "ci.yml"):
            yield f"{file}: concurrency is {given}"


def failures_leave_records(root: Path) -> Iterator[str]:
    kept = {where for where, step in steps(root) if _keeps(step)}
    yield from (f"{where}: its records are lost where it fails" for where in sorted(RECORDS - kept))


def _keeps(step: dict[str, Any]) -> bool:
    keeper = step.get("uses", "").startswith(
        ("actions/upload-artifact@", "./.github/actions/report")
    )
    return keeper and step.get("if") in ("failure()", "${{ !cancelled() }}")


def times_are_those_of_the_docs(root: Path) -> Iterator[str]:
    rows = re.findall(
        r"^\| `(\w+\.yml)` \| `([^`]+)` \|", (root / "docs/workflows.md").read_text(), re.MULTILINE
    )
    for file, workflow in workflows(root).items():
        scheduled = workflow["on"].get("schedule") or ()
        times, documented = (
            [each["cron"] for each in scheduled],
            [time for name, time in rows if name == file],
        )
        if times != documented:
            yield f"{file}: runs at {times}, the docs say {documented}"


def settings_are_documented(root: Path) -> Iterator[str]:
    text = "".join(path.read_text() for path in (root / ".github").rglob("*.yml"))
    documented = (root / "docs/workflows.md").read_text()
    for kind, name in sorted(set(re.findall(r"\b(vars|secrets)\.(\w+)", text))):
        if f"`{name}`" not in documented:
            yield f"{kind}.{name}: the docs do not say what it holds"


def commands_are_ones_a_person_can_type(root: Path) -> Iterator[str]:
    """Each `./release.py` parses, and each target of `make` is there."""
    targets = set(re.findall(r"^(\w+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))
    for where, step in steps(root):
        script = step.get("run", "").replace("\\\n", " ")
        for command in _COMMAND.findall(script):
            if problem := _parsed(command):
                yield f"{where}: ./release.py {command}: {problem}"
        for target in re.findall(r"\bmake (\w+)", script):
            if target not in targets:
                yield f"{where}: make {target}: no such target"


def _parsed(command: str) -> str:
    """What release.py's own parser says against a command; empty where it takes it."""
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            make_parser().parse_args(shlex.split(_filled(command)))
    except SystemExit:
        return said.getvalue().splitlines()[-1]
    except KeyError as unknown:
        return f"no value stands for {unknown}"
    return ""


def _filled(command: str) -> str:
    """The command with its variables' values; `${NAME:+WORDS}` is taken as WORDS."""
    words = re.sub(r"\$\{\w+:\+([^}]*)\}", r"\1", command)
    return re.sub(r"\$(\w+)", lambda found: WORDS[found[1]], words)


def registries_know_the_login(root: Path) -> Iterator[str]:
    """The login of a job is in a folder of its own, which each command must be told."""
    for where, step in steps(root):
        words = [command.split() for command in _COMMAND.findall(step.get("run", ""))]
        asks = [command[0] for command in words if command[0] not in NO_REGISTRY]
        if asks and step.get("env", {}).get("DOCKER_CONFIG") != LOGIN_FOLDER:
            yield f"{where}: ./release.py {asks[0]} does not know the login"


def trust_is_set_as_a_whole(root: Path) -> Iterator[str]:
    """In one place: the workflow, the job, or the step. And whoever reads a registry has it."""
    for file, workflow in workflows(root).items():
        for where, given in _environments(file, workflow):
            found = {name: given[name] for name in TRUST if name in given}
            if found and found != TRUST:
                yield f"{where}: sets {sorted(found)} of the variables of trust, or other values"
    for where, job in jobs(root):
        every = workflows(root)[where.partition(" ")[0]].get("env", {}) | job.get("env", {})
        if settings.REGISTRY in every and not TRUST.items() <= every.items():
            yield f"{where}: reads a registry, and does not say who is trusted"


def databases_come_from_the_mirror(root: Path) -> Iterator[str]:
    """Whatever uses a vulnerability database takes the one that the repository is set to."""
    for where, job in jobs(root):
        every = workflows(root)[where.partition(" ")[0]].get("env", {}) | job.get("env", {})
        scripts = "\n".join(step.get("run", "") for step in job.get("steps", ()))
        asks = [words.split()[0] for words in _COMMAND.findall(scripts)]
        if USES_ADVISORIES & set(asks) and not MIRROR.items() <= every.items():
            yield f"{where}: does not take the vulnerability database of the mirror"


def _environments(file: str, workflow: dict[str, Any]) -> Iterator[tuple[str, dict[str, str]]]:
    """Every `env` of a workflow, with where it is."""
    yield file, workflow.get("env", {})
    for name, job in workflow["jobs"].items():
        yield f"{file} {name}", job.get("env", {})
        yield from ((f"{file} {name}", step.get("env", {})) for step in job.get("steps", ()))


RULES: tuple[Rule, ...] = (
    actions_are_pinned,
    jobs_end,
    tokens_do_little,
    who_may_write_runs_no_code,
    checkouts_keep_no_token,
    strangers_reach_no_runner_of_ours,
    secrets_are_where_they_are_needed,
    callers_hand_on_every_name,
    placeholders_are_no_values,
    only_logins_and_signatures_see_secrets,
    who_has_a_secret_uses_no_action_of_others,
    a_step_with_a_secret_runs_our_code_alone,
    scripts_hold_no_expressions,
    scripts_stop_at_the_first_error,
    runs_do_not_cross,
    failures_leave_records,
    times_are_those_of_the_docs,
    settings_are_documented,
    commands_are_ones_a_person_can_type,
    registries_know_the_login,
    trust_is_set_as_a_whole,
    databases_come_from_the_mirror,
)
