"""Scale and memory: long, deep and wide graphs, and a thousand steps that leave nothing behind.

The garbage collector is off throughout: what is not freed at once, by counting references, is counted as a leak.
"""

import gc
import sys
import tracemalloc

import numpy as np
import pytest

import tinygrad_dl as tg

pytestmark = pytest.mark.usefixtures("no_gc")


# ---- a thousand steps


@tg.primitive
def polar(z):
    return np.hypot(z[0], z[1]), np.arctan2(z[1], z[0])


def _polar_vjp(g, ans, z):
    (g_r, g_t), (r, _) = g, ans
    x, y = z
    parts = [np.zeros_like(z)]
    if g_r is not None:
        parts.append(g_r * np.stack([x, y]) / r)
    if g_t is not None:
        parts.append(g_t * np.stack([-y, x]) / r**2)
    return sum(parts)


tg.defvjp(polar, _polar_vjp)


@tg.primitive
def refused(x):
    return x * 1


def _refuse(g, ans, x):
    raise ZeroDivisionError


tg.defvjp(refused, _refuse)

W = tg.parameter(np.linspace(0.5, 1.5, 300).reshape(2, 150), name="W")
NET = tg.nn.mlp([3, 40, 2], rng=np.random.default_rng(0))
ADAM = tg.optim.Adam(NET.parameters(), learning_rate=1e-6)


def training():
    ADAM.zero_grad()
    loss = tg.nn.softmax_cross_entropy(NET(np.ones((3, 50))), np.zeros(50, int))
    loss.backward()
    ADAM.step()


def debugging():
    with tg.debug():
        training()


def failing():
    y = refused(np.exp(W))
    with pytest.raises(ZeroDivisionError):
        np.sum(y).backward()
    with pytest.raises(TypeError):
        np.asarray(y)
    with pytest.raises(FloatingPointError), tg.debug(), np.errstate(all="ignore"):
        np.log(W * 0)


def naming():
    y = np.exp(W)
    y.name = "y"
    return tg.gradients(np.sum(y * y), tg.named_tensors(y)["y"])


def transforms():
    def f(x):
        return np.sum(np.tanh(x) ** 2)

    tg.grad(tg.grad(lambda t: f(t * W.data)))(0.3)
    tg.jvp(f, (W.data,), (W.data,))
    value, pullback = tg.vjp(np.exp, W.data)
    pullback(value)


STEPS = {
    "training": training,
    "debug mode": debugging,
    "errors": failing,
    "names": naming,
    "gradients of gradients": lambda: tg.gradients(
        np.sum(tg.gradients(np.sum(np.exp(W) @ W.T), W, create_graph=True) ** 2), W
    ),
    "transforms": transforms,
    "several outputs": lambda: tg.gradients(np.sum(polar(W)[0] * polar(W)[1]), W, create_graph=True),
    "several outputs of NumPy": lambda: tg.gradients(np.sum(np.linalg.eigh(W @ W.T)[1] ** 3), W),
    "a joint rule": lambda: tg.gradients(np.sum(np.linalg.solve(W @ W.T + np.eye(2), W)), W, create_graph=True),
    "lists": lambda: tg.gradients(np.sum(np.stack([row * 2 for row in W.T[:9]])), W),
    "no_grad": tg.no_grad()(lambda: np.sum(np.exp(W) ** 2)),
}


@pytest.mark.parametrize("what", STEPS)
def test_a_thousand_steps_leave_nothing_behind(what, deep):
    step = STEPS[what]
    peaks, counts = [], []
    for _ in range(20):  # caches fill
        step()
    if deep:
        tracemalloc.start()  # which takes time
    try:
        for _ in range(5):
            tracemalloc.reset_peak()
            for _ in range(200 if deep else 20):
                step()
            peaks.append(tracemalloc.get_traced_memory()[1])
            counts.append(len(gc.get_objects()))
    finally:
        tracemalloc.stop()
    assert max(counts) - min(counts) < 50, counts
    assert max(peaks) - min(peaks) < 500_000, peaks  # Python keeps some of what is freed; an array a step were more


# ---- long, deep, wide


@pytest.fixture
def shallow_stack():
    """So few frames that whatever calls itself once for each of a hundred operations fails."""
    frame, depth = sys._getframe(), 0
    while frame is not None:
        frame, depth = frame.f_back, depth + 1
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(depth + 80)
    yield
    sys.setrecursionlimit(before)


