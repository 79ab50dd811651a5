"""Small programs as users write them, one for each class of a kind that a library has.

A recorded call names the class and its options, for instance `scenarios.train_with('AdamW',
amsgrad=True)`. `FAMILIES` says which classes have a program.
"""

from __future__ import annotations

import copy
import importlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from . import pool, small_models

NET_STEPS = 3
ENV_STEPS = 40


def train_with(name: str, **options: Any) -> Any:
    """Return weights and state after some steps of an optimizer, the last after loading it."""
    net = pool.make_value("$net")
    inputs = pool.make_value("$x")
    kind = getattr(torch.optim, name)
    options = {"lr": 0.05, **options}
    optimizer = kind(net.parameters(), **options)

    def compute_loss() -> Any:
        optimizer.zero_grad()
        loss = net(inputs).square().sum()
        loss.backward()
        return loss

    for step in range(NET_STEPS):
        if step == NET_STEPS - 1:
            state = copy.deepcopy(optimizer.state_dict())
            optimizer = kind(net.parameters(), **options)
            optimizer.load_state_dict(state)
        optimizer.step(compute_loss)
    return [parameter.detach() for parameter in net.parameters()], optimizer.state_dict()


def follow(name: str, *values: Any, **options: Any) -> Any:
    """Return the learning rates of a schedule, and those after it was loaded at each step."""
    kind = getattr(torch.optim.lr_scheduler, name)

    def begin() -> tuple[Any, Any]:
        optimizer = pool.make_value("$optimizer")
        return optimizer, kind(optimizer, *values, **options)

    def advance(optimizer: Any, schedule: Any) -> list[float]:
        optimizer.step()
        schedule.step(*([0.5] if name == "ReduceLROnPlateau" else []))
        return [group["lr"] for group in optimizer.param_groups]

    optimizer, schedule = begin()
    rates: list[Any] = []
    for _ in range(8):
        saved = copy.deepcopy((optimizer.state_dict(), schedule.state_dict()))
        other, loaded = begin()
        other.load_state_dict(saved[0])
        loaded.load_state_dict(saved[1])
        rates.append([advance(other, loaded), advance(optimizer, schedule)])
    return rates


def run_vision(name: str, **options: Any) -> Any:
    """Return what a network of torchvision gives for a picture, and its gradients' sizes."""
    models = importlib.import_module("torchvision.models")
    pool.set_seeds()
    net = models.get_model(name, weights=None, **options).eval()
    with torch.no_grad():
        return net(torch.rand(1, 3, 64, 64))


