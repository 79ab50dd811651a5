"""Programs with the distributions, transforms and constraints of PyTorch."""

from __future__ import annotations

import inspect
import itertools
from typing import Any

import torch

from .. import pool
from .families import Family
from .leaves import collect_leaves, tell_refusal

ASKED = (
    *("mean", "mode", "variance", "stddev", "batch_shape", "event_shape", "has_rsample"),
    *("has_enumerate_support", "support", "entropy", "perplexity", "enumerate_support"),
    *("logits", "probs", "param_shape", "precision_matrix", "covariance_matrix", "scale_tril"),
)
PLACES = (0.0, 1.0, 2.0, 0.3, -0.5, 3.5)


def make_values() -> dict[str, Any]:
    """Return parameters of each name, in batches of unlike members."""
    rows = torch.tensor([[0.4, 1.2, 2.0], [0.7, 0.5, 1.6]])
    square = torch.stack([torch.eye(3) * 2 + 0.3, torch.eye(3) + 0.2])
    return {
        **dict.fromkeys(("loc", "mean", "low"), rows - 1),
        **dict.fromkeys(("scale", "rate", "df", "concentration", "df1", "df2"), rows + 0.1),
        **dict.fromkeys(("concentration0", "concentration1", "alpha"), rows + 0.5),
        **{"high": rows + 1.5, "probs": rows / 2.5, "temperature": torch.tensor(0.7)},
        **{"total_count": torch.tensor([[3.0], [5.0]]), "covariance_matrix": square, "dim": 3},
        **{"cov_factor": square[..., :2] / 2, "cov_diag": rows, "scale_tril": square.tril()},
    }


OWN: dict[str, dict[str, Any]] = {
    "Multinomial": {"total_count": 4, "probs": make_values()["probs"]},
    "MultivariateNormal": {"covariance_matrix": make_values()["covariance_matrix"]},
    "Wishart": {
        "df": torch.tensor([3.5, 4.5]),
        "covariance_matrix": make_values()["covariance_matrix"],
    },
    "LKJCholesky": {"dim": 3, "concentration": torch.tensor([0.7, 1.5])},
    "Pareto": {"scale": torch.tensor([1.0, 0.5, 0.2]), "alpha": torch.tensor([3.0, 4.0, 2.5])},
    "VonMises": {"loc": torch.tensor([0.3, -1.0]), "concentration": torch.tensor([1.5, 0.4])},
    "StudentT": {"df": torch.tensor([1.5, 2.5, 0.7]), "loc": torch.tensor([0.2, 1.0, 0.0])},
    "FisherSnedecor": {"df1": torch.tensor([1.5, 3.0]), "df2": torch.tensor([5.0, 2.5])},
}
"""What suits a distribution better than the values of the names of its parameters."""


def make_distribution(name: str, **options: Any) -> Any:
    """Return a distribution with values that need gradients."""
    kinds, values = torch.distributions, make_values()
    normal = kinds.Normal(values["loc"], values["scale"])
    if name == "Independent":
        return kinds.Independent(normal, 1, **options)
    if name == "TransformedDistribution":
        parts = [kinds.AffineTransform(0.5, 2.0), kinds.SigmoidTransform()]
        return kinds.TransformedDistribution(normal, parts, **options)
    if name == "MixtureSameFamily":
        mixed = kinds.Categorical(probs=values["probs"])
        return kinds.MixtureSameFamily(mixed, normal, **options)
    kind = getattr(kinds, name)
    own = {**OWN.get(name, {})}
    if not own:
        names = [each for each in inspect.signature(kind).parameters if each in values]
        own = {each: values[each] for each in names}
        if {"probs", "logits"} & set(options):
            own.pop("probs", None)
    if name in ("MultivariateNormal", "LowRankMultivariateNormal"):
        own["loc"] = values["loc"]
    own = {key: grow(value) for key, value in own.items()}
    return kind(**{**own, **options})


def grow(value: Any) -> Any:
    """Return a copy of a tensor that needs gradients."""
    return value.clone().requires_grad_() if isinstance(value, torch.Tensor) else value


