"""Random arguments of a learner's function: the roles of their names, and the shapes of each role in each layout."""

from __future__ import annotations

import inspect
import itertools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import CodeType
from typing import Any, NamedTuple

import numpy as np

# How arguments of each role are named. The first role that fits counts.
ROLES: dict[str, str] = {
    "settings": r"\w*_?param|\w*(hparams?|hparameters|hyper\w*|config|conf|opts?|options|settings)",
    "parameters": r"param(eter)?s|model|theta_dict",
    "word": (
        r"\w*activation(_\w+)?|act(_?fn?|_?func\w*)?|mode|kind|nonlinearity|non_lin\w*|reduction|"
        r"method|name|type|\w+_(name|type)|func|function|fn|activ\w*"
    ),
    "size": (
        r"num_(labels|classes|samples)|n_(classes|samples|examples|labels)|\w+_(size|dim)|m|C|K|"
        r"num_c\w*"
    ),
    "prediction": (
        r"[yYtT]_?(hat|pred)\w*|pred\w*|probs?|probabilit\w*|AL|(soft|sig)\w*_out\w*|outputs?|"
        r"output_activations?"
    ),
    "labels": (
        r"[yY]\d*|[yY]_?[a-zA-Z]\w*|labels?|targets?|[tT]|truth|ground_truth|gt|true\w*|actual|"
        r"expected|\w*answers?|\w+_true|one_?hot\w*"
    ),
    "recurrent": r"[wWU]_?(h|hh|aa|rec|hidden)|[wW]h_\w+",
    "weights": (
        r"[wW]\d*|[wW]_?[a-z]{1,2}\d?|[wW]_\w+|weights?\d*|\w+_weights?|thetas?|[tT]heta\d*|"
        r"nn_params|coef\w*|kernels?|filters?"
    ),
    "bias": r"b\d*|b_\w+|b[a-z]|bias(es)?\d*|bias_\w+|\w+_bias|beta|gamma|intercept",
    "inputs": (
        r"[xX]|[xX]t|[xX]_\w+|X(batch|train|dev)|A|A_prev\w*|a_in|prev_A|inp\w*|features|data|"
        r"images?|(input|train)_\w+"
    ),
    "setting": (
        r"alpha|slope|leak\w*|lambd\w*|lam|lmbda|_?lambda_?|reg\w*|l[12]\w*|eps\w*|keep_?prob\w*|"
        r"[lL]earning_?[rR]ate|lr|p|drop\w*|delta|margin|Lambda|scale|decay\w*|momentum|negative_slope"
    ),
    "values": r"\w+",
}
# The sizes of a net of two layers, beside all its parameters in one vector.
LAYER_SIZES = {
    "input": r"n|d|D|n_?(x|in|features?)|\w*input\w*(size|dim|units)|num_inputs?|s1",
    "hidden": r"h|H|n_?(h|hid|hidden)|\w*hidden\w*(size|dim|units)|num_hidden|s2",
    "output": r"k|K|c|C|n_?(y|out|classes|labels)|\w*output\w*(size|dim|units)|num_(labels|classes|outputs?)|s3",
}
VECTOR = r"(nn_)?(params?|parameters)(_flat)?|[tT]hetas?|weights?|w|vec|flat\w*"
UNITS, SAMPLES = (3, 4, 2, 2, 2), 5  # of layers 0, 1, ...
EQUAL = 4
CLASSES = 4  # as many as a layer has units
SIZES = {"c": 3, "t": 7, "h": 4, "w": 6, "H": 5, "W": 7, "k": 3, "v": 11}

