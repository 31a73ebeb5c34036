"""Functions that move elements: repeat them, leave them out, put them elsewhere, between zeros; padding."""

import numpy as np

from tinygrad_dl import _functions
from tinygrad_dl.coverage.cases import apart, one, real, table
from tinygrad_dl.rules.windows import add_windows

INDICES = np.array([[0, 2], [2, 2]])
ALONG = np.array([[2, 0], [1, 1]])
COMPUTED = ["linear_ramp", "maximum", "minimum", "mean", "median"]
MOVED = ["edge", "reflect", "symmetric", "wrap"]
windows = np.lib.stride_tricks.sliding_window_view

CASES = table(
    (*one(np.repeat, "flat", 2), real(2, 3)),
    (*one(np.repeat, "axis=1", 3, axis=1), real(2, 2)),
    (*one(np.repeat, "some", [2, 0, 1], axis=-1), real(2, 3)),
    (*one(np.tile, "2", 2), real(2, 2)),
    (*one(np.tile, "(2, 1, 2)", (2, 1, 2)), real(2, 2)),
    (*one(np.tile, "(2,)", (2,)), real()),
    (*one(np.resize, "larger", (3, 3)), real(2, 2)),
    (*one(np.resize, "smaller", 2), real(2, 2)),
    (*one(np.delete, "flat", 1), real(2, 2)),
    (*one(np.delete, "axis=1", [0, 2], axis=1), real(2, 3)),
    (*one(np.delete, "slice", slice(0, 2), 0), real(3, 2)),
    (*one(np.delete, "mask", np.array([True, False, True])), real(3)),
    (np.insert, "flat", lambda x, v: np.insert(x, 1, v), real(2, 2), real()),
    (np.insert, "axis=1", lambda x, v: np.insert(x, 1, v, axis=1), real(2, 2), real(2)),
    (np.insert, "several", lambda x, v: np.insert(x, [0, 2, 2], v), real(3), real(3)),
    (np.insert, "one in many", lambda x, v: np.insert(x, [0, 2], v, axis=0), real(2, 2), real()),
    (np.insert, "numbers", lambda x: np.insert(x, slice(0, 2), [7.0, 8.0]), real(3)),
    (*one(np.take, "flat", INDICES), real(2, 2)),
    (*one(np.take, "axis=1", INDICES, axis=1), real(2, 3)),
    (*one(np.take, "number, axis=0", -1, 0), real(2, 3)),
    (*one(np.take, "wrap", [-4, 5], axis=0, mode="wrap"), real(3)),
    (*one(np.take, "clip", [-4, 5], mode="clip"), real(3)),
    (np.take, "method", lambda x: x.take([0, 0]), real(3)),
    (*one(np.take_along_axis, "axis=1", ALONG, axis=1), real(2, 3)),
    (*one(np.take_along_axis, "axis=0", ALONG[1:], 0), real(3, 2)),
    (*one(np.take_along_axis, "axis=None", np.array([0, 3, 3]), axis=None), real(2, 2)),
    (np.compress, "flat", lambda x: np.compress([False, True, True], x), real(2, 2)),
    (np.compress, "axis=1", lambda x: np.compress([True, False, True], x, axis=1), real(2, 3)),
    (np.compress, "method", lambda x: x.compress([True, False], axis=0), real(2, 3)),
    (np.extract, "mask", lambda x: np.extract(np.eye(2), x), real(2, 2)),
    (np.extract, "own signs", lambda x: np.extract(x > 0, x), apart(6)),
    (*one(np.diag, "vector"), real(2)),
    (*one(np.diag, "vector k=-1", k=-1), real(2)),
    (*one(np.diag, "matrix k=1", 1), real(2, 3)),
    (*one(np.diagflat, "k=1", 1), real(2, 1)),
    (*one(np.diagflat, "number"), real()),
    (*one(np.diagonal, ""), real(2, 3)),
    (*one(np.diagonal, "offset= axis1= axis2=", offset=-1, axis1=2, axis2=0), real(2, 2, 2)),
    (*one(windows, "3", 3), real(5)),
    (*one(windows, "(2, 2)", (2, 2)), real(2, 3)),
    (*one(windows, "axis=0", 2, axis=0), real(3, 2)),
    (*one(windows, "axis=(1, 1)", (2, 2), axis=(1, 1)), real(2, 4)),
    (*one(add_windows, "1-d", (4,), (0,)), real(3, 2)),
    (*one(add_windows, "axes (1, 0)", (3, 2), (1, 0)), real(2, 1, 2, 2)),
    (_functions.set_at, "slice", lambda x, v: _functions.set_at(x, slice(1, None), v), real(3), real(2)),
    (_functions.set_at, "number in many", lambda x, v: _functions.set_at(x, (0, [0, 2]), v), real(2, 3), real()),
    (_functions.set_at, "repeats", lambda x, v: _functions.set_at(x, np.array([1, 1, 0]), v), real(3), real(3)),
    (_functions.set_at, "mask", lambda x: _functions.set_at(x, np.eye(2) > 0, 7.0), real(2, 2)),
    (_functions.add_at, "repeats", lambda x, v: _functions.add_at(x, [1, 1, 0], v), real(3), real(3)),
    (_functions.add_at, "rows", lambda x, v: _functions.add_at(x, slice(None), v), real(2, 3), real(3)),
    (
        *(_functions.put_along_axis, "axis=1"),
        lambda x, v: _functions.put_along_axis(x, ALONG, v, axis=1),
        *(real(2, 3), real(2, 2)),
    ),
    (_functions.put_along_axis, "flat", lambda x: _functions.put_along_axis(x, [3, 0], 1.0, None), real(2, 2)),
    (*one(np.pad, "1", 1), real(2, 2)),
    (*one(np.pad, "constant", ((1, 0), (0, 2)), constant_values=((1.0, 2.0), (3.0, 4.0))), real(2, 2)),
    *[(*one(np.pad, mode, (2, 3), mode), real(2)) for mode in MOVED],
    *[(*one(np.pad, f"{mode} of a matrix", ((1, 0), (2, 1)), mode), real(2, 2)) for mode in MOVED],
    *[(*one(np.pad, mode, (2, 1), mode), apart(4)) for mode in COMPUTED],
    *[(*one(np.pad, f"{mode} of a matrix", ((1, 0), (2, 1)), mode), apart(3, 2)) for mode in COMPUTED],
    *[(*one(np.pad, f"{mode} stat_length=", 2, mode, stat_length=(2, 3)), apart(4)) for mode in COMPUTED[1:]],
    (*one(np.pad, "linear_ramp end_values=", 2, "linear_ramp", end_values=(1.0, 5.0)), real(3)),
    *[(*one(np.pad, f"odd {mode}", (5, 4), mode, reflect_type="odd"), real(3)) for mode in MOVED[1:3]],
    *[(*one(np.pad, f"odd {mode} 2", 1, mode, reflect_type="odd"), real(2, 2)) for mode in MOVED[1:3]],
)
