"""Every function with a derivative inside of `vmap` and `jacobian`, by the rows of the coverage table: one law each."""

import numpy as np
import pytest

import tinygrad_dl as tg
from tests.coverage.examples import CASES
from tests.rows import every_function
from tinygrad_dl import pytree
from tinygrad_dl.batching import batched
from tinygrad_dl.core import registry
from tinygrad_dl.functional import jacobians


def samples(case, count=3):
    return [np.stack([x * (1 + 0.001 * i) for i in range(count)], axis=-1) for x in case.arrays()]


@every_function(quick=None)
def test_vmap_gives_what_a_loop_gives(case):
    many = samples(case)
    found = tg.vmap(case.call, in_axes=-1)(*many)
    rows = [case.call(*[x[..., i] for x in many]) for i in range(3)]
    for ours, loop in zip(
        pytree.leaves(found), map(np.stack, zip(*map(pytree.leaves, rows), strict=True)), strict=True
    ):
        assert ours.dtype == loop.dtype
        np.testing.assert_allclose(ours, loop, rtol=1e-10, atol=1e-12)


@every_function(share=2)
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


@every_function(share=2)
def test_a_jacobian_has_one_pullback_a_row_and_one_pushforward_a_column(case):
    """All rows at once, row by row, and in forward mode."""
    arrays = case.arrays()
    jacobian = tg.jacobian(case.call, tuple(range(len(arrays))))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jacobians, "FORWARD_RATIO", np.inf)
        at_once = list(pytree.leaves(jacobian(*arrays)))
        patch.setattr(jacobians, "FORWARD_RATIO", 0)
        forward = list(pytree.leaves(jacobian(*arrays)))
    value, pullback = tg.vjp(case.call, *arrays)
    outputs = list(pytree.leaves(value))
    rows = []
    for k, y in enumerate(outputs):
        seeds = [np.reshape(u, y.shape) for u in np.eye(y.size)]
        pulled = [
            pullback(pytree.unflatten(value, [u if j == k else None for j in range(len(outputs))])) for u in seeds
        ]
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


SQUARES = np.arange(12.0).reshape(3, 2, 2) ** 2 / 10 - 3
NUMBERS = np.array([[1, -1], [0, 5], [-2, 1]])
PADDED = [
    lambda x: np.pad(x, {0: (1, 1)}, constant_values=5.0),
    lambda x: np.pad(x, {-1: 1, 0: (0, 2)}, mode="linear_ramp", end_values=2.0),
    lambda x: np.pad(x, {1: (2, 0)}, mode="mean", stat_length=1),
]
KEYWORDS = [
    *(PADDED if np.lib.NumpyVersion(np.__version__) >= "2.3.0" else []),  # which brought widths by axis
    lambda x: np.pad(x, ((1, 0), (0, 2)), constant_values=((1.0, 2.0), (3.0, 4.0))),
    lambda x: np.ones_like(x, shape=(2,)) * x,
    lambda x: np.zeros_like(x, dtype=np.float32) + x[0],
    lambda x: np.full_like(x, x[0, 0]),
    lambda x, i: np.take(x, i, axis=1, mode="clip"),
    lambda x, i: np.take(x, i, mode="wrap"),
    lambda x, i: np.take(x, np.array([0, 9]), mode="clip") + i,
    lambda x: np.trapezoid(x, np.array([[0.0, 1.0], [3.0, 5.0]]), axis=0),
    lambda x: np.trapezoid(x, np.array([0.0, 4.0]), axis=0),
    lambda x: np.trapezoid(x, dx=2.0),
    lambda x: np.gradient(x, axis=(1,))[0],
    lambda x: np.stack(np.gradient(x, 2.0, 3.0)),
    lambda x: np.gradient(x, np.array([0.0, 3.0]), axis=0),
    lambda x: np.sum(x, axis=(0, -1), keepdims=True, initial=3.0),
    lambda x: np.max(x, axis=1, where=np.array([True, False]), initial=-9.0),
    lambda x: np.var(x, axis=0, ddof=1, mean=np.ones((1, 2))),
    lambda x: np.quantile(x, [0.2, 0.7], axis=0, keepdims=True),
    lambda x: np.roll(x, (1, 1), axis=(0, 1)) + np.roll(x, 1),
    lambda x: np.diff(x, prepend=1.0, append=x[:, :1]),
    lambda x: np.repeat(x, [1, 2], axis=-1),
    lambda x: np.cumsum(x) + np.cumsum(x, axis=-1).sum(),
    lambda x: np.linalg.norm(x, axis=0) + np.linalg.norm(x, "nuc"),
    lambda x: np.moveaxis(x, 0, -1) @ np.expand_dims(x, (0, 2))[0, :, 0],
    lambda x: np.add.reduce(x, axis=None) + np.maximum.accumulate(x, axis=1),
    lambda x: np.einsum("ij,kj->ik", x, np.ones((3, 2))) + np.tensordot(x, np.ones((2, 3)), axes=1),
    lambda x: np.fft.fftn(x, s=(4,), axes=(0,)).real + np.fft.rfft(x, 4, axis=0).imag.sum(),
    lambda x, i: x[i, 0] + x[0, i] + x[:, i].sum(axis=0),
    lambda x, i: np.take_along_axis(x, i[None] % 2, axis=0),
]


@pytest.mark.parametrize("f", KEYWORDS, ids=range(len(KEYWORDS)))
@pytest.mark.parametrize("count", [1, 2, 3])
def test_with_any_keyword_vmap_gives_what_a_loop_gives(f, count):
    """Whatever the number of samples, which may be the length of another axis."""
    clipped = "take" in f.__code__.co_names  # an index may lie outside
    args = [SQUARES[:count], (NUMBERS if clipped else NUMBERS % 2)[:count]][: f.__code__.co_argcount]
    expected = tg.vmap(f, loop=True)(*args)
    np.testing.assert_allclose(tg.vmap(f)(*args), expected, rtol=1e-12)
    gradient = tg.grad(lambda x, *rest: np.sum(tg.vmap(f)(x, *rest) ** 2))(*args)
    by_loop = tg.grad(lambda x, *rest: np.sum(tg.vmap(f, loop=True)(x, *rest) ** 2))(*args)
    np.testing.assert_allclose(gradient, by_loop, rtol=1e-10, atol=1e-10)
