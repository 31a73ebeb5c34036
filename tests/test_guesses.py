"""What is typed first: it works, or the error shows the line to write, and that line runs."""

import ast
import dataclasses
import importlib
import pydoc
import warnings

import numpy as np
import pytest

import tinygrad_dl as tg
from tinygrad_dl import _guesses

HOMEWORK = "def forward(x):\n    return x**2\n\n\ndef backward(x):\n    return 2 * x\n"
NAMES = [(module, name, line) for module, lines in _guesses.MODULES.items() for name, line in lines.items()]
ATTRIBUTES = [
    (variable, name, line)
    for variable, lines in (
        ("x", _guesses.TENSOR),
        ("net", _guesses.MODULE | _guesses.SEQUENTIAL),
        ("layer", _guesses.MODULE | _guesses.DENSE),
    )
    for name, line in lines.items()
]
ARGUMENTS = [
    (function, name, line)
    for function, row in (
        *((name, name) for name in _guesses.ARGUMENTS if name not in ("Optimizer", "MLP")),
        *((name, "MLP") for name in ("MLPClassifier", "MLPRegressor")),
        *((name, "Optimizer") for name in ("SGD", "Momentum", "RMSProp", "Adam")),
    )
    for name, line in _guesses.ARGUMENTS[row].items()
]
FUNCTIONS = {  # of `ARGUMENTS`: the function, and arguments with which it runs
    "fit": (tg.fit, ["net", "X", "Y", "loss", "optimizer", "epochs"]),
    "mlp": (tg.nn.mlp, ["sizes", "rng"]),
    "Dense": (tg.nn.Dense, ["n_in", "n_out", "rng"]),
    "Dropout": (tg.nn.Dropout, ["rate", "rng"]),
    "backward": (tg.backward, ["output"]),
    **{name: (getattr(tg.optim, name), ["parameters", "learning_rate"]) for name in ("SGD", "Momentum", "RMSProp")},
    "Adam": (tg.optim.Adam, ["parameters", "learning_rate"]),
    **{name: (getattr(tg.sklearn, name), []) for name in ("MLPClassifier", "MLPRegressor")},
    **{name: (getattr(tg, name), ["f"]) for name in ("grad", "value_and_grad", "elementwise_grad")},
    **{name: (getattr(tg, name), ["f"]) for name in ("jacobian", "hessian")},
}


@pytest.fixture
def variables(tmp_path, monkeypatch):
    """The variables that programs and lines use, and a folder with the files that they name."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "homework.py").write_text(HOMEWORK, encoding="utf-8")
    rng = np.random.default_rng(0)
    net = tg.nn.mlp([3, *[4] * 8, 1], output=tg.nn.sigmoid, rng=rng)
    net.save("net.npz")
    W, X, Y = tg.parameter(rng.normal(size=(3, 4)), name="W"), rng.normal(size=(3, 5)), np.ones((1, 5))
    loss = np.sum((W.T @ X) ** 2)
    loss.backward()
    optimizer = tg.optim.Adam(net.parameters())
    tg.nn.binary_cross_entropy(net(X), Y).backward()
    return {
        **{"tg": tg, "np": np, "nn": tg.nn, "optim": tg.optim, "testing": tg.testing, "rng": rng},
        **{"net": net, "layer": tg.nn.Dense(3, 4, rng=rng), "optimizer": optimizer, "p": net.parameters()},
        **{"W": W, "X": X, "Y": Y, "loss": loss, "x": tg.parameter(rng.uniform(1, 2, size=(3, 4)), name="x")},
        **{"f": lambda x: np.sum(x**2), "g": np.tanh, "theta": np.ones(3), "layers": [tg.nn.tanh, tg.nn.identity]},
        **{"logits": tg.nn.Dense(3, 4, rng=rng)(X), "labels": np.arange(5) % 4},
    }


def said(program, variables):
    """What a program says: its warnings, its error and the causes of that."""
    texts = []
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            exec(compile(program, "tried.py", "exec"), variables)
        except Exception as error:
            while error is not None:
                texts.append(str(error))
                error = error.__cause__
    return "\n".join([str(warning.message) for warning in warned] + texts)


def runs(line, variables):
    """Run a line without a warning, and return the value of an expression."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            return eval(line, variables)
        except SyntaxError:
            exec(line, variables)


