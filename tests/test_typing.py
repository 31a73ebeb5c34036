"""Type checkers report the typos in a user's program, each at its line, and nothing else."""

import ast
import importlib.util
import inspect
import json
import os
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import hypothesis
import numpy as np
import pytest

import tinygrad_dl
from tinygrad_dl.core import array_methods
from tinygrad_dl.core.array_methods import ArrayMethods

PACKAGE = Path(tinygrad_dl.__file__).parent
PYRIGHT = "pyright@1.1.414"
PROGRAM = """\
from typing import Any, assert_type
import numpy as np
from numpy.typing import NDArray
import tinygrad_dl as tg

W = tg.parameter(np.ones((2, 3)), name="W")
x = np.ones((3, 4))
A = tg.nn.relu(W @ x)
loss = (A**2).sum()
for tensor in (W.T, W[0], W[:, 1:], -W, 2 * W, W / 2, W @ W.T, abs(W), W.mean(axis=0, keepdims=True)):
    assert_type(tensor, tg.Tensor)
assert_type(A, tg.Tensor)
assert_type(loss, tg.Tensor)
assert_type(W.reshape(3, 2).transpose().ravel(order="F").clip(0, 1), tg.Tensor)
assert_type(W.astype(np.float32).real.squeeze(), tg.Tensor)
assert_type(W.shape, tuple[int, ...])
loss.backward()
loss.backward(keep_graph=True)
W.data = W.data - 0.1 * W.grad
W -= 1
print(float(loss), W > 0, len(W), [row.sum() for row in W], np.sum(W), np.mean(W), np.linalg.norm(W), np.tanh(W))
loss.bacward()  # typo
loss.backward(keep_grpah=True)  # typo
print(W.shpae)  # typo
print((W @ x).Tt)  # typo
print(W.grad.shpae)  # typo
print(W.T.sum(axsi=0))  # typo
print(W[0].menn())  # typo
print(W.ravel(order="Q"))  # typo
tg.Tensro([1.0])  # typo
tg.parameter(1.0, nmae="w")  # typo
tg.tensor([1.0])  # typo
W.relu()  # typo


# ---- nets
net = tg.nn.mlp([3, 4, 1], hidden=tg.nn.tanh, output=tg.nn.sigmoid, rng=np.random.default_rng(0))
Y = np.ones((1, 4))
cost = tg.nn.binary_cross_entropy(net(x), Y)
assert_type(cost, tg.Tensor)
assert_type(tg.nn.softmax(W, axis=0), tg.Tensor)
assert_type(tg.nn.mean_squared_error(net(x), Y), tg.Tensor)
adam = tg.optim.Adam(net.parameters(), learning_rate=0.01)
adam.step()
history = tg.fit(net, x, Y, loss=tg.nn.binary_cross_entropy, optimizer=adam, epochs=1, progress=False)
print(history.loss[-1], tg.nn.accuracy(net(x), Y), tg.nn.losses, tg.nn.gelu(x).shape)
cost.bacward()  # typo
tg.nn.rleu(W)  # typo
tg.nn.leaky_relu(W, aplha=0.1)  # typo
net(x).shpae  # typo
adam.setp()  # typo
tg.optim.Adam(net.parameters(), learning_rat=0.01)  # typo
print(history.los)  # typo
tg.fit(net, x, Y, loss=tg.nn.binary_cross_entropy, optimizer=adam, epoch=1)  # typo
tg.nn.Linear(3, 4)  # typo
tg.nn.mlp([3, 4, 1], activation=tg.nn.relu)  # typo
tg.nn.Dense(3, 4, seed=0)  # typo
tg.optim.Adam(net.parameters(), lr=0.01)  # typo
net.predict(x)  # typo
net[0]  # typo


class Scale(tg.nn.Module):
    def __init__(self) -> None:
        self.factor = tg.parameter(2.0)
        self.layer = tg.nn.Dense(3, 1, rng=np.random.default_rng(0))

    def __call__(self, A: Any, B: tg.Tensor) -> tg.Tensor:
        return self.factor * self.layer(A) + B


scale = Scale()
scale(x, W).backward()
scale.layer.W.name = "W2"
print(scale.facotr)  # typo
scale.layer.weihgt = W  # typo


# ---- functions of functions
def energy(W: tg.Tensor, x: NDArray[Any], scale: float = 1.0) -> tg.Tensor:
    return scale * ((W @ x) ** 2).sum()


value, gradient = tg.value_and_grad(energy)(W, x, scale=2.0)
assert_type(value, tg.Tensor)
assert_type(tg.checkpoint(energy)(W, x), tg.Tensor)
tg.grad(energy)(W, x, scale=2.0)
tg.grad(lambda w: (w**2).sum(), argnum=0)(W)
tg.grad(energy, argnum="W")(W, x)
tg.jacobian(energy, ["W", "scale"])(W, x, scale=2.0)
tg.hessian(energy)(W, x)
tg.elementwise_grad(np.tanh)(x)
tg.grad(tg.grad(tg.grad(np.sin)))(0.0)
print(net.layers[0].W.shape)
tg.vmap(energy, in_axes=(None, 0))(W, x)
tg.checkpoint(net)(x)
tg.grad(energy)(W, x, scael=2.0)  # typo
tg.grad(energy)(W)  # typo
tg.grad(energy, argnums=1)  # typo
tg.value_and_grad(energy)(W, x, scael=2.0)  # typo
value.bacward()  # typo
tg.grad(energy, argnum=1.0)  # typo
tg.grad(energy, has_auxx=True)  # typo
tg.checkpoint(energy)(W, x, scael=2.0)  # typo


def with_count(W: tg.Tensor) -> tuple[tg.Tensor, int]:
    return (W**2).sum(), 3


(energy_of_W, count), _ = tg.value_and_grad(with_count, has_aux=True)(W)
assert_type(energy_of_W, tg.Tensor)
assert_type(count, int)
value_of_W, pullback, _ = tg.vjp(with_count, W, has_aux=True)
assert_type(value_of_W, tg.Tensor)
_, _ = tg.vjp(energy, W, x)
energy_of_W.bacward()  # typo


@tg.primitive
def power(x: Any, exponent: int = 2) -> Any:
    return x**exponent


@tg.no_grad()
def evaluate(x: NDArray[Any]) -> float:
    return float(net(x).sum())


@tg.custom(vjp=lambda g, ans, x: g)
def black_box(x: NDArray[Any]) -> NDArray[Any]:
    return x


tg.defvjp(power, lambda g, ans, x, exponent=2: g * exponent * x ** (exponent - 1))
power(W, exponent=3).sum().backward()
black_box(W).sum().backward()
assert_type(evaluate(x), float)
power(W, exponnet=3)  # typo
evaluate(z=x)  # typo
tg.defvpj(power)  # typo


# ---- pictures and checks
tg.draw(loss, show="both", values="image", gradients="stored", theme="dark", direction="LR").render("loss.svg")
tg.explore(loss, "loss.html", title="Loss")
tg.testing.check_gradients(energy, W, x, modes=["vjp"], order=2)
tg.drawing.plots.costs(history)
tg.testing.strategies.arrays((2, 2), "positive")
tg.draw(W, show="bakward")  # typo
tg.draw(W, theme="drak")  # typo
tg.draw(W, shwo="backward")  # typo
tg.draw(W).rendre("loss.svg")  # typo
tg.darw(W)  # typo
tg.drawing.plotts  # typo
tg.testing.check_gradeints(energy, W, x)  # typo
tg.testing.check_gradients(energy, W, x, modes=["vpj"])  # typo
tg.testing.stratgies  # typo
"""
TYPOS = {i for i, line in enumerate(PROGRAM.splitlines(), start=1) if line.endswith("# typo")}


