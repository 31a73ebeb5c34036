"""Objects of a learner's class, with drawn sizes: the arguments of the constructor are read from their names."""

from __future__ import annotations

import inspect
import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import numpy as np

from ..._signatures import signature
from . import methods
from .loading import UserFile
from .objects import copied_object

TRIES = 24
CHAIN = 3  # layers in a container
HELD = re.compile(r"layers|modules|blocks")
DERIVATIVES = (
    "{}_prime", "{}_derivative", "{}_deriv", "{}_grad", "{}_gradient", "{}_backward", "d_{}", "d{}", "grad_{}",
    "{}Prime", "{}Derivative", "der_{}", "deriv_{}", "{}_der", "{}_d", "{}_dx", "{}p", "{}_delta", "{}_back",
)  # fmt: skip
WORDS = ("relu", "sigmoid", "tanh", "softmax", "leaky_relu", "linear", "identity")


class Sizes(NamedTuple):
    """Sizes to draw: of the inputs, the outputs, the hidden layers, and the number of samples."""

    inputs: int = 4
    outputs: int = 3
    hidden: tuple[int, ...] = (5, 6)
    samples: int = 7

    @property
    def layers(self) -> list[int]:
        """The sizes of all layers."""
        return [self.inputs, *self.hidden, self.outputs]


DIFFERENT, EQUAL, SINGLE = Sizes(), Sizes(4, 4, (4, 4), 4), Sizes(outputs=1)

IN, OUT = r"in|inp|inputs?|features?|feats|prev|x", r"out|outputs?|neurons?|units?|classes|labels|y"
SIZE = r"_?(size|dims?|features?|units|nodes|neurons|layer_?size|channels?|count|num|len|n|c|d|ch)"
NUMBER = r"(n|num|nb|number_of|no_of)_?"
# Arguments of constructors by name, and the values to try. The first row that fits counts.
ROWS: tuple[tuple[str, Callable[[Sizes], Sequence[Any]]], ...] = (
    (r"in(put)?_?shape", lambda s: [s.inputs, (s.inputs,), (2, 6, 5), (6, 5), (6, 5, 2), (s.samples, s.inputs)]),
    (r"out(put)?_?shape", lambda s: [s.outputs, (s.outputs,)]),
    (r"(n_)?hiddens|hidden_(dims|sizes|layers?|layer_sizes|units|nodes)", lambda s: [list(s.hidden), s.hidden[0], 1]),
    (r"\w*layers?_?(dims?|sizes?|units|nodes)\w*|sizes|dims|arch\w*|topology|structure|shape|units_list|layers?",
     lambda s: [s.layers, s.outputs]),
    (r"(nodes|neurons|units)_per_layer|network_dims|nn_architecture", lambda s: [s.layers]),
    (r"[hH]2|n_?[hH]2|\w*hid(den)?\w*2", lambda s: [s.hidden[-1]]),
    (r"[hH]\d|n_?[hH]\d?|\w*hid(den)?\w*|n_h\w*|H|nh|num_hid\w*|h_size|h_dim", lambda s: [s.hidden[0]]),
    (rf"{NUMBER}({IN}|input_\w+|nodes_in|channels)|({IN}){SIZE}|n_?[xX0]|nin|ni|fan_?in|[dD]|D_in|in|inodes|c_in|d_in",
     lambda s: [s.inputs]),
    (r"(num_)?channels|inputs?|vocab_size|dim|size_in|features|embedding_dim", lambda s: [s.inputs]),
    (rf"{NUMBER}({OUT}|out_\w+|output_\w+|filters?|kernels?|nodes?)|({OUT}){SIZE}|n_?[yY1o]|nout|no|fan_?out|D_out|out",
     lambda s: [s.outputs]),
    (r"units?|neurons?|nodes|size|[CMKkFf]|num_class\w*|onodes|n_c|c_out|output|filters?|depth|d_out|n",
     lambda s: [s.outputs]),
    (r"kernel_?(size|shape)?|filter_?(size|shape|dim)|\w*_kernel_size|k_?size|f_size|HH|WW", lambda s: [3, (3, 3)]),
    (r"pool_?(size|shape|height|width|h|w)?|window\w*", lambda s: [2, (2, 2)]),
    (r"strides?\w*", lambda s: [1, 2]),
    (r"pad\w*", lambda s: [0, 1]),
    (r"keep_?prob\w*", lambda s: [0.6]),
    (r"\w*drop\w*|p|rate|prob\w*", lambda s: [0.4]),
    (r"\w*learn\w*rate|lr|eta|alpha|learnrate|step_?size", lambda s: [1.0]),
    (r"reg\w*|_?lam(b)?da?\w*|lmbda|l[12]\w*|weight_decay|\w*regulari[sz]\w*|wd", lambda s: [0.3, 0.0]),
    (r"eps\w*", lambda s: [1e-8]),
    (r"gamma|beta", lambda s: [_draw(s.inputs), _draw(s.inputs, 1), 0.9]),
    (r"momentum|beta\d|decay|rho", lambda s: [0.9]),
    (r"leak\w*|slope|negative_slope", lambda s: [0.1]),
    (r"(random_)?seed|random_state", lambda s: [0]),
    (r"\w*rng|rs|generator|random", lambda s: [np.random.RandomState(0), np.random.default_rng(0)]),
    (r"\w*dtype", lambda s: [np.float64]),
    (r"\w*iter\w*|(n_|max_)?epochs?", lambda s: [1]),
    (r"batch_?size|m|mini_batch\w*|n_samples", lambda s: [s.samples]),
    (r"\w*(std|scale|sigma)", lambda s: [0.5]),
    (r"[xX](_\w+)?|data|train_x|input_data", lambda s: [_draw(s.samples, s.inputs), _draw(s.inputs, s.samples)]),
    (r"[yY](_\w+)?|labels?|targets?|train_y", lambda s: [_labels(s), _labels(s).T]),
    (r"[wW]|weights?|\w*W|w_init|weight_matrix", lambda s: [_draw(s.inputs, s.outputs), _draw(s.outputs, s.inputs)]),
    (r"b|bias(es)?|bias_vector", lambda s: _biases(s.outputs)),
    (r"(w|W|weights?)_?1", lambda s: [_draw(s.inputs, s.hidden[0]), _draw(s.hidden[0], s.inputs)]),
    (r"(b|bias)_?1", lambda s: _biases(s.hidden[0])),
    (r"(w|W|weights?)_?2", lambda s: [_draw(s.hidden[0], s.outputs), _draw(s.outputs, s.hidden[0])]),
    (r"(b|bias)_?2", lambda s: _biases(s.outputs)),
    (r"name|verbose|debug|print\w*", lambda s: [""]),
    (r"(is_)?train\w*|use_bias", lambda s: [True]),
)  # fmt: skip
DEFAULTS_KEPT = re.compile(
    r"\w*(std|scale|sigma|decay|reg\w*|l[12]|eps\w*|seed|name|verbose|iter\w*|epochs?|bias\w*)|momentum|rate|beta\d?|"
    r"use_\w+|pad\w*|stride\w*|kernel_size|learning_rate|lr|alpha|[mpkfnbwW]|weights"
)
FUNCTIONS = re.compile(r"\w*(activation|function|func|fn|act|loss|cost|prime|derivative|deriv)_?\w*|f|g|df|dg|fun")


