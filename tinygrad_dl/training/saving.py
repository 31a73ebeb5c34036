"""A training run in a file: `save_training` and `load_training`. Without pickle: a file runs no code."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .._files import read_arrays, read_text, write_arrays
from ..nn.module import check_loadable, generators
from ..optim import Optimizer
from .history import History

_FORMAT = 3
_CALLBACK = "callback "


def save_training(
    path: str | os.PathLike[str],
    net: Any,
    optimizer: Optimizer,
    rng: np.random.Generator | None = None,
    history: History | None = None,
    callbacks: Sequence[Any] = (),
) -> None:
    """Write the state of training to a file, whole or not at all: an older file is replaced at the end.

    `load_training` restores it to the same bits, so that training goes on as if it had not been interrupted.

    Parameters
    ----------
    path : str or path-like
        The file, an `.npz` archive; its name is used as given.
    net : Module
        The net: its parameters, and the states of the random generators in it, as in dropout.
    optimizer : Optimizer
        Its optimizer: the number of steps, and averages of gradients.
    rng : numpy.random.Generator, optional
        The source of randomness of the minibatches.
    history : History, optional
        The history so far.
    callbacks : sequence
        Callbacks whose state is saved too: those that have a `state_dict`, numbers or arrays by name.

    Raises
    ------
    OSError
        If the file cannot be written.
    ValueError
        If a parameter is not finite: such a file could not be loaded; or if the optimizer has one that the net has not.
    TypeError
        If the state of a callback, or the history, has other values than numbers.

    Examples
    --------
    >>> import os, tempfile
    >>> import numpy as np
    >>> import tinygrad_dl as tg
    >>> net = tg.nn.mlp([2, 3, 1], rng=np.random.default_rng(0))
    >>> adam = tg.optim.Adam(net.parameters())
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "run.npz")
    ...     tg.save_training(path, net, adam)
    ...     history = tg.load_training(path, net, adam)
    """
    owners = _owners(net, optimizer, callbacks)
    states = {prefix: owner.state_dict() for prefix, owner in owners.items()}
    check_loadable(path, states["net"])
    named = {f"{prefix}.{name}": v for prefix, state in states.items() for name, v in state.items()}
    arrays = {name: _as_numbers(name, values) for name, values in named.items()}
    about = {
        "format": _FORMAT,
        "optimizer": type(optimizer).__name__,
        "generators": {name: _as_json(g.bit_generator.state) for name, g in _generators(net, rng).items()},
        "history": _as_json(dict(history or {})),
        "gradient_norms": getattr(history, "gradient_norms", {}),
        "steps": getattr(history, "steps", 0),
        "callbacks": {prefix: _shapes(s) for prefix, s in states.items() if prefix.startswith(_CALLBACK)},
    }
    if wrong := {name: v for name, v in about["history"].items() if not _are_numbers(v)}:
        raise TypeError(f"expected lists of numbers in a history that is to be saved, got {wrong!r:.80}.")
    write_arrays(path, {"about": np.frombuffer(json.dumps(about).encode(), np.uint8), **arrays})


def load_training(
    path: str | os.PathLike[str],
    net: Any,
    optimizer: Optimizer,
    rng: np.random.Generator | None = None,
    callbacks: Sequence[Any] = (),
) -> History:
    """Restore the state of training that `save_training` wrote; on an error, nothing has changed.

    Parameters
    ----------
    path : str or path-like
        The file.
    net : Module
        A net with the same parameters.
    optimizer : Optimizer
        An optimizer of the same kind, for the same parameters.
    rng : numpy.random.Generator, optional
        A generator of the same kind, if one was saved.
    callbacks : sequence
        The same callbacks.

    Returns
    -------
    History
        The history so far.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged, or of another net, optimizer or version.
    """
    name = os.fsdecode(path)
    about = _read_about(path, name)
    generators, owners = _generators(net, rng), _owners(net, optimizer, callbacks)
    _check_fits(name, about, generators, owners)
    before = {prefix: owner.state_dict() for prefix, owner in owners.items()}
    own = {prefix: {key: np.shape(v) for key, v in state.items()} for prefix, state in before.items()}
    shapes = {
        f"{prefix}.{key}": tuple(s) for prefix, named in (own | about["callbacks"]).items() for key, s in named.items()
    }
    arrays = read_arrays(path, {"about": None, **shapes})
    loaded = []
    try:
        for prefix, owner in reversed(owners.items()):  # the net last: were it nan before, it could not be loaded back
            start = f"{prefix}."
            owner.load_state_dict({n.removeprefix(start): v for n, v in arrays.items() if n.startswith(start)})
            loaded.append(prefix)
    except BaseException as error:  # a callback may raise any
        for prefix in loaded:
            owners[prefix].load_state_dict(before[prefix])
        if isinstance(error, ValueError):
            raise ValueError(f"{name!r}: {error}") from None
        raise
    for key, generator in generators.items():
        generator.bit_generator.state = about["generators"][key]
    history = History(about["history"])
    history.gradient_norms, history.steps = about["gradient_norms"], about["steps"]
    return history


def _read_about(path: str | os.PathLike[str], name: str) -> dict[str, Any]:
    """The description in a file. Raises ValueError if it is none of this version."""
    text = read_text(path, "about")
    try:
        about = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{name!r} is not a complete file of save_training: {error}") from None
    if not isinstance(about, dict) or about.get("format") != _FORMAT:
        version = about.get("format") if isinstance(about, dict) else None
        raise ValueError(f"{name!r}: expected the format {_FORMAT} of save_training, got {version}.")
    if not _is_complete(about):
        raise ValueError(f"{name!r} is not a complete file of save_training: its description is damaged.")
    return about


def _is_complete(about: dict[str, Any]) -> bool:
    """True for a description with all its parts, each of the kind that `save_training` writes."""
    match about:
        case {
            "optimizer": str(),
            "generators": dict(generators),
            "history": dict(history),
            "gradient_norms": dict(norms),
            "steps": int(),
            "callbacks": dict(callbacks),
        }:
            tables = [history, norms, *callbacks.values()]
            if not all(isinstance(table, dict) for table in [*tables, *generators.values()]):
                return False
            return all(_are_numbers(values) for table in tables for values in table.values())
    return False


def _are_numbers(values: Any) -> bool:
    return isinstance(values, list) and all(isinstance(x, (int, float)) for x in values)


def _check_fits(name: str, about: Any, generators: dict[str, np.random.Generator], owners: dict[str, Any]) -> None:
    """Raise ValueError if the file is of another kind of optimizer, or of other generators or callbacks."""
    kind = type(owners["optimizer"]).__name__
    if about["optimizer"] != kind:
        raise ValueError(f"{name!r} is of training with {about['optimizer']}, got a {kind}: make the same optimizer.")
    if about["generators"].keys() != generators.keys():
        saved, given = (", ".join(map(repr, names)) or "none" for names in (about["generators"], generators))
        raise ValueError(f"{name!r} holds the random generators {saved}, got {given}: pass the same net and rng=.")
    for key, generator in generators.items():
        state, own = about["generators"][key], type(generator.bit_generator).__name__
        if state.get("bit_generator") != own:
            raise ValueError(f"{name!r}: {key} was a {state.get('bit_generator')}, got a {own}.")
        try:
            copy.deepcopy(generator.bit_generator).state = state
        except Exception as error:  # the class depends on the damaged part
            raise ValueError(f"{name!r}: the state of {key} is damaged: {error!r}") from None
    if about["callbacks"].keys() != (with_state := {key for key in owners if key.startswith(_CALLBACK)}):
        saved, given = (", ".join(sorted(names)) or "none" for names in (about["callbacks"], with_state))
        raise ValueError(f"{name!r} holds the state of {saved}, got {given}: pass the same callbacks=.")


def _owners(net: Any, optimizer: Optimizer, callbacks: Sequence[Any]) -> dict[str, Any]:
    """All that has a `state_dict` and a `load_state_dict`, by the prefix of the names of its arrays."""
    for owner, expected in ((net, "a Module, whose parameters have names"), (optimizer, "an Optimizer with a state")):
        if not hasattr(owner, "state_dict"):
            raise TypeError(f"expected {expected}, got {owner!r:.80}.")
    own = set(net.parameters())
    if others := [p for p in optimizer.parameters if p not in own]:
        raise ValueError(f"the optimizer has {others[0]._label()} too, which is not saved: make it a part of the net.")
    with_state = {f"{_CALLBACK}{i}": c for i, c in enumerate(callbacks) if hasattr(c, "state_dict")}
    return {"net": net, "optimizer": optimizer, **with_state}


def _shapes(state: Mapping[str, np.ndarray]) -> dict[str, tuple[int, ...]]:
    return {name: np.shape(values) for name, values in state.items()}


def _generators(net: Any, rng: np.random.Generator | None) -> dict[str, np.random.Generator]:
    """The random generators of training by name, each once: `rng`, and those of the net."""
    return ({} if rng is None else {"rng": rng}) | {n: g for n, g in generators(net).items() if g is not rng}


def _as_numbers(name: str, values: Any) -> np.ndarray:
    """Convert a part of a state to an array that `load_training` can read. Raises TypeError for other values."""
    array = np.asarray(values)
    if array.dtype.kind not in "biufc":
        raise TypeError(f"{name}: expected numbers in a state_dict that is to be saved, got {values!r:.60}.")
    return array


def _as_json(state: Any) -> Any:
    """The state of a bit generator, or a history, with lists and numbers in place of arrays."""
    if isinstance(state, dict):
        return {name: _as_json(value) for name, value in state.items()}
    if isinstance(state, list):
        return [_as_json(value) for value in state]
    return state.tolist() if isinstance(state, (np.ndarray, np.generic)) else state
