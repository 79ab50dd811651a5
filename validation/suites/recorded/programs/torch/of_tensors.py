"""Programs with the methods, the texts and the classes of tensors."""

from __future__ import annotations

import copy
import pickle
from typing import Any, ClassVar

import numpy as np
import torch

from ... import pool
from ..families import Family
from ..telling import attempt
from .copied_tensors import describe_copy


def use_operators(rows: Any, numbers: Any, _: Any) -> Any:
    """Return what operators give."""
    return [
        *(2 - rows, 2.0 / rows, 2**rows, 7 // numbers, 7 % numbers, rows**2, -rows, abs(rows)),
        *(rows // 0.5, 0.5 // rows, numbers << 1, 1 << numbers, 64 >> numbers, ~numbers),
        *(numbers & 1, 1 & numbers, 1 | numbers, 1 ^ numbers, rows.T @ rows, rows == 1),
        *(len(rows), [*rows[0]], reversed(rows), 3 in numbers, attempt(lambda: "a" in numbers)),
        *(attempt(len, rows.sum()), attempt(iter, rows.sum()), attempt(bool, rows)),
        *(bool(rows[0, 0]), int(numbers[0]), float(rows[0, 0]), complex(rows[0, 0])),
        *([10, 20, 30, 40][numbers[0]], attempt(lambda: [1, 2][rows[0, 0]]), f"{rows[0, 0]:.2f}"),
        *(f"{numbers[0]:4d}", attempt(lambda: f"{rows:.2f}"), attempt(lambda: rows < "a")),
    ]


def use_arrays(rows: Any, numbers: Any, leaf: Any) -> Any:
    """Return what is exchanged with NumPy and lists."""
    return [
        *(np.asarray(rows), np.array(numbers, dtype=np.float32), rows.__array__(np.float64)),
        *(np.exp(rows), np.add(rows.numpy(), rows), rows.__array_wrap__(np.ones(2))),
        *(torch.from_numpy(np.ones((2, 2))), attempt(np.asarray, leaf), rows.is_shared()),
        *(torch.from_dlpack(rows), rows.__dlpack_device__()[1], attempt(leaf.__dlpack__)),
        *(torch.as_tensor([[1, 2.5]]), torch.tensor(rows.tolist()), torch.tensor(np.arange(3))),
        *(rows.storage()[1], len(rows.untyped_storage()), rows.__reduce_ex__(2)[0]),
    ]


def use_copies(rows: Any, _: Any, leaf: Any) -> Any:
    """Return what copies of each kind keep."""
    parameter, sparse = torch.nn.Parameter(rows, False), rows.clone().to_sparse()
    pickled = [pickle.dumps(each) for each in (leaf, rows.T, rows[1:])]
    middle = leaf * 2
    middle.retain_grad()
    refused = attempt(copy.deepcopy, middle)
    before = [copy.deepcopy(leaf), copy.deepcopy(rows.T), copy.deepcopy(parameter)]
    before += [copy.copy(leaf), copy.copy(rows.T), sparse, rows.new_tensor([1, 2])]
    before += [pickle.loads(each) for each in pickled]  # noqa: S301 - our own
    middle.sum().backward(inputs=[leaf, middle])
    return [
        *([describe_copy(each) for each in before], describe_copy(copy.deepcopy(leaf)), refused),
        *(leaf.grad, middle.grad, middle.retains_grad, leaf.clone().grad_fn.name()),
        *(leaf.detach().requires_grad, copy.deepcopy([leaf, leaf])[1] is leaf),
        *(rows.T.clone().stride(), rows.T.contiguous().stride(), leaf.new_full((2,), 3)),
    ]


def change_forms(rows: Any, numbers: Any, leaf: Any) -> Any:
    """Return norms, parts and other forms of a tensor."""
    return [
        *(rows.norm(), rows.norm("nuc"), rows.norm(1, 1, True, torch.float64), rows.split(3)),
        *(rows.split([1, 2], 1), numbers.unique(return_counts=True), rows.dim_order()),
        *(numbers.unique_consecutive(return_inverse=True), rows.T.dim_order(), leaf.is_leaf),
        *(rows.unflatten(0, (2, 2)), rows.unflatten(1, (3, -1)), attempt(rows.unflatten, 0, ())),
        *(rows.stft(2, 1, return_complex=True, window=torch.ones(2)), attempt(rows.backward)),
        *(attempt(leaf.detach_), rows.to_sparse_coo().to_dense(), repr(rows.grad)),
    ]


def use_tensor(kind: str) -> Any:
    """Return what the methods of a tensor that Python writes give."""
    values = (pool.make_value("$x"), torch.tensor([3, 1, 2]), pool.make_value("$grown"))
    ways: dict[str, Any] = {"operators": use_operators, "arrays": use_arrays, "copies": use_copies}
    return {**ways, "names": name_axes, "more": change_forms}[kind](*values)


def name_axes(rows: Any, *_: Any) -> Any:
    """Return what a tensor with names of its axes gives."""
    named = rows.refine_names("row", "column")
    given = [named, named.rename("a", "b"), named.rename(row="c"), named.align_to("column", ...)]
    given += [named.sum("row"), named.unflatten("column", (("x", 3), ("y", 1)))]
    results = [[each.names for each in given], attempt(named.rename, "a")]
    return [*results, attempt(named.refine_names, "a", "b"), attempt(named.align_to, "row")]


def print_tensors(**options: Any) -> Any:
    """Return the texts of tensors of each kind with options of printing."""
    ones, numbers = torch.ones, torch.arange(24.0).reshape(4, 6) / 7
    values = [numbers, numbers * 1e6, numbers.int(), numbers > 1, numbers * 1e-6, torch.tensor(2.5)]
    values += [torch.tensor([1.0, float("nan"), float("inf")]), torch.zeros(0, 3), numbers.double()]
    values += [numbers.requires_grad_() * 2, torch.nn.Parameter(ones(2)), ones(2).to_sparse()]
    values += [torch.tensor([1 + 2j, 0.5]), ones(2, device="meta"), ones(2, names=("a",))]
    values += [ones(40, 40), ones(3, 3, 3), torch.tensor([1.5]).half(), ones(2, 2).to_sparse_csr()]
    state = torch._tensor_str.PRINT_OPTS
    before = {key: getattr(state, key) for key in vars(state)}
    try:
        torch.set_printoptions(**options)
        return [repr(each) for each in values]
    finally:
        torch.set_printoptions(**before)


class NotingTensor(torch.Tensor):  # type: ignore[misc] # torch has no types here
    """A tensor that notes what is called."""

    seen: ClassVar[list[str]] = []

    @classmethod
    def __torch_function__(
        cls, function: Any, kinds: Any, args: Any = (), named: Any = None
    ) -> Any:
        """Note a call, and return what it gives."""
        name = getattr(function, "__name__", "?")
        cls.seen.append(f"{name}{len(kinds)}{len(args)}{sorted(named or {})}")
        return super().__torch_function__(function, kinds, args, named)


class DoublingMode(torch.overrides.TorchFunctionMode):  # type: ignore[misc] # torch has no types here
    """A mode that doubles sums."""

    def __torch_function__(
        self, function: Any, kinds: Any, args: Any = (), named: Any = None
    ) -> Any:
        """Return what a call gives, doubled if it is a sum."""
        given = function(*args, **(named or {}))
        return given * 2 if function is torch.Tensor.sum else given


def override_functions(kind: str) -> Any:
    """Return what a class of tensors of one's own, and modes, see and change."""
    rows = pool.make_value("$x")
    if kind == "mode":
        with DoublingMode():
            results = [rows.sum(), torch.sum(rows), rows.mean()]
        with torch.device("meta"):
            made = (torch.ones(2), torch.tensor([1]), rows)
        places = [each.device.type for each in made]
        return [results, places, rows.sum(), torch.overrides.resolve_name(torch.add)]
    NotingTensor.seen.clear()
    own = rows.as_subclass(NotingTensor)
    results = call_layers(own, rows)
    results += [own + 1, own.T, own.shape, own[0], len(own), own.sum(0, keepdim=True), own.split(2)]
    results += [torch.stft(own[:, 0], 4, 1, return_complex=True), own.norm(), own.unique(), 1 / own]
    results += [torch.einsum("ij,ij->", own, rows), torch.cdist(own, rows), repr(own)[:9]]
    results += [own.unflatten(0, (2, 2)), torch.overrides.has_torch_function([own])]
    return [results, [type(each).__name__ for each in results], [*NotingTensor.seen]]


def call_layers(own: Any, rows: Any) -> list[Any]:
    """Return what functions for layers give for a tensor of one's own class."""
    layers = torch.nn.functional
    results = [layers.dropout(own, 0.5), layers.softmax(own, 1), layers.linear(rows, own)]
    results += [layers.cross_entropy(own, torch.tensor([1, 0, 2, 2])), layers.layer_norm(own, [3])]
    results += [layers.gelu(own), layers.mse_loss(own, rows), layers.interpolate(own[None], 6)]
    results += [layers.pad(own, [1, 1]), layers.normalize(own)]
    return [*results, layers.max_pool1d(own, 2, return_indices=True)]


OF_TENSORS = (
    Family(use_tensor, lambda: ["operators", "arrays", "copies", "names", "more"], lambda _: {}),
    Family(
        print_tensors,
        lambda: ["", "sci_mode=True", "profile='full'", "profile='short'"],
        lambda _: {"precision": 4, "threshold": 1000, "edgeitems": 3, "linewidth": 80},
    ),
    Family(override_functions, lambda: ["class", "mode"], lambda _: {}),
)
