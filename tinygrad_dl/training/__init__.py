"""Training: `fit`, its callbacks, the `History` of a run, and runs in files."""

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
