"""Everything with a `state_dict`, saved, loaded in another process, and continued there.

The other process begins with other weights and counts: what a file does not bring back is seen.
"""

from __future__ import annotations

import importlib.util
import inspect
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.distributed.checkpoint as distributed_checkpoint
from torch.distributed.checkpoint import state_dict as checkpoint_state
from torch.optim import lr_scheduler, swa_utils

from . import databases, optimizers, schedules

BEFORE, AFTER = 3, 3
"""Steps before a state is saved, and after it."""

MORE = range(1, schedules.EPOCHS - BEFORE - AFTER)
"""More steps before it, of what changes with the number of steps: each side of each milestone."""

LAYER_SAMPLES = 6
"""Of a layer, at most."""

FILE = "states.pt"
FOLDER = "distributed"


@dataclass(frozen=True)
class SavedSubject:
    """Objects with a `state_dict`, how they go on with step N, and what must be equal then."""

    parts: dict[str, Any]
    advance: Callable[[int], object]
    read: Callable[[], Any]


Build = Callable[[int], SavedSubject]
"""From a seed to a subject: other seeds, other weights and counts."""


def _with_optimizer(kind: Any, options: dict[str, Any]) -> Build:
    def build(seed: int) -> SavedSubject:
        # in fp32: NAdam keeps a product in fp32, and loading makes it the type of the parameter
        parameters = optimizers.draw_parameters("cpu", seed, torch.float32)
        changed = {} if torch.is_tensor(options.get("lr")) or not seed else {"lr": 0.5}
        try:
            optimizer = kind(parameters, **{**options, **changed})
        except ValueError:  # one that is for matrices alone
            parameters = [each for each in parameters if each.ndim > 1]
            optimizer = kind(parameters, **{**options, **changed})

        def advance(step: int) -> None:
            def compute() -> Any:
                optimizer.zero_grad()
                loss = sum(((each - step) ** 4).sum() for each in parameters)
                loss.backward()
                return loss

            drawn = (each.float() for each in optimizers.draw_gradients(step))
            for parameter, gradient in zip(parameters, drawn, strict=False):
                parameter.grad = (
                    gradient.to_sparse() if kind is torch.optim.SparseAdam else gradient
                )
            optimizer.step(compute if kind is torch.optim.LBFGS else None)

        parts = {"parameters": torch.nn.ParameterList(parameters), "optimizer": optimizer}
        return SavedSubject(parts, advance, lambda: [each.detach().clone() for each in parameters])

    return build


def _with_schedule(make: Callable[[Any], Any]) -> Build:
    def build(seed: int) -> SavedSubject:
        optimizer = schedules.make_optimizer()
        scheduler = make(optimizer)
        for _ in range(2 * seed):  # another place of the schedule
            optimizer.step()
            scheduler.step()

        def advance(_: int) -> None:
            optimizer.step()
            scheduler.step()

        parts = {"optimizer": optimizer, "scheduler": scheduler}
        return SavedSubject(parts, advance, lambda: [optimizer.param_groups[0]["lr"]])

    return build


def advance_more(more: int, build: Build) -> Build:
    """Make more steps before a state is saved; the process that loads it does not."""

    def build_later(seed: int) -> SavedSubject:
        subject = build(seed)
        for step in range(-more, 0) if not seed else ():
            subject.advance(step)
        return subject

    return build_later


def _build_plateau(seed: int) -> SavedSubject:
    optimizer = schedules.make_optimizer()
    scheduler = lr_scheduler.ReduceLROnPlateau(optimizer, patience=2, factor=0.5)
    parts = {"optimizer": optimizer, "scheduler": scheduler}
    rates = list[float]()

    def advance(_: int) -> None:
        scheduler.step(1.0 + seed)
        rates.append(optimizer.param_groups[0]["lr"])

    return SavedSubject(parts, advance, lambda: rates[-AFTER:])


def _build_scaler(seed: int) -> SavedSubject:
    parameters = optimizers.draw_parameters("cpu", seed)
    optimizer = torch.optim.SGD(parameters, lr=0.1)
    scaler = torch.amp.GradScaler("cpu", init_scale=64.0 * 3**seed, growth_interval=2)

    def advance(step: int) -> None:
        optimizer.zero_grad()
        factor = float("inf") if step == BEFORE else 1
        scaler.scale(sum((each**2).sum() for each in parameters) * factor).backward()
        scaler.step(optimizer)
        scaler.update()

    parts = {
        "parameters": torch.nn.ParameterList(parameters),
        "optimizer": optimizer,
        "scaler": scaler,
    }
    return SavedSubject(
        parts,
        advance,
        lambda: [scaler.get_scale(), *(each.detach().clone() for each in parameters)],
    )