def instances(
    cls: Callable[..., Any], file: UserFile, sizes: Sizes = DIFFERENT
) -> Iterator[tuple[Any, tuple[str, ...]]]:
    """Objects that a class, or a function, makes of drawn arguments, likeliest first, with notes on choices."""
    parameters = _parameters(cls)
    options = [_options(p, cls, file, sizes) for p in parameters]
    if [option for option in options if option != [inspect.Parameter.empty]] == [[sizes.outputs]]:  # LayerNorm(n)
        options[options.index([sizes.outputs])] = [sizes.outputs, sizes.inputs]
    pairs = _function_pairs(parameters, file)
    rest = _layers(file, sizes) if _held(cls) == inspect.Parameter.VAR_POSITIONAL else []
    for chosen in itertools.islice(itertools.product(*options), TRIES):
        given = {p.name: value for p, value in zip(parameters, chosen, strict=True) if value is not p.empty}
        for functions in pairs or [{}]:
            try:
                made = cls(*rest, **given, **functions)
            except Exception:
                continue
            notes = [f"{type_of(value)} {name}" for name, value in functions.items()]
            words = [f"{name}={value!r}" for name, value in given.items() if isinstance(value, str) and value]
            yield made, (*notes, *words)


def _held(cls: Callable[..., Any]) -> Any:
    """The kind of the argument of a constructor that takes layers, one by one or as a list; None if it takes none."""
    try:
        parameters = signature(cls).parameters.values()
    except (TypeError, ValueError):
        return None
    return next((p.kind for p in parameters if p.kind == p.VAR_POSITIONAL or HELD.fullmatch(p.name)), None)


def _layers(file: UserFile, sizes: Sizes) -> list[Any]:
    """Layers of the file, of different classes, that run one after the other on samples that are rows."""
    x = _draw(sizes.samples, sizes.inputs)
    found: list[Any] = []
    for cls in file.classes.values():
        forward, backward = methods.pair_of_methods(cls)
        if not forward or not backward or methods.takes_labels(cls, forward) or _held(cls) is not None:
            continue
        for made, _ in itertools.islice(instances(cls, file, sizes), 3):
            with suppress(Exception):
                out = getattr(copied_object(made), forward)(x)
                if isinstance(out, np.ndarray) and len(out) == len(x) and len(found) < CHAIN:
                    x, found = out, [*found, made]
                    break
    return found


