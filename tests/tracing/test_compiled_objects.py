"""A compiled function treats parameters, classes, threads, copies and indices as the function itself does."""

import argparse
import copy
import dataclasses
import functools
import operator
import os
import pickle
import random
import signal
import sys
import threading
import time
from collections import ChainMap, UserDict, namedtuple

import numpy as np
import pytest

import tinygrad_dl as tg
from tests.tracing.test_compiled import assert_equal
from tests.tracing.test_compiled_states import X, assert_same

# ---- parameters


def test_the_values_of_parameters_share_no_memory_with_arguments_or_results():
    w = tg.parameter(X)

    @tg.compile
    def assign(x):
        w.data = x
        return w.data

    for _ in range(2):
        x = 2 * X
        result = assign(x)
        x[:] = result[:] = 0
        np.testing.assert_array_equal(w.numpy(), 2 * X)


def test_gradients_of_arguments_add_up():
    def f(t, x):
        np.sum((t * x) ** 2).backward()

    def make():
        return tg.parameter(X), tg.parameter(2 * X)

    compiled, tensors, others = tg.compile(f), make(), make()
    for i in (0, 1, 0, 0, 1):
        compiled(tensors[i], X)
        f(others[i], X)
        np.testing.assert_allclose(tensors[i].grad, others[i].grad, rtol=1e-12)


# ---- branches


KINDS = {
    "an array": lambda x, rate: 2 * x if isinstance(x, np.ndarray) else x,
    "a float": lambda x, rate: x * rate if isinstance(rate, float) else x,
    "a scalar": lambda x, rate: x if np.isscalar(np.sum(x)) else 2 * x,
    "a magnitude": lambda x, rate: x.astype(np.float32) * abs(-rate) * +rate,
}


@pytest.mark.parametrize("what", KINDS)
def test_the_classes_of_traced_values_are_those_of_their_values(what):
    f = tg.compile(KINDS[what])
    for rate in (0.5, 0.25):
        assert_equal([f(X, rate)], [KINDS[what](X, rate)])


def raises_in_function(x):
    with np.errstate(invalid="raise"):
        return np.log(x)


@pytest.mark.parametrize(
    ("f", "message"),
    [
        (lambda x: x if np.random.rand() < 2 else -x, "draws random numbers"),  # noqa: NPY002
        (lambda x: x if random.random() < 2 else -x, "draws random numbers"),
        (raises_in_function, "errstate counts outside"),
    ],
)
def test_what_the_trace_alone_would_see_is_refused(f, message):
    with pytest.raises(TypeError, match=message):
        tg.compile(f)(X)


# ---- threads and copies


def test_threads_that_compile_for_the_same_parameters_take_turns():
    net = tg.nn.mlp([3, 4, 1], rng=np.random.default_rng(0))
    inputs = [np.outer(X, X)[:, :n] for n in (1, 2, 3)]
    expected = [net(x).numpy() for x in inputs]
    before = [p.numpy() for p in net.parameters()]
    compiled = [tg.compile(lambda x: net(x)), tg.compile(lambda x: net(x) * 1.0)]
    wrong, start = [], threading.Barrier(2)

    def work(f):
        start.wait()
        for x, y in zip(inputs, expected, strict=True):
            try:
                np.testing.assert_allclose(f(x).numpy(), y, rtol=1e-12)
            except Exception as error:
                wrong.append(error)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=work, args=(f,)) for f in compiled]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert not wrong
    assert_equal([p.numpy() for p in net.parameters()], before)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_a_process_forked_in_the_turn_of_another_thread_can_compile_and_run_too():
    inside, square = threading.Event(), tg.compile(lambda x: x * x)
    square(X)

    @tg.compile
    def slow(x):
        inside.set()
        time.sleep(0.3)  # in the turn of its thread
        return x

    thread = threading.Thread(target=slow, args=(X,))
    thread.start()
    inside.wait(10)
    child = os.fork()
    if child == 0:
        signal.alarm(5)  # which ends it
        os._exit(int(any(square(X) + tg.compile(np.exp)(X) != X * X + np.exp(X))))
    thread.join()
    assert os.waitpid(child, 0)[1] == 0


