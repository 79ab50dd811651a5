"""Programs with the methods, the texts and the classes of tensors."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import torch

from .. import pool
from .copied_tensors import describe_copy
from .families import Family
from .telling import attempt


def use_operators(numbers: Any, rows: Any) -> Any:
    """Return the results of one kind."""
    return [
        *(2 - rows, 2.0 / rows, 2**rows, 7 // numbers, 7 % numbers, rows**2, -rows, abs(rows)),
        *(rows // 0.5, 0.5 // rows, numbers << 1, 1 << numbers, 64 >> numbers, ~numbers),
        *(numbers & 1, 1 & numbers, 1 | numbers, 1 ^ numbers, rows.T @ rows),
        *(len(rows), [*rows[0]], reversed(rows), 3 in numbers, attempt(lambda: "a" in numbers)),
        *(attempt(len, rows.sum()), attempt(iter, rows.sum()), attempt(bool, rows)),
        *(bool(rows[0, 0]), int(numbers[0]), float(rows[0, 0]), complex(rows[0, 0]), hex(2)),
        *([10, 20, 30, 40][numbers[0]], attempt(lambda: [1, 2][rows[0, 0]]), f"{rows[0, 0]:.2f}"),
        *(f"{numbers[0]:4d}", attempt(lambda: f"{rows:.2f}"), rows.__rsub__(1), rows.__rdiv__(1)),
        *(sorted(numbers.tolist()), rows == 1, attempt(lambda: rows < "a")),
    ]


def use_arrays(numbers: Any, rows: Any, leaf: Any) -> Any:
    """Return the results of one kind."""
    return [
        *(np.asarray(rows), np.array(numbers, dtype=np.float32), rows.__array__(np.float64)),
        *(np.exp(rows), np.add(rows.numpy(), rows), rows.__array_wrap__(np.ones(2))),
        *(torch.from_numpy(np.ones((2, 2))), attempt(np.asarray, leaf)),
        *(torch.from_dlpack(rows), rows.__dlpack_device__()[1], attempt(leaf.__dlpack__)),
        *(torch.as_tensor([[1, 2.5]]), torch.tensor(rows.tolist()), torch.tensor(np.arange(3))),
        *(
            rows.storage()[1],
            len(rows.untyped_storage()),
            rows.is_shared(),
            rows.__reduce_ex__(2)[0],
        ),
    ]


def use_copies(rows: Any, leaf: Any) -> Any:
    """Return the results of one kind."""
    return [
        *(
            describe_copy(copy.deepcopy(each))
            for each in (leaf, rows.T, torch.nn.Parameter(rows, False))
        ),
        *(describe_copy(copy.copy(each)) for each in (leaf, rows.T)),
        *(describe_copy(pickle.loads(pickle.dumps(each))) for each in (leaf, rows.T, rows[1:])),  # noqa: S301 - our own
        *(
            attempt(copy.deepcopy, leaf * 2),
            leaf.detach().requires_grad,
            leaf.clone().grad_fn.name(),
        ),
        *(
            keep_gradient(leaf),
            describe_copy(copy.deepcopy(leaf)),
            copy.deepcopy([leaf, leaf])[1] is leaf,
        ),
        *(
            describe_copy(rows.clone().to_sparse()),
            rows.T.clone().stride(),
            rows.T.contiguous().stride(),
        ),
        *(describe_copy(rows.new_tensor([1, 2])), leaf.new_ones(2), leaf.new_full((2,), 3)),
    ]


def use_names(rows: Any) -> Any:
    """Return the results of one kind."""
    return name_axes(rows)


def use_more(numbers: Any, rows: Any, leaf: Any) -> Any:
    """Return the results of one kind."""
    return [
        *(
            rows.norm(),
            rows.norm("nuc"),
            rows.norm(1, 1, True, torch.float64),
            rows.split(3),
            rows.split([1, 2], 1),
        ),
        *(numbers.unique(return_counts=True), numbers.unique_consecutive(return_inverse=True)),
        *(rows.unflatten(0, (2, 2)), rows.unflatten(1, (3, -1)), attempt(rows.unflatten, 0, ())),
        *(
            rows.T @ rows,
            rows[:3].lu(),
            rows[:3].lu(pivot=True, get_infos=True)[2],
            rows.dim_order(),
        ),
        *(
            rows.T.dim_order(),
            leaf.is_leaf,
            repr(rows.grad),
            leaf.register_hook(pool.double).id * 0,
        ),
        *(rows.stft(2, 1, return_complex=True, window=torch.ones(2)), rows.refine_names),
        *(attempt(rows.backward), attempt(rows.resize, 2, 6), attempt(leaf.detach_)),
        *(rows.to_sparse_coo().to_dense(), attempt(rows.resize_as, rows)),
    ]


def use_tensor(kind: str) -> Any:
    """Return what the methods of a tensor that Python writes give."""
    rows, numbers = pool.make_value("$x"), torch.tensor([3, 1, 2])
    leaf = pool.make_value("$grown")
    ways: dict[str, Any] = {
        "operators": lambda: use_operators(numbers, rows),
        "arrays": lambda: use_arrays(numbers, rows, leaf),
        "copies": lambda: use_copies(rows, leaf),
        "names": lambda: use_names(rows),
        "more": lambda: use_more(numbers, rows, leaf),
    }
    return ways[kind]()


def keep_gradient(leaf: torch.Tensor) -> Any:
    """Return what a tensor keeps of a gradient."""
    middle = leaf * 2
    middle.retain_grad()
    middle.sum().backward(inputs=[leaf, middle])
    return [leaf.grad, middle.grad, middle.retains_grad]


def name_axes(rows: torch.Tensor) -> Any:
    """Return what a tensor with names of its axes gives."""
    named = rows.refine_names("row", "column")
    results = [named.names, named.rename("a", "b").names, named.rename(row="c").names]
    results += [named.align_to("column", "row"), named.align_to("column", ...).names]
    results += [named.sum("row"), named.unflatten("column", (("x", 3), ("y", 1))).names]
    results += [attempt(named.rename, "a"), attempt(named.refine_names, "a", "b")]
    results += [
        attempt(named.align_to, "row"),
        named.rename(None).names,
        named.rename_("p", "q").names,
    ]
    return results


def print_tensors(**options: Any) -> Any:
    """Return the texts of tensors of each kind with options of printing."""
    numbers = torch.arange(24.0).reshape(4, 6) / 7
    values = [numbers, numbers * 1e6, numbers.int(), numbers > 1, numbers * 1e-6, torch.tensor(2.5)]
    values += [torch.tensor([1.0, float("nan"), float("inf")]), torch.zeros(0, 3), numbers.double()]
    values += [
        numbers.requires_grad_() * 2,
        torch.nn.Parameter(torch.ones(2)),
        torch.ones(2).to_sparse(),
    ]
    values += [
        torch.tensor([1 + 2j, 0.5]),
        torch.ones(2, device="meta"),
        torch.ones(2, names=("a",)),
    ]
    values += [
        torch.ones(40, 40),
        torch.ones(3, 3, 3),
        torch.tensor([1.5]).half(),
        torch.ones(2, 2).to_sparse_csr(),
    ]
    state = torch._tensor_str.PRINT_OPTS
    before = {key: getattr(state, key) for key in vars(state)}
    try:
        torch.set_printoptions(**options)
        return [repr(each) for each in values] + [f"{values[0]}"]
    finally:
        torch.set_printoptions(**before)


def override_functions(kind: str) -> Any:
    """Return what a class of tensors of one's own, and modes, see and change."""
    seen: list[str] = []

    class Labelled(torch.Tensor):  # type: ignore[misc] # torch has no types here
        """A tensor that notes what is called."""

        @classmethod
        def __torch_function__(
            cls, function: Any, types: Any, args: Any = (), named: Any = None
        ) -> Any:
            seen.append(
                f"{getattr(function, '__name__', '?')}{len(types)}{len(args)}{sorted(named or {})}"
            )
            return super().__torch_function__(function, types, args, named)

    class Doubling(torch.overrides.TorchFunctionMode):  # type: ignore[misc] # torch has no types here
        """A mode that doubles sums."""

        def __torch_function__(
            self, function: Any, types: Any, args: Any = (), named: Any = None
        ) -> Any:
            given = function(*args, **(named or {}))
            return given * 2 if function is torch.Tensor.sum else given

    rows = pool.make_value("$x")
    own = rows.as_subclass(Labelled)
    layers = torch.nn.functional
    results: list[Any] = []
    return finish_override_functions((kind, seen, Doubling, rows, own, layers, results))


