"""A compiled function reads and writes variables, attributes and elements as the function itself does."""

import importlib

import numpy as np
import pytest

import tinygrad_dl as tg
from tests.tracing.test_compiled import X, assert_equal

SCALE, WEIGHTS = 2.0, np.array([1.0, 2.0])


def test_global_variables_are_read_at_every_call():
    global SCALE, WEIGHTS
    f = tg.compile(lambda x: SCALE * np.sum(WEIGHTS[:, None] * x))
    for i in range(3):
        SCALE, WEIGHTS = 2.0 + i, np.array([1.0 + i, 2.0])
        np.testing.assert_allclose(f(X), SCALE * np.sum(WEIGHTS[:, None] * X), rtol=1e-12)
    WEIGHTS[0] = 100.0
    np.testing.assert_allclose(f(X), SCALE * np.sum(WEIGHTS[:, None] * X), rtol=1e-12)


INSTALLED = """
{imports}
FACTOR = 2.0

class Scaler:
    def __init__(self): self.mean = 1.0
    def __call__(self, x): return FACTOR * (x - self.mean)
"""


@pytest.mark.parametrize("imports", ["import tinygrad_dl as tg", "from tinygrad_dl.nn import Dense", ""])
def test_an_installed_package_is_the_users_if_it_uses_this_one(tmp_path, monkeypatch, imports):
    name = f"scalers_{len(imports)}"
    (folder := tmp_path / "site-packages").mkdir()
    (folder / f"{name}.py").write_text(INSTALLED.format(imports=imports), encoding="utf-8")
    monkeypatch.syspath_prepend(folder)
    module = importlib.import_module(name)
    scaler = module.Scaler()
    f, before = tg.compile(lambda x: scaler(x)), scaler(X)
    assert_equal([f(X)], [before])
    scaler.mean, module.FACTOR = 0.5, 3.0
    assert_equal([f(X)], [scaler(X) if imports else before])  # as a data frame, it is taken as it was


class Scaler:
    def __init__(self):
        self.mean, self.count, self.data = np.zeros(2), 0, (np.ones(2), np.ones((2, 1)))

    @tg.compile
    def __call__(self, x):
        self.count += 1
        self.mean = 0.9 * self.mean + 0.1 * np.mean(x, axis=1)
        return self.data[0][:, None] * x - self.mean[:, None] * self.count

    def again(self, x):
        self.count += 1
        self.mean = 0.9 * self.mean + 0.1 * np.mean(x, axis=1)
        return self.data[0][:, None] * x - self.mean[:, None] * self.count


def test_attributes_are_read_and_written():
    a, b = Scaler(), Scaler()
    step = tg.compile(a.again)
    for i in range(4):
        if i == 2:
            a.data = b.data = (np.full(2, 3.0), np.ones((2, 1)))
        assert_equal(step(X), b.again(X))
        assert_equal(a.mean, b.mean)
        assert (a.count, type(a.count)) == (b.count, int)


def test_a_compiled_method_is_one_for_each_object():
    a, b = Scaler(), Scaler()
    a(X)
    a(X)
    b(X)
    assert (a.count, b.count) == (2, 1)


def test_gradients_are_accumulated_where_the_function_does_so():
    w, v = (tg.parameter([1.0, 2.0]) for _ in range(2))

    def accumulate(p, x):
        np.sum((p * x) ** 2).backward()

    compiled = tg.compile(lambda x: accumulate(w, x))
    for i in range(4):
        compiled(np.array([1.0, i]))
        accumulate(v, np.array([1.0, i]))
        assert_equal(w.grad, v.grad)


def test_tensors_as_arguments_get_gradients_and_new_data():
    def step(W, x):
        W.grad = None
        loss = np.sum((W * x) ** 2)
        loss.backward()
        W.data = W.data - 0.1 * W.grad
        return loss

    compiled = tg.compile(step)
    for _ in range(3):
        a, b = tg.parameter([1.0, 2.0]), tg.parameter([1.0, 2.0])
        assert_equal([compiled(a, X[:, 0]), a, a.grad], [step(b, X[:, 0]), b, b.grad])


COUNT = 0


def test_variables_that_the_function_assigns_are_written():
    def make():
        factor = 1.0

        def step(x):
            nonlocal factor
            global COUNT
            COUNT += 1
            factor = 0.5 * factor + 1
            return factor * x * COUNT

        return step

    global COUNT
    expected, COUNT = [step(X) for step in [make()] for _ in range(3)], 0
    step = tg.compile(make())
    for x in expected:
        assert_equal(step(X), x)
    assert COUNT == 3


def test_numbers_in_lists_are_read_at_every_call():
    weights = [2.0, 3.0]
    f = tg.compile(lambda x: weights[0] * x + sum(weights))
    for change in (0.0, 1.5, 2.5):
        weights[0] += change
        assert_equal(f(X), weights[0] * X + sum(weights))
    weights.append(7.0)
    assert_equal(f(X), weights[0] * X + sum(weights))


class Trainer:
    def __init__(self):
        self.losses, self.scales = [], [1.0]
        self.step = tg.compile(self.compute)

    def compute(self, x):
        return np.sum(x) * self.scale()

    def scale(self):
        return sum(self.scales)

    def train(self, x):
        self.losses.append(float(self.step(x)))


def test_a_record_of_losses_may_grow_and_lists_that_methods_read_count():
    trainer = Trainer()
    for _ in range(5):
        trainer.train(X)
    assert trainer.step.cache_info().misses == 1
    trainer.scales.append(2.0)
    trainer.train(X)
    np.testing.assert_allclose(trainer.losses[-1], 3 * trainer.losses[0], rtol=1e-12)


def test_lists_and_dicts_of_arrays_may_grow():
    arrays, named = [np.ones(2)], {"a": np.ones(2)}
    f = tg.compile(lambda x: x * sum(arrays) + sum(named.values()))
    for i in range(3):
        assert_equal(f(X[:, 0]), X[:, 0] * sum(arrays) + sum(named.values()))
        arrays.append(np.full(2, 2.0))
        assert_equal(f(X[:, 0]), X[:, 0] * sum(arrays) + sum(named.values()))
        named[f"b{i}"] = np.full(2, 3.0)
