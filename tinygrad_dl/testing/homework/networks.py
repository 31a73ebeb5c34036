"""Whole nets: their own cost is differentiated numerically with respect to each parameter, and compared with theirs.

A net is a few functions around a dict of parameters, or an object. If the file has no cost function, the cost is fitted
to the prediction: the gradients may be those of any standard cost, of one and the same for all of them.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from . import gradients
from .findings import RIGHT, UNDECIDED, WRONG, Check, Finding, worst
from .judging import finding_of, small_number
from .loading import CannotCheck, UserFile
from .net import parts_of
from .net_causes import averages_outputs, causes_in
from .net_functions import Functions, backward_functions
from .net_objects import Objects, is_network, methods_of
from .nets import Net, is_weight
from .repairs import repairs_and
from .screening import Wrong, careful, clearly_wrong, unlikeliness


def find(file: UserFile, progress: bool) -> Iterator[Check]:
    """The nets of a file: functions that give the gradients of a net's parameters, and classes of nets."""
    for roles in backward_functions(file):
        names = tuple(dict.fromkeys(n for n in (roles.backward, roles.forward, *roles.costs) if n))
        title = f"{roles.forward}, {roles.backward}"
        yield Check(title, names, partial(_check, file, title, names, Functions(file, roles), progress))
    for name, cls in file.classes.items():
        if is_network(cls):
            yield Check(name, (name,), partial(_check, file, name, (name,), Objects(file, cls), progress))


def find_formulas(file: UserFile, progress: bool) -> Iterator[Check]:
    """Gradients without a forward pass: those that a file holds, and functions that give them, by the formulas."""
    covered = {roles.backward for roles in backward_functions(file)}
    loose = {n: v for n, v in file.variables.items() if gradients.GRADIENT.fullmatch(n)}
    results = _results(file, covered)  # of checked functions: all that can be said where the net is not in the file
    whole = all(part is not None for part in parts_of(file).values())
    for name, value in file.names.items():
        if name in file.functions:
            forward = _forward_half(file, name)
            if name not in covered and gradients.is_backprop(file, name, forward):
                names = (name, forward) if forward else (name,)
                yield Check(name, names, partial(_of_text, name, gradients.check_function, file, name, forward))
        elif gradients.gradients_in(value) and (whole or name not in results):
            run = partial(_of_text, name, gradients.check_dict, file, name, gradients.gradients_in(value))
            if name not in results or _runs(run):  # the check of the function that gave them says enough
                yield Check(name, (name,), run)
            loose = {}
    if loose:
        title = ", ".join(loose)
        yield Check(title, tuple(loose), partial(_of_text, title, gradients.check_dict, file, title, loose))


def _forward_half(file: UserFile, backward: str) -> str:
    """The forward function of the same name, such as cost_forward of cost_backward; "" if there is none."""
    for pattern, forward in (
        (r"(.+)_backward", r"{}_forward"),
        (r"(.+)_backward", "{}"),
        (r"back(?:ward)?(.*)", "forward{}"),
    ):
        match = re.fullmatch(pattern, backward)
        if match and forward.format(match[1]) in file.functions:
            return forward.format(match[1])
    return ""


def _results(file: UserFile, functions: set[str]) -> set[str]:
    """The names that a file gives to results of some functions."""
    return {
        target.id
        for node in ast.walk(file.tree)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)
        if isinstance(node.value.func, ast.Name) and node.value.func.id in functions
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def _runs(run: Callable[[], Finding]) -> bool:
    try:
        run()
    except CannotCheck:
        return False
    return True


def _of_text(title: str, check: Any, file: UserFile, name: str, *rest: Any) -> Finding:
    verdict, text = check(file, name, *rest)
    return Finding(title, verdict, report=text, names=tuple(title.split(", ")))


def check_network(net: Any, x: Any, y: Any, *, progress: bool = False) -> Finding:
    """The finding on a net that is there already, an object with parameters, for samples `x` and labels `y`.

    Parameters
    ----------
    net
        An object with a forward and a backward pass, or one method for both, under any of their usual names.
    x, y
        The samples and their labels, as the methods of `net` take them.
    progress
        Show a progress bar.

    Returns
    -------
    Finding
        With a verdict on the gradient of each parameter.

    Raises
    ------
    CannotCheck
        If `net` has no such methods, or they don't run.
    """
    from .live import live_file

    cls = type(net)
    roles = methods_of(cls)
    if not roles:
        raise CannotCheck(f"{cls.__name__}: expected an object with methods such as forward and backward, or loss.")
    file = live_file({name: getattr(cls, name) for name in roles[0].all()})
    makers = Objects(file, cls, net, np.asarray(x), np.asarray(y))
    return _check(file, cls.__name__, (cls.__name__,), makers, progress)