# ---- the table


@pytest.mark.every_value
@pytest.mark.parametrize(("module", "name", "line"), NAMES)
def test_a_name_of_other_libraries_is_answered_with_a_line_that_runs(module, name, line, variables):
    assert f"{module} has no {name}: write {line}" == said(f"{module}.{name}", variables)
    runs(line, variables)


@pytest.mark.every_value
@pytest.mark.parametrize(("variable", "name", "line"), ATTRIBUTES)
def test_an_attribute_of_other_libraries_is_answered_with_a_line_that_runs(variable, name, line, variables):
    kind = type(variables[variable])
    assert f"{kind.__name__} has no {name}: write {line}" == said(f"{variable}.{name}", variables)
    assert not hasattr(variables[variable], name)
    assert not hasattr(kind, name)
    assert name not in dir(variables[variable])
    if variable != "layer" or name in _guesses.DENSE:
        runs(line, variables)


@pytest.mark.every_value
@pytest.mark.parametrize(("function", "name", "line"), ARGUMENTS)
def test_an_argument_of_other_libraries_is_answered_with_arguments_that_run(function, name, line, variables):
    call, parameters = FUNCTIONS[function]
    own = {"loss": "bce", "optimizer": "adam", "epochs": 1, "sizes": [3, 4, 1], "n_in": 3, "n_out": 4}
    own |= {"parameters": variables["p"], "learning_rate": 0.1, "rate": 0.2, "output": variables["loss"]}
    arguments = {key: own.get(key, variables.get(key)) for key in parameters}
    with pytest.raises(TypeError) as error:
        call(**arguments, **{name: 1})
    assert str(error.value) == f"{function} has no {name}=: write {line}"
    if line.startswith("tg."):
        runs(line, variables)
    else:
        written = ast.parse(f"call({line.partition('  #')[0]})", mode="eval").body.keywords
        arguments |= {word.arg: runs(ast.unparse(word.value), variables) for word in written}
        call(**arguments)


def test_no_name_of_the_table_exists():
    for place, name, _ in NAMES:
        module = importlib.import_module(place.replace("tg", "tinygrad_dl", 1))
        assert name not in module.__all__


@pytest.mark.parametrize(
    ("guess", "line"),
    [
        ("tg.nn.ReLU", "tg.nn.relu"),
        ("tg.nn.LeakyReLU", "tg.nn.leaky_relu"),
        ("tg.nn.batch_norm", "tg.nn.BatchNorm"),
        ("tg.optim.RMSprop", "tg.optim.RMSProp"),
        ("tg.valueAndGrad", "tg.value_and_grad"),
        ("tg.testing.checkgradients", "tg.testing.check_gradients"),
        ("tg.darw", "tg.draw"),
        ("tg.nn.drpoout", "tg.nn.Dropout"),
        ("tg.exp", "np.exp"),
    ],
)
def test_the_nearest_name_is_shown_whatever_its_case_or_the_function_of_numpy(guess, line, variables):
    place, _, name = guess.rpartition(".")
    assert said(guess, variables) == f"{place} has no {name}: did you mean {line}?"
    runs(line, variables)


# ---- a missing attribute is in nobody's way


def test_a_name_that_numpy_is_to_remove_is_no_cause_for_its_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name in ("str", "object", "chararray"):
            with pytest.raises(AttributeError, match=f"tg has no {name}"):
                getattr(tg, name)


@pytest.mark.parametrize(
    ("kind", "name", "line"),
    [
        (tg.nn.Dense, "weight", "There is no weight: write layer.W"),
        (tg.Tensor, "sort", "There is no sort(), which would change it in place: compute a new Tensor."),
    ],
)
def test_help_says_of_a_name_that_is_missing_what_to_write(kind, name, line):
    page = pydoc.plain(pydoc.render_doc(kind))
    _, _, below = page.partition(f" |  {name}\n")
    assert below.split("\n")[0].strip(" |") == line


