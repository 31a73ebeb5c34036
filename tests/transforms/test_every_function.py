"""Every function with a derivative inside of `vmap` and `jacobian`, by the rows of the coverage table: one law each."""

import numpy as np
import pytest

import tinygrad_dl as tg
from tinygrad_dl import pytree, registry
from tinygrad_dl.batching import batched
from tinygrad_dl.coverage.examples import CASES
from tinygrad_dl.transforms import jacobians

every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def samples(case, count=3):
    return [np.stack([x * (1 + 0.001 * i) for i in range(count)], axis=-1) for x in case.arrays()]


@every_case
def test_vmap_gives_what_a_loop_gives(case):
    many = samples(case)
    found = tg.vmap(case.call, in_axes=-1)(*many)
    rows = [case.call(*[x[..., i] for x in many]) for i in range(3)]
    for ours, loop in zip(
        pytree.leaves(found), map(np.stack, zip(*map(pytree.leaves, rows), strict=True)), strict=True
    ):
        assert ours.dtype == loop.dtype
        np.testing.assert_allclose(ours, loop, rtol=1e-10, atol=1e-12)


@every_case
def test_gradients_inside_of_vmap_are_those_of_each_sample(case):
    def total(*args):
        return sum(np.sum(np.real(y) ** 2) for y in pytree.leaves(case.call(*args)) if np.result_type(y).kind in "fc")

    many = samples(case)
    argnums = tuple(range(len(many)))
    found = tg.vmap(tg.grad(total, argnums), in_axes=-1)(*many)
    for i in range(3):
        alone = tg.grad(total, argnums)(*[x[..., i] for x in many])
        for ours, one in zip(found, alone, strict=True):
            np.testing.assert_allclose(ours[i], one, rtol=1e-8, atol=1e-10)


@every_case
def test_a_jacobian_has_one_pullback_a_row_and_one_pushforward_a_column(case, monkeypatch):
    """All rows at once, row by row, and in forward mode."""
    arrays = case.arrays()
    jacobian = tg.jacobian(case.call, tuple(range(len(arrays))))
    monkeypatch.setattr(jacobians, "FORWARD", np.inf)
    at_once = list(pytree.leaves(jacobian(*arrays)))
    monkeypatch.setattr(jacobians, "FORWARD", 0)
    forward = list(pytree.leaves(jacobian(*arrays)))
    value, pullback = tg.vjp(case.call, *arrays)
    outputs = list(pytree.leaves(value))
    rows = []
    for k, y in enumerate(outputs):
        seeds = [np.reshape(u, y.shape) for u in np.eye(y.size)]
        pulled = [pullback(pytree.rebuilt(value, [u if j == k else None for j in range(len(outputs))])) for u in seeds]
        columns = zip(*pulled, strict=True) if pulled else [()] * len(arrays)
        rows += [np.reshape(column, (*y.shape, *x.shape)) for column, x in zip(columns, arrays, strict=True)]
    for ours, pushed, row in zip(at_once, forward, rows, strict=True):
        np.testing.assert_allclose(ours, row, rtol=1e-9, atol=1e-11)
        np.testing.assert_allclose(pushed, row, rtol=1e-8, atol=1e-9)


def test_common_functions_are_computed_for_all_samples_at_once_and_most_calls_of_the_others(monkeypatch):
    one_by_one, cases = batched._one_by_one, []
    for case in CASES:
        called = []
        monkeypatch.setattr(
            batched, "_one_by_one", lambda level, f, *rest, c=called: c.append(f) or one_by_one(level, f, *rest)
        )
        tg.vmap(case.call, in_axes=-1)(*samples(case))
        cases += [case] * bool(called)
    common = "sum mean where reshape transpose concatenate sort cumsum clip std add tanh linalg.solve fft.fft"
    slow = {registry.name_of(case.function) for case in cases}
    assert not slow & {f"np.{name}" for name in common.split()}
    assert len(cases) < len(CASES) / 4