class Weighted:
    def __init__(self):
        self.weights = X

    @tg.compile
    def of(self, x):
        return np.sum(self.weights * x)


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda obj: pickle.loads(pickle.dumps(obj))])
def test_a_copy_of_an_object_has_its_own_compiled_methods(copied):
    original = Weighted()
    assert original.of(X) == 14
    other = copied(original)
    other.weights = 2 * X
    assert other.of(X) == 28
    assert original.of(X) == 14


class Scaled:
    factor = 2.0

    @classmethod
    @tg.compile
    def of(cls, x):
        return cls.factor * x


class ScaledMore(Scaled):
    factor = 3.0


def test_a_method_of_a_class_is_compiled_for_each_class():
    for _ in range(2):
        assert_equal([kind.of(X) for kind in (Scaled, ScaledMore, ScaledMore())], [2.0 * X, 3.0 * X, 3.0 * X])


@pytest.mark.parametrize("other", [1.5 + 1j, 3, np.float32(0.5), X, tg.Tensor(1.5)], ids=repr)
def test_a_number_that_changes_may_become_something_else(other):
    state = {}

    @tg.compile
    def double(x):
        state["number"] = state["number"] * 2
        return x

    for first in (1.0, other, 2.0):
        state["number"] = first
        for k in range(1, 4):
            double(X)
            assert np.all(state["number"] == first * 2**k)


SCALE, OFFSET = [1.0], np.zeros(3)


class Scaling:
    __slots__ = ()

    def of(self, x):
        return x * SCALE[0] + OFFSET


@dataclasses.dataclass
class Fields(Scaling):
    a: object


class Pair(Scaling, namedtuple("Pair", "a b")):
    __slots__ = ()


class Parts(Scaling, list):
    pass


class Settings(Scaling, dict):
    pass


@pytest.mark.parametrize("tree", [Fields(X), Pair(X, 2.0), Pair(1.0, 2.0), Parts([X]), Parts([1.0]), Settings(a=X)])
@pytest.mark.parametrize("is_argument", [True, False])
def test_methods_of_containers_are_seen(tree, is_argument, monkeypatch):
    compiled = tg.compile(lambda tree, x: tree.of(x)) if is_argument else tg.compile(lambda x: tree.of(x))
    for scale, offset in (([2.0], X), ([3.0], X), ([3.0], 2 * X)):
        monkeypatch.setitem(globals(), "SCALE", scale)
        monkeypatch.setitem(globals(), "OFFSET", offset)
        assert_equal(compiled(*[tree, X][1 - is_argument :]), scale[0] * X + offset)


def of_element(x, state):
    return x * state["rate"]


def of_attribute(x, state):
    return x * state.rate


@pytest.mark.parametrize(
    ("state", "f", "change"),
    [
        (argparse.Namespace(rate=0.5), of_attribute, setattr),
        (Parts(), of_attribute, setattr),
        (UserDict(rate=0.5), of_element, operator.setitem),
        (ChainMap({"rate": 0.5}), of_element, operator.setitem),
    ],
    ids=["namespace", "list", "user dict", "chain map"],
)
def test_settings_in_other_containers_are_seen(state, f, change):
    compiled = tg.compile(lambda x: f(x, state))
    for rate in (0.5, 2.0, 3.0, 2 * X):
        change(state, "rate", rate)
        assert_equal(compiled(X), f(X, state))


class Choosing:
    kind = "double"

    def __init__(self):
        self.other = "triple"

    def double(self, x):
        return 2 * x * SCALE[0]

    def triple(self, x):
        return 3 * x * SCALE[0]


BY_NAME = {
    "a constant": lambda choosing, x: getattr(choosing, "double")(x),  # noqa: B009
    "constants": lambda choosing, x: sum(getattr(choosing, name)(x) for name in ("double", "triple")),
    "an attribute": lambda choosing, x: getattr(choosing, choosing.other)(x),
    "an attribute of a class": lambda choosing, x: getattr(choosing, choosing.kind)(x),
}


@pytest.mark.parametrize("f", BY_NAME.values(), ids=BY_NAME)
def test_methods_that_are_named_by_a_text_are_seen(f, monkeypatch):
    compiled = tg.compile(functools.partial(f, Choosing()))
    for scale in (1.0, 2.0, 3.0):
        monkeypatch.setitem(globals(), "SCALE", [scale])
        assert_equal(compiled(X), f(Choosing(), X))


