"""The readings of a learner's backward pass: which argument is what, which gradient is whose, and where a 1/m sits.

A reading that makes all gradients right is one that a reasonable teacher accepts, and it is named in the report:

- dW and db of a layer hold the 1/m of the cost, as in the course;
- the derivative of a cost is an error for each sample, without the 1/m, or that of the mean of the samples' costs;
- the derivative of an activation is written in terms of its output, as x (1 - x) for the sigmoid;
- the derivative of a cost is that with respect to the input of the softmax or sigmoid before it.
"""

from __future__ import annotations

import ast
import inspect
import itertools
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..._signatures import signature
from .drawing import role_of, roles_of
from .gradient_names import argument_of, matched
from .inputs import Call, answer
from .loading import CannotCheck, UserFile
from .repeatable import Repeatable

UPSTREAM = re.compile(r"d[AZYL]\w*|dout\w*|d_?(out|y|z|a)|upstream\w*|grad_?(out|output)?|delta")  # and nothing else
G, ANS, CACHE = "the derivative by what comes out", "what comes out", "the cache"
LAYER, SAMPLE, ELEMENT, MEAN = "layer", "sample", "element", "mean"
SCALES = {
    LAYER: "as the course writes it: dW and db have the 1/m in them",
    SAMPLE: "as the course writes it: dA is an error per sample, without the 1/m",
    ELEMENT: "the derivative of each element's cost, without the 1/size of the mean over all elements",
    MEAN: "the derivative of the mean over the samples, of the cost of each of them",
}


class Reading(NamedTuple):
    """The role of each argument of a backward pass: G, ANS, CACHE, a part, or an argument of the forward pass by name.

    Without G among them it gives a derivative, to be multiplied by G. `names` are those of the arguments, `scale` the
    place of the 1/m, one of SCALES; `through` is an activation that the derivative includes. `outputs` counts the
    arrays that the forward pass gives and that have a cotangent each.
    """

    arguments: tuple[str, ...]
    names: tuple[str, ...]
    scale: str = ""
    through: str = ""
    outputs: int = 1

    def lines(self, layer: bool) -> list[str]:
        """The reading in words, a line each."""
        pairs = zip(self.names, self.arguments, strict=True)
        obvious = (G, CACHE)
        said = [f"{n} is read as {what}" for n, what in pairs if what not in (n, *obvious) and " of " not in what]
        lines = [", ".join(said)] if said else []
        if self.scale:
            lines.append(SCALES[self.scale])
        elif layer:
            lines.append("as derivatives: the course has a 1/m in dW and db")
        if self.through:
            lines.append(f"the derivative with respect to the input Z of A = {self.through}(Z)")
        return lines


