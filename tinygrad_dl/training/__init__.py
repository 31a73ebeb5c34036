"""Training: `fit`, its callbacks, the `History` of a run, and runs in files."""

from typing import TYPE_CHECKING

from .. import _guesses
from .callbacks import Checkpoint, EarlyStopping, TrainingState, every_step
from .fitting import fit
from .history import History
from .saving import load_training, save_training

__all__ = [
    "Checkpoint",
    "EarlyStopping",
    "History",
    "TrainingState",
    "every_step",
    "fit",
    "load_training",
    "save_training",
]


if not TYPE_CHECKING:

    def __getattr__(name):
        raise _guesses.missing_name(__name__, name, __all__)

    def __dir__():
        return __all__