def test_settings_of_a_layer_may_change():
    conv, images = tg.nn.Conv2D(1, 2, 3, rng=np.random.default_rng(0)), np.arange(36.0).reshape(1, 6, 6, 1)
    compiled = tg.compile(lambda images: conv(images))
    for stride, padding in ((1, 0), (2, 0), (2, 1), (1, 0)):
        conv.stride, conv.padding = stride, padding
        assert_equal(compiled(images), conv(images))


# ---- programs of other shapes


def test_tuples_of_traced_indices_select_from_tensors():
    rows, columns = np.array([2, 0]), np.array([1, 2])
    f = tg.value_and_grad(lambda x, rows, columns: np.sum(x[rows, columns] ** 2))
    compiled = tg.compile(f)
    for scale in (1.0, 2.0):
        x = scale * np.outer(X, X)
        assert_equal(compiled(x, rows, columns), f(x, rows, columns))
        assert_equal(compiled(x, columns, rows), f(x, columns, rows))
    assert compiled.cache_info() == (3, 1, 0, 1)


@pytest.mark.parametrize(
    "read",
    [
        lambda x, i: np.take(x, i, axis=0),
        lambda x, i: np.take(x, indices=i, axis=1),
        lambda x, i: np.take(x, 4 * i, mode="wrap"),
        lambda x, i: np.take(x, 2 * i, 1, mode="clip"),
        lambda x, i: np.take_along_axis(x, i[None], -2),
    ],
)
def test_functions_of_tensors_take_traced_indices(read):
    f = tg.value_and_grad(lambda x, i: np.sum(read(x, i) ** 2))
    compiled = tg.compile(f)
    for i in np.array([[2, 0, 1], [1, 1, 0]]):
        assert_equal(compiled(np.outer(X, X), i), f(np.outer(X, X), i))
    assert compiled.cache_info().hits == 1


@pytest.mark.parametrize("shapes", [((3, 3), (3, 2)), ((3, 2), (3, 3)), ((3, 2), (2, 3))])
def test_parameters_that_are_used_in_another_order_than_updated_train_the_same(shapes):
    def make():
        rng = np.random.default_rng(0)
        first, second = (tg.parameter(rng.normal(size=shape)) for shape in shapes)
        descent = tg.optim.RMSProp([first, second], learning_rate=0.1)

        def step(x):
            descent.zero_grad()
            cost = np.sum(np.tanh(second) ** 2) * np.sum(x) + np.sum(np.sin(first) ** 2)
            cost.backward()
            descent.step()
            return cost, first * 1.0, second * 1.0

        return step, None

    assert_same(make, calls=3)


def test_a_recurrent_net_of_two_matrices_is_compiled():
    def make():
        rng = np.random.default_rng(0)
        W, U = tg.parameter(rng.normal(size=(3, 3))), tg.parameter(rng.normal(size=(3, 1)))
        descent = tg.optim.RMSProp([W, U], learning_rate=0.1)

        def step(x):
            descent.zero_grad()
            h = np.zeros((3, 1))
            for i in range(3):
                h = np.tanh(W @ h + U * x[i])
            cost = np.sum(h**2)
            cost.backward()
            descent.step()
            return cost, W * 1.0, U * 1.0

        return step, None

    assert assert_same(make, calls=3).cache_info().eager == 0


def test_arguments_may_have_the_names_of_keywords():
    f = tg.compile(lambda **arrays: arrays["class"] + arrays["return"])
    for _ in range(2):
        np.testing.assert_array_equal(f(**{"class": X, "return": X}), 2 * X)


def test_the_source_of_a_step_with_relu_runs_by_itself():
    net = tg.nn.mlp([3, 4, 2], hidden=tg.nn.relu, rng=np.random.default_rng(0))
    descent = tg.optim.SGD(net.parameters(), learning_rate=0.1)

    @tg.compile
    def step(x):
        descent.zero_grad()
        np.sum(net(x) ** 2).backward()
        descent.step()

    step(np.outer(X, X))
    values = [2 if not node.shape else np.ones(node.shape) for node in step.program.inputs]
    found = []
    for buffers in (False, True):
        namespace = {"np": np}
        exec(step.source(buffers), namespace)
        found.append([np.copy(output) for output in namespace["step"](*values)])
    assert_equal(found[0], found[1])