def _with_average(options: dict[str, Any]) -> Build:
    def build(seed: int) -> SavedSubject:
        model = torch.nn.ParameterList(optimizers.draw_parameters("cpu", seed))
        averaged = swa_utils.AveragedModel(model, **options)

        def advance(step: int) -> None:
            with torch.no_grad():
                for parameter, gradient in zip(model, optimizers.draw_gradients(step), strict=True):
                    parameter.sub_(gradient)
            averaged.update_parameters(model)

        def read() -> Any:
            return [each.detach().clone() for each in averaged.module.parameters()]

        return SavedSubject({"model": model, "averaged": averaged}, advance, read)

    return build


def _build_swa_rate(seed: int) -> SavedSubject:
    optimizer = schedules.make_optimizer()
    scheduler = swa_utils.SWALR(optimizer, swa_lr=0.01 * (1 + seed), anneal_epochs=5)
    parts = {"optimizer": optimizer, "scheduler": scheduler}

    def advance(_: int) -> None:
        optimizer.step()
        scheduler.step()

    return SavedSubject(parts, advance, lambda: [optimizer.param_groups[0]["lr"]])


def _with_layer(info: Any, sample: Any) -> Build:
    def build(seed: int) -> SavedSubject:
        torch.manual_seed(seed)
        made = sample.constructor_input
        layer = info.module_cls(*made.args, **made.kwargs).to(torch.float32)
        call = sample.forward_input

        def advance(step: int) -> None:
            torch.manual_seed(step)
            layer.train()(*call.args, **call.kwargs)

        def read() -> Any:
            torch.manual_seed(0)
            return [*layer.state_dict().values()]

        with torch.no_grad():
            for each in (*layer.parameters(), *layer.buffers()):
                each.copy_(torch.rand_like(each.double()) * 4)
        return SavedSubject({"layer": layer}, advance, read)

    return build


def _build_quantized(seed: int) -> SavedSubject:
    torch.manual_seed(seed)
    layers = torch.nn.Sequential(torch.nn.Linear(6, 5), torch.nn.ReLU(), torch.nn.Linear(5, 3))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch.ao is going to move
        model = torch.ao.quantization.quantize_dynamic(layers, {torch.nn.Linear})
    values = torch.linspace(-1, 1, 12).reshape(2, 6)
    return SavedSubject({"model": model}, lambda step: None, lambda: [model(values)])


def _build_generator(seed: int) -> SavedSubject:
    generator = torch.Generator().manual_seed(seed)
    drawn = list[Any]()

    def advance(_: int) -> None:
        drawn.append(torch.rand(3, generator=generator))

    return SavedSubject({"generator": _GeneratorState(generator)}, advance, lambda: drawn[-AFTER:])


class _GeneratorState:
    """A generator under the names of a `state_dict`."""

    def __init__(self, generator: torch.Generator) -> None:
        self._generator = generator

    def state_dict(self) -> dict[str, Any]:
        return {"state": self._generator.get_state()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._generator.set_state(state["state"])


def list_schedules() -> Iterator[tuple[str, Build]]:
    """Yield the schedules that are saved, by their names."""
    for name, make, _ in schedules.CASES:
        yield name, _with_schedule(make)
    yield "ReduceLROnPlateau", _build_plateau
    yield "SWALR", _build_swa_rate


def list_states() -> Iterator[tuple[str, Build]]:
    """Yield everything that is saved, and the schedules after each number of steps."""
    yield from list_builds()
    for name, build in list_schedules():
        for more in MORE:
            yield f"{name} after {BEFORE + more} steps", advance_more(more, build)


def list_builds() -> Iterator[tuple[str, Build]]:
    """Yield everything that is saved, by its name."""
    for info in databases.list_optimizers():
        known = inspect.signature(info.optim_cls.__init__).parameters
        for number, each in enumerate(info.optim_inputs_func(device=torch.device("cpu"))):
            for foreach in (False, True) if "foreach" in known and not number else (None,):
                options = each.kwargs if foreach is None else {**each.kwargs, "foreach": foreach}
                yield f"{info.name}({options})", _with_optimizer(info.optim_cls, options)
    yield from list_schedules()
    yield "GradScaler", _build_scaler
    yield "AveragedModel", _with_average({})
    multi = swa_utils.get_ema_multi_avg_fn(0.9)
    yield "AveragedModel with EMA", _with_average({"multi_avg_fn": multi, "use_buffers": True})
    if importlib.util.find_spec("torch.ao.quantization"):  # it moves to a package of its own
        yield "a quantised model", _build_quantized
    yield "torch.Generator", _build_generator
    for info in databases.list_layers():
        lazy = issubclass(info.module_cls, torch.nn.modules.lazy.LazyModuleMixin)
        place = {"device": "cpu", "dtype": torch.float32, "requires_grad": False, "training": True}
        torch.manual_seed(0)  # the samples are drawn, and must be the same in both processes
        samples = [] if lazy else [*info.module_inputs_func(info, **place)][:LAYER_SAMPLES]
        for number, sample in enumerate(samples):
            made = sample.constructor_input
            probe = info.module_cls(*made.args, **made.kwargs)
            if probe.state_dict():
                yield f"{info.name} {number}", _with_layer(info, sample)


def save_all(folder: Path) -> dict[str, Any]:
    """Save every subject after BEFORE steps; return what each gives after AFTER more."""
    states, wanted = {}, {}
    for name, build in list_states():
        subject = build(0)
        for step in range(BEFORE):
            subject.advance(step)
        states[name] = {part: each.state_dict() for part, each in subject.parts.items()}
        torch.save(states[name], folder / "one")  # as it is now: the steps change tensors in place
        states[name] = torch.load(folder / "one", weights_only=False)
        for step in range(BEFORE, BEFORE + AFTER):
            subject.advance(step)
        wanted[name] = subject.read()
    torch.save(states, folder / FILE)
    return wanted


def continue_all(folder: str) -> dict[str, Any]:
    """Load every subject, in a process of its own, and return what each gives after AFTER steps."""
    states, got = torch.load(Path(folder) / FILE, weights_only=False), {}
    for name, build in list_states():
        subject = build(1)
        for part, each in subject.parts.items():
            each.load_state_dict(states[name][part])
        for step in range(BEFORE, BEFORE + AFTER):
            subject.advance(step)
        got[name] = subject.read()
    return got


def _build_pair(seed: int) -> tuple[Any, Any]:
    """Return a model and its optimizer after BEFORE steps."""
    torch.manual_seed(seed)
    model = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.BatchNorm1d(3))
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1 * (1 + seed))
    _train_pair(model, optimizer, range(BEFORE))
    return model, optimizer


