"""A compiled function reads and writes what the function does: variables, elements and attributes of all kinds."""

import dataclasses
import functools
import types
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple

import numpy as np
import pytest

import tinygrad_dl as tg
from tests.tracing.test_compiled import assert_equal

X = np.array([1.0, 2.0, 3.0])
FACTOR = 0.5
State = namedtuple("State", "count mean")


class Scaling:
    rates: dict[str, float]

    def __init__(self):
        self.rates = {"first": 2.0}

    def __call__(self, x):
        return x * self.factor() * self.rates["first"]

    @staticmethod
    def factor():
        return FACTOR


@dataclasses.dataclass(frozen=True)
class Power:
    exponent: float

    def __call__(self, x):
        return x**self.exponent


def assert_same(make, changes=(), calls=2):
    """Compare a function with its compiled copy; `make` returns it and the state that each of the `changes` is for."""
    (f, state), (other, other_state) = make(), make()
    compiled = tg.compile(other)
    for change in (None, *changes):
        for s in (state, other_state):
            if change:
                change(s)
        for _ in range(calls):
            assert_equal(compiled(X), f(X))
    return compiled


# ---- what it reads


def reads(value, of):
    """A function that reads the first element of a list, which holds `value` for now."""

    def make():
        state = [value()]
        return (lambda x: of(x, state[0])), state

    return make


def put(value):
    return lambda state: state.__setitem__(0, value())


def total(x, parts):
    return sum((part for part in parts), x)


READ = {
    "a number": (lambda: 0.5, lambda x, v: x * v, [put(lambda: 1.5), put(lambda: 2)]),
    "a scalar of NumPy": (lambda: np.float64(1), lambda x, v: x * v, [put(lambda: np.float64(2))] * 2),
    "a list of numbers": (lambda: [0.5, 1.0], total, [lambda s: s[0].append(3.0), lambda s: s[0].insert(0, 9.0)]),
    "a list of arrays": (lambda: [X, X], total, [lambda s: s[0].append(2 * X), lambda s: s[0].pop()]),
    "a dict": (
        lambda: {"a": X},
        lambda x, v: total(x, v.values()) * (2 if "b" in v else 1),
        [lambda s: s[0].update(b=X)],
    ),
    "a set": (lambda: {1.0}, total, [lambda s: s[0].add(4.0), lambda s: (s[0].clear(), s[0].add(7.0))]),
    "a deque": (lambda: deque([X], maxlen=1), lambda x, v: x * np.exp(v[0]), [lambda s: s[0].append(X / 2)]),
    "a tuple": (
        lambda: (X.copy(), 2, "name"),
        lambda x, v: np.exp(v[0]) * x * v[1],
        [lambda s: s[0][0].fill(0.5), put(lambda: (X, 3, "name"))],
    ),
    "a tuple of arrays": (lambda: (X, 2 * X), total, [put(lambda: (X,) * 3), put(lambda: (X,)), put(lambda: [X, X])]),
    "the length of an array": (lambda: X, lambda x, v: x * len(v), [put(lambda: np.ones(5)), put(lambda: X)]),
    "the type of an array": (lambda: X, lambda x, v: x.astype(v.dtype), [put(lambda: np.ones(3, np.float32))]),
    "the length of a tuple": (lambda: (X, X), lambda x, v: x * len(v), [put(lambda: (X,) * 3), put(lambda: (X,))]),
    "the kind of a number": (lambda: 0.5, lambda x, v: x * isinstance(v, float), [put(lambda: 1.5), put(lambda: 2)]),
    "a named tuple": (lambda: State(2, X.copy()), lambda x, v: np.exp(v.mean) * x, [lambda s: s[0].mean.fill(0.5)]),
}


@pytest.mark.parametrize("what", READ)
def test_what_changes_between_calls_is_seen(what):
    value, of, changes = READ[what]
    assert_same(reads(value, of), changes)


PRESENCE = {
    "an argument": lambda w, x: x * (2 if w.grad is None else 3),
    "a result": lambda w, x: (x, w.grad is None),
    "the gradient": lambda w, x: (x, w.grad),
    "a branch": lambda w, x: np.sin(x) if w.grad is None else np.cos(x),
}


