"""Programs with files of weights and the cache of the Hub, without a network."""

from __future__ import annotations

import contextlib
import importlib
import os
import pathlib
from collections.abc import Callable, Iterator
from typing import Any

import torch

from .. import pool
from .families import Family
from .telling import attempt

FIRST, SECOND = "a" * 40, "b" * 40
FILES = ("config.json", "model.safetensors", "sub/notes.txt", "README.md")


def make_cache(folder: str, kind: str = "models") -> pathlib.Path:
    """Make a cache with two versions of a repository, as a download would, and return it."""
    root = pathlib.Path(folder)
    repository = root / f"{kind}--me--small"
    for name, commit in (("main", SECOND), ("v1", FIRST), ("refs/pr/1", FIRST)):
        path = repository / "refs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(commit)
    for commit in (FIRST, SECOND):
        for name in FILES if commit == SECOND else FILES[:2]:
            blob = (
                repository / "blobs" / (f"{len(name)}" * 3 + ("" if name == FILES[0] else commit))
            )
            blob.parent.mkdir(parents=True, exist_ok=True)
            blob.write_text(f"{name} " * 3 + ("" if name == FILES[0] else commit))
            link = repository / "snapshots" / commit / name
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(os.path.relpath(blob, link.parent))
    missing = repository / ".no_exist" / SECOND / "missing.txt"
    missing.parent.mkdir(parents=True)
    missing.touch()
    return root


def cut(value: Any, root: pathlib.Path) -> str:
    """Return a path without the folder that it is in."""
    return str(value).replace(str(root.resolve()), "").replace(str(root), "")


def read_cache(revision: str = "main", kind: str = "model") -> Any:
    """Return what is found in a cache for a revision: files, folders, and what is refused."""
    hub = importlib.import_module("huggingface_hub")
    root = make_cache("cache", f"{kind}s").resolve()
    given: dict[str, Any] = {"revision": revision, "repo_type": kind, "cache_dir": root}
    results: list[Any] = []
    for name in (*FILES, "missing.txt", "other.txt", "../up", ""):
        found = attempt(lambda n=name: hub.try_to_load_from_cache("me/small", n, **given))
        results.append("none known" if found is hub._CACHED_NO_EXIST else cut(found, root))
        local = {**given, "local_files_only": True}
        found = attempt(lambda n=name, a=local: hub.hf_hub_download("me/small", n, **a))
        results += [cut(found, root), attempt(lambda f=found: pathlib.Path(f).read_text())]
    results.append(
        cut(
            attempt(lambda: hub.hf_hub_download("me/small", "notes.txt", subfolder="sub", **local)),
            root,
        )
    )
    results.append(attempt(lambda: hub.hf_hub_download("me/none", "config.json", **local)))
    results.append(attempt(lambda: hub.hf_hub_download("me/small/deep", "config.json", **local)))
    for more in (
        {},
        {"allow_patterns": "*.json"},
        {"allow_patterns": ["no*"]},
        {"ignore_patterns": "*.md"},
        {"local_dir": "here"},
        {"repo_id": "me/none"},
    ):
        whole = {"repo_id": "me/small", **local, **more}
        results.append(cut(attempt(lambda w=whole: hub.snapshot_download(**w)), root))
    return [results, sorted(map(str, pathlib.Path().glob("here/*")))]


