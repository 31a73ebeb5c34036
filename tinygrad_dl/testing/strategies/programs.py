"""Random programs: straight-line NumPy code over the functions that have derivatives."""

import functools
import itertools
import re
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

from ..source_repr import Pasted, source_repr
from .arrays import arrays

SMOOTH = (  # the right sides of statements, from two earlier values a and b
    *("a + b", "a * b", "a - b", "a / (1 + b**2)", "a @ b", "a @ b.T", "np.outer(a, b)"),
    *("-a", "2.0 * a", "1 - a", "a**2", "a**3", "a / 2", "1 / (1 + a**2)", "2.0 ** np.tanh(a)"),
    *("np.tanh(a)", "np.sin(a)", "np.cos(a)", "np.arctan(a)", "np.arcsinh(a)", "np.exp(-(a**2))", "np.expm1(a / 4)"),
    *("np.log(1 + a**2)", "np.log1p(a**2)", "np.sqrt(1 + a**2)", "np.cbrt(2 + np.sin(a))", "np.sinh(np.sin(a))"),
    *("np.logaddexp(a, b)", "np.hypot(a, 1 + b**2)", "np.arctan2(a, 1 + b**2)", "(1 + a**2) ** np.tanh(b)"),
    *("np.sum(a)", "np.sum(a, axis=0)", "np.sum(a, axis=-1, keepdims=True)", "np.mean(a)", "np.mean(a, axis=(0, -1))"),
    *("np.mean(a, axis=-1)", "np.prod(a, axis=0)", "np.var(a)", "np.var(a, axis=-1, keepdims=True)"),
    *("a.T", "np.reshape(a, -1)", "np.reshape(a, (1, *a.shape))", "np.expand_dims(a, -1)", "np.squeeze(a)"),
    *("np.swapaxes(a, 0, -1)", "np.broadcast_to(a, (2, *a.shape))"),
    *("a[0]", "a[-1:]", "a[..., 0]", "a[None]", "a[::-1]", "a[..., ::2]", "a[[0, 0, -1]]", "a[..., [0, -1]]"),
    *("np.concatenate([a, b])", "np.concatenate([a, a * b], axis=-1)", "np.stack([a, b])", "np.stack([b, a], axis=-1)"),
    *("np.einsum('i...,i...->...', a, b)", "np.einsum('...i->...', a)", "np.tensordot(a, b, axes=1)"),
)
KINKED = (
    *("np.abs(a)", "np.maximum(a, 0)", "np.maximum(a, b)", "np.minimum(a, b)", "np.clip(a, -1, 1)"),
    *(
        "np.where(a > 0, a, 0.1 * b)",
        "np.max(a)",
        "np.max(a, axis=0)",
        "np.min(a, axis=-1, keepdims=True)",
        "np.std(a)",
    ),
)
_compiled = {code: compile(code, "<program>", "eval") for code in (*SMOOTH, *KINKED)}


@dataclass(frozen=True, eq=False)
class Program(Pasted):
    r"""A function of arrays or Tensors, given as lines of NumPy code, with `inputs` for it. Prints as code.

    Attributes
    ----------
    lines
        Statements, each of which defines one name; the last defines the value. The inputs are x0, x1, ...
    inputs
        The arrays x0, x1, ..., of any shapes.

    Examples
    --------
    >>> program = Program("v0 = x0 * x0\nv1 = np.sum(v0)", (np.array([1.0, 2.0]),))
    >>> program(*program.inputs)
    np.float64(5.0)
    >>> print(program.source)
    def program(x0):
        v0 = x0 * x0
        v1 = np.sum(v0)
        return v1
    """

    lines: str
    inputs: tuple[np.ndarray, ...]
    __name__ = "program"  # for reports

    def __call__(self, *inputs: Any) -> Any:
        """Compute the value of the last statement for these inputs."""
        return self._function(*inputs)

    @property
    def source(self) -> str:
        """The code of the function; it needs `import numpy as np` only."""
        lines = textwrap.dedent(self.lines).strip().splitlines()
        names = ", ".join(f"x{i}" for i in range(len(self.inputs)))
        body = "".join(f"    {line}\n" for line in [*lines, f"return {lines[-1].split(' = ')[0]}"])
        return f"def program({names}):\n{body}".rstrip()

    @functools.cached_property
    def _function(self) -> Callable:
        namespace: dict[str, Any] = {"np": np}
        exec(self.source, namespace)
        return namespace["program"]

    def __repr__(self) -> str:
        return f'Program("""\n{textwrap.dedent(self.lines).strip()}\n""", inputs={source_repr(self.inputs)})'


