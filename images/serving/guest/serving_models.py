"""Models of archives: how they are loaded, what they take and give, and how they are run.

An archive of TorchScript (`torch.jit.save`, NAME.pt) or of torch.export (`torch.export.save`,
NAME.pt2) is a program: a model of a stranger can do what this server can. Pickles in it are read as
weights alone, so none of them runs a function.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# torch.export.load of torch 2.6 has torch.load run pickles; this stands above what it asks for.
os.environ["TORCH_FORCE_WEIGHTS_ONLY_LOAD"] = "1"

import torch
from serving_protocol import BF16, DTYPES, BadRequest, NamedTensor
from torch.export.passes import move_to_device_pass

TORCHSCRIPT, EXPORT = "pytorch_torchscript", "pytorch_export"
PLATFORMS = {".pt": TORCHSCRIPT, ".pt2": EXPORT}
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")

DATATYPES = {
    torch.bool: "BOOL",
    torch.uint8: "UINT8",
    torch.int8: "INT8",
    torch.int16: "INT16",
    torch.int32: "INT32",
    torch.int64: "INT64",
    torch.float16: "FP16",
    torch.float32: "FP32",
    torch.float64: "FP64",
    torch.bfloat16: BF16,
}

Outputs = dict[str, torch.Tensor]
"""The outputs of a model by name, in its order."""


class UnusableModel(Exception):
    """An archive that this server cannot serve; the text is one line that says why."""


@dataclass(frozen=True)
class TensorFacts:
    """An input or output as an archive describes it; `shape` is None if it has only the name.

    A dimension of any size is -1.
    """

    name: str
    datatype: str = ""
    shape: tuple[int, ...] | None = None

    def describe(self) -> dict[str, Any]:
        """Return the facts as the protocol's metadata, without those that are unknown."""
        if self.shape is None:
            return {"name": self.name}
        return {"name": self.name, "datatype": self.datatype, "shape": list(self.shape)}


@dataclass(frozen=True)
class LoadedModel:
    """A version of a model, with one copy for each device.

    `version` is the begin of the SHA-256 of the archive. The copies take the inputs in order.
    """

    name: str
    version: str
    platform: str
    inputs: tuple[TensorFacts, ...]
    outputs: tuple[TensorFacts, ...]
    copies: Mapping[torch.device, Callable[..., Any]] = field(repr=False)

    def describe(self) -> dict[str, Any]:
        """Return the model's metadata, as the protocol has it."""
        return {
            "name": self.name,
            "versions": [self.version],
            "platform": self.platform,
            "inputs": [each.describe() for each in self.inputs],
            "outputs": [each.describe() for each in self.outputs],
        }

    def order_inputs(self, given: Sequence[NamedTensor]) -> tuple[torch.Tensor, ...]:
        """Return tensors in the order of the model's inputs. Raises BadRequest."""
        by_name = {tensor.name: tensor for tensor in given}
        wanted = [facts.name for facts in self.inputs]
        if len(by_name) != len(given) or sorted(by_name) != sorted(wanted):
            raise BadRequest(f"model {self.name} has these inputs: {', '.join(wanted)}")
        tensors = []
        for facts in self.inputs:
            source = by_name[facts.name]
            _check_input(facts, source)
            tensor = torch.from_numpy(source.array.copy())  # the memory of a request is read-only
            tensors.append(tensor.view(torch.bfloat16) if source.datatype == BF16 else tensor)
        return tuple(tensors)

    def run_on(self, device: torch.device, inputs: Sequence[torch.Tensor]) -> Outputs:
        """Return the outputs, in the memory of the CPU. Raises what the model raises."""
        with torch.inference_mode():
            found = self.copies[device](*(tensor.to(device) for tensor in inputs))
            return {name: each.to("cpu").contiguous() for name, each in _name_outputs(found)}


def select_outputs(outputs: Outputs, wanted: Sequence[str]) -> list[NamedTensor]:
    """Return the outputs that are `wanted`; all of them if none is named. Raises BadRequest."""
    if unknown := next((name for name in wanted if name not in outputs), None):
        raise BadRequest(f"there is no output {unknown}, only {', '.join(outputs)}")
    return [_read_tensor(name, outputs[name]) for name in wanted or outputs]


def load_model(path: Path, devices: Sequence[torch.device]) -> LoadedModel:
    """Load an archive for each device. Raises UnusableModel.

    The file is opened once: one that is renamed to its place meanwhile is another version.
    """
    platform = PLATFORMS[path.suffix]
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            place = f"/proc/self/fd/{file.fileno()}"
            load = _load_torchscript if platform == TORCHSCRIPT else _load_export
            inputs, outputs, copies = load(place, devices)
    except UnusableModel:
        raise
    except pickle.UnpicklingError:
        raise UnusableModel("it has a pickle that is more than weights") from None
    except Exception as error:  # whatever the archive makes torch raise
        raise UnusableModel(last_line(error)) from None
    return LoadedModel(path.stem, digest[:16], platform, inputs, outputs, copies)


