"""Pairs of functions, one of which is the derivative of the other: how they are named, and how they are checked."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from ..._signatures import signature
from .claims import Claimed, Explained, all_causes, judge_and_explain, merged
from .drawing import role_of
from .findings import RIGHT, UNDECIDED, Check, Finding, Quantity
from .gradient_names import argument_of
from .inputs import Call, calls_of
from .judging import finding_of, small_number
from .loading import CannotCheck, UserFile
from .readings import Backward, Reading, answer, is_cost, is_layer, readings_of

# The words in the names of each half: relu_backward, backwardRelu, d_relu are of relu, relu_forward, forwardRelu, ...
BACKWARD = {
    *("backward", "backwards", "bwd", "back", "backprop", "backpropagate", "backpropagation", "prime", "p", "d", "dx"),
    *(
        "grad",
        "grads",
        "gradient",
        "gradients",
        "deriv",
        "derivative",
        "derivatives",
        "derivate",
        "der",
        "diff",
        "derv",
    ),
}
DIRECTION = {"forward", "forwards", "fwd", "forwardprop", "feedforward"}
FORWARD = {*DIRECTION, "f", "func", "function", "fn", "activation", "activate", "loss", "cost"}
FILLING = {"of", "the", "compute", "calc", "calculate", "get", "cal", "my", "np", "numpy"}
VARIANTS = {
    *("naive", "fast", "alt", "vectorized", "vec", "loop", "loops", "im2col", "strides", "reshape", "v1", "v2", "2"),
    *("optimized", "simple"),
}
FLAG = re.compile(r"(is_|return_|get_|compute_)?(deriv\w*|der|grad|gradient|prime|d|dx|diff|backward|backprop\w*)")
SECONDS = 30.0  # of the search for a reading
CALLS = 20  # of different shapes
FAR = 9.0  # beyond the kinks of usual activations


class Names(NamedTuple):
    """The names of two halves, the part that they share, and the argument that asks for the derivative, if any."""

    forward: str
    backward: str
    common: str
    flag: str = ""


def find(file: UserFile, progress: bool) -> Iterator[Check]:
    """The pairs of a file, in its order."""
    for name in file.functions:
        for names in pairs_of(file, name):
            title = _title(names)
            run = partial(check_functions, file, *names[:3], progress, names.flag)
            yield Check(title, tuple(dict.fromkeys(n for n in names[:3] if n)), run)


def check_functions(
    file: UserFile, forward: str, backward: str, common: str = "", progress: bool = False, flag: str = ""
) -> Finding:
    """The finding on a backward pass, in the first reading that makes it right.

    CannotCheck: no inputs were found, or it is no backward pass of `forward`.
    """
    names = Names(forward, backward, common, flag)
    found = _Outcomes(file, names, progress)
    fixed = {flag: False} if flag else {}
    start = time.monotonic()
    for number, call in enumerate(calls_of(file, forward, common, fixed=fixed)):
        if found.add(call) or number + 1 >= CALLS or time.monotonic() - start > SECONDS:
            break
    if not found.settled:
        return found.with_equal_sizes(fixed)
    return found.finding()


class _Outcomes:
    """The judgements on a pair, call by call and reading by reading."""

    def __init__(self, file: UserFile, names: Names, progress: bool):
        self.file, self.names, self.progress = file, names, progress
        self.found: list[tuple[Backward, Explained]] = []
        self.error: Exception | None = None
        self.layouts: set[str] = set()  # of the calls that ran
        functions = [file.functions[names.forward], file.functions[names.backward]]
        self.small = small_number(functions)

    @property
    def settled(self) -> bool:
        """True if a call counts: its gradients have the shapes of the arguments."""
        return any(_counts(hand, judgement) for hand, judgement in self.found)

    def add(self, call: Call) -> bool:
        """Judge all readings of a call. Return whether it counts: with it, shapes of gradients fit, and it ran."""
        new = []
        self.layouts.add(call.layout)
        try:
            readings = readings_of(self.file, self.names.backward, call, self.names.flag)
        except CannotCheck as problem:
            self.error = self.error or problem
            return False
        for reading in readings:
            judged = self._judge(call, reading)
            if judged is None:
                continue
            new.append(judged)
            if judged[1].verdict != "wrong":
                break
        self.found += new
        counting = [judgement for hand, judgement in new if _counts(hand, judgement)]
        # of a cost, the number of units is unknown: one, if it is right then
        return bool(counting) and not (is_cost(call) and call.units > 1 and all(j.wrong for j in counting))

    def finding(self) -> Finding:
        """The finding by the best of all judgements, with all string settings."""
        hand, judgement = min(self.found, key=lambda each: (not _counts(*each), each[1].wrong))
        call = hand.call
        if judgement.fits:
            judgement = self._far_out(hand, self._other_words(hand, judgement))
        verdict = ""
        if judgement.verdict == RIGHT and hand.reading.through and not _names_activation(self.names):
            verdict = UNDECIDED
        readings = [call.layout] if len(call.names) > 1 and call.layout and is_layer(call, hand.reading) else []
        readings += hand.reading.lines(is_layer(call, hand.reading))
        place = self.file.place(self.file.functions[self.names.backward])
        called = self._called(hand, list(judgement.reports))
        return finding_of(
            _title(self.names),
            self.names[:3],
            place,
            call.taken,
            readings,
            judgement,
            called,
            all_causes(self.file, judgement),
            verdict,
        )

    def with_equal_sizes(self, fixed: dict[str, Any]) -> Finding:
        """The finding where a shape is wrong, with all sizes equal once more, which shows W in place of W.T."""
        strict, error = list(self.found), self.error
        self.found = []
        try:
            for call in calls_of(self.file, self.names.forward, self.names.common, equal=True, fixed=fixed):
                if call.layout in self.layouts and self.add(call) and any(each[1].fits for each in self.found):
                    break
        except CannotCheck:
            pass
        equal = [each for each in self.found if each[1].fits]
        if equal and all(each[1].wrong for each in equal):
            finding = self.finding()
            said = f"all sizes equal, since with others: {error or 'the shapes of gradients are wrong'}"
            return _with_reading(finding, said)
        self.found = strict
        if strict:
            return self.finding()
        assert error is not None
        if equal:
            error = CannotCheck(f"{error} (it is right where all sizes are equal)")
        if self.none:
            place = self.file.place(self.file.functions[self.names.backward])
            detail = f"{self.names.backward} gives None: is a return missing?"
            quantity = Quantity(f"the value of {self.names.backward}", "wrong", detail=detail)
            return Finding(
                _title(self.names), "wrong", (), (quantity,), report=detail, place=place, names=self.names[:3]
            )
        raise error

    none = False  # it ran, and gave None

    def _judge(self, call: Call, reading: Reading) -> tuple[Backward, Explained] | None:
        hand = Backward(self.file, self.names.backward, call, reading, self.names.flag)
        place = self.file.place(self.file.functions[self.names.backward])
        try:
            given = hand.gradients(_ones(hand), hand.values)
            if not given:
                raise CannotCheck(f"{place}: {self.names.backward}: it gives no gradient that is known by its name.")
            wanted = hand.wanted(given)
            claim = Claimed(call.names, hand.values, hand.value, hand.gradients, wanted)
            sizes = {"m": call.samples, "n": call.units}
            judgement = judge_and_explain(_title(self.names), claim, sizes, self.small, self.progress)
            if any(role_of(n) == "weights" and not np.ndim(claim.everything[n]) for n in _misfits(judgement)):
                raise CannotCheck(
                    f"{place}: {self.names.backward}: no drawn weights fit."
                )  # a number is a poor drawing
        except Exception as error:
            self.none = self.none or "it gives None" in str(error)
            self.error = self.error or self.file.problem(error, self.names.backward, place)
            return None
        return hand, judgement

    def _other_words(self, hand: Backward, judgement: Explained) -> Explained:
        """The judgement for all values of string settings, such as the names of activations."""
        call = hand.call
        for name, words in call.words.items():
            for word in words:
                if word != call.values[call.names.index(name)]:
                    judgement = self._with(hand, judgement, name, word, f"for {name} {word!r}")
        return judgement

    def _far_out(self, hand: Backward, judgement: Explained) -> Explained:
        """The judgement for large values as well, where an activation is saturated or cut off."""
        arrays = [(n, v) for n, v in zip(hand.call.names, hand.call.values, strict=True) if np.ndim(v)]
        if self.small or len(arrays) != 1 or np.shape(answer(hand.call.result)) != np.shape(arrays[0][1]):
            return judgement
        name, value = arrays[0]
        far = np.linspace(-FAR, FAR, np.size(value)).reshape(np.shape(value))
        return self._with(hand, judgement, name, far, f"for values up to {FAR:g}")

    def _with(self, hand: Backward, judgement: Explained, name: str, value: Any, words: str) -> Explained:
        """The judgement, and the one for another value of an argument; `words` are for what is wrong there alone."""
        call = hand.call
        values = [value if n == name else v for n, v in zip(call.names, call.values, strict=True)]
        try:
            other = Call(**{**vars(call), "values": values, "result": call.function(*values)})
            if not np.all(np.isfinite(answer(other.result))):
                return judgement
        except Exception:  # a value that the function does not take
            return judgement
        judged = self._judge(other, hand.reading)
        return merged(judgement, judged[1], words) if judged is not None and judged[1].fits else judgement

    def _called(self, hand: Backward, arguments: Sequence[str]) -> dict[str, str]:
        """The learner's names of gradients, by argument."""
        written = [n for n in self.file.returned_names(self.names.backward) if n]
        found = {argument_of(n, hand.call.names): n for n in written}
        if len(arguments) == 1 and arguments[0] not in found:
            found[arguments[0]] = self.names.backward
        return found