def type_of(function: Any) -> str:
    """The name of a function."""
    return getattr(function, "__name__", str(function))


def needs_functions(cls: type) -> bool:
    """Return whether the constructor of a class needs functions, as one of an abstract activation does."""
    return any(p.default is p.empty and _is_function_argument(p.name) for p in _parameters(cls))


def _parameters(cls: Callable[..., Any]) -> list[Any]:
    try:
        parameters = signature(cls).parameters.values()
    except (TypeError, ValueError):
        return []
    return [p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]


def _is_function_argument(name: str) -> bool:
    return bool(FUNCTIONS.fullmatch(name))


def _options(p: Any, cls: Callable[..., Any], file: UserFile, sizes: Sizes) -> Sequence[Any]:
    """The values to try for an argument; `empty` to leave it out."""
    if p.default is not p.empty and (p.default is None or DEFAULTS_KEPT.fullmatch(p.name)) and "dtype" not in p.name:
        return [p.empty, *([sizes.layers] if re.fullmatch("layers?|sizes", p.name) else [])]
    if _is_function_argument(p.name):
        if p.default is not p.empty:
            return [p.empty]
        words = _words_of(cls)
        return words or [p.empty] if isinstance(words, list) and words and not _pairs_in(file) else [p.empty]
    if isinstance(p.default, bool):
        return [p.empty]
    for pattern, values in ROWS:
        if re.fullmatch(pattern, p.name):
            found = values(sizes)
            if isinstance(p.default, (list, tuple)) and isinstance(found[0], list):
                found = [[*found[0][:-1], p.default[-1]] if len(p.default) and p.default[-1] == 1 else found[0]]
                found = [_as_long_as(p.default, found[0]), *found]
            return [*found, _layers(file, sizes)] if HELD.fullmatch(p.name) else found
    if p.default is not p.empty:
        return [p.empty]
    return [_layers(file, sizes)] if HELD.fullmatch(p.name) else [sizes.inputs, sizes.outputs, sizes.layers]


def _as_long_as(default: Sequence[Any], layers: list[int]) -> list[int]:
    if 2 <= len(default) <= len(layers):
        return [*layers[: len(default) - 1], layers[-1]]
    return layers


def _words_of(cls: Callable[..., Any]) -> list[str]:
    """The usual names of activations in the code of the class's methods."""
    found: list[str] = []
    for method in vars(cls).values():
        for constant in _constants(getattr(method, "__code__", None)):
            if isinstance(constant, str) and constant.lower() in WORDS and constant not in found:
                found.append(constant)
    return found


def strings_of(function: Any) -> list[str]:
    """The strings in the code of a function, in its order."""
    return [c for c in _constants(getattr(function, "__code__", None)) if isinstance(c, str)]


def _constants(code: Any) -> Iterator[Any]:
    for constant in getattr(code, "co_consts", ()):
        if hasattr(constant, "co_consts"):
            yield from _constants(constant)
        elif isinstance(constant, (tuple, frozenset)):
            yield from constant
        else:
            yield constant


def _pairs_in(file: UserFile) -> list[tuple[Any, Any]]:
    """The functions of the file that have their derivative beside them, with that."""
    functions = file.functions
    pairs = []
    for name, function in functions.items():
        derivative = next((functions[p.format(name)] for p in DERIVATIVES if p.format(name) in functions), None)
        if derivative is not None and len(signature(function).parameters) == 1:
            pairs.append((function, derivative))
    return pairs


def _function_pairs(parameters: Sequence[Any], file: UserFile) -> list[dict[str, Any]]:
    """Functions for the arguments that want some: an activation, and its derivative if there are two."""
    wanted = [p.name for p in parameters if p.default is p.empty and _is_function_argument(p.name)]
    if not wanted:
        return []
    if len(wanted) == 1:
        return [{wanted[0]: f} for f, _ in _pairs_in(file)]
    return [dict(zip(wanted, pair, strict=True)) for pair in _pairs_in(file)] if len(wanted) == 2 else []


def _draw(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape)


def _biases(units: int) -> list[np.ndarray]:
    return [_draw(units), _draw(1, units), _draw(units, 1)]


def _labels(sizes: Sizes) -> np.ndarray:
    """One-hot labels, a row a sample; 0 and 1 of a single class."""
    numbers = np.arange(sizes.samples) % max(sizes.outputs, 2)
    return np.eye(sizes.outputs)[numbers] if sizes.outputs > 1 else numbers[:, np.newaxis].astype(float)