@pytest.mark.parametrize("f", PRESENCE.values(), ids=PRESENCE)
def test_the_presence_of_a_gradient_is_seen(f):
    def make():
        w = tg.parameter(X)
        return functools.partial(f, w), w

    assert_same(make, [lambda w: setattr(w, "grad", 2 * X), lambda w: setattr(w, "grad", None)])


RULES = {
    "by argument": tg.defvjp,
    "one for each": lambda f, rule: tg.defvjp_each(f, lambda argnum, *args: rule(*args)),
    "a joint one": lambda f, rule: tg.defvjp_jointly(f, lambda *args: (rule(*args),)),
    "a decomposition": lambda f, rule: tg.defcomposite(f, lambda x: rule(x, None, x)),
}


@pytest.mark.parametrize("define", RULES.values(), ids=RULES)
def test_what_the_rules_of_a_primitive_read_is_seen(define):
    def make():
        state = {"factor": 2.0, "weights": X.copy()}
        f = tg.primitive(lambda x: x * 1.0)
        define(f, lambda g, ans, x: g * state["factor"] * state["weights"])
        return tg.grad(lambda x: np.sum(f(x))), (f, state)

    changes = [
        lambda s: s[1].update(factor=3.0),
        lambda s: s[1]["weights"].fill(5.0),
        lambda s: s[1].update(weights=2 * X),
        lambda s: define(s[0], lambda g, ans, x: g * 7.0),
    ]
    assert_same(make, changes)


def test_global_variables_in_methods_of_classes_are_seen(monkeypatch):
    def make():
        scaling = Scaling()
        return (lambda x: scaling(x)), scaling

    changes = [
        lambda s: monkeypatch.setitem(globals(), "FACTOR", 3.0),
        lambda s: s.rates.update(first=5.0),
    ]
    assert_same(make, changes)


class Base:
    factor, kind, weights, power = 0.5, "a", None, Power(2.0)

    def __call__(self, x):
        return self.factor * self.power(x) * (2 if self.kind == "a" else 1) * (1 if self.weights is None else 3)


def in_an_attribute_of_a_function():
    def f(x):
        return x * f.factor

    f.factor = 0.5
    return f, f


def in_an_attribute_of_a_helper():
    helper, factor = in_an_attribute_of_a_function()
    return (lambda x: helper(x) ** 2), factor


def in_a_module_of_a_closure():
    module = types.ModuleType("settings")
    module.__file__, module.factor = "settings.py", 0.5
    return (lambda x: x * module.factor), module


def in_a_module_that_no_file_made():
    module = types.ModuleType("settings")
    module.factor = 0.5
    return (lambda x: x * module.factor), module


def in_an_object_of_code_that_ran_without_a_name():
    names = {}
    exec("class Model:\n    factor = 0.5\n    def of(self, x): return x * self.factor", names)
    return (model := names["Model"]()).of, model


def in_a_class_of_a_file_that_was_run_but_not_imported():
    names = {"__name__": "not imported"}
    exec("class Model:\n    factor = 0.5\n    def of(self, x): return x * self.factor", names)
    return names["Model"]().of, names["Model"]


def in_a_partial_function():
    state = types.SimpleNamespace(factor=0.5)
    return functools.partial(lambda state, x: x * state.factor, state), state


def in_a_base_class():
    base = type("Base", (Base,), {})
    return type("Derived", (base,), {})(), base


@pytest.mark.parametrize(
    "make",
    [
        in_an_attribute_of_a_function,
        in_an_attribute_of_a_helper,
        in_a_module_of_a_closure,
        in_a_module_that_no_file_made,
        in_an_object_of_code_that_ran_without_a_name,
        in_a_class_of_a_file_that_was_run_but_not_imported,
        in_a_partial_function,
        in_a_base_class,
    ],
)
def test_numbers_and_arrays_in_attributes_are_seen(make):
    assert_same(make, [lambda s: setattr(s, "factor", 1.5), lambda s: setattr(s, "factor", 2 * X)])


@pytest.mark.parametrize(
    ("name", "value"), [("kind", "b"), ("weights", (1,)), ("power", Power(3.0)), ("power", np.sin)]
)
def test_attributes_of_a_class_are_seen_whatever_their_kind(name, value):
    assert_same(in_a_base_class, [lambda s: setattr(s, name, value)])


def test_a_list_in_a_partial_function_is_seen():
    def make():
        factors = [0.5]
        return functools.partial(lambda factors, x: x * factors[0], factors), factors

    assert_same(make, [lambda s: s.append(2.0), lambda s: s.reverse()])