def finish_override_functions(state: tuple[Any, ...]) -> Any:
    """Return all results of `override_functions`."""
    kind, seen, doubling, rows, own, layers, results = state
    if kind == "mode":
        with doubling():
            results += [
                rows.sum(),
                torch.sum(rows),
                rows.mean(),
                torch.overrides.is_tensor_like(rows),
            ]
        with torch.device("meta"):
            results += [torch.ones(2).device.type, torch.tensor([1]).device.type, rows.device.type]
        return [*results, rows.sum(), torch.overrides.resolve_name(torch.add)]
    results += [own + 1, own.T, own.shape, own[0], len(own), own.sum(0, keepdim=True), own.split(2)]
    results += [
        torch.stft(own[:, 0], 4, 1, return_complex=True),
        torch.einsum("ij,ij->", own, rows),
    ]
    results += [
        layers.dropout(own, 0.5),
        layers.softmax(own, 1),
        layers.linear(rows, own),
        own.norm(),
    ]
    results += [
        layers.cross_entropy(own, torch.tensor([1, 0, 2, 2])),
        own.unique(),
        torch.cdist(own, rows),
    ]
    return finish_finish_override_functions(layers, own, results, rows, seen)


def finish_finish_override_functions(
    layers: Any, own: Any, results: Any, rows: Any, seen: Any
) -> Any:
    """Return all results of `finish_override_functions`."""
    results += [
        layers.layer_norm(own, [3]),
        layers.gelu(own),
        layers.mse_loss(own, rows),
        repr(own)[:9],
    ]
    results += [
        layers.interpolate(own[None], 6),
        layers.pad(own, [1, 1]),
        layers.normalize(own),
        1 / own,
    ]
    results += [layers.max_pool1d(own, 2, return_indices=True), own.unflatten(0, (2, 2))]
    results += [
        torch.overrides.has_torch_function([own]),
        torch.overrides.is_tensor_method_or_property(torch.Tensor.T.__get__),
    ]
    return [results, [type(each).__name__ for each in results], seen]


OF_TENSORS = (
    Family(use_tensor, lambda: ["operators", "arrays", "copies", "names", "more"], lambda _: {}),
    Family(
        print_tensors,
        lambda: ["", "sci_mode=True", "profile='full'", "profile='short'"],
        lambda _: {"precision": 4, "threshold": 1000, "edgeitems": 3, "linewidth": 80},
    ),
    Family(override_functions, lambda: ["class", "mode"], lambda _: {}),
)
