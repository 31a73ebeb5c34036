"""Discovery: the checks of a file by all recognisers, each function covered once, and the run of one of them."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Collection
from contextlib import redirect_stdout
from dataclasses import replace
from functools import partial

from ..gradcheck import gradients_report
from . import inputs, layers, networks, pairs, scripts, update_functions, values
from .findings import RIGHT, UNCHECKED, WRONG, Check, Finding
from .leftovers import derives, leftovers, with_helpers
from .loading import CannotCheck, UserFile

# A whole net explains its functions best, formulas without a forward pass are all that is left.
RECOGNISERS = (
    *(networks.find, scripts.find, values.find, layers.find, pairs.find, networks.find_formulas),
    update_functions.find,
)
EXPECTED = (
    "expected a pair such as relu_forward and relu_backward, a layer with forward and backward, a function that gives "
    "a cost and its gradients, or a dict of gradients {'dW1': ..., ...}"
)


def discover(file: UserFile, only: Collection[str] = (), order: int = 1, progress: bool = False) -> list[Check]:
    """The checks of a file in its order, or those of the names in `only`.

    Gradients that no recogniser takes are among them, as "not checked": else the rest alone would make a file right.
    A function that is named and that no recogniser takes is checked by autodiff, to the given order. Raises CannotCheck
    if there is nothing to check, or nothing of a name.
    """
    checks = with_helpers(file, _found(file, progress))
    if not only:
        if order > 1:
            raise CannotCheck("--order: only a single function is checked to higher order; name one, as in file.py:f.")
        checks += leftovers(file, checks)
        if not checks:
            raise _nothing(file)
        return checks
    return list(dict.fromkeys(check for name in only for check in _of_name(file, name, checks, order, progress)))


def outcome(file: UserFile, check: Check) -> Finding:
    """Run a check. An exception makes it "not checked"; the output of the learner's functions is hidden."""
    try:
        with redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            finding = check.run()
    except (Exception, SystemExit) as error:
        return Finding(check.title, UNCHECKED, problem=str(file.problem(error)), names=check.names)
    return finding


# ---- the checks of a file


def _found(file: UserFile, progress: bool) -> list[Check]:
    """The checks of all recognisers. One whose functions another covers waits for that to say "not checked"."""
    found: list[tuple[Check, list[Check]]] = []
    for find in RECOGNISERS:
        earlier = list(found)
        for check in find(file, progress):
            own = _covered(file, check)
            covering = [others for first, others in earlier if own and _is_covered(file, own, _covered(file, first))]
            if covering:
                covering[0].append(check)
            else:
                found.append((check, []))
    for check, others in found:  # the same gradients, at work in a training step
        own = {name for name in _covered(file, check) if callable(file.names[name]) and derives(file, name)}
        steps = [each for each, _ in found if each is not check and own and own <= _covered(file, each)]
        others += [each._replace(run=partial(_at_work, check, each), misuse=tuple) for each in steps]
    places = {name: place for place, name in enumerate(file.names)}
    checks = [check._replace(run=partial(_first_checked, check, others)) for check, others in found]
    return sorted(checks, key=lambda check: min((places[n] for n in check.names if n in places), default=len(places)))


def _covered(file: UserFile, check: Check) -> set[str]:
    """The functions and classes of the file that a check covers, or its variables if it has none of these."""
    names = set(check.names) & set(file.names)
    return {name for name in names if callable(file.names[name])} or names


def _at_work(check: Check, step: Check) -> Finding:
    """The finding of another check, on the functions of this one."""
    finding = step.run()
    return replace(
        finding, title=check.title, names=check.names, readings=(f"checked in {step.title}", *finding.readings)
    )


def _is_covered(file: UserFile, own: set[str], covered: set[str]) -> bool:
    """Return whether another check covers all of these; of gradients in variables, some: the others lead to them."""
    functions = any(callable(file.names[name]) for name in own)
    return own <= covered if functions else bool(own & covered)


def _first_checked(check: Check, others: list[Check]) -> Finding:
    """The finding of `check`, or the first one of the others that is not "not checked"."""
    first, error = None, None
    for each in (check, *others):
        try:
            finding = each.run()
        except Exception as problem:
            error = error or problem
            continue
        if finding.verdict != UNCHECKED:
            return _with_misuse(finding, others) if finding.verdict == RIGHT else finding
        first = first or finding
    if first is None:
        assert error is not None
        raise error
    return first


def _with_misuse(finding: Finding, others: list[Check]) -> Finding:
    """A finding on right gradients, which is wrong if a training step updates its parameters wrongly with them."""
    wrong = [quantity for each in others for quantity in each.misuse()]
    if not wrong:
        return finding
    lines = [f"  {q.name}  {q.verdict}{''.join(f'{chr(10)}    {cause}' for cause in q.causes)}" for q in wrong]
    report = "\n".join([finding.report, "", "The gradients are right, but their training step is wrong:", "", *lines])
    return replace(finding, verdict=WRONG, quantities=(*finding.quantities, *wrong), report=report)


# ---- names


def _of_name(file: UserFile, name: str, checks: list[Check], order: int, progress: bool) -> list[Check]:
    by_name = [check for check in checks if name in check.names]
    if by_name and order > 1:
        raise CannotCheck("--order: only a single function is checked to higher order; name one, as in file.py:f.")
    if by_name:
        return by_name
    if name in file.functions and re.search(r"_(backward|grad|gradient|prime)$|^(backward|grad)_", name):
        raise CannotCheck(
            f"{file.path}: there is no forward function to pair {name} with: expected one of the same name without "
            f"the part for backward."
        )
    if name in file.functions:
        return [Check(name, (name,), partial(_check_function, file, name, order, progress))]
    alone = ", ".join(_alone(file, checks))
    there = [check.title for check in checks] + ([f"the functions {alone}"] if alone else [])
    raise CannotCheck(f"{file.path}: there is no {name} to check; there is {'; '.join(there) or 'nothing'}.")


def _nothing(file: UserFile) -> CannotCheck:
    if file.unparsed:
        return CannotCheck(f"{file.path}: {file.unparsed[0]}; nothing else to check.")
    alone = ", ".join(_alone(file, []))
    advice = f"; name a function to check it by autodiff: {alone}." if alone else "."
    return CannotCheck(f"{file.path}: nothing to check: {EXPECTED}{advice}")


def _alone(file: UserFile, checks: list[Check]) -> list[str]:
    """The functions that no check covers."""
    return [name for name in file.functions if not any(name in check.names for check in checks)]


def _check_function(file: UserFile, name: str, order: int, progress: bool) -> Finding:
    """The derivatives of a function, by autodiff, against differences."""
    call = inputs.call_of(file, name)
    argnums = [i for i, n in enumerate(call.names) if n not in call.settings or n == "y"]  # y may be no label
    report = gradients_report(call.function, *call.values, order=order, argnums=argnums, progress=progress)
    place, text = file.place(file.functions[name]), inputs.report_text(call.taken, report)
    return Finding(name, report.verdict, tuple(call.taken), report=text, place=place, names=(name,))
