"""Programs with the distributions, transforms and constraints of PyTorch."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Iterable
from typing import Any

import torch

from ... import pool
from ..families import Family
from ..telling import attempt

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


def move_value(name: str, value: Any) -> Any:
    """Return a parameter of another distribution of the same kind."""
    if name in ("low", "high"):
        return value + (0.3 if name == "high" else -0.2)
    if name == "probs":
        return value**1.5
    return value * 0.8 if isinstance(value, torch.Tensor) and name != "total_count" else value


def make_parameters(name: str, options: Iterable[str] = (), moved: bool = False) -> dict[str, Any]:
    """Return the parameters of a distribution, which need gradients."""
    kinds, values = torch.distributions, make_values()
    if moved:
        values = {key: move_value(key, value) for key, value in values.items()}
    normal = kinds.Normal(values["loc"], values["scale"])
    if name == "Independent":
        return {"base_distribution": normal, "reinterpreted_batch_ndims": 1}
    if name == "TransformedDistribution":
        parts = [kinds.AffineTransform(0.5, 2.0), kinds.SigmoidTransform()]
        return {"base_distribution": normal, "transforms": parts}
    if name == "MixtureSameFamily":
        mixed = kinds.Categorical(probs=values["probs"])
        return {"mixture_distribution": mixed, "component_distribution": normal}
    own = {key: move_value(key, each) if moved else each for key, each in OWN.get(name, {}).items()}
    if not own:
        names = inspect.signature(getattr(kinds, name)).parameters
        own = {each: values[each] for each in names if each in values}
    if "logits" in options:
        own.pop("probs", None)
        own |= {"total_count": 5} if "total_count" in own else {}
    if name in ("MultivariateNormal", "LowRankMultivariateNormal"):
        own["loc"] = values["loc"]
    return {
        key: each.clone().requires_grad_() if isinstance(each, torch.Tensor) else each
        for key, each in own.items()
    }


def make_distribution(name: str, moved: bool = False) -> Any:
    """Return a distribution of a kind."""
    return getattr(torch.distributions, name)(**make_parameters(name, moved=moved))


def describe(name: str, **options: Any) -> Any:
    """Return samples of a distribution, all that it tells, its gradients, and a larger one."""
    own = make_parameters(name, options)
    made = getattr(torch.distributions, name)(**{**own, **options})
    results: list[Any] = [repr(made)[:60], [*made.arg_constraints]]
    for method, shape in itertools.product(("sample", "rsample"), ((), (2,))):
        pool.set_seeds()
        results.append(attempt(getattr(made, method), torch.Size(shape)))
    for each in ASKED:
        given = attempt(getattr, made, each, None)
        given = attempt(given) if inspect.ismethod(given) else given
        results.append(str(given) if each == "support" else given)
    drawn = results[2]
    for value in (drawn, results[3], *(torch.full_like(drawn, place) for place in PLACES)):
        for method in ("log_prob", "cdf"):
            results.append(attempt(getattr(made, method), value))
    results.append(attempt(made.icdf, torch.tensor([[0.1], [0.8]]).expand(2, 3)))
    for shape in ((4, *made.batch_shape), (2,)):
        larger = attempt(made.expand, torch.Size(shape))
        wanted = ("batch_shape", "mean", "variance")
        results.append([attempt(getattr, larger, each) for each in wanted])
        results.append(attempt(lambda one: one.log_prob(drawn), larger))
    grown = [each for each in own.values() if isinstance(each, torch.Tensor) and each.requires_grad]
    scored = attempt(made.log_prob, drawn.detach())
    if isinstance(scored, torch.Tensor) and scored.requires_grad and grown:
        results.append(
            torch.autograd.grad(scored.sum(), grown, allow_unused=True, retain_graph=True)
        )
    if isinstance(results[4], torch.Tensor) and results[4].requires_grad and grown:
        results.append(torch.autograd.grad(results[4].sum(), grown, allow_unused=True))
    for key in made.arg_constraints:
        bad = {**own, key: torch.tensor(-3.0)}
        results.append(str(attempt(type(made), **bad))[:10])
    return results


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
    first, results = make_distribution(name), []
    for other in [each for each in list_distributions() if "=" not in each]:
        matching = kinds.kl._dispatch_kl(type(first), getattr(kinds, other))
        if matching is not NotImplemented:
            second = make_distribution(other, True)
            given = attempt(kinds.kl_divergence, first, second)
            results.append([other, given, attempt(kinds.kl_divergence, second, first)])
            same = attempt(kinds.kl_divergence, make_distribution(other), first)
            results.append([same, attempt(kinds.kl_divergence, second, second)])
    return results


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
    results: list[Any] = [made.bijective, repr(made)[:40], str(made.domain), str(made.codomain)]
    results += [made.domain.event_dim, made.codomain.event_dim, attempt(getattr, made, "sign")]
    values = (pool.make_value("$unit") + 0.1, pool.make_value("$x"), pool.make_value("$positive"))
    for value in values:
        value.requires_grad_()
        given = attempt(made, value)
        results.append(given)
        if isinstance(given, str):
            continue
        results += [attempt(made.log_abs_det_jacobian, value, given), attempt(made.inv, given)]
        results += [attempt(made.inv.log_abs_det_jacobian, given, value)]
        results += [
            attempt(made.forward_shape, value.shape),
            attempt(made.inverse_shape, given.shape),
        ]
        given.square().sum().backward()
        results += [value.grad, made.inv.inv is made, made == make_transform(name, **options)]
    cached = attempt(made.with_cache, 1)
    results.append(attempt(lambda: cached(values[0]) is cached(values[0])))
    return results


LIMITS: dict[str, tuple[float, ...]] = {
    **{"interval": (0.0, 1.0), "half_open_interval": (0.0, 1.0), "integer_interval": (0, 2)},
    **{"greater_than": (0.5,), "greater_than_eq": (0.5,), "less_than": (0.5,)},
}


def check_constraints() -> Any:
    """Return which values each constraint takes, and what its transform makes."""
    limits = torch.distributions.constraints
    results: list[Any] = []
    kinds = [getattr(limits, name) for name in limits.__all__]
    kinds = [LIMITS.get(n, each) for n, each in zip(limits.__all__, kinds, strict=True)]
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
        results += [name, *(attempt(getattr, one, each) for each in ("is_discrete", "event_dim"))]
        results += [attempt(one.check, each) for each in squares]
        for registry in (torch.distributions.biject_to, torch.distributions.transform_to):
            leads = attempt(registry, one)
            results.append(leads if isinstance(leads, str) else attempt(leads, numbers))
    joined = limits.cat([limits.positive, limits.unit_interval], -1, [1, 2])
    stacked = limits.stack([limits.positive, limits.real, limits.boolean], -1)
    for one in (joined, stacked, limits.independent(limits.positive, 1)):
        results += [one.check(numbers), attempt(torch.distributions.transform_to, one)]
    return results[:3] + [each for each in results[3:] if not callable(each)]


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
        compare, lambda: [each for each in list_distributions() if "=" not in each], lambda _: {}
    ),
    Family(transform, list_transforms, lambda _: {"cache_size": 0}),
    Family(check_constraints, lambda: [""], lambda _: {}),
)
