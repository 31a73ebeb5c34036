"""Arrays that their owner changes after use, or that come out of a call, share no memory with a Tensor."""

import copy
import tracemalloc

import numpy as np
import pytest

import tinygrad_dl as tg
from tinygrad_dl.core import primitives, registry
from tinygrad_dl.core.modes import recording

VALUES = np.array([2.0, 3.0, 5.0])


USES = {
    "w * array": (lambda w, a: w * a, VALUES),
    "array * w": (lambda w, a: a * w, VALUES),
    "array / w": (lambda w, a: a / w, VALUES),
    "np.multiply": (lambda w, a: np.multiply(a, w), VALUES),
    "view": (lambda w, a: w * a[::-1], VALUES),
    "array of no axes": (lambda w, a: w * a, np.array(4.0)),
    "w @ array": (lambda w, a: w @ a, VALUES),
    "array @ w": (lambda w, a: a @ w, np.eye(3)),
    "list": (lambda w, a: w * a, [2.0, 3.0, 5.0]),
    "power": (lambda w, a: w**a, VALUES),
    "einsum": (lambda w, a: np.einsum("i,i->", w, a), VALUES),
    "dot": (lambda w, a: np.dot(a, w), VALUES),
    "where": (lambda w, a: np.where(a, w, 0), np.array([True, False, True])),
    "where, a list": (lambda w, a: np.where(a, w, 0), [True, False, True]),
    "clip": (lambda w, a: np.clip(w * 2, a, 9), VALUES),
    "index": (lambda w, a: w[a], np.array([0, 2, 2])),
    "index, a list": (lambda w, a: w[a], [0, 2, 2]),
    "index in a tuple": (lambda w, a: w[(a,)], np.array([0, 2, 2])),
    "mask": (lambda w, a: w[a], np.array([True, False, True])),
    "Tensor": (lambda w, a: w * tg.Tensor(a), VALUES),
    "constant view": (lambda w, a: w * tg.Tensor(a)[::-1], VALUES),
    "data": (lambda w, a: w * tg.parameter(a), VALUES),
    "stack": (lambda w, a: np.prod(np.stack([w, a]), axis=0), VALUES),
    "axes": (lambda w, a: np.transpose(np.reshape(w, (3, 1)), a) * VALUES, [1, 0]),
    "bounds": (lambda w, a: w[a[0] : a[1]], [np.array(1), np.array(3)]),
    "pairs": (lambda w, a: np.pad(w, a, mode="wrap") * np.arange(6.0), np.array([[1, 2]])),
    "axes=": (lambda w, a: np.transpose(np.reshape(w, (3, 1)), axes=a) * VALUES, [1, 0]),
    "constant with array": (lambda w, a: w * np.add(tg.Tensor(1.0), a), VALUES),
}


def spoil(values):
    if isinstance(values, list) and isinstance(values[0], np.ndarray):
        values[0][...] = 0
    elif isinstance(values, list):
        values[:] = values[1:] + values[:1]
    else:
        values[...] = ~values if values.dtype == bool else values * 0 + 1


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize("use", USES)
def test_an_array_may_be_changed_by_its_owner_after_use(w, use, create_graph):
    f, values = USES[use]
    expected = tg.gradients(np.sum(f(w, copy.deepcopy(values)) ** 2), w)
    values = copy.deepcopy(values)
    loss = np.sum(f(w, values) ** 2)
    spoil(values)
    assert np.array_equal(tg.gradients(loss, w, create_graph=create_graph), expected)
    assert np.any(expected)


def test_new_data_for_a_parameter_leave_the_gradients_of_an_older_graph_right(w):
    loss = np.sum(w**3)
    w.data = w.data * 10
    assert tg.gradients(loss, w).tolist() == [3.0, 12.0, 27.0]
    assert tg.gradients(np.sum(w**3), w).tolist() == [300.0, 1200.0, 2700.0]


def test_a_graph_of_a_gradient_is_refused_once_a_parameter_has_new_data(w):
    loss = np.sum(w**3)
    w.data = w.data * 10
    with pytest.raises(
        RuntimeError, match=r"Tensor 'w' was given new data after np\.power had used it.*run the forward"
    ):
        tg.gradients(loss, w, create_graph=True)


@pytest.mark.parametrize("create_graph", [False, True])
def test_new_data_for_a_constant_leave_the_gradients_of_an_older_graph_right(w, create_graph):
    constant = tg.Tensor(VALUES)
    loss = np.sum(w**2 * constant)
    constant.data = np.zeros(3)
    assert tg.gradients(loss, w, create_graph).tolist() == (2 * w.data * VALUES).tolist()


def test_the_owner_of_what_comes_out_may_change_it(w):
    loss = np.sum(w**2)
    w.numpy()[:] = 0
    tg.gradients(loss, w)[:] = 0
    tg.backward(loss)
    w.grad[:] = 0
    tg.backward(loss)
    assert w.grad.tolist() == [2.0, 4.0, 6.0]
    assert w.tolist() == [1.0, 2.0, 3.0]


