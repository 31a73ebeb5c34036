"""What the strategies draw: in range, of every kind, simple when shrunk, and printed so that it can be pasted."""

import itertools

import numpy as np
import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

import tinygrad_dl as tg
from tests import numeric
from tests.marks import in_depth
from tinygrad_dl.testing import strategies
from tinygrad_dl.testing.strategies import Network, Program, arrays, axes, broadcastable, indices, matmul_pairs
from tinygrad_dl.testing.strategies.numbers import MARGIN, TINY
from tinygrad_dl.testing.strategies.programs import KINKED, SMOOTH, _result

few = settings(max_examples=settings.default.max_examples // 2)
shrink = settings(max_examples=300, database=None, phases=[Phase.generate, Phase.shrink])


def drawn(strategy, count):
    """Some examples, the same in every run."""
    examples = []

    @settings(max_examples=count, database=None)
    @given(strategy)
    def collect(example):
        examples.append(example)

    collect()
    return examples


def shown(strategy, condition=lambda example: True):
    """What Hypothesis prints for the simplest example for which a test fails."""

    @shrink
    @given(x=strategy)
    def test(x):
        assert not condition(x)

    with pytest.raises(AssertionError) as failure:
        test()
    return "\n".join(failure.value.__notes__)


# ---- arrays


@few
@given(
    st.data(), st.sampled_from([*strategies.DOMAINS, (10.0, 11.0)]), st.sampled_from([np.float16, np.float32, float])
)
def test_arrays_stay_in_their_domain_and_away_from_what_is_almost_0(data, domain, dtype):
    x = data.draw(arrays(domain=domain, dtype=dtype, layouts=True))
    intervals = strategies.DOMAINS.get(domain, (domain,))
    assert x.dtype == dtype
    assert np.all(np.any([(low <= x) & (x <= high) for low, high in intervals], axis=0))
    assert np.all((x == 0) | (np.abs(x) >= TINY))


@few
@given(arrays(dtype=complex, domain="positive"))
def test_both_parts_of_complex_numbers_are_in_the_domain(x):
    assert np.all((x.real > 0) & (x.imag > 0))


@few
@given(st.data(), st.sampled_from(["real", "nonzero", "unit interval"]))
def test_arrays_away_from_kinks_keep_a_distance_to_them_and_have_no_ties(data, domain):
    kinks = data.draw(st.sampled_from([[], [0.0], [0.5, 0.0]]))
    x = data.draw(arrays(domain=domain, kinks=kinks, layouts=True))
    assert all(np.abs(x - kink).min() >= MARGIN for kink in kinks)
    assert len(np.unique(x)) == x.size


@few
@given(st.data(), st.sampled_from(["real", "nonzero", "unit interval"]))
def test_arrays_on_kinks_have_elements_there_or_ties_if_there_are_none(data, domain):
    kinks = data.draw(st.sampled_from([[], [0.0], [0.5, 0.0]]))
    x = data.draw(arrays((2, 3), domain, kinks=kinks, on_kinks=True))
    assert np.any(np.isin(x, kinks)) or len(np.unique(x)) < x.size


def test_negative_zeros_are_among_the_kinks():
    assert any(np.any(np.signbit(x) & (x == 0)) for x in drawn(arrays(3, kinks=[0.0], on_kinks=True), 50))


@few
@given(broadcastable(3, kinks=[0.0]))
def test_arrays_drawn_together_have_no_ties_between_them(trio):
    values = np.concatenate([x.ravel() for x in trio])
    assert len(np.unique(values)) == len(values)


def test_all_layouts_occur_and_shrink_away():
    kinds = {
        (x.flags.c_contiguous, x.flags.f_contiguous, min(x.strides) < 0, 0 in x.strides)
        for x in drawn(arrays((2, 3), layouts=True), 60)
    }
    assert {
        (True, False, False, False),
        (False, True, False, False),
        (False, False, False, False),
        (False, False, True, False),
        (False, False, False, True),
    } <= kinds
    assert find(arrays((2, 3), layouts=True), lambda x: True, settings=shrink).flags.c_contiguous


def test_other_layouts_occur_by_default_that_can_be_written_to():
    examples = drawn(arrays((2, 2)), 60)
    assert any(x.flags.c_contiguous for x in examples)
    assert any(x.flags.f_contiguous for x in examples)
    assert any(min(x.strides) < 0 for x in examples)
    assert all(x.flags.writeable for x in examples)


def test_all_arrays_are_contiguous_on_request():
    assert all(x.flags.c_contiguous for x in drawn(arrays(layouts=False), 50))


@pytest.mark.parametrize("layout", sorted(set(strategies.LAYOUTS) - {"repeated"}))
@pytest.mark.parametrize("shape", [(3,), (2, 3), (2, 1, 3), (0, 2)])
def test_a_layout_keeps_the_numbers(layout, shape):
    x = np.arange(float(np.prod(shape))).reshape(shape)
    assert np.array_equal(strategies.LAYOUTS[layout](x), x)


@pytest.mark.deep
def test_shapes_go_from_0_axes_up_and_are_empty_only_if_asked_for():
    some = drawn(arrays(), 100)
    assert {x.ndim for x in some} == {0, 1, 2, 3}
    assert all(x.size for x in some)
    assert any(x.size == 0 for x in drawn(arrays(strategies.shapes(empty=True)), 50))


# ---- what goes with them


@few
@given(broadcastable(3, ["real", "positive", (5, 6)], layouts=True))
def test_broadcastable_arrays_broadcast_each_in_its_domain(trio):
    assert np.add(np.add(trio[0], trio[1]), trio[2]).shape == np.broadcast_shapes(*(x.shape for x in trio))
    assert np.all(trio[1] > 0)
    assert np.all(trio[2] >= 5)


def test_matmul_pairs_multiply_and_have_every_combination_of_ranks(deep):
    pairs = drawn(matmul_pairs(), 1500 if deep else 150)
    assert all((x @ y).size for x, y in pairs)
    ranks = range(1, 4 if deep else 3)  # pairs of two stacks are rare
    assert set(itertools.product(ranks, repeat=2)) <= {(x.ndim, y.ndim) for x, y in pairs}
    stacks = [(x.shape[:-2], y.shape[:-2]) for x, y in pairs if x.ndim > 2 and y.ndim > 2]
    assert any(a != b for a, b in stacks)  # that broadcast


@pytest.mark.parametrize("ndim", [0, 1, 3])
def test_axes_are_what_a_reduction_takes_of_every_kind(ndim):
    examples = drawn(axes(ndim), 100)
    for axis in examples:
        np.sum(np.ones((2,) * ndim), axis=axis)
    kinds = {type(axis) for axis in examples}
    assert kinds == ({type(None), int, tuple} if ndim else {type(None), tuple})
    assert ndim == 0 or any(isinstance(axis, int) and axis < 0 for axis in examples)


@pytest.mark.parametrize("shape", [(), (2, 3), *map(in_depth, [(3,), (0, 2)])])
def test_indices_are_what_an_array_takes_of_every_kind(shape):
    x, seen, repeats = np.arange(float(np.prod(shape))).reshape(shape), set(), False
    for index in drawn(indices(shape), 200):
        picked = np.asarray(x[index])
        repeats |= picked.size > len(np.unique(picked))
        for part in index if isinstance(index, tuple) else (index,):
            seen.add(part.dtype.kind if isinstance(part, np.ndarray) else type(part))
    assert {type(None), type(...), "b"} <= seen
    if shape and 0 not in shape:
        assert {int, slice, "i"} <= seen
        assert repeats


# ---- shrinking and printing


@pytest.mark.few_values
@pytest.mark.parametrize(
    ("strategy", "condition", "simplest"),
    [
        (arrays(layouts=True), lambda x: True, np.array(0.0)),
        (arrays(layouts=True), lambda x: x.ndim == 2, np.zeros((1, 1))),
        (arrays(), lambda x: np.any(x > 1), np.array(2.0)),
        (arrays(3), lambda x: np.sum(x) > 1, np.array([0.0, 0.0, 2.0])),
        (arrays(domain="positive"), lambda x: True, np.array(1.0)),
        (arrays(domain="nonzero", kinks=[]), lambda x: np.any(x < 0), np.array(-1.0)),
        (arrays(kinks=[0.0], on_kinks=True), lambda x: x.size == 2, np.zeros(2)),
    ],
)
def test_arrays_shrink_to_few_axes_and_whole_numbers(strategy, condition, simplest):
    x = find(strategy, condition, settings=shrink)
    assert np.array_equal(x, simplest)
    assert x.shape == simplest.shape


@pytest.mark.deep
def test_a_failing_test_prints_arrays_as_code_with_their_dtype_and_layout():
    assert "x=np.array(0.0, dtype=np.float32)," in shown(arrays(dtype=np.float32))
    assert "x=np.flip(np.zeros(2), (0,))," in shown(arrays(layouts=True), lambda x: x.size > 1 and x.strides[0] < 0)
    assert "x=(np.array(0.0), np.array(0.0))," in shown(broadcastable())
    assert "np.array([0])),\n" in shown(
        indices((2, 2)), lambda i: isinstance(i, tuple) and isinstance(i[0], slice) and isinstance(i[-1], np.ndarray)
    )


@pytest.mark.parametrize(("strategy", "make"), [(strategies.networks(), Network), (strategies.programs(), Program)])
def test_a_failing_test_prints_networks_and_programs_as_code(strategy, make):
    code = shown(strategy).split("x=", 1)[1].rsplit(",\n)")[0]
    assert type(eval(code, {"np": np, make.__name__: make})) is make
    assert "\n" in code  # its repr, and not what Hypothesis makes of a dataclass


# ---- programs


@few
@given(strategies.programs(kinks=True))
def test_a_program_gives_on_tensors_what_its_source_gives_in_numpy(program):
    namespace = {"np": np}
    exec(program.source, namespace)
    expected = namespace["program"](*program.inputs)
    ans = program(*map(tg.parameter, program.inputs))
    np.testing.assert_allclose(ans.numpy(), expected, rtol=1e-12)
    assert np.max(np.abs(expected)) < 100


@given(strategies.programs())
def test_gradients_of_programs_are_what_differences_give(program):
    def total(*inputs):
        return np.sum(program(*inputs))

    argnums = tuple(range(len(program.inputs)))
    for argnum, gradient in zip(argnums, tg.grad(total, argnums)(*program.inputs), strict=True):
        numeric.assert_equal(gradient, numeric.gradient(total, program.inputs, argnum), rtol=1e-5)


@few
@given(strategies.programs(kinks=True))
def test_the_repr_of_a_program_makes_it_again(program):
    again = eval(repr(program), {"np": np, "Program": Program})
    assert again.source == program.source
    assert np.array_equal(again(*again.inputs), program(*program.inputs))


@few
@given(strategies.programs())
def test_a_program_needs_each_of_its_inputs_and_statements(program):
    lines = program.lines.splitlines()
    names = [f"x{i}" for i in range(len(program.inputs))] + [f"v{i}" for i in range(len(lines) - 1)]
    assert all(any(name in line.split(" = ")[1] for line in lines) for name in names)


@pytest.mark.deep
def test_programs_use_nearly_every_row_share_values_and_vary_in_length():
    programs = drawn(strategies.programs(kinks=True), 600)
    rows = {row.split("(")[0] for row in (*SMOOTH, *KINKED) if row.startswith("np.")}
    assert sum(any(row in program.lines for program in programs) for row in rows) > 0.75 * len(rows)
    lines = [program.lines.splitlines() for program in programs]
    assert len(set(map(len, lines))) >= 4
    assert max(map(len, lines)) >= 5
    assert any(sum("v0" in line for line in body[1:]) > 1 for body in lines)  # a diamond
    assert any(" @ " in program.lines for program in programs)


def test_statements_that_don_t_fit_or_give_large_numbers_or_many_are_left_out():
    x = np.full((2, 3), 4.0)
    assert np.array_equal(_result("a**3", x, x), x**3)
    for code, a, b in [
        ("a @ b", x, x),
        ("a @ b", 1.0, x),
        ("a**3", 5.0, x),
        ("np.outer(a, b)", np.ones(8), np.ones(8)),
    ]:
        assert _result(code, np.asarray(a), b) is None