def _missing(what):
    reason = f"NO TYPE CHECKER, so that types are not tested: {what}"
    if os.environ.get("REQUIRE_CHECKERS"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory):
    """A folder outside of the repository, with a Python that has the package from `pip install -e`, and our NumPy."""
    if not (PACKAGE.parent / "pyproject.toml").exists():
        _missing("this is no checkout, and there is nothing to install")
    folder = tmp_path_factory.mktemp("elsewhere")
    builder = venv.EnvBuilder()
    python = Path(builder.ensure_directories(folder / ".venv").env_exe)
    builder.create(folder / ".venv")
    [site] = (folder / ".venv").rglob("site-packages")
    (site / "numpy.pth").write_text("\n".join({str(Path(module.__file__).parents[1]) for module in (np, hypothesis)}))
    install = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "-e", PACKAGE.parent]
    answer = subprocess.run(install, capture_output=True, text=True)
    if answer.returncode:
        _missing(f"pip can't install the package: {answer.stderr[-1000:]}")
    (folder / "program.py").write_text(PROGRAM, encoding="utf-8")
    return folder, python


def _output(elsewhere, *command):
    folder, python = elsewhere
    paths = {"PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": "", "MYPYPATH": ""}
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, env={**os.environ, **paths}).stdout


def _pyright(elsewhere, *options):
    npx = shutil.which("npx")
    if npx is None:
        _missing("install Node.js, whose npx runs pyright")
    output = _output(elsewhere, npx, "--yes", PYRIGHT, "--outputjson", *options)
    return json.loads(output) if output else _missing("npx can't get pyright")


