"""Words that users try as arguments of `fit`, and what they mean here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import _frames, checks, nn, optim

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
_OF_LOGITS = {nn.binary_cross_entropy_with_logits: nn.sigmoid, nn.softmax_cross_entropy: nn.softmax}
_LINE = "optimizer=tg.optim.{}(net.parameters(), learning_rate={})"


def loss_for(loss: Any) -> Callable[[Any, Any], Any]:
    """The loss that a word stands for; other values unchanged. Raises ValueError for other words."""
    found: Callable[[Any, Any], Any] = checks.named("fit", "a loss", loss, _LOSSES)
    return found


def warn_of_second_activation(net: Any, loss: Any) -> None:
    """Warn of a net that ends with an activation which its loss applies once more: it trains, but badly."""
    last = net.layers[-1] if isinstance(net, nn.Sequential) and net.layers else None
    own = next((activation for function, activation in _OF_LOGITS.items() if function is loss), None)
    if own is not None and last in (own, nn.softmax):
        other = ", or take loss=tg.nn.binary_cross_entropy" if last is own is nn.sigmoid else ""
        _frames.warn(
            f"fit: {loss.__name__} takes logits and applies {own.__name__} itself, but this net ends with "
            f"{last.__name__}: make it with output=tg.nn.identity{other}."
        )


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