def _train_pair(model: Any, optimizer: Any, steps: range) -> list[Any]:
    for step in steps:
        values = torch.randn(5, 4, generator=torch.Generator().manual_seed(step))
        optimizer.zero_grad()
        (model(values) ** 4).sum().backward()
        optimizer.step()
    return [*model.state_dict().values()]


def save_distributed(folder: Path) -> list[Any]:
    """Save a model and its optimizer with torch.distributed.checkpoint; return the last weights."""
    model, optimizer = _build_pair(0)
    weights, counts = checkpoint_state.get_state_dict(model, optimizer)
    distributed_checkpoint.save(
        {"model": weights, "optimizer": counts}, checkpoint_id=folder / FOLDER
    )
    return _train_pair(model, optimizer, range(BEFORE, BEFORE + AFTER))


def continue_distributed(folder: str) -> list[Any]:
    """Load them in a process of its own, and return their weights at the end."""
    model, optimizer = _build_pair(1)
    weights, counts = checkpoint_state.get_state_dict(model, optimizer)
    state = {"model": weights, "optimizer": counts}
    distributed_checkpoint.load(state, checkpoint_id=Path(folder) / FOLDER)
    checkpoint_state.set_state_dict(
        model, optimizer, model_state_dict=state["model"], optim_state_dict=state["optimizer"]
    )
    return _train_pair(model, optimizer, range(BEFORE, BEFORE + AFTER))


def continue_both(folder: str) -> tuple[dict[str, Any], list[Any]]:
    """Do both in one process, in one thread as the process that saved: sums depend on that."""
    torch.set_num_threads(1)
    return continue_all(folder), continue_distributed(folder)


def is_same(one: Any, other: Any) -> bool:
    """Return whether both are equal bit for bit."""
    if isinstance(one, tuple | list):
        return len(one) == len(other) and all(map(is_same, one, other))
    if torch.is_tensor(one) and one.is_quantized:
        return is_same(one.dequantize(), other.dequantize())
    if torch.is_tensor(one):
        same = torch.equal(one.nan_to_num(7), other.nan_to_num(7))
        return one.dtype == other.dtype and bool(same)
    return bool(one == other)


def find_laxness() -> Iterator[str]:
    """Yield what `load_state_dict` accepts though it should not, or refuses though it should."""
    model = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
    whole = {name: torch.full_like(each, 7) for name, each in model.state_dict().items()}
    less = {name: each for name, each in whole.items() if name != "0.bias"}
    more = {**whole, "2.weight": torch.ones(2)}
    other = {**whole, "0.weight": torch.ones(2, 4)}
    cases = (("without `0.bias`", less), ("with `2.weight`", more), ("with another shape", other))
    for name, state in cases:
        try:
            model.load_state_dict(state)
        except RuntimeError:
            continue
        yield f"a state {name} was loaded without an error"
    try:
        model.load_state_dict(other, strict=False)
        yield "weights of another shape were loaded with strict=False"
    except RuntimeError:
        pass
    keys = model.load_state_dict({**less, "2.weight": torch.ones(2)}, strict=False)
    if keys.missing_keys != ["0.bias"] or keys.unexpected_keys != ["2.weight"]:
        yield f"strict=False told {keys}, not that `0.bias` lacks and `2.weight` is too much"
    if not all(bool((model.state_dict()[name] == 7).all()) for name in less):
        yield "strict=False left out weights that were there"
    optimizer = torch.optim.Adam(model.parameters())
    try:
        optimizer.load_state_dict(torch.optim.Adam([*model.parameters()][:1]).state_dict())
        yield "an optimizer loaded the state of another number of parameters"
    except ValueError:
        pass