def scan_cache(revision: str = SECOND) -> Any:
    """Return what a scan of a cache tells, and what is left after parts are deleted."""
    hub = importlib.import_module("huggingface_hub")
    root = make_cache("cache").resolve()
    make_cache("cache", "datasets")
    (root / "models--bad").mkdir()
    (root / "wrong").mkdir()
    results: list[Any] = [attempt(lambda: hub.scan_cache_dir("none"))]

    def tell_scan() -> None:
        info = hub.scan_cache_dir(root)
        results.append(
            [info.size_on_disk, info.size_on_disk_str, sorted(str(type(w)) for w in info.warnings)]
        )
        for each in sorted(info.repos, key=lambda repo: repo.repo_type):
            results.append([each.repo_id, each.repo_type, each.size_on_disk, each.nb_files])
            results.append(
                sorted((ref, cut(found.commit_hash, root)) for ref, found in each.refs.items())
            )
            for found in sorted(each.revisions, key=lambda r: r.commit_hash):
                results.append(
                    [found.commit_hash, found.size_on_disk, found.nb_files, sorted(found.refs)]
                )
                results.append(sorted((f.file_name, f.size_on_disk) for f in found.files))

    tell_scan()
    strategy = hub.scan_cache_dir(root).delete_revisions(revision, "c" * 40)
    results += [strategy.expected_freed_size, strategy.expected_freed_size_str]
    for name in ("blobs", "refs", "repos", "snapshots"):
        results.append(sorted(cut(each, root) for each in getattr(strategy, name)))
    strategy.execute()
    tell_scan()
    return [results, sorted(cut(each, root) for each in root.rglob("*"))]


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
    hub = importlib.import_module("huggingface_hub")
    made = getattr(hub, kind)(CARD)
    results = [made.data.to_dict(), made.text, made.content, str(made)]
    made.data.license = "apache-2.0"
    made.data["tags"] = ["small", "small", "dog"]
    results += [made.data.get("license"), made.data.pop("language", None), "tags" in made.data]
    made.text = "# Other\r\nwords"
    made.save("card.md")
    results += [
        pathlib.Path("card.md").read_text(),
        getattr(hub, kind).load("card.md").data.to_dict(),
    ]
    for text in ("no card", "---\n- a\n---\nx", "---\na: [\n---\n", "---\nlicense: 3\n---\n", ""):
        results.append(attempt(lambda t=text: getattr(hub, kind)(t).data.to_dict()))
        results.append(
            attempt(lambda t=text: getattr(hub, kind)(t, ignore_metadata_errors=True).content)
        )
    data = attempt(
        lambda: getattr(hub, f"{kind}Data")(language="en", library_name="torch", extra=3)
    )
    results.append(data if isinstance(data, str) else [data.to_dict(), data.to_yaml(), str(data)])
    results.append(
        attempt(
            lambda: (
                getattr(hub, kind)
                .from_template(data, template_str="{{ card_data }} {{ name }}", name="x")
                .content
            )
        )
    )
    result = hub.EvalResult("t", "dogs", "Dogs", "accuracy", 0.5, dataset_config="c")
    results += [result.unique_identifier, result.is_equal_except_value(result), vars(result)]
    results += [hub.metadata_load("card.md"), hub.metadata_save("new.md", {"a": 1, "b": [2]})]
    results += [pathlib.Path("new.md").read_text(), hub.metadata_update.__name__]
    return results


def load_network(hub: Any) -> list[Any]:
    """Return what becomes of a network that is saved and loaded in parts."""
    results: list[Any] = []
    net, other = pool.make_value("$net"), pool.make_value("$net")
    results.append(
        attempt(
            lambda: hub.save_torch_model(net, "net", max_shard_size="100B", metadata={"by": "me"})
        )
    )
    with torch.no_grad():
        [each.zero_() for each in other.parameters()]
    results.append(attempt(lambda: vars(hub.load_torch_model(other, "net"))))
    results += [
        other.state_dict(),
        attempt(lambda: hub.load_torch_model(net[0], "net", strict=True)),
    ]
    results.append(attempt(lambda: str(hub.load_torch_model(net[0], "net", strict=False))))
    results.append(attempt(lambda: hub.load_torch_model(net, "none")))
    return results


def split_weights(size: str = "300B", form: str = "torch", **options: Any) -> Any:
    """Return how weights are split into files, and what is loaded from them again."""
    hub = importlib.import_module("huggingface_hub")
    shared = torch.arange(20.0)
    state = {
        "b.weight": torch.ones(8, 8),
        "a.bias": torch.arange(6),
        "c": torch.zeros(9, dtype=torch.float16),
    }
    state |= {"d": shared, "e": shared, "f": shared[:10]}
    results: list[Any] = []
    for limit in (size, 100, "1KB", "5GB", "a lot"):
        split = hub.split_torch_state_dict_into_shards
        found = attempt(lambda m=limit, c=split: vars(c(dict(state), max_shard_size=m, **options)))
        results.append(found)
    safe = form == "torch"
    results.append(
        attempt(
            lambda: hub.save_torch_state_dict(
                dict(state), "kept", max_shard_size=size, safe_serialization=safe
            )
        )
    )
    folder = pathlib.Path("kept")
    results += [
        sorted((each.name, each.stat().st_size if safe else 0) for each in folder.glob("*"))
    ]
    results += [each.read_text() for each in folder.glob("*.json")]
    results += load_network(hub)
    for name in sorted(each.name for each in folder.glob("*.safetensors")):
        results.append(attempt(lambda n=name: hub.load_state_dict_from_file(folder / n)))
    made = hub.get_torch_storage_id
    results += [made(shared) == made(shared[:10]), hub.get_torch_storage_size(shared)]
    return results


