"""Programs with the parts of a training of transformers: when what happens, which rows come when.

The training itself needs a package that the images lack.
"""

from __future__ import annotations

import functools
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

from ..families import Family
from ..telling import attempt
from .of_pipelines import get_library

PLAN = {
    **{"logging_first_step": False, "logging_strategy": "steps", "logging_steps": 2},
    **{"eval_strategy": "steps", "eval_steps": 3, "eval_delay": 0, "save_strategy": "steps"},
    **{"save_steps": 4, "greater_is_better": False, "metric_for_best_model": "loss"},
    **{"load_best_model_at_end": True, "per_device_train_batch_size": 4, "n_gpu": 1},
}
LOSSES = (0.9, 0.7, 0.65, 0.66, 0.7, 0.71, 0.5)


def make_plan(**options: Any) -> Any:
    """Return what a training is told."""
    kinds = get_library().trainer_utils
    plan = SimpleNamespace(**{**PLAN, **options})
    for name in ("logging_strategy", "eval_strategy"):
        setattr(plan, name, kinds.IntervalStrategy(getattr(plan, name)))
    plan.save_strategy = kinds.SaveStrategy(plan.save_strategy)
    return plan


def follow_training(
    epochs: int = 3, patience: int = 2, threshold: float = 0.0, **options: Any
) -> Any:
    """Return what happens at each step of a training, and its state saved and loaded."""
    made, plan = get_library().trainer_callback, make_plan(**options)
    seen: list[Any] = []
    calls = type(
        "Seen", (made.TrainerCallback,), {"on_log": lambda *_, **k: seen.append(k["logs"])}
    )
    stop = made.EarlyStoppingCallback(patience, threshold)
    state, control = made.TrainerState(max_steps=epochs * 4), made.TrainerControl()
    state.compute_steps(plan, state.max_steps)
    results: list[Any] = [[state.logging_steps, state.eval_steps, state.save_steps]]
    flow = made.DefaultFlowCallback()
    handler = made.CallbackHandler([flow, stop, calls], None, None, None, None)
    for name in ("on_init_end", "on_train_begin"):
        results.append(type(attempt(getattr(handler, name), plan, state, control)).__name__)
    for epoch in range(epochs):
        control = handler.on_epoch_begin(plan, state, control)
        for step in range(4):
            state.global_step, state.epoch = state.global_step + 1, epoch + (step + 1) / 4
            control = handler.on_step_begin(plan, state, control)
            control = handler.on_step_end(plan, state, control)
            results.append([state.global_step, control.state(), act(handler, plan, state, control)])
            if control.should_training_stop or control.should_epoch_stop:
                break
        control = handler.on_epoch_end(plan, state, control)
        results += [state.epoch, control.state(), act(handler, plan, state, control), stop.state()]
        if control.should_training_stop:
            break
    control = handler.on_train_end(plan, state, control)
    return [results, seen, control.state(), keep_state(state, stop, control, plan)]


def act(handler: Any, plan: Any, state: Any, control: Any) -> list[Any]:
    """Return what is evaluated, logged and saved after a step, as a training does it."""
    results: list[Any] = []
    if control.should_log:
        handler.on_log(plan, state, control, {"loss": state.global_step / 8, "total_flos": 3})
    if control.should_evaluate:
        loss = LOSSES[state.global_step % len(LOSSES)]
        control = handler.on_evaluate(
            plan, state, control, {"eval_loss": loss, "eval_f1": 1 - loss}
        )
        state.best_metric = min(loss, state.best_metric or 9.0)
        results.append([state.best_metric, control.should_training_stop])
    if control.should_save:
        handler.on_save(plan, state, control)
        results.append("saved")
    return results


