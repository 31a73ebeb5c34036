"""Changes of a syntax tree: each at one place, and none is left behind."""

import ast

import pytest

from tinygrad_dl.testing.repair.mutations import changes, copy_of, larger, statements_of

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


def test_loops_and_conditions_stay_as_they_are_and_counts_are_lengths_so_that_each_change_ends():
    function = tree()
    for _ in changes(function, []):
        text = ast.unparse(function)
        assert "for i in range(m):" in text
        assert "if i > 2:" in text
        assert "m = dZ.shape[1]" in text or "m = dZ.shape[0]" in text


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


def test_chosen_statements_alone_are_changed():
    function = tree()
    last = statements_of(function)[-1]
    changed = {change.statement.lineno for change in changes(function, [], [last])}
    assert changed == {last.lineno}


def test_a_larger_value_of_a_statement_is_there_in_the_block_alone():
    function = tree()
    before = ast.dump(function)
    with larger(function.body[-1]):
        assert ast.unparse(function.body[-1]) == "return -dW * (1 - W ** 2) * 3 + 0.1"
    assert ast.dump(function) == before
    with larger(call := ast.parse("dense.backward(relu.dinputs)").body[0]):
        assert ast.unparse(call) == "dense.backward(relu.dinputs * 3 + 0.1)"
    assert ast.unparse(call) == "dense.backward(relu.dinputs)"


def test_a_copy_of_a_tree_is_equal_and_shares_no_node_and_old_nodes_lead_to_new_ones():
    function, memory = tree(), {}
    copy = copy_of(function, memory)
    assert ast.dump(copy, include_attributes=True) == ast.dump(function, include_attributes=True)
    nodes = {id(node) for node in ast.walk(function)}
    assert not nodes & {id(node) for node in ast.walk(copy) if not isinstance(node, ast.expr_context)}
    assert memory[id(function.body[0])] is copy.body[0]


@pytest.mark.parametrize(
    ("source", "mistake"),
    [
        ("W = W - dW\ndA = W.T @ dZ", "the order: something is used before it is computed"),
        ("dA = W.T @ dZ\ndZ = dA * s", "the order: something is used before it is computed"),
        ("d[i] = p", "= for +=: a sum is overwritten by each of its terms: line 1 is right as `d[i] += p`"),
        ("d = p.copy()\nd[y] -= 1\nm = 3", "1/m missing, after this line: m: line 2 is right as `d = d / m`"),
    ],
)
def test_statements_are_moved_and_divisions_put_in_between(source, mistake):
    assert any(str(change).startswith(mistake) for change in changes(ast.parse(source), []))


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("dx[dx <= 0] = 0\nx = 1", "dx for x: line 1 is right as `dx[x <= 0] = 0`"),
        ("d[:, y] -= 1\nm = 3", ": for np.arange(m), all rows for one element of each: line 1 is right as"),
        (
            "def f():\n    return dx, db, dw",
            "db and dw in each other's place: line 2 is right as `return (dx, dw, db)`",
        ),
        ("m = dZ.shape[1]", "dZ.shape[1] for dZ.shape[0], the other side: line 1 is right as `m = dZ.shape[0]`"),
        ("f(a.out)\nf(b.out)", "a.out for b.out: line 1 is right as `f(b.out)`"),
        ("d = (a - y) * a * (1 - a) / 5", "factors too much, a * (1 - a): line 1 is right as `d = (a - y) / 5`"),
        ("g['W'] = dw\nh(self.reg, p.w)", "regularisation missing, 2 * self.reg * p.w: line 1 is right as"),
    ],
)
def test_masks_indices_results_and_arrays_of_objects_are_changed(source, expected):
    made = [str(change) for change in changes(ast.parse(source), [])]
    assert any(text.startswith(expected) for text in made), made


def test_the_sign_of_a_statement_is_changed_alone_and_what_computes_nothing_is_left():
    source = 'def f():\n    """Text - text."""\n    W -= dW + c\n    print(-W)'
    made = [str(change) for change in changes(ast.parse(source), [], signs=True)]
    assert [text.partition(": ")[2] for text in made if "+= for =" not in text] == [
        "line 3 is right as `W += dW + c`",
        "line 3 is right as `W -= dW - c`",
    ]


def test_statements_that_have_nothing_in_common_stay_in_their_order():
    assert not any("order" in str(change) for change in changes(ast.parse("a = x\nb = y\nc = z"), []))


def test_names_of_arrays_alone_take_the_place_of_others_and_those_that_other_code_names_too():
    function = ast.parse("def f(a, b, c):\n    return a").body[0]
    made = {str(each) for each in changes(function, [], None, lambda name: name != "b", ["self.mask"])}
    assert any(text.startswith("a for c") for text in made)
    assert any(text.startswith("a for self.mask") for text in made)
    assert not any(text.startswith("a for b") for text in made)


def test_the_sides_of_arrays_take_the_place_of_no_variable():
    function = ast.parse("def f(a, x):\n    return a * x.shape[0]").body[0]
    made = {str(each) for each in changes(function, [])}
    assert any(text.startswith("a for x") for text in made)
    assert not any(text.startswith("a for x.shape[0]") or "x.shape[0] > 0" in text for text in made)