def readings_of(file: UserFile, backward: str, call: Call, flag: str = "") -> list[Reading]:
    """The possible readings of `backward`, likeliest first; `flag` is the argument that asks for the derivative."""
    function = file.functions[backward]
    parameters = signature(function).parameters.values()
    parts = _parts(file, call)
    named = {n: n for n in (*numbers_of(file), *call.names)} | parts
    needed = [
        p.name
        for p in parameters
        if p.kind < p.VAR_POSITIONAL and (p.default is p.empty or p.name in (*call.names, flag))
    ]
    cached = isinstance(call.result, tuple) and len(call.result) > 1
    named |= {n: n for n in needed if n == flag or n in call.names}
    unknown = [n for n in needed if n not in named]
    absent = [n for n in call.names if n not in needed and n not in call.settings]
    outputs = _outputs(call, unknown) if cached else 1
    cotangents = [G] if outputs == 1 else [f"{i} of {G}" for i in range(outputs)]
    if cached:
        ways = [cotangents, [*cotangents, CACHE], [*cotangents, ANS, CACHE], [CACHE, *cotangents]]
        ways += [[*cotangents, *absent], [*cotangents, ANS]]
    else:
        ways = [[G], [G, *absent], [G, ANS], [G, ANS, *absent], [*absent, G], [ANS, G], [G, *absent, ANS]]
    derivative = [[], absent, [ANS]]
    if needed and needed[0] in named:
        ways = derivative + ways
    elif len(unknown) == 1:
        ways = ways + derivative if _is_cotangent(unknown[0]) else derivative + ways
    if unknown and re.fullmatch("[aA]|out(put)?|ans|y|activation", unknown[-1]):  # as what comes out is called
        ways.sort(key=lambda way: ANS not in way)
    upstream = [n for n in unknown if len(needed) > 1 and UPSTREAM.fullmatch(n)]
    readings = []
    for way in ways:
        roles = dict(zip(unknown, way, strict=False))
        if len(way) == len(unknown) and all(G in roles[n] for n in upstream):
            supply = {**named, **dict(zip(unknown, way, strict=True))}
            readings.append(Reading(tuple(supply[n] for n in needed), tuple(needed), outputs=outputs))
    elementwise = len(needed) - bool(flag) == 1 and needed[0] in named and not cached
    code = getattr(inspect.unwrap(function), "__code__", None)
    uses = {call.function.__name__, "exp", "tanh"} & set(code.co_names if code else ())
    if uses and not flag:  # it computes the output itself: its argument is the input
        readings = [r for r in readings if any(G in what for what in r.arguments) or ANS not in r.arguments]
    elif elementwise:  # sigmoid_prime(x) = x (1 - x): of the output
        readings.append(Reading(tuple(ANS if i == 0 else named[n] for i, n in enumerate(needed)), tuple(needed)))
    if not readings:
        f, b, place = call.function.__name__, backward, file.place(function)
        raise CannotCheck(
            f"{place}: expected {b}(g, ...): the derivative g by what {f} gives, and then arguments of "
            f"{f}({', '.join(call.names)}), what it gives, or its cache; got {b}({', '.join(needed)})."
        )
    variants = [[r, *_variants(file, call, r)] for r in dict.fromkeys(readings)]
    return list(itertools.chain.from_iterable(variants))


def numbers_of(file: UserFile) -> dict[str, Any]:
    """Settings of the file, such as a slope or the name of an activation."""
    return {name: value for name, value in file.variables.items() if isinstance(value, (str, int, float))}


def is_layer(call: Call, reading: Reading) -> bool:
    """Return whether a pair is a layer with parameters, whose gradients may hold a 1/m."""
    return any(G in a for a in reading.arguments) and bool({"weights", "bias"} & set(map(role_of, call.names)))


def is_cost(call: Call) -> bool:
    """Return whether the forward pass is a cost, of labels."""
    return "labels" in roles_of(call.names).values() and len(call.names) > 1


def _is_cotangent(name: str) -> bool:
    return name[0] in "dg" or bool(re.match(r"upstream|grad|delta|error|top_", name))


def _outputs(call: Call, unknown: Sequence[str]) -> int:
    """The number of arrays of the forward pass that have a cotangent: as many as `unknown` ones are named so."""
    count = sum(1 for n in itertools.takewhile(_is_cotangent, unknown))
    arrays = [isinstance(part, np.ndarray) and part.dtype.kind == "f" for part in call.result]
    return count if 1 < count < len(call.result) and all(arrays[:count]) else 1


def _parts(file: UserFile, call: Call) -> dict[str, str]:
    """Results of the forward pass by name: those in its `return`, and the keys of a cache that is a dict."""
    result = call.result
    names = file.returned_names(call.function.__name__)
    if not isinstance(result, tuple):
        return {names[0]: ANS} if len(names) == 1 and names[0] and names[0] not in call.names else {}
    found: dict[str, str] = {}
    cache = result[-1]
    if isinstance(cache, Mapping):
        found |= {str(key): f"entry {key} of the cache" for key in cache if str(key) not in call.names}
    if len(names) == len(result):
        meaning = [ANS, *([CACHE] if len(names) == 2 else [f"part {i} of the value" for i in range(1, len(names))])]
        found |= {n: what for n, what in zip(names, meaning, strict=True) if n and n not in call.names}
    return found


def _variants(file: UserFile, call: Call, reading: Reading) -> list[Reading]:
    """Other places of the 1/m, where that is a convention."""
    ans = answer(call.result)
    if is_layer(call, reading):
        return [reading._replace(scale=LAYER)] if ans.ndim >= 2 and call.samples > 1 else []
    if G in reading.arguments or not is_cost(call):
        return []
    scales = [MEAN] if ans.size > 1 else [SAMPLE, ELEMENT] if _leaves_out_the_mean(file, call) else []
    through = [reading._replace(through=f, scale=s) for f in ("softmax", "sigmoid") for s in ("", *scales)]
    return [*(reading._replace(scale=scale) for scale in scales), *through]


