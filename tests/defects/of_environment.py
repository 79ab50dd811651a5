"""Defects that the environment suite must catch."""

from __future__ import annotations

from runner.verdict import Verdict
from tests.defects.defect import Defect, with_environment, with_file, with_layer

PACKAGES = "/opt/venv/lib/python3.11/site-packages"


DEFECTS = (
    Defect(
        "the image runs as root",
        "environment",
        (("unprivileged_user", "the image runs as uid 0, expected mluser (1000)"),),
        with_layer(user="root"),
    ),
    Defect(
        "a user without a name",
        "environment",
        (("unprivileged_user", "uid 1000 has no name in /etc/passwd"),),
        with_layer("RUN sed -i /mluser/d /etc/passwd"),
    ),
    Defect(
        "unwritable HOME and cache",
        "environment",
        # Python then takes a folder below /tmp for its home.
        (("unprivileged_user", "HOME is /tmp/home-1000, expected /home/mluser"),),
        with_layer("RUN chown -R root:root /home/mluser && chmod 755 /home/mluser"),
    ),
    Defect(
        "a cache that belongs to root",
        "environment",
        (
            ("writable[cache]", "Permission denied"),
            ("torch_hub_writable", "/home/mluser/.cache/torch: Permission denied"),
        ),
        with_layer("RUN mkdir /home/mluser/.cache"),
    ),
    Defect(
        "a working folder that belongs to root",
        "environment",
        (("writable[working]", "/workspace/validation-"),),
        with_layer("RUN chown root:root /workspace && chmod 755 /workspace"),
    ),
    Defect(
        "missing CA certificates",
        "environment",
        (("ca_certificates", "0 authorities in /usr/lib/ssl/cert.pem, expected at least 50"),),
        with_layer("RUN rm -r /etc/ssl/certs"),
        representative=True,
    ),
    Defect(
        "certificates of another machine",
        "environment",
        (
            (
                "ca_certificates",
                "SSL_CERT_FILE is /usr/local/share/company.pem, expected a file that exists",
            ),
        ),
        with_environment(SSL_CERT_FILE="/usr/local/share/company.pem"),
    ),
    Defect(
        "no UTF-8 locale",
        "environment",
        (("utf8", "the locale is of ANSI_X3.4-1968, expected UTF-8"),),
        with_environment(LANG="C"),
    ),
    Defect(
        "a locale that the image does not have",
        "environment",
        (("utf8", "the locale is of ANSI_X3.4-1968, expected UTF-8"),),
        with_environment(LC_ALL="en_US.UTF-8"),
    ),
    Defect(
        "a Python that must not use UTF-8",
        "environment",
        (("utf8", "UnicodeEncodeError"),),
        with_environment(LC_ALL="POSIX", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0"),
    ),
    Defect(
        "hosts that are looked up without DNS",
        "environment",
        (("name_lookup", "nsswitch.conf looks up hosts in files, expected hosts in files"),),
        with_layer("RUN sed -i '/^hosts:/s/ dns//' /etc/nsswitch.conf"),
    ),
    Defect(
        "a fork bomb of OpenMP threads",
        "environment",
        (("threads", "torch uses 512 threads, expected at most the"),),
        with_environment(
            OMP_NUM_THREADS="512", MKL_DYNAMIC="FALSE"
        ),  # else MKL, and torch with it, knows better
    ),
    Defect(
        "thread numbers of a larger machine",
        "environment",
        (("threads", "the image sets OMP_NUM_THREADS to `512`, expected at most the"),),
        with_environment(OMP_NUM_THREADS="512"),
    ),
    Defect(
        "stale CUDA_VISIBLE_DEVICES, no GPU to see it",
        "environment",
        (
            (
                "visible_gpus",
                "the image sets CUDA_VISIBLE_DEVICES to `3`, expected it not to be set",
            ),
        ),
        with_environment(CUDA_VISIBLE_DEVICES="3"),
        representative=True,
    ),
    Defect(
        "an image that asks for no GPU",
        "environment",
        (("visible_gpus", "NVIDIA_VISIBLE_DEVICES is `none`, expected `all`"),),
        with_environment(NVIDIA_VISIBLE_DEVICES="none"),
    ),
    Defect(
        "LD_LIBRARY_PATH left in the image",
        "environment",
        (
            (
                "search_paths",
                "LD_LIBRARY_PATH is `/usr/local/cuda/lib64`, expected it not to be set",
            ),
        ),
        with_environment(LD_LIBRARY_PATH="/usr/local/cuda/lib64"),
    ),
    Defect(
        "modules from outside of the image's folders",
        "environment",
        (("search_paths", "Python looks in /workspace, expected only folders of"),),
        with_layer(f"RUN echo /workspace > {PACKAGES}/workspace.pth"),
    ),
    Defect(
        "no bytecode of torch",
        "environment",
        (("bytecode", f"files were compiled: {PACKAGES}/torch/__init__.py and"),),
        with_layer(f"RUN find {PACKAGES}/torch -name __pycache__ -prune -exec rm -r {{}} +"),
    ),
    Defect(
        "no init in the container",
        "environment",
        (("orphans_are_reaped", "an orphan is a zombie after 3 s, expected it to be gone"),),
        with_layer("ENTRYPOINT []"),
    ),
    Defect(
        "clock far in the past",
        "environment",
        (("clock", "the clock says 1970-01-01"),),
        with_file("clock_in_the_past/clock.pth", f"{PACKAGES}/clock.pth"),
        Verdict.INFRA,
    ),
)
