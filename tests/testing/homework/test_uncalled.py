"""Losses that a file has, and that its training step never computes."""

import textwrap

import pytest

from tinygrad_dl.testing.homework import scripts
from tinygrad_dl.testing.homework.loading import run_file
from tinygrad_dl.testing.homework.uncalled import call_losses, is_noted

NET = """
import numpy as np
class Net:
    def __init__(self):
        self.w, self.v = np.random.randn(4, 3), np.random.randn(1, 4)
    def forward(self, x):
        return self.v @ np.tanh(self.w @ x)
    def cost(self, x, y):
        return HALF * np.sum((self.forward(x) - y) ** 2)
    def learn(self, x, y, eta=0.1):
        h = np.tanh(self.w @ x)
        delta = FACTOR * (self.v @ h - y)
        below = self.v.T @ delta * (1 - h**2)
        self.v -= eta * (delta @ h.T)
        self.w -= eta * (below @ x.T)
net = Net()
for i in range(4):
    net.learn(np.random.randn(3, 1), np.ones((1, 1)))
"""


@pytest.mark.parametrize(
    ("half", "factor", "verdict"), [("0.5", "1", "right"), ("0.5", "2", "wrong"), ("1", "2", "right")]
)
def test_a_loss_of_the_file_decides_on_a_factor_where_the_step_computes_none(tmp_path, half, factor, verdict):
    path = tmp_path / "net.py"
    path.write_text(NET.replace("HALF", half).replace("FACTOR", factor), encoding="utf-8")
    with run_file(str(path)) as file:
        (finding,) = [check.run() for check in scripts.find(file)]
    assert finding.verdict == verdict, finding.report
    assert finding.names == ("Net",)


@pytest.fixture
def module():
    """The names of a module of losses, and its path; `calls` are what the losses were called with."""
    source = """
    calls = []
    def loss(y, p, scale=1): calls.append(("loss", y, p, scale))
    def loss_prime(y, p): calls.append("no loss")
    def mse(y, other): calls.append("no value")
    def cost(p):
        calls.append(("cost", p))
        raise ValueError
    """
    names = {}
    exec(compile(textwrap.dedent(source), "losses.py", "exec"), names)
    return names


def test_a_loss_gets_the_values_of_its_names_where_the_step_first_has_them(module):
    call_losses([{"p": 1}, {"p": 2, "y": 3, "scale": 4}], module, "losses.py")
    assert module["calls"] == [("cost", 1), ("loss", 3, 2, 4)]


def test_functions_of_other_files_are_not_called(module):
    call_losses([{"p": 1, "y": 2}], module, "another.py")
    assert module["calls"] == []


@pytest.mark.parametrize(
    ("names", "noted"), [(["a", "dW"], False), (["shown np.mean(x)"], False), (["a", "self.loss"], True), (["J"], True)]
)
def test_a_step_has_a_loss_if_a_value_is_called_so(names, noted):
    assert is_noted(names) is noted
