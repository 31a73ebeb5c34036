"""Optimizers, and schedules for their learning rates."""

from typing import TYPE_CHECKING

from .. import _guesses
from . import schedules
from .algorithms import SGD, Adam, Momentum, RMSProp
from .optimizer import Optimizer

__all__ = ["SGD", "Adam", "Momentum", "Optimizer", "RMSProp", "schedules"]


if not TYPE_CHECKING:

    def __getattr__(name):
        raise _guesses.missing_name(__name__, name, __all__)

    def __dir__():
        return __all__
