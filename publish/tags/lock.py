"""The lock of production: only one run at a time may move tags.

The lock is a tag in the registry. The manifest under it is a claim: it says which run holds the
lock, and until when.

A registry cannot replace a tag on the condition that nobody else changed it meanwhile. So the lock
uses Fischer's algorithm (Lamport, "A Fast Mutual Exclusion Algorithm", ACM TOCS 5(1), 1987):

1. Read the tag. If another run has a claim there that has not ended, stop.
2. Put a claim of our own under the tag.
3. Wait for `claim_wait_s`.
4. Read the tag again. If our claim is still there, this run holds the lock.

This is safe if every run that sees the lock free puts its claim within the time that all runs wait.
If two runs see it free, the first one that puts its claim waits until the second has put its own,
and then finds that its claim was replaced. A run that needs longer than that time for steps 1 and 2
gives its claim up.

Every claim ends `CLAIM_S` after it was made. So a killed run stops other runs for no longer than
that. The next run of the same owner does not wait at all.

One risk remains: a request of a run that was paused, or a request that was slow on its way, can
reach the registry after the claim of that run has ended. Three rules make this risk small:

- A run trusts its own claim only for `TRUSTED_S`. The rest of `CLAIM_S` is longer than the longest
  request, and longer than the difference between the clocks of two machines may be.
- A run reads the lock before each tag that it puts.
- A run reads each tag before and after it puts it. If another client changed the tag, the run stops
  and names the tag. Only this rule helps against a client that does not use the lock.

A claim is signed by a key that may decide. So a claim of a stranger stops nobody. A stranger who
may write to the repository can still do two things: put back the claim of a run that has ended,
which counts until `CLAIM_S` after it was made; and disturb other runs for as long as the stranger
keeps writing the tag.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from oci.document import Seal
from oci.login import LOOPBACK
from oci.manifest import (
    EMPTY_CONFIG,
    OCI_EMPTY,
    Descriptor,
    Manifest,
    canonical_json,
    image_manifest,
)
from oci.registry import Registry, RegistryError, Unreadable
from runner import home, progress, settings
from runner.errors import EnvironmentFailed
from runner.redaction import hide_in_values
from runner.untrusted import clean_line

TAG = "promotion-lock"
KIND = "application/vnd.pytorch-cuda-images.lock.v1+json"
WAIT_S, WAIT_ON_LOOPBACK_S = 2.0, 0.5
"""How long a run waits after it has put its claim.

A registry on loopback is used only from its own machine and answers at once, so a shorter time is
enough. All runs that use one registry wait the same time.
"""
CLAIM_S, TRUSTED_S = 900.0, 540.0
"""When a claim ends, and how long its own run trusts it; both from the time it was made."""
MAX_CLOCK_DIFFERENCE_S = 300.0
"""How much the clocks of two machines may differ.

