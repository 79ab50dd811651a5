"""The image holds what its tag asserts, and loads the libraries it holds.

Its packages behave as installed ones.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
import sysconfig
from collections.abc import Collection, Iterator
from functools import cache
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import cast

import pytest

from .. import installed
from ..conftest import Answers, Figures
from ..contract import questions
from ..contract.expected import Expected
from ..declared import reports
from ..environment import surroundings
from ..installed import format_some
from ..outcome import require
from . import loaded_libraries
from .known_needs import (
    IMPORT_TORCH_FIRST,
    WITHOUT_LIBRARY,
    is_of_compiler,
    is_private,
    may_be_missing,
)
from .loaded_libraries import (
    CUDART,
    CUDNN,
    LIBRARIES,
    NCCL,
    WATCHED,
    CudaLibrary,
    family_name,
    versions_agree,
)
from .shared_objects import (
    DamagedObjectError,
    DynamicLoader,
    MissingLibrary,
    SharedObject,
    current_loader,
    find_missing,
    find_objects,
    folders_of_the_image,
)

SITE_PACKAGES = sysconfig.get_path("platlib")
BESIDE_ME = Path(__file__).parent
NOT_FOUND = "cannot open shared object file: No such file or directory"

OTHER_WHEELS = (
    "the image was not built from the lock of this line, or the tag belongs to another line"
)
REPLACED = "a layer on top removed or replaced what a package brought"
COPIED = (
    "a package or a layer on top brings a copy of its own, and whichever is loaded first "
    "serves both"
)
MISLED = (
    "LD_LIBRARY_PATH, LD_PRELOAD or ld.so.conf leads to a copy that no package of the image brought"
)


@pytest.fixture(scope="session")
def torch() -> ModuleType:
    """Return torch, which has loaded its libraries."""
    return import_or_fail("torch")


@pytest.fixture(scope="session")
def image() -> tuple[DynamicLoader, tuple[SharedObject, ...]]:
    """Return the loader, and every program and library of the image."""
    loader = current_loader()
    folders, left_out = folders_of_the_image()
    paths = (path for folder in folders for path in find_objects(folder, left_out))
    try:
        return loader, tuple(filter(None, map(loader.read_cached, dict.fromkeys(paths))))
    except DamagedObjectError as error:
        require(
            False,
            str(error),
            "whole files",
            "the layer was cut, or a layer on top replaced the file",
        )
        raise


@pytest.fixture(scope="session")
def owners() -> dict[str, str]:
    """Return the package of each file."""
    return {file.path: file.package for file in installed.recorded_files()}


def import_or_fail(name: str) -> ModuleType:
    """Return the module; fail the check if it cannot be imported."""
    module = first_import(name)
    cause = "a library is missing, or is of another build"
    require(not isinstance(module, str), f"`import {name}` ends in {module}", "an import", cause)
    return cast(ModuleType, module)


@cache
def first_import(name: str) -> ModuleType | str:
    """Return the module, or why it cannot be imported.

    It is imported once: a second attempt would find the remains of the first.
    """
    try:
        return import_module(name)
    except Exception as error:  # a broken library can raise anything
        return f"{type(error).__name__}: {[*str(error).splitlines(), ''][0]}"


def test_pytorch(expected: Expected) -> None:
    wanted = "cu" + expected.cuda.replace(".", "")
    for name in ("torch", "torchvision", "torchaudio"):
        asserted = getattr(expected, name)
        if not asserted:
            require(
                not is_installed(name), f"{name} is installed", "none in this line", OTHER_WHEELS
            )
            continue
        found, _, build = import_or_fail(name).__version__.partition("+")
        require(
            found == asserted,
            f"{name} {found} is imported",
            f"{asserted} as the tag says",
            OTHER_WHEELS,
        )
        require(
            version(name) in {asserted, f"{asserted}+{wanted}"},
            f"{name} {version(name)} is installed",
            asserted,
            OTHER_WHEELS,
        )
        require(
            build == wanted,
            f"{name} is the build `{build}`",
            f"{wanted} as the tag says",
            OTHER_WHEELS,
        )


def is_installed(name: str) -> bool:
    return name in dict(installed.list_packages())


def test_torchvision_fits_torch(torch: ModuleType) -> None:
    """A torchvision of another torch lacks its compiled operators."""
    boxes = torch.tensor([[0.0, 0.0, 9.0, 9.0], [0.0, 0.0, 9.0, 8.0], [20.0, 20.0, 29.0, 29.0]])
    kept = import_or_fail("torchvision").ops.nms(boxes, torch.tensor([0.9, 0.8, 0.7]), 0.5).tolist()
    cause = "torchvision was built for another torch"
    require(kept == [0, 2], f"torchvision.ops.nms kept boxes {kept}", "boxes [0, 2]", cause)


@pytest.mark.parametrize("library", LIBRARIES, ids=lambda library: library.family)
def test_cuda_libraries(
    library: CudaLibrary, torch: ModuleType, owners: dict[str, str], expected: Expected
) -> None:
    """A library that torch loaded has the version of torch's own build, the lock and the tag.

    A line that locks no package of it does without it: torch 2.15 has no cuRAND.
    """
    paths = [path for path in list_own_copies() if family_name(path) == library.family]
    paths.sort(key=lambda path: path not in owners)  # a second copy is for another check
    if not paths and not library.is_locked(name for name, _ in expected.packages):
        return
    not_cuda = "torch is not a CUDA build, or loads this library only when it uses it"
    require(
        paths,
        f"{library.name} is not loaded by `import torch`",
        "it among torch's libraries",
        not_cuda,
    )
    package = owners.get(paths[0], "")
    where = f"{library.name} is loaded from {paths[0]}, which is of no package"
    require(package, where, "a file of a locked package", MISLED)
    found = library.read_version(paths[0])
    if library is CUDNN:
        compiled = dotted_version(torch._C._cudnn.getCompileVersion())
        require(
            loaded_libraries.is_at_least(found, compiled),
            f"cuDNN {found} is loaded",
            f"{compiled} or later of its major version, as torch was compiled for",
            OTHER_WHEELS,
        )
    for who, wanted in claimed_versions(library, package, torch, expected):
        require(
            versions_agree(found, wanted),
            f"{library.name} {found} is loaded",
            f"{wanted} as {who}",
            OTHER_WHEELS,
        )


def list_own_copies() -> list[str]:
    """Return the loaded libraries, without those that a package carries for itself alone."""
    return [path for path in loaded_libraries.list_loaded() if not is_private(path, SITE_PACKAGES)]


def claimed_versions(
    library: CudaLibrary, package: str, torch: ModuleType, expected: Expected
) -> Iterator[tuple[str, str]]:
    """Yield who says which version the library is, and the version."""
    if library is CUDART:
        yield "the tag says", expected.cuda
        yield "torch.version says", str(torch.version.cuda)
        yield (
            "torch was compiled for",
            loaded_libraries.format_cuda_version(torch._C._cuda_getCompiledVersion()),
        )
    if library is CUDNN:
        yield "the tag says", expected.cudnn
    if library is NCCL:
        yield "the tag says", expected.nccl
        yield "torch was compiled for", dotted_version(torch.cuda.nccl.version())
    yield "torch's metadata requires", installed.pinned_versions("torch").get(package, "no version")
    yield f"{package} is installed", dict(installed.list_packages())[package]
    yield "the lock says", dict(expected.packages).get(package, "no version")


def dotted_version(numbers: Collection[object]) -> str:
    return ".".join(str(number) for number in numbers)


def test_cudnn_parts(torch: ModuleType) -> None:
    """CuDNN loads its parts by name on first use.

    Each part is there, of cuDNN's version, and from its folder.
    """
    whole = next((path for path in list_own_copies() if family_name(path) == CUDNN.family), "")
    require(
        whole,
        "cuDNN is not loaded by `import torch`",
        "it among torch's libraries",
        "torch is no CUDA build",
    )
    steps = loaded_libraries.parse_outcomes(
        installed.run_python(BESIDE_ME / "cudnn_parts.py", whole)
    )
    failed = [f"{name}: {line[2:]}" for name, line in steps if line.startswith("!")]
    require(
        not failed,
        f"cuDNN cannot use its parts: {format_some(failed, 1)}",
        "parts of its own version",
        REPLACED,
    )
    parts = {name: Path(line[2:]) for name, line in steps if line.startswith("= /")}
    require(
        len(parts) > 1,
        f"cuDNN loaded {format_some(parts)} alone",
        "its parts too",
        "cuDNN's interface has changed",
    )
    strangers = [str(path) for path in parts.values() if path.parent != Path(whole).parent]
    require(
        not strangers,
        f"cuDNN loads {format_some(strangers, 1)}",
        f"parts from {Path(whole).parent}",
        MISLED,
    )


@reports("cuda_libraries", "files")
def test_cuda_libraries_load(expected: Expected, owners: dict[str, str], figure: Figures) -> None:
    """Every library of NVIDIA's packages is there and can be loaded, also those of a first use."""
    named = {name for name, _ in expected.packages if name.startswith("nvidia-")}
    locked = named - {*WITHOUT_LIBRARY}
    files = sorted(
        path
        for path, package in owners.items()
        if package in locked and loaded_libraries.is_shared_object(path)
    )
    silent = sorted(locked - {owners[path] for path in files})
    require(
        locked and not silent,
        f"no library is of {format_some(silent)}",
        "libraries of each",
        OTHER_WHEELS,
    )
    steps = loaded_libraries.parse_outcomes(
        installed.run_python(BESIDE_ME / "load_each.py", *files)
    )
    with_driver = expected.device == "cuda"
    failed = [
        line[2:]
        for path, line in steps
        if not line.startswith("= ") and not is_optional_need(path, line, with_driver)
    ]
    figure("cuda_libraries", len(steps), "files")
    require(
        not failed,
        f"libraries do not load: {format_some(failed, 1)}",
        f"all {len(files)} to load",
        REPLACED,
    )


