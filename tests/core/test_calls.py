"""Calls that would lose the gradient silently elsewhere: each is right, or an error that names the remedy."""

import math
from fractions import Fraction

import numpy as np
import pytest

import tinygrad_dl as tg
from tinygrad_dl.core import registry
from tinygrad_dl.core.modes import recording

VALUES = np.array([2.0, 3.0, 5.0])


# ---- leaving the graph


@pytest.mark.parametrize(
    "leave", [np.asarray, np.array, lambda x: np.array([x, x]), lambda x: np.add(VALUES, [x, x, x])]
)
def test_an_array_of_a_tracked_tensor_is_an_error_that_names_the_ways_out(w, leave):
    with pytest.raises(TypeError, match=r"Tensor 'w' is tracked.*np\.stack.*x\.numpy\(\) or x\.detach\(\)"):
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
    with pytest.raises(TypeError, match=r"a real float, got complex128: apply np\.real or np\.abs"):
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
    monkeypatch.delitem(registry.composites, np.block)
    with pytest.raises(TypeError, match=r"no derivative rule for np\.block"):
        call(w)
    assert call(tg.Tensor(VALUES)).tolist() == call(VALUES).tolist()
    with tg.no_grad():
        assert call(w).tolist() == call(w.numpy()).tolist()


@pytest.mark.parametrize("is_recording", [True, False])
@pytest.mark.parametrize("make", [tg.Tensor, tg.parameter])
def test_a_masked_array_is_refused_rather_than_unmasked(make, is_recording):
    x, masked = make(VALUES), np.ma.array(VALUES, mask=[True, False, False])
    uses = lambda: x * masked, lambda: tg.Tensor(masked), lambda: np.where(masked, x, 0), lambda: np.add(x, masked)
    for use in (*uses, lambda: np.sum(x, where=masked), lambda: np.hypot(masked, x)):
        with recording(is_recording), pytest.raises(TypeError, match=r"got a MaskedArray: x\.filled\(value\)"):
            use()
    for use in (lambda: x * np.eye(3).view(np.matrix), lambda: np.add(x, np.eye(3).view(np.matrix))):
        with recording(is_recording), pytest.raises(TypeError, match="expected a plain array, got a matrix"):
            use()


@pytest.mark.parametrize(
    "other", [Fraction(1, 2), [Fraction(1, 2)] * 3, np.array([1, 2, None]), np.array(["a"] * 3)], ids=str
)
def test_what_gives_no_numbers_is_refused_without_recording_too(w, other):
    for x in (w, w.detach()):
        for function in (np.add, lambda x, y: np.stack([x, np.broadcast_to(y, 3)])):
            with tg.no_grad(), pytest.raises(TypeError):
                function(x, other)


@pytest.mark.parametrize(
    "other", [np.array([1, 2, None]), np.timedelta64(3, "s"), ["a"]], ids=["object", "time", "text"]
)
def test_what_is_no_number_is_refused_beside_a_tensor(w, other):
    with pytest.raises(TypeError, match="expected numbers, got data of dtype"):
        w * other


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


def test_a_keyword_that_a_decomposition_does_not_take_is_named(w):
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