def test_a_module_may_have_any_attribute_of_the_table():
    class Net(tg.nn.Module):
        def __init__(self):
            self.weight = tg.parameter(1.0)

        def predict(self, x):
            return self.weight * x

    @dataclasses.dataclass
    class Data(tg.nn.Module):
        weights: tg.Tensor
        fit: int

    net = Net()
    assert net.predict(2.0).item() == 2.0
    assert {"weight", "predict"} <= set(dir(net))
    assert [name for name, _ in net.named_parameters()] == ["weight"]
    with pytest.raises(TypeError, match="missing 2 required positional arguments"):
        Data()
    assert Data(tg.parameter(1.0), 3).fit == 3


# ---- programs that were tried


TRIED = {  # program -> the line that its error shows; "" if it works
    "tg.tensor([1.0, 2.0])": "tg.Tensor([1.0, 2.0])",
    "nn.mlp([3, 4, 1])": "rng=np.random.default_rng(0)",
    "nn.Dense(3, 4)": "rng=np.random.default_rng(0)",
    "nn.mlp([3, 4, 1], rng=0)": "rng=np.random.default_rng(0)",
    "p = W\nfor _ in range(2):\n    np.sum(p**2).backward()\n    p = p - 0.1 * p.grad": (
        "p.data = p.data - 0.1 * p.grad"
    ),
    "loss.grad": "tg.gradients(loss, x)",
    "p[0].data -= 0.1 * p[0].grad": "W1.data = W1.data - step",
    "W.data -= 0.1 * W.grad": "W.data = W.data - step",
    "W.data[0] = 3": "W.data = tg.primitives.set_at(W.data, index, value)",
    "x.relu()": "tg.nn.relu(x)",
    "x.sigmoid()": "tg.nn.sigmoid(x)",
    "x.exp()": "np.exp(x)",
    "x.unsqueeze(0)": "x[:, np.newaxis]",
    'x.to("cpu")': "NumPy arrays on the CPU",
    "x.grad_fn": "tg.draw(x)",
    "x.requires_grad_()": "W.requires_grad = True",
    "nn.Linear(3, 4)": "tg.nn.Dense(3, 4, rng=rng)",
    "nn.ReLU()": "tg.nn.relu",
    "nn.MLP([3, 4, 1])": "tg.nn.mlp([3, 4, 1], rng=rng)",
    "nn.MSELoss()": "tg.nn.mean_squared_error(net(X), Y)",
    "nn.CrossEntropyLoss()": "tg.nn.softmax_cross_entropy(logits, labels)",
    "nn.Dropout(0.5)": "rng=np.random.default_rng(0)",
    "nn.Conv2d(1, 2, 3)": "tg.nn.Conv2D(1, 2, 3, rng=rng)",
    "optim.AdamW(p)": "tg.optim.Adam(net.parameters(), weight_decay=0.01)",
    "optim.Adam(p, lr=1e-3)": "learning_rate=0.01",
    "optim.SGD(p, lr=1e-3)": "learning_rate=0.01",
    "optim.SGD(p, learning_rate=0.1, momentum=0.9)": "tg.optim.Momentum(net.parameters(), learning_rate=0.1, beta=0.9)",
    "optim.SGD(p, learning_rate=0.1, weight_decay=0.1)": "",
    "optim.SGD(p)": "learning_rate",
    "tg.fit(net, X, Y, loss='bce', optimizer=optim.Adam, epochs=1)": "",
    "tg.fit(net, X, Y, loss='bce', optimizer='adam', epochs=1)": "",
    "tg.fit(net, X, Y, loss='bce', optimizer=optim.SGD, epochs=1)": (
        "optimizer=tg.optim.SGD(net.parameters(), learning_rate=0.1)"
    ),
    "nn.mlp([3, 4, 1], init='he', rng=rng)": "",
    "nn.mlp([3, 4, 1], init='kaiming', rng=rng)": "'he'",
    "optim.Adam(p, learning_rate=lambda t: 0.1 / (1 + t))": "",
    "nn.Sequential([nn.tanh, nn.tanh])": "Sequential(*layers)",
    "net[0]": "net.layers[0]",
    "[layer for layer in net]": "net.layers",
    "net.W1": "net.layers[0].W",
    "net.predict(X)": "net(X)",
    "net.fit(X, Y)": 'tg.fit(net, X, Y, loss="bce", optimizer="adam", epochs=10)',
    "net.train()": "",
    "net.forward(X)": "net(X)",
    "W @ X": "W.T @ X",
    "np.matmul(W, X)": "W.T @ X",
    "tg.grad(f, argnums=0)": "argnum=0",
    "tg.grad(f)(np.array([1, 2, 3]))": "astype(float)",
    "tg.grad(f)(3)": "",
    "testing.check_gradients(f, theta, lambda t: 2 * t)": "check_pair(f, lambda g, x: g * gradient(x), x)",
    "def filled(x):\n    out = np.zeros(3)\n    for i in range(3):\n        out[i] = x[i]**2\n    return out.sum()\n"
    "tg.grad(filled)(theta)": "np.stack",
    "x[0] = 1": "x = tg.primitives.set_at(x, index, value)",
    "x += 1": "p.data = p.data - step",
    "np.array([x, x])": "np.stack([x, y])",
    "layer(X.T)": "X.T",
}
RUN = {  # a line of an error that is not in the table -> a program of it
    "rng=np.random.default_rng(0)": "nn.mlp([3, 4, 1], rng=np.random.default_rng(0))",
    "p.data = p.data - 0.1 * p.grad": "p = W\np.data = p.data - 0.1 * p.grad",
    "tg.gradients(loss, x)": "tg.gradients(loss, W)",
    "W1.data = W1.data - step": "W1, step = p[0], 0.1\nW1.data = W1.data - step",
    "p.data = p.data - step": "p, step = W, 0.1\np.data = p.data - step",
    "W.data = W.data - step": "step = 0.1\nW.data = W.data - step",
    "W.data = tg.primitives.set_at(W.data, index, value)": "W.data = tg.primitives.set_at(W.data, 0, 3)",
    "NumPy arrays on the CPU": "x",
    "learning_rate=0.01": "optim.SGD(p, learning_rate=0.01)",
    "learning_rate": "optim.SGD(p, learning_rate=0.01)",
    "optimizer=tg.optim.SGD(net.parameters(), learning_rate=0.1)": (
        "tg.fit(net, X, Y, loss='bce', optimizer=tg.optim.SGD(net.parameters(), learning_rate=0.1), epochs=1)"
    ),
    "'he'": "nn.mlp([3, 4, 1], init='he', rng=rng)",
    "Sequential(*layers)": "nn.Sequential(*layers)",
    "argnum=0": "tg.grad(f, argnum=0)",
    "astype(float)": "tg.grad(f)(np.array([1, 2, 3]).astype(float))",
    "check_pair(f, lambda g, x: g * gradient(x), x)": (
        "gradient, x = lambda t: 2 * t, theta\ntesting.check_pair(f, lambda g, x: g * gradient(x), x)"
    ),
    "np.stack": "tg.grad(lambda x: np.stack([x[i]**2 for i in range(3)]).sum())(theta)",
    "x = tg.primitives.set_at(x, index, value)": "x = tg.primitives.set_at(x, 0, 1)",
    "np.stack([x, y])": "y = x\nnp.stack([x, y])",
    "X.T": "layer(X.T.T)",
}


@pytest.mark.every_value
@pytest.mark.parametrize("program", TRIED)
def test_a_program_that_is_tried_works_or_shows_a_line_that_runs(program, variables):
    line = TRIED[program]
    message = said(program, variables)
    assert line in message if line else message == ""
    if line:
        runs(RUN.get(line, line), variables)
