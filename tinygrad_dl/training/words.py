"""Words that users try as arguments of `fit`, and what they mean here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import nn, optim

_LOSSES: dict[str, Callable[[Any, Any], Any]] = {
    "mse": nn.mean_squared_error,
    "mean_squared_error": nn.mean_squared_error,
    "bce": nn.binary_cross_entropy,
    "binary_cross_entropy": nn.binary_cross_entropy,
    "binary_cross_entropy_with_logits": nn.binary_cross_entropy_with_logits,
    "cross_entropy": nn.softmax_cross_entropy,
    "softmax_cross_entropy": nn.softmax_cross_entropy,
}
OPTIMIZERS = {
    "adam": optim.Adam,
    "rmsprop": optim.RMSProp,
    "sgd": optim.SGD,
    "gd": optim.SGD,
    "momentum": optim.Momentum,
}
_LINE = "optimizer=tg.optim.{}(net.parameters(), learning_rate={})"
_ADVICE = {  # an argument that other libraries have -> the line to write here
    "lr": _LINE.format("Adam", "..."),
    "learning_rate": _LINE.format("Adam", "..."),
    "momentum": "optimizer=tg.optim.Momentum(net.parameters(), learning_rate=..., beta=...)",
    "weight_decay": "optimizer=tg.optim.Adam(net.parameters(), weight_decay=...)",
    "init": "tg.nn.mlp(sizes, init=tg.nn.he, rng=rng), where the net is made",
    "validation_data": "validation=(X, Y)",
    "validation_split": "validation=(X, Y), with samples that you set apart",
    "verbose": "progress=True or progress=False",
    "shuffle": "batch_size=..., rng=np.random.default_rng(seed), which shuffles",
    "seed": "rng=np.random.default_rng(seed)",
    "random_state": "rng=np.random.default_rng(seed)",
    "epoch": "epochs=...",
    "num_epochs": "epochs=...",
    "num_iterations": "epochs=...",
    "n_epochs": "epochs=...",
    "batchsize": "batch_size=..., rng=np.random.default_rng(seed)",
    "cost": "loss=...",
    "criterion": "loss=...",
    "schedule": "a schedule as learning rate: tg.optim.Adam(net.parameters(), tg.optim.schedules.Cosine(0.01, 1000))",
    "callback": "callbacks=[...]",
    "early_stopping": "callbacks=[tg.training.EarlyStopping()]",
}


def advice_for(name: str) -> str:
    """The message of an error for an argument that `fit` does not have."""
    if name in _ADVICE:
        return f"fit has no {name}=: write {_ADVICE[name]}."
    return f"fit has no {name}=: see help(tg.fit) for its arguments."


def loss_for(loss: Any) -> Callable[[Any, Any], Any]:
    """The loss that a word stands for; a function itself. Raises ValueError for other words."""
    if not isinstance(loss, str):
        given: Callable[[Any, Any], Any] = loss
        return given
    if loss not in _LOSSES:
        raise ValueError(f"fit: expected loss= one of {', '.join(map(repr, _LOSSES))}, or a function, got {loss!r}.")
    return _LOSSES[loss]


def optimizer_for(optimizer: Any, net: Any) -> optim.Optimizer:
    """The optimizer that a word or a class stands for, with its own settings; an optimizer itself."""
    kind = OPTIMIZERS.get(optimizer.lower()) if isinstance(optimizer, str) else optimizer
    if isinstance(kind, type) and issubclass(kind, optim.Optimizer) and hasattr(net, "parameters"):
        if kind is optim.Adam or kind is optim.RMSProp:
            return kind(net.parameters())
        raise TypeError(f"fit: {kind.__name__} has no usual learning rate: write {_LINE.format(kind.__name__, '0.1')}.")
    if isinstance(kind, type) or not hasattr(kind, "step"):
        line = _LINE.format("Adam", "0.01").partition("=")[2]
        raise TypeError(f"fit: expected an optimizer, such as {line}, got {optimizer!r:.80}.")
    made: optim.Optimizer = optimizer
    return made
