"""Programs with the cache, the cards, the names and the settings of the Hub, without a network."""

from __future__ import annotations

import contextlib
import importlib
import os
import pathlib
from collections.abc import Callable, Iterator
from typing import Any

from ..families import Family
from ..telling import attempt

FIRST, SECOND = "a" * 40, "b" * 40
FILES = ("config.json", "model.safetensors", "sub/notes.txt", "README.md")


def get_hub() -> Any:
    """Return the package of the Hub."""
    return importlib.import_module("huggingface_hub")


def write_text(path: pathlib.Path, text: str) -> pathlib.Path:
    """Write a file and the folders that it is in, and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def make_cache(
    folder: str, kind: str = "models", commits: tuple[str, str] = (FIRST, SECOND)
) -> pathlib.Path:
    """Make a cache with two versions of a repository, as a download would, and return it."""
    root = pathlib.Path(folder)
    repository = root / f"{kind}--me--small"
    first, second = commits
    for name, commit in (("main", second), ("v1", first), ("refs/pr/1", first)):
        write_text(repository / "refs" / name, commit)
    for commit in commits:
        for name in FILES if commit == second else FILES[:2]:
            own = "" if name == FILES[0] else commit
            blob = write_text(repository / "blobs" / f"{len(name)}{own}", f"{name} " * 3 + own)
            link = repository / "snapshots" / commit / name
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(os.path.relpath(blob, link.parent))
    write_text(repository / ".no_exist" / second / "missing.txt", "")
    return root


def cut(value: Any, root: pathlib.Path) -> str:
    """Return a path without the folder that it is in."""
    return str(value).replace(str(root.resolve()), "").replace(str(root), "")


PATTERNS: tuple[dict[str, Any], ...] = (
    *({}, {"allow_patterns": "*.json"}, {"allow_patterns": ["no*"]}, {"ignore_patterns": "*.md"}),
    *({"local_dir": "here"}, {"repo_id": "me/none"}),
)


def read_cache(revision: str = "main", kind: str = "model") -> Any:
    """Return what is found in a cache for a revision: files, folders, and what is refused."""
    hub, root = get_hub(), make_cache("cache", f"{kind}s").resolve()
    given: dict[str, Any] = {"revision": revision, "repo_type": kind, "cache_dir": root}
    local = {**given, "local_files_only": True}
    results: list[Any] = []
    for name in (*FILES, "missing.txt", "other.txt", "../up", ""):
        found = attempt(hub.try_to_load_from_cache, "me/small", name, **given)
        results.append("none known" if found is hub._CACHED_NO_EXIST else cut(found, root))
        found = attempt(hub.hf_hub_download, "me/small", name, **local)
        results += [cut(found, root), attempt(lambda f=found: pathlib.Path(f).read_text())]
    local["subfolder"] = "sub"
    for each in ("me/small", "me/none", "me/small/deep"):
        results.append(cut(attempt(hub.hf_hub_download, each, "notes.txt", **local), root))
    del local["subfolder"]
    for more in PATTERNS:
        whole = {"repo_id": "me/small", **local, **more}
        results.append(cut(attempt(hub.snapshot_download, **whole), root))
    return [results, sorted(map(str, pathlib.Path().glob("here/*")))]


def tell_scan(root: pathlib.Path) -> list[Any]:
    """Return what a scan of a cache tells."""
    info = get_hub().scan_cache_dir(root)
    results = [info.size_on_disk, info.size_on_disk_str, sorted(map(type, info.warnings), key=str)]
    for each in sorted(info.repos, key=lambda repo: repo.repo_type):
        results += [each.repo_id, each.repo_type, each.size_on_disk, each.nb_files]
        results.append(sorted((ref, found.commit_hash) for ref, found in each.refs.items()))
        for found in sorted(each.revisions, key=lambda r: r.commit_hash):
            results += [found.commit_hash, found.size_on_disk, found.nb_files, sorted(found.refs)]
            results.append(sorted((f.file_name, f.size_on_disk) for f in found.files))
    return results


def scan_cache(revision: str = SECOND) -> Any:
    """Return what a scan of a cache tells, and what is left after parts are deleted."""
    hub, root = get_hub(), make_cache("cache").resolve()
    make_cache("cache", "datasets", ("d" * 40, "e" * 40))
    (root / "models--bad").mkdir()
    (root / "wrong").mkdir()
    results: list[Any] = [attempt(hub.scan_cache_dir, "none"), tell_scan(root)]
    strategy = hub.scan_cache_dir(root).delete_revisions(revision, "c" * 40)
    results += [strategy.expected_freed_size, strategy.expected_freed_size_str]
    for name in ("blobs", "refs", "repos", "snapshots"):
        results.append(sorted(cut(each, root) for each in getattr(strategy, name)))
    strategy.execute()
    return [results, tell_scan(root), sorted(cut(each, root) for each in root.rglob("*"))]


CARD = """---
language: [en, de]
license: mit
tags:
- small
model-index:
- name: small
  results:
  - task: {type: text-classification, name: Words}
    dataset: {name: Dogs, type: dogs, split: test}
    metrics:
    - {type: accuracy, value: 0.75, name: Exact}
