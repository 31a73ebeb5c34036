"""Python 2: what its files define, and how their integers divide."""

import ast

import numpy as np
import pytest

from tinygrad_dl.testing.homework.python2 import divide, modernised

each = pytest.mark.parametrize


@each(
    ("text", "rewritten"),
    [
        ("print 'a', x", "pass"),
        ("    print 'a', x,  # same line", "    pass"),
        ("print", "pass"),
        ("print >>sys.stderr, x", "pass"),
        ("if x: print x", "if x: pass"),
        ("else: print 'no'", "else: pass"),
        ("print 'cost %f %d' % (\n    cost, i)\ny = 1", "pass\n\ny = 1"),
        ("print 'text', \\\n  x\ny = 1", "pass\n\ny = 1"),
        ("print('a', x)", "print('a', x)"),
        ("print ('a')", "print ('a')"),
        ("printed = x", "printed = x"),
        ("except ValueError, e:", "except ValueError as e:"),
        ("except (A, B), e:", "except (A, B) as e:"),
        ("raise ValueError, 'text'", "raise ValueError('text')"),
        ("x = 10L + 2", "x = 10 + 2"),
        ("x <> y", "x != y"),
    ],
)
def test_statements_are_rewritten_in_their_place(text, rewritten):
    assert modernised(text) == rewritten


def test_integers_divide_to_integers_and_other_numbers_do_not():
    assert (divide(1, 2), divide(-3, np.int64(2)), divide(1.0, 2), divide(1, 2.0)) == (0, -2, 0.5, 0.5)
    assert divide(np.array([3, 4]), 2).tolist() == [1, 2]
    assert divide(np.array([3.0]), 2).tolist() == [1.5]


FILE = """
def f(x, m):
    '''Text.'''
    try:
	print "x is", x
    except ValueError, e:
        raise TypeError, "no"
    for key, value in {"a": x}.iteritems():
        print key
    return 1 / m * value
half, whole = f(4.0, 2), f(4.0, 1)
"""


@each("future", [False, True])
def test_a_file_is_read_with_its_own_division(ran, future):
    file = ran(("from __future__ import division" if future else "") + FILE)
    assert file.notes == ["read as Python 2" if future else "read as Python 2, where 1/2 is 0"]
    assert file.variables == {"half": 2.0 if future else 0.0, "whole": 4.0}
    assert isinstance(file.tree.body[-2], ast.FunctionDef)