def is_optional_need(path: str, line: str, with_driver: bool) -> bool:
    """Return whether load_each.py could not load a file for want of what it may do without."""
    needed = line.removeprefix("! ").partition(": ")[0]
    if "/" in needed:  # the file itself is not there
        return False
    lost = MissingLibrary(path, needed)
    return line == f"! {needed}: {NOT_FOUND}" and may_be_missing(lost, SITE_PACKAGES, with_driver)


def test_no_second_copy_loaded(torch: ModuleType, expected: Expected) -> None:
    """After some work every library of CUDA, torch and OpenMP came from one file."""
    exercise_torch(torch, expected.device)
    twice = loaded_libraries.find_copies(list_own_copies())
    require(
        not twice,
        f"two copies are loaded of {format_some(twice, 1)}",
        "one copy of each library",
        COPIED,
    )
    versions = {
        path: CUDART.read_version(path)
        for path in loaded_libraries.list_loaded()
        if family_name(path) == CUDART.family
    }
    cause = "a package carries the CUDA runtime of another CUDA"
    require(
        len({*versions.values()}) == 1, f"CUDA runtimes {versions} are loaded", "one version", cause
    )


def exercise_torch(torch: ModuleType, device: str) -> None:
    """Load what is loaded on first use. Another check tells whether these packages import."""
    for name in ("torchvision", "torchaudio"):
        first_import(name)  # a line without torchaudio has none
    values = torch.rand(8, 8, 8, 8, device="cuda" if device == "cuda" else "cpu")
    torch.nn.functional.conv2d(values, values)
    torch.linalg.svd(values @ values)
    torch.fft.fft(values)


