"""What the protocol of the inference server takes; all else is one line to its sender."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from serving_protocol import (
    BadRequest,
    InferenceRequest,
    NamedTensor,
    read_request,
    write_answer,
)

ROWS = {"name": "x", "shape": [2, 2], "datatype": "FP32", "data": [1, 2.5, 3, 4]}
RAW = {"binary_data_output": True}


def body_of(**changes: Any) -> bytes:
    """Return a request of one input, with these changes; None takes a key away."""
    changed = {**ROWS, **changes}
    kept = {key: value for key, value in changed.items() if value is not None}
    return json.dumps({"inputs": [kept]}).encode()


def raw_request(array: np.ndarray[Any, Any], datatype: str) -> tuple[bytes, str]:
    """Return a request with a raw tensor, and the length of its JSON."""
    content = array.tobytes()
    one: dict[str, Any] = {"name": "x", "shape": list(array.shape), "datatype": datatype}
    one["parameters"] = {"binary_data_size": len(content)}
    text = json.dumps({"inputs": [one], "parameters": RAW}).encode()
    return text + content, str(len(text))


@pytest.mark.parametrize("data", [[1, 2.5, 3, 4], [[1, 2.5], [3, 4]]])
def test_flat_and_nested_values_are_the_same(data: list[Any]) -> None:
    (tensor,) = read_request(body_of(data=data), None).inputs
    assert tensor.array.dtype == np.float32
    assert tensor.array.tolist() == [[1, 2.5], [3, 4]]


@pytest.mark.parametrize(
    ("datatype", "dtype"), [("INT8", "i1"), ("FP16", "<f2"), ("BOOL", "?"), ("BF16", "<u2")]
)
def test_raw_tensors_come_back_as_they_were(datatype: str, dtype: str) -> None:
    array = np.arange(6).reshape(2, 3).astype(dtype)
    asked = read_request(*raw_request(array, datatype))
    answer, length = write_answer({}, asked.inputs, asked)
    assert length is not None
    assert json.loads(answer[:length])["outputs"][0]["shape"] == [2, 3]
    assert answer[length:] == array.tobytes()


def test_bfloat16_is_written_as_numbers() -> None:
    bits = np.array([0x3F80, 0xC000], "<u2")  # 1 and -2
    answer, _ = write_answer({}, [NamedTensor("y", "BF16", bits)], _plain())
    assert json.loads(answer)["outputs"][0]["data"] == [1.0, -2.0]


def test_outputs_are_chosen_one_by_one() -> None:
    wanted = [{"name": "a", "parameters": {"binary_data": True}}, {"name": "b"}]
    text = json.dumps({"inputs": [ROWS], "outputs": wanted, "id": "7"}).encode()
    asked = read_request(text, None)
    assert (asked.wanted, asked.identifier) == (("a", "b"), "7")
    assert (asked.wants_raw("a"), asked.wants_raw("b")) == (True, False)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"{", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'{"inputs": ' + b"9" * 5000 + b"}", "not JSON"),
        (b"[]", "not a JSON object"),
        (b"{}", "`inputs` is not a list"),
        (b'{"inputs": [1]}', "`name` is not a text"),
        (body_of(name="a\nb"), "`name` is not a text"),
        (body_of(datatype="BYTES"), "its datatype is not one of"),
        (body_of(datatype="BF16"), "BF16 is sent as a raw tensor"),
        (body_of(shape=[2, 3]), "4 values do not fill its shape"),
        (body_of(shape=[-1, 4]), "its shape is not a list"),
        (body_of(shape=[True, 4]), "its shape is not a list"),
        (body_of(shape=[10**30, 0], data=[]), "0 values do not fill its shape"),
        (body_of(data=None), "`data` is not a list"),
        (body_of(data=["1", "2", "3", "4"]), "not of the datatype FP32"),
        (body_of(data=[[1], [2, 3], [4]]), "rows of different lengths"),
        (body_of(datatype="INT8", data=[1, 2, 3, 1.5]), "not of the datatype INT8"),
        (body_of(datatype="UINT8", data=[1, 2, 3, 256]), "out of the range of UINT8"),
        (body_of(datatype="INT64", data=[1, 2, 3, 2**63]), "not of the datatype INT64"),
        (body_of(data=[1, 2, 3, 1e39]), "out of the range of FP32"),
        (body_of().replace(b"2.5", b"NaN"), "NaN is not JSON"),
        (body_of(parameters={"binary_data_size": 16}), "binary_data_size is not that"),
    ],
)
def test_what_is_refused(body: bytes, says: str) -> None:
    with pytest.raises(BadRequest) as caught:
        read_request(body, None)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("length", ["-1", "1e3", "99999", "9" * 5000, "", "²"])
def test_a_wrong_length_of_the_json(length: str) -> None:
    with pytest.raises(BadRequest, match="Inference-Header-Content-Length"):
        read_request(body_of(), length)


def test_bytes_that_belong_to_nothing() -> None:
    with pytest.raises(BadRequest, match="3 bytes of the body belong to no input"):
        read_request(body_of() + b"abc", str(len(body_of())))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_json_carries_no_nan(value: float) -> None:
    tensor = NamedTensor("y", "FP32", np.array([value], "<f4"))
    with pytest.raises(BadRequest, match="ask for raw tensors"):
        write_answer({}, [tensor], _plain())
    asked = InferenceRequest("", (), (), {"": True})
    assert write_answer({}, [tensor], asked)[0].endswith(tensor.array.tobytes())


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from([*ROWS, "inputs", "parameters", "outputs"]), inner)
    ),
    max_leaves=12,
)


@given(VALUES, VALUES, st.none() | st.text(max_size=3))
def test_nothing_else_is_raised(inputs: Any, changed: Any, length: str | None) -> None:
    one = {**ROWS, **changed} if isinstance(changed, dict) else ROWS
    for content in (inputs, {"inputs": inputs}, {"inputs": [one], "outputs": inputs}):
        try:
            asked = read_request(json.dumps(content).encode(), length)
        except BadRequest as error:
            assert str(error).isprintable()
        else:
            assert all(isinstance(each.array, np.ndarray) for each in asked.inputs)


def _plain() -> InferenceRequest:
    return InferenceRequest("", (), (), {"": False})
