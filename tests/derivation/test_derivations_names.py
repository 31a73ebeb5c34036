"""The lines of a derivation run as they are printed: their names are those of the net, their functions are imported."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_dl as tg
from tests.derivation.test_derivations import LABELS, RNG, X, lines, run
from tests.rows import every_function
from tinygrad_dl import nn, pytree
from tinygrad_dl.core.backprop import topological_order
from tinygrad_dl.derivation.replay import replay
from tinygrad_dl.tracing.trace import TraceError


@pytest.mark.parametrize(
    "f",
    [lambda W: np.sum(W[:, [0, 2, 0]] ** 2), lambda W: np.sum(np.sinc(W)), lambda W: np.sum(np.corrcoef(W) * W[:, :2])],
)
def test_functions_of_this_package_are_imported_by_the_lines(f):
    W = tg.parameter(RNG.normal(size=(2, 3)), name="W")
    loss = f(W)
    np.testing.assert_allclose(run(tg.derive(loss), W=W.numpy())["dW"], tg.gradients(loss, W), rtol=1e-9)
    assert "import sigmoid" not in tg.derive(np.sum(nn.sigmoid(W) * W[0])).source


@pytest.mark.parametrize(
    ("name", "x"),
    [
        *((name, x) for name in LABELS for x in (X, tg.Tensor(X, name="X"))),
        ("softmax_cross_entropy", tg.Tensor(X, name="images")),
    ],
)
def test_the_labels_of_a_loss_are_Y_also_beside_data_with_a_name(name, x):
    output = nn.sigmoid if name == "binary_cross_entropy" else nn.identity
    net = nn.mlp([2, 3, len(LABELS[name])], output=output, rng=np.random.default_rng(0))
    cost = lines(tg.derive(getattr(nn, name)(net(x), LABELS[name])))["cost"]
    assert "Y" in cost
    assert "X" not in cost


def test_the_windows_of_a_convolution_are_not_called_X():
    images, labels = RNG.normal(size=(1, 5, 5, 3)), np.array([0, 1, 0])
    rng = np.random.default_rng(0)
    net = nn.Sequential(nn.Conv2D(1, 2, 3, rng=rng), nn.relu, nn.flatten, nn.Dense(18, 2, rng=rng))
    loss = nn.softmax_cross_entropy(net(images), labels)
    found = lines(tg.derive(loss))
    assert "windows" in found["Z1"]
    assert found["P"] == "np.arange(2)[:, None] == np.reshape(Y, -1)"
    data = [node for node in tg.draw(loss).graph.nodes if node.kind == "data"]
    assert [(node.name, node.shape) for node in data] == [("windows", (9, 27)), ("Y", (3,))]


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


@given(
    st.sampled_from([np.tanh, np.sin, nn.sigmoid, nn.softplus]), st.integers(1, 4), st.booleans(), st.integers(0, 99)
)
def test_a_gradient_in_the_loss_is_derived_from_the_data_and_the_parameters(f, hidden, by_data, seed):
    rng = np.random.default_rng(seed)
    W, b = tg.parameter(rng.normal(size=(hidden, 2)), name="W"), tg.parameter(rng.normal(size=(hidden, 1)), name="b")
    of_data, of_W = tg.grad(lambda x: np.sum(f(W @ x + b))), tg.grad(lambda W: np.mean(f(W @ X + b)))
    loss = np.sum((of_data(X) if by_data else of_W(W)) ** 2) / 5
    found = run(tg.derive(loss), X=X, W=W.numpy(), b=b.numpy())
    np.testing.assert_allclose(found["cost"], loss.item(), rtol=1e-9)
    for name, gradient in tg.gradients(loss, {"W": W, "b": b}).items():
        np.testing.assert_allclose(found[f"d{name}"], gradient, rtol=1e-7, atol=1e-10)


def test_the_penalty_of_a_gradient_has_the_formulas_that_one_derives_by_hand():
    W = tg.parameter(RNG.normal(size=(3, 2)), name="W")
    penalty = np.sum(tg.grad(lambda x: np.sum(np.tanh(W @ x)))(X) ** 2)
    assert tg.derive(penalty).source.splitlines() == [
        "t1 = np.tanh(W @ X)",
        "t2 = 1 - t1**2",
        "t3 = W.T @ t2",
        "cost = np.sum(t3**2)",
        "dW = (2 * t3 @ t2.T).T + -(W @ (2 * t3)) * (2 * t1) * t2 @ X.T",
    ]
    first = tg.gradients(np.sum(np.tanh(W @ X)), W, create_graph=True)
    inner = tg.grad(lambda W: np.sum(np.tanh(W @ X)))(W)
    derived = [tg.derive(np.sum(gradient**2)).source for gradient in (first, inner)]
    assert "gradient" not in derived[1]
    assert derived[1].count("\n") <= derived[0].count("\n")


@pytest.mark.parametrize("dtype", [float, np.float32, np.int64, np.int32, np.int8, np.uint8, np.uint64])
def test_the_cost_of_the_course_written_by_its_user_gives_the_formulas_of_the_course(dtype):
    Y = np.array([[0, 1, 1, 0, 1]]).astype(dtype)
    net = nn.mlp([2, 3, 1], output=nn.sigmoid, rng=np.random.default_rng(0))
    A = net(X)
    cost = -np.sum(Y * np.log(A) + (1 - Y) * np.log(1 - A)) / 5
    derivation = tg.derive(cost)
    found = lines(derivation)
    assert found["cost"] == "-np.sum(Y * np.log(A2) + (1 - Y) * np.log(1 - A2)) / m"
    assert (found["dZ2"], found["dW2"]) == ("A2 - Y", "dZ2 @ A1.T / m")
    given = {p.name: p for p in net.parameters()}
    values = run(derivation, X=X, Y=Y, **{name: p.numpy() for name, p in given.items()})
    for name, gradient in tg.gradients(cost, given).items():
        np.testing.assert_allclose(values[f"d{name}"], gradient, rtol=1e-6)


@given(st.sampled_from([np.uint8, np.int8, np.uint16, np.int16, np.uint32, np.uint64]), st.integers(0, 99))
def test_integers_do_not_overflow(dtype, seed):
    rng = np.random.default_rng(seed)
    info = np.iinfo(dtype)
    data = rng.integers(info.min, info.max, size=(2, 5), dtype=dtype)
    x = tg.parameter(rng.normal(size=(2, 5)), name="x")
    for loss in (np.sum(x * data * 2), -np.sum(x * data), np.sum(data - x), np.sum((x @ data.T) ** 2)):
        found = run(tg.derive(loss), x=x.numpy(), X=data.T if loss._parents[0]._function is np.power else data)
        np.testing.assert_allclose(found["dx"], tg.gradients(loss, x), rtol=1e-9)


@every_function(share=20)
def test_the_lines_of_any_function_run_and_give_its_gradient(case):
    arguments = [
        tg.parameter(x, name=f"p{i}") if np.result_type(x).kind in "fc" else x for i, x in enumerate(case.arrays())
    ]
    outputs = [x for x in pytree.leaves(case.call(*arguments)) if np.result_type(x.dtype).kind in "fc"]
    loss = sum(np.sum(np.sin(np.real(output) + i)) for i, output in enumerate(outputs))
    if not (isinstance(loss, tg.Tensor) and loss.requires_grad):
        return  # it is constant
    parameters = [x for x in topological_order(loss) if x._function is None]
    try:
        derivation = tg.derive(loss)
    except TraceError:  # of eigenvectors, whose rule raises an error where they are not unique
        return
    replayed = replay(loss, parameters)
    found = run(derivation, **{node.name: np.array(node.value) for node in replayed.program.inputs})
    for name, gradient in zip(replayed.targets, tg.gradients(loss, parameters), strict=True):
        scale = np.max(np.abs(gradient), initial=0) + 1e-6
        np.testing.assert_allclose(found[f"d{name}"], gradient, rtol=1e-7, atol=1e-8 * scale)
