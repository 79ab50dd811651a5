"""Defects that the state suite must catch: switches, variables and files of the system."""

from __future__ import annotations

from tests.defects.defect import Defect, Plant, with_environment, with_file, with_layer
from tests.defects.of_environment import PACKAGES
from validation.suites.contract.pristine_state import WAYS

IN_ANY_WAY = tuple(f"state[{way}]" for way in WAYS)


def _seen(name: str, says: str, plant: Plant, *checks: str, representative: bool = False) -> Defect:
    """Return a defect that each of `checks` sees with the same words, by default every way."""
    caught = tuple((check, says) for check in checks or IN_ANY_WAY)
    return Defect(name, "state", caught, plant, representative=representative)


def _at_import(name: str) -> Plant:
    """A file of site-packages that each Python runs when it starts."""
    return with_file(f"at_import/{name}.pth", f"{PACKAGES}/{name}.pth")


def _seen_in_one_way(name: str, says: str, file: str, check: str) -> Defect:
    """Return a defect of a file that changes one way; the others tell that the file is there."""
    others = ((each, f"start: {file}.pth is True") for each in IN_ANY_WAY if each != check)
    return Defect(name, "state", ((check, says), *others), _at_import(file))


def _variable(name: str, value: str, says: str = "") -> Defect:
    """A variable that the image's configuration sets."""
    return _seen(
        f"{name} in the image",
        says or f"os.environ.{name} is {value}",
        with_environment(**{name: value}),
    )


DEFECTS = (
    _seen(
        "cuDNN disabled at import",
        "torch.backends.cudnn.enabled is False",
        _at_import("cudnn_disabled"),
        representative=True,
    ),
    _seen(
        "float32 products of medium precision",
        "torch.get_float32_matmul_precision is medium",
        _at_import("precision_medium"),
    ),
    _seen(
        "deterministic algorithms forced",
        "torch.are_deterministic_algorithms_enabled is True",
        _at_import("deterministic"),
    ),
    _seen("one thread only", "torch.get_num_threads is 1, ", _at_import("one_thread")),
    _seen(
        "a function of torch replaced at import",
        "code of other packages: torch has of /opt/speed/relu.py is torch.nn.functional.relu",
        _at_import("relu_replaced"),
    ),
    _seen_in_one_way(
        "spawned workers that compute in float64",
        "torch.get_default_dtype is torch.float64",
        "spawned_float64",
        "state[spawned_worker]",
    ),
    _seen_in_one_way(
        "ranks of another precision",
        "torch.get_float32_matmul_precision is high",
        "rank_precision",
        "state[torchrun_rank]",
    ),
    _seen_in_one_way(
        "a compiler that uses fast mathematics",
        "torch._inductor.config.cpp.enable_unsafe_math_opt_flag is True",
        "compiler_fast_math",
        "state[compiler_worker]",
    ),
    _variable("CUDA_LAUNCH_BLOCKING", "1"),
    _variable("NCCL_P2P_DISABLE", "1"),
    _variable("NVIDIA_TF32_OVERRIDE", "0"),
    _variable("PYTORCH_NO_CUDA_MEMORY_CACHING", "1"),
    _variable("HTTPS_PROXY", "http://proxy.example:3128"),
    _variable(
        "PYTHONHASHSEED", "0", "sys.flags.hash_randomization is 0, os.environ.PYTHONHASHSEED"
    ),
    _variable("NVIDIA_REQUIRE_CUDA", "cuda>=12.9"),
    _variable("HF_HUB_OFFLINE", "1"),
    _variable("MPLCONFIGDIR", "/srv/matplotlib"),
    _variable("GOMP_CPU_AFFINITY", "0"),
    _variable("PYTHONWARNINGS", "error", "error"),
    _seen(
        "a profile that takes the threads",
        "os.environ.OMP_NUM_THREADS is set by what started the process",
        with_file("profile/numbers.sh", "/etc/profile.d/numbers.sh"),
        "state[login_shell]",
    ),
    _seen(
        "no time zones",
        "system.time zones is 0, expected all",
        with_file("no_zones", "/usr/share/zoneinfo"),
    ),
    _seen(
        "a path on which python3 has no torch",
        "system.python3 on PATH is",
        with_layer(
            "RUN ln -s /usr/bin/python3.11 /usr/local/bin/python3", "ENV PATH=/usr/local/bin:$PATH"
        ),
        *(each for each in IN_ANY_WAY if "login" not in each),
    ),
    _seen(
        "a library that every program loads first",
        "system./etc/ld.so.preload is True, expected False",
        with_file("ld_so_preload/ld.so.preload", "/etc/ld.so.preload"),
    ),
    _seen(
        "localhost that is not found",
        "system.localhost is not found",
        with_file("no_localhost/nsswitch.conf", "/etc/nsswitch.conf"),
    ),
    Defect(
        "no bash",
        "state",
        (
            *((each, "system./bin/bash is False") for each in IN_ANY_WAY if "login" not in each),
            ("state[login_shell]", "no state: bash: No such file or directory"),
        ),
        with_layer("RUN rm /usr/bin/bash", 'ENTRYPOINT ["/usr/bin/tini", "--"]'),
    ),
    Defect(
        "a stack that turns gradients off when it is imported",
        "state",
        (
            (
                "imported_stacks",
                "after importing albumentations, cv2: torch.is_grad_enabled is False",
            ),
        ),
        with_layer(
            f"RUN echo 'import torch; torch.set_grad_enabled(False)' "
            f">> {PACKAGES}/albumentations/__init__.py"
        ),
        image="cv",
    ),
    Defect(
        "an OpenCV that leaves its folder on the path",
        "state",
        (("traces_of_imports", f"leaves sys.path: {PACKAGES}/cv2 is there"),),
        with_layer(
            f"RUN echo 'import sys; sys.path.append(__path__[0])' >> {PACKAGES}/cv2/__init__.py"
        ),
        image="cv",
    ),
    _seen(
        "the pip of another Python",
        "`pip --version` prints exit 0, pip 23.0.1 from /usr/lib/python3/dist-packages/pip",
        with_file("pip_of_debian/pip", "/opt/venv/bin/pip"),
        "pip",
    ),
    _seen(
        "an odd pip.conf",
        "pip is configured: global.timeout='600', expected no setting",
        with_file("pip_conf/pip.conf", "/etc/pip.conf"),
        "pip",
    ),
)
