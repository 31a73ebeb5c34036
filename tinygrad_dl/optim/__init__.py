"""Optimizers, and schedules for their learning rates."""

from . import schedules
from .algorithms import SGD, Adam, Momentum, RMSProp
from .optimizer import Optimizer

__all__ = ["SGD", "Adam", "Momentum", "Optimizer", "RMSProp", "schedules"]