@reports("watched_libraries", "files")
def test_no_second_copy_in_the_image(
    image: tuple[DynamicLoader, tuple[SharedObject, ...]], figure: Figures
) -> None:
    """No package brings a library again that another has, whoever loads it first."""
    _, objects = image
    own = [each.path for each in objects if not is_private(each.path, SITE_PACKAGES)]
    watched = sum(1 for path in own if WATCHED.fullmatch(family_name(path)))
    figure("watched_libraries", watched, "files")
    require(
        watched,
        f"none of {len(own)} files is a library of CUDA or torch",
        "some",
        "torch is not installed",
    )
    twice = loaded_libraries.find_copies(own)
    require(
        not twice,
        f"two copies are in the image of {format_some(twice, 1)}",
        "one copy of each library",
        COPIED,
    )


def test_libraries_found_by_name(owners: dict[str, str]) -> None:
    """A program without torch gets the same file from the loader for a library's name, or none."""
    own = {
        Path(path).name: path
        for path in owners
        if is_watched(path) and not is_private(path, SITE_PACKAGES)
    }
    require(
        own,
        "no package brings a library of CUDA or torch",
        "some",
        "torch is not installed as wheels",
    )
    steps = loaded_libraries.parse_outcomes(
        installed.run_python(BESIDE_ME / "load_each.py", "libc.so.6", *own)
    )
    found = {name: line for name, line in steps if line != f"! {name}: {NOT_FOUND}"}
    libc = found.pop("libc.so.6", "! not asked")
    require(
        libc.startswith("= "),
        f"libc.so.6 {libc[2:]}",
        "the loader to find it",
        "the loader is not glibc's",
    )
    others = [
        f"{name}: {line[2:]}"
        for name, line in found.items()
        if not is_loaded_file(line, own.get(name, "")) and not is_of_compiler(line[2:])
    ]
    require(
        not others,
        f"by name the loader finds {format_some(others, 1)}",
        "the file of its package or none",
        MISLED,
    )