class Mixed(torch.nn.Module):  # type: ignore[misc]  # torch has no types here
    """A layer that a mixin is added to."""

    def __init__(self, size: int = 3, name: str = "a", **more: Any) -> None:
        super().__init__()
        self.layer, self.name, self.more = torch.nn.Linear(size, 2), name, more


def mix_in(**options: Any) -> Any:
    """Return what a network that is saved and loaded with the mixin of the Hub keeps."""
    hub = importlib.import_module("huggingface_hub")
    kind: Any = type("Mixing", (Mixed, hub.PyTorchModelHubMixin), {})
    pool.set_seeds()
    made = kind(4, name="b", **options)
    made.save_pretrained("kept", config={"size": 4, "name": "c"})
    loaded = kind.from_pretrained("kept")
    results = [loaded.name, loaded.more, loaded.state_dict(), loaded.training, made.state_dict()]
    results += [
        (each.name, each.read_text()) for each in sorted(pathlib.Path("kept").glob("*.json"))
    ]
    results += [
        attempt(lambda: kind.from_pretrained("kept", size=5)),
        attempt(lambda: kind.from_pretrained("none", local_files_only=True)),
    ]
    results += [attempt(lambda: kind.from_pretrained("kept", name="d").name)]
    return results


@contextlib.contextmanager
def set_environment(**values: str) -> Iterator[None]:
    """Set variables of the environment for a while."""
    kept = dict(os.environ)
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
    path = pathlib.Path(str(constants.__file__))
    code = compile(path.read_text(encoding="utf-8"), str(path), "exec")
    results: list[Any] = []
    cleared = {"HOME": "/x", "HF_HOME": "/h"}
    for each in VALUES:
        with set_environment(**cleared):
            for name in [
                name for name in os.environ if name.startswith(("HF_", "HUGGING", "TRANSF"))
            ]:
                del os.environ[name]
            os.environ.update(each)
            found: dict[str, Any] = {"__name__": "constants"}
            exec(code, found)  # noqa: S102 - the module as it is at its import
        results.append(
            {n: v for n, v in found.items() if n.isupper() and isinstance(v, str | int | list)}
        )
    return results


