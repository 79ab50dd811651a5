"""Requests and answers of the Open Inference Protocol (version 2) as tensors, in JSON or raw.

Raw tensors are those of the binary tensor data extension: the body begins with JSON, whose length
in bytes the header `Inference-Header-Content-Length` says, and the bytes of the tensors follow,
little-endian and in row-major order. https://kserve.github.io/website and the documentation of
Triton Inference Server describe both.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

BF16 = "BF16"
DTYPES = {
    "BOOL": "?",
    "UINT8": "u1",
    "INT8": "i1",
    "INT16": "<i2",
    "INT32": "<i4",
    "INT64": "<i8",
    "FP16": "<f2",
    "FP32": "<f4",
    "FP64": "<f8",
    BF16: "<u2",  # NumPy has no such type: its arrays hold the bits
}
"""The datatypes of the protocol that torch has, and how NumPy stores them."""

ACCEPTED_KINDS = {"b": "b", "u": "iu", "i": "iu", "f": "iuf"}
"""The kinds of values that a JSON array may hold, by the kind of the tensor."""

MAX_DIMENSIONS = 32


class BadRequest(Exception):
    """A request that is not as the protocol says; the text is one line for its sender."""


@dataclass(frozen=True)
class NamedTensor:
    """A tensor of a request or an answer. An array of the datatype BF16 holds its bits."""

    name: str
    datatype: str
    array: NDArray[Any]


@dataclass(frozen=True)
class InferenceRequest:
    """A question to a model: its inputs, and the outputs that are wanted.

    `raw` says for which outputs raw tensors are wanted; its key "" stands for all others.
    """

    identifier: str
    inputs: tuple[NamedTensor, ...]
    wanted: tuple[str, ...]
    raw: dict[str, bool]

    def wants_raw(self, name: str) -> bool:
        """Return whether an output is sent as bytes and not in JSON."""
        return self.raw.get(name, self.raw.get("", False))


def read_request(body: bytes, json_bytes: str | None) -> InferenceRequest:
    """Return the request in a body; `json_bytes` is the header with the length of its JSON.

    Raises BadRequest.
    """
    length = len(body)
    if json_bytes is not None:
        is_number = json_bytes.isascii() and json_bytes.isdigit() and len(json_bytes) < 12
        length = int(json_bytes) if is_number else -1
        if not 0 <= length <= len(body):
            raise BadRequest("Inference-Header-Content-Length is not a length within the body")
    content = _read_json(body[:length])
    tensors, rest = [], memoryview(body)[length:]
    for each in _list_of(content, "inputs", "the request"):
        tensor, rest = _read_tensor(each, rest)
        tensors.append(tensor)
    if len(rest):
        raise BadRequest(f"{len(rest)} bytes of the body belong to no input")
    if not tensors:
        raise BadRequest("the request has no inputs")
    raw = {"": _flag_of(content, "binary_data_output", "the request")}
    wanted = []
    for each in _list_of(content, "outputs", "the request"):
        name = _text_of(each, "name", "an output")
        wanted.append(name)
        if "binary_data" in _parameters_of(each, f"output {name}"):
            raw[name] = _flag_of(each, "binary_data", f"output {name}")
    identifier = _text_of(content, "id", "the request") if "id" in content else ""
    return InferenceRequest(identifier, tuple(tensors), tuple(wanted), raw)


def write_answer(
    head: dict[str, Any], outputs: Sequence[NamedTensor], request: InferenceRequest
) -> tuple[bytes, int | None]:
    """Return the body of an answer, and the length of its JSON if raw tensors follow it.

    Raises BadRequest if JSON cannot carry a value of an output (NaN, infinity).
    """
    described, parts = [], []
    for tensor in outputs:
        shown: dict[str, Any] = {"name": tensor.name, "datatype": tensor.datatype}
        shown["shape"] = list(tensor.array.shape)
        if request.wants_raw(tensor.name):
            parts.append(tensor.array.tobytes())
            shown["parameters"] = {"binary_data_size": len(parts[-1])}
        else:
            shown["data"] = _values_of(tensor)
        described.append(shown)
    if request.identifier:
        head = {**head, "id": request.identifier}
    text = json.dumps({**head, "outputs": described}).encode()
    return b"".join([text, *parts]), len(text) if parts else None


def _values_of(tensor: NamedTensor) -> list[Any]:
    """Return the values of a tensor, flat, as JSON has them."""
    array = tensor.array.reshape(-1)
    if tensor.datatype == BF16:
        array = (array.astype("<u4") << 16).view("<f4")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise BadRequest(
            f"output {tensor.name} has NaN or infinity, which JSON cannot carry: ask for raw "
            "tensors (`binary_data_output`)"
        )
    values: list[Any] = array.tolist()
    return values


def _read_json(text: bytes) -> dict[str, Any]:
    def refuse(word: str) -> NoReturn:
        raise BadRequest(f"{word} is not JSON: send such values as raw tensors")

    try:
        content = json.loads(text.decode(), parse_constant=refuse)
    except (ValueError, RecursionError):  # also of bytes that are not UTF-8, and of long numbers
        raise BadRequest("the body is not JSON") from None
    if not isinstance(content, dict):
        raise BadRequest("the body is not a JSON object")
    return content


def _read_tensor(given: Any, rest: memoryview) -> tuple[NamedTensor, memoryview]:
    """Return an input, and the raw bytes that are left for those after it."""
    name = _text_of(given, "name", "an input")
    what = f"input {name}"
    datatype = _text_of(given, "datatype", what)
    if datatype not in DTYPES:
        raise BadRequest(f"{what}: its datatype is not one of {', '.join(DTYPES)}")
    shape = _list_of(given, "shape", what)
    if len(shape) > MAX_DIMENSIONS or any(type(size) is not int or size < 0 for size in shape):
        raise BadRequest(
            f"{what}: its shape is not a list of at most {MAX_DIMENSIONS} numbers from 0 up"
        )
    dtype, count = np.dtype(DTYPES[datatype]), math.prod(shape)
    parameters = _parameters_of(given, what)
    if "binary_data_size" in parameters:
        size = parameters["binary_data_size"]
        if type(size) is not int or size != count * dtype.itemsize or size > len(rest):
            raise BadRequest(
                f"{what}: binary_data_size is not that of its shape and datatype, or more than the "
                "body has"
            )
        array = np.frombuffer(rest[:size], dtype)
        rest = rest[size:]
    else:
        array = _read_values(_list_of(given, "data", what), datatype, dtype, what)
    try:
        return NamedTensor(name, datatype, array.reshape(shape)), rest
    except (ValueError, OverflowError):
        raise BadRequest(f"{what}: {array.size} values do not fill its shape") from None


def _read_values(data: list[Any], datatype: str, dtype: np.dtype[Any], what: str) -> NDArray[Any]:
    if datatype == BF16:
        raise BadRequest(f"{what}: BF16 is sent as a raw tensor, not in JSON")
    try:
        values = np.asarray(data)
    except (ValueError, OverflowError, RecursionError):
        raise BadRequest(f"{what}: its data has rows of different lengths") from None
    if values.size and values.dtype.kind not in ACCEPTED_KINDS[dtype.kind]:
        raise BadRequest(f"{what}: its data is not of the datatype {datatype}")
    with np.errstate(over="ignore"):
        array = values.astype(dtype)
    if dtype.kind in "iu" and not np.array_equal(array, values):
        raise BadRequest(f"{what}: a value is out of the range of {datatype}")
    if dtype.kind == "f" and not np.isfinite(array).all():
        raise BadRequest(f"{what}: a value is out of the range of {datatype}")
    return array


def _list_of(given: Any, key: str, what: str) -> list[Any]:
    found = given.get(key, [] if key == "outputs" else None) if isinstance(given, dict) else None
    if not isinstance(found, list):
        raise BadRequest(f"{what}: `{key}` is not a list")
    return found


def _text_of(given: Any, key: str, what: str) -> str:
    found = given.get(key) if isinstance(given, dict) else None
    if not isinstance(found, str) or not 0 < len(found) <= 200 or not found.isprintable():
        raise BadRequest(f"{what}: `{key}` is not a text of 1 to 200 characters")
    return found


def _parameters_of(given: Any, what: str) -> dict[str, Any]:
    found = given.get("parameters", {})
    if not isinstance(found, dict):
        raise BadRequest(f"{what}: `parameters` is not an object")
    return found


def _flag_of(given: Any, key: str, what: str) -> bool:
    found = _parameters_of(given, what).get(key, False)
    if not isinstance(found, bool):
        raise BadRequest(f"{what}: `{key}` is neither true nor false")
    return found