def is_watched(path: str) -> bool:
    return (
        loaded_libraries.is_shared_object(path) and WATCHED.fullmatch(family_name(path)) is not None
    )


def is_loaded_file(line: str, path: str) -> bool:
    """Return whether load_each.py says that it loaded this file, under whatever path."""
    return line.startswith("= ") and Path(line[2:]).resolve() == Path(path).resolve()


@reports("shared_objects", "files")
@reports("optional_libraries_not_found", "files")
def test_shared_objects_resolve(
    image: tuple[DynamicLoader, tuple[SharedObject, ...]],
    owners: dict[str, str],
    expected: Expected,
    figure: Figures,
) -> None:
    """Every library that a program or library of the image needs is found. This needs no GPU."""
    loader, objects = image
    torchs = sonames_of_torch(loader)
    users = {*installed.find_dependents("torch"), *IMPORT_TORCH_FIRST}
    missing = find_missing(
        loader, objects, lambda each: torchs if owners.get(each.path) in users else ()
    )
    lost = [
        each
        for each in missing
        if not may_be_missing(each, SITE_PACKAGES, expected.device == "cuda")
    ]
    figure("shared_objects", len(objects), "files")
    figure("optional_libraries_not_found", len(missing) - len(lost), "files")
    lines = sorted(f"{each.path} needs {each.needed}" for each in lost)
    require(
        not lines,
        f"libraries are not found: {format_some(lines)}",
        "every one that is needed",
        REPLACED,
    )


def sonames_of_torch(loader: DynamicLoader) -> set[str]:
    """Return the sonames that are loaded once torch is imported.

    Packages that require torch import it first.
    """
    extension = next(Path(SITE_PACKAGES, "torch").glob("_C.*.so"), None)
    start = loader.read_cached(str(extension)) if extension else None
    if start is None:
        require(False, "torch has no compiled extension _C", "one", REPLACED)
        return set()
    return {each.soname for each in loader.resolve_loading(start)[0]}


def test_python(expected: Expected) -> None:
    found = f"{sys.version_info.major}.{sys.version_info.minor}"
    require(
        found == expected.python,
        f"Python {found} runs",
        f"{expected.python} as the tag says",
        OTHER_WHEELS,
    )


@reports("packages", "packages")
def test_packages_match_the_lock(expected: Expected, figure: Figures) -> None:
    """No package is missing or of another version; only a derived image holds further ones."""
    found = installed.list_packages()
    figure("packages", len(found), "packages")
    locked = {name for name, _ in expected.packages}
    compared = [package for package in found if package[0] in locked] if expected.derived else found
    differences = installed.compare_packages(compared, expected.packages)
    wanted = f"the {len(expected.packages)} packages of the lock"
    require(not differences, f"packages differ: {format_some(differences)}", wanted, OTHER_WHEELS)


