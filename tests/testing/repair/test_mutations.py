"""Changes of a syntax tree: each at one place, and none is left behind."""

import ast

import pytest

from tinygrad_dl.testing.repair.mutations import changes

SOURCE = """def f(self, W, dZ, cache):
    m = dZ.shape[1]
    for i in range(m):
        if i > 2:
            dW = np.dot(dZ, cache['A'].T) / m
        self.db += np.sum(dZ, axis=1)
    return -dW * (1 - W ** 2)
"""


def tree():
    return ast.parse(SOURCE).body[0]


def test_each_change_is_undone_before_the_next_one():
    function = tree()
    before = ast.dump(function)
    texts = []
    for change in changes(function, ["relu"]):
        texts.append(str(change))
        assert ast.dump(function) != before or "for" in change.mistake
    assert ast.dump(function) == before
    assert len(texts) > 100


def test_loops_conditions_and_counts_stay_as_they_are_so_that_each_change_ends():
    function = tree()
    for _ in changes(function, []):
        text = ast.unparse(function)
        assert "for i in range(m):" in text
        assert "if i > 2:" in text
        assert "m = dZ.shape[1]" in text


@pytest.mark.parametrize(
    "expected",
    [
        "sign, a minus too much: line 7 is right as `return dW * (1 - W ** 2)`",
        "transposed: cache['A'].T for cache['A']: line 5 is right as `dW = np.dot(dZ, cache['A']) / m`",
        "summed over the wrong axis: axis=1 for axis=0: line 6 is right as `self.db += np.sum(dZ, axis=0)`",
        "+= for =: line 6 is right as `self.db = np.sum(dZ, axis=1)`",
        "sign, += for -= or the reverse: line 6 is right as `self.db -= np.sum(dZ, axis=1)`",
        "* for @, the product of matrices: line 7 is right as `return -dW @ (1 - W ** 2)`",
        "2 for 1: line 7 is right as `return -dW * (1 - W ** 1)`",
        "W for dW: line 7 is right as `return -dW * (1 - dW ** 2)`",
        "1/m too much: a factor too much, 1/m: line 5 is right as `dW = np.dot(dZ, cache['A'].T)`",
    ],
)
def test_changes_are_named_as_the_mistake_that_they_undo(expected):
    assert expected in {str(change) for change in changes(tree(), [])}