def describe(name: str, **options: Any) -> Any:
    """Return samples of a distribution, all that it tells, its gradients, and a larger one."""
    made = make_distribution(name, **options)
    told: list[Any] = [repr(made)[:60], [*made.arg_constraints]]
    for method, shape in itertools.product(("sample", "rsample"), ((), (2,))):
        pool.set_seeds()
        told.append(tell_refusal(getattr(made, method), torch.Size(shape)))
    for each in ASKED:
        given = tell_refusal(getattr, made, each, None)
        told.append(
            tell_refusal(given)
            if callable(given) and each != "support"
            else str(given)
            if each == "support"
            else given
        )
    drawn = told[2]
    for value in (drawn, told[3], *(torch.full_like(drawn, place) for place in PLACES)):
        for method in ("log_prob", "cdf"):
            told.append(tell_refusal(getattr(made, method), value))
    told.append(tell_refusal(made.icdf, torch.tensor([[0.1], [0.8]]).expand(2, 3)))
    for shape in ((4, *made.batch_shape), (2,)):
        larger = tell_refusal(made.expand, torch.Size(shape))
        told.append(
            larger
            if isinstance(larger, str)
            else [larger.batch_shape, larger.mean, tell_refusal(larger.log_prob, drawn)]
        )
    scored = tell_refusal(made.log_prob, drawn.detach())
    if isinstance(scored, torch.Tensor) and scored.requires_grad:
        grads = [
            v
            for v in vars(made).values()
            if isinstance(v, torch.Tensor) and v.is_leaf and v.requires_grad
        ]
        told.append(torch.autograd.grad(scored.sum(), grads, allow_unused=True))
    bad = {each: torch.tensor(-3.0) for each in made.arg_constraints}
    told += [tell_refusal(type(made), **{key: value}) for key, value in bad.items()]
    return collect_leaves(told)


def list_distributions() -> list[str]:
    """Return a call for each distribution, also with scores in place of chances."""
    found = []
    for name, kind in vars(torch.distributions).items():
        if inspect.isclass(kind) and issubclass(kind, torch.distributions.Distribution):
            found += [name] if kind not in ABSTRACT else []
            if "logits" in inspect.signature(kind).parameters:
                found.append(f"'{name}',logits=$x")
    return found


ABSTRACT = (torch.distributions.Distribution, torch.distributions.ExponentialFamily)


def compare(name: str) -> Any:
    """Return how far a distribution is from each other one that it can be compared with."""
    kinds = torch.distributions
    first = make_distribution(name)
    told: list[Any] = []
    for other in [each for each in list_distributions() if "=" not in each]:
        second = make_distribution(other)
        matching = kinds.kl._dispatch_kl(type(first), type(second))
        if matching is not NotImplemented:
            moved = second.expand(torch.Size((2, *second.batch_shape)))
            given = tell_refusal(kinds.kl_divergence, first, second)
            told.append([other, given, tell_refusal(kinds.kl_divergence, first, moved)])
    narrow = first.__class__.__name__
    if narrow in (
        "Uniform",
        "Normal",
        "Beta",
        "Gamma",
        "Laplace",
        "Gumbel",
        "Exponential",
        "Pareto",
    ):
        values = {key: getattr(first, key) * 0.7 + 0.2 for key in first.arg_constraints}
        told.append(tell_refusal(kinds.kl_divergence, first, type(first)(**values)))
        told.append(tell_refusal(kinds.kl_divergence, type(first)(**values), first))
    return collect_leaves(told)


TRANSFORMS: dict[str, tuple[Any, ...]] = {
    "AffineTransform": (0.5, torch.tensor([2.0, -1.0, 0.3])),
    "PowerTransform": (torch.tensor([0.5, 2.0, 1.5]),),
    "ReshapeTransform": ((3,), (1, 3)),
    "SoftmaxTransform": (),
    "CumulativeDistributionTransform": (torch.distributions.Normal(0.3, 2.0),),
}


