"""What gives silently wrong gradients elsewhere: here it is right, or an error that names the way out."""

import copy
import math
import operator

import numpy as np
import pytest

import tinygrad_dl as tg
from tinygrad_dl.core import registry


@pytest.fixture
def w():
    return tg.parameter([1.0, 2.0, 3.0], name="w")


# ---- arrays that their owner changes after use

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


# ---- changes in place

IN_PLACE = [
    operator.iadd,
    operator.isub,
    operator.imul,
    operator.itruediv,
    operator.ipow,
    operator.imod,
]


@pytest.mark.parametrize("change", IN_PLACE)
def test_changing_a_parameter_in_place_is_an_error_that_names_the_way_out(w, change):
    with pytest.raises(TypeError, match=r"Tensor 'w' requires grad.*p\.data = p\.data - step"):
        change(w, 1.5)


@pytest.mark.parametrize("change", IN_PLACE)
def test_changing_an_intermediate_in_place_makes_a_new_tensor(w, change):
    before = w * 2
    y = change(before, 1.5)
    z = getattr(operator, change.__name__[1:])(w * 2, 1.5)
    assert before.tolist() == [2.0, 4.0, 6.0]
    assert y.tolist() == z.tolist()
    assert tg.gradients(np.sum(y * before), w).tolist() == tg.gradients(np.sum(z * (w * 2)), w).tolist()


def test_matmul_in_place_makes_a_new_tensor():
    A = tg.parameter(np.eye(2))
    y = A * 2
    y @= np.ones((2, 2))
    assert tg.gradients(np.sum(y), A).tolist() == [[4.0, 4.0], [4.0, 4.0]]
    with pytest.raises(TypeError, match="can't be changed in place"):
        A @= np.ones((2, 2))


def test_a_constant_may_be_changed_in_place_by_its_name():
    x = y = tg.Tensor([1.0])
    x += 1
    assert (x.tolist(), y.tolist()) == ([2.0], [1.0])


def test_assigning_to_an_index_names_the_way_out(w):
    for x in (w, w * 2, tg.Tensor([1.0])):
        with pytest.raises(TypeError, match=r"np\.where\(mask, value, x\)"):
            x[0] = 1.0


def test_writing_into_data_is_an_error(w):
    for x in (w, w * 2, np.sum(w), w[1:], tg.Tensor([1.0]), w.detach()):
        with pytest.raises(ValueError, match="read-only"):
            x.data[...] = 0
        with pytest.raises(ValueError, match="cannot set WRITEABLE flag"):
            x.data.flags.writeable = True
        for writable in (lambda x=x: memoryview(x.data), lambda x=x: np.lib.stride_tricks.as_strided(x.data)):
            with pytest.raises((TypeError, ValueError, IndexError), match=r"read-only|0-dim"):
                writable()[0] = 0
        memory = x.data.base
        while isinstance(memory, np.ndarray):
            with pytest.raises(ValueError, match="read-only"):
                memory[...] = 0
            memory = memory.base


def test_out_is_an_error_that_names_the_way_out(w):
    with pytest.raises(TypeError, match=r"np\.add\(\.\.\., out=x\) would change the Tensor x in place: write x ="):
        np.add(VALUES, VALUES, out=w)
    with pytest.raises(TypeError, match=r"np\.sum\(\.\.\., out=x\) would change"):
        np.sum(VALUES, out=w)
    with pytest.raises(TypeError, match=r"np\.add has no derivative rule for calls with out="):
        np.add(w, 1, out=np.zeros(3))


def test_adding_a_tracked_tensor_into_an_array_is_an_error(w):
    total = np.zeros(3)
    with pytest.raises(TypeError, match="out="):
        total += w
    with pytest.raises(TypeError, match=r"tracked.*x\.numpy\(\) or x\.detach\(\)"):
        total[:] = w
    assert total.tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("method", ["fill", "sort", "put", "partition", "resize"])
def test_methods_that_change_an_array_are_missing_and_say_so(w, method):
    with pytest.raises(AttributeError, match=f"Tensor has no {method}\\(\\), which would change it in place"):
        getattr(w, method)


@pytest.mark.parametrize("f", [np.median, np.ptp, np.add.reduce, np.cumulative_sum], ids=tg.core.registry.name_of)
def test_a_function_spelled_in_others_takes_no_buffer_either(w, f):
    for x in (w, w.detach()):
        with pytest.raises(
            TypeError, match=r"has no derivative rule for calls with out=: compute a new Tensor instead"
        ):
            f(x, axis=0, out=np.zeros(()))


def test_a_reduction_into_a_buffer_is_an_error(w):
    with pytest.raises(TypeError, match=r"np\.sum has no derivative rule for calls with out=: compute a new Tensor"):
        np.sum(w, out=np.zeros(()))


