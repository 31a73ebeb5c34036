"""The gradients that a function claims, judged quickly where they are clearly wrong, and the causes of these."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..gradcheck.causes import causes_of, causes_of_pullback, names_of_ratio, near, ratio_of
from ..repair import numeric_gradient
from .judging import Gradients, Judgement
from .judging import merged as merged_judgements
from .loading import UserFile
from .repairs import repairs_and
from .screening import careful

STRENGTH = r"(?i)_?lambd|lam|lmbda|reg|l2|alpha|decay"  # how the strength of the regularisation is called


class Claimed:
    """A function of arguments by name, with its claimed gradients for those of them that are `wanted`."""

    everything: dict[str, Any]
    function: Any
    pull: Any
    wanted: list[str]

    def __init__(
        self, names: Sequence[str], values: Sequence[Any], value: Any, gradients: Gradients, wanted: Sequence[str]
    ):
        self.everything, self.function, self.pull = dict(zip(names, values, strict=True)), value, gradients
        self.wanted = list(wanted)

    def names(self) -> list[str]:
        """The names of the wanted arguments."""
        return self.wanted

    def values(self) -> list[Any]:
        """Their values."""
        return [self.everything[n] for n in self.wanted]

    def value(self, *values: Any) -> np.ndarray:
        """The value for these arguments, with the others as they are."""
        return self.function(*self._all(values))

    def gradients(self, g: np.ndarray, values: Sequence[Any]) -> dict[str, Any]:
        """The claimed gradients, by argument."""
        return dict(self.pull(g, self._all(values)))

    def _all(self, values: Sequence[Any]) -> list[Any]:
        return list({**self.everything, **dict(zip(self.wanted, values, strict=True))}.values())


@dataclass
class Explained(Judgement):
    """A judgement on a claim, with the causes of wrong gradients by argument, as their numbers show them."""

    causes: Mapping[str, Sequence[str]] = field(default_factory=dict)
    claim: Claimed | None = None


def judge_and_explain(
    title: str, claim: Claimed, sizes: Mapping[str, int], small: float = 0.0, progress: bool = False
) -> Explained:
    """Compare the gradients of a claim with differences, and name the causes of the wrong ones.

    `sizes` are m, the number of samples, and other numbers that a gradient may be off by.
    """
    given = claim.gradients(np.ones_like(np.asarray(claim.value(*claim.values()), dtype=float)), claim.values())
    missing = tuple(n for n in claim.wanted if given.get(n) is None)
    there = Claimed(
        list(claim.everything),
        list(claim.everything.values()),
        claim.function,
        claim.pull,
        [n for n in claim.wanted if n not in missing],
    )
    judgement, wrong = careful(title, there, there.wanted, small, progress)
    others = {name: size for name, size in sizes.items() if name != "m"}
    causes = {n: _causes(there, n, part, truth, sizes.get("m", 0), others) for n, (part, truth) in wrong.items()}
    return Explained(judgement.reports, (*judgement.missing, *missing), judgement.notes, causes, there)


def all_causes(file: UserFile, judged: Explained) -> Mapping[str, Sequence[str]]:
    """The causes of wrong gradients by argument: the changes of the code that make all of them right come first."""
    claim = judged.claim
    return repairs_and(judged.causes, file, lambda: claim) if claim is not None else judged.causes


def merged(first: Explained, second: Explained, note: str) -> Explained:
    """Two judgements on the same gradients as one, see `judging.merged`."""
    both = merged_judgements(first, second, note)
    claim = first.claim if first.causes else second.claim
    return Explained(both.reports, both.missing, both.notes, {**second.causes, **first.causes}, claim)


def _causes(
    claim: Claimed, name: str, part: np.ndarray, truth: np.ndarray, samples: int, sizes: Mapping[str, int]
) -> tuple[str, ...]:
    values = claim.values()
    i = claim.wanted.index(name)
    ans = np.asarray(claim.value(*values), dtype=float)
    if not ans.ndim:
        return _of_regularised(claim, name, part, truth, samples) or causes_of(
            part, truth, samples=samples, sizes=sizes
        )

    def pull(g: np.ndarray) -> Any:
        return claim.gradients(g, values)[name]

    def differentiate(g: np.ndarray) -> np.ndarray:
        return numeric_gradient(lambda *v: float(np.sum(g * claim.value(*v))), values, i)

    rng = np.random.default_rng(3)
    g = rng.uniform(0.5, 1.5, ans.shape) * rng.choice([-1, 1], ans.shape)
    return causes_of_pullback(pull, differentiate, g, samples=samples, sizes=sizes, x=values[i], ans=ans)


def _of_regularised(claim: Claimed, name: str, part: np.ndarray, truth: np.ndarray, samples: int) -> tuple[str, ...]:
    """The causes of a gradient that is a sum of a term of the data and one of the regularisation, one of them wrong."""
    strengths = [n for n, v in claim.everything.items() if isinstance(v, (int, float)) and re.match(STRENGTH, n)]
    if part.shape != truth.shape or len(strengths) != 1:
        return ()
    plain = Claimed(
        list(claim.everything),
        list({**claim.everything, strengths[0]: 0.0}.values()),
        claim.function,
        claim.pull,
        claim.wanted,
    )
    i = claim.wanted.index(name)
    data = numeric_gradient(lambda *v: float(plain.value(*v)), plain.values(), i)
    penalty = truth - data
    if near(part + penalty, truth):
        return ("regularisation: its term is missing in the gradient",)
    if (ratio := ratio_of(part - data, penalty)) is not None:
        called = names_of_ratio(ratio, samples) or [f"it is {ratio:.4g} times the right one"]
        return tuple(f"regularisation, in its term: {cause}" for cause in called)
    if (ratio := ratio_of(part - penalty, data)) is not None:
        called = names_of_ratio(ratio, samples) or [f"it is {ratio:.4g} times the right one"]
        return tuple(f"{cause}, in the term of the data alone" for cause in called)
    if near(plain.gradients(np.ones(()), plain.values())[name], data):
        return ("regularisation: its term is wrong, in some elements such as those of the bias",)
    return causes_of(plain.gradients(np.ones(()), plain.values())[name], data, samples=samples)
