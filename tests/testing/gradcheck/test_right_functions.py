"""No false alarm: functions with right rules pass, at random points and where they have kinks, ties and edges.

Rounding hides some derivatives: of saturated nets, and where a function jumps. These are undecided, and few.
"""

import contextlib
import zlib
from collections import Counter

import numpy as np
import pytest

import tinygrad_dl as tg
from tests.coverage.examples import CASES
from tests.rows import every_function
from tinygrad_dl import _functions, nn, testing
from tinygrad_dl.coverage.cases import Case, real, table


def wide(*shape):
    return lambda rng: rng.normal(size=shape) * 4


def probability(*shape):
    return lambda rng: rng.uniform(0.02, 0.98, shape)


def net(*activations, sizes=(3, 4, 2), loss=None):
    """A call of a net's weights and data, and of the loss with fixed labels if there is one."""

    def call(W1, b1, W2, b2, X):
        A = activations[1](W2 @ activations[0](W1 @ X + b1) + b2)
        return A if loss is None else loss(A, (np.arange(A.size).reshape(A.shape) % 2).astype(float))

    return call


def integers(Z):
    return np.arange(Z.shape[1]) % len(Z)


NET = [wide(4, 3), wide(4, 1), wide(2, 4), wide(2, 1), wide(3, 5)]
SMALL = [real(4, 3), real(4, 1), real(2, 4), real(2, 1), real(3, 5)]
ACTIVATIONS = [nn.identity, nn.sigmoid, nn.tanh, nn.relu, nn.leaky_relu, nn.elu, nn.softplus, nn.gelu, nn.softmax]
ACTIVATIONS += [nn.log_softmax]
NN = table(
    *[(f, f"{shape}", f, wide(*shape)) for f in ACTIVATIONS for shape in [(4, 3), (1, 5)]],
    *[(f, "hidden", net(f, nn.identity), *NET) for f in ACTIVATIONS],
    *[(f, "output, squared error", net(nn.tanh, f, loss=nn.mean_squared_error), *NET) for f in ACTIVATIONS],
    (nn.mean_squared_error, "A, Y", nn.mean_squared_error, wide(2, 3), wide(2, 3)),
    (nn.binary_cross_entropy, "A, Y", nn.binary_cross_entropy, probability(2, 3), probability(2, 3)),
    # not saturated: at a probability that is rounded to 1, the cross-entropy's rule cares for the sigmoid's instead
    (nn.binary_cross_entropy, "sigmoid", net(nn.tanh, nn.sigmoid, loss=nn.binary_cross_entropy), *SMALL),
    (nn.binary_cross_entropy_with_logits, "Z, Y", nn.binary_cross_entropy_with_logits, wide(2, 3), probability(2, 3)),
    (nn.softmax_cross_entropy, "labels", lambda Z: nn.softmax_cross_entropy(Z, integers(Z)), wide(4, 5)),
    (nn.softmax_cross_entropy, "one-hot", lambda Z: nn.softmax_cross_entropy(Z, np.eye(4)), wide(4, 4)),
)
FUNCTIONS = CASES + NN
VERDICTS: Counter[str] = Counter()

# What there is no right answer for among -1, 0 and 1: factors, roots and sets that jump where values coincide or vanish
# (vectors of eigenvalues change their signs), and single rows, some of whose arguments have no derivative there.
# The rule of log_above_0 is that of the logarithm, which is infinite at 0, but for a bound.
JUMPING = {np.linalg.eigh, np.linalg.eig, np.linalg.eigvals, np.linalg.svd, np.linalg.qr, np.roots, np.intersect1d}
JUMPING |= {_functions.log_above_0}
SINGULAR = {
    # by q = 1 from the left: it is 0 to the right
    *("np.quantile linear", "np.quantile interpolated_inverted_cdf", "np.nanquantile "),
    "np.lib.scimath.logn complex",  # to the base 0
    *("np.float_power.reduce ", "np.float_power.reduce axis=-1"),  # 0 to powers below 0
    "np.linalg.pinv of rank 2",  # it jumps where the rank is less
}


def generator(case: Case, seed: int) -> np.random.Generator:
    """Random numbers of the row's own: another row before it in the table changes nothing here."""
    return np.random.default_rng([zlib.crc32(case.name.encode()), seed])