def test_an_integer_output_is_an_array_of_its_own(w):
    mantissa, exponent = np.frexp(w)
    loss = np.sum(mantissa**2)
    before = tg.gradients(loss, w).tolist()
    exponent[:] = 9
    assert tg.gradients(loss, w).tolist() == before


def test_a_constant_function_that_gives_its_argument_back_gives_a_copy(w):
    array = VALUES.copy()
    y = np.atleast_1d(array, tg.Tensor(1.0))[0]
    z = np.broadcast_to(tg.Tensor(array), (2, 3))
    array[:] = 0
    assert tg.gradients(np.sum(w * z), w).tolist() == (2 * VALUES).tolist()
    assert type(y) is np.ndarray or y.tolist() == VALUES.tolist()


def test_a_constant_shares_no_memory_with_a_buffer_that_it_was_written_into(w):
    buffer = np.zeros(3)
    y = np.sum(tg.Tensor([VALUES]), 0, None, buffer)
    buffer[:] = 0
    assert tg.gradients(np.sum(w * y), w).tolist() == VALUES.tolist()


@pytest.mark.usefixtures("own_rules")
@pytest.mark.parametrize("is_recording", [True, False])
def test_a_constant_shares_no_memory_with_an_array_that_a_function_gives_back(w, is_recording):
    reverse = primitives.array_function(lambda x, y: y[::-1])
    registry.defvjp(reverse, lambda g, ans, x, y: 0 * x, lambda g, ans, x, y: g[::-1])
    values = VALUES.copy()
    with recording(is_recording):
        ans = reverse(w if not is_recording else w.detach(), values)
    values[:] = 0
    assert ans.tolist() == VALUES[::-1].tolist()


@pytest.mark.parametrize("by_name", [False, True])
@pytest.mark.parametrize("is_recording", [True, False])
def test_no_output_of_several_shares_memory_with_an_array_that_went_in(w, by_name, is_recording):
    f = tg.fused((lambda x, *, a: (2 * x, a[::-1])) if by_name else lambda x, a: (2 * x, a[::-1]))
    values = VALUES.copy()
    with recording(is_recording):
        _, ans = f(w.detach(), **{"a": values}) if by_name else f(w, values)
    values[:] = 0
    assert ans.tolist() == VALUES[::-1].tolist()


def test_a_checkpoint_keeps_no_array_of_its_owner(w):
    values = VALUES.copy()
    y, same = tg.checkpoint(lambda x, a: (x * a, a))(w, values)
    expected = tg.gradients(np.sum(y * same), w).tolist()
    values[:] = 0
    assert same.tolist() == VALUES.tolist()
    assert tg.gradients(np.sum(y * same), w).tolist() == expected == (VALUES**2).tolist()


def test_a_constant_shares_no_memory_with_an_array_that_went_into_it(w):
    @tg.primitive
    def second(x, y):
        return y

    array = VALUES.copy()
    y = second(tg.Tensor(1.0), array)
    array[:] = 0
    assert tg.gradients(np.sum(w * y), w).tolist() == VALUES.tolist()


@pytest.mark.parametrize(
    "write",
    [
        lambda y: np.round(VALUES, 0, y),
        lambda y: np.copyto(y, 7.0),
        lambda y: np.sum(np.ones((2, 3)), 0, None, y),
        lambda y: np.atleast_1d(y, 1.0)[0].fill(9.0),
    ],
    ids=["round", "copyto", "sum", "atleast_1d"],
)
@pytest.mark.parametrize("tracked", [True, False])
def test_no_function_writes_into_a_computed_tensor(w, write, tracked):
    y = (w if tracked else w.detach()) * 2
    z = np.sum(y**2 * w)
    before = tg.gradients(z, w)
    with pytest.raises((TypeError, ValueError, AttributeError)):
        write(y)
    assert tg.gradients(z, w).tolist() == before.tolist()


def test_a_read_only_array_may_be_changed_through_a_view_that_is_not(w):
    values = VALUES.copy()
    view = values[:]
    values.flags.writeable = False
    loss = np.sum(w * values)
    view[...] = 0
    assert tg.gradients(loss, w).tolist() == VALUES.tolist()


@pytest.mark.parametrize(
    "view", [np.broadcast_to, lambda array, shape: np.frombuffer(memoryview(array).toreadonly())[:]]
)
def test_an_array_may_be_changed_after_a_rule_has_used_a_read_only_view_of_it(w, view):
    scale = np.array([2.0])
    scaled = tg.primitive(lambda x: x**2)
    tg.defvjp(scaled, lambda g, ans, x: g * x * view(scale, x.shape))
    gradient = tg.gradients(np.sum(scaled(w)), w, create_graph=True)
    scale[:] = 0
    assert tg.gradients(np.sum(gradient), w).tolist() == [2.0, 2.0, 2.0]


def test_second_derivatives_copy_no_data_of_tensors():
    X, w = tg.Tensor(np.ones((300, 300))), np.ones((1, 300)) / 300

    def compute():
        return tg.hvp(lambda w: np.sum((w @ X) ** 2), (w,), (w,))[0]

    np.testing.assert_allclose(compute(), np.full((1, 300), 600), rtol=1e-12)
    tracemalloc.start()
    compute()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < X.numpy().nbytes / 2