def augment(name: str, **options: Any) -> Any:
    """Return what a transform of albumentations makes of a picture with all that belongs to it."""
    library = importlib.import_module("albumentations")
    kind = getattr(library, name)
    made = kind(**{**({"p": 1.0} if "p" in inspect.signature(kind).parameters else {}), **options})
    boxes = library.BboxParams("pascal_voc", label_fields=["labels"])
    composed = library.Compose(
        [made],
        bbox_params=boxes,
        seed=pool.SEED,
        keypoint_params=library.KeypointParams("xy", remove_invisible=False),
    )
    given = {"mask": pool.make_value("$gray") // 64, "keypoints": [(3, 4), (10, 12)]}
    given |= {"bboxes": [[1, 2, 6, 9], [2, 0, 11, 15]], "labels": [0, 1]}
    try:
        return composed(image=pool.make_value("$photo"), **given)
    except Exception:
        return library.Compose([made], seed=pool.SEED)(image=pool.make_value("$photo"))


def keep_boxes(form: str, **options: Any) -> Any:
    """Return the boxes that stay in a part of a picture, with options of boxes."""
    library = importlib.import_module("albumentations")
    boxes = library.BboxParams(form, **{"label_fields": ["labels"], **options})
    crop = library.Crop(2, 3, 8, 11, p=1.0)
    given = [
        [0.1, 0.1, 0.4, 0.3],
        [0.2, 0.3, 0.9, 0.95],
        [0.5, 0.6, 0.6, 0.7],
        [0.0, 0.8, 0.9, 1.0],
    ]
    if form in ("pascal_voc", "coco"):
        given = [[x * 12, y * 16, z * 12, w * 16] for x, y, z, w in given]
    if form in ("coco", "yolo"):
        given = [[x, y, z - x, w - y] for x, y, z, w in given]
    if form == "yolo":
        given = [[x + w / 2, y + h / 2, w, h] for x, y, w, h in given]
    composed = library.Compose([crop, library.HorizontalFlip(p=1.0)], bbox_params=boxes, seed=7)
    return composed(image=pool.make_value("$photo"), bboxes=given, labels=[0, 1, 2, 3])


def transform_all(name: str, *values: Any, **options: Any) -> Any:
    """Return what a transform of torchvision makes of a picture and all that belongs to it."""
    kind = getattr(importlib.import_module("torchvision.transforms.v2"), name)
    boxes = ("$tv_boxes", "$tv_boxes_with_sizes", "$tv_boxes_with_centres")
    parts = ("$tv_image", *boxes, "$tv_mask", "$pil", "$classes")
    sample = {part[1:]: pool.make_value(part) for part in parts}
    made = kind(*values, **options)
    try:
        return made(sample)
    except (TypeError, ValueError):  # some take one part alone, or a batch
        return made(pool.make_value("$tv_image"))


def roll_vec(name: str, *values: Any, **options: Any) -> Any:
    """Return what two environments tell through a wrapper of Stable-Baselines3."""
    kind = getattr(importlib.import_module("stable_baselines3.common.vec_env"), name)
    envs = kind(pool.make_value("$vec_env"), *values, **options)
    steps = [copy.deepcopy(envs.reset())]
    for step in range(ENV_STEPS):
        steps.append(copy.deepcopy(envs.step(np.array([step % 2, step % 3 == 0], dtype=int))))
    return steps


def roll(env_id: str, **options: Any) -> Any:
    """Return all that an environment of Gymnasium tells over two episodes or 40 steps."""
    gym = importlib.import_module("gymnasium")
    return roll_env(gym.make(env_id, **options))


def roll_env(env: Any) -> Any:
    """Return all that an environment tells over 40 steps."""
    env.action_space.seed(pool.SEED)
    steps = [env.reset(seed=pool.SEED)]
    for _ in range(ENV_STEPS):
        action = env.action_space.sample()
        step = env.step(action)
        steps.append(step)
        if np.all(step[2]) or np.all(step[3]):
            steps.append(env.reset())
    env.close()
    return [copy.deepcopy(each) for each in steps], str(env.observation_space)


def roll_wrapped(name: str, *values: Any, **options: Any) -> Any:
    """Return what an environment tells through a wrapper."""
    wrappers = importlib.import_module("gymnasium.wrappers")
    gym = importlib.import_module("gymnasium")
    for env_id in ("Pendulum-v1", "CartPole-v1", "Taxi-v3"):
        try:
            kind = getattr(wrappers, name)
            return roll_env(kind(gym.make(env_id, render_mode="rgb_array"), *values, **options))
        except (AssertionError, ImportError, TypeError, gym.error.Error):
            continue
    raise ValueError("no environment suits it")


def roll_vector(name: str, *values: Any, **options: Any) -> Any:
    """Return what two environments tell through a vector wrapper."""
    wrappers = importlib.import_module("gymnasium.wrappers.vector")
    gym = importlib.import_module("gymnasium")
    for env_id in ("Pendulum-v1", "CartPole-v1"):
        try:
            kind = getattr(wrappers, name)
            made = gym.make_vec(env_id, 2, "sync")
            return roll_env(kind(made, *values, **options))
        except (AssertionError, ImportError, TypeError):
            continue
    raise ValueError("no environment suits it")


def learn(name: str, **options: Any) -> Any:
    """Return the weights of an agent after a few steps, its actions, and those after loading it."""
    library = importlib.import_module("stable_baselines3")
    gym = importlib.import_module("gymnasium")
    kind = getattr(library, name)
    on_policy = name in ("PPO", "A2C")
    ordinary: dict[str, Any] = (
        {"n_steps": 16} if on_policy else {"learning_starts": 8, "buffer_size": 64}
    )
    ordinary |= {"batch_size": 8} if name != "A2C" else {}
    ordinary |= {"n_epochs": 2} if name == "PPO" else {}
    ordinary["policy_kwargs"] = {"net_arch": [8]}
    env = gym.make("CartPole-v1" if name in ("PPO", "A2C", "DQN") else "Pendulum-v1")
    agent = kind("MlpPolicy", env, seed=pool.SEED, device="cpu", **{**ordinary, **options})
    agent.learn(32 if on_policy else 16)
    agent.save("agent.zip")
    loaded = kind.load("agent.zip", env, device="cpu")
    observed, _ = env.reset(seed=pool.SEED)
    acted = [each.predict(observed, deterministic=True) for each in (agent, loaded)]
    agent.learn(16, reset_num_timesteps=False)
    return agent.num_timesteps, acted, agent.policy.state_dict()


def run_model(head: str, kind: str, **options: Any) -> Any:
    """Return what a small model of a kind gives for two texts of different length, or pictures."""
    return small_models.run_model(head, kind, options)


def generate(**options: Any) -> Any:
    """Return the texts that a small model writes with options of generation."""
    model = pool.make_value("$gpt")
    inputs = torch.tensor([[5, 9, 7, 5], [1, 1, 8, 6]])
    mask = torch.tensor([[1, 1, 1, 1], [0, 0, 1, 1]])
    ordinary = {"max_new_tokens": 6, "pad_token_id": 0, "return_dict_in_generate": True}
    given = model.generate(inputs, attention_mask=mask, **{**ordinary, **options})
    return given.sequences, getattr(given, "scores", None)


def measure(name: str, **options: Any) -> Any:
    """Return what a metric of torchmetrics tells of two batches."""
    library = importlib.import_module("torchmetrics")
    generator = torch.Generator().manual_seed(pool.SEED)
    scores = torch.rand(2, 12, 3, generator=generator)
    classes = torch.randint(0, 3, (2, 12), generator=generator)
    ways: tuple[tuple[Any, Any, dict[str, Any]], ...] = (
        (scores, classes, {"task": "multiclass", "num_classes": 3}),
        (scores[..., 0], (classes > 0).long(), {"task": "binary"}),
        (scores[..., 0], scores[..., 1], {}),
        (scores, scores.flip(-1), {}),
        (scores[..., 0], None, {}),
    )
    for predicted, wanted, ordinary in ways:
        try:
            metric = getattr(library, name)(**{**ordinary, **options})
            given = [(predicted, wanted) if wanted is not None else (predicted,)][0]
            steps = [metric(*(each[place] for each in given)) for place in (0, 1)]
            return steps, metric.compute()
        except (TypeError, ValueError, RuntimeError):
            continue
    raise ValueError("nothing suits it")


@dataclass(frozen=True)
class Family:
    """Which names a scenario is made with, and what has the options of each."""

    scenario: str
    list_names: Callable[[], list[str]]
    find: Callable[[str], Any]
    first: int = 0
    """How many parameters the scenario fills itself."""

    seconds: float = 1.5
    """Of the processor, for the search of one name."""


def _list_kinds(module: str, base: str, home: str = "") -> Callable[[], list[str]]:
    """Return what lists the classes of a module that are of a kind."""

    def list_names() -> list[str]:
        found = vars(importlib.import_module(module))
        parent = getattr(importlib.import_module(home or module), base)
        kinds = ((name, kind) for name, kind in found.items() if inspect.isclass(kind))
        return sorted(
            name for name, kind in kinds if issubclass(kind, parent) and kind is not parent
        )

    return list_names


def _find_in(module: str) -> Callable[[str], Any]:
    return lambda name: getattr(importlib.import_module(module), name)


def list_vision_models() -> list[str]:
    """Return the networks of torchvision that are small."""
    small = ("resnet18", "mobilenet", "shufflenet", "squeezenet", "mnasnet0_5", "efficientnet_b0")
    names = importlib.import_module("torchvision.models").list_models(
        importlib.import_module("torchvision.models")
    )
    more = ("regnet_y_400mf", "regnet_x_400mf", "densenet121", "googlenet")
    return [name for name in names if name.startswith(small) or name in more]


OF_GENERATION: dict[str, Any] = {
    **dict.fromkeys(("top_k", "no_repeat_ngram_size", "num_beams", "min_new_tokens"), 2),
    **dict.fromkeys(("forced_bos_token_id", "forced_eos_token_id", "num_return_sequences"), 2),
    **dict.fromkeys(("top_p", "typical_p", "min_p", "epsilon_cutoff", "eta_cutoff"), 0.4),
    **dict.fromkeys(("temperature", "repetition_penalty", "length_penalty", "top_h"), 1.4),
    **dict.fromkeys(("early_stopping", "remove_invalid_values", "renormalize_logits"), False),
    **dict.fromkeys(("output_scores", "output_logits", "token_healing"), False),
    **dict.fromkeys(("suppress_tokens", "begin_suppress_tokens", "eos_token_id"), None),
    "use_cache": True,
    "max_length": 7,
}
"""Options of GenerationConfig, with values that others are derived from: most defaults are None."""

FAMILIES: dict[str, tuple[Family, ...]] = {
    "torch": (
        Family("train_with", _list_kinds("torch.optim", "Optimizer"), _find_in("torch.optim"), 1),
        Family(
            "follow",
            _list_kinds("torch.optim.lr_scheduler", "LRScheduler"),
            _find_in("torch.optim.lr_scheduler"),
            1,
        ),
    ),
    "torchvision": (
        Family(
            "transform_all",
            _list_kinds("torchvision.transforms.v2", "Transform"),
            _find_in("torchvision.transforms.v2"),
        ),
        Family("run_vision", list_vision_models, lambda _: None),
    ),
    "albumentations": (
        Family(
            "keep_boxes",
            lambda: ["pascal_voc", "coco", "yolo", "albumentations"],
            lambda _: _find_in("albumentations")("BboxParams"),
            1,
        ),
        Family(
            "augment",
            _list_kinds(
                "albumentations", "BasicTransform", "albumentations.core.transforms_interface"
            ),
            _find_in("albumentations"),
        ),
    ),
    "gymnasium": (
        Family(
            "roll",
            lambda: sorted(importlib.import_module("gymnasium").registry),
            lambda _: _find_in("gymnasium")("make"),
            1,
        ),
        Family(
            "roll_wrapped",
            _list_kinds("gymnasium.wrappers", "Wrapper", "gymnasium"),
            _find_in("gymnasium.wrappers"),
            1,
        ),
        Family(
            "roll_vector",
            _list_kinds("gymnasium.wrappers.vector", "VectorWrapper", "gymnasium.vector"),
            _find_in("gymnasium.wrappers.vector"),
            1,
        ),
    ),
    "stable_baselines3": (
        Family(
            "roll_vec",
            _list_kinds("stable_baselines3.common.vec_env", "VecEnvWrapper"),
            _find_in("stable_baselines3.common.vec_env"),
            1,
        ),
        Family(
            "learn",
            lambda: ["PPO", "A2C", "DQN", "SAC", "TD3", "DDPG"],
            _find_in("stable_baselines3"),
            2,
            10.0,
        ),
    ),
    "transformers": (
        Family("run_model", small_models.list_models, lambda _: None),
        Family(
            "generate",
            lambda: ["", "do_sample=True,output_scores=True", "num_beams=3,output_scores=True"],
            lambda _: OF_GENERATION,
            seconds=6.0,
        ),
    ),
    "torchmetrics": (
        Family("measure", _list_kinds("torchmetrics", "Metric"), _find_in("torchmetrics"), 9),
    ),
}
