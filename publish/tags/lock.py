"""One writer of tags at a time, by a tag in the registry.

No registry replaces a tag only if it has not changed meanwhile, but a tag has one value at a time.
That is enough for Fischer's algorithm (Lamport, "A Fast Mutual Exclusion Algorithm", ACM TOCS 5(1),
1987): see the lock free, put a claim, wait, and hold the lock if the claim is still there. It
excludes if every claim is put within the time that everybody waits, so a claim whose answer took
longer (`settle_s`, from before the look) is given up. Then, of two that saw the lock free, the
first to put looks again only after the second has put, and finds itself replaced.

A claim ends: a killed run holds up others for at most `HOLDS_S`, and its own next run (same owner)
not at all.

The race that remains: a request of a holder that was paused, or was under way, past the end of its
claim. Three things limit it. A holder trusts its claim only for `TRUSTED_S`; the difference is more
than the longest request takes and clocks differ. It looks at the lock before each tag it puts. And
each tag is looked at before and after: what another put is named, never passed over. A client that
knows nothing of the lock is found by the last of these alone.

A claim is signed by who may decide, so what a stranger puts there holds up nobody. Their limit: the
claim of a run that has ended can be put there again, and counts until it ends, which is `HOLDS_S`
after it began; and who keeps writing the tag disturbs the runs of that time.
"""

from __future__ import annotations

import contextlib
import fcntl
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
from runner.untrusted import clean_line

TAG = "promotion-lock"
KIND = "application/vnd.pytorch-cuda-images.lock.v1+json"
SETTLE_S, SETTLE_ON_LOOPBACK_S = 2.0, 0.5
"""A registry on loopback is reached from its own machine alone, and answers at once.

All who use it wait the same.
"""
HOLDS_S, TRUSTED_S = 900.0, 540.0
CLOCKS_DIFFER_S = 300.0
"""By how much the clocks of two machines may differ.

A claim that ends later than that allows is a wrong clock's.
"""

_OWNER, _UNTIL, _NONCE, _SIGNATURE = (
    f"pytorch-cuda-images.lock.{name}" for name in ("owner", "until", "nonce", "signature")
)
_NUMBER_FILE = ".owner"
"""A file in the folder of records."""
_ENDED = "0.000"
"""The end of a claim that was given back. It holds up nobody, so nobody signs it."""


@dataclass(frozen=True)
class LockClaim:
    """A lock that is held, by the manifest `digest` under its tag.

    It is trusted until `until` (monotonic seconds).
    """

    registry: Registry
    repository: str
    config: Descriptor
    owner: str
    digest: str
    until: float

    def require_held(self) -> None:
        """Raise EnvironmentFailed if the lock may not be ours any more: then nothing may be put."""
        if self.registry.resolve_digest(self.repository, TAG) != self.digest:
            raise EnvironmentFailed(
                f"another run took the lock {_name_lock(self.registry, self.repository)}", _AGAIN
            )
        if time.monotonic() > self.until:
            raise EnvironmentFailed(f"the lock was held longer than {TRUSTED_S:.0f} s", _AGAIN)


_AGAIN = "run the same command again: it goes on where this one stopped"


def make_owner_name(purpose: str) -> str:
    """Return a name that no other running process uses.

    It names this CI run and its purpose, else this machine and folder of records, by a random
    number in it: two machines may have one name and one path. Attempts of a CI run
    follow each other, and commands in a checkout exclude each other (`home.only_run`), so a claim
    under this name is that of a dead process. Jobs of a CI run that run side by side have different
    purposes, such as the version they promote.
    """
    if run := os.environ.get(settings.GITHUB_RUN_ID):
        return f"{os.environ.get(settings.GITHUB_REPOSITORY, '')} run {run}, {purpose}".strip()
    named = f"{home.out_folder().resolve()} {_read_folder_number()}"
    return f"{socket.gethostname()} {hashlib.sha256(named.encode()).hexdigest()[:8]}"


def _read_folder_number() -> str:
    """Return the random number of the folder of records, which is made on its first use."""
    with home.open_own_record(_NUMBER_FILE) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        if found := file.read(64):
            return found
        file.write(made := uuid.uuid4().hex)
        return made


@contextlib.contextmanager
def hold_lock(
    registry: Registry, repository: str, name: str, seal: Seal | None = None
) -> Iterator[LockClaim]:
    """Hold the lock in `repository` as `name` (see `owner`), by a claim that `seal` signs.

    With a seal, a claim that no trusted key signed counts for nothing. Raises EnvironmentFailed if
    another run holds it.
    """
    claim = _take_lock(registry, repository, name, seal)
    try:
        yield claim
    finally:
        _release_claim(claim)