def _leaves_out_the_mean(file: UserFile, call: Call) -> bool:
    """Return whether the derivative of a cost may lack the 1/m: of a cross entropy, as in the course, or with it later.

    Later is in a function that multiplies by a transposed matrix and divides.
    """
    code = getattr(inspect.unwrap(file.functions[call.function.__name__]), "__code__", None)
    if code is None or any("log" in name for name in code.co_names):
        return True
    functions = (node for node in ast.walk(file.tree) if isinstance(node, ast.FunctionDef))
    return any(_divides_a_product(function) for function in functions)


def _divides_a_product(function: ast.FunctionDef) -> bool:
    parts = list(ast.walk(function))
    attributes = {part.attr for part in parts if isinstance(part, ast.Attribute)}
    multiplies = "dot" in attributes or "matmul" in attributes or any(isinstance(part, ast.MatMult) for part in parts)
    divides = "mean" in attributes or any(isinstance(part, ast.Div) for part in parts)
    return multiplies and divides and bool(attributes & {"T", "transpose"})


class Backward:
    """A backward pass in one reading: its gradients by argument, and the value that they are derivatives of."""

    file: UserFile
    name: str
    call: Any
    reading: Any
    flag: str
    function: Any
    roles: dict[str, str]
    values: Any

    def __init__(self, file: UserFile, name: str, call: Call, reading: Reading, flag: str = ""):
        self.file, self.name, self.call, self.reading, self.flag = file, name, call, reading, flag
        self.function = Repeatable(file.functions[name])
        self.roles = roles_of(call.names)
        self.values = list(call.values)
        if reading.through:
            rng = np.random.default_rng(1)
            i = call.names.index(self.predictions()[0])
            self.values[i] = rng.normal(size=np.shape(self.values[i]))

    def predictions(self) -> list[str]:
        """The arguments that a cost may be differentiated with respect to, likeliest first."""
        names = [n for n in self.call.names if n not in self.call.settings] or [
            n for n in self.call.names if self.roles[n] == "labels" and not re.search("true|target|label", n)
        ]
        return sorted(names or self.call.names, key=lambda n: self.roles[n] != "prediction")

    def value(self, *values: Any) -> np.ndarray:
        """The array that the forward pass gives; all of its arrays in a row if several have a cotangent."""
        result = self.call.function(*self._through(values))
        if self.reading.outputs == 1:
            return np.asarray(answer(result), dtype=float)
        return np.concatenate([np.ravel(part) for part in result[: self.reading.outputs]])

    def gradients(self, g: np.ndarray, values: Sequence[Any]) -> dict[str, Any]:
        """The gradients by the names of the arguments, after a new forward pass, whose cache this may use up."""
        values = self._through(values)
        result = self.call.function(*values)
        ans = answer(result)
        meaning = {**numbers_of(self.file), **dict(zip(self.call.names, values, strict=True))}
        meaning |= {G: g, ANS: ans, self.flag: True}
        if isinstance(result, tuple):
            meaning[CACHE] = result[1] if len(result) == 2 else result[1:]
            if self.reading.outputs > 1 or (len(result) > 2 and not isinstance(result[-1], np.ndarray)):
                meaning[CACHE] = result[-1]
            meaning |= {f"part {i} of the value": part for i, part in enumerate(result)}
            if isinstance(result[-1], Mapping):
                meaning |= {f"entry {key} of the cache": part for key, part in result[-1].items()}
            ends = np.cumsum([np.size(part) for part in result[: self.reading.outputs]])
            pieces = np.split(np.ravel(g), ends[:-1]) if self.reading.outputs > 1 else []
            meaning |= {f"{i} of {G}": p.reshape(result[i].shape) for i, p in enumerate(pieces)}
        arguments = dict(zip(self.reading.names, (meaning[what] for what in self.reading.arguments), strict=True))
        found = self.by_name(self.function(**arguments))
        if not any(G in what for what in self.reading.arguments):
            found = {n: _times(g, gradient, np.shape(values[self._index(n)])) for n, gradient in found.items()}
        return {n: self._as_derivative(n, gradient, ans) for n, gradient in found.items()}

    def wanted(self, given: Mapping[str, Any]) -> list[str]:
        """The arguments whose gradients are to be there: those given, and parameters without one."""
        parameters = [n for n in self.call.names if self.roles[n] in ("weights", "bias", "recurrent")]
        wanted = {n for n in parameters if n not in self.call.settings and len(given) > 1} | set(given)
        return [n for n in self.call.names if n in wanted]

    def by_name(self, result: Any) -> dict[str, Any]:
        """The gradients by the names of their arguments. CannotCheck if these can't be found."""
        names, shapes = self.call.names, dict(zip(self.call.names, map(np.shape, self.call.values), strict=True))
        if isinstance(result, Mapping):
            found = matched(result, names)
            if found:
                return found
            raise CannotCheck(f"{self.name}: expected gradients for {', '.join(names)}, got {', '.join(result)}.")
        parts = list(result) if isinstance(result, (tuple, list)) and not _is_numbers(result) else [result]
        if all(part is None for part in parts):
            raise TypeError("it gives None; is a return missing?")
        mappings = [part for part in parts if isinstance(part, Mapping)]
        if mappings:
            found = matched({k: v for m in mappings for k, v in m.items()}, names)
            written = self.file.returned_names(self.name)
            if len(written) == len(parts):
                arrays = {n: p for n, p in zip(written, parts, strict=True) if n and not isinstance(p, Mapping)}
                found = {**matched(arrays, [n for n in names if n not in found]), **found}
            return found
        written = self.file.returned_names(self.name)
        written = written if len(written) == len(parts) else [""] * len(parts)
        wanted = [n for n in names if n not in self.call.settings]
        found = {argument_of(w, names): part for w, part in zip(written, parts, strict=True) if w}
        if len(found) == len(parts) and "" not in found:
            return {n: part for n, part in found.items() if part is not None}
        for by in (wanted, names):
            if len(by) == len(parts) and len(parts) > 1:
                return {n: part for n, part in zip(by, parts, strict=True) if part is not None}
        if len(parts) == 1:
            alike = [n for n in self.predictions() if shapes[n] == np.shape(parts[0])]
            return {(alike or self.predictions())[0]: parts[0]}
        raise CannotCheck(
            f"{self.name}: expected {len(wanted)} gradients, for {', '.join(wanted)}, got {len(parts)}: name them in "
            f"its return, as in return dW, db."
        )

    def _index(self, name: str) -> int:
        return self.call.names.index(name)

    def _through(self, values: Sequence[Any]) -> list[Any]:
        values = list(values)
        if self.reading.through:
            i = self._index(self.predictions()[0])
            columns = "columns" in self.call.layout
            values[i] = _ACTIVATIONS[self.reading.through](np.asarray(values[i]), 0 if columns else -1)
        return values

    def _as_derivative(self, name: str, gradient: Any, ans: np.ndarray) -> Any:
        """A gradient without the convention of this reading."""
        scale, m = self.reading.scale, self.call.samples
        if scale == LAYER and self.roles[name] in ("weights", "bias", "recurrent"):
            return np.asarray(gradient) * m
        if scale == SAMPLE:
            return np.asarray(gradient) / m
        if scale == ELEMENT:
            return np.asarray(gradient) / max(np.size(gradient), 1)
        return np.asarray(gradient) * m if scale == MEAN else gradient


_ACTIVATIONS = {
    "softmax": lambda z, axis: np.exp(z) / np.exp(z).sum(axis=axis, keepdims=True),
    "sigmoid": lambda z, axis: 1 / (1 + np.exp(-z)),
}


def _times(g: np.ndarray, gradient: Any, shape: tuple[int, ...]) -> Any:
    """A derivative without a cotangent, times the cotangent `g`: element by element, or as a Jacobian."""
    gradient = np.asarray(gradient)
    if gradient.shape == g.shape + shape and g.ndim and shape:
        return np.tensordot(g, gradient, g.ndim)
    if gradient.shape == shape and g.ndim == 1 and len(shape) == 2:  # a cost for each sample
        return gradient * (g[:, np.newaxis] if shape[0] == g.size else g)
    return g * gradient


def _is_numbers(result: Any) -> bool:
    """Return whether a list or tuple is one array, of numbers."""
    return isinstance(result, list) and all(isinstance(part, (int, float)) for part in result)