def test_arrays_in_defaults_are_read_at_each_call():
    def make():
        weights = X.copy()

        def f(x, weights=weights):
            return x * np.exp(weights)

        return f, weights

    assert_same(make, [lambda weights: weights.fill(0.5)])


def test_an_array_in_a_partial_function_is_refused():
    with pytest.raises(TypeError, match="pass it as an argument"):
        tg.compile(functools.partial(np.multiply, X))(X)


def test_learning_rates_may_be_whole_numbers():
    w = tg.parameter(X)
    descent = tg.optim.SGD([w], learning_rate=1)
    step = tg.compile(descent.step)
    for rate in (1, 0.5, 2, 0, 0.25):
        descent.learning_rate = rate
        w.grad, before = np.ones(3), w.numpy()
        step()
        np.testing.assert_array_equal(w.numpy(), before - rate)


def test_equal_functions_of_other_objects_stay_apart():
    def make():
        first, second = Power(2.0), Power(2.0)
        return (lambda x: first(x) + second(x)), None

    assert assert_same(make).cache_info().hits == 1


# ---- what it writes


def accumulate(x, state):
    return x if state is None else state + x


WRITTEN = {
    "None first": (None, accumulate),
    "a string": ("a", lambda x, state: "b" if state == "a" else "a"),
    "a tuple": ((0, X), lambda x, state: (state[0] + 1, state[1] * 0.5 + x)),
    "arrays in a tuple": ((X, X), lambda x, state: (state[0] + x, state[0] * state[1])),
    "a named tuple": (State(0, X), lambda x, state: State(state.count + 1, state.mean * 0.5 + x)),
    "a number": (1, lambda x, state: 2 * state + 1),
    "a scalar of NumPy": (np.float64(1), lambda x, state: state + np.sum(x)),
}


@pytest.mark.parametrize("what", WRITTEN)
@pytest.mark.parametrize("where", ["variable", "element", "attribute"])
def test_what_it_writes_is_read_at_the_next_call(what, where):
    first, following = WRITTEN[what]

    def make():
        variable = first
        element, attribute = {"state": first}, Scaling()
        attribute.state = first

        def of_variable(x):
            nonlocal variable
            before, variable = variable, following(x, variable)
            return before, variable

        def of_element(x):
            before, element["state"] = element["state"], following(x, element["state"])
            return before, element["state"]

        def of_attribute(x):
            before, attribute.state = attribute.state, following(x, attribute.state)
            return before, attribute.state

        return {"variable": of_variable, "element": of_element, "attribute": of_attribute}[where], None

    (f, _), (other, _) = make(), make()
    compiled = tg.compile(other)
    for _ in range(4):
        found, expected = compiled(X), f(X)
        for a, b in zip(found, expected, strict=True):
            if isinstance(b, str):
                assert a == b
            else:
                assert_equal([a], [b])


def test_a_schedule_in_the_function_counts_on():
    def make():
        w, count = tg.parameter(X), [0]
        descent = tg.optim.SGD([w], learning_rate=0.1)

        def step(x):
            descent.zero_grad()
            np.sum((w * x) ** 2).backward()
            descent.learning_rate = 0.1 / (1 + count[0])
            descent.step()
            count[0] += 1
            return w * 1, descent.learning_rate, count[0]

        return step, None

    assert assert_same(make, calls=5).cache_info().currsize == 1


@pytest.mark.parametrize("kind", [Counter, OrderedDict, functools.partial(defaultdict, int)])
def test_a_count_in_a_dict_of_another_class_counts_on(kind):
    def make():
        counts = kind(calls=1, others=2)

        def f(x):
            counts["calls"] += 1
            return x * counts["calls"] + counts["others"]

        return f, counts

    assert assert_same(make, [lambda s: s.update(others=3)]).cache_info().currsize == 1


# ---- constant Tensors


def test_what_was_computed_before_an_error_is_not_used_after_it():
    good, bad = tg.Tensor(X), tg.Tensor(-X)
    f = lambda x, c: x * np.exp(np.log(2 * c))  # noqa: E731
    compiled = tg.compile(f)
    for c in (good, good, bad, good):
        with np.errstate(all="ignore") if c is good else pytest.warns(RuntimeWarning):
            found = compiled(X, c)
        with np.errstate(all="ignore"):
            assert_equal([found], [f(X, c)])
