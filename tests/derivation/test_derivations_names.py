"""The lines of a derivation run as they are printed: their names are those of the net, their functions are imported."""

import numpy as np
import pytest

import tinygrad_dl as tg
from tests.derivation.test_derivations import RNG, X, lines, run
from tinygrad_dl import nn


@pytest.mark.parametrize(
    "f",
    [lambda W: np.sum(W[:, [0, 2, 0]] ** 2), lambda W: np.sum(np.sinc(W)), lambda W: np.sum(np.corrcoef(W) * W[:, :2])],
)
def test_functions_of_this_package_are_imported_by_the_lines(f):
    W = tg.parameter(RNG.normal(size=(2, 3)), name="W")
    loss = f(W)
    np.testing.assert_allclose(run(tg.derive(loss), W=W.numpy())["dW"], tg.gradients(loss, W), rtol=1e-9)
    assert "import sigmoid" not in tg.derive(np.sum(nn.sigmoid(W) * W[0])).source


class Cell(nn.Module):
    def __init__(self):
        self.W, self.U = tg.parameter(RNG.normal(size=(3, 2))), tg.parameter(RNG.normal(size=(3, 3)))

    def __call__(self, x, h):
        return np.tanh(self.W @ x + self.U @ h)


class Net(nn.Module):
    def __init__(self):
        self.cell, self.v = Cell(), tg.parameter(RNG.normal(size=(1, 3)), name="v")

    def __call__(self, x):
        return self.v @ self.cell(x, self.cell(x, np.zeros((3, 5))))


def test_a_parameter_without_a_name_has_its_path_in_the_outermost_module():
    net = Net()
    loss = np.sum(net(X) ** 2)
    derivation = tg.derive(loss)
    given = {"cell_W": net.cell.W, "cell_U": net.cell.U, "v": net.v}
    found = run(derivation, X=X, Y=np.zeros((3, 5)), **{name: x.numpy() for name, x in given.items()})
    for name, gradient in tg.gradients(loss, given).items():
        np.testing.assert_allclose(found[f"d{name}"], gradient, rtol=1e-9)
    assert r"d\mathrm{cell}_U &=" in derivation.latex()
    cell = net.cell
    assert {"dW", "dU"} <= set(lines(tg.derive(np.sum(cell(X, np.zeros((3, 5)))))))