If a claim ends later than this allows, one of the two clocks is wrong.
"""

_OWNER, _UNTIL, _NONCE, _SIGNATURE = (
    f"pytorch-cuda-images.lock.{name}" for name in ("owner", "until", "nonce", "signature")
)
_NUMBER_FILE = ".owner"
"""A file in the folder of records."""
_ENDED = "0.000"
"""The end time of a claim that was given up. It stops nobody, so it needs no signature."""


@dataclass(frozen=True)
class LockClaim:
    """A claim that this run has put; `digest` is that of its manifest.

    It is trusted until `until` (monotonic seconds).
    """

    registry: Registry
    repository: str
    config: Descriptor
    owner: str
    digest: str
    until: float

    def require_held(self) -> None:
        """Raise EnvironmentFailed if this run may have lost the lock. Then it must put nothing."""
        if self.registry.resolve_digest(self.repository, TAG) != self.digest:
            raise EnvironmentFailed(
                f"another run took the lock {_name_lock(self.registry, self.repository)}",
                _RUN_AGAIN,
            )
        if time.monotonic() > self.until:
            raise EnvironmentFailed(f"the lock was held longer than {TRUSTED_S:.0f} s", _RUN_AGAIN)


_RUN_AGAIN = "run the same command again: it continues where this one stopped"


def make_owner_name(purpose: str) -> str:
    """Return a name that no other running process uses.

    In CI, it consists of the run and the purpose; elsewhere, of the machine, the folder of records
    and a random number in that folder: two machines may share a name and a path. Two attempts of
    a CI run never overlap, and neither do two commands in one checkout (`home.only_run`). So a
    claim that is found under this name was made by a process that has ended. Jobs of a CI run that
    work at the same time have different purposes, such as the version that they promote.
    """
    if run := os.environ.get(settings.GITHUB_RUN_ID):
        return f"{os.environ.get(settings.GITHUB_REPOSITORY, '')} run {run}, {purpose}".strip()
    named = f"{home.out_folder().resolve()} {_read_folder_number()}"
    return f"{socket.gethostname()} {hashlib.sha256(named.encode()).hexdigest()[:8]}"


def _read_folder_number() -> str:
    """Return the random number of the folder of records, which is made on its first use."""
    with home.open_own_record(_NUMBER_FILE) as file, home.lock_folder(home.out_folder()):
        file.seek(0)
        if found := file.read(64):
            return found
        file.write(made := uuid.uuid4().hex)
        return made


@contextlib.contextmanager
def hold_lock(
    registry: Registry, repository: str, name: str, seal: Seal | None = None
) -> Iterator[LockClaim]:
    """Hold the lock in `repository` as the owner `name` (see `make_owner_name`).

    `seal` signs the claim. With a seal, a claim of another run that no trusted key signed is
    ignored. Raises EnvironmentFailed if another run holds the lock.
    """
    claim = _take_lock(registry, repository, name, seal)
    try:
        yield claim
    finally:
        _release_claim(claim)


def _take_lock(registry: Registry, repository: str, name: str, seal: Seal | None) -> LockClaim:
    config = registry.push_bytes(repository, EMPTY_CONFIG, OCI_EMPTY)
    annotations = _make_annotations(name, time.time() + CLAIM_S)
    if seal:  # before the time is measured: Sigstore may need longer than a claim may
        annotations[_SIGNATURE] = seal.sign(_encode_signed_part(repository, annotations)).decode()
    manifest = image_manifest(config, [config], annotations, KIND)
    began = time.monotonic()
    _require_free(registry, repository, name, seal)
    claim = LockClaim(registry, repository, config, name, manifest.digest, began + TRUSTED_S)
    try:
        registry.put_manifest(repository, TAG, manifest)
        put = time.monotonic()
        if put - began > claim_wait_s(registry):
            problem = (
                f"{registry.host} needed {put - began:.1f} s to store a claim; the lock is safe "
                f"only if it needs at most {claim_wait_s(registry)} s"
            )
            hint = "run the same command again when the registry answers faster"
            raise EnvironmentFailed(problem, hint)
        _wait_until(put + claim_wait_s(registry))
        claim.require_held()
    except BaseException:  # also on Ctrl-C: other runs would wait until the claim ends
        _release_claim(claim)
        raise
    return claim


def claim_wait_s(registry: Registry) -> float:
    """Return the seconds within which a claim must be put, and for which each run then waits."""
    return WAIT_ON_LOOPBACK_S if registry.host.partition(":")[0] in LOOPBACK else WAIT_S


def _wait_until(ends: float) -> None:
    """Sleep until `ends` (monotonic seconds): until all who saw the lock free have put a claim."""
    time.sleep(max(0.0, ends - time.monotonic()))


def _require_free(registry: Registry, repository: str, name: str, seal: Seal | None) -> None:
    """Raise EnvironmentFailed if another run holds the lock.

    With a seal, anything that no trusted key signed is ignored.
    """
    where = _name_lock(registry, repository)
    try:
        found = registry.read_manifest(repository, TAG)
    except Unreadable as error:
        if seal is None:
            raise
        _report_ignored(where, error.message)
        return
    if found is None or found.annotations.get(_UNTIL) == _ENDED:
        return
    if seal:
        signature, signed = found.annotations.get(_SIGNATURE, ""), found.annotations
        problem = "nobody signed it"
        if signature:
            problem = seal.problem(_encode_signed_part(repository, signed), signature.encode())
        if problem:
            _report_ignored(where, problem)
            return
    _refuse_other_claim(found.annotations, where, name)


def _refuse_other_claim(annotations: Mapping[str, str], where: str, name: str) -> None:
    """Raise EnvironmentFailed if a claim belongs to another run and has not ended."""
    try:
        holder, until = clean_line(annotations[_OWNER], 120), float(annotations[_UNTIL])
        end = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(until))
    except (ValueError, KeyError, OverflowError, OSError):
        raise EnvironmentFailed(
            f"{where} is not a lock of this program",
            "remove this tag, then run the same command again",
        ) from None
    if annotations[_OWNER] == hide_in_values(name) or until <= time.time():
        return
    if until > time.time() + CLAIM_S + MAX_CLOCK_DIFFERENCE_S:
        problem = f"{holder} holds the lock {where} until {end}; no claim may last so long"
        hint = (
            "one of the two machines has a wrong clock: correct it, remove the tag "
            f"{TAG}, and run the same command again"
        )
        raise EnvironmentFailed(problem, hint)
    raise EnvironmentFailed(
        f"{holder} holds the lock {where}, at most until {end}",
        "wait, then run the same command again",
    )


def _report_ignored(where: str, problem: str) -> None:
    progress.say_line(f"  the claim under {where} is ignored: {clean_line(problem, 300)}")


def _release_claim(claim: LockClaim) -> None:
    """End the claim now, so that nobody waits for it. If that fails, it ends by itself later."""
    with contextlib.suppress(RegistryError):
        if claim.registry.resolve_digest(claim.repository, TAG) == claim.digest:
            claim.registry.put_manifest(
                claim.repository, TAG, _make_manifest(claim.config, claim.owner, 0)
            )


def release_own_claim(registry: Registry, repository: str, name: str) -> None:
    """End the claim that a killed run of this owner left, so that other runs need not wait."""
    with contextlib.suppress(RegistryError):
        found = registry.read_manifest(repository, TAG)
        if found is None or found.annotations.get(_UNTIL) == _ENDED:
            return
        if found.annotations.get(_OWNER) == hide_in_values(name):
            config = registry.push_bytes(repository, EMPTY_CONFIG, OCI_EMPTY)
            registry.put_manifest(repository, TAG, _make_manifest(config, name, 0))


def _make_manifest(config: Descriptor, name: str, until: float) -> Manifest:
    return image_manifest(config, [config], _make_annotations(name, until), KIND)


def _make_annotations(name: str, until: float) -> dict[str, str]:
    """Return the annotations of a claim without secrets: what is signed is what is pushed."""
    made = {_OWNER: name, _UNTIL: f"{until:.3f}", _NONCE: uuid.uuid4().hex}
    return hide_in_values(made)


def _encode_signed_part(repository: str, annotations: Mapping[str, str]) -> bytes:
    """Return the bytes of a claim that its signature covers."""
    claim = {name: annotations.get(name, "") for name in (_OWNER, _UNTIL, _NONCE)}
    return canonical_json({"repository": repository, **claim})


def _name_lock(registry: Registry, repository: str) -> str:
    return f"{registry.host}/{repository}:{TAG}"