@st.composite
def programs(
    draw: Any, max_inputs: int = 3, max_statements: int = 8, *, dtype: Any = np.float64, kinks: bool = False
) -> Program:
    """Return a strategy for programs whose every statement is needed for the value.

    Values are used more than once, broadcast, reduced, multiplied as matrices, indexed and joined; all are below 100.

    Parameters
    ----------
    max_inputs, max_statements
        The largest number of input arrays and of statements.
    dtype
        The dtype of the inputs.
    kinks
        Include functions that are not differentiable everywhere, such as a maximum.

    Returns
    -------
    SearchStrategy
        Of `Program`.

    Examples
    --------
    >>> from hypothesis import find
    >>> find(programs(max_inputs=1, max_statements=1), lambda program: True).lines
    'v0 = x0 + x0'
    """
    n, k = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    shapes = st.sampled_from([(), (k,), (n, k), (k, n), (n, 1), (1, k), (2, n, k)])
    values: dict[str, Any] = {
        f"x{i}": draw(arrays(shapes, (-3, 3), dtype, layouts=False)) for i in range(draw(st.integers(1, max_inputs)))
    }
    rows = SMOOTH + KINKED if kinks else SMOOTH
    # operands are drawn as distances back, so that Hypothesis can remove any statement when it shrinks
    back_a, back_b = st.sampled_from([0] * 20 + [1, 2]), st.integers(0, 4)
    drawn = draw(st.lists(st.tuples(back_a, back_b, st.sampled_from(rows)), min_size=1, max_size=max_statements))
    statements: dict[str, str] = {}
    for i, (back_a, back_b, row) in enumerate(drawn):
        names = [*values]
        a, b = names[~(back_a % len(names))], names[~(back_b % len(names))]
        start = rows.index(row)
        for code in rows[start:] + rows[:start]:  # the first that fits
            result = _result(code, values[a], values[b])
            if result is not None:
                break
        values[f"v{i}"] = result
        statements[f"v{i}"] = _rename(code, {"a": a, "b": b})
    return _without_dead_code(statements, values)


def _result(code: str, a: Any, b: Any) -> Any:
    """The value of `code`, or None if the shapes of `a` and `b` don't fit, or the value is large."""
    if "axis" in code and np.ndim(a) == 0:
        return None  # NumPy lets axis 0 of a number pass, in reductions
    try:
        with np.errstate(all="ignore"):
            result = eval(_compiled[code], {"np": np, "a": a, "b": b})
    except (ValueError, IndexError, TypeError):  # TypeError: @ of numbers
        return None
    return result if 0 < np.size(result) <= 50 and np.all(np.abs(result) < 100) else None


def _rename(code: str, names: Mapping[str, str]) -> str:
    return re.sub(r"\b([ab]|[xv]\d+)\b", lambda name: names[name[0]], code)


def _without_dead_code(statements: Mapping[str, str], values: Mapping[str, Any]) -> Program:
    """The program of the statements that the last one needs, with names counted from 0."""
    needed = {[*statements][-1]}
    for name, code in [*statements.items()][::-1]:
        if name in needed:
            needed |= set(re.findall(r"\b[xv]\d+\b", code))
    counts = {"x": itertools.count(), "v": itertools.count()}
    names = {name: f"{name[0]}{next(counts[name[0]])}" for name in values if name in needed}
    lines = [f"{names[name]} = {_rename(code, names)}" for name, code in statements.items() if name in needed]
    return Program("\n".join(lines), tuple(values[name] for name in names if name.startswith("x")))
