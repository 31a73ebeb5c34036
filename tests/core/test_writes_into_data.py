"""Statements that change `x.data` in place: an error with the line to write, and reads are none."""

import re
from types import SimpleNamespace

import numpy as np
import pytest

import tinygrad_dl as tg

WRITES = {
    "w.data -= 0.1": "w.data = w.data - step",
    "w.data **= 2": "w.data = w.data - step",
    "w.data[0] = 3": "w.data = tg.primitives.set_at(w.data, index, value)",
    "w.data[0] += 3": "w.data = tg.primitives.set_at(w.data, index, value)",
    "w.data[:] = 3": "w.data = tg.primitives.set_at(w.data, index, value)",
    "w.data[w.data > 1] = 3": "w.data = tg.primitives.set_at(w.data, index, value)",
    "box['w'].data -= 0.1": "w.data = w.data - step",
    "box['w'].data[0] = 0.1": "w.data = tg.primitives.set_at(w.data, index, value)",
    "y.data -= 0.1": "y = y - step",
    "y.data[0] = 3": "y = tg.primitives.set_at(y, index, value)",
    "box['z'].data -= 0.1": "p.data = p.data - step",
}
READS = [
    "a = w.data - 0.1",
    "a = np.zeros(2)\na[0] = w.data[0]",
    "a = np.zeros(2)\na[:] = w.data",
    "a = {}\na[w.data[0]] = 1",
    "a = w.data.copy()\na -= w.data\na[0] = w.data[1]",
    "w.data = w.data - 0.1",
    "box['a'] = w.data",
    "(a := w).data",
    "w.grad = w.data",
    "a = [x for x in w.data]",
]


def named():
    w, z = tg.parameter([1.0, 2.0], name="w"), tg.parameter([1.0, 2.0])
    y = w * 2
    y.name = "y"
    return {"w": w, "y": y, "box": {"w": w, "z": z}, "np": np, "tg": tg}


@pytest.mark.parametrize("program", WRITES)
def test_a_write_into_data_is_refused_with_the_line_to_write(program):
    variables = named()
    for code in (program, f"def f():\n    {program}\nf()"):
        with pytest.raises(ValueError, match=re.escape(f"write {WRITES[program]}.")):
            exec(compile(code, "user.py", "exec"), variables)
    assert variables["w"].tolist() == [1.0, 2.0]
    given = variables | {"step": 0.1, "index": 0, "value": 3.0, "p": variables["box"]["z"]}
    exec(WRITES[program], given)


@pytest.mark.parametrize("program", READS)
def test_a_read_of_data_is_no_write(program):
    variables = named()
    w, plain = SimpleNamespace(data=np.array([1.0, 2.0])), {}
    exec(compile(program, "user.py", "exec"), variables)
    exec(program, {"w": w, "box": plain, "np": np})
    assert np.array_equal(variables["w"].data, w.data)


def test_a_write_in_code_with_many_names_is_found():
    names = "\n".join(f"a{i} = 1" for i in range(300))
    with pytest.raises(ValueError, match=r"w\.data = w\.data - step"):
        exec(compile(f"{names}\nw.data -= 0.1", "user.py", "exec"), named())