def _check(file: UserFile, title: str, names: tuple[str, ...], nets: Any, progress: bool) -> Finding:
    """The finding on the first net whose gradients have the shapes of its parameters; one that runs if none has."""
    poor: list[Net] = []
    error: Exception | None = None
    tried = iter(nets)
    for net in tried:
        if isinstance(net, Exception):
            error = error or net
        elif net.fits() and not _hides_a_sum(net, poor):
            found = _finding(file, title, names, net, progress)
            if found.verdict == WRONG and averages_outputs(net):
                return _of_one_output(file, title, names, tried, progress) or found
            return found
        else:
            poor.append(net)
    if poor:
        return _finding(file, title, names, poor[0], progress)
    place = nets.place()
    if isinstance(nets, Functions):
        with suppress(Exception):  # as much as the formulas of the course can tell
            return _of_text(title, gradients.check_function, file, nets.roles.backward, nets.roles.forward)
    if error is None:
        raise CannotCheck(
            f"{place}: {title}: no drawn samples and parameters fit: check an object by testing.check(net, x, y)."
        )
    raise file.problem(error, title, place)


def _of_one_output(
    file: UserFile, title: str, names: tuple[str, ...], nets: Iterator[Any], progress: bool
) -> Finding | None:
    """The finding on the first net with one output, for which a mean over all elements is one over the samples."""
    for net in nets:
        if isinstance(net, Net) and net.first()[0].size == net.samples > 1 and net.fits():
            words = "with one output: a mean over several would divide by their number too"
            return _finding(file, title, names, replace(net, layout=f"{net.layout}, {words}"), progress)
    return None


def _hides_a_sum(net: Net, poor: list[Net]) -> bool:
    """Return whether a net of one sample hides the mistake of a sum over the samples, which another net shows.

    A net that is made for one sample at a time has no such sum for any bias.
    """
    if net.samples > 1 or not poor or poor[0].samples == 1:
        return False
    given, shapes = poor[0].given(), dict(zip(poor[0].names(), map(np.shape, poor[0].values()), strict=True))
    bad = [n for n, g in given.items() if np.shape(g) != shapes[n]]
    biases = [n for n in given if not is_weight(n, np.zeros(shapes[n]))]
    return len(biases) < 2 or set(bad) != set(biases)


def _finding(file: UserFile, title: str, names: tuple[str, ...], net: Net, progress: bool) -> Finding:
    """The finding on a net in the first reading that makes all gradients right, or else in the likeliest."""
    wanted = [n for n in net.names() if n in net.given()]
    best: tuple[Net, Wrong] | None = None
    for reading in net.readings():
        try:
            wrong = clearly_wrong(reading, wanted)
        except Exception:  # a cost that is not for this net
            continue
        if best is None or unlikeliness(wrong, net.samples) < unlikeliness(best[1], net.samples):
            best = reading, wrong
        if not wrong:
            break
    if best is None:
        raise CannotCheck(f"{title}: there is no cost that its gradients may be those of.")
    net, wrong = best
    small = small_number(list(net.code))
    judgement, wrong = careful(title, net, wanted, small, progress)
    inner = net.inner() if not wrong else {}
    named = causes_in(net, wrong) if judgement.verdict == WRONG else {}
    causes = repairs_and(named, file, lambda: replace(net, memory={}))
    missing = [n for n in net.names() if n not in wanted]
    readings = [*net.words(), *(f"there is no gradient for {n}" for n in missing)]
    readings += [f"{n}: {words}" for n, (verdict, words) in inner.items() if words]
    unmatched = [n for n in net.unmatched() if n not in inner]
    readings += [f"{n}: not checked, since its parameter was not found" for n in unmatched]
    doubts = [UNDECIDED for v, _ in inner.values() if v != RIGHT] + [UNDECIDED for _ in unmatched]
    verdict = worst([judgement.verdict, *doubts])
    shapes = [f"{n} {np.shape(v)}" for n, v in [*net.data(), *zip(net.names(), net.values(), strict=True)]]
    taken = [f"random: {', '.join(shapes)}"]
    return finding_of(title, names, net.place, taken, readings, judgement, net.called(), causes, verdict)