# The shapes of each role in each layout, likeliest first: p the units of the layer before, n those of the layer, m the
# samples, c channels, h, w (H, W) the sides of images, k those of kernels, t steps of time, v words.
COLUMNS = ("inputs", "weights", "recurrent", "bias", "labels", "values")
LAYOUTS: dict[str, tuple[str, ...]] = {
    "samples are columns": ("p m", "n p", "n n", "n 1", "n m, m, 1 m", "n m"),
    "samples are rows": ("m p", "p n", "n n", "n, 1 n", "m n, m, m 1", "m n"),
    "samples are rows, W has a row for each unit": ("m p", "n p", "n n", "n, 1 n", "m n, m, m 1", "m n"),
    "one unit, samples are columns": ("p m", "p 1, 1 p, p", "", ", 1, 1 1", "1 m, m", "1 m, m"),
    "one unit, samples are rows": ("m p", "p, p 1, 1 p", "", ", 1, 1 1", "m, m 1", "m, m 1"),
    "one sample": ("p, p 1, 1 p", "n p, p n", "n n", "n, n 1, 1 n", "n, n 1, 1 n, ", "n, n 1, 1 n"),
    "one sample, one unit": ("p, p 1, 1 p", "p, p 1, 1 p", "", ", 1, 1 1", "", ""),
    "one input": ("m, ", "", "", "", "m, ", "m, "),
    "images (m, channels, height, width)": ("m c H W", "n c k k", "", "n, n 1", "m, m n", "m c h w"),
    "images (m, height, width, channels)": ("m H W c", "k k c n", "", "1 1 1 n, n", "m, m n", "m h w c"),
    "samples are rows, four gates": ("m p", "p 4n", "n 4n", "4n", "m n, m", "m n"),
    "sequences (m, time, units)": ("m t p", "p n", "n n", "n", "m t n, m t, m", "m n"),
    "sequences, four gates": ("m t p", "p 4n", "n 4n", "4n", "m t n, m t", "m n"),
    "sequences (m, time, units), a value for each step": ("m t p", "p n", "n n", "n", "m t, m t n", "m t n"),
    "words (m, time)": ("m t int", "v n", "n n", "n", "m t", "m t n"),
    "one number": ("", "", "", "", "", ""),
    "": ("p m, m p, p, m", "n p, p n, p 1, n", "n n", "n 1, n, 1 n", "n m, m n, m, n", "n m, m n, n, m, 1 m, m 1"),
}
WORDS = ("relu", "sigmoid", "tanh", "softmax", "leaky_relu", "leakyrelu", "linear", "identity", "none", "elu", "swish")
MODES = ("train", "max", "average", "avg", "mean", "sum")
CHOICES: dict[str, Any] = {  # the values of settings, by their keys in a dict
    "mode": "train", "p": 0.6, "keep_prob": 0.6, "dropout": 0.4, "stride": 2, "pad": 1, "padding": 1, "f": 2,
    "pool_height": 2, "pool_width": 2, "pool_size": 2, "HH": 2, "WW": 2, "eps": 1e-5, "epsilon": 1e-5, "momentum": 0.9,
    "strides": 2, "kernel_size": 3, "alpha": 0.1, "lambd": 0.3, "reg": 0.3, "G": 3,
}  # fmt: skip


class Draw(NamedTuple):
    """Values of arguments by name, in a layout, with `samples` samples and `units` of the last layer.

    `words` are the other values to try for string settings.
    """

    values: dict[str, Any]
    layout: str
    samples: int
    units: int
    words: dict[str, tuple[str, ...]]


class _NoSuchLabels(Exception):
    """Raised for class numbers in the shape of one-hot labels."""


class Asked(dict):
    """A dict of settings that is given the usual value of a key when a function asks for it."""

    def __missing__(self, key: str) -> Any:
        self[key] = CHOICES[key]
        return self[key]

    def get(self, key: str, default: Any = None) -> Any:
        """The value of `key`; the usual one if there is neither a value nor a default."""
        return self[key] if key in self or (default is None and key in CHOICES) else default


def role_of(name: str) -> str:
    """The role of an argument by its name.

    >>> [role_of(name) for name in ("A_prev", "W2", "Z", "y_hat", "Y")]
    ['inputs', 'weights', 'values', 'prediction', 'labels']
    """
    return next(role for role, pattern in ROLES.items() if re.fullmatch(pattern, name))


def roles_of(names: Sequence[str]) -> dict[str, str]:
    """The roles of arguments that stand together: beside targets `t`, the labels of others, a `y` is a prediction."""
    roles = {n: role_of(n) for n in names}
    if "t" in roles and "y" in roles:
        roles["y"] = "prediction"
    if vector := vector_of(names):
        roles |= {n: "layer size" for n in names if _layer_size(n)} | {vector: "weights"}
    if "p" in roles and {"labels"} == set(roles.values()) - {"setting"}:
        roles["p"] = "prediction"
    if "weights" not in roles.values():
        roles |= {n: "values" for n, role in roles.items() if role == "inputs" or (n == "t" and len(names) == 1)}
        roles |= {n: "values" for n in names if n in ("p", "C", "K", "m") and len(names) == 1}
    if len(names) == 1 and next(iter(roles.values())) in ("labels", "weights", "bias", "setting", "size", "word"):
        roles = {names[0]: "values"}
    return roles


def is_setting(name: str, value: Any) -> bool:
    """Return whether a variable of the file is a setting, and no data."""
    return isinstance(value, (str, bool)) or (isinstance(value, (int, float)) and role_of(name) in ("setting", "word"))