def test_adding_a_constant_tensor_into_an_array_leaves_the_gradient_right(w):
    total = alias = np.ones(3)
    total += tg.Tensor([1.0, 1.0, 1.0])
    loss = np.sum(w * total)
    alias[:] = 100.0
    assert tg.gradients(loss, w).tolist() == [2.0, 2.0, 2.0]


# ---- leaving the graph


@pytest.mark.parametrize(
    "leave", [np.asarray, np.array, lambda x: np.array([x, x]), lambda x: np.add(VALUES, [x, x, x])]
)
def test_an_array_of_a_tracked_tensor_is_an_error_that_names_the_ways_out(w, leave):
    with pytest.raises(TypeError, match=r"Tensor 'w' is tracked.*x\.numpy\(\) or x\.detach\(\).*np\.stack"):
        leave(w)


def test_a_constant_is_an_array_and_so_is_any_tensor_where_nothing_is_recorded(w):
    assert np.asarray(tg.Tensor([1.0, 2.0])).tolist() == [1.0, 2.0]
    assert np.asarray(tg.Tensor([1.0]), dtype=np.float32).dtype == np.float32
    assert np.array([tg.Tensor(1.0), tg.Tensor(2.0)]).tolist() == [1.0, 2.0]
    with tg.no_grad():
        assert np.asarray(w).tolist() == [1.0, 2.0, 3.0]
        assert np.array([w, w]).shape == (2, 3)
    own = np.asarray(tg.Tensor([1.0]))
    own[:] = 2.0  # a copy


def test_a_function_without_a_rule_is_an_error_in_the_forward_pass_that_names_the_way_out(w):
    @tg.primitive
    def mystery(x, *, twice=None):
        return x * 2

    for call in (lambda: mystery(w), lambda: mystery(x=w), lambda: mystery(1.0, twice=w)):
        with pytest.raises(TypeError, match=r"no derivative rule for mystery\..*tg\.defvjp.*x\.detach\(\)"):
            call()
        with tg.no_grad():
            assert not call().requires_grad
    assert mystery(tg.Tensor(1.0)).item() == 2.0


@pytest.mark.parametrize("wrap", [lambda s: s, lambda s: [s], lambda s: (1.0, [s])])
def test_a_tracked_tensor_in_a_setting_is_an_error(w, wrap):
    @tg.primitive
    def scale(x, by, *, also=None):
        return x * np.sum(by if also is None else also)

    tg.defvjp(scale, lambda g, ans, x, by, *, also=None: g)
    setting = wrap(tg.parameter(2.0))
    with pytest.raises(TypeError, match=r"no derivative rule for argument 1 of scale"):
        scale(w, setting)
    with pytest.raises(TypeError, match=r"scale got a Tensor as also="):
        scale(w, 1.0, also=setting)


def test_an_argument_without_a_rule_is_an_error_that_names_it(w):
    with pytest.raises(TypeError, match=r"argument 3 of np\.sum \(the first is 0\)"):
        np.sum(VALUES, None, None, w)


def test_a_ufunc_method_that_changes_an_array_is_an_error(w):
    with pytest.raises(TypeError, match=r"np\.add\.at has no derivative rule: it changes an array in place"):
        np.add.at(w, 0, 1)


def test_a_tensor_as_a_keyword_is_put_in_its_place_or_refused(w):
    assert tg.gradients(np.sum(a=w * 2), w).tolist() == [2.0, 2.0, 2.0]
    with pytest.raises(TypeError, match="got a Tensor as where=: pass it by position"):
        np.add(w, w, where=w)


def test_a_python_number_is_the_value_and_has_no_gradient():
    x = tg.parameter(2.5)
    assert (float(x), int(x), bool(x), x.item()) == (2.5, 2, True, 2.5)
    assert all(type(value) is float for value in (float(x), x.item(), tg.parameter([[2.5]]).item()))
    assert [10, 20, 30][tg.Tensor(1)] == 20
    with (
        pytest.raises(TypeError, match=r"lost its gradient: leave out float\(\)"),
        pytest.warns(match="out of the graph"),
    ):
        tg.grad(lambda x: float(x))(1.0)
    with pytest.raises(TypeError, match=r"math\.exp took .* out of the graph(?s:.)*np\.exp for math\.exp"):
        tg.grad(lambda x: math.exp(x))(1.0)


def test_a_branch_on_a_comparison_follows_the_values():
    f = tg.grad(lambda x: x**2 if x > 0 else -x)
    assert (f(3.0), f(-3.0)) == (6.0, -1.0)


@pytest.mark.parametrize(("convert", "error"), [(float, TypeError), (bool, ValueError), (tg.Tensor.item, ValueError)])
def test_many_elements_are_no_number(w, convert, error):
    with pytest.raises(error):
        convert(w)


def test_a_complex_output_is_no_loss(w):
    with pytest.raises(ValueError, match="expected a real output of size 1"):
        tg.backward(np.sum(w * 1j))
    with pytest.raises(TypeError, match=r"a real float, got complex128: take np\.real or np\.abs"):
        tg.grad(lambda x: np.sum(x * 1j))(1.0)