@pytest.mark.usefixtures("shallow_stack")
@pytest.mark.parametrize(
    ("step", "slope"),
    [
        (lambda y: y * 1.000001, 1.000001),
        (lambda y: y + 0.0, 1.0),
        (lambda y: np.positive(y), 1.0),
        (lambda y: y.reshape(1)[0], 1.0),
        (lambda y: np.sum(np.stack([y, 0.0])), 1.0),
        (lambda y: polar(np.stack([y, 0.0]))[0], 1.0),
        (lambda y: tg.nn.fused.affine(y.reshape(1, 1), np.eye(1), np.zeros((1, 1))).reshape(()), 1.0),
    ],
    ids=["*", "+", "function", "views", "stack", "outputs", "fused"],
)
def test_a_chain_has_its_derivative_however_long_and_goes_away(step, slope, deep):
    n = 100_000 if step(tg.parameter(1.0))._function in (np.multiply, np.add) else 5_000
    n = n if deep else n // 5
    x = y = tg.parameter(1.0)
    for _ in range(n):
        y = step(y)
    tg.backward(y)
    np.testing.assert_allclose(x.grad, slope**n, rtol=1e-9)
    del y


@pytest.mark.usefixtures("shallow_stack")
def test_a_chain_of_gradients_of_gradients_goes_away_too():
    x = y = tg.parameter(1.0)
    for _ in range(5_000):
        y = np.sin(y)
    g = tg.gradients(y, x, create_graph=True)
    assert np.isfinite(tg.gradients(g, x))
    del y, g


def test_memory_grows_with_the_length_of_a_chain_and_comes_back():
    x = tg.parameter(np.ones(10))

    def peak(n):
        tracemalloc.start()
        y = x
        for _ in range(n):
            y = y * 1.000001
        tg.gradients(np.sum(y), x)
        _, most = tracemalloc.get_traced_memory()
        del y
        left, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most, left

    (short, _), (long, left) = peak(2_000), peak(8_000)
    assert long < 4.5 * short
    assert left < long / 10


DIAMONDS = {
    "+": lambda y: (y + y) / 2,
    "*": lambda y: y * y / y,
    "@": lambda y: (y.reshape(1, 2) @ np.eye(2)).ravel() / 2 + y / 2,
    "stack": lambda y: np.mean(np.stack([y, y]), axis=0),
    "concatenate": lambda y: np.concatenate([y, y]).reshape(2, 2).sum(axis=0) / 2,
    "where": lambda y: np.where(np.array([True, False]), y, y),
    "index": lambda y: np.stack([y[0], y[1]]) / 2 + y[::-1][::-1] / 2,
    "einsum": lambda y: np.einsum("i,i->i", y, y) / y,
    "max": lambda y: np.maximum(y, y),
    "broadcasting": lambda y: np.mean(y + np.zeros((3, 1)) * y, axis=0),
    "outputs": lambda y: polar(np.stack([y, y]))[0] / np.sqrt(2),
    "solve": lambda y: np.linalg.solve(np.eye(2), y) / 2 + y / 2,
}


@pytest.mark.parametrize("what", DIAMONDS)
def test_forty_diamonds_have_as_many_nodes_as_levels_and_the_right_derivative(what):
    """Each level is y again, by two paths: 2^40 of them in all."""
    x = y = tg.parameter([1.0, 2.0])
    for _ in range(40):
        y = DIAMONDS[what](y)
    np.testing.assert_allclose(y.numpy(), [1.0, 2.0], rtol=1e-12)
    np.testing.assert_allclose(tg.gradients(np.sum(y * [1.0, 10.0]), x), [1.0, 10.0], rtol=1e-10)


WIDE = {
    "sum": lambda xs: sum(xs),
    "stack": lambda xs: np.sum(np.stack(xs)),
    "concatenate": lambda xs: np.sum(np.concatenate([x.reshape(1) for x in xs])),
    "hstack": lambda xs: np.sum(np.hstack(xs)),
}


@pytest.mark.parametrize("what", WIDE)
def test_a_sum_of_ten_thousand_has_the_derivative_one_by_each(what, deep):
    n = 10_000 if deep else 2_000
    xs = [tg.parameter(float(i)) for i in range(n)]
    total = WIDE[what](xs)
    assert total.item() == (n - 1) * n / 2
    assert np.array_equal(tg.gradients(total, xs), np.ones(n))
    half = WIDE[what](xs[: n // 2] + [x.detach() for x in xs[n // 2 :]])
    tg.backward(half)
    assert xs[0].grad == 1.0
    assert xs[-1].grad is None
