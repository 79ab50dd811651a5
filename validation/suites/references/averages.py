"""Averages of models, and conversions that must not change what a model computes."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch.nn.utils import fusion, parametrizations, parametrize, prune
from torch.optim import swa_utils

DECAY, UPDATES, BATCHES = 0.7, 4, 3
LIMIT = 1e-5


def build_model() -> Any:
    """Return layers with parameters and with statistics, all of them drawn."""
    torch.manual_seed(0)
    model = torch.nn.Sequential(
        torch.nn.Conv1d(3, 4, 3),
        torch.nn.BatchNorm1d(4),
        torch.nn.Flatten(),
        torch.nn.Linear(24, 2),
    )
    model[1].num_batches_tracked = None  # torch cannot average whole numbers
    for _ in range(BATCHES):
        model(torch.randn(5, 3, 8) + 1)
    return model.eval()


def find_average_faults() -> Iterator[str]:
    """Yield how an averaged model differs from the mean of what it was given, or its statistics."""
    for name, function, combine in (
        ("get_swa_multi_avg_fn", swa_utils.get_swa_multi_avg_fn(), take_mean),
        ("get_ema_multi_avg_fn", swa_utils.get_ema_multi_avg_fn(DECAY), forget_slowly),
    ):
        for buffers in (False, True):
            model = build_model()
            averaged = swa_utils.AveragedModel(model, multi_avg_fn=function, use_buffers=buffers)
            seen = []
            for _ in range(UPDATES):
                with torch.no_grad():
                    for each in model.parameters():
                        each.add_(torch.randn_like(each))
                model.train()(torch.randn(5, 3, 8) * 2 - 1)
                averaged.update_parameters(model)
                seen.append({key: value.clone() for key, value in model.state_dict().items()})
            got = averaged.module.state_dict()
            learned = {key for key, _ in model.named_parameters()}
            for key, value in got.items():
                if not value.is_floating_point():
                    continue
                each = [state[key] for state in seen]
                wanted = combine(each) if key in learned or buffers else each[-1]
                if not torch.allclose(value, wanted, atol=LIMIT):
                    options = f"{name}, use_buffers={buffers}"
                    apart = float((value - wanted).abs().max())
                    yield f"{key} of AveragedModel({options}) is off by {apart:.1e}"
                    break
    yield from find_statistics_faults()


def take_mean(values: list[Any]) -> Any:
    """Return the mean of tensors."""
    return torch.stack(values).mean(dim=0)


def forget_slowly(values: list[Any]) -> Any:
    """Return the average that begins with the first value, and forgets."""
    total = values[0]
    for each in values[1:]:
        total = DECAY * total + (1 - DECAY) * each
    return total


def find_statistics_faults() -> Iterator[str]:
    """Yield how update_bn leaves other statistics than those of all batches."""
    model, batches = torch.nn.BatchNorm1d(3), [torch.randn(6, 3) * at for at in (1, 2, 3)]
    swa_utils.update_bn(batches, model)
    wanted = {
        "running_mean": take_mean([each.mean(dim=0) for each in batches]),
        "running_var": take_mean([each.var(dim=0) for each in batches]),
    }
    for name, value in wanted.items():
        if not torch.allclose(getattr(model, name), value, atol=LIMIT):
            yield f"update_bn leaves another {name} than the mean over all batches"


def through_vector(model: Any) -> Any:
    """Return a copy whose parameters went through one vector."""
    other = build_model()
    for each in other.parameters():
        each.data.zero_()
    vector = torch.nn.utils.parameters_to_vector(model.parameters())
    torch.nn.utils.vector_to_parameters(vector, other.parameters())
    return other


def through_parametrization(model: Any, add: Callable[[Any], Any]) -> Any:
    """Return the model after a parametrization of its last layer was added and removed."""
    add(model[3])
    parametrize.remove_parametrizations(model[3], "weight")
    return model


def prune_nothing(model: Any) -> Any:
    """Return the model after a mask that hides nothing was added and made permanent."""
    prune.identity(model[3], "weight")
    prune.remove(model[3], "weight")
    return model


CONVERSIONS: dict[str, Callable[[Any], Any]] = {
    "SyncBatchNorm.convert_sync_batchnorm": torch.nn.SyncBatchNorm.convert_sync_batchnorm,
    "fuse_conv_bn_eval": lambda model: torch.nn.Sequential(
        fusion.fuse_conv_bn_eval(model[0], model[1]), model[2], model[3]
    ),
    "copy.deepcopy": copy.deepcopy,
    "pickle": lambda model: pickle.loads(pickle.dumps(model)),  # noqa: S301 - our own
    "double and float": lambda model: model.double().float(),
    "to channels of another layout": lambda model: model.to(memory_format=torch.preserve_format),
    "parameters_to_vector and back": through_vector,
    "weight_norm, removed": lambda model: through_parametrization(
        model, parametrizations.weight_norm
    ),
    "prune.identity, removed": prune_nothing,
    "train and eval": lambda model: model.train().eval(),
    "requires_grad_": lambda model: model.requires_grad_(False).requires_grad_(True),
    "functional_call": lambda model: (
        lambda x: torch.func.functional_call(build_model(), model.state_dict(), (x,))
    ),
}
"""What must not change the scores of a model."""


def find_conversion_faults() -> Iterator[str]:
    """Yield each conversion after which a model computes something else."""
    values = torch.randn(5, 3, 8, generator=torch.Generator().manual_seed(1))
    wanted = build_model()(values)
    for name, convert in CONVERSIONS.items():
        got = convert(build_model())(values)
        if not torch.allclose(got, wanted, atol=LIMIT):
            yield f"after {name}, scores are off by {float((got - wanted).abs().max()):.1e}"