def keep_state(state: Any, stop: Any, control: Any, plan: Any) -> list[Any]:
    """Return a state after it is saved and loaded, also with what its parts remember."""
    made = get_library().trainer_callback
    state.save_to_json("state.json")
    loaded = made.TrainerState.load_from_json("state.json")
    results: list[Any] = [loaded == state, Path("state.json").read_text(encoding="utf-8")]
    several = made.TrainerState(stateful_callbacks=[stop, control, stop, made.TrainerControl(True)])
    several.save_to_json("state.json")
    again = made.TrainerState.load_from_json("state.json").stateful_callbacks
    results += [again, attempt(lambda: made.TrainerState(stateful_callbacks=[3]))]
    restored = made.EarlyStoppingCallback.from_state(again["EarlyStoppingCallback"][0])
    results += [vars(restored), vars(made.TrainerControl.from_state(again["TrainerControl"][1]))]
    handler = made.CallbackHandler([made.DefaultFlowCallback, stop, stop], 1, 2, 3, 4)
    results += [handler.callback_list, handler.pop_callback(stop) is stop, handler.callback_list]
    handler.remove_callback(made.EarlyStoppingCallback)
    results += [handler.pop_callback(made.PrinterCallback), handler.callback_list]
    handler.add_callback(made.PrinterCallback)
    state.train_batch_size = 4
    results.append(
        attempt(get_library().trainer_utils.compare_trainer_and_checkpoint_args, plan, state)
    )
    return [*results, handler.callback_list, attempt(handler.remove_callback, 3)]


def smooth_labels(epsilon: float = 0.1, ignore_index: int = -100) -> Any:
    """Return the losses of labels that are made less sure, and their gradients."""
    smoother = get_library().trainer_pt_utils.LabelSmoother(epsilon, ignore_index)
    generator = torch.Generator().manual_seed(5)
    logits = torch.randn(2, 4, 5, generator=generator, requires_grad=True)
    labels = torch.tensor([[1, 0, 4, ignore_index], [ignore_index, 3, 2, 2]])
    results: list[Any] = []
    for shift in (False, True):
        for items in (None, 3, torch.tensor(8)):
            given = {"shift_labels": shift, "num_items_in_batch": items}
            loss = attempt(smoother, {"logits": logits}, labels, **given)
            results += [loss, attempt(lambda each=loss: torch.autograd.grad(each, logits))]
    results.append(smoother((logits,), labels[..., None]))
    return [*results, smoother({"logits": logits.half()}, labels).dtype, smoother, labels]


LENGTHS = [3, 9, 4, 1, 7, 7, 2, 8, 5, 6, 12, 1, 3]


class DrawnRows:
    """Rows without a known number, which are drawn anew in each epoch."""

    def __init__(self) -> None:
        self.generator = torch.Generator()

    def __iter__(self) -> Any:
        yield from torch.randperm(7, generator=self.generator).tolist()


def group_rows(size: int = 2, drop_last: bool = False, seed: int = 3, processes: int = 2) -> Any:
    """Return the order of rows that ways of grouping them by length and process give."""
    made = get_library().trainer_pt_utils
    rows = [{"input_ids": [0] * each, "other": [0] * (13 - each)} for each in LENGTHS]
    results: list[Any] = []
    start = functools.partial(torch.Generator().manual_seed, seed)
    for more in (None, 1, 3):
        results.append(made.get_length_grouped_indices(LENGTHS, size, more, start()))
    for given in ({"dataset": rows}, {"lengths": torch.tensor(LENGTHS)}, {}, {"dataset": [1]}):
        held = attempt(made.LengthGroupedSampler, size, generator=start(), **given)
        results += [attempt(lambda each=held: [*each]), attempt(len, held)]
    named = made.LengthGroupedSampler(size, rows, model_input_name="other", generator=start())
    results.append([*named])
    for rank in range(processes):
        shared: dict[str, Any] = {"num_replicas": processes, "rank": rank, "drop_last": drop_last}
        places = made.DistributedLengthGroupedSampler(size, rows, seed=seed, **shared)
        sharing: dict[str, Any] = {"num_processes": processes, "process_index": rank}
        shard = made.ShardSampler(rows, size, drop_last, **sharing)
        parts = made.IterableDatasetShard(DrawnRows(), size, drop_last, seed=seed, **sharing)
        small = made.IterableDatasetShard([1], size, drop_last, **sharing)
        loop = made.DistributedSamplerWithLoop(rows, size, seed=seed, **shared)
        balanced = made.BatchRebalanceSampler(
            LENGTHS * 2,
            size * processes * 2,
            processes,
            2,
            seed=seed,
            rank=rank,
            drop_last=drop_last,
        )
        for epoch in (0, 1, 1):
            for each in (places, parts, loop, balanced):
                each.set_epoch(epoch)
            results += [[*each] for each in (places, shard, parts, small, loop, balanced)]
        results += [[len(each) for each in (places, shard, loop, balanced)], attempt(len, small)]
    plain = made.BatchRebalanceSampler(LENGTHS, 5, 1, 3, shuffle=False, drop_last=drop_last)
    return [*results, [*plain], len(plain), attempt(made.BatchRebalanceSampler, LENGTHS, 2, 2, 2)]