@pytest.mark.deep
def test_mypy_reports_each_typo_and_nothing_else(elsewhere):
    if importlib.util.find_spec("mypy") is None:
        _missing("pip install mypy")
    mypy = [sys.executable, "-m", "mypy", "--strict", "--python-executable", elsewhere[1]]
    output = _output(elsewhere, *mypy, "program.py")
    assert {int(line) for line in re.findall(r"^program\.py:(\d+): error", output, re.M)} == TYPOS, output


@pytest.mark.deep
def test_pyright_reports_each_typo_and_nothing_else(elsewhere):
    found = _pyright(elsewhere, "program.py")["generalDiagnostics"]
    errors = [each for each in found if each["severity"] == "error"]
    assert {each["range"]["start"]["line"] + 1 for each in errors} == TYPOS, errors


@pytest.mark.deep
def test_nearly_all_that_is_public_has_known_types(elsewhere):
    found = _pyright(elsewhere, "--verifytypes", "tinygrad_dl", "--ignoreexternal")
    assert found["typeCompleteness"]["completenessScore"] >= 0.95


def _for_checkers(body):
    """The statements of a module or class that type checkers read."""
    for node in body:
        if not isinstance(node, ast.If):
            yield node
        elif ast.unparse(node.test) == "TYPE_CHECKING":
            yield from _for_checkers(node.body)
        elif ast.unparse(node.test) != "not TYPE_CHECKING":
            yield from _for_checkers([*node.body, *node.orelse])


def test_no_public_class_or_module_has_every_attribute():
    for pattern in ("*.py", "*/__init__.py", "core/*.py", "nn/*.py"):
        for path in PACKAGE.glob(pattern):
            nodes = list(_for_checkers(ast.parse(path.read_text(encoding="utf-8")).body))
            nodes += [inner for node in nodes if isinstance(node, ast.ClassDef) for inner in _for_checkers(node.body)]
            names = {node.name for node in nodes if isinstance(node, ast.FunctionDef)}
            assert names.isdisjoint({"__getattr__", "__getattribute__", "__setattr__"}), path


def test_methods_have_the_parameters_of_numpy_for_checkers_too():
    stub = Path(array_methods.__file__).with_suffix(".pyi").read_text(encoding="utf-8")
    classes = {node.name: node.body for node in ast.parse(stub).body if isinstance(node, ast.ClassDef)}
    declared = [
        node for node in classes["ArrayMethods"] if isinstance(node, ast.FunctionDef) and not node.decorator_list
    ]
    methods = {node.name: node.args for node in declared if not node.name.startswith("__")}
    for name, args in methods.items():
        try:
            _, *parameters = inspect.signature(getattr(ArrayMethods, name)).parameters
        except ValueError:  # of a function in C, before NumPy 2.4
            continue
        positional = [arg.arg for arg in args.args[1:]]
        assert positional == [p for p in parameters if p in positional], name  # in this order
        assert {arg.arg for arg in args.kwonlyargs} <= {*parameters, "correction", "mean"}, name
    assert {name for name in vars(ArrayMethods) if callable(getattr(np.ndarray, name, None))} >= methods.keys()