NAMES: tuple[Callable[[Any, Any], Any], ...] = (
    lambda h, _: h.hf_hub_url("me/small", "a b.txt"),
    lambda h, _: h.hf_hub_url("me/small", "a.txt", subfolder="s", repo_type="dataset"),
    lambda h, _: h.hf_hub_url("me/small", "a.txt", revision="refs/pr/1", repo_type="space"),
    lambda h, _: h.hf_hub_url("me/small", "a.txt", repo_type="no"),
    lambda h, _: h.hf_hub_url("me/small", "a.txt", endpoint="http://x"),
    lambda _, f: f.repo_folder_name(repo_id="me/small", repo_type="space"),
    *(
        lambda _, f, n=n: f.validate_repo_id(n)
        for n in ("a/b", "a/b/c", "-a", "a..b", "a.git", "a--b", "x" * 99, "a b", 3)
    ),
    *(
        lambda h, _, n=n: vars(h.RepoUrl(n))
        for n in ("https://huggingface.co/datasets/a/b", "a/b", "x")
    ),
    *(
        lambda _, f, p=p: [*f.filter_repo_objects(["a.txt", "b/c.md", "d.bin", ".git/x"], **p)]
        for p in (
            {},
            {"allow_patterns": "*.txt"},
            {"ignore_patterns": ["b/", "*.bin"]},
            {"allow_patterns": ["b/"]},
            {"allow_patterns": ["*"], "ignore_patterns": "*.md"},
        )
    ),
    lambda _, f: [*f.filter_repo_objects([1, 2], key=lambda n: f"{n}.a", allow_patterns="2*")],
    lambda _, f: [f.parse_datetime("2022-08-19T07:19:38.123Z").isoformat()],
    lambda _, f: f.parse_datetime("yesterday"),
    lambda _, f: [f.SoftTemporaryDirectory.__name__, f.sha.git_hash(b"abc")],
    lambda _, f: [f.is_offline_mode.__name__, f.chunk_iterable.__name__],
    lambda _, f: [[*each] for each in f.chunk_iterable(range(5), 2)],
    lambda _, f: [*f.chunk_iterable(range(5), 0)],
    lambda _, f: f.tabulate([[1, "ab"], [22, "c"]], ["x", "long"]),
    lambda _, f: f.sha.sha_fileobj(__import__("io").BytesIO(b"abc" * 9), 4),
    lambda h, _: vars(h.CommitOperationAdd("a/b.txt", b"abc"))["upload_info"].size,
    lambda h, _: h.CommitOperationAdd("/a", b"abc").path_in_repo,
    lambda h, _: h.CommitOperationAdd("../a", b"abc"),
    lambda h, _: h.CommitOperationDelete("a/").is_folder,
    lambda h, _: vars(h.CommitOperationCopy("a", "b")),
    lambda h, _: str(h.cached_assets_path("lib", "name space/x", "sub", assets_dir="assets")),
    lambda h, _: [
        str(e) for e in (h.HfFileSystem.__name__, h.parse_safetensors_file_metadata.__name__)
    ],
)


def name_things() -> Any:
    """Return names of files, folders and addresses, and which of them are refused."""
    hub = importlib.import_module("huggingface_hub")
    tools = importlib.import_module("huggingface_hub.utils")
    names = {name: getattr(tools, name) for name in dir(tools) if not name.startswith("__")}
    folder = importlib.import_module("huggingface_hub.file_download").repo_folder_name
    found = type(
        "Found",
        (),
        {
            k: staticmethod(v) if callable(v) else v
            for k, v in {**names, "repo_folder_name": folder}.items()
        },
    )
    return [attempt(lambda c=call: c(hub, found)) for call in NAMES]


def load_wrong(library: Any, data: bytes, rows: Any) -> list[Any]:
    """Return what is refused of wrong files and wrong tensors."""
    results: list[Any] = []
    for wrong in (
        b"",
        b"\x01" * 20,
        data[:60],
        data + b"xx",
        (2**60).to_bytes(8, "little"),
        b"\x02" + b"\0" * 7 + b"{}",
        data[:8] + b"[" + data[9:],
    ):
        results.append(attempt(lambda w=wrong: library.load(w)))
        pathlib.Path("wrong").write_bytes(wrong)
        results.append(attempt(lambda: library.load_file("wrong")))
    for bad in ({"a": 3}, {"a": [1]}, 3, {3: rows}, {}):
        results.append(attempt(lambda b=bad: library.load(library.save(b))))
    return results


def open_tensors(safe: Any, short: str) -> list[Any]:
    """Return what is read from an open file of tensors."""
    results: list[Any] = []
    with safe.safe_open("a.safetensors", short) as opened:
        results += [
            sorted(opened.keys()),
            opened.metadata(),
            opened.get_tensor("int8"),
            [*opened.offset_keys()],
        ]
        part = opened.get_slice("rows")
        results += [part.get_shape(), part.get_dtype()]
        for index in (
            slice(1, 3),
            (slice(None), 1),
            (1, slice(0, 2)),
            slice(None, None, 2),
            9,
            (..., 0),
        ):
            results.append(attempt(lambda i=index: part[i]))
        results.append(attempt(lambda: opened.get_tensor("no")))
    return results