def at_random(case: Case, seed: int) -> list[np.ndarray]:
    rng = generator(case, seed)
    return [draw(rng) for draw in case.draws]


def at_kinks(case: Case, seed: int) -> list[np.ndarray]:
    """Among -1, 0 and 1: zeros, ties, equal rows, ends of domains."""
    rng = generator(case, seed)
    return [rng.integers(-1, 2, draw(rng).shape).astype(float) for draw in case.draws]


def refusals(case: Case, seed: int) -> tuple[type[Exception], ...]:
    """What may be raised: ValueError where the function is not finite, or refuses, as log(0) and labels of -1."""
    if case.function in JUMPING or case.name in SINGULAR:
        return (ValueError, TypeError, testing.GradientError)  # real values may become complex
    try:
        with np.errstate(all="ignore"):
            ans = case.call(*at_kinks(case, seed))
    except (ValueError, ZeroDivisionError, RuntimeWarning, np.exceptions.RankWarning) as error:
        return (type(error),)
    parts = ans if isinstance(ans, (tuple, list)) else [ans]
    return (np.linalg.LinAlgError,) if all(np.all(np.isfinite(part)) for part in parts) else (ValueError,)


pytestmark = pytest.mark.filterwarnings("ignore::tinygrad_dl.testing.UndecidedWarning")


@pytest.fixture(scope="module", autouse=True)
def verdicts():
    """All verdicts of this file: of enough of them, few are undecided."""
    yield
    assert VERDICTS.total() < 500 or VERDICTS["undecided"] <= 0.03 * VERDICTS.total()


def is_no_false_alarm(case, arrays, **options):
    VERDICTS[testing.check_gradients(case.call, *arrays, progress=False, **options).verdict] += 1


def test_the_names_of_the_rows_are_unique():
    assert len({case.name for case in FUNCTIONS}) == len(FUNCTIONS)


@every_function(FUNCTIONS, share=6)
def test_a_right_function_passes_at_random_points(case, deep):
    for seed in range(2 if deep else 1):
        is_no_false_alarm(case, at_random(case, seed))


@every_function(FUNCTIONS, share=8)
def test_a_right_function_passes_at_kinks_ties_and_edges(case, deep):
    for seed in range(2 if deep else 1):
        with contextlib.suppress(*refusals(case, seed)):
            is_no_false_alarm(case, at_kinks(case, seed))


# what `tests/rules` holds against other differences to second order and for complex numbers: a part of it will do here
SOME = FUNCTIONS[::5]


@every_function(SOME, share=30)
def test_a_right_function_passes_to_second_order(case):
    is_no_false_alarm(case, at_random(case, 0), order=2)


@every_function(SOME, share=30)
def test_a_right_function_passes_in_float32(case):
    is_no_false_alarm(case, [x.astype(np.float32) for x in at_random(case, 0)])


@every_function(CASES[::5], share=30)
def test_a_right_function_passes_for_complex_numbers(case, deep):
    rng = generator(case, 1)
    arrays = [x + 1j * rng.uniform(0.1, 0.2, x.shape) for x in at_random(case, 0)]
    try:
        case.call(*arrays)
    except (TypeError, ValueError, np.exceptions.ComplexWarning):  # what is for real numbers
        return
    is_no_false_alarm(case, arrays, order=2 if deep else 1)


def test_kinks_were_met():
    met = [testing.check_gradients(case.call, *at_kinks(case, 1)).kinks for case in NN if case.function is nn.relu]
    assert max(met) > 0


def test_a_net_passes_as_a_module(deep):
    for activation in (nn.relu, nn.tanh, nn.leaky_relu)[: 3 if deep else 1]:
        rng = np.random.default_rng(0)
        module = tg.nn.mlp([3, 5, 4, 1], hidden=activation, output=nn.sigmoid, rng=rng)
        X, Y = rng.normal(size=(3, 6)), rng.integers(0, 2, (1, 6))
        report = testing.check_gradients(lambda net, X, Y=Y: nn.binary_cross_entropy(net(X), Y), module, X, order=2)
        assert {row.argument for row in report.rows} == {"W1", "b1", "W2", "b2", "W3", "b3", "X"}
