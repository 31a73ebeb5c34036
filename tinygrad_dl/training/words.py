"""Words that users try as arguments of `fit`, and what they mean here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .. import checks, nn, optim

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
_ADVICE = {  # an argument that other libraries have -> the line to write here, with the optimizer {0} and the value {1}
    "lr": _LINE.format("{0}", "{1}"),
    "learning_rate": _LINE.format("{0}", "{1}"),
    "momentum": "optimizer=tg.optim.Momentum(net.parameters(), learning_rate=..., beta={1})",
    "weight_decay": "optimizer=tg.optim.{0}(net.parameters(), learning_rate=..., weight_decay={1})",
    "max_norm": "optimizer=tg.optim.{0}(net.parameters(), learning_rate=..., max_norm={1})",
    "clipnorm": "optimizer=tg.optim.{0}(net.parameters(), learning_rate=..., max_norm={1})",
    "dropout": "tg.nn.Dropout({1}, rng=rng) among the layers of a tg.nn.Sequential",
    "l2": "a loss with the term: lambda A, Y: ... + tg.nn.l2(net, {1})",
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


def no_other_arguments(unknown: Mapping[str, Any], optimizer: Any) -> None:
    """Raise TypeError for an argument that `fit` lacks, with the line to write for this optimizer and value."""
    kind = OPTIMIZERS.get(optimizer.lower()) if isinstance(optimizer, str) else optimizer
    name = kind.__name__ if isinstance(kind, type) else "Adam"
    values = {word: value if isinstance(value, (int, float)) else "..." for word, value in unknown.items()}
    advice = {word: f"write {_ADVICE[word].format(name, values[word])}" for word in unknown if word in _ADVICE}
    checks.no_other_arguments("tg.fit", unknown, advice)


def loss_for(loss: Any) -> Callable[[Any, Any], Any]:
    """The loss that a word stands for; other values unchanged. Raises ValueError for other words."""
    found: Callable[[Any, Any], Any] = checks.named("fit", "a loss", loss, _LOSSES)
    return found


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
