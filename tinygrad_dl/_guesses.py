"""The one table of names and arguments that other libraries use, each with the line to write here instead.

A module, class or function that lacks a name looks it up here. The lines run as they are, given the variables of
`tests/test_guesses.py`: `x`, `W`, `X`, `Y`, `net`, `loss`, `rng` and the like.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any, Never, TypeVar

import numpy as np

_F = TypeVar("_F", bound=Callable[..., Any])

_GENERATOR = "rng=np.random.default_rng(0)"
_FIT = 'tg.fit(net, X, Y, loss="bce", optimizer="adam", epochs=10)'
_CPU = "x  # all Tensors are NumPy arrays on the CPU"

MODULES: dict[str, dict[str, str]] = {
    "tg": {
        "tensor": "tg.Tensor([1.0, 2.0])  # or tg.parameter([1.0, 2.0]), to get its gradient",
        "Variable": "tg.parameter([1.0, 2.0])",
        "Parameter": "tg.parameter([1.0, 2.0])",
        "Value": "tg.parameter(2.0)",
        "Module": "tg.nn.Module",
        "Dense": "tg.nn.Dense(3, 4, rng=rng)",
        "Linear": "tg.nn.Dense(3, 4, rng=rng)",
        "Sequential": "tg.nn.Sequential(tg.nn.Dense(3, 4, rng=rng), tg.nn.tanh)",
        "mlp": "tg.nn.mlp([3, 4, 1], rng=rng)",
        "MLP": "tg.nn.mlp([3, 4, 1], rng=rng)",
        "relu": "tg.nn.relu(x)",
        "sigmoid": "tg.nn.sigmoid(x)",
        "softmax": "tg.nn.softmax(x, axis=0)",
        "SGD": "tg.optim.SGD(net.parameters(), learning_rate=0.1)",
        "Adam": "tg.optim.Adam(net.parameters(), learning_rate=0.01)",
        "train": _FIT,
        "jit": "tg.compile(f)",
        "autograd": "tg.gradients(loss, W)",
        "stop_gradient": "x.detach()",
        "enable_grad": "tg.no_grad()  # gradients are on outside of it",
        "set_grad_enabled": "tg.no_grad()",
        "manual_seed": "rng = np.random.default_rng(0)",
        "seed": "rng = np.random.default_rng(0)",
        "save": 'net.save("net.npz")',
        "load": 'net.load("net.npz")',
        "cat": "np.concatenate([x, x])",
        "mm": "W.T @ X",
        "multiply": "x * x",
        "make_vjp": "tg.vjp(f, x)",
        "make_jvp": "tg.jvp(f, (x,), (x,))",
        "grad_and_aux": "tg.grad(f, has_aux=True)",
        "make_hvp": "tg.hvp(f, (x,), (x,))",
        "hessian_vector_product": "tg.hvp(f, (x,), (x,))",
        "jacfwd": "tg.jacobian(f)",
        "jacrev": "tg.jacobian(f)",
        "custom_vjp": "tg.custom(vjp=lambda g, ans, x: g)",
        "custom_jvp": "tg.custom(vjp=lambda g, ans, x: g)",
        "Function": "tg.custom(vjp=lambda g, ans, x: g)",
        "check": 'tg.testing.check("homework.py")',
        "check_gradients": "tg.testing.check_gradients(f, x)",
        "check_grads": "tg.testing.check_gradients(f, x)",
        "gradcheck": "tg.testing.check_gradients(f, x)",
        "gradient_check": "tg.testing.check_gradients(f, x)",
        "plot": "tg.draw(loss)",
        "plots": "tg.drawing.plots",
        "visualize": "tg.draw(loss)",
        "make_dot": "tg.draw(loss)",
        "draw_dot": "tg.draw(loss)",
        "device": _CPU,
        "cuda": _CPU,
    },
    "tg.nn": {
        "Linear": "tg.nn.Dense(3, 4, rng=rng)  # samples are columns",
        "Layer": "tg.nn.Module",
        "MLP": "tg.nn.mlp([3, 4, 1], rng=rng)",
        "Parameter": "tg.parameter([1.0, 2.0])",
        "ModuleList": "[net]  # a plain list; a Module finds the parameters in it",
        "ModuleDict": '{"net": net}  # a plain dict; a Module finds the parameters in it',
        "functional": "tg.nn.relu(x)",
        "init": "tg.nn.mlp([3, 4, 1], init=tg.nn.he, rng=rng)",
        "kaiming_normal": "tg.nn.he",
        "glorot": "tg.nn.xavier",
        "MSELoss": "tg.nn.mean_squared_error(net(X), Y)",
        "MSE": "tg.nn.mean_squared_error(net(X), Y)",
        "mse": "tg.nn.mean_squared_error(net(X), Y)",
        "mse_loss": "tg.nn.mean_squared_error(net(X), Y)",
        "BCELoss": "tg.nn.binary_cross_entropy(tg.nn.sigmoid(net(X)), Y)",
        "bce": "tg.nn.binary_cross_entropy(tg.nn.sigmoid(net(X)), Y)",
        "BCEWithLogitsLoss": "tg.nn.binary_cross_entropy_with_logits(net(X), Y)",
        "CrossEntropyLoss": "tg.nn.softmax_cross_entropy(logits, labels)",
        "cross_entropy": "tg.nn.softmax_cross_entropy(logits, labels)",
        "NLLLoss": "tg.nn.softmax_cross_entropy(logits, labels)",
        "L1Loss": "np.mean(np.abs(net(X) - Y))",
        "BatchNorm1d": "tg.nn.BatchNorm(4)",
        "BatchNorm2d": "tg.nn.BatchNorm(4)",
        "Conv2d": "tg.nn.Conv2D(1, 2, 3, rng=rng)  # images are (channels, height, width, m)",
        "MaxPool2d": "tg.nn.max_pool2d",
        "AvgPool2d": "tg.nn.average_pool2d",
        "exp": "np.exp(x)",
        "log": "np.log(x)",
        "SiLU": "x * tg.nn.sigmoid(x)",
        "Embedding": "W[:, [0, 2]]  # a column for each index",
        "utils": "tg.optim.SGD(net.parameters(), learning_rate=0.1, max_norm=1.0)  # which clips gradients",
    },
    "tg.optim": {
        "AdamW": "tg.optim.Adam(net.parameters(), weight_decay=0.01)  # which is decoupled, as in AdamW",
        "GradientDescent": "tg.optim.SGD(net.parameters(), learning_rate=0.1)",
        "GD": "tg.optim.SGD(net.parameters(), learning_rate=0.1)",
        "Nesterov": "tg.optim.Momentum(net.parameters(), learning_rate=0.1)",
        "Adagrad": "tg.optim.RMSProp(net.parameters())",
        "Adadelta": "tg.optim.RMSProp(net.parameters())",
        "lr_scheduler": "tg.optim.Adam(net.parameters(), tg.optim.schedules.Cosine(0.01, 1000))",
        "StepLR": "tg.optim.Adam(net.parameters(), tg.optim.schedules.Cosine(0.01, 1000))",
    },
    "tg.testing": {
        "check_grads": "tg.testing.check_gradients(f, x)",
        "gradient_check": "tg.testing.check_gradients(f, x)",
        "grad_check": "tg.testing.check_gradients(f, x)",
        "check_homework": 'tg.testing.check("homework.py")',
    },
    "tg.training": {
        "Trainer": _FIT,
        "ModelCheckpoint": 'tg.training.Checkpoint("net.npz")',
        "ReduceLROnPlateau": "tg.optim.Adam(net.parameters(), tg.optim.schedules.Cosine(0.01, 1000))",
    },
    "tg.data": {
        "DataLoader": "tg.data.minibatches(X, Y, 2, rng=rng)",
        "random_mini_batches": "tg.data.minibatches(X, Y, 2, rng=rng)",
    },
}

TENSOR: dict[str, str] = {
    "relu": "tg.nn.relu(x)",
    "sigmoid": "tg.nn.sigmoid(x)",
    "softmax": "tg.nn.softmax(x, axis=0)",
    "log_softmax": "tg.nn.log_softmax(x, axis=0)",
    **{
        name: f"np.{name}(x)" for name in ("abs", "cos", "exp", "log", "log1p", "sign", "sin", "sqrt", "square", "tanh")
    },
    "pow": "x**2",
    "norm": "np.linalg.norm(x)",
    "inverse": "np.linalg.inv(x @ x.T)",
    "mm": "x @ x.T",
    "matmul": "x @ x.T",
    "t": "x.T",
    "permute": "x.transpose(1, 0)",
    "view": "x.reshape(-1)",
    "expand": "np.broadcast_to(x, (2, 3, 4))",
    "unsqueeze": "x[:, np.newaxis]",
    "cat": "np.concatenate([x, x])",
    "dim": "x.ndim",
    "numel": "x.size",
    "double": "x.astype(np.float64)",
    "float": "x.astype(np.float32)",
    "half": "x.astype(np.float16)",
    "type": "x.astype(np.float32)",
    "to": f"x.astype(np.float32)  # for a type; {_CPU.partition('# ')[2]}",
    "cpu": _CPU,
    "cuda": _CPU,
    "device": _CPU,
    "contiguous": "x",
    "clone": "x.copy()",
    "zero_grad": "W.grad = None",
    "grad_fn": "tg.draw(x)  # or print(x), which names the function that made it",
    "creator": "tg.draw(x)  # or print(x), which names the function that made it",
    "is_leaf": "x.requires_grad",
    "requires_grad_": "W.requires_grad = True",
    "retain_grad": "tg.gradients(loss, W)  # for any Tensor in the graph of loss",
    "register_hook": "tg.gradients(loss, W)  # for any Tensor in the graph of loss",
    "zero_": "W.data = 0 * W.data",
    "fill_": "W.data = np.full_like(W.data, 3.0)",
    "copy_": "W.data = W.data + 1",
    "add_": "W.data = W.data + 1",
    "sub_": "W.data = W.data - 0.1",
    "mul_": "W.data = W.data * 0.9",
    "value": "x.numpy()",
}

MODULE: dict[str, str] = {
    "forward": "net(X)",
    "predict": "net(X).numpy()",
    "predict_proba": "net(X).numpy()",
    "fit": _FIT,
    "backward": "loss.backward()",
    "zero_grad": "optimizer.zero_grad()",
    "update": "optimizer.step()",
    "step": "optimizer.step()",
    "compile": _FIT,
    "evaluate": "net(X).numpy()",
    "modules": "list(net.named_modules())",
    "children": "list(net.named_modules())",
    "append": "net.layers.append(tg.nn.tanh)",
    "to": "net  # all parameters are NumPy arrays on the CPU; dtype= is set where the net is made",
    "cpu": "net  # all parameters are NumPy arrays on the CPU",
    "cuda": "net  # all parameters are NumPy arrays on the CPU",
    "save_weights": 'net.save("net.npz")',
    "load_weights": 'net.load("net.npz")',
    "get_weights": "net.state_dict()",
    "set_weights": "net.load_state_dict(net.state_dict())",
    "weights": "net.parameters()",
    "trainable_variables": "net.parameters()",
    "register_parameter": "net.scale = tg.parameter(1.0)",
    "register_buffer": "net.mean = np.zeros(3)",
}

SEQUENTIAL: dict[str, str] = {
    name: line
    for l in range(1, 10)  # noqa: E741 (the course's letter for a layer)
    for name, line in (
        (f"W{l}", f"net.layers[{2 * l - 2}].W  # where layers and activations alternate"),
        (f"b{l}", f"net.layers[{2 * l - 2}].b  # where layers and activations alternate"),
        (f"Z{l}", f'tg.named_tensors(net(X))["Z{l}"]'),
        (f"A{l}", f'tg.named_tensors(net(X))["A{l}"]'),
    )
}

DENSE: dict[str, str] = {
    "weight": "layer.W",
    "weights": "layer.W",
    "w": "layer.W",
    "bias": "layer.b",
    "in_features": "layer.n_in",
    "out_features": "layer.n_out",
}

_TWO_LAYERS = "tg.nn.Sequential(tg.nn.Dense(3, 4, rng=rng), tg.nn.relu)"

ARGUMENTS: dict[str, dict[str, str]] = {  # of a function -> an argument -> the arguments, or the whole line, to write
    "fit": {
        "lr": "optimizer=tg.optim.Adam(net.parameters(), learning_rate=0.01)",
        "learning_rate": "optimizer=tg.optim.Adam(net.parameters(), learning_rate=0.01)",
        "momentum": "optimizer=tg.optim.Momentum(net.parameters(), learning_rate=0.1, beta=0.9)",
        "weight_decay": "optimizer=tg.optim.Adam(net.parameters(), weight_decay=0.01)",
        "max_norm": "optimizer=tg.optim.Adam(net.parameters(), max_norm=1.0)",
        "clipnorm": "optimizer=tg.optim.Adam(net.parameters(), max_norm=1.0)",
        "dropout": "tg.nn.Sequential(tg.nn.Dense(3, 4, rng=rng), tg.nn.Dropout(0.5, rng=rng))",
        "l2": "loss=lambda A, Y: tg.nn.binary_cross_entropy(A, Y) + tg.nn.l2(net, 0.01)",
        "schedule": "optimizer=tg.optim.Adam(net.parameters(), tg.optim.schedules.Cosine(0.01, 1000))",
        "init": "tg.nn.mlp([3, 4, 1], init=tg.nn.he, rng=rng)  # where the net is made",
        "validation_data": "validation=(X, Y)",
        "validation_split": "validation=(X, Y)  # samples that you set apart",
        "verbose": "progress=True",
        "shuffle": f"batch_size=2, {_GENERATOR}  # which shuffles",
        "batchsize": f"batch_size=2, {_GENERATOR}",
        "seed": _GENERATOR,
        "random_state": _GENERATOR,
        "epoch": "epochs=10",
        "num_epochs": "epochs=10",
        "num_iterations": "epochs=10",
        "n_epochs": "epochs=10",
        "cost": 'loss="bce"',
        "criterion": 'loss="bce"',
        "callback": "callbacks=[print]",
        "early_stopping": "callbacks=[tg.training.EarlyStopping()], validation=(X, Y)",
    },
    "mlp": {
        "activation": "hidden=tg.nn.relu, output=tg.nn.sigmoid",
        "hidden_activation": "hidden=tg.nn.relu",
        "output_activation": "output=tg.nn.sigmoid",
        "initialization": "init=tg.nn.he",
        "initializer": "init=tg.nn.he",
        "kernel_initializer": "init=tg.nn.he",
        "dropout": "tg.nn.Sequential(tg.nn.Dense(3, 4, rng=rng), tg.nn.Dropout(0.5, rng=rng))",
        "seed": _GENERATOR,
        "random_state": _GENERATOR,
        "key": _GENERATOR,
    },
    "Dense": {
        "activation": _TWO_LAYERS,
        "units": "tg.nn.Dense(3, 4, rng=rng)",
        "in_features": "tg.nn.Dense(3, 4, rng=rng)",
        "out_features": "tg.nn.Dense(3, 4, rng=rng)",
        "bias": "tg.nn.Dense(3, 4, rng=rng)  # it has a bias b, at first 0",
        "initializer": "init=tg.nn.he",
        "kernel_initializer": "init=tg.nn.he",
        "seed": _GENERATOR,
        "random_state": _GENERATOR,
        "key": _GENERATOR,
    },
    "MLP": {  # the estimators of tg.sklearn, whose settings have the names of scikit-learn's own
        "lr": "learning_rate_init=0.01",
        "learning_rate": "learning_rate_init=0.01",
        "optimizer": 'solver="adam"',
        "epochs": "max_iter=200",
        "patience": "n_iter_no_change=10",
        "hidden": 'hidden_layer_sizes=(100,), activation="relu"',
        "l2": "alpha=0.0001",
        "weight_decay": "alpha=0.0001",
        "rng": "random_state=0",
        "seed": "random_state=0",
        "progress": "verbose=True",
    },
    "Optimizer": {
        "lr": "learning_rate=0.01",
        "alpha": "learning_rate=0.01",
        "eps": "tg.optim.Adam(net.parameters(), epsilon=1e-8)",
        "betas": "tg.optim.Adam(net.parameters(), beta1=0.9, beta2=0.999)",
        "momentum": "tg.optim.Momentum(net.parameters(), learning_rate=0.1, beta=0.9)",
        "clipnorm": "max_norm=1.0",
        "schedule": "learning_rate=tg.optim.schedules.Cosine(0.01, 1000)",
        "params": "parameters=net.parameters()",
    },
    "Dropout": {
        "p": "rate=0.5",
        "seed": _GENERATOR,
        "random_state": _GENERATOR,
        "key": _GENERATOR,
    },
    "backward": {
        "retain_graph": "keep_graph=True  # the default",
        "create_graph": "tg.gradients(loss, W, create_graph=True)",
        "gradient": "cotangent=1.0",
    },
    "grad": {
        "argnums": "argnum=0",
        "argname": 'argnum="W"',
        "argnames": 'argnum=["W", "b"]',
        "wrt": 'argnum="W"',
        "create_graph": "tg.grad(tg.grad(g))  # gradients can be nested",
    },
}
for _name in ("value_and_grad", "elementwise_grad", "jacobian", "hessian"):
    ARGUMENTS[_name] = ARGUMENTS["grad"]


def missing_name(module: str, name: str, public: Iterable[str]) -> AttributeError:
    """The error for a `name` that `module` lacks: with the line to write for a known guess, else the nearest name.

    Case and underscores make no difference, so that relu is near ReLU. A function of NumPy is near, too.
    """
    place = module.replace("tinygrad_dl", "tg", 1)
    if name.startswith("_"):
        return AttributeError(f"module {module!r} has no attribute {name!r}")
    if name in MODULES.get(place, {}):
        return _final(f"{place} has no {name}: write {MODULES[place][name]}", name)
    near = [f"{place}.{known}" for known in _nearest(name, public)]
    if place == "tg" and not near and name in dir(np):  # `hasattr` would warn of names that NumPy is to remove
        near = [f"np.{name}"]
    return _final(f"{place} has no {name}" + (f": did you mean {near[0]}?" if near else "."), name)


def _nearest(name: str, public: Iterable[str]) -> list[str]:
    """The public name that differs in a letter or two, in a list, or none."""
    import difflib  # 1 ms, for an error alone

    folded = {known.replace("_", "").casefold(): known for known in public}
    found = difflib.get_close_matches(name.replace("_", "").casefold(), folded, 1, 0.75)
    return [folded[key] for key in found]


def _final(message: str, name: str) -> AttributeError:
    """An error to which Python adds no guess of its own, such as "Did you mean: 'real'?"."""
    return AttributeError(message, name=name, obj=None)


class Missing:
    """An attribute that a class lacks, so that reading it raises an error with the line to write instead.

    There is a descriptor for each, since `__getattr__` would make every attribute of the class slow. `hasattr` is
    False, on the class too, and an attribute that an instance or a subclass has comes first.
    """

    def __init__(self, name: str, message: str):
        self._name, self._message = name, message
        self.__doc__ = f"There is no {name}{message}"  # which `help` shows

    def __get__(self, instance: Any, owner: type) -> Never:
        raise _final(f"{owner.__name__} has no {self._name}{self._message}", self._name)

    def __repr__(self) -> str:
        return f"<missing{self._message}>"


def add_missing(cls: type, lines: dict[str, str]) -> None:
    """Give `cls` a `Missing` attribute for each name in `lines` that it does not have."""
    for name, line in lines.items():
        if not hasattr(cls, name):
            setattr(cls, name, Missing(name, f": write {line}"))


def present(instance: Any, names: Iterable[str]) -> list[str]:
    """Return those of the `names` of `dir(instance)` that are not `Missing`."""
    own = getattr(instance, "__dict__", ())
    return [name for name in names if name in own or hasattr(type(instance), name)]


def refuse_arguments(where: str, given: Iterable[str], row: str = "") -> None:
    """Raise TypeError with the line to write if a `given` keyword is a known guess for the function `where`."""
    lines = ARGUMENTS[row or where]
    for name in given:
        if name in lines:
            raise TypeError(f"{where} has no {name}=: write {lines[name]}") from None


def answering(function: _F) -> _F:
    """Decorate a function of the table: keywords that other libraries have raise TypeError with the line to write."""
    name = function.__qualname__.removesuffix(".__init__")

    @functools.wraps(function)
    def answer(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except TypeError:  # after the call: a check before it would cost more than a short function
            refuse_arguments(name, kwargs)
            raise

    return answer  # type: ignore[return-value]
