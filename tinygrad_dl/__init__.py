"""Backprop to see and to trust: an autograd mini-framework on NumPy.

A Tensor records the NumPy functions that it is made with, and `backward` computes the gradient from that record:

>>> import numpy as np
>>> import tinygrad_dl as tg
>>> x = tg.parameter([1.0, 2.0], name="x")
>>> y = np.sum(x**2)
>>> y.backward()
>>> x.grad
array([2., 4.])

Functions of arrays need no Tensors. `grad` takes arguments by number or by name, and can be nested:

>>> tg.grad(lambda x: np.sum(x**2))(np.array([1.0, 2.0]))
array([2., 4.])

A net is trained by `fit`, or by a loop of your own. Samples are columns:

>>> rng = np.random.default_rng(0)
>>> X = rng.normal(size=(2, 200))
>>> Y = (X[:1] > X[1:]).astype(float)
>>> net = tg.nn.mlp([2, 4, 1], output=tg.nn.sigmoid, rng=rng)
>>> history = tg.fit(net, X, Y, loss="bce", optimizer="adam", epochs=20, progress=False)
>>> history.loss[-1] < history.loss[0]
True

Where to find the rest:

- see it: `draw` gives a picture of a graph, `explore` a page to step through, `derive` the formulas; `drawing.plots`
- train: `nn` has layers, activations and losses, `optim` optimizers and schedules, `data` minibatches, `training`
  callbacks; `save_training` and `load_training`
- differentiate: `grad`, `value_and_grad`, `elementwise_grad`, `jacobian`, `hessian`, `vjp`, `jvp`, `hvp`; `vmap` maps a
  function over samples, `checkpoint` saves memory, `compile` saves time, `no_grad` records nothing
- check: `testing` compares gradients by hand with numbers and names the mistake; `debug` finds the first nan
- extend: `primitives`, `primitive` and `defvjp` give a function its derivative, `custom` one of another library

`help(tg.fit)` describes one function, `help(tg.nn)` a part.
"""

import importlib
from typing import TYPE_CHECKING

from . import _guesses, data, nn, primitives, rules
from .core.backprop import backward, gradients
from .core.modes import is_grad_enabled, no_grad
from .core.tensor import Tensor, parameter
from .debugging import debug
from .functional import (
    checkpoint,
    custom,
    elementwise_grad,
    grad,
    hessian,
    hvp,
    jacobian,
    jvp,
    value_and_grad,
    vjp,
    vmap,
)
from .functional.user_ops import defcomposite, defnondiff, defvjp, defvjp_each, defvjp_jointly, fused, primitive
from .graph.named_tensors import named_tensors
from .memory import keep_memory

if TYPE_CHECKING:
    from . import drawing as drawing
    from . import optim as optim
    from . import parallel as parallel
    from . import sklearn as sklearn
    from . import testing as testing
    from . import training as training
    from .derivation import derive
    from .drawing import Drawing, draw, explore
    from .tracing.compiled import compile
    from .training import History, fit, load_training, save_training

__all__ = [
    "Drawing",
    "History",
    "Tensor",
    "backward",
    "checkpoint",
    "compile",
    "custom",
    "data",
    "debug",
    "defcomposite",
    "defnondiff",
    "defvjp",
    "defvjp_each",
    "defvjp_jointly",
    "derive",
    "draw",
    "drawing",
    "elementwise_grad",
    "explore",
    "fit",
    "fused",
    "grad",
    "gradients",
    "hessian",
    "hvp",
    "is_grad_enabled",
    "jacobian",
    "jvp",
    "keep_memory",
    "load_training",
    "named_tensors",
    "nn",
    "no_grad",
    "optim",
    "parallel",
    "parameter",
    "primitive",
    "primitives",
    "rules",
    "save_training",
    "testing",
    "training",
    "value_and_grad",
    "vjp",
    "vmap",
]
__version__ = "0.1.0"


# What derivatives do not need is imported on first use: a third of the time that all takes.
_LATER_MODULES = {"drawing", "optim", "parallel", "sklearn", "testing", "training"}
_LATER = {  # name -> its module
    "Drawing": "drawing",
    "draw": "drawing",
    "explore": "drawing",
    "derive": "derivation",
    "compile": "tracing.compiled",
    "History": "training",
    "fit": "training",
    "load_training": "training",
    "save_training": "training",
}

if not TYPE_CHECKING:

    def __getattr__(name):
        """Import on first use what derivatives do not need."""
        if name in _LATER_MODULES:
            return importlib.import_module(f".{name}", __name__)
        if name in _LATER:
            return getattr(importlib.import_module(f".{_LATER[name]}", __name__), name)
        raise _guesses.missing_name(__name__, name, __all__)

    def __dir__():
        return [*__all__, "__version__"]