def draws(names: Sequence[str], known: Mapping[str, Any], function: Callable, equal: bool = False) -> Iterator[Draw]:
    """Values to try, likeliest first: whole numbers in arrays as floats, unless that does not run.

    `known` are values that are given; sizes fit theirs. All sizes are the same if they are to be `equal`.
    """
    roles = roles_of(names)
    yield from _draws(roles, names, known, function, equal)
    values = [n for n in names if roles[n] == "values"]
    if len(values) == 2 and "labels" not in roles.values():  # loss(scores, answers)
        yield from _draws({**roles, values[-1]: "labels"}, names, known, function, equal)


def _draws(
    roles: Mapping[str, str], names: Sequence[str], known: Mapping[str, Any], function: Callable, equal: bool
) -> Iterator[Draw]:
    floats = {n: _as_floats(n, value) for n, value in known.items()}
    words = {n: _words(n, function) for n, role in roles.items() if role == "word" and n not in known}
    vector = vector_of(names)
    for layout, row in LAYOUTS.items():
        shapes = dict(zip(COLUMNS, row, strict=True))
        shapes["prediction"] = shapes["values"]
        options = [[""] if n in known or roles[n] not in shapes else shapes[roles[n]].split(", ") for n in names]
        sizes = _sizes(names, roles, known, layout, equal)
        for chosen in itertools.product(*options):
            axes = {n: _axes(n, roles, letters) for n, letters in zip(names, chosen, strict=True)}
            try:
                shape = {n: tuple(sizes[a] for a in each if a != "int") for n, each in axes.items()}
            except KeyError:  # the last layer needs more layers than there are
                continue
            for given, way in itertools.product((floats, known) if known else ({},), _ways(roles, shape, function)):
                for word in itertools.product(*words.values()):
                    rng = np.random.default_rng(0)
                    said = dict(zip(words, word, strict=True))
                    try:
                        values = {
                            n: given[n] if n in given
                            else said[n] if n in said
                            else _vector(rng, sizes) if n == vector
                            else _draw(n, roles[n], shape[n], axes[n], way, rng, sizes)
                            for n in names
                        }  # fmt: skip
                    except _NoSuchLabels:
                        continue
                    yield Draw(values, layout, sizes["m"], sizes["n"], words)


def _draw(name: str, role: str, shape: Any, axes: list[Any], way: tuple[str, str], rng: Any, sizes: dict) -> Any:
    if role == "settings":
        return Asked(stride=1, pad=1) if way == ("anywhere", "other settings") else Asked()
    if role == "size":
        return _count(name, sizes)
    if role == "layer size":
        return {"input": sizes[0], "hidden": sizes[1], "output": CLASSES}[_layer_size(name)]
    if role == "setting":
        return 1e-12 if name.startswith("eps") else float(rng.uniform(0.3, 0.8))
    if "int" in axes:
        return rng.integers(0, sizes["v"], shape)
    if role == "labels":
        return _labels(way[1], shape, axes, rng, sizes)
    if role == "prediction" or (role == "values" and way[0] == "in (0, 1)"):
        return rng.uniform(0.1, 0.9, shape) if way[0] != "anywhere, all" else rng.normal(size=shape)
    drawn = rng.uniform(0.1, 0.9, shape) if way[0] == "in (0, 1)" else rng.normal(size=shape)
    return drawn if shape else float(drawn)


def vector_of(names: Sequence[str]) -> str:
    """The argument that holds all parameters of a net of two layers, whose sizes are beside it; "" if there is none.

    >>> vector_of(["theta", "X", "y", "n", "h", "k"]), vector_of(["theta", "X", "y"])
    ('theta', '')
    """
    sizes = {_layer_size(n) for n in names} - {""}
    vectors = [n for n in names if re.fullmatch(VECTOR, n)]
    return vectors[0] if len(sizes) > 1 and "hidden" in sizes and len(vectors) == 1 else ""


def _layer_size(name: str) -> str:
    return next((part for part, pattern in LAYER_SIZES.items() if re.fullmatch(pattern, name)), "")


def _vector(rng: np.random.Generator, sizes: Mapping[Any, int]) -> np.ndarray:
    """All parameters of a net of two layers, with their biases."""
    return rng.normal(size=sizes[1] * (sizes[0] + 1) + CLASSES * (sizes[1] + 1))


def _count(name: str, sizes: Mapping[Any, int]) -> int:
    """The value of an argument that is a size, by its name."""
    if name == "m" or "sampl" in name or "examp" in name:
        return sizes["m"]
    if re.search("input|hidden", name):
        return sizes[0 if "input" in name else 1]
    return CLASSES if re.search("label|class|output", name) else sizes["n"]


