"""Programs with what a training of transformers keeps: numbers, checkpoints, optimizers by name."""

from __future__ import annotations

import copy
import importlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import torch

from ... import pool
from ..families import Family
from ..telling import attempt
from .of_pipelines import get_library, make_reader


class SavedTraining:
    """Holds what the methods of a training that save and tell use."""

    def __init__(self) -> None:
        self.args, self.model = SimpleNamespace(output_dir="."), pool.make_value("$net")
        self.state = get_library().trainer_callback.TrainerState(global_step=3)
        self.optimizer: Any = torch.optim.SGD(
            [{"params": [each], "lr": 0.1 * i} for i, each in enumerate(self.model.parameters())]
        )

    def is_world_process_zero(self) -> bool:
        """Return that it is the only process."""
        return True


def tell_metrics() -> Any:
    """Return what a training tells and saves of its numbers and its rates."""
    made, held = get_library().trainer_pt_utils, SavedTraining()
    numbers = {"train_loss": 0.123456, "train_runtime": 3661.5, "total_flos": 5e12, "epoch": 3}
    numbers |= {"init_mem_cpu_alloc_delta": 5 << 20}
    results: list[Any] = [made.metrics_format(numbers), numbers, made.save_state(held)]
    for split, combined in (("train", True), ("eval", True), ("test", False)):
        made.save_metrics(held, split, {f"{split}_loss": 0.5, "epoch": split}, combined)
        made.log_metrics(held, split, numbers)
    results += [Path(path).read_text(encoding="utf-8") for path in sorted(Path().glob("*.json"))]
    results += [made.get_num_trainable_parameters(held), made.get_learning_rates(held)]
    weight = held.model[0].bias
    results += [attempt(made.get_optimizer_group, held, weight), made.get_optimizer_group(held)]
    results.append(attempt(made.get_optimizer_group, held, held.model[0].weight))
    weight.requires_grad_(False)
    for trained in (False, True):
        results.append(made.get_model_param_count(held.model, trained))
    norm = [torch.nn.BatchNorm1d]
    for names in (None, ["bias"], ["0"], [r"^2\."]):
        results.append(attempt(made.get_parameter_names, held.model, norm, names))
    results.append(made.get_module_class_from_name(held.model, "BatchNorm1d"))
    results.append(made.get_module_class_from_name(held.model, "No"))
    held.optimizer = None
    results += [attempt(made.get_learning_rates, held), attempt(made.get_optimizer_group, held)]
    return results


def keep_checkpoints(limit: int = 2) -> Any:
    """Return which checkpoints are kept, and what a model and its tokenizer are after loading."""
    kinds = get_library().trainer_utils
    results: list[Any] = []
    for best in (None, "runs/checkpoint-3", "runs/checkpoint-20", "runs/checkpoint-100"):
        for step in (100, 3, 20, 7):
            Path(f"runs/checkpoint-{step}").mkdir(parents=True, exist_ok=True)
        Path("runs/other-9").mkdir(exist_ok=True)
        Path("runs/checkpoint-999").touch()
        results.append(kinds.get_last_checkpoint("runs"))
        results += [kinds.sort_checkpoints("runs", best_model_checkpoint=best)]
        results.append(kinds.sort_checkpoints("runs", "other"))
        for most in (None, 0, limit + 1, limit, 1):
            kinds.rotate_checkpoints("runs", most, best)
            results.append(sorted(path.name for path in Path("runs").iterdir()))
    Path("none").mkdir()
    results += [kinds.get_last_checkpoint("none"), kinds.sort_checkpoints("none")]
    targets: tuple[Any, ...] = (["attn", "mlp"], "attn", r".*\.mlp", [r"l\d"], ["l.0.attn"], [])
    for each in targets:
        for key in ("l.0.attn", "attn", "l.1.mlp", "l1"):
            results.append(attempt(kinds.check_target_module_exists, each, key, True))
            results.append(attempt(kinds.check_target_module_exists, each, key))
    collator = kinds.RemoveColumnsCollator(lambda rows: rows, ["a", "b"])
    results.append(collator([{"a": 1, "c": 2}, {"b": 3}, 4]))
    for given in ([1], iter([1]), 3, torch.utils.data.TensorDataset(torch.ones(2))):
        results.append(kinds.has_length(given))
    return [*results, align_tokens()]


