"""Ways into a step that a file never takes."""

import ast
import textwrap

import pytest

from tinygrad_dl.testing.homework.entries import draws, entries, missing_names, role_of


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("num_iterations", "steps"),
        ("learning_rate", "rate"),
        ("n_hidden", "hidden"),
        ("X_train", "inputs"),
        ("y", "targets"),
        ("layer_dims", "layers"),
        ("callback", ""),
    ],
)
def test_arguments_have_roles_by_their_names(name, role):
    assert role_of(name) == role


CLASS = """\
class Net:
    def __init__(self, n_x, n_h=4):
        self.W = 1
    def fit(self, X, y, epochs=3):
        for _ in range(epochs):
            self.W -= X @ y
"""


def test_a_method_is_called_on_an_object_that_is_made_for_it():
    tree = ast.parse(CLASS)
    loop = tree.body[0].body[1].body[0]
    ((text, drawn),) = entries(tree, loop, {})
    assert text == "Net(n_x=__drawn_n_x).fit(X=__drawn_X, y=__drawn_y)"
    assert set(drawn.values()) == {"n_x", "X", "y"}


def test_samples_and_targets_of_a_draw_have_one_layout():
    shapes = {(value["X"].shape, getattr(value["y"], "shape", ())) for value in draws({"X": "X", "y": "y"}, [])}
    assert {((7, 3), (7, 1)), ((3, 7), (1, 7)), ((7, 3), (7, 2)), ((7, 3), (7,))} <= shapes
    assert not {((7, 3), (1, 7)), ((3, 7), (7, 2))} & shapes


def test_data_that_could_not_be_loaded_is_missing_and_what_the_step_computes_is_not():
    tree = ast.parse(
        textwrap.dedent("""\
        X_train, y_train = load("data.csv")
        for i in range(3):
            x_sum = X_train + W
        """)
    )
    assert missing_names(tree, tree.body[1], {"W": 1}) == ["X_train"]