def _ways(roles: Mapping[str, str], shapes: Mapping[str, Any], function: Callable) -> list[tuple[str, str]]:
    """Kinds of random arrays, with the kinds of labels beside them."""
    kinds = ["one-hot", "classes", "0 or 1", "anywhere"] if "labels" in roles.values() else [""]
    arrays = ["anywhere", "in (0, 1)", "anywhere, all"]
    if "labels" in roles.values() and not {"weights", "inputs"} & set(roles.values()) and not _exponentiates(function):
        arrays = ["in (0, 1)", "anywhere", "anywhere, all"]
    if "settings" in roles.values():
        kinds = [*kinds, "other settings"] if kinds != [""] else ["", "other settings"]
    return [(a, k) for a in arrays for k in kinds]


def _exponentiates(function: Callable) -> bool:
    """Return whether a function has an exponential in it: it takes scores, and no probabilities."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    return code is not None and any("exp" in n or "softmax" in n or "sigmoid" in n for n in code.co_names)


def _labels(kind: str, shape: tuple[int, ...], axes: list[Any], rng: np.random.Generator, sizes: dict) -> Any:
    several = [i for i, axis in enumerate(axes) if isinstance(axis, int) and shape[i] > 1]
    if kind == "one-hot" and several:
        labels = np.moveaxis(np.zeros(shape), several[0], 0)
        where = rng.integers(0, len(labels), labels.shape[1:])
        np.put_along_axis(labels, where[np.newaxis], 1.0, 0)
        return np.moveaxis(labels, 0, several[0]).copy()
    if kind == "classes":
        if several:
            raise _NoSuchLabels
        return rng.permutation(np.arange(int(np.prod(shape))) % sizes["n"]).reshape(shape)
    if kind == "anywhere":
        return rng.normal(size=shape) if shape else float(rng.normal())
    labels = rng.permutation(np.arange(int(np.prod(shape))) % 2).reshape(shape).astype(float)
    return labels if shape else float(labels)


def strings(function: Callable) -> list[str]:
    """All strings in the code of a function, in its order."""
    found: list[str] = []

    def search(constants: Sequence[Any]) -> None:
        for constant in constants:
            if isinstance(constant, CodeType):
                search(constant.co_consts)
            elif isinstance(constant, (tuple, frozenset)):
                search(list(constant))
            elif isinstance(constant, str):
                found.append(constant)

    code = getattr(inspect.unwrap(function), "__code__", None)
    search(code.co_consts if code else ())
    return found


def _words(name: str, function: Callable) -> tuple[str, ...]:
    """The values of a string setting: words in the function's code that are usual, and one more for all others.

    Without any, they are the usual ones.
    """
    inside = [word for word in strings(function) if word.lower().replace(" ", "_") in (*WORDS, *MODES)]
    others = [word for word in WORDS[:4] if word not in inside] if inside and name != "mode" else []
    return tuple(dict.fromkeys([*inside, *others[:1]])) or (MODES if name == "mode" else WORDS[:3])


def _as_floats(name: str, value: Any) -> Any:
    whole = isinstance(value, np.ndarray) and value.dtype.kind in "iu" and role_of(name) != "labels"
    return value.astype(float) if whole else value


def _sizes(names: Sequence[str], roles: Mapping[str, str], known: Mapping, layout: str, equal: bool) -> dict[Any, int]:
    """The size of each axis, by its letter; of units, by the number of their layer. Those known count first."""
    sizes: dict[Any, int] = {**dict(enumerate(UNITS)), **SIZES, "m": SAMPLES}
    if "images" in layout:  # loops in Python over each of their numbers
        sizes["m"] = 2
    if equal:
        sizes = dict.fromkeys(sizes, EQUAL)
    if "one unit" in layout:
        sizes[_last(names)] = 1
    letters = dict(zip(COLUMNS, LAYOUTS[layout], strict=True))
    for n, value in known.items():
        if isinstance(value, np.ndarray) and roles.get(n, "values") in letters:
            options = [_axes(n, roles, each) for each in letters[roles.get(n, "values")].split(", ")]
            fits = next((axes for axes in options if len(axes) == value.ndim), [])
            sizes.update(zip(fits, value.shape, strict=False))
    last = sizes[_last(names)]
    return sizes | {"n": last, "4n": 4 * last, "1": 1}


def _axes(name: str, roles: Mapping[str, str], letters: str) -> list[Any]:
    """The axes of an argument: the number of a layer, for its units, or a letter."""
    layer = _layer(name)
    if roles.get(name) in ("labels", "prediction", "values") and not re.search(r"\d$", name):
        layer = _last(list(roles))
    meaning = {"n": layer, "p": max(layer - 1, 0)}
    return [meaning.get(letter, letter) for letter in letters.split()]


def _last(names: Sequence[str]) -> int:
    return max(map(_layer, names), default=1)


def _layer(name: str) -> int:
    digits = re.search(r"\d+$", name) if not re.match(r"[hcs]\d|[xy]_?\d", name) else None
    return min(int(digits[0]), len(UNITS) - 1) if digits else 1