def last_line(error: BaseException) -> str:
    """Return the last line of an error, cut and printable: torch puts traces before it."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = f"{type(error).__name__}: {lines[-1]}" if lines else type(error).__name__
    return "".join(sign if sign.isprintable() else "?" for sign in text)[:300]


Loaded = tuple[
    tuple[TensorFacts, ...], tuple[TensorFacts, ...], dict[torch.device, Callable[..., Any]]
]


def _load_torchscript(place: str, devices: Sequence[torch.device]) -> Loaded:
    """Return a model whose archive names its inputs, and says nothing of shapes and datatypes."""
    copies: dict[torch.device, Callable[..., Any]] = {}
    for device in devices:
        copies[device] = torch.jit.load(place, map_location=device).eval()
    _, *arguments = copies[devices[0]].forward.schema.arguments  # type: ignore[attr-defined] # a scripted model has a schema
    if strange := next((each for each in arguments if str(each.type) != "Tensor"), None):
        raise UnusableModel(f"its input {strange.name} is no tensor but {strange.type}")
    return tuple(TensorFacts(each.name) for each in arguments), (), copies


def _load_export(place: str, devices: Sequence[torch.device]) -> Loaded:
    copies: dict[torch.device, Callable[..., Any]] = {}
    for device in devices:
        with Path(place).open("rb") as file:
            program = torch.export.load(file)
        if device.type != "cpu":
            program = move_to_device_pass(program, device)
        copies[device] = _call_flat(program)
    values = {node.name: node.meta.get("val") for node in program.graph.nodes}
    inputs, outputs = program.graph_signature.user_inputs, program.graph_signature.user_outputs
    if not all(isinstance(values.get(name), torch.Tensor) for name in (*inputs, *outputs)):
        raise UnusableModel("an input or output of it is no tensor")
    returned = program.call_spec.out_spec.unflatten([values[name] for name in outputs])
    return (
        tuple(_facts_of(name, values[name]) for name in inputs),
        tuple(_facts_of(name, value) for name, value in _name_outputs(returned)),
        copies,
    )


def _call_flat(program: Any) -> Callable[..., Any]:
    """Return a function of a program that takes its inputs in order, also those with a keyword."""
    places, words = program.call_spec.in_spec.children_specs
    if any(not spec.is_leaf() for spec in (*places.children_specs, *words.children_specs)):
        raise UnusableModel("an input of it is a list, a tuple or a dictionary of tensors")
    model, count, names = program.module(), len(places.children_specs), words.context

    def call_in_order(*inputs: torch.Tensor) -> Any:
        return model(*inputs[:count], **dict(zip(names, inputs[count:], strict=True)))

    return call_in_order


def _name_outputs(returned: Any) -> list[tuple[str, torch.Tensor]]:
    """Return what a model returned, by the keys of a dictionary, else as Triton names outputs."""
    if isinstance(returned, dict):
        pairs = [(str(key), each) for key, each in returned.items()]
    else:
        several = returned if isinstance(returned, list | tuple) else [returned]
        pairs = [(f"OUTPUT__{place}", each) for place, each in enumerate(several)]
    if not all(isinstance(each, torch.Tensor) for _, each in pairs):
        raise UnusableModel("the model returns something that is no tensor")
    return pairs


def _facts_of(name: str, value: torch.Tensor) -> TensorFacts:
    shape = tuple(size if isinstance(size, int) else -1 for size in value.shape)
    return TensorFacts(name, _datatype_of(name, value), shape)


def _datatype_of(name: str, value: torch.Tensor) -> str:
    if value.dtype not in DATATYPES:
        raise UnusableModel(f"{name} has the type {value.dtype}, which the protocol lacks")
    return DATATYPES[value.dtype]


def _check_input(facts: TensorFacts, given: NamedTensor) -> None:
    if facts.shape is None:
        return
    shape = given.array.shape
    fits = len(shape) == len(facts.shape) and all(
        known in (-1, size) for known, size in zip(facts.shape, shape, strict=True)
    )
    if not fits or given.datatype != facts.datatype:
        raise BadRequest(
            f"input {facts.name} is {facts.datatype} {list(facts.shape)}, not "
            f"{given.datatype} {list(shape)} (-1 is any size)"
        )


def _read_tensor(name: str, tensor: torch.Tensor) -> NamedTensor:
    datatype = _datatype_of(name, tensor)
    plain = tensor.view(torch.int16) if datatype == BF16 else tensor
    return NamedTensor(name, datatype, plain.numpy().view(DTYPES[datatype]))
