"""Defects that the libraries suite must catch."""

from __future__ import annotations

from tests.defects.defect import Defect, patched, told, with_file

DEFECTS = (
    Defect(
        "the tag asserts other versions",
        "libraries",
        (
            ("pytorch", "torch 2.6.0 is imported, the tag says 2.5.1"),
            ("cuda_libraries", "cuDNN 9.1.0, the tag says 9.2.0.1"),
            ("python", "Python 3.11 runs, the tag says 3.10"),
            ("pip_list", "pip lists torch 2.6.0, the tag says 2.5.1"),
        ),
        told(torch="2.5.1", python="3.10", cudnn="9.2.0.1", nccl="2.20.5"),
    ),
    Defect(
        "torchvision of another torch",
        "libraries",
        (("pytorch", "torchvision 0.17.0 is imported"), ("torchvision_fits_torch", "nms kept boxes [0, 1, 2]")),
        patched("wrong_torchvision"),
    ),
    Defect(
        "metadata of a torch that is not there",
        "libraries",
        (("pytorch", "torch 2.5.0 is installed"), ("pip_check", "but you have torch 2.5.0"), ("pip_list", "2.5.0")),
        patched("stale_metadata"),
    ),
    Defect(
        "broken console script",
        "libraries",
        (("console_scripts", "begins with `#!/nowhere/python`"),),
        with_file("broken_script/torchrun", "/opt/venv/bin/torchrun"),
        representative=True,
    ),
    Defect(
        "the image runs as root",
        "libraries",
        (("unprivileged_user", "the image runs as uid 0"),),
        patched("user_is_root"),
    ),
)