@pytest.mark.parametrize(
    ("cast", "values"), [(lambda x: x.astype(int), [1, 2, 3]), (lambda x: np.sum(x, dtype=int), 6)]
)
def test_a_cast_to_integers_is_constant(w, cast, values):
    assert cast(w).tolist() == values
    assert not getattr(cast(w), "requires_grad", False)
    assert tg.gradients(np.sum(cast(w) * w), w).tolist() == np.broadcast_to(values, 3).tolist()


@pytest.mark.parametrize("call", [lambda x: np.block([x, x]), lambda x: np.block(arrays=[[x], [x]])])
def test_a_function_of_a_list_without_a_rule_is_an_error_and_of_constants_what_numpy_gives(w, call, monkeypatch):
    monkeypatch.delitem(registry.spellings, np.block)
    with pytest.raises(TypeError, match=r"no derivative rule for np\.block"):
        call(w)
    assert call(tg.Tensor(VALUES)).tolist() == call(VALUES).tolist()
    with tg.no_grad():
        assert call(w).tolist() == call(w.numpy()).tolist()


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


def test_a_constant_shares_no_memory_with_an_array_that_went_into_it(w):
    @tg.primitive
    def second(x, y):
        return y

    array = VALUES.copy()
    y = second(tg.Tensor(1.0), array)
    array[:] = 0
    assert tg.gradients(np.sum(w * y), w).tolist() == VALUES.tolist()


def test_a_masked_array_is_refused_rather_than_unmasked(w):
    masked = np.ma.array(VALUES, mask=[True, False, False])
    for use in (lambda: w * masked, lambda: tg.Tensor(masked), lambda: np.where(masked, w, 0)):
        with pytest.raises(TypeError, match=r"expected a plain array, got a MaskedArray: x\.filled\(value\)"):
            use()
    with pytest.raises(TypeError, match="expected a plain array, got a matrix"):
        w * np.eye(3).view(np.matrix)


@pytest.mark.parametrize(
    "other", [np.array([1, 2, None]), np.timedelta64(3, "s"), ["a"]], ids=["object", "time", "text"]
)
def test_what_is_no_number_is_refused_beside_a_tensor(w, other):
    with pytest.raises(TypeError, match="expected numbers, got data of dtype"):
        w * other


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


def test_small_integers_beside_a_tensor_do_not_overflow_in_its_rule():
    y = tg.parameter([3.0, 4.0])
    x = np.array([100, 20], np.uint8)
    expected = x.astype(float) / (x.astype(float) ** 2 + y.data**2)
    np.testing.assert_allclose(tg.gradients(np.sum(np.arctan2(y, x)), y), expected, rtol=1e-14)
    base = tg.parameter([1e3] * 3)
    assert tg.gradients(np.sum(base ** np.array([0, 1, 2], np.uint8)), base).tolist() == [0.0, 1.0, 2000.0]


def test_a_primitive_called_by_keyword_uses_its_rule():
    @tg.primitive
    def rounded(x):
        return np.round(x)

    tg.defvjp(rounded, lambda g, ans, x: g)
    assert tg.grad(lambda x: np.sum(x * rounded(x=x)))(np.array([1.2])).tolist() == [2.2]


def test_a_complex_cotangent_of_a_real_output_is_refused(w):
    with pytest.raises(TypeError, match="expected a real cotangent"):
        tg.gradients(w**2, w, cotangent=np.array([1j, 1, 1]))


def test_a_keyword_that_a_spelling_does_not_take_is_named(w):
    with pytest.raises(TypeError, match=r"np\.concatenate of Tensors: got an unexpected keyword argument 'out'"):
        np.concatenate([w, w], out=np.zeros(6))
    with pytest.raises(TypeError, match=r"np\.stack of Tensors: too many positional arguments"):
        np.stack([w, w], 0, None)


def test_where_of_a_condition_alone_gives_positions():
    positions = np.where(tg.parameter([0.0, 1.0]))
    assert type(positions) is tuple
    assert positions[0].tolist() == [1]


def test_a_gradient_depends_on_its_cotangent(w):
    u = tg.parameter([1.0, 1.0, 1.0])
    g = tg.gradients(w**2, w, create_graph=True, cotangent=u)
    assert tg.gradients(np.sum(g), u).tolist() == [2.0, 4.0, 6.0]


@pytest.mark.parametrize("result", [None, 3.0])
def test_a_rule_that_gives_no_array_is_named(result):
    f = tg.primitive(lambda x: np.sin(x))
    tg.defvjp(f, lambda g, ans, x: result)
    with pytest.raises(TypeError, match=rf"the derivative rule of <lambda> gave {result}: expected an array"):
        tg.grad(f)(1.0)
