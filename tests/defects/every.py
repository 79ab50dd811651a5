"""Every planted defect, in the order of the suites of one machine; then those of two nodes."""

from __future__ import annotations

from tests.defects import (
    of_compute,
    of_cost,
    of_dataloader,
    of_ddp,
    of_device,
    of_environment,
    of_guest,
    of_harness,
    of_libraries,
    of_multinode,
    of_nlp,
    of_recorded,
    of_references,
    of_rl,
    of_stacks,
    of_start,
    of_state,
    of_throughput,
    of_workloads,
)
from tests.defects.defect import Defect

DEFECTS: tuple[Defect, ...] = (
    *of_device.DEFECTS,
    *of_libraries.DEFECTS,
    *of_environment.DEFECTS,
    *of_guest.DEFECTS,
    *of_start.DEFECTS,
    *of_state.DEFECTS,
    *of_dataloader.DEFECTS,
    *of_ddp.DEFECTS,
    *of_compute.DEFECTS,
    *of_cost.DEFECTS,
    *of_references.DEFECTS,
    *of_recorded.DEFECTS,
    *of_workloads.DEFECTS,
    *of_throughput.DEFECTS,
    *of_stacks.DEFECTS,
    *of_nlp.DEFECTS,
    *of_rl.DEFECTS,
    *of_harness.DEFECTS,
)
"""Those of one machine."""

EVERY_DEFECT = (*DEFECTS, *of_multinode.DEFECTS)