@reports("recorded_files", "files")
def test_package_files(figure: Figures) -> None:
    """Every file that a package records is there, in its size."""
    silent = installed.packages_without_record()
    require(
        not silent,
        f"no files are recorded by {format_some(silent)}",
        "a RECORD of each package",
        REPLACED,
    )
    files = [*installed.recorded_files()]
    figure("recorded_files", len(files), "files")
    damaged = [file.disk_problem for file in files if file.disk_problem]
    require(
        not damaged,
        f"files are not as recorded: {format_some(damaged)}",
        "every file whole",
        REPLACED,
    )


def test_pip_check() -> None:
    done = installed.run_command(sys.executable, "-m", "pip", "check")
    cause = "a package was added, removed or changed without its dependencies"
    require(
        done.returncode == 0,
        f"pip check: {installed.describe_exit(done)}",
        "no broken requirements",
        cause,
    )


def test_pip_list(expected: Expected) -> None:
    done = installed.run_command(
        sys.executable, "-m", "pip", "list", "--format=json", "--disable-pip-version-check"
    )
    broken = "pip or the metadata of a package is damaged"
    require(done.returncode == 0, f"pip list: {installed.describe_exit(done)}", "exit 0", broken)
    listed = {package["name"]: package["version"] for package in json.loads(done.stdout)}
    build = f"{expected.torch}+cu{expected.cuda.replace('.', '')}"
    require(
        listed.get("torch") in {expected.torch, build},
        f"pip lists torch {listed.get('torch')}",
        f"{expected.torch} as the tag says",
        "the metadata of another torch comes first on Python's path",
    )


@reports("console_scripts", "commands")
def test_console_scripts(figure: Figures) -> None:
    """Every declared command can start; torchrun, which every image has, does."""
    names = [entry.name for entry in installed.console_scripts()]
    figure("console_scripts", len(names), "commands")
    require(
        "torchrun" in names,
        f"torchrun is not among the {len(names)} declared commands",
        "it to be",
        REPLACED,
    )
    broken = [problem for problem in map(installed.find_script_problem, names) if problem]
    cause = "the command was written for another virtual environment, or replaced"
    require(not broken, f"commands cannot start: {format_some(broken, 1)}", "all to start", cause)
    done = installed.run_command("torchrun", "--help")
    require(
        done.returncode == 0,
        f"torchrun --help: {installed.describe_exit(done)}",
        "exit 0",
        REPLACED,
    )
    require(
        "--nproc" in done.stdout,
        f"torchrun --help: {installed.describe_exit(done)}",
        "--nproc to be named",
        REPLACED,
    )


def test_home_on_a_read_only_root() -> None:
    """This suite's root is read-only, and so is the image's home; programs have another one."""
    home = os.environ.get("HOME", "")
    problem = surroundings.find_writing_problem(Path(home)) if home else "HOME is not set"
    cause = "image_start.pth in site-packages was removed or replaced"
    require(not problem, f"with a read-only root {problem}", "a home that can be written", cause)


def test_imports_ask_no_network() -> None:
    """No package of the image looks up a name or connects when it is imported."""
    done = installed.run_python(BESIDE_ME / "import_each.py")
    require(
        done.returncode == 0,
        f"importing every package ends in {installed.describe_exit(done)}",
        "exit 0",
        "a package ends the process when it is imported",
    )
    addresses = [*dict.fromkeys(done.stdout.splitlines())]
    require(
        not addresses,
        f"packages ask the network when they are imported: {format_some(addresses, 2)}",
        "none to ask",
        "a package looks for updates, or sends statistics",
    )


def test_challenge(nonce: str, torch: ModuleType, answer: Answers) -> None:
    """NumPy's BLAS and torch multiply the same memory, and a C pointer changes it in between."""
    numpy = import_or_fail("numpy")
    question = questions.draw_product(nonce, "libraries")
    left = numpy.array(question.left, dtype=numpy.float64).reshape(-1, question.inner)
    right = numpy.array(question.right, dtype=numpy.float64).reshape(question.inner, -1)
    shared = torch.from_numpy(left)
    answer("numpy", numpy.matmul(left, right).ravel().tolist())
    pointer = ctypes.cast(shared.data_ptr(), ctypes.POINTER(ctypes.c_double))
    for number in range(question.inner):
        pointer[number] = -pointer[number]
    answer("torch", torch.mm(shared, torch.from_numpy(right)).flatten().tolist())
    answer("memory", left[0].tolist())
