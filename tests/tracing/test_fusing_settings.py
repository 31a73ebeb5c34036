"""Rules of a fused function are those of the settings of each call, which may be equal and yet differ."""

import random
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_dl as tg
from tinygrad_dl.tracing.signatures import Changeable, exact

NUMBERS = [0, False, 0.0, -0.0, 0j, complex(0.0, -0.0), complex(-0.0, 0.0), float("nan"), 10**400]
NAMES = ["0", b"0", None, ..., np.sum, np.sin, np.float32, np.dtype("f4"), np.dtype("f8"), float, tg.nn.relu]
SCALARS = [np.float64(0), np.float64(-0.0), np.float32(0), np.int64(0), np.int8(0), np.bool_(0)]
PLAIN = [*NUMBERS, *NAMES, *SCALARS]
WRAPPED = [*PLAIN, *[(x,) for x in PLAIN], *[slice(x) for x in NUMBERS], range(0), range(0, 0, 2), ((0,), 0), ((0, 0),)]


def _text(setting):
    return repr((type(setting), setting))


def _weight(setting):
    """A number that differs for settings of other types or values."""
    return float(zlib.crc32(_text(setting).encode()))


def _by_keyword(x, *, setting):
    return x * _weight(setting)


def _by_position(x, setting):
    return x * _weight(setting)


def _slope(f, setting, dtype=float):
    x = tg.parameter(np.ones(2, dtype))
    y = f(x, setting=setting)
    return tg.gradients(np.sum(y), x)


@pytest.mark.parametrize(("formula", "known"), [(_by_keyword, WRAPPED), (_by_position, [*NUMBERS, *NAMES])])
@given(data=st.data())
def test_rules_are_those_of_the_type_and_value_of_a_setting(formula, known, data):
    fused = tg.fused(formula)
    for setting in data.draw(st.lists(st.sampled_from(known), max_size=8)):
        assert _slope(fused, setting).tolist() == [_weight(setting)] * 2


@given(settings=st.tuples(*[st.sampled_from(WRAPPED)] * 2))
def test_a_key_is_equal_for_the_same_type_and_value_only(settings):
    a, b = settings
    assert (exact(a) == exact(b)) == (_text(a) == _text(b))
    assert hash(exact(a)) == hash(exact(a))


@given(dtype=st.sampled_from(["f2", "f4", "f8"]), kinds=st.lists(st.sampled_from(["f2", "f4", "f8", float, int])))
def test_slopes_have_the_dtype_of_the_array_for_settings_of_each_dtype(dtype, kinds):
    fused = tg.fused(lambda x, *, setting: x * setting)
    for kind in kinds:
        assert _slope(fused, np.dtype(kind).type(1) if isinstance(kind, str) else kind(1), dtype).dtype == dtype


class _Scale:
    def __init__(self, factor):
        self.factor = factor

    def __call__(self, x):
        return x * self.factor


class _Shaped(_Scale):
    shape, dtype = [2], "f8"
    __hash__ = None


def _closure(scale):
    return lambda x: x * scale.factor


@pytest.mark.parametrize("kind", [_Scale, _Shaped])
@pytest.mark.parametrize("held", [lambda scale: scale, _closure])
@pytest.mark.parametrize("formula", [lambda x, *, setting: setting(x), lambda x, setting: setting(x)])
@given(factors=st.lists(st.sampled_from([1.0, 2.0, 5.0]), max_size=4))
def test_settings_that_change_have_the_slopes_of_each_call(formula, held, kind, factors):
    scale = kind(1.0)
    fused, setting = tg.fused(formula), held(scale)
    for scale.factor in factors:
        assert _slope(fused, setting).tolist() == [scale.factor] * 2


@given(factors=st.lists(st.sampled_from([1.0, 2.0, 5.0]), max_size=4))
def test_objects_in_tuples_have_the_slopes_of_each_call(factors):
    scale = _Scale(1.0)
    fused = tg.fused(lambda x, *, setting: setting[0](x))
    for scale.factor in factors:
        assert _slope(fused, (scale,)).tolist() == [scale.factor] * 2


@pytest.mark.parametrize("setting", [_Scale(1.0), (_Scale(1.0),), lambda x: x, [1], {}, np.zeros(2), _Scale, np.random])
def test_what_may_change_has_no_key(setting):
    with pytest.raises(Changeable):
        exact(setting)


@given(setting=st.sampled_from(WRAPPED))
def test_the_rule_of_a_plain_setting_is_derived_once(setting):
    fused = tg.fused(_by_keyword)
    for _ in range(3):
        _slope(fused, setting)
    [rule] = tg.core.registry.vjps[fused].choose.__globals__["rules"].values()
    assert rule is not None


@pytest.mark.parametrize("kind", [np.float32, np.dtype("f4"), float, "f4"])
def test_a_dtype_may_be_given_by_position(kind):
    fused = tg.fused(lambda x, setting: x.astype(setting) ** 2)
    assert _slope(fused, kind).tolist() == [2.0, 2.0]


# ---- what is no argument, and changes


GENERATOR, WEIGHTS = np.random.default_rng(0), np.ones(3)
INCONSTANT = {
    "numpy.random": lambda x: x * np.random.normal(),  # noqa: NPY002
    "random": lambda x: x * random.random(),
    "generator": lambda x: np.where(GENERATOR.random(x.shape) < 0.5, x, 0),
}


@pytest.mark.parametrize("name", INCONSTANT)
def test_a_formula_that_returns_something_else_each_time_is_refused_in_the_backward_pass(name):
    y = tg.fused(INCONSTANT[name])(tg.parameter(np.ones(40)))
    with pytest.raises(RuntimeError, match="does not return in the backward pass what it returned in the forward pass"):
        np.sum(y).backward()


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16, complex])
@pytest.mark.parametrize("scale", [1.0, 1e-3, np.inf, np.nan])
def test_a_formula_that_reads_an_array_from_outside_may_do_so_until_it_changes(dtype, scale):
    weights = np.array([1, 2, 3], dtype)
    f = tg.fused(lambda x: np.sum(np.sin(x) * weights / 7))
    x = tg.parameter(np.array([scale, 1, 2], dtype))
    with np.errstate(all="ignore"):
        y = f(x)
        np.testing.assert_allclose(tg.gradients(y, x, cotangent=dtype(1)), np.cos(x.numpy()) * weights / 7, rtol=1e-2)
        weights[1] = 5
        if np.isfinite(scale):
            with pytest.raises(RuntimeError, match="or reads what changes, pass them as arguments"):
                tg.gradients(y, x, cotangent=dtype(1))
