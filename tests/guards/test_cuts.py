"""What took a value out of the graph is known as long as the value lives, and keeps nothing alive."""

import gc
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import tinygrad_dl as tg
from tinygrad_dl.core import primitives
from tinygrad_dl.guards import cuts


@pytest.fixture
def x():
    return tg.parameter([[1.0, -2.0], [0.5, 3.0]], name="x")


def sources(value):
    return [source() for source in cuts.of(value).sources]


# ---- what is marked


CONSTANT = {
    "np.sign": np.sign,
    "np.floor": np.floor,
    "np.ceil": np.ceil,
    "np.round": np.round,
    "np.trunc": np.trunc,
    "np.isfinite": np.isfinite,
    "np.argsort": lambda x: np.argsort(x, axis=1),
    "np.argmax": lambda x: np.argmax(x, axis=0),
    "np.greater": lambda x: x > 0,
    "np.less_equal": lambda x: x <= np.ones((2, 2)),
    "np.equal": lambda x: x == 1.0,
    "np.floor_divide": lambda x: x // 2,
    "np.logical_not": np.logical_not,
    "np.zeros_like": np.zeros_like,
    "astype": lambda x: x.astype(int),
    "np.frexp": lambda x: np.frexp(x)[1],
    "np.lexsort": lambda x: np.lexsort((x[0], x[1])),
}


@pytest.mark.parametrize("name", CONSTANT)
def test_a_constant_function_marks_its_answer_with_its_name(x, name):
    assert cuts.of(CONSTANT[name](x)).by == name


@pytest.mark.parametrize("name", [name for name in CONSTANT if name != "np.lexsort"])
def test_the_mark_leads_back_to_the_tensor_that_was_cut_off(x, name):
    (source,) = sources(CONSTANT[name](x))
    assert source is x


def test_a_comparison_of_two_tensors_leads_back_to_both(x):
    y = tg.parameter(np.ones((2, 2)))
    assert [source is z for source, z in zip(sources(x > y), (x, y), strict=True)] == [True, True]
    assert [source is y for source in sources(np.zeros((2, 2)) > y)] == [True]
    assert [source is y for source in sources(tg.Tensor(np.zeros((2, 2))) > y)] == [True]


def test_detach_is_a_cut_that_leads_back(x):
    y = np.tanh(x)
    assert cuts.of(y.detach()).by == "detach"
    (source,) = sources(y.detach())
    assert source is y


NO_GRAD = {
    "x + 1": lambda x: x + 1,
    "1 + x": lambda x: 1 + x,
    "a * x": lambda x: np.ones((2, 2)) * x,
    "-x": lambda x: -x,
    "tanh": np.tanh,
    "sum": np.sum,
    "stack": lambda x: np.stack([x, x]),
    "einsum": lambda x: np.einsum("ij,ij->", x, x),
    "index": lambda x: x[0],
    "transpose": lambda x: x.T,
    "where": lambda x: np.where(np.ones((2, 2), bool), x, 0.0),
    "modf": lambda x: np.modf(x)[0],
    "eigh": lambda x: np.linalg.eigh(x)[1],
    "qr": lambda x: np.linalg.qr(x).Q,
    "affine": lambda x: tg.nn.fused.affine(x, np.ones((2, 3)), np.zeros((2, 1))),
    "dense": lambda x: tg.nn.Dense(2, 3, rng=np.random.default_rng(0))(np.ones((2, 1))),
}


@pytest.mark.parametrize("name", NO_GRAD)
def test_what_is_computed_in_no_grad_is_marked(x, name):
    with tg.no_grad():
        y = NO_GRAD[name](x)
    assert cuts.of(y).by == "no_grad"
    assert cuts.of(y + 1).by == "no_grad"


# ---- through copies, and what is computed from it


CONSTANT_ARITHMETIC = {
    **{name: f for name, f in NO_GRAD.items() if name != "dense"},
    "detach": lambda c: c.detach(),
    "maximum": lambda c: np.maximum(c, 0.0),
    "sign": np.sign,
    "greater": lambda c: c > 0,
    "astype": lambda c: c.astype(np.float32),
    "astype int": lambda c: c.astype(int),
    "data of its own": lambda c: tg.Tensor(np.sign(c)),
}


@pytest.mark.parametrize("name", CONSTANT_ARITHMETIC)
def test_what_is_computed_from_a_cut_off_constant_has_its_mark(x, name):
    y = CONSTANT_ARITHMETIC[name](x.detach())
    assert cuts.of(y).by == "detach"
    assert sources(y)[0] is x


def test_the_first_cut_is_what_a_value_says_and_not_what_came_later(x):
    c = x.detach()
    with tg.no_grad():
        assert cuts.of(c * 2).by == "detach"
        assert cuts.of((x * 2).detach()).by == "no_grad"