---
# A card
Some words.
"""


def write_card(kind: str = "ModelCard") -> Any:
    """Return what a card holds after it is read, changed, saved and loaded."""
    hub, path = get_hub(), pathlib.Path("card.md")
    card = getattr(hub, kind)
    made = card(CARD)
    results = [made.data.to_dict(), made.text, made.content, str(made)]
    made.data.license = "apache-2.0"
    made.data["tags"] = ["small", "small", "dog"]
    results += [made.data.get("license"), made.data.pop("language", None), "tags" in made.data]
    made.text = "# Other\r\nwords"
    made.save(path)
    results += [path.read_text(), card.load(path).data.to_dict(), hub.metadata_load(path)]
    for text in ("no card", "---\n- a\n---\nx", "---\na: [\n---\n", "---\nlicense: 3\n---\n", ""):
        for loose in (False, True):
            read = attempt(card, text, ignore_metadata_errors=loose)
            results.append(read if isinstance(read, str) else [read.data.to_dict(), read.content])
    data = getattr(hub, f"{kind}Data")(language="en", library_name="torch", extra=3)
    results += [data.to_dict(), data.to_yaml(), str(data)]
    words = {"template_str": "{{ card_data }} {{ name }}", "name": "x"}
    results.append(attempt(lambda: card.from_template(data, **words).content))
    found = hub.EvalResult("t", "dogs", "Dogs", "accuracy", 0.5, dataset_config="c")
    results += [found.unique_identifier, found.is_equal_except_value(found), vars(found)]
    hub.metadata_save("new.md", {"a": 1, "b": [2]})
    return [*results, pathlib.Path("new.md").read_text()]


@contextlib.contextmanager
def set_environment(values: dict[str, str]) -> Iterator[None]:
    """Have no other variables of the environment for a while."""
    kept = dict(os.environ)
    os.environ.clear()
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(kept)


VALUES: tuple[dict[str, str], ...] = (
    {"HF_HOME": "/x/home"},
    {"XDG_CACHE_HOME": "/x/cache"},
    {"HF_HUB_CACHE": "/x/hub", "HF_ASSETS_CACHE": "/x/assets", "HF_XET_CACHE": "/x/xet"},
    {"HUGGINGFACE_HUB_CACHE": "/x/old", "HF_TOKEN_PATH": "/x/token"},
    *({"HF_HUB_OFFLINE": each} for each in ("1", "yes", "on", "true", "0", "no", "")),
    {"HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "0"},
    {"HF_ENDPOINT": "http://x.y/", "HF_HUB_ETAG_TIMEOUT": "3", "HF_HUB_DOWNLOAD_TIMEOUT": "7"},
    {"HF_HUB_DISABLE_SYMLINKS_WARNING": "TRUE", "HF_HUB_DISABLE_IMPLICIT_TOKEN": "ON"},
    {"TRANSFORMERS_OFFLINE": "1"},
)


def read_environment() -> Any:
    """Return the constants of the Hub with variables of the environment."""
    constants = importlib.import_module("huggingface_hub.constants")
    code = pathlib.Path(str(constants.__file__)).read_text(encoding="utf-8")
    results: list[Any] = []
    for each in VALUES:
        found: dict[str, Any] = {"__name__": "constants"}
        with set_environment({"HOME": "/x", **each}):
            exec(code, found)  # noqa: S102 - the module as it is at its import
        plain = {n: v for n, v in found.items() if isinstance(v, str | int | float | list)}
        results.append({name: value for name, value in plain.items() if name.isupper()})
    return results


NAMES: tuple[Callable[[Any, Any], Any], ...] = (
    lambda h, _: h.hf_hub_url("me/small", "a b.txt"),
    lambda h, _: h.hf_hub_url("me/small", "a.txt", subfolder="s", repo_type="dataset"),
    lambda h, _: h.hf_hub_url("me/small", "a.txt", revision="refs/pr/1", repo_type="space"),
    lambda h, _: h.hf_hub_url("me/small", "a.txt", repo_type="no"),
    lambda h, _: h.hf_hub_url("me/small", "a.txt", endpoint="http://x"),
    *(
        lambda _, u, n=n: u.validate_repo_id(n)
        for n in ("a/b", "a/b/c", "-a", "a..b", "a.git", "a--b", "x" * 99, "a b", 3)
    ),
    *(
        lambda h, _, n=n: vars(h.RepoUrl(n))
        for n in ("https://huggingface.co/datasets/a/b", "a/b", "x")
    ),
    *(
        lambda _, u, p=p: [*u.filter_repo_objects(["a.txt", "b/c.md", "d.bin", ".git/x"], **p)]
        for p in (*PATTERNS[:3], {"ignore_patterns": ["b/", "*.bin"]}, {"allow_patterns": ["b/"]})
    ),
    lambda _, u: [*u.filter_repo_objects([1, 2], key=lambda n: f"{n}.a", allow_patterns="2*")],
    lambda _, u: u.parse_datetime("2022-08-19T07:19:38.123Z").isoformat(),
    lambda _, u: u.parse_datetime("yesterday"),
    lambda _, u: u.sha.git_hash(b"abc"),
    lambda _, u: [[*each] for each in u.chunk_iterable(range(5), 2)],
    lambda _, u: [*u.chunk_iterable(range(5), 0)],
    lambda _, u: u.tabulate([[1, "ab"], [22, "c"]], ["x", "long"]),
    lambda h, _: h.CommitOperationAdd("a/b.txt", b"abc").upload_info.size,
    lambda h, _: h.CommitOperationAdd("/a", b"abc").path_in_repo,
    lambda h, _: h.CommitOperationAdd("../a", b"abc"),
    lambda h, _: h.CommitOperationDelete("a/").is_folder,
    lambda h, _: vars(h.CommitOperationCopy("a", "b")),
    lambda h, _: h.cached_assets_path("lib", "name space/x", "sub", assets_dir="assets").parts[-4:],
)


def name_things() -> Any:
    """Return names of files, folders and addresses, and which of them are refused."""
    hub, utils = get_hub(), importlib.import_module("huggingface_hub.utils")
    name_folder = importlib.import_module("huggingface_hub.file_download").repo_folder_name
    results = [attempt(each, hub, utils) for each in NAMES]
    return [*results, name_folder(repo_id="me/small", repo_type="space")]


OF_HUB = (
    Family(
        read_cache,
        lambda: ["main", "v1", FIRST, SECOND, "refs/pr/1", "none", "'main','dataset'"],
        lambda _: {},
    ),
    Family(scan_cache, lambda: [SECOND, FIRST, "no"], lambda _: {}),
    Family(write_card, lambda: ["ModelCard", "DatasetCard", "SpaceCard"], lambda _: {}),
    Family(read_environment, lambda: [""], lambda _: {}),
    Family(name_things, lambda: [""], lambda _: {}),
)
