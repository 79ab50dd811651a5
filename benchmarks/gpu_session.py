#!/usr/bin/env python3
"""Measure on a GPU machine without an engine what no machine without a GPU can show.

The machine needs a Python with PyTorch and torchvision, and neither an engine nor a network. First,
on a machine with a package index, make the folder of what the harness needs there:

    .venv/bin/python benchmarks/gpu_packages.py FOLDER --python-version 3.12

Then, on the GPU machine, with the Python that holds PyTorch:

    export GPU_PACKAGES=$PWD/FOLDER/site PYTORCH_CUDA_IMAGES_HOME=$PWD/FOLDER/home
    python3 benchmarks/gpu_session.py OUT

It writes to OUT as it goes (how long each part took, and on what, is in docs/gpu.md):

    facts.json          the versions, architectures and GPUs of the machine
    validation.json     the record of every suite of base and nlp, by the local executor
    validation.prom     the same for Prometheus
    expectations.yaml   the floors that the run measured, as a file to review
    defects.json        defects that only a GPU can show, and whether the suites caught them
    gate.json           the regression gate: the machine against itself, and against 5 % slower
    nccl.txt            what NCCL logged
    svd.json            how exact the singular vectors of the GPU are

`--parts` chooses among the parts. `--device cpu` is for a trial without a GPU.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
sys.path.append(os.environ.get("GPU_PACKAGES", ""))  # last: the GPU machine's own come first

from images.compatibility import load_compatibility
from runner import records
from runner.home import REPOSITORY
from runner.verdict import Verdict
from tests.defects import stand_in
from validation import floor, harness, metrics, nvml
from validation.executors import local
from validation.executors.interface import Setup
from validation.judge import judge_suite
from validation.preflight import check_host
from validation.regression import LOOKS, compare_releases, container_runner
from validation.run import ValidationTarget, validate_image
from validation.suite import SUITES, Suite
from validation.suites.contract.expected import Expected

STACKS = ("base", "nlp")
SLOWER_PERCENT = 5
NCCL_LOG_BYTES = 1 << 20


class Session:
    """One run: where it writes, on which device, and the Python whose libraries are measured."""

    def __init__(self, out: Path, device: str, python: str, only: str) -> None:
        """Read the facts of `python`. `only` is a part of the names of the defects to plant."""
        self.out, self.device, self.python, self.only = out, device, python, only
        done = subprocess.run(
            [python, REPOSITORY / "benchmarks" / "gpu_facts.py"],
            capture_output=True,
            text=True,
            check=True,
        )
        self.facts = json.loads(done.stdout)
        self.driver_floor = load_compatibility().toolkits[self.facts["cuda"]].oldest_driver

    def run_part(self, name: str) -> None:
        """Run a part, and say how long it took. A part that raises does not stop the others."""
        parts: dict[str, Callable[[], None]] = {
            "facts": self.write_facts,
            "suites": self.run_suites,
            "defects": self.run_defects,
            "gate": self.run_gate,
            "svd": self.measure_svd,
        }
        started = time.monotonic()
        try:
            parts[name]()
        except Exception as error:
            print(f"part {name} ended with {type(error).__name__}: {error}", flush=True)
        print(f"part {name}: {time.monotonic() - started:.0f} s", flush=True)

    def write_facts(self) -> None:
        """Write the versions of the Python, and its GPUs."""
        self._write("facts.json", self.facts)

    def run_suites(self) -> None:
        """Run every suite, and write the record, its metrics and the floors it measured."""
        with self._nccl_log():
            target = ValidationTarget(
                version="",
                image="-".join(STACKS),
                stacks=STACKS,
                digest="",
                reference=self.python,
                expected=self._describe_expected(),
                driver_floor=self.driver_floor,
                command=f"python3 benchmarks/{Path(__file__).name} OUT --device {self.device}",
            )
            record = validate_image(target, self.device, executor="local")
        (self.out / "validation.json").write_text(records.to_json(record))
        (self.out / "validation.prom").write_text(metrics.render_openmetrics(record))
        for gpu in sorted(set(record.environment.gpus)):
            measured = next(each for each in record.suites if each.suite == "throughput")
            source = floor.FloorSource(
                f"torch {self.facts['torch']}",
                "",
                record.environment.driver,
                datetime.now(UTC).date(),
                record.command,
            )
            text = floor.render_entry(measured, floor.load_expectations(gpu), source)
            (self.out / "expectations.yaml").write_text(text)

    def run_defects(self) -> None:
        """Plant defects of the environment, and write which check saw each."""
        device = next(suite for suite in SUITES if suite.name == "device")
        found = []
        for name, environment in self._planted_environments():
            if self.only not in name:
                continue
            setup = self._setup(environment)
            result = judge_suite(device, local.run_suite(device, setup))
            refused = {
                check.name: f"{check.verdict}: {check.reason}; {check.cause}"
                for check in result.checks
                if check.verdict not in (Verdict.PASS, Verdict.NOT_RUN)
            }
            found.append({"defect": name, "verdict": result.verdict, "refused": refused})
            print(f"  {name}: {result.verdict}, {', '.join(refused) or 'nothing'}", flush=True)
        if not self.only:
            found.append(self._busy_gpu())
        self._write("defects.json", found)

    def run_gate(self) -> None:
        """Compare the machine with itself, and with itself when every step takes 5 % longer.

        It takes only the pairs of the first look: the machine is there for minutes.
        """
        pace = Suite(
            "gpu_pace",
            "base",
            test_timeout_s=120,
            timeout_s=180,
            listed=False,
            folder=REPOSITORY / "benchmarks",
        )
        clean, results = self._setup({}), {}
        planted = REPOSITORY / "tests" / "defects" / "planted" / "slower"
        for percent in (0, SLOWER_PERCENT):
            slower = {"PYTHONPATH": str(planted), "SLOWER_BY": str(percent)} if percent else {}
            run = container_runner(pace, clean, self._setup(slower), local.run_suite)
            result = compare_releases(run, LOOKS[:1])
            results[f"{percent} % slower"] = json.loads(records.to_json(result))
            print(f"  {percent} % slower: {result.verdict} {result.reason}", flush=True)
            self._write("gate.json", results)

    def measure_svd(self) -> None:
        """Write how far singular vectors of fp32 matrices are from orthogonal, by method."""
        done = subprocess.run(
            [self.python, REPOSITORY / "benchmarks" / "svd_errors.py", self.device],
            capture_output=True,
            text=True,
            check=True,
        )
        self._write("svd.json", json.loads(done.stdout))

    def _planted_environments(self) -> Iterator[tuple[str, dict[str, str]]]:
        yield "no defect", {}
        yield "stale CUDA_VISIBLE_DEVICES", {"CUDA_VISIBLE_DEVICES": "7"}
        yield "TF32 forbidden", {"NVIDIA_TF32_OVERRIDE": "0"}
        yield "TF32 where fp32 is asked for", {"TORCH_ALLOW_TF32_CUBLAS_OVERRIDE": "1"}
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "libnvidia-ml.so.1").write_bytes(stand_in.nvml(gpus=4))
            before = os.environ.get("LD_LIBRARY_PATH")
            path = f"{folder}{':' + before if before else ''}"
            yield "an NVML that counts 4 GPUs", {"LD_LIBRARY_PATH": path}

    def _busy_gpu(self) -> dict[str, Any]:
        """Return what the checks of the host say while another process holds most of a GPU."""
        if self.device == "cpu":
            return {"defect": "another process holds 90 % of the memory", "verdict": "not run"}
        work = (
            "import sys, torch; free = torch.cuda.mem_get_info()[0];"
            "held = torch.empty(int(0.9 * free), dtype=torch.uint8, device='cuda');"
            "print('held', flush=True); sys.stdin.read()"
        )
        with subprocess.Popen(
            [self.python, "-c", work], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as other:
            assert other.stdin is not None
            assert other.stdout is not None
            other.stdout.readline()
            judged = check_host(nvml.read_inventory(), self.driver_floor)
            other.stdin.close()
        print(f"  memory held: {judged.verdict}, {judged.reason}", flush=True)
        return {
            "defect": "another process holds 90 % of the memory",
            "verdict": judged.verdict,
            "refused": {judged.suite: f"{judged.reason}; {judged.cause}"},
        }

    def _describe_expected(self) -> Expected:
        """Return the facts of this Python itself, so the checks of versions prove nothing.

        What its torch was built for is known from its version.
        """
        facts = self.facts
        torch = facts["torch"].partition("+")[0]
        build = load_compatibility().find_build(torch, facts["cuda"])
        on_gpu = self.device == "cuda"
        return Expected(
            torch=torch,
            torchvision=facts["torchvision"].partition("+")[0],
            torchaudio=facts["torchaudio"].partition("+")[0],
            cuda=facts["cuda"],
            python=facts["python"],
            cudnn=facts["cudnn"],
            nccl=facts["nccl"],
            device=self.device,
            gpu_count=len(facts["gpus"]) if on_gpu else 0,
            stacks=STACKS,
            packages=(),
            compiler=shutil.which("cc") is not None,
            epoch=0,
            architectures=build.architectures,
            without_code=build.missing_code,
        )

    def _setup(self, environment: dict[str, str]) -> Setup:
        return Setup(
            self.python,
            harness.install_harness(),
            self._describe_expected(),
            environment=tuple(environment.items()),
        )

    @contextlib.contextmanager
    def _nccl_log(self) -> Iterator[None]:
        """Have NCCL log to files, and keep the beginning of what they hold in `nccl.txt`."""
        with tempfile.TemporaryDirectory() as folder:
            os.environ |= {"NCCL_DEBUG": "INFO", "NCCL_DEBUG_FILE": f"{folder}/%p"}
            try:
                yield
            finally:
                files = sorted(Path(folder).iterdir(), key=lambda path: path.stat().st_mtime)
                texts = [f"== {path.name}\n{path.read_text(errors='replace')}" for path in files]
                (self.out / "nccl.txt").write_text("\n".join(texts)[:NCCL_LOG_BYTES])
                del os.environ["NCCL_DEBUG"], os.environ["NCCL_DEBUG_FILE"]

    def _write(self, name: str, value: object) -> None:
        (self.out / name).write_text(json.dumps(value, indent=1) + "\n")


PARTS = ("facts", "suites", "defects", "svd", "gate")


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path)
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--defect", default="", help="plant only defects with this in their name")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    os.environ["PYTORCH_CUDA_IMAGES_OUT"] = str(arguments.out.resolve())
    session = Session(arguments.out, arguments.device, sys.executable, arguments.defect)
    for part in arguments.parts.split(","):
        session.run_part(part)


if __name__ == "__main__":
    main()