def test_a_marked_array_keeps_its_mark_as_the_data_of_a_tensor_and_in_an_operation(x):
    signs = np.sign(x)
    assert cuts.of(tg.Tensor(signs)).by == "np.sign"
    y = x * signs
    assert y._args[1] is not signs  # a copy, since signs may change
    assert cuts.of(y._args[1]).by == "np.sign"
    assert cuts.of(np.where(x > 0, x, 0.0)._args[0]).by == "np.greater"
    assert cuts.of(tg.Tensor(signs) * 2.0).by == "np.sign"


def test_a_parameter_made_of_a_marked_array_is_a_parameter(x):
    w = tg.parameter(np.sign(x))
    assert cuts.of(w) is None
    w.requires_grad = False
    assert cuts.of(tg.Tensor(np.ones(3))) is None


def test_an_argument_that_a_function_is_constant_in_is_marked(x):
    y = tg.parameter(np.ones((2, 2)))
    z = np.copysign(x, y)
    assert z._parents[0] is x
    assert cuts.of(z._args[1]).by == "np.copysign"
    assert [source is y for source in sources(z._args[1])] == [True]
    constant = np.copysign(np.ones((2, 2)), y)
    assert not constant.requires_grad
    assert cuts.of(constant).by == "np.copysign"
    assert cuts.of(y) is None


# ---- what is not marked


UNMARKED = {
    "a parameter": lambda x: x,
    "what is tracked": lambda x: x * 2,
    "what is tracked, of a constant": lambda x: x * x.detach(),
    "data": lambda x: np.ones(3),
    "a Tensor of data": lambda x: tg.Tensor([1.0]),
    "arithmetic of data": lambda x: tg.Tensor([1.0]) * 2,
    "a function of data": lambda x: np.tanh(tg.Tensor([1.0])),
    "a constant function of data": lambda x: np.sign(tg.Tensor([1.0])),
    "a constant function of plain data": lambda x: np.sign(np.ones(3)),
    "detached data": lambda x: tg.Tensor([1.0]).detach(),
    "data in no_grad": lambda x: tg.no_grad()(lambda: tg.Tensor([1.0]) * 2)(),
    "a number": lambda x: np.sign(x[0, 0]),
    "a Python number": lambda x: 3.0,
    "a text": lambda x: "x",
    "nothing": lambda x: None,
}


@pytest.mark.parametrize("what", UNMARKED)
def test_nothing_is_marked_without_a_tracked_source(x, what):
    assert cuts.of(UNMARKED[what](x)) is None


@pytest.mark.parametrize("function", [np.sign, np.round, np.ones_like, np.shape, np.argmax, primitives.values])
def test_what_a_constant_function_was_given_is_not_marked(x, function):
    function(x)
    assert cuts.of(x) is None
    assert cuts.of(x._value) is None


# ---- it keeps nothing alive


@pytest.mark.usefixtures("no_gc")
def test_a_mark_keeps_neither_the_array_nor_its_source_alive():
    before = len(cuts.arrays)
    x = tg.parameter([1.0, 2.0])
    signs = np.sign(x)
    constant = x.detach() * 2
    assert len(cuts.arrays) == before + 1
    source = weakref.ref(x)
    del x
    assert source() is None
    assert sources(signs) == sources(constant) == [None]
    array = weakref.ref(signs)
    del signs
    assert array() is None
    assert len(cuts.arrays) == before


@pytest.mark.deep
@pytest.mark.usefixtures("no_gc")
def test_ten_thousand_marks_leave_nothing_behind(x):
    before = len(cuts.arrays)
    for _ in range(10_000):
        np.sum(x * np.sign(x))
        tg.Tensor(x > 0)
    assert len(cuts.arrays) == before


def test_an_array_at_the_place_of_a_dead_one_does_not_inherit_its_mark(x):
    for _ in range(2_000):
        np.sign(x)
        assert cuts.of(np.empty((2, 2))) is None


def test_a_mark_that_outlived_its_array_is_not_of_another_one(monkeypatch):
    array, other = np.ones(3), np.ones(3)
    monkeypatch.setitem(cuts.arrays, id(other), (weakref.ref(array), cuts.Cut("detach")))
    assert cuts.of(other) is None


def test_a_second_mark_replaces_the_first_and_its_end():
    array, one, two = np.ones(3), cuts.Cut("one"), cuts.Cut("two")
    cuts.mark(array, one)
    cuts.mark(array, two)
    gc.collect()
    assert cuts.of(array) is two
    key = id(array)
    del array
    assert key not in cuts.arrays


@pytest.mark.parametrize("value", [1.0, np.float64(1), None, [1.0], "text"])
def test_what_is_no_array_bears_no_mark(value):
    before = dict(cuts.arrays)
    cuts.mark(value, cuts.Cut("detach"))
    assert cuts.arrays == before
    assert cuts.of(value) is None


def test_threads_that_mark_at_once_see_their_own_marks_and_leave_nothing():
    before, wrong = len(cuts.arrays), []

    def work(number):
        x = tg.parameter(np.arange(3.0) - number)
        for _ in range(500):
            (source,) = cuts.of(np.sign(x)).sources
            product = np.sum(x * np.sign(x))
            if source() is not x or product.item() != np.abs(x.data).sum():
                wrong.append(number)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert not wrong
    assert len(cuts.arrays) == before