def gather_results(joined: bool = True, padding: int = -100) -> Any:
    """Return what an evaluation holds after batches of different widths."""
    made, kinds = get_library().trainer_pt_utils, get_library().trainer_utils
    results: list[Any] = []
    for form in (lambda x: x, lambda x: x[..., 0], lambda x: (x, [x[..., :1]]), lambda x: {"a": x}):
        held = made.EvalLoopContainer(joined, padding)
        results.append(held.get_arrays())
        for place, width in enumerate((2, 4, 3, 1)):
            held.add(form(torch.arange(3 * width).reshape(3, width) + place * 10.0))
            if place == 1:
                held.to_cpu_and_numpy()
        held.add(form(torch.ones(1, 2)))
        results.append(held.get_arrays())
        results += [attempt(made.nested_truncate, held.get_arrays(), 3), vars(held)]
    wide, slim = np.arange(6.0).reshape(2, 3), np.ones((3, 1))
    results += [attempt(made.nested_concat, wide, slim, 7), made.expand_like(slim, 4, 8)]
    results += [attempt(made.nested_concat, wide, [slim]), made.nested_new_like([wide], 4)]
    for value in ({"a": [torch.ones(3, 1)]}, [[], (np.ones(2),)], {}, torch.tensor(1), 3):
        results.append(attempt(made.find_batch_size, value))
        results.append(attempt(made.nested_numpify, value))
    for mask in (None, torch.ones(2, 3), torch.ones(2, 3, 3), torch.ones(2, 3, 3).tril()):
        results.append(made.is_attention_mask_causal(mask))
        results.append(made.is_attention_mask_causal(None if mask is None else mask[:, None]))
    for given in ({}, {"inputs": [3]}, {"losses": [4]}, {"inputs": 1, "losses": 2}):
        pair = kinds.EvalPrediction([1], [2], **given)
        results += [[*pair], pair[0], attempt(lambda e=pair: e[1]), attempt(lambda e=pair: e[3])]
        results.append(attempt(lambda e=pair: e[2]))
    numbers = {"a": np.float32(2), "b": [torch.tensor([3])], "c": (torch.ones(2), "x")}
    return [
        *results,
        kinds.denumpify_detensorize(numbers),
        [kinds.number_of_arguments(each) for each in (make_plan, functools.partial(round, 2))],
    ]


OF_TRAINERS = (
    Family(
        follow_training,
        lambda: [
            *("", "eval_strategy='epoch',save_strategy='epoch',logging_strategy='epoch'"),
            *("eval_steps=0.4,save_steps=0.5,logging_steps=0.3", "5,1,0.1,eval_delay=4"),
            *("5,3,logging_first_step=True,metric_for_best_model='f1',greater_is_better=True",),
            *("eval_strategy='no',save_strategy='no'", "metric_for_best_model='eval_no'"),
        ],
        lambda _: {},
    ),
    Family(smooth_labels, lambda: [""], lambda _: {"epsilon": 0.1, "ignore_index": -100}),
    Family(
        group_rows,
        lambda: [""],
        lambda _: {"size": 2, "drop_last": False, "seed": 3, "processes": 2},
    ),
    Family(gather_results, lambda: [""], lambda _: {"joined": True, "padding": -100}),
)