def make_transform(name: str, **options: Any) -> Any:
    """Return a transform of a kind."""
    kinds = torch.distributions.transforms
    parts = [kinds.ExpTransform(), kinds.AffineTransform(1.0, 2.0), kinds.SigmoidTransform()]
    joined: dict[str, Any] = {
        "ComposeTransform": (parts,),
        "IndependentTransform": (parts[2], 1),
        "CatTransform": (parts, -1, [1, 1, 1]),
        "StackTransform": (parts, -1),
    }
    return getattr(kinds, name)(*joined.get(name, TRANSFORMS.get(name, ())), **options)


def transform(name: str, **options: Any) -> Any:
    """Return what a transform makes, its inverse, the size of its changes, and its parts."""
    made = make_transform(name, **options)
    told: list[Any] = [made.bijective, repr(made)[:40], str(made.domain), str(made.codomain)]
    told += [made.domain.event_dim, made.codomain.event_dim, tell_refusal(getattr, made, "sign")]
    values = (pool.make_value("$unit") + 0.1, pool.make_value("$x"), pool.make_value("$positive"))
    for value in values:
        value.requires_grad_()
        given = tell_refusal(made, value)
        told.append(given)
        if isinstance(given, str):
            continue
        told += [
            tell_refusal(made.log_abs_det_jacobian, value, given),
            tell_refusal(made.inv, given),
        ]
        told += [tell_refusal(made.inv.log_abs_det_jacobian, given, value)]
        told += [
            tell_refusal(made.forward_shape, value.shape),
            tell_refusal(made.inverse_shape, given.shape),
        ]
        given.square().sum().backward()
        told += [value.grad, made.inv.inv is made, made == make_transform(name, **options)]
    cached = tell_refusal(made.with_cache, 1)
    told.append(cached if isinstance(cached, str) else cached(values[0]) is cached(values[0]))
    return collect_leaves(told)


def check_constraints() -> Any:
    """Return which values each constraint takes, and where its transform leads."""
    limits = torch.distributions.constraints
    told: list[Any] = []
    made = {"interval": (0.0, 1.0), "half_open_interval": (0.0, 1.0), "integer_interval": (0, 2)}
    made |= {"greater_than": (0.5,), "greater_than_eq": (0.5,), "less_than": (0.5,)}
    kinds = [getattr(limits, name) for name in limits.__all__]
    kinds = [
        made.get(n, each) if n in made else each
        for n, each in zip(limits.__all__, kinds, strict=True)
    ]
    numbers = torch.tensor([[0.2, 0.3, 0.5], [1.0, 0.0, 0.0], [-1.0, 2.0, 0.5]])
    squares = (
        torch.eye(3),
        numbers,
        numbers @ numbers.T + torch.eye(3),
        numbers.tril().abs() + torch.eye(3),
    )
    for name, kind in zip(limits.__all__, kinds, strict=True):
        one = getattr(limits, name)(*kind) if isinstance(kind, tuple) else kind
        if not isinstance(one, limits.Constraint):
            continue
        told += [name, one.is_discrete, one.event_dim]
        told += [tell_refusal(one.check, each) for each in squares]
        for registry in (torch.distributions.biject_to, torch.distributions.transform_to):
            leads = tell_refusal(registry, one)
            told.append(leads if isinstance(leads, str) else tell_refusal(leads, numbers))
    joined = limits.cat([limits.positive, limits.unit_interval], -1, [1, 2])
    stacked = limits.stack([limits.positive, limits.real, limits.boolean], -1)
    for one in (joined, stacked, limits.independent(limits.positive, 1)):
        told += [one.check(numbers), tell_refusal(torch.distributions.transform_to, one)]
    return collect_leaves(told[:3] + [each for each in told[3:] if not callable(each)])


def list_transforms() -> list[str]:
    """Return the names of the transforms."""
    kinds = vars(torch.distributions.transforms)
    base = torch.distributions.Transform
    return [
        name
        for name, kind in kinds.items()
        if inspect.isclass(kind) and issubclass(kind, base) and kind is not base and name[0] != "_"
    ]


OF_DISTRIBUTIONS = (
    Family(describe, list_distributions, lambda _: {}),
    Family(
        compare,
        lambda: [each for each in list_distributions() if "=" not in each],
        lambda _: {},
    ),
    Family(transform, list_transforms, lambda _: {"cache_size": 0}),
    Family(check_constraints, lambda: [""], lambda _: {}),
)