def _take_lock(registry: Registry, repository: str, name: str, seal: Seal | None) -> LockClaim:
    config = registry.push_bytes(repository, EMPTY_CONFIG, OCI_EMPTY)
    said = _make_annotations(name, time.time() + HOLDS_S)
    if seal:  # before the time counts: Sigstore may take longer than a claim may
        said[_SIGNATURE] = seal.sign(_encode_claim(repository, said)).decode()
    manifest = image_manifest(config, [config], said, KIND)
    began = time.monotonic()
    _refuse_if_held(registry, repository, name, seal)
    claim = LockClaim(registry, repository, config, name, manifest.digest, began + TRUSTED_S)
    try:
        registry.put_manifest(repository, TAG, manifest)
        put = time.monotonic()
        if put - began > settle_s(registry):
            problem = (
                f"{registry.host} took {put - began:.1f} s to take a claim, and a lock is safe "
                f"only within {settle_s(registry)} s"
            )
            hint = "run the same command again when the registry answers faster"
            raise EnvironmentFailed(problem, hint)  # noqa: TRY301
        _wait_until(put + settle_s(registry))
        claim.require_held()
    except BaseException:  # Ctrl-C too: others would wait for the claim to end
        _release_claim(claim)
        raise
    return claim


def settle_s(registry: Registry) -> float:
    """Return the seconds in which a claim is put, and for which all wait for other claims."""
    return SETTLE_ON_LOOPBACK_S if registry.host.partition(":")[0] in LOOPBACK else SETTLE_S


def _wait_until(ends: float) -> None:
    """Let everybody who saw the lock free show up."""
    time.sleep(max(0.0, ends - time.monotonic()))


def _refuse_if_held(registry: Registry, repository: str, name: str, seal: Seal | None) -> None:
    """Raise EnvironmentFailed if another run holds the lock.

    With a seal, what no trusted key signed counts for nothing, whatever it is.
    """
    where = _name_lock(registry, repository)
    try:
        found = registry.read_manifest(repository, TAG)
    except Unreadable as error:
        if seal is None:
            raise
        _say_ignored(where, error.message)
        return
    if found is None or found.annotations.get(_UNTIL) == _ENDED:
        return
    if seal and (problem := _find_problem(found, repository, seal)):
        _say_ignored(where, problem)
        return
    _refuse_claim(found.annotations, where, name)


def _refuse_claim(said: Mapping[str, str], where: str, name: str) -> None:
    """Raise EnvironmentFailed if a claim that counts has not ended, and is of another run."""
    try:
        holder, until = clean_line(said[_OWNER], 120), float(said[_UNTIL])
        end = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(until))
    except (ValueError, KeyError, OverflowError, OSError):
        raise EnvironmentFailed(
            f"{where} is not a lock of this program", "remove that tag, then run the same command"
        ) from None
    if said[_OWNER] == name or until <= time.time():
        return
    if until > time.time() + HOLDS_S + CLOCKS_DIFFER_S:
        problem = f"{holder} holds the lock {where} until {end}, and no claim may last that long"
        hint = (
            f"set the clock right that is wrong, here or there; then remove the tag {TAG}, and "
            "run it again"
        )
        raise EnvironmentFailed(problem, hint)
    raise EnvironmentFailed(
        f"{holder} holds the lock {where}, at most until {end}", "wait, then run it again"
    )


def _say_ignored(where: str, problem: str) -> None:
    progress.say_line(f"  {where} does not count: {clean_line(problem, 300)}")


def _release_claim(claim: LockClaim) -> None:
    """Let others in at once. If that fails, the claim ends by itself."""
    with contextlib.suppress(RegistryError):
        if claim.registry.resolve_digest(claim.repository, TAG) == claim.digest:
            claim.registry.put_manifest(
                claim.repository, TAG, _make_manifest(claim.config, claim.owner, 0)
            )


def release_own_claim(registry: Registry, repository: str, name: str) -> None:
    """End the claim that a killed run of this name left; others would wait until it ends."""
    with contextlib.suppress(RegistryError):
        found = registry.read_manifest(repository, TAG)
        if found is None or found.annotations.get(_UNTIL) == _ENDED:
            return
        if found.annotations.get(_OWNER) == name:
            config = registry.push_bytes(repository, EMPTY_CONFIG, OCI_EMPTY)
            registry.put_manifest(repository, TAG, _make_manifest(config, name, 0))


def _make_manifest(config: Descriptor, name: str, until: float) -> Manifest:
    return image_manifest(config, [config], _make_annotations(name, until), KIND)


def _make_annotations(name: str, until: float) -> dict[str, str]:
    return {_OWNER: name, _UNTIL: f"{until:.3f}", _NONCE: uuid.uuid4().hex}


def _encode_claim(repository: str, said: Mapping[str, str]) -> bytes:
    """Return the bytes that the signature of a claim is about."""
    claim = {name: said.get(name, "") for name in (_OWNER, _UNTIL, _NONCE)}
    return canonical_json({"repository": repository, **claim})


def _find_problem(found: Manifest, repository: str, seal: Seal) -> str:
    """Return why a claim does not count; empty if somebody trusted signed it."""
    said = found.annotations
    signature = said.get(_SIGNATURE, "")
    if not signature:
        return "nobody signed it"
    return seal.problem(_encode_claim(repository, said), signature.encode())


def _name_lock(registry: Registry, repository: str) -> str:
    return f"{registry.host}/{repository}:{TAG}"