def _misfits(judgement: Explained) -> list[str]:
    """The arguments whose gradients have another shape."""
    return [n for n, report in judgement.reports.items() if report.others]


def _counts(hand: Backward, judgement: Explained) -> bool:
    """Return whether a reading counts: the shapes of all gradients fit, or a parameter's gradient is right already.

    Where dW is right for several samples, a db that fits for one sample only, or for one unit, is wrong.
    """
    roles = {n: role_of(n) for n in judgement.reports}
    right = [n for n, report in judgement.reports.items() if report.verdict == RIGHT and roles[n] == "weights"]
    return judgement.fits or (bool(right) and hand.call.samples > 1)


def _ones(hand: Backward) -> Any:
    return np.ones_like(hand.value(*hand.values))


def _with_reading(finding: Finding, line: str) -> Finding:
    return replace(finding, readings=(*finding.readings, line), report=f"  read with {line}\n{finding.report}")


def _title(names: Names) -> str:
    return f"{names.forward}, {names.backward}" + (f"({names.flag}=True)" if names.flag else "")


def _names_activation(names: Names) -> bool:
    text = "_".join(names[:2]).lower()
    return bool(re.search("softmax|sigmoid|logit|delta|_z", text))


# ---- names


def pairs_of(file: UserFile, name: str) -> Iterator[Names]:
    """The pairs whose backward half is the function `name`."""
    function = file.functions[name]
    flag = _flag(function)
    if flag:
        yield Names(name, name, name, flag)
        return
    words = _words(name)
    stem = [w for w in words if w not in BACKWARD]
    halves = [stem] if len(stem) < len(words) else []
    if not halves and len(words[0]) > 1 and words[0].startswith("d"):  # drelu, dsigmoid_dx
        halves = [[words[0][1:], *words[1:]]]
    for half in halves:
        forward = _forward_of(file, name, half)
        if forward and not _of_a_net(function, file.functions[forward]):
            yield Names(forward, name, "_".join(half))
            return


