"""Defects that the libraries suite must catch."""

from __future__ import annotations

from tests.defects.defect import Defect, Plant, patched, told, with_file, with_layer

PACKAGES = "/opt/venv/lib/python3.11/site-packages"
CUDNN = f"{PACKAGES}/nvidia/cudnn/lib"
NCCL = f"{PACKAGES}/nvidia/nccl/lib/libnccl.so.2"
LOADED_AT_START = (
    f"""RUN echo 'import ctypes; ctypes.CDLL("/opt/other/libnccl.so.3")' > {PACKAGES}/other.pth"""
)


def with_package(name: str, *metadata: str) -> Plant:
    """A package with these lines of METADATA, version 1.0, and no module."""
    folder = f"{name.replace('-', '_')}-1.0.dist-info"
    lines = r"\n".join(["Metadata-Version: 2.1", f"Name: {name}", "Version: 1.0", *metadata, ""])
    wrote = f"printf '{lines}' > METADATA && echo {folder}/METADATA,, > RECORD"
    return with_layer(f"RUN mkdir {PACKAGES}/{folder} && cd {PACKAGES}/{folder} && {wrote}")


DEFECTS = (
    Defect(
        "the tag asserts other versions",
        "libraries",
        (
            ("pytorch", "torch 2.6.0 is imported, expected 2.5.1 as the tag says"),
            ("cuda_libraries[libcudnn]", "cuDNN 9.1.0 is loaded, expected 9.2.0.1 as the tag says"),
            ("cuda_libraries[libnccl]", "NCCL 2.21.5 is loaded, expected 2.20.5 as the tag says"),
            ("python", "Python 3.11 runs, expected 3.10"),
            ("pip_list", "pip lists torch 2.6.0, expected 2.5.1"),
        ),
        told(torch="2.5.1", python="3.10", cudnn="9.2.0.1", nccl="2.20.5"),
    ),
    Defect(
        "wrong CUDA minor in the tag",
        "libraries",
        (
            ("pytorch", "torch is the build `cu124`, expected cu121"),
            (
                "cuda_libraries[libcudart]",
                "CUDA runtime 12.4 is loaded, expected 12.1 as the tag says",
            ),
        ),
        told(cuda="12.1"),
    ),
    Defect(
        "wrong torchvision",
        "libraries",
        (
            ("pytorch", "`import torchvision` ends in"),
            ("torchvision_fits_torch", "torchvision::nms does not exist"),
        ),
        # What a torchvision of another torch is to the loader: a symbol that this torch does not
        # have.
        with_layer(
            "RUN sed -i s/_ZNR5torch7Library5_impl/_ZNR5torch7Library5_fmpl/ "
            f"{PACKAGES}/torchvision/_C.so"
        ),
    ),
    Defect(
        "torchvision of another version",
        "libraries",
        (("pytorch", "torchvision 0.17.0 is imported, expected 0.21.0"),),
        with_layer(
            f"RUN cd {PACKAGES}/torchvision && rm __pycache__/version.*"
            " && sed -i s/0.21.0+cu124/0.17.0+cu121/ version.py"
        ),
    ),
    Defect(
        "a removed libcudnn_ops",
        "libraries",
        (
            ("cudnn_parts", "libcudnn_ops.so.9"),
            ("cuda_libraries_load", "libcudnn_ops.so.9: cannot open shared object file"),
            ("package_files", "libcudnn_ops.so.9 of nvidia-cudnn-cu12: No such file"),
            ("shared_objects_resolve", "libcudnn_adv.so.9 needs libcudnn_ops.so.9"),
        ),
        with_layer(f"RUN rm {CUDNN}/libcudnn_ops.so.9"),
    ),
    Defect(
        "a removed libcudnn_engines_precompiled",
        "libraries",
        (
            (
                "cuda_libraries_load",
                "libcudnn_engines_precompiled.so.9: cannot open shared object file",
            ),
            (
                "package_files",
                "libcudnn_engines_precompiled.so.9 of nvidia-cudnn-cu12: No such file",
            ),
        ),
        with_layer(f"RUN rm {CUDNN}/libcudnn_engines_precompiled.so.9"),
    ),
    Defect(
        "a second cuDNN on LD_LIBRARY_PATH",
        "libraries",
        (
            ("cudnn_parts", "cuDNN loads /opt/other/libcudnn_ops.so.9"),
            ("libraries_found_by_name", "by name the loader finds libcudnn_ops.so.9: "),
            ("no_second_copy_in_the_image", "libcudnn_ops: "),
        ),
        with_layer(
            f"RUN mkdir /opt/other && cp {CUDNN}/libcudnn_ops.so.9 /opt/other/",
            "ENV LD_LIBRARY_PATH=/opt/other",
        ),
    ),
    Defect(
        # torch's own libraries find theirs by RPATH, which comes before LD_LIBRARY_PATH. Any other
        # program is misled.
        "a second NCCL on LD_LIBRARY_PATH",
        "libraries",
        (
            (
                "libraries_found_by_name",
                "libnccl.so.2: /opt/other/libnccl.so.2, expected the file of its package or none",
            ),
            ("no_second_copy_in_the_image", "libnccl: /opt/other/libnccl.so.2 and"),
        ),
        with_layer(
            f"RUN mkdir /opt/other && cp {NCCL} /opt/other/", "ENV LD_LIBRARY_PATH=/opt/other"
        ),
    ),
    Defect(
        "a preloaded NCCL instead of torch's",
        "libraries",
        (
            ("libraries_found_by_name", "libnccl.so.2: /opt/other/libnccl.so.2"),
            (
                "cuda_libraries[libnccl]",
                "NCCL is loaded from /opt/other/libnccl.so.2, which is of no package",
            ),
            ("no_second_copy_in_the_image", "libnccl: /opt/other/libnccl.so.2 and"),
        ),
        with_layer(
            f"RUN mkdir /opt/other && cp {NCCL} /opt/other/",
            "ENV LD_PRELOAD=/opt/other/libnccl.so.2",
        ),
    ),
    Defect(
        "another NCCL loaded beside torch's",
        "libraries",
        (
            (
                "no_second_copy_loaded",
                "two copies are loaded of libnccl: /opt/other/libnccl.so.3 and",
            ),
            ("no_second_copy_in_the_image", "libnccl: /opt/other/libnccl.so.3 and"),
        ),
        with_layer(
            (
                f"RUN mkdir /opt/other && sed s/libnccl.so.2/libnccl.so.3/ {NCCL} > "
                "/opt/other/libnccl.so.3"
            ),
            LOADED_AT_START,
        ),
    ),
    Defect(
        "an unresolved shared object",
        "libraries",
        (
            (
                "shared_objects_resolve",
                "_sqlite3.cpython-311-x86_64-linux-gnu.so needs libsqlite3.so.0",
            ),
        ),
        with_layer("RUN rm /usr/lib/x86_64-linux-gnu/libsqlite3.so.0*"),
    ),
    Defect(
        "a package that is missing",
        "libraries",
        (
            ("packages_match_the_lock", "networkx 3.6.1 is missing"),
            ("pip_check", "requires networkx"),
        ),
        with_layer(f"RUN rm -r {PACKAGES}/networkx*"),
    ),
    Defect(
        "a package that is not in the lock",
        "libraries",
        (
            (
                "packages_match_the_lock",
                "stowaway 1.0 is installed where the lock has no such package",
            ),
        ),
        with_package("stowaway"),
    ),
    Defect(
        "a package of another version",
        "libraries",
        (("packages_match_the_lock", "networkx 3.5.9 is installed where the lock has 3.6.1"),),
        with_layer(
            "RUN sed -i 's/^Version: 3.6.1/Version: 3.5.9/' "
            f"{PACKAGES}/networkx-3.6.1.dist-info/METADATA"
        ),
    ),
    Defect(
        "pip conflict",
        "libraries",
        (
            ("pip_check", "needs-old-numpy 1.0 has requirement numpy<2"),
            ("packages_match_the_lock", "needs-old-numpy 1.0 is installed"),
        ),
        with_package("needs-old-numpy", "Requires-Dist: numpy<2"),
    ),
    Defect(
        "metadata of a torch that is not there",
        "libraries",
        (
            ("pytorch", "torch 2.5.0 is installed"),
            ("packages_match_the_lock", "torch 2.5.0 and 2.6.0 is installed"),
            ("package_files", "no files are recorded by torch"),
            ("pip_check", "but you have torch 2.5.0"),
            ("pip_list", "pip lists torch 2.5.0"),
        ),
        patched("stale_metadata"),
    ),
    Defect(
        "a file that was cut",
        "libraries",
        (("package_files", "torch/utils/tensorboard/writer.py of torch has 5000 bytes of"),),
        with_layer(f"RUN truncate -s 5000 {PACKAGES}/torch/utils/tensorboard/writer.py"),
    ),
    Defect(
        "broken console script",
        "libraries",
        (
            ("console_scripts", "begins with `#!/nowhere/python`"),
            ("package_files", "/opt/venv/bin/torchrun of torch has"),
        ),
        with_file("broken_script/torchrun", "/opt/venv/bin/torchrun"),
        representative=True,
    ),
)
