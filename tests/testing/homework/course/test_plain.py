"""The functions that stand in for the course's compute what the formulas of the course do."""

import numpy as np

from tinygrad_dl.testing import formulas
from tinygrad_dl.testing.homework.course import plain


def test_the_net_and_its_cost_are_those_of_the_formulas():
    rng = np.random.default_rng(0)
    sizes = (3, 5, 4, 1)
    parameters = {f"W{i}": rng.normal(size=(sizes[i], sizes[i - 1])) for i in (1, 2, 3)}
    parameters |= {f"b{i}": rng.normal(size=(sizes[i], 1)) for i in (1, 2, 3)}
    X, Y = rng.normal(size=(3, 7)), rng.integers(0, 2, (1, 7))
    a3, cache = plain.forward_propagation(X, parameters)
    A, _ = formulas.deep_forward(X, parameters, ["relu", "relu", "sigmoid"])
    np.testing.assert_allclose(a3, A)
    assert cache[9] is a3
    assert cache[2] is parameters["W1"]
    np.testing.assert_allclose(plain.compute_cost(a3, Y), -np.mean(np.where(Y, np.log(a3), np.log(1 - a3))))