def keep_tensors(kind: str = "torch", **options: Any) -> Any:
    """Return what files of tensors hold: types, slices, shared ones, notes, and what is refused."""
    library, safe = (
        importlib.import_module(f"safetensors.{kind}"),
        importlib.import_module("safetensors"),
    )
    rows = pool.make_value("$x" if kind == "torch" else "$array")
    kinds = (
        "float64",
        "float16",
        "int8",
        "uint8",
        "int64",
        "int32",
        "bool",
        "bfloat16",
        "float8_e4m3fn",
        "complex64",
    )
    state: dict[str, Any] = {"rows": rows}
    for name in kinds:
        made = attempt(
            lambda n=name: rows.to(getattr(torch, n)) if kind == "torch" else rows.astype(n)
        )
        state |= {} if isinstance(made, str) else {name: made}
    results: list[Any] = []
    data = library.save(state, metadata={"b": "2"})
    results += [len(data), data[:700], sorted(library.load(data).items())]
    library.save_file(state, "a.safetensors", metadata={"format": kind, **options})
    results.append(sorted(library.load_file("a.safetensors").items()))
    short = {"torch": "pt", "numpy": "np"}[kind]
    results += open_tensors(safe, short)
    results += load_wrong(library, data, rows)
    if kind == "torch":
        for cut_out in (rows[:, 1], rows[::2], rows.T):  # numpy writes the memory as it lies
            results.append(attempt(lambda c=cut_out: library.load(library.save({"a": c}))))
        results.append(attempt(lambda: library.save({"a": rows, "b": rows})))
        results.append(attempt(lambda: library.save({"a": rows, "b": rows[1:]})))
        results.append(attempt(lambda: library.save({"a": rows.to_sparse()})))
    return results


def keep_turned(library: Any) -> list[Any]:
    """Return what a network with turned weights gives to a file."""
    results: list[Any] = []
    half = torch.nn.Linear(3, 3)
    half.weight = torch.nn.Parameter(pool.make_value("$square").T)
    results += [
        attempt(lambda: library.save_model(half, "half")),
        attempt(lambda: library.save_model(half, "half", force_contiguous=False)),
    ]
    results += [attempt(lambda: library.load_file("half"))]
    return results


def keep_model(strict: bool = True, tied: bool = False) -> Any:
    """Return what networks hold after they are saved and loaded, whole or in part."""
    library = importlib.import_module("safetensors.torch")
    results: list[Any] = []

    def make(size: int = 3) -> Any:
        pool.set_seeds(size)
        net = torch.nn.ModuleDict(
            {"a": torch.nn.Linear(3, 3), "b": torch.nn.Linear(3, 3), "n": torch.nn.BatchNorm1d(3)}
        )
        if tied:
            net["b"].weight = net["a"].weight
        return net

    net, other = make(), make(5)
    net["n"](pool.make_value("$x"))
    library.save_model(net, "kept", metadata={"by": "me"})
    results += [
        library.load_file("kept"),
        library.load_model(other, "kept", strict),
        other.state_dict(),
    ]
    less, more, wrong = make(6), make(7), make(8)
    del less["b"]
    more["c"] = torch.nn.Linear(2, 2)
    wrong["a"] = torch.nn.Linear(2, 2)
    for each in (less, more, wrong):
        results += [
            attempt(lambda e=each: library.load_model(e, "kept", strict=strict)),
            each.state_dict(),
        ]
    results += keep_turned(library)
    return results


OF_HUB = (
    Family(
        read_cache,
        lambda: ["main", "v1", FIRST, SECOND, "refs/pr/1", "none", "'main','dataset'"],
        lambda _: {},
    ),
    Family(scan_cache, lambda: [SECOND, FIRST, "no"], lambda _: {}),
    Family(write_card, lambda: ["ModelCard", "DatasetCard", "SpaceCard"], lambda _: {}),
    Family(split_weights, lambda: ["300B", "'1KB','pickle'", "5GB"], lambda _: {}),
    Family(mix_in, lambda: [""], lambda _: {"extra": 3}),
    Family(read_environment, lambda: [""], lambda _: {}),
    Family(name_things, lambda: [""], lambda _: {}),
)
OF_SAFETENSORS = (
    Family(keep_tensors, lambda: ["torch", "numpy"], lambda _: {}),
    Family(keep_model, lambda: [""], lambda _: {"strict": True, "tied": False}),
)