def align_tokens() -> list[Any]:
    """Return the special tokens of a model before and after it takes those of a tokenizer."""
    kinds, results = get_library().trainer_utils, []
    names = ("eos_token_id", "bos_token_id", "pad_token_id")
    for ends in (2, [2, 7], [], None):
        fast, model = pool.make_value("$fast"), pool.make_value("$gpt")
        fast.add_special_tokens({"eos_token": "[SEP]"})
        model.config.eos_token_id = copy.copy(ends)
        model.generation_config.eos_token_id = copy.copy(ends)
        for _ in range(2):
            attempt(kinds.align_special_tokens, model, fast)
            for held in (model.config, model.generation_config):
                results.append([getattr(held, name) for name in names])
            fast.add_special_tokens({"bos_token": "[CLS]", "pad_token": "[MASK]"})
    return results


@mock.patch("gc.collect")
def load_shards(_: Any = None) -> list[Any]:
    """Return what is loaded from the parts of a model, and what is refused, without a clean-up."""
    kinds, model = get_library().trainer_utils, make_reader("MaskedLM")
    model.save_pretrained("kept", max_shard_size="7KB")
    other = make_reader("MaskedLM", initializer_range=0.1)
    results: list[Any] = [str(attempt(kinds.load_sharded_checkpoint, other, "kept", False))]
    held = model.state_dict()
    results.append([torch.equal(each, held[name]) for name, each in other.state_dict().items()])
    results.append(attempt(kinds.load_sharded_checkpoint, make_reader(""), "kept"))
    return [*results, attempt(kinds.load_sharded_checkpoint, other, "none")]


OPTIMIZERS: dict[str, str | None] = {
    "adamw_torch": None,
    "adamw_torch_fused": None,
    "sgd": "momentum=0.5, nesterov=yes,weight_decay=0.1",
    "adagrad": "lr_decay=0.1,eps=0.01",
    "rmsprop": "alpha=0.5,centered=True,momentum=0.2",
    "adafactor": None,
    "lomo": None,
}


def choose_optimizer(name: str) -> Any:
    """Return the class and the options of an optimizer by name, and what it does to a network."""
    made = importlib.import_module("transformers.trainer_optimizer")
    kinds = importlib.import_module("transformers.training_args")
    optim = kinds.OptimizerNames(name)
    chosen = attempt(made._parse_optim_args, OPTIMIZERS[name])
    adam = {"betas": (0.8, 0.9), "eps": 1e-6}
    plan = SimpleNamespace(optim=optim, adam_beta1=0.8, adam_beta2=0.9, adam_epsilon=1e-6)
    options: Any
    for options in (chosen, {}):
        context = made.OptimizerContext(plan, None, {"lr": 0.1}, dict(adam), options)
        kind, given = attempt(made._OPTIMIZER_HANDLERS[optim], context)
    net = pool.make_value("$net")
    results = [chosen, kind.__name__, given, made.is_optimizer_factory(kind)]
    optimizer = kind(net.parameters(), **given)
    net(pool.make_value("$x")).square().sum().backward()
    optimizer.step()
    return [*results, [net[0].weight, net[2].weight], made.is_optimizer_factory(choose_optimizer)]


OF_CHECKPOINTS = (
    Family(tell_metrics, lambda: [""], lambda _: {}),
    Family(keep_checkpoints, lambda: [""], lambda _: {"limit": 2}),
    Family(load_shards, lambda: [""], lambda _: {}),
    Family(choose_optimizer, lambda: [*OPTIMIZERS], lambda _: {}),
)