def _forward_of(file: UserFile, backward: str, stem: list[str]) -> str:
    """The function whose name has these words, and else only words for the forward half; the most alike one."""
    bare = _bare(stem)
    place = next((i for i, w in enumerate(_words(backward)) if w in BACKWARD), -1)
    found: list[tuple[int, str]] = []
    for name in file.functions:
        words = _words(name)
        if name == backward or set(words) & (BACKWARD - {"p", "d"}):
            continue
        if [w for w in words if w not in DIRECTION] == stem and words != stem:
            same = 0 <= place < len(words) and words[place] in DIRECTION
            found.append((0 if same else 1, name))
        elif words == stem:
            found.append((2, name))
        elif (not set(words) & DIRECTION and [w for w in words if w not in FORWARD] == stem) or words == [
            w for w in stem if w not in FILLING
        ]:
            found.append((3, name))
        elif [w for w in words if w not in DIRECTION | VARIANTS] == [w for w in stem if w not in VARIANTS]:
            found.append((4, name))
        elif bare and _bare(words) == bare:
            found.append((5, name))
    return min(found, key=lambda each: each[0])[1] if found else ""


def _bare(words: Sequence[str]) -> str:
    forward = DIRECTION if set(words) & DIRECTION else FORWARD  # linear_activation_forward has two parts
    return "".join(w for w in words if w not in forward | FILLING | VARIANTS)


def _words(name: str) -> list[str]:
    """The words in a name: relu_backward, reluBackward and ReluBackward are two words."""
    spaced = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name)
    return [word for word in spaced.lower().split("_") if word] or [name]


def _flag(function: Callable[..., Any]) -> str:
    """The argument that asks an activation for its derivative, such as deriv=False; "" if there is none."""
    parameters = list(signature(function).parameters.values())
    for p in parameters[1:]:
        if FLAG.fullmatch(p.name) and (p.default in (False, 0) or (p.default is p.empty and p is parameters[-1])):
            return p.name if len(parameters) <= 3 and not p.name.startswith("d_") else ""
    return ""


def _of_a_net(backward: Callable[..., Any], forward: Callable[..., Any]) -> bool:
    """Return whether a backward pass takes labels that its forward pass does not: a whole net, with its cost."""
    own = set(signature(backward).parameters) - set(signature(forward).parameters)
    return any(role_of(n) == "labels" and n not in ("y", "t", "true") for n in own) and len(own) > 1
