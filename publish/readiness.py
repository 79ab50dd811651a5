"""The proof that this machine can and cannot give for a channel, said before any work is done.

It reads the driver, the files of the repository and the settings: no engine, registry or network,
so that the answer comes in the first second. Nothing is decided from it; the gate decides from
signed evidence, to which other machines can add.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from images.catalog import Version
from publish.evidence import attest, keys
from publish.evidence.keyless import KEYLESS
from publish.evidence.predicates.test_result import count_gpus
from publish.policy import proof, release_kinds
from publish.policy.channels import Channels, Demands, list_alternatives
from publish.promotion import PromotionRequest, default_kind
from runner import settings
from runner.errors import ReleaseError
from runner.nouns import count_noun
from validation import floor
from validation.families import find_family
from validation.levels import LEVELS, MEANINGS, list_levels_of
from validation.nvml import Inventory

ADDS_UP = "another machine can prove it: its signed test results for the same image count too"


@dataclass(frozen=True)
class Readiness:
    """The proof that a machine can give for one channel.

    `can` are the levels that it can prove, `cannot` those that it cannot prove and that the channel
    does not demand. `missing` says in words what the channel demands and this machine lacks;
    `notes` are other facts that matter for the channel.
    """

    channel: str
    machine: str
    can: tuple[str, ...]
    cannot: tuple[str, ...]
    missing: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def is_ready(self) -> bool:
        """Whether nothing is missing that can be known before the work."""
        return not self.missing

    @property
    def summary_line(self) -> str:
        """The machine, what it can prove, and how many things are missing, in one line."""
        count, can = len(self.missing), ", ".join(self.can) or "no level"
        things = count_noun(count, "thing is", "things are") if count else "nothing is"
        return f"{self.channel}: {self.machine}; can prove {can}; {things} missing"

    @property
    def all_notes(self) -> tuple[str, ...]:
        """The notes, and which levels this machine cannot prove and the channel does not demand."""
        unasked = ", ".join(self.cannot)
        text = f"not proven here, and this channel does not ask for it: {unasked}"
        return (*self.notes, text) if unasked else self.notes

    def describe_readiness(self) -> tuple[str, ...]:
        """Return everything, a fact in each line: the summary, what is missing, then the rest."""
        lacks = (f"  missing: {each}" for each in self.missing)
        return (self.summary_line, *lacks, *(f"  {each}" for each in self.all_notes))


@dataclass(frozen=True)
class ReleasePlans:
    """The release that a person is about to make: `version` is None if it is not known yet.

    `database` is the folder or mirror of the vulnerability database that was named; empty for the
    public one.
    """

    version: Version | None
    request: PromotionRequest
    database: str = ""


def examine_readiness(
    channels: Channels, channel: str, plans: ReleasePlans, inventory: Inventory
) -> Readiness:
    """Return what this machine can and cannot prove for a channel.

    Raises ConfigError for an unknown channel.
    """
    demands = channels.find_demands(channel)
    models = [gpu.name for gpu in inventory.gpus]
    gpus = count_gpus(models, [find_family(gpu.compute_capability) for gpu in inventory.gpus])
    can = list_levels_of(len(models))
    counted = ", ".join(f"{gpu.count} x {gpu.model}" for gpu in gpus)
    machine = counted or f"this machine has no GPU ({inventory.problem})"
    families, wanted = channels.families, map(list_alternatives, demands.gpus)
    unproven = (
        *(
            proof.describe_wanted(each, families)
            for each in wanted
            if not any(proof.is_gpu_of(gpu, each, families) for gpu in gpus)
        ),
        *(f"level {level}: {MEANINGS[level]}" for level in demands.levels if level not in can),
    )
    missing = (
        *unproven,
        *_find_missing_floor(models, demands, plans.version),
        *_find_missing_database(plans.database, demands),
        *_find_missing_key(channels, channel),
        *_find_missing_approval(channels, channel, plans),
    )
    cannot = tuple(each for each in LEVELS if each not in (*can, *demands.levels))
    notes = (*([ADDS_UP] if unproven else []), *_list_notes(models, demands, plans))
    return Readiness(channel, machine, can, cannot if demands.levels else (), missing, notes)


def _find_missing_floor(
    models: list[str], demands: Demands, version: Version | None
) -> Iterator[str]:
    """Yield why the floor of this machine's GPUs would not be accepted."""
    if len(set(models)) > 1:
        yield "floor: this machine has several GPU models, so the speed of none is judged"
    elif models and floor.PROVISIONAL not in demands.floor and not _has_floor(models[0], version):
        yield (
            f"floor: no measured one for {models[0]}: after `validate` run `./release.py baseline "
            "VERSION`, commit the file, and run `validate` again"
        )


def _has_floor(model: str, version: Version | None) -> bool:
    folders = [floor.line_folder(version.line)] if version else [*floor.FOLDER.glob("*/")]
    return any((folder / floor.floor_file(model)).exists() for folder in folders)


def _find_missing_database(database: str, demands: Demands) -> Iterator[str]:
    """Yield a problem if a folder was named as the database and holds none."""
    folder = Path(database)
    is_folder = database.startswith(("/", ".")) or folder.is_dir()
    if demands.database_days is not None and database and is_folder:
        found = [folder / "trivy.db", folder / "metadata.json"]
        if absent := [path.name for path in found if not path.is_file()]:
            yield f"database: {database} has no {' and no '.join(absent)}"


def _find_missing_key(channels: Channels, channel: str) -> Iterator[str]:
    """Yield why what this machine signs would not count, as far as no network is needed.

    A certificate of Sigstore is made when it is needed, so only keys are looked at.
    """
    named = settings.ENVIRON.get(keys.SIGNING_KEY, "")
    if not channels.find_channel(channel).is_releasing or named == KEYLESS:
        return
    try:
        signer = keys.compute_key_id(keys.load_signing_key().public_key()) if named else ""
        trusted = attest.load_trusted_if_any()
    except ReleaseError as error:
        yield f"key: {error.message}"
        return
    if not named and attest.is_trust_configured():
        problem = f"trusted keys are configured, but {keys.SIGNING_KEY} is not set"
        yield f"key: {problem}: set it to the private key of one of them"
    elif named and attest.is_trust_configured() and signer not in trusted.keys:
        yield f"key: the key in {keys.SIGNING_KEY} is not one of the trusted keys"


def _find_missing_approval(channels: Channels, channel: str, plans: ReleasePlans) -> Iterator[str]:
    """Yield a problem if a release of this kind needs what a person has not given."""
    if plans.version is None:
        return
    kind = plans.request.kind or default_kind(plans.version)
    known = channels.find_channel(channel)
    if kind not in known.kinds:
        yield f"kind: {channel} takes {' and '.join(known.kinds)} releases; this one is {kind}"
    elif known.is_releasing and kind == release_kinds.MAJOR and not plans.request.approved:
        yield "approval: a major release needs `--approve`"


def _list_notes(models: list[str], demands: Demands, plans: ReleasePlans) -> Iterator[str]:
    """Yield facts about floor, database and key that keep nothing from being released."""
    if models and len(set(models)) == 1:
        has_floor = _has_floor(models[0], plans.version)
        yield f"floor: {floor.MEASURED if has_floor else floor.PROVISIONAL}"
    if demands.database_days is not None and not plans.database:
        yield "database: the public one is downloaded (`--trivy-db FOLDER` names another)"
    if not settings.ENVIRON.get(keys.SIGNING_KEY):
        yield f"key: this machine's own, which no other trusts ({keys.SIGNING_KEY} is not set)"
